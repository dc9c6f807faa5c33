// meter_drop_mixed: where the times of two logs do not follow on each other.

#include "report/meter_collect.h"

static size_t log_of(const struct meter *meter, size_t raw)
{
    return meter->numbers[meter->raw[raw].number].log;
}

// Up to which time logs before `log` have readings; INT64_MIN: none has.
static int64_t last_before(const struct meter *meter, size_t log)
{
    for (size_t i = meter->raw_count; i-- > 0;) {
        if (log_of(meter, i) < log) {
            return meter->raw[i].reading.t_us;
        }
    }
    return INT64_MIN;
}

static int64_t first_of(const struct meter *meter, size_t log)
{
    for (size_t i = 0; i < meter->raw_count; i++) {
        if (log_of(meter, i) == log) {
            return meter->raw[i].reading.t_us;
        }
    }
    return INT64_MAX;
}

// The quarters [from, to].
static void drop(struct meter *meter, const struct meters *meters, int64_t from, int64_t to)
{
    size_t kept = 0;
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < meter->raw_count; i++) {
        int64_t quarter = rollup_quarter_of(meter->raw[i].reading.t_us);
        if (quarter < from || quarter > to) {
            meter->raw[kept++] = meter->raw[i];
        } else if (quarter != last) {
            meter->disordered += quarter >= meters->from && quarter < meters->to;
            last = quarter;
        }
    }
    meter->raw_count = kept;
}

void meter_drop_mixed(struct meter *meter, const struct meters *meters)
{
    for (size_t log = 1; log < meters->log_count; log++) {
        int64_t last_us = last_before(meter, log), first_us = first_of(meter, log);
        if (first_us <= last_us) {
            drop(meter, meters, rollup_quarter_of(first_us), rollup_quarter_of(last_us));
        }
    }
}
