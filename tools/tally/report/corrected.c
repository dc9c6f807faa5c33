#include "report/corrected.h"

#include "report/account.h"

#include "base/reading.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_US 3.6e9

static const struct load_curve no_curve = {.k = 2};

double corrected_uncertainty(const struct corrected_figure *figure)
{
    return figure->k * sqrt(figure->calibration * figure->calibration +
                            figure->permissible * figure->permissible +
                            figure->time * figure->time + figure->variance);
}

// --- shares put together ------------------------------------------------------------------------

struct putting {
    struct load_sum sum;
    const struct corrected_share *last; // NULL: none yet
};

// What is not corrected has no uncertain time either.
static void put_end(struct putting *putting, const struct corrected_share *share,
                    const struct corrected_end *end)
{
    if (share->share.state == LOAD_CORRECTED) {
        load_sum_add_end(&putting->sum, end->load, end->bound_hours, end->distance_hours);
    }
}

static void put(struct putting *putting, const struct corrected_share *share)
{
    const struct corrected_share *last = putting->last;
    bool joined = last && last->to_us == share->from_us;
    if (last && !joined) {
        put_end(putting, last, &last->closes);
    }
    if (!joined) {
        put_end(putting, share, &share->opens);
    }
    load_sum_add(&putting->sum, share->curve, &share->share, joined);
    putting->last = share;
}

static void finish(struct putting *putting, struct corrected_figure *figure)
{
    if (putting->last) {
        put_end(putting, putting->last, &putting->last->closes);
    }
    load_sum_end(&putting->sum);
    figure->time = sqrt(putting->sum.time);
    figure->shares = putting->sum.count;
    figure->energy = putting->sum.corrected;
    figure->calibration = putting->sum.calibration;
    figure->permissible = putting->sum.permissible;
    figure->variance = putting->sum.variance;
    figure->k = putting->sum.k;
}

// All shares of some intervals; `wanted` NULL: of all.
static void put_all(const struct corrected *corrected, const struct energy_interval *wanted,
                    struct corrected_figure *figure)
{
    struct putting putting = {.last = NULL};
    for (size_t i = 0; i < corrected->share_count; i++) {
        const struct corrected_share *share = &corrected->shares[i];
        if (!wanted || wanted[share->interval].state == ENERGY_COMPLETE) {
            put(&putting, share);
        }
    }
    finish(&putting, figure);
}

static void add_exact(struct exact *sum, const struct exact *more, bool minus)
{
    if (minus) {
        exact_subtract(sum, more);
    } else {
        exact_add(sum, more);
    }
}

const struct corrected_rest *corrected_rest(const struct corrected_figure *figure)
{
    static const struct corrected_rest none = {.outside_us = 0};
    return figure->rest ? figure->rest : &none;
}

// Adds to the rest of one of the account's figures.
static void add_rest(struct corrected *corrected, struct corrected_figure *figure,
                     const struct corrected_rest *more, bool minus)
{
    size_t place = figure == &corrected->total    ? corrected->interval_count
                   : figure == &corrected->demand ? corrected->interval_count + 1
                                                  : (size_t)(figure - corrected->intervals);
    struct corrected_rest *rest = &corrected->rests[place];
    if (more) {
        figure->rest = rest;
        add_exact(&rest->outside, &more->outside, minus);
        add_exact(&rest->unknown, &more->unknown, minus);
        rest->outside_us += more->outside_us;
    }
}

// The rest that a share is.
static struct corrected_rest rest_of_share(const struct corrected_share *share,
                                           const struct exact *energy)
{
    struct corrected_rest rest = {.outside_us = 0};
    if (share->share.state == LOAD_OUTSIDE) {
        rest.outside = *energy;
        rest.outside_us = share->to_us - share->from_us;
    } else {
        rest.unknown = *energy;
    }
    return rest;
}

// --- the shares of a meter ----------------------------------------------------------------------

// What passed between two readings next to boundaries of quarters of an hour.
struct passage {
    int64_t from_us, to_us;
    const struct exact *energy;
    uint32_t source;
    bool mixed;
    double beside[2]; // the loads of the quarters before and behind, where it is one
};

static double load_of(const struct energy_interval *quarter)
{
    return quarter->state == ENERGY_COMPLETE
               ? exact_to_double(&quarter->energy) /
                     ((double)(quarter->closed_us - quarter->opened_us) / HOUR_US)
               : 0;
}

