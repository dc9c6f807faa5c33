// The sums that a report can be asked for by name: groups of the configuration and meters of the
// table, and which of them are the site's.
#ifndef TALLY_TOOLS_ENERGY_GROUPS_H
#define TALLY_TOOLS_ENERGY_GROUPS_H

#include "config/config.h"
#include "report/energy_table.h"

struct energy_groups {
    const struct config *config;      // NULL: not read
    const struct energy_table *table; // NULL: none
    struct energy_meter *list;        // of the configuration's groups, in its order
    struct energy_part *parts;
};

// Borrows both. 0 or ERROR_MEMORY; energy_groups_free in any case.
int energy_groups_make(struct energy_groups *groups, const struct config *config,
                       const struct energy_table *table);
void energy_groups_free(struct energy_groups *groups);
// The one of that name. ERROR_ABSENT; ERROR_REFUSED: there are two.
int energy_groups_find(const struct energy_groups *groups, const char *name,
                       struct energy_meter *out, struct why *why);
// Appends to `names` those of the site, one for each kind; at most `max`. ERROR_ABSENT: there are
// none; ERROR_RANGE.
int energy_groups_site(const struct energy_groups *groups, const char **names, size_t max,
                       size_t *count, struct why *why);

#endif
