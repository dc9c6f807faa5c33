// A file that is written whole or not at all: under another name first, durable, then under its
// own.
#ifndef TALLY_TOOLS_OUTFILE_H
#define TALLY_TOOLS_OUTFILE_H

#include "base/error.h"

#include <limits.h>
#include <stdio.h>

// One at a time, and its struct stays where it is while it is open.
struct outfile {
    FILE *to;
    const char *path; // borrowed
    char part[PATH_MAX];
};

// Makes the file beside `path`. Until it is closed, SIGINT, SIGTERM and SIGHUP remove it before
// they end the program. ERROR_SYSTEM.
int outfile_open(struct outfile *file, const char *path, struct why *why);
// `error` is how the writing went: when it is 0 the file is made durable and takes the place of
// what was at `path`; else it is removed. Returns the error, or that of the file.
int outfile_close(struct outfile *file, int error, struct why *why);

#endif
