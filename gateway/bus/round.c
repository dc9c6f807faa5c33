#include "bus/round.h"

#include "base/error.h"

#include <stdlib.h>

int round_make(struct round *round, size_t workers)
{
    *round = (struct round){.workers = workers};
    round->pending_us = calloc(workers ? workers : 1, sizeof *round->pending_us);
    if (!round->pending_us) {
        return ERROR_MEMORY;
    }
    atomic_init(&round->number, 1);
    for (size_t i = 0; i < workers; i++) {
        atomic_init(&round->pending_us[i], ROUND_NEVER);
    }
    return OK;
}

void round_free(struct round *round)
{
    free(round->pending_us);
    round->pending_us = NULL;
}

void round_add(struct round *round, int64_t now_us)
{
    int64_t none = 0;
    if (atomic_load_explicit(&round->since_us, memory_order_relaxed) == 0) {
        atomic_compare_exchange_strong(&round->since_us, &none, now_us > 0 ? now_us : 1);
    }
}

void round_expect(struct round *round, size_t worker, int64_t pending_us)
{
    atomic_store(&round->pending_us[worker], pending_us);
}

static bool others_pending(const struct round *round, size_t worker, int64_t now_us)
{
    for (size_t i = 0; i < round->workers; i++) {
        if (i != worker && atomic_load(&round->pending_us[i]) <= now_us + ROUND_NEAR_US) {
            return true;
        }
    }
    return false;
}

bool round_finish(struct round *round, size_t worker, int64_t pending_us, int64_t again_us,
                  int64_t now_us)
{
    // Said first, looked at the others second: of two that finish together one sees both done.
    round_expect(round, worker, pending_us);
    int64_t since = atomic_load(&round->since_us);
    if (since == 0) {
        return false;
    }
    // Then this worker comes by again soon.
    if (again_us <= now_us + ROUND_APART_US &&
        now_us - atomic_load(&round->last_us) < ROUND_APART_US) {
        return false;
    }
    bool pending = pending_us <= now_us + ROUND_NEAR_US || others_pending(round, worker, now_us);
    if (pending && now_us - since < ROUND_HELD_US) {
        return false;
    }
    // Of several that come here, one has it.
    if (!atomic_compare_exchange_strong(&round->since_us, &since, 0)) {
        return false;
    }
    atomic_store(&round->last_us, now_us);
    atomic_fetch_add(&round->number, 1);
    return true;
}