static struct passage passage_of_quarter(const struct energy_interval *quarters, size_t count,
                                         size_t at)
{
    const struct energy_interval *quarter = &quarters[at];
    return (struct passage){
        .from_us = quarter->opened_us,
        .to_us = quarter->closed_us,
        .energy = &quarter->energy,
        .source = quarter->source,
        .mixed = quarter->mixed,
        .beside = {at > 0 ? load_of(quarter - 1) : 0, at + 1 < count ? load_of(quarter + 1) : 0}};
}

// Goes through the quarters with a figure and the spans between them by time.
struct passages {
    const struct energy *quarters;
    size_t quarter, span;
};

static bool next_passage(struct passages *at, struct passage *out)
{
    const struct energy *all = at->quarters;
    while (at->quarter < all->interval_count &&
           all->intervals[at->quarter].state != ENERGY_COMPLETE) {
        at->quarter++;
    }
    const struct energy_interval *quarter =
        at->quarter < all->interval_count ? &all->intervals[at->quarter] : NULL;
    const struct energy_span *span = at->span < all->span_count ? &all->spans[at->span] : NULL;
    if (quarter && (!span || quarter->opened_us < span->from_us)) {
        *out = passage_of_quarter(all->intervals, all->interval_count, at->quarter++);
        return true;
    }
    if (span) {
        *out = (struct passage){.from_us = span->from_us,
                                .to_us = span->to_us,
                                .energy = &span->energy,
                                .source = span->source,
                                .mixed = span->mixed};
        at->span++;
    }
    return span;
}

// `interval` is what it is in, or is, of which the boundaries are these.
static struct corrected_share share_of(const struct meter *meter, const struct passage *passage,
                                       const struct energy_interval *interval, int64_t begin_us,
                                       int64_t end_us)
{
    double bound_hours = (double)interval->bound_us / HOUR_US;
    struct corrected_share share = {
        .from_us = passage->from_us,
        .to_us = passage->to_us,
        .curve = passage->mixed ? &no_curve : &meter->numbers[passage->source].curve.curve};
    share.share = load_share_of(share.curve, exact_to_double(passage->energy),
                                (double)(passage->to_us - passage->from_us) / HOUR_US);
    share.opens = (struct corrected_end){fmax(share.share.load, passage->beside[0]), bound_hours,
                                         fabs((double)(passage->from_us - begin_us)) / HOUR_US};
    share.closes = (struct corrected_end){fmax(share.share.load, passage->beside[1]), bound_hours,
                                          fabs((double)(passage->to_us - end_us)) / HOUR_US};
    return share;
}

// Those that make up the account's complete intervals.
static void make_shares(struct corrected *corrected, const struct account *account,
                        const struct meter *meter, const struct energy *quarters,
                        const struct calendar *calendar)
{
    const struct energy *energy = &account->energy;
    struct passages at = {.quarters = quarters};
    struct passage passage;
    size_t i = 0;
    while (next_passage(&at, &passage)) {
        while (i < energy->interval_count && (energy->intervals[i].state != ENERGY_COMPLETE ||
                                              energy->intervals[i].closed_us <= passage.from_us)) {
            i++;
        }
        if (i < energy->interval_count && passage.from_us >= energy->intervals[i].opened_us) {
            assert(passage.to_us <= energy->intervals[i].closed_us);
            struct corrected_share *share = &corrected->shares[corrected->share_count++];
            *share = share_of(meter, &passage, &energy->intervals[i], calendar->boundaries[i],
                              calendar->boundaries[i + 1]);
            share->interval = i;
            if (share->share.state != LOAD_CORRECTED) {
                struct corrected_rest rest = rest_of_share(share, passage.energy);
                add_rest(corrected, &corrected->intervals[i], &rest, false);
            }
            if (share->share.state == LOAD_OUTSIDE) {
                energy->intervals[i].flags |= FLAG_OUTSIDE_CALIBRATED_RANGE;
            }
        }
    }
}

static void make_intervals(struct corrected *corrected)
{
    for (size_t from = 0, to; from < corrected->share_count; from = to) {
        struct putting putting = {.last = NULL};
        size_t interval = corrected->shares[from].interval;
        for (to = from; to < corrected->share_count && corrected->shares[to].interval == interval;
             to++) {
            put(&putting, &corrected->shares[to]);
        }
        finish(&putting, &corrected->intervals[interval]);
        add_rest(corrected, &corrected->total, corrected->intervals[interval].rest, false);
    }
    put_all(corrected, NULL, &corrected->total);
}

