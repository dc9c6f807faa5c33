// Canonical ustar (POSIX.1-1988 tar): regular files in a stream, where every byte that is not
// contents follows from names and sizes. Writing, and a reader that refuses any other byte.
//
// Our own, though tar libraries abound: they read forgivingly, and a byte that a reader passes over
// is one that can be altered unseen. No directories, links, owners, dates or extensions. Any tar
// unpacks it. One thread at a time on a stream; the caller owns the FILE.
#ifndef TALLY_ARCHIVE_USTAR_H
#define TALLY_ARCHIVE_USTAR_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define USTAR_RECORD   512
#define USTAR_NAME_MAX 99                        // bytes
#define USTAR_SIZE_MAX ((UINT64_C(1) << 33) - 1) // 11 octal digits

// The header of a file: mode 0644, owner 0, no date. `name` at most USTAR_NAME_MAX.
void ustar_header(uint8_t record[USTAR_RECORD], const char *name, uint64_t size);
// Writes a whole file: header, contents, padding. ERROR_SYSTEM, ERROR_FULL.
int ustar_put(FILE *to, const char *name, const void *bytes, size_t length, struct why *why);
// The two zero records at the end.
int ustar_finish(FILE *to, struct why *why);

struct ustar {
    FILE *from;
    uint64_t offset;               // of what is read next
    uint64_t left;                 // contents of the current file not read yet
    uint32_t padding;              // behind them
    char name[USTAR_NAME_MAX + 1]; // of the current file
    uint64_t size;
    bool ended;
};

void ustar_begin(struct ustar *ustar, FILE *from);
// Goes to the next file, whose predecessor was read whole; `ended` when there is none, and then
// nothing follows the two zero records. ERROR_INPUT with the offset, ERROR_SYSTEM.
int ustar_next(struct ustar *ustar, struct why *why);
// Appends all of the current file's contents to `out`; ERROR_RANGE when they are more than `max`
// bytes or than `out` holds.
int ustar_take(struct ustar *ustar, struct text *out, size_t max, struct why *why);

#endif
