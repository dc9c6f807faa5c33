// How a bus worker waits: until a time, or for bytes, or until someone wakes it. Every wait of a
// worker goes through here, so that it can be told to finish, and to stop at once.
//
// Times are those of clock_wait_ns. wake_finish, wake_stop and wake_nudge may be called
// from any thread; the rest belongs to the one worker.
#ifndef TALLY_BUS_WAKE_H
#define TALLY_BUS_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wake {
    int fd; // eventfd
    atomic_bool finishing, stopping;
};

int wake_make(struct wake *wake);
void wake_close(struct wake *wake);
// Nudges; from then on wake_finishing() is true. No wait fails because of it.
void wake_finish(struct wake *wake);
static inline bool wake_finishing(struct wake *wake)
{
    return atomic_load(&wake->finishing);
}
// Ends the present wait and every later one with ERROR_STOPPED.
void wake_stop(struct wake *wake);
// Ends a wake_until early, so that the worker looks at the clock again.
void wake_nudge(struct wake *wake);
static inline bool wake_stopping(struct wake *wake)
{
    return atomic_load_explicit(&wake->stopping, memory_order_relaxed);
}

// Waits until `deadline_ns` or a nudge: 0. ERROR_STOPPED.
int wake_until(struct wake *wake, int64_t deadline_ns);
// Waits until `deadline_ns` whatever nudges: 0. ERROR_STOPPED.
int wake_sleep(struct wake *wake, int64_t deadline_ns);
// Waits until `fd` shows one of `events` (POLLIN, POLLOUT), or has an error or hang-up: 1.
// ERROR_TIMEOUT at `deadline_ns`; ERROR_STOPPED.
int wake_poll(struct wake *wake, int fd, short events, int64_t deadline_ns);

#endif