static void find_laboratory(struct corrected *corrected, const struct meter *meter)
{
    bool several = false;
    for (size_t i = 0; i < meter->number_count; i++) {
        const struct meter_curve *curve = &meter->numbers[i].curve;
        corrected->transformers = corrected->transformers || curve->transformers;
        if (!curve->curve.quantity) {
            continue;
        }
        corrected->any = true;
        several = several || (corrected->laboratory &&
                              strcmp(corrected->laboratory, curve->certificate->laboratory) != 0);
        corrected->laboratory = curve->certificate->laboratory;
    }
    corrected->laboratory = several ? NULL : corrected->laboratory;
}

static int make_room(struct corrected *corrected, size_t shares, size_t intervals)
{
    corrected->shares = calloc(shares + 1, sizeof *corrected->shares);
    corrected->intervals = calloc(intervals + 1, sizeof *corrected->intervals);
    corrected->rests = calloc(intervals + 2, sizeof *corrected->rests);
    corrected->interval_count = intervals;
    return corrected->shares && corrected->intervals && corrected->rests ? OK : ERROR_MEMORY;
}

// Of a quarter of an hour alone: the figure, or all of it is the rest.
static struct corrected_rest figure_of_quarter(struct corrected_figure *figure,
                                               const struct meter *meter,
                                               const struct energy_interval *quarters, size_t at,
                                               const struct calendar *calendar)
{
    const struct passage passage = passage_of_quarter(quarters, calendar_quarters(calendar), at);
    int64_t begin_us = calendar->boundaries[0] + (int64_t)at * ROLLUP_QUARTER_US;
    struct corrected_share share =
        share_of(meter, &passage, &quarters[at], begin_us, begin_us + ROLLUP_QUARTER_US);
    struct putting putting = {.last = NULL};
    put(&putting, &share);
    finish(&putting, figure);
    return rest_of_share(&share, passage.energy);
}

int corrected_make(struct account *account, const struct meter *meter,
                   const struct energy *quarters, const struct calendar *calendar)
{
    struct corrected *corrected = &account->corrected;
    find_laboratory(corrected, meter);
    if (!corrected->any) {
        return OK;
    }
    if (make_room(corrected, quarters->complete + quarters->span_count,
                  account->energy.interval_count)) {
        return ERROR_MEMORY;
    }
    make_shares(corrected, account, meter, quarters, calendar);
    make_intervals(corrected);
    if (account->has_demand) {
        struct corrected_figure figure = {.shares = 0};
        struct corrected_rest rest =
            figure_of_quarter(&figure, meter, quarters->intervals,
                              account_demand_quarter(account, calendar), calendar);
        corrected->demand = figure;
        add_rest(corrected, &corrected->demand, figure.shares ? NULL : &rest, false);
    }
    return OK;
}

// --- sums ---------------------------------------------------------------------------------------

struct summing {
    const struct account *sum;
    const struct account *const *parts;
    size_t *group;  // by part: of those whose errors are common
    double *common; // by group
    size_t group_count;
    bool independent;
};

// Parts of one laboratory are one group; all others are alone.
static int group(struct summing *summing)
{
    size_t count = summing->sum->part_count;
    summing->group = calloc(count + 1, sizeof *summing->group);
    summing->common = calloc(count + 1, sizeof *summing->common);
    if (!summing->group || !summing->common) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const char *laboratory = summing->parts[i]->corrected.laboratory;
        size_t same = 0;
        while (same < i && (summing->independent || !laboratory ||
                            !summing->parts[same]->corrected.laboratory ||
                            strcmp(laboratory, summing->parts[same]->corrected.laboratory) != 0)) {
            same++;
        }
        summing->group[i] = same < i ? summing->group[same] : summing->group_count++;
    }
    return OK;
}

static void begin_figure(struct summing *summing)
{
    memset(summing->common, 0, summing->group_count * sizeof *summing->common);
}

