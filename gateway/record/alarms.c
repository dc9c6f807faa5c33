#include "record/alarms.h"

#include "record/alarm_text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 512

struct alarms {
    size_t instrument_count, count;
    struct watched *watched;    // those with limits, in the configuration's order
    struct watched **by_number; // the same, by the number of the point
    struct watched ***of;       // of[instrument][slot], NULL where there are none
    pthread_mutex_t lock;       // guards the part of each that others see
};

// --- making

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = (*(struct watched *const *)a)->number, y = (*(struct watched *const *)b)->number;
    return (x > y) - (x < y);
}

static struct watched *find_number(const struct alarms *alarms, uint32_t number)
{
    struct watched key = {.number = number}, *wanted = &key;
    struct watched **found = alarms ? bsearch(&wanted, alarms->by_number, alarms->count,
                                              sizeof(struct watched *), compare_numbers)
                                    : NULL;
    return found ? *found : NULL;
}

static bool same_rule(const struct limits_rule *a, const struct limits_rule *b)
{
    bool same = a->watched == b->watched && a->guarded == b->guarded &&
                a->rate_per_s == b->rate_per_s && a->delay_us == b->delay_us &&
                a->frozen_us == b->frozen_us && a->silence_us == b->silence_us;
    for (int i = 0; i < BOUND_COUNT; i++) {
        same = same && a->bounds[i].at == b->bounds[i].at && a->bounds[i].back == b->bounds[i].back;
    }
    return same;
}

// The same point (a number means one definition for ever) under the same limits, or NULL.
static const struct watched *find_same(const struct alarms *alarms, const struct watched *watched)
{
    const struct watched *found = find_number(alarms, watched->number);
    return found && same_rule(&found->rule, &watched->rule) &&
                   alarm_windows_same(found->windows, watched->windows)
               ? found
               : NULL;
}

static void begin(struct watched *watched, const struct alarms *before, int64_t mono_us)
{
    const struct watched *same = find_same(before, watched);
    if (same) {
        watched->state = same->state;
        watched->seen = same->seen;
        alarm_windows_take_over(watched->windows, same->windows);
    } else {
        limits_begin(&watched->state, mono_us);
    }
}

// Its readings are of use to limits, its own or a register's.
static bool is_watched(const struct config_instrument *instrument, size_t slot)
{
    return instrument->limits &&
           (instrument->limits[slot] || alarm_windows_is_power(instrument, slot));
}

// Has each power know the registers that are compared with it.
static void tie_powers(const struct config_instrument *instrument, struct watched **of)
{
    for (size_t slot = 0; slot < instrument->quantity_count; slot++) {
        if (of[slot] && of[slot]->windows && of[slot]->windows->has_energy) {
            struct alarm_windows *power = of[instrument->limits[slot]->energy.power]->windows;
            of[slot]->windows->next_of_power = power->registers;
            power->registers = of[slot];
        }
    }
}

// False when memory is short.
static bool add_instrument(struct alarms *alarms, const struct config_instrument *instrument,
                           const uint32_t *numbers, struct watched **of, int64_t mono_us)
{
    static const struct config_limits none;
    for (size_t slot = 0; slot < instrument->quantity_count; slot++) {
        if (!is_watched(instrument, slot)) {
            continue;
        }
        struct watched *watched = &alarms->watched[alarms->count];
        const struct driver_quantity *quantity = instrument->quantities[slot];
        watched->limits = instrument->limits[slot] ? instrument->limits[slot] : &none;
        watched->unit = quantity->unit;
        watched->number = numbers[slot];
        snprintf(watched->name, sizeof watched->name, "%s.%s", instrument->name, quantity->name);
        limits_compile(watched->limits, &watched->rule);
        alarms->by_number[alarms->count++] = watched;
        of[slot] = watched;
        if (!alarm_windows_make(&watched->windows, instrument, numbers, slot, mono_us)) {
            return false;
        }
    }
    tie_powers(instrument, of);
    return true;
}

static size_t count_limits(const struct config *config)
{
    size_t count = 0;
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        for (size_t slot = 0; instrument->limits && slot < instrument->quantity_count; slot++) {
            count += is_watched(instrument, slot);
        }
    }
    return count;
}

static bool take_memory(struct alarms *alarms, const struct config *config, size_t count)
{
    alarms->instrument_count = config->instrument_count;
    alarms->watched = calloc(count, sizeof *alarms->watched);
    alarms->by_number = calloc(count, sizeof(struct watched *));
    alarms->of = calloc(config->instrument_count, sizeof(struct watched **));
    bool good = alarms->watched && alarms->by_number && alarms->of;
    for (size_t i = 0; good && i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        if (instrument->limits) {
            alarms->of[i] = calloc(instrument->quantity_count + 1, sizeof(struct watched *));
            good = alarms->of[i];
        }
    }
    return good;
}

