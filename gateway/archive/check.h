// The check of an export, block by block, so that two can be checked side by side. Internal to
// gateway/archive; verify.h is what others call.
#ifndef TALLY_ARCHIVE_CHECK_H
#define TALLY_ARCHIVE_CHECK_H

#include "archive/export.h"
#include "archive/verify.h"

struct check;

// All is borrowed until check_close, which must be called whatever is returned.
int check_open(struct check **out, struct verdict *verdict, FILE *from,
               const struct anchors *anchors, struct why *why);
// Looks at the next block: its number and hash. False behind the last one.
bool check_next(struct check *check, uint64_t *n, struct digest *leaf);
// The checkpoint as it was read; NULL when it is not good. Its note, as it is.
const struct checkpoint *check_head(const struct check *check);
void check_note(const struct check *check, struct text *note);
// Completes the verdict, and frees. Harmless on NULL.
void check_close(struct check *check);

#endif
