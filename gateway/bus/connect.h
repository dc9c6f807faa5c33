// Connecting a TCP socket with a limit of time, in a way that can be told to stop: neither a name
// server nor a host that leaves a SYN unanswered holds the worker.
#ifndef TALLY_BUS_CONNECT_H
#define TALLY_BUS_CONNECT_H

#include "base/error.h"
#include "bus/wake.h"

// Looks `host` up and connects to the first of its addresses that answers before `deadline_ns`. The
// socket does not block, sends at once (TCP_NODELAY) and notices a dead peer (keep-alive). 0 and
// *fd; ERROR_CLOSED or ERROR_TIMEOUT with why; ERROR_STOPPED.
int connect_tcp(int *fd, const char *host, const char *service, struct wake *wake,
                int64_t deadline_ns, struct why *why);

#endif
