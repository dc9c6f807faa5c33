// Where time comes from: the wall clock, the monotonic clock, and what the kernel says of the wall
// clock's quality. Passed in, so that tests inject it.
//
// All times are int64_t microseconds. Wall: POSIX time, UTC (leap seconds do not count). Monotonic:
// CLOCK_BOOTTIME, which goes on in suspend; only differences mean anything. Thread-safe. What is
// waited for and timed goes by clock_wait_ns, which is never injected.
#ifndef TALLY_BASE_CLOCK_H
#define TALLY_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock_state {
    bool synchronised; // STA_UNSYNC is clear (adjtimex(2))
    int64_t error_us;  // the kernel's maximum error (maxerror), >= 0
    int leap; // +1: a second will be inserted at the end of the UTC day; -1: one will be deleted;
              // 0: none
};

struct clock {
    int64_t (*wall_us)(const struct clock *clock);
    int64_t (*mono_us)(const struct clock *clock);
    void (*state)(const struct clock *clock, struct clock_state *state);
};

// The machine's own clock. Static; never freed.
extern const struct clock clock_system;

static inline int64_t clock_wall_us(const struct clock *clock)
{
    return clock->wall_us(clock);
}

static inline int64_t clock_mono_us(const struct clock *clock)
{
    return clock->mono_us(clock);
}

static inline void clock_state(const struct clock *clock, struct clock_state *state)
{
    clock->state(clock, state);
}

// The clock of waits and windows, CLOCK_MONOTONIC, in nanoseconds: one that poll, sleeps and
// conditions (thread.h) can wait by. Only differences mean anything.
int64_t clock_wait_ns(void);

static inline int64_t clock_wait_us(void)
{
    return clock_wait_ns() / 1000;
}

static inline int64_t clock_wait_ms(void)
{
    return clock_wait_ns() / 1000000;
}

// "2026-11-24T08:00:00.123456Z" into out (at least 28 bytes). Years 0001 to 9999.
void clock_format_utc(int64_t wall_us, char out[32]);

// Reads RFC 3339 ("2026-11-24T08:00:00Z", "…+08:00", fraction of 1 to 6 digits optional) or a bare
// date (midnight UTC). 0, or ERROR_INPUT.
int clock_parse_utc(const char *text, int64_t *wall_us);

#endif
