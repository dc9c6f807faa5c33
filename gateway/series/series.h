// Series: a projection of the ledger into per-point compressed segments with minimum and maximum,
// and into roll-ups of each quarter of an hour, in a database file of its own that may be deleted
// at any time and is then rebuilt.
//
// Built from blocks every few minutes by its own thread in the daemon, or by `tally rebuild`. The
// tail that is not in segments yet is read from blocks. Sole user of SQLite for series.db. Holds
// the current log only: point numbers are a log's own, so when a new log begins the file is begun
// anew (the old log's blocks lie in the folder that was set aside). When the ledger prunes blocks,
// the series of them go too, a stretch of some days or hours at a time, and with them the roll-ups
// to which no block that is left has added anything.
#ifndef TALLY_SERIES_SERIES_H
#define TALLY_SERIES_SERIES_H

#include "ledger/ledger.h"
#include "series/rollup.h"

#include <stdint.h>

#define SERIES_BINS_MAX     (1u << 20)
#define SERIES_QUARTERS_MAX (1u << 20)

struct series;

// Opens (or makes) `<directory>/series.db`. A damaged one, or one of another log, is deleted and
// begun anew. `writable` false: for queries, from any process; a file that is absent, damaged or of
// another log is then passed over, and everything is read from blocks. One thread at a time.
int series_open(struct series **out, const char *directory, bool writable, struct why *why);
void series_close(struct series *series);
// Takes in blocks from where it stopped, at most `max_blocks`; *more tells whether some are left.
// Readings gather in memory (at most some MB) and are written in large steps, of about 300 readings
// a point, or after an hour; what is in memory only is read again after a restart.
int series_update(struct series *series, struct ledger_reader *reader, uint64_t max_blocks,
                  bool *more, struct why *why);
// Writes what has gathered, however little.
int series_flush(struct series *series, struct why *why);

struct series_bin {
    int64_t from_us; // start of the bin
    uint64_t count;  // readings with a number; 0: minimum and maximum are NaN
    uint64_t none;   // readings without one (NaN, "not available"): in no minimum or maximum
    double minimum, maximum;
};
// `bins` equal parts of [from_us, to_us) of one point, minimum and maximum of indications, readings
// not yet in segments included (through `reader`). Bin i holds from_us + ceil(i × span / count) up
// to the next bin's start. ERROR_INPUT (nothing between from and to), ERROR_RANGE (`count` is 0 or
// above SERIES_BINS_MAX), or what reading blocks gives.
int series_bins(struct series *series, struct ledger_reader *reader, uint32_t point,
                int64_t from_us, int64_t to_us, struct series_bin *bins, size_t count,
                struct why *why);

// The roll-ups of one point in `count` quarters of an hour (rollup.h) from number `quarter` on,
// readings not yet in the file included. What has neither reading nor miss is zeroed. ERROR_RANGE
// (`count` is 0, above SERIES_QUARTERS_MAX, or leads beyond what 64 bits hold), or what reading
// blocks gives.
int series_rollups(struct series *series, struct ledger_reader *reader, uint32_t point,
                   int64_t quarter, struct rollup *rollups, size_t count, struct why *why);
// The same of several points (ascending) at once: those of points[i] from rollups[i × count] on, at
// most SERIES_QUARTERS_MAX in all.
int series_rollups_of(struct series *series, struct ledger_reader *reader, const uint32_t *points,
                      size_t point_count, int64_t quarter, struct rollup *rollups, size_t count,
                      struct why *why);

// The daemon's thread: updates every `period_us` in small steps at low priority until stopped.
// Starts before there is a ledger too, and looks for it each period.
struct series_builder;
int series_builder_start(struct series_builder **out, const char *directory, int64_t period_us,
                         struct why *why);
// Waits for the step under way. NULL is harmless.
void series_builder_stop(struct series_builder *builder);

#endif
