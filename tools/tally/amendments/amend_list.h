// tally amend list: all amendments on record, for people or programs.
#ifndef TALLY_TOOLS_AMEND_LIST_H
#define TALLY_TOOLS_AMEND_LIST_H

#include "amendments/amendments.h"

// Prints those of the point named (NULL: of all), as they were recorded: a table, or JSON.
void amend_list_print(const struct amendments *amendments, const char *name, bool json);
// Appends what one says as members of a JSON object, without braces: value, by, when, why.
void amend_list_append_json(const struct amended *one, struct text *out);

#endif
