// A Unix stream socket by its path: to listen on, in place of a stale one, or to connect to.
//
// A path longer than a socket address holds (108 bytes) goes by way of its folder. Knows nothing of
// what is said on the socket. Any thread.
#ifndef TALLY_BASE_LOCAL_SOCKET_H
#define TALLY_BASE_LOCAL_SOCKET_H

#include "base/error.h"

#include <sys/types.h>

// Listens, without blocking in accept; a socket there that nobody listens on is removed first, and
// nothing else ever is. `mode` is the socket's from before anyone can connect. 0 and *out, which
// the caller closes (and unlinks the path); or an error with why, which begins with the path, and
// *out -1: ERROR_BUSY (someone listens there), ERROR_REFUSED (it is no socket), ERROR_ABSENT (no
// such folder), ERROR_RANGE (the name is too long), ERROR_MEMORY, ERROR_SYSTEM.
int local_socket_listen(int *out, const char *path, mode_t mode, int backlog, struct why *why);
// 0 and *out, a blocking socket; or an error with why, which begins with the path, and *out -1:
// ERROR_ABSENT (nobody listens there), ERROR_RANGE, ERROR_MEMORY, ERROR_SYSTEM.
int local_socket_connect(int *out, const char *path, struct why *why);

#endif
