#include "report/account.h"

#include <stdlib.h>
#include <string.h>

static int64_t quarter_start(const struct calendar *calendar, size_t i)
{
    return calendar->boundaries[0] + (int64_t)i * ROLLUP_QUARTER_US;
}

// --- demand -------------------------------------------------------------------------------------

// Of equal ones the first.
static void find_demand(struct account *account, const struct energy_interval *quarters,
                        const struct calendar *calendar)
{
    static const struct decimal quarters_an_hour = {4, false, 0};
    struct exact four = exact_of(quarters_an_hour);
    for (size_t i = 0; i < calendar_quarters(calendar); i++) {
        if (quarters[i].state != ENERGY_COMPLETE ||
            (account->has_demand && exact_compare(&quarters[i].energy, &account->demand) <= 0)) {
            continue;
        }
        account->has_demand =
            exact_multiply(&quarters[i].energy, &four, &account->demand_mean) == OK;
        account->demand_us = quarter_start(calendar, i);
        account->demand = quarters[i].energy;
        account->demand_ambiguous = quarters[i].ambiguous;
        account->demand_bound_us = quarters[i].bound_us;
    }
}

size_t account_demand_quarter(const struct account *account, const struct calendar *calendar)
{
    return (size_t)((account->demand_us - calendar->boundaries[0]) / ROLLUP_QUARTER_US);
}

static int reckon_all(struct energy *energy, const struct meter *meter, const int64_t *boundaries,
                      size_t count)
{
    const struct energy_request request = {.readings = meter->readings,
                                           .reading_count = meter->reading_count,
                                           .boundaries = boundaries,
                                           .interval_count = count,
                                           .rules = meter->rules};
    return energy_reckon(energy, &request);
}

static int reckon_quarters(struct account *account, const struct meter *meter,
                           const struct calendar *calendar, bool keep)
{
    size_t count = calendar_quarters(calendar);
    int64_t *boundaries = malloc((count + 1) * sizeof *boundaries);
    if (!boundaries) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i <= count; i++) {
        boundaries[i] = quarter_start(calendar, i);
    }
    struct energy energy;
    int error = reckon_all(&energy, meter, boundaries, count);
    free(boundaries);
    if (error) {
        return error;
    }
    find_demand(account, energy.intervals, calendar);
    error = corrected_make(account, meter, &energy, calendar);
    if (keep) {
        account->quarters = energy.intervals;
        energy.intervals = NULL;
    }
    energy_free(&energy);
    return error;
}

// --- a meter ------------------------------------------------------------------------------------

int account_make(struct account *account, const struct meter *meter,
                 const struct calendar *calendar, bool keep_quarters)
{
    *account = (struct account){.name = meter->name,
                                .meter = meter,
                                .taken = meter->taken,
                                .none = meter->none,
                                .missed = meter->missed,
                                .mismatched = meter->mismatched,
                                .disordered = meter->disordered};
    memcpy(account->unit, meter->unit, sizeof account->unit);
    int error = reckon_all(&account->energy, meter, calendar->boundaries, calendar->count);
    if (!error && !keep_quarters && calendar->count == calendar_quarters(calendar)) {
        find_demand(account, account->energy.intervals, calendar);
        error = corrected_make(account, meter, &account->energy, calendar);
    } else if (!error) {
        error = reckon_quarters(account, meter, calendar, keep_quarters);
    }
    if (!keep_quarters) {
        corrected_drop_shares(&account->corrected);
    }
    return error;
}

// --- a sum --------------------------------------------------------------------------------------

int account_begin(struct account *account, const struct calendar *calendar, const char *title,
                  const struct energy_part *parts, size_t part_count)
{
    *account = (struct account){.title = title, .parts = parts, .part_count = part_count};
    account->energy.interval_count = calendar->count;
    account->energy.intervals = calloc(calendar->count, sizeof *account->energy.intervals);
    account->quarters = calloc(calendar_quarters(calendar), sizeof *account->quarters);
    return account->energy.intervals && account->quarters ? OK : ERROR_MEMORY;
}

static void add_exact(struct exact *sum, const struct exact *part, bool minus)
{
    if (minus) {
        exact_subtract(sum, part);
    } else {
        exact_add(sum, part);
    }
}

// The worst state of all parts; the figure is of use when all are complete.
static void add_interval(struct energy_interval *sum, const struct energy_interval *part,
                         bool minus)
{
    sum->state = part->state > sum->state ? part->state : sum->state;
    sum->flags |= part->flags;
    sum->ambiguous = sum->ambiguous || part->ambiguous;
    sum->bound_us = part->bound_us > sum->bound_us ? part->bound_us : sum->bound_us;
    if (part->state == ENERGY_COMPLETE) {
        add_exact(&sum->energy, &part->energy, minus);
    }
}

void account_add(struct account *sum, const struct account *part, bool minus,
                 const struct calendar *calendar)
{
    memcpy(sum->unit, part->unit, sizeof sum->unit);
    for (size_t i = 0; i < calendar->count; i++) {
        add_interval(&sum->energy.intervals[i], &part->energy.intervals[i], minus);
    }
    for (size_t i = 0; i < calendar_quarters(calendar); i++) {
        add_interval(&sum->quarters[i], &part->quarters[i], minus);
    }
    add_exact(&sum->energy.registered, &part->energy.registered, minus);
    add_exact(&sum->energy.crossing, &part->energy.crossing, minus);
    sum->taken += part->taken;
    sum->none += part->none;
    sum->missed += part->missed;
    sum->mismatched += part->mismatched;
    sum->disordered += part->disordered;
}

void account_end(struct account *sum, const struct calendar *calendar)
{
    struct energy *energy = &sum->energy;
    for (size_t i = 0; i < calendar->count; i++) {
        if (energy->intervals[i].state == ENERGY_COMPLETE) {
            energy->complete++;
            energy->ambiguous += energy->intervals[i].ambiguous;
            exact_add(&energy->allocated, &energy->intervals[i].energy);
        }
    }
    energy->unallocated = energy->registered;
    exact_subtract(&energy->unallocated, &energy->allocated);
    find_demand(sum, sum->quarters, calendar);
}

void account_free(struct account *account)
{
    energy_free(&account->energy);
    corrected_free(&account->corrected);
    free(account->quarters);
    account->quarters = NULL;
}

const char *account_state(const struct account *account, size_t interval,
                          const struct calendar *calendar)
{
    switch (account->energy.intervals[interval].state) {
    case ENERGY_COMPLETE: return "complete";
    case ENERGY_BROKEN: return "unknown";
    default:
        return calendar->boundaries[interval] < calendar->kept_us           ? "pruned"
               : calendar->boundaries[interval + 1] > calendar->recorded_us ? "open"
                                                                            : "incomplete";
    }
}
