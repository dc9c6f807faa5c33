// What a line has seen: counts, and on an RTU line the time it was busy and the gaps that the
// master kept. Counts are atomic; the timing is written by the line's thread under the lock.
#ifndef TALLY_SIM_STATS_H
#define TALLY_SIM_STATS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct stats_timing {
    uint64_t exchanges; // answered requests
    uint64_t gaps;      // between the end of a frame and the request after it
    uint64_t gap_violations;
    int64_t gap_min_ns;        // the smallest gap; INT64_MAX: none yet
    int64_t busy_ns;           // wire time of requests and answers
    int64_t turn_ns;           // ordered turn-round time
    int64_t first_ns, last_ns; // first byte of the first request; end of the last answer
};

struct stats {
    atomic_uint_fast64_t requests; // good frames for a unit of ours
    atomic_uint_fast64_t answers;  // sent, exceptions included
    atomic_uint_fast64_t exceptions;
    atomic_uint_fast64_t others;         // good frames for a unit that is not here
    atomic_uint_fast64_t garbage;        // frames that are none, dropped
    atomic_uint_fast64_t write_attempts; // requests of any function that writes
    atomic_uint_fast64_t wrong_speed;    // requests sent with the port at another baud rate
    atomic_uint_fast64_t collisions;     // bytes from the master while an answer was being sent
    atomic_uint_fast64_t connections;    // TCP: accepted; pty: opened
    pthread_mutex_t lock;
    struct stats_timing timing;
};

static inline void stats_add(atomic_uint_fast64_t *count)
{
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

static inline uint64_t stats_get(const atomic_uint_fast64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

void stats_init(struct stats *stats);
void stats_free(struct stats *stats);
void stats_reset(struct stats *stats);
struct stats_timing stats_timing(struct stats *stats);

#endif
