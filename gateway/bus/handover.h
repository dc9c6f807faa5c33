// What one poller leaves to the next at a reload: due times, so that none is lost and none met
// twice, and how long a line may still bring an answer to what the one before asked.
//
// An instrument that keeps its name, `every` and `align` keeps its due times: one that falls into
// the change is met late, or counted as missed once the next has come. For the others the due times
// end with the old poller, and those of the new configuration begin there. No state of its own.
#ifndef TALLY_BUS_HANDOVER_H
#define TALLY_BUS_HANDOVER_H

#include "bus/worker.h"

// Whether the instrument keeps its due times in `next` (NULL: nothing goes on).
bool handover_keeps(const struct instrument *instrument, const struct config *next);
// `worker` was made and has not started; those of the poller before it have ended.
void handover_take(struct worker *worker, const struct worker *before, size_t before_count);

#endif
