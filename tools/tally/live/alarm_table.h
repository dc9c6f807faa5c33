// Limits that are raised, as the daemon's answers have them (docs/STATUS.md), for people.
#ifndef TALLY_TOOLS_ALARM_TABLE_H
#define TALLY_TOOLS_ALARM_TABLE_H

#include "base/text.h"

#include <cjson/cJSON.h>

// The table of an answer's "alarms", none where there are none.
void alarm_table_append(struct text *out, const cJSON *answer);
// "2 raised, 1 not acknowledged", or "none".
void alarm_table_append_count(struct text *out, const cJSON *answer);
// What is raised of a point: "ALARM max 242 V, warning warning_max 235 V"; nothing where nothing
// is.
void alarm_table_append_point(struct text *out, const cJSON *answer, const char *instrument,
                              const char *quantity);

#endif
