// Turns a host name into addresses without ever making its caller wait: a name server that does not
// answer must hold up neither a round of polls nor stopping.
//
// Each look-up of a name has a short-lived thread with its own state, which outlives the caller's
// interest when it must (the resolver cannot be called off). There is no time limit here: the
// caller polls lookup_fd beside whatever else may end its wait, and frees the look-up when it has
// waited long enough. Does not connect. Any thread may start look-ups; each belongs to the thread
// that started it.
#ifndef TALLY_BASE_LOOKUP_H
#define TALLY_BASE_LOOKUP_H

#include "base/error.h"

#include <stddef.h>

#define LOOKUP_ADDRESSES_MAX 8   // more than that are dropped, from the end
#define LOOKUP_ADDRESS_SIZE  64  // an IPv6 address with its scope, and the terminator
#define LOOKUP_HOST_MAX      253 // RFC 1035 §2.3.4, as text
#define LOOKUP_THREADS_MAX   64  // of the process, with those that nobody waits for any more

struct lookup;

// Starts a look-up; of a numeric address it is over at once and starts no thread. 0 and *out
// (lookup_free it); or ERROR_RANGE (longer than LOOKUP_HOST_MAX), ERROR_FULL (LOOKUP_THREADS_MAX
// are under way), ERROR_MEMORY, ERROR_SYSTEM, with why and *out NULL.
int lookup_start(struct lookup **out, const char *host, struct why *why);
// Readable (poll), and stays so, when the look-up is over.
int lookup_fd(const struct lookup *lookup);
// Once it is over, as often as wanted: writes up to LOOKUP_ADDRESSES_MAX numeric addresses, in the
// order in which they are to be tried (RFC 6724, as the system sorts them). 0 and *count of at
// least 1; ERROR_ABSENT with why when the name has none; ERROR_BUSY when it is not over yet.
int lookup_take(struct lookup *lookup, char addresses[][LOOKUP_ADDRESS_SIZE], size_t *count,
                struct why *why);
// At any time; does not wait. Harmless on NULL.
void lookup_free(struct lookup *lookup);

#endif
