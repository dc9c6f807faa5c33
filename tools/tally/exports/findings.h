// A verdict (archive/verdict.h) in words for people, and as JSON. Writes to struct text; prints
// nothing.
#ifndef TALLY_TOOLS_FINDINGS_H
#define TALLY_TOOLS_FINDINGS_H

#include "archive/verdict.h"

// What `name` is (a file, a ledger's folder). True when it is good.
bool findings_append(struct text *out, const char *name, const struct verdict *verdict);
bool findings_append_json(struct text *out, const char *name, const struct verdict *verdict);

#endif
