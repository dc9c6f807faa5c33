// What a report of energy must be told, since no register tells it: a YAML file of the user's,
// named with its SHA-256 in what is reported. tally-energy(5) has every key.
//
// Not thread-safe.
#ifndef TALLY_TOOLS_ENERGY_TABLE_H
#define TALLY_TOOLS_ENERGY_TABLE_H

#include "base/digest.h"
#include "config/document.h"
#include "energy/energy.h"
#include "report/energy_tariff.h"

// A meter was exchanged, or its register set back, at a known time with known readings.
struct energy_exchange {
    const char *point;
    int64_t at_us;
    struct decimal closing, opening;
};

struct energy_register {
    const char *point;
    struct energy_rules rules; // but for the tolerance
};

// A register of a sum.
struct energy_part {
    const char *name;
    bool minus;
};

// A sum of registers with a name: a group, a site, what is left when sub-meters are taken away.
struct energy_meter {
    const char *name;
    struct energy_part *parts;
    size_t part_count;
    const char *kind; // "electricity" …; NULL when not stated
    bool independent; // what its meters' calibrations leave uncertain has nothing in common
};

struct energy_table {
    struct digest hash; // of the file's bytes
    struct energy_register *registers;
    size_t register_count;
    struct energy_exchange *exchanges; // ascending by time
    size_t exchange_count;
    struct energy_meter *meters;
    size_t meter_count;
    struct tariff *tariff; // NULL: none
    struct coefficient *coefficients;
    size_t coefficient_count;
    struct document document; // owns the strings
    void *arena;
};

// 0 and *out (energy_table_free it), or ERROR_INPUT with every fault in `faults`.
int energy_table_load(struct energy_table **out, const char *path, struct faults *faults);
void energy_table_free(struct energy_table *table); // harmless on NULL

#endif
