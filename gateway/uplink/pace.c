#include "uplink/pace.h"

#define RATE_BURST_US 100000

void backoff_init(struct backoff *backoff, int64_t min_us, int64_t max_us, uint64_t seed)
{
    *backoff = (struct backoff){.min_us = min_us > 0 ? min_us : 1,
                                .max_us = max_us > min_us ? max_us : min_us,
                                .random = seed ? seed : 1};
    backoff_reset(backoff);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->delay_us = backoff->min_us;
}

static uint64_t draw(struct backoff *backoff)
{
    uint64_t x = backoff->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    backoff->random = x;
    return x;
}

int64_t backoff_next(struct backoff *backoff, int64_t cap_us)
{
    int64_t delay = backoff->delay_us < cap_us ? backoff->delay_us : cap_us;
    if (backoff->delay_us > backoff->max_us / 2) {
        backoff->delay_us = backoff->max_us;
    } else {
        backoff->delay_us *= 2;
    }
    int64_t half = delay / 2;
    return half + (int64_t)(draw(backoff) % (uint64_t)(delay - half + 1));
}

void rate_init(struct rate *rate, int64_t per_second, int64_t now_us)
{
    *rate = (struct rate){.per_second = per_second, .credit_us = RATE_BURST_US, .at_us = now_us};
}

bool rate_take(struct rate *rate, int64_t now_us)
{
    if (rate->per_second <= 0) {
        return true;
    }
    int64_t each_us = 1000000 / rate->per_second, most_us = RATE_BURST_US;
    each_us = each_us > 0 ? each_us : 1;
    most_us = most_us > each_us ? most_us : each_us;
    rate->credit_us += now_us - rate->at_us;
    rate->at_us = now_us;
    rate->credit_us = rate->credit_us < most_us ? rate->credit_us : most_us;
    if (rate->credit_us < each_us) {
        return false;
    }
    rate->credit_us -= each_us;
    return true;
}
