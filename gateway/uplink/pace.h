// When to try again, and how fast to send: a jittered back-off and a rate limit.
//
// Pure arithmetic on times that are passed in. Not thread-safe.
#ifndef TALLY_UPLINK_PACE_H
#define TALLY_UPLINK_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
    int64_t min_us, max_us, delay_us;
    uint64_t random; // xorshift state, never 0
};

// `seed` tells gateways apart, so that a city does not come back all at once.
void backoff_init(struct backoff *backoff, int64_t min_us, int64_t max_us, uint64_t seed);
void backoff_reset(struct backoff *backoff);
// How long to wait now: between half and all of the current delay, which doubles each time up to
// max_us; never more than cap_us.
int64_t backoff_next(struct backoff *backoff, int64_t cap_us);

// At most `per_second` passes a second (0: no limit), a tenth of a second's worth at once.
struct rate {
    int64_t per_second;
    int64_t credit_us; // time saved up
    int64_t at_us;
};

void rate_init(struct rate *rate, int64_t per_second, int64_t now_us);
// True, and takes one pass; or false.
bool rate_take(struct rate *rate, int64_t now_us);

#endif
