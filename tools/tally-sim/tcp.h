// All lines of the lab that are Modbus TCP or RTU over TCP: one thread, one epoll, as fast as it
// goes (RTU over TCP has no wire time here).
#ifndef TALLY_SIM_TCP_H
#define TALLY_SIM_TCP_H

#include "lab.h"

#define TCP_CONNECTIONS_MAX 4096

struct tcp;

// Listens on every TCP line's address (port 0: any free one; line->address says which) and starts
// the thread. *out is NULL when there is no such line. ERROR_SYSTEM with why.
int tcp_start(struct tcp **out, struct lab *lab, struct why *why);
// After lab->stopping is set and a TCP line's wake was written.
void tcp_stop(struct tcp *tcp);

#endif