int alarms_make(struct alarms **out, const struct config *config,
                const struct definitions *definitions, const struct alarms *before, int64_t mono_us,
                struct why *why)
{
    size_t count = count_limits(config);
    *out = NULL;
    if (!count) {
        return OK;
    }
    struct alarms *alarms = calloc(1, sizeof *alarms);
    if (!alarms) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    pthread_mutex_init(&alarms->lock, NULL);
    bool good = take_memory(alarms, config, count);
    for (size_t i = 0; good && i < config->instrument_count; i++) {
        good = !alarms->of[i] || add_instrument(alarms, &config->instruments[i],
                                                definitions->numbers[i], alarms->of[i], mono_us);
    }
    if (!good) {
        alarms_free(alarms);
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    qsort(alarms->by_number, alarms->count, sizeof(struct watched *), compare_numbers);
    for (size_t i = 0; i < alarms->count; i++) {
        begin(&alarms->watched[i], before, mono_us);
    }
    *out = alarms;
    return OK;
}

void alarms_free(struct alarms *alarms)
{
    if (!alarms) {
        return;
    }
    for (size_t i = 0; alarms->of && i < alarms->instrument_count; i++) {
        free(alarms->of[i]);
    }
    for (size_t i = 0; i < alarms->count; i++) {
        free(alarms->watched[i].windows);
    }
    free(alarms->of);
    free(alarms->by_number);
    free(alarms->watched);
    pthread_mutex_destroy(&alarms->lock);
    free(alarms);
}

void alarms_end(const struct alarms *before, const struct alarms *after,
                const struct alarms_sink *sink, int64_t t_us, int64_t mono_us)
{
    for (size_t i = 0; before && i < before->count; i++) {
        const struct watched *watched = &before->watched[i];
        bool stays = find_same(after, watched);
        for (int kind = 0; !stays && kind < LIMIT_KINDS; kind++) {
            if (watched->seen.raised >> kind & 1) {
                struct text text = text_make(TEXT_MAX);
                alarm_text_ended(&text, watched, (enum limit_kind)kind, mono_us);
                sink->event(sink->context, t_us, mono_us, "limit.cleared", watched->name,
                            text.length ? text.data : "");
                text_free(&text);
            }
        }
    }
}

// --- the recorder's thread

static struct watched *find(const struct alarms *alarms, size_t instrument, size_t slot)
{
    return alarms && alarms->of[instrument] ? alarms->of[instrument][slot] : NULL;
}

// Shows what changed to the others, and puts it on record. This thread alone writes what is raised,
// and since when; it reads that without the lock.
static void tell(struct alarms *alarms, struct watched *watched, struct limits_change change,
                 const struct alarm_moment *moment, const struct alarms_sink *sink)
{
    struct alarm_seen *seen = &watched->seen;
    pthread_mutex_lock(&alarms->lock);
    seen->raised = watched->state.raised | alarm_windows_raised(watched->windows);
    seen->acknowledged &= (uint16_t) ~(change.raised | change.cleared);
    for (int kind = 0; kind < LIMIT_KINDS; kind++) {
        if (change.raised >> kind & 1) {
            seen->since_us[kind] = moment->t_us;
            seen->since_mono_us[kind] = moment->mono_us;
        }
    }
    pthread_mutex_unlock(&alarms->lock);
    for (int kind = 0; kind < LIMIT_KINDS; kind++) {
        bool raised = change.raised >> kind & 1;
        if (!raised && !(change.cleared >> kind & 1)) {
            continue;
        }
        struct text text = text_make(TEXT_MAX);
        if (raised) {
            alarm_text_raised(&text, watched, (enum limit_kind)kind, moment);
        } else {
            alarm_text_cleared(&text, watched, (enum limit_kind)kind, moment,
                               seen->since_mono_us[kind]);
        }
        sink->event(sink->context, moment->t_us, moment->mono_us,
                    raised ? "limit.raised" : "limit.cleared", watched->name,
                    text.length ? text.data : "");
        text_free(&text);
    }
}

// A reading that raised or cleared something. Apart, so that alarms_take is short.
static __attribute__((noinline)) void tell_reading(struct alarms *alarms, struct watched *watched,
                                                   struct limits_change change,
                                                   struct alarm_moment moment,
                                                   const struct alarms_sink *sink)
{
    tell(alarms, watched, change, &moment, sink);
}

// Apart likewise: few points have such. What changes of a register that is compared with this point
// is told at once; what changes of the point itself is added to `change`.
static __attribute__((noinline)) struct limits_change
take_windows(struct alarms *alarms, const struct alarms_sink *sink, struct watched *watched,
             struct limits_change change, const struct alarm_moment *moment)
{
    struct limits_change more =
        alarm_windows_take(watched->windows, moment->reading, moment->mono_us);
    change.raised |= more.raised;
    change.cleared |= more.cleared;
    struct watched *counter = moment->reading ? watched->windows->registers : NULL;
    for (; counter; counter = counter->windows->next_of_power) {
        more = alarm_windows_take_power(counter->windows, moment->reading, moment->mono_us);
        if (more.raised | more.cleared) {
            tell(alarms, counter, more, moment, sink);
        }
    }
    return change;
}

void alarms_expect(const struct alarms *alarms, size_t instrument, size_t slot)
{
    const struct watched *watched = find(alarms, instrument, slot);
    if (watched) {
        __builtin_prefetch(&watched->rule.frozen_us);
        __builtin_prefetch(&watched->state);
    }
}

uint32_t alarms_take(struct alarms *alarms, const struct alarms_sink *sink, size_t instrument,
                     size_t slot, const struct reading *reading, int64_t mono_us)
{
    struct watched *watched = find(alarms, instrument, slot);
    if (!watched) {
        return 0;
    }
    double number = watched->state.number;
    int64_t number_us = watched->state.number_us;
    struct limits_change change = limits_take(&watched->rule, &watched->state, reading, mono_us);
    if (watched->windows) {
        const struct alarm_moment moment = {reading->t_us, mono_us, reading, number, number_us};
        change = take_windows(alarms, sink, watched, change, &moment);
    }
    if (change.raised | change.cleared) {
        tell_reading(alarms, watched, change,
                     (struct alarm_moment){reading->t_us, mono_us, reading, number, number_us},
                     sink);
    }
    return change.exceeds ? FLAG_LIMIT_EXCEEDED : 0;
}

void alarms_miss(struct alarms *alarms, const struct alarms_sink *sink, size_t instrument,
                 size_t slot, int64_t t_us, int64_t mono_us)
{
    struct watched *watched = find(alarms, instrument, slot);
    if (!watched) {
        return;
    }
    const struct alarm_moment moment = {.t_us = t_us, .mono_us = mono_us};
    struct limits_change change = limits_miss(&watched->rule, &watched->state, mono_us);
    if (watched->windows) {
        change = take_windows(alarms, sink, watched, change, &moment);
    }
    if (change.raised | change.cleared) {
        tell(alarms, watched, change, &moment, sink);
    }
}

// --- other threads

void alarms_each(struct alarms *alarms, void (*each)(void *context, const struct alarm *alarm),
                 void *context)
{
    struct text limit = text_make(TEXT_MAX);
    if (!alarms) {
        return;
    }
    pthread_mutex_lock(&alarms->lock);
    for (size_t i = 0; i < alarms->count; i++) {
        const struct watched *watched = &alarms->watched[i];
        const struct alarm_seen *seen = &watched->seen;
        for (int kind = 0; kind < LIMIT_KINDS; kind++) {
            bool acknowledged = seen->acknowledged >> kind & 1;
            if (!(seen->raised >> kind & 1)) {
                continue;
            }
            text_clear(&limit);
            alarm_text_limit(&limit, watched->limits, watched->unit, (enum limit_kind)kind);
            struct alarm alarm = {.point = watched->name,
                                  .kind = (enum limit_kind)kind,
                                  .limit = limit.length ? limit.data : "",
                                  .since_us = seen->since_us[kind],
                                  .acknowledged_us = acknowledged ? seen->acknowledged_us : 0,
                                  .account = acknowledged ? seen->account : ""};
            each(context, &alarm);
        }
    }
    pthread_mutex_unlock(&alarms->lock);
    text_free(&limit);
}

void alarms_count(struct alarms *alarms, size_t *raised, size_t *unacknowledged)
{
    *raised = *unacknowledged = 0;
    if (!alarms) {
        return;
    }
    pthread_mutex_lock(&alarms->lock);
    for (size_t i = 0; i < alarms->count; i++) {
        const struct alarm_seen *seen = &alarms->watched[i].seen;
        *raised += (size_t)__builtin_popcount(seen->raised);
        *unacknowledged += (size_t)__builtin_popcount(seen->raised & (unsigned)~seen->acknowledged);
    }
    pthread_mutex_unlock(&alarms->lock);
}

static struct watched *find_name(struct alarms *alarms, const char *point)
{
    for (size_t i = 0; alarms && i < alarms->count; i++) {
        if (strcmp(alarms->watched[i].name, point) == 0) {
            return &alarms->watched[i];
        }
    }
    return NULL;
}

int alarms_acknowledge(struct alarms *alarms, const char *point, const char *account, int64_t t_us,
                       struct text *limits, struct why *why)
{
    struct watched *watched = find_name(alarms, point);
    if (!watched) {
        return why_set(why, ERROR_ABSENT, "no limits are configured for it");
    }
    struct alarm_seen *seen = &watched->seen;
    pthread_mutex_lock(&alarms->lock);
    bool raised = seen->raised;
    unsigned now = seen->raised & (unsigned)~seen->acknowledged;
    if (now) {
        seen->acknowledged = seen->raised;
        seen->acknowledged_us = t_us;
        snprintf(seen->account, sizeof seen->account, "%s", account);
    }
    pthread_mutex_unlock(&alarms->lock);
    for (int kind = 0, written = 0; kind < LIMIT_KINDS; kind++) {
        if (now >> kind & 1) {
            text_append_string(limits, written++ ? ", " : "");
            text_append_string(limits, limit_name((enum limit_kind)kind));
        }
    }
    return now      ? OK
           : raised ? why_set(why, ERROR_ABSENT, "it is acknowledged already")
                    : why_set(why, ERROR_ABSENT, "nothing is raised there");
}
