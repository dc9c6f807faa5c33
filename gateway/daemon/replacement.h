// Which configuration is taken: reads the file with its drivers and plans, and says whether it may
// take the place of the one in force.
//
// Replaces nothing itself. Main's thread only.
#ifndef TALLY_DAEMON_REPLACEMENT_H
#define TALLY_DAEMON_REPLACEMENT_H

#include "config/config.h"
#include "ledger/ledger.h"

// Reads and checks the file, its plan too. NULL when it has faults, which are logged, the first of
// them in `why`. `drivers`: as config_load.
struct config *replacement_load(const char *path, const char *drivers, struct why *why);
// NULL when the new configuration may take the place of `old` now. Otherwise why not, which is a
// refusal; "" when it is the same, file and drivers.
const char *replacement_hindrance(const struct config *old, const struct config *new,
                                  struct ledger *ledger);

#endif
