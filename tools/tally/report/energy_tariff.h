// Tariff periods and coefficients of coal equivalent, as the table of a report states them, and
// what is in force at a time. tally-energy(5) has every key; no number is compiled in.
//
// Local time is the process's time zone (show_set_zone). Not thread-safe.
#ifndef TALLY_TOOLS_ENERGY_TARIFF_H
#define TALLY_TOOLS_ENERGY_TARIFF_H

#include "config/document.h"

#include <stdint.h>

#define TARIFF_PERIODS_MAX 16
#define TARIFF_QUARTERS    96 // of a day, by the clock on the wall

// Which period each quarter of an hour of a day is in, in some months.
struct tariff_season {
    uint16_t months; // bit m: of month m, 1 to 12
    uint8_t period[TARIFF_QUARTERS];
};

struct tariff_version {
    int64_t from; // local date, as its midnight in UTC
    struct tariff_season *seasons;
    size_t season_count;
};

struct tariff {
    const char *name, *source;
    const char *periods[TARIFF_PERIODS_MAX]; // names, in the order in which they are first stated
    size_t period_count;
    struct tariff_version *versions; // ascending by `from`
    size_t version_count;
};

// The period in which the quarter of an hour is (its place in `periods`), or -1: no version is in
// force yet.
int tariff_period(const struct tariff *tariff, int64_t quarter);

struct coefficient {
    const char *name;        // "electricity"
    const char *version;     // "GB/T 2589-2020"
    const char *source;      // NULL when not stated
    const char **quantities; // of points: "active-energy-import"
    size_t quantity_count;
    const char *unit;      // of the points
    struct decimal factor; // kgce for one of it
    int64_t from;          // local date, as its midnight in UTC
};

// That of the point's quantity and unit which is in force when the quarter of an hour begins, or
// NULL.
const struct coefficient *coefficient_find(const struct coefficient *list, size_t count,
                                           const char *point, const char *unit, int64_t quarter);

// Reads `tariff:` and `coefficients:`. Memory is the arena's; faults go to the document's.
void tariff_read(struct document *document, void **arena, const struct node *node,
                 struct tariff **out);
void coefficients_read(struct document *document, void **arena, const struct node *list,
                       struct coefficient **out, size_t *count);

#endif
