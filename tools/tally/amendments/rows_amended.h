// What a history says of amended readings, beside what was recorded of them.
#ifndef TALLY_TOOLS_ROWS_AMENDED_H
#define TALLY_TOOLS_ROWS_AMENDED_H

#include "amendments/amendments.h"
#include "amendments/recorrect.h"

struct rows_amended {
    struct amendments amendments;
    struct recorrect *recorrect;
    bool column; // the table has a column of it: a reading of the point is amended
    bool detail; // in a table: who, when and why, a line each
};

// What CSV has of it, behind a comma each.
#define ROWS_AMENDED_COLUMNS                                                                       \
    "amended,amended_corrected,amended_uncertainty,amended_by,amended_at_utc,amended_reason"
#define ROWS_AMENDED_NONE ",,,,,,"

// Reads the amendments of a ledger; `name` is the point's, NULL for all. What amends nothing is
// said by `command`. 0 (rows_amended_free it, in any case), or what reading gives.
int rows_amended_load(struct rows_amended *amended, struct ledger_reader *reader, const char *name,
                      const char *command, struct why *why);
void rows_amended_free(struct rows_amended *amended);

// Of the reading at this place of the block; nothing, or commas alone, where it is not amended.
void rows_amended_append_cell(const struct rows_amended *amended,
                              const struct block_reading *reading, uint64_t block, size_t index,
                              struct text *out);
void rows_amended_append_detail(struct rows_amended *amended, const struct block_reading *reading,
                                uint64_t block, size_t index, struct text *out);
void rows_amended_append_csv(struct rows_amended *amended, const struct block_reading *reading,
                             uint64_t block, size_t index, struct text *out);
// ,"amended":{"value":…,"corrected":…,"uncertainty":…},"amendments":[…]; "amended" is null when
// what was recorded holds again.
void rows_amended_append_json(struct rows_amended *amended, const struct block_reading *reading,
                              uint64_t block, size_t index, struct text *out);

#endif
