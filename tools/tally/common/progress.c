#include "common/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

void progress_begin(struct progress *progress)
{
    *progress = (struct progress){.terminal = isatty(STDERR_FILENO), .told = time(NULL)};
}

bool progress_tell(struct progress *progress, uint64_t done, uint64_t all)
{
    time_t now = time(NULL);
    if (now == progress->told) {
        return false;
    }
    progress->told = now;
    if (progress->terminal) {
        fprintf(stderr, "\r%3.0f%%  %" PRIu64 " of %" PRIu64 " blocks ",
                all ? 100.0 * (double)done / (double)all : 100.0, done, all);
    }
    return true;
}

void progress_callback(void *progress, uint64_t done, uint64_t all)
{
    progress_tell(progress, done, all);
}

void progress_end(struct progress *progress)
{
    if (progress->terminal) {
        fputs("\r\033[K", stderr);
    }
}
