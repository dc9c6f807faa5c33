// Series: a projection of the ledger into per-point compressed segments with minimum and maximum,
// in a database file of its own that may be deleted at any time and is then rebuilt.
//
// Built from blocks every few minutes by its own thread in the daemon, or by `tally rebuild`. The
// tail that is not in segments yet is read from blocks. Sole user of SQLite for series.db.
#ifndef TALLY_SERIES_SERIES_H
#define TALLY_SERIES_SERIES_H

#include "ledger/ledger.h"

#include <stdint.h>

struct series;

// Opens (or makes) `<directory>/series.db`. A damaged one, or one of another log, is deleted and
// begun anew. `writable` false: for queries, from any process.
int series_open(struct series **out, const char *directory, bool writable, struct why *why);
void series_close(struct series *series);
// Takes in blocks from where it stopped, at most `max_blocks`; *more tells whether some are left.
// `flush` writes segments that are not full yet too (rewritten later).
int series_update(struct series *series, struct ledger_reader *reader, uint64_t max_blocks,
                  bool *more, struct why *why);

struct series_bin {
    int64_t from_us; // start of the bin
    uint64_t count;  // readings with a number; 0: minimum and maximum are NaN
    double minimum, maximum;
};
// `bins` equal parts of [from_us, to_us) of one point, minimum and maximum of indications, readings
// not yet in segments included (through `reader`).
int series_bins(struct series *series, struct ledger_reader *reader, uint32_t point,
                int64_t from_us, int64_t to_us, struct series_bin *bins, size_t count,
                struct why *why);

// The daemon's thread: updates every `period_us` in small steps at low priority until stopped.
struct series_builder;
int series_builder_start(struct series_builder **out, const char *directory, int64_t period_us,
                         struct why *why);
void series_builder_stop(struct series_builder *builder);

#endif
