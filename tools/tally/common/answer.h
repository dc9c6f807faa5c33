// The running daemon's answers (docs/STATUS.md), asked for and read; of another's JSON nothing is
// taken on trust: a member that is missing or of another kind is "", 0, false.
#ifndef TALLY_TOOLS_ANSWER_H
#define TALLY_TOOLS_ANSWER_H

#include "base/error.h"
#include "base/text.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

// Asks and parses; `raw` gets the line as it came. 0 and *out (cJSON_Delete it), or an error:
// ERROR_ABSENT when no daemon listens, ERROR_REFUSED when it answers with an error.
int answer_get(const char *control, const char *request, struct text *raw, cJSON **out,
               struct why *why);

// What ERROR_ABSENT means to who wanted something put on record.
#define ANSWER_NO_WRITER "no daemon runs on that gateway: it alone may write to the ledger"

const char *answer_string(const cJSON *object, const char *name);
int64_t answer_int(const cJSON *object, const char *name);
double answer_number(const cJSON *object, const char *name); // NaN when there is none
bool answer_true(const cJSON *object, const char *name);
bool answer_has(const cJSON *object, const char *name);
const cJSON *answer_member(const cJSON *object, const char *name);

#endif
