// Rounds of polls over all buses: tells the worker that finishes last that the round is complete,
// so that with `prompt` the block can close there.
//
// Instruments that are silent, and buses that are lost, hold nothing back. Lock-free; each worker
// calls for itself. Microseconds of struct clock's monotonic clock.
#ifndef TALLY_BUS_ROUND_H
#define TALLY_BUS_ROUND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUND_NEAR_US  20000  // a healthy poll due within this belongs to the round
#define ROUND_APART_US 5000   // rounds of a bus that never rests are at least this far apart
#define ROUND_HELD_US  100000 // no reading waits longer for polls of other buses that are only due
#define ROUND_NEVER    INT64_MAX

struct round {
    size_t workers;
    _Atomic int64_t *pending_us; // by worker: when its next healthy poll of this round is due; past
                                 // while it runs
    _Atomic int64_t since_us;    // when the first reading of the round came; 0: none yet
    _Atomic int64_t last_us;     // when the last round was complete
    _Atomic uint32_t number;     // of the present round; from 1
};

int round_make(struct round *round, size_t workers);
void round_free(struct round *round);
// A reading was pushed.
void round_add(struct round *round, int64_t now_us);
// The worker's next healthy poll is due at `pending_us` (ROUND_NEVER: it has none). An instrument
// that was polled in this round (`number`) and is due again at once is not counted.
void round_expect(struct round *round, size_t worker, int64_t pending_us);
// The worker has finished a poll or is about to rest; its next poll of any kind is due at
// `again_us`. True when that completes the round: the caller pushes the mark.
bool round_finish(struct round *round, size_t worker, int64_t pending_us, int64_t again_us,
                  int64_t now_us);

#endif
