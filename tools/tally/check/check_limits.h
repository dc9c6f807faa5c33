// The limits of a configuration as a table, for `tally check`.
#ifndef TALLY_TOOLS_CHECK_LIMITS_H
#define TALLY_TOOLS_CHECK_LIMITS_H

#include "config/config.h"

// Appends the table; nothing where no point has limits.
void check_limits_append(struct text *out, const struct config *config);

#endif
