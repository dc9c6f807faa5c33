// The hook: a program of the user's, for mail or a short message, that is run for each event of a
// limit once it is durable, one after the other.
//
// A thread of its own, away from all that measures; started only where one is configured. Bounded:
// what waits is the bulletin's, and what gave way there is counted and put on record; each run is
// over within the configured time. Nothing is run twice. A program that fails is on record when it
// begins to and when it works again, not each time.
#ifndef TALLY_HOOK_HOOK_H
#define TALLY_HOOK_HOOK_H

#include "base/bulletin.h"
#include "base/error.h"

#define HOOK_STOP_US 2000000 // what a stop leaves for what is ready

struct hook;

struct hook_options {
    const char *const *arguments; // NULL-terminated; copied
    int64_t timeout_us;
    struct bulletin *bulletin; // borrowed until hook_stop
    uint64_t from;             // the place in it to begin at
    // An event to put on record: "hook.failed", "hook.back", "hook.dropped". From the hook's
    // thread.
    void (*event)(void *context, const char *kind, const char *subject, const char *text);
    void *context;
};

int hook_start(struct hook **out, const struct hook_options *options, struct why *why);
// Whether it was started with these.
bool hook_is(const struct hook *hook, const char *const *arguments, int64_t timeout_us);
// From now on HOOK_STOP_US are left: for what is ready, and for what runs, which is then killed.
// Does not wait. Harmless on NULL.
void hook_end_soon(struct hook *hook);
// The same, waits for it and frees. How many were not given to it is logged. The place in the
// bulletin where the next may go on. Harmless on NULL (0).
uint64_t hook_stop(struct hook *hook);

struct hook_status {
    uint64_t runs, failed, dropped; // since the hook was started
    char fault[WHY_MAX];            // of the last run; "" when it went well
};
// The program. Any thread, as long as it lives; as hook_status, which copies.
const char *hook_program(const struct hook *hook);
void hook_status(struct hook *hook, struct hook_status *out);

#endif
