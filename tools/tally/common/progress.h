// How far long work over blocks is, on a terminal (standard error), once a second.
#ifndef TALLY_TOOLS_PROGRESS_H
#define TALLY_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct progress {
    bool terminal;
    time_t told;
};

void progress_begin(struct progress *progress);
// True at most once a second, on a terminal or not.
bool progress_tell(struct progress *progress, uint64_t done, uint64_t all);
// The same for a struct progress as a callback's context.
void progress_callback(void *progress, uint64_t done, uint64_t all);
// Takes the line away.
void progress_end(struct progress *progress);

#endif
