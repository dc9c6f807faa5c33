// One run of a program: started without a shell, given some bytes to read, heard, and over within a
// bound.
//
// It gets default signals, none blocked; standard input, output and error, and no other descriptor;
// a process group of its own, all of which is killed when the program has ended or its time is up.
// It has the rights of who runs it, and no more; where memory is short it ends before the daemon.
// The caller's thread, which it needs for as long.
#ifndef TALLY_HOOK_CHILD_H
#define TALLY_HOOK_CHILD_H

#include "base/error.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CHILD_INPUT_MAX  (16u << 10) // what a pipe takes at once
#define CHILD_OUTPUT_MAX 512         // bytes of its output that are kept

struct child_options {
    const char *const *arguments; // NULL-terminated; the first is its path, looked up nowhere
    const char *const *environment;
    const char *input;
    size_t input_length; // at most CHILD_INPUT_MAX
    int64_t timeout_ns;
    const _Atomic int64_t *stop_ns; // 0, or (once a stop was asked for) the time by which it must
                                    // be over (clock_wait_ns)
};

struct child_result {
    char output[CHILD_OUTPUT_MAX + 1]; // the head of what it wrote, printable, on one line
    size_t output_more;                // bytes that were passed over
};

// OK: it ended with status 0. ERROR_SYSTEM: it could not be started; ERROR_REFUSED: it ended with
// another status, or by a signal; ERROR_TIMEOUT: its time was up; ERROR_STOPPED: the stop's was.
// `why` says it in words: "ended with status 1". Nothing of it is left running but what has left
// its process group.
int child_run(const struct child_options *options, struct child_result *result, struct why *why);

#endif