static void add_figure(struct summing *summing, struct corrected_figure *sum, size_t part,
                       const struct corrected_figure *figure)
{
    bool minus = summing->sum->parts[part].minus;
    sum->shares += figure->shares;
    sum->energy += minus ? -figure->energy : figure->energy;
    sum->k = fmax(sum->k, figure->k);
    sum->variance += figure->variance;
    sum->time += figure->time;
    summing->common[summing->group[part]] += minus ? -figure->calibration : figure->calibration;
    if (summing->independent) {
        sum->variance += figure->permissible * figure->permissible;
    } else {
        sum->permissible += figure->permissible;
    }
}

// What is common to a laboratory's is independent of another's.
static void end_figure(struct summing *summing, struct corrected_figure *sum)
{
    for (size_t i = 0; i < summing->group_count; i++) {
        sum->variance += summing->common[i] * summing->common[i];
    }
}

static void sum_interval(struct summing *summing, struct corrected *corrected, size_t i)
{
    const struct account *sum = summing->sum;
    struct corrected_figure *figure = &corrected->intervals[i];
    begin_figure(summing);
    for (size_t p = 0; p < sum->part_count; p++) {
        const struct account *part = summing->parts[p];
        if (!part->corrected.any) {
            const struct corrected_rest rest = {.unknown = part->energy.intervals[i].energy};
            add_rest(corrected, figure, &rest, sum->parts[p].minus);
            continue;
        }
        add_rest(corrected, figure, part->corrected.intervals[i].rest, sum->parts[p].minus);
        add_figure(summing, figure, p, &part->corrected.intervals[i]);
    }
    end_figure(summing, figure);
}

static void sum_total(struct summing *summing, struct corrected_figure *total)
{
    const struct account *sum = summing->sum;
    begin_figure(summing);
    for (size_t p = 0; p < sum->part_count; p++) {
        struct corrected_figure figure = {.shares = 0};
        put_all(&summing->parts[p]->corrected, sum->energy.intervals, &figure);
        add_figure(summing, total, p, &figure);
    }
    end_figure(summing, total);
}

static void sum_demand(struct summing *summing, struct corrected *corrected,
                       const struct calendar *calendar)
{
    size_t quarter = account_demand_quarter(summing->sum, calendar);
    struct corrected_figure *demand = &corrected->demand;
    const struct account *sum = summing->sum;
    begin_figure(summing);
    for (size_t p = 0; p < sum->part_count; p++) {
        struct corrected_figure figure = {.shares = 0};
        struct corrected_rest rest = figure_of_quarter(
            &figure, summing->parts[p]->meter, summing->parts[p]->quarters, quarter, calendar);
        add_rest(corrected, demand, figure.shares ? NULL : &rest, sum->parts[p].minus);
        add_figure(summing, demand, p, &figure);
    }
    end_figure(summing, demand);
}

static void sum_all(struct summing *summing, struct corrected *corrected,
                    const struct calendar *calendar)
{
    const struct account *sum = summing->sum;
    for (size_t i = 0; i < sum->energy.interval_count; i++) {
        if (sum->energy.intervals[i].state == ENERGY_COMPLETE) {
            sum_interval(summing, corrected, i);
            add_rest(corrected, &corrected->total, corrected->intervals[i].rest, false);
        }
    }
    sum_total(summing, &corrected->total);
    if (sum->has_demand) {
        sum_demand(summing, corrected, calendar);
    }
}

int corrected_sum(struct account *sum, const struct account *const *parts, bool independent,
                  const struct calendar *calendar)
{
    struct corrected *corrected = &sum->corrected;
    for (size_t i = 0; i < sum->part_count; i++) {
        corrected->any = corrected->any || parts[i]->corrected.any;
        corrected->transformers = corrected->transformers || parts[i]->corrected.transformers;
    }
    if (!corrected->any) {
        return OK;
    }
    struct summing summing = {.sum = sum, .parts = parts, .independent = independent};
    int error = make_room(corrected, 0, sum->energy.interval_count);
    error = error ? error : group(&summing);
    if (!error) {
        sum_all(&summing, corrected, calendar);
    }
    free(summing.group);
    free(summing.common);
    return error;
}

void corrected_drop_shares(struct corrected *corrected)
{
    free(corrected->shares);
    corrected->shares = NULL;
    corrected->share_count = 0;
}

void corrected_free(struct corrected *corrected)
{
    corrected_drop_shares(corrected);
    free(corrected->intervals);
    free(corrected->rests);
    corrected->intervals = NULL;
    corrected->rests = NULL;
}
