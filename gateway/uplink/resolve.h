// Turns a host name into addresses without ever making its caller wait: a name server that does not
// answer must not hold up stopping.
//
// Each look-up has a short-lived thread with its own state, which outlives the caller's interest
// when it must. Does not connect.
#ifndef TALLY_UPLINK_RESOLVE_H
#define TALLY_UPLINK_RESOLVE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define RESOLVE_ADDRESSES_MAX 8
#define RESOLVE_ADDRESS_SIZE  64 // an IPv6 address with its scope, and the terminator

struct resolve;

// Starts a look-up. 0 and *out, or ERROR_MEMORY / ERROR_SYSTEM.
int resolve_start(struct resolve **out, const char *host);
// Readable (poll) when the look-up is over.
int resolve_fd(const struct resolve *resolve);
// Once it is over: writes the addresses, in the order to be tried. 0; ERROR_ABSENT with why when
// the name has none; ERROR_BUSY when it is not over yet.
int resolve_take(struct resolve *resolve, char addresses[][RESOLVE_ADDRESS_SIZE], size_t *count,
                 struct why *why);
// At any time; does not wait. Harmless on NULL.
void resolve_free(struct resolve *resolve);

#endif
