// Waits for file descriptors, to the nanosecond: the one place that calls ppoll. Thread-safe.
#ifndef TALLY_BASE_WAIT_H
#define TALLY_BASE_WAIT_H

#include <poll.h>
#include <stdint.h>

// As poll(2), for at most `for_ns` nanoseconds; 0 or less only looks, INT64_MAX is without end.
int wait_for(struct pollfd *polled, nfds_t count, int64_t for_ns);

#endif
