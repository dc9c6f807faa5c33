#include "report/energy_amended.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX " (as amended)"

// How many readings of the meter are amended in quarters of an hour [from, to).
static size_t count(const struct energy_amended *amended, const struct meter *meter, int64_t from,
                    int64_t to)
{
    size_t sum = 0;
    for (size_t i = 0; i < meter->number_count; i++) {
        const struct amendments *amendments = &amended->amendments[meter->numbers[i].log];
        sum += amendments_count(amendments, &meter->numbers[i].number, 1,
                                rollup_quarter_start(from), rollup_quarter_start(to));
    }
    return sum;
}

static int make_room(struct energy_amended *out, size_t meters)
{
    out->meters.list = calloc(meters + 1, sizeof *out->meters.list);
    out->accounts = calloc(meters + 1, sizeof *out->accounts);
    out->names = calloc(meters + 1, sizeof(char *));
    out->places = calloc(meters + 1, sizeof *out->places);
    out->changed = calloc(meters + 1, sizeof *out->changed);
    return out->meters.list && out->accounts && out->names && out->places && out->changed
               ? OK
               : ERROR_MEMORY;
}

// The meters with an amendment of a reading that may count.
static void list_meters(struct energy_amended *out, const struct meters *recorded)
{
    for (size_t i = 0; i < recorded->count; i++) {
        if (count(out, &recorded->list[i], recorded->from - METER_REACH_QUARTERS,
                  recorded->to + METER_REACH_QUARTERS)) {
            out->places[out->meters.count] = i;
            out->meters.list[out->meters.count++] = meter_again(&recorded->list[i]);
        }
    }
}

// Whether other readings than those recorded are reckoned with.
static bool differs(const struct meter *meter, const struct meter *recorded)
{
    size_t same = 0;
    for (size_t i = 0; i < recorded->reading_count; i++) {
        const struct energy_reading *want = &recorded->readings[i];
        while (same < meter->reading_count && meter->readings[same].t_us < want->t_us) {
            same++;
        }
        struct exact value = exact_of(want->value), now = {{0}};
        if (same < meter->reading_count) {
            now = exact_of(meter->readings[same].value);
        }
        if (same == meter->reading_count || meter->readings[same].t_us != want->t_us ||
            exact_compare(&value, &now) != 0) {
            return true;
        }
        same++;
    }
    return false;
}

int energy_amended_name(struct account *account, size_t readings, char **name)
{
    const char *plain = account->name ? account->name : account->title;
    size_t length = strlen(plain) + sizeof SUFFIX;
    *name = malloc(length);
    if (!*name) {
        return ERROR_MEMORY;
    }
    snprintf(*name, length, "%s" SUFFIX, plain);
    account->amended_of = plain;
    account->amended = readings;
    account->name = account->name ? *name : NULL;
    account->title = account->name ? account->title : *name;
    return OK;
}

static int make_accounts(struct energy_amended *out, const struct meters *recorded,
                         const struct energy_table *table, const struct calendar *calendar,
                         bool keep)
{
    int error = OK;
    for (size_t i = 0; !error && i < out->meters.count; i++) {
        struct meter *meter = &out->meters.list[i];
        size_t readings = count(out, meter, recorded->from, recorded->to);
        out->changed[i] = readings || differs(meter, &recorded->list[out->places[i]]);
        error = account_make(&out->accounts[i], meter, calendar, keep);
        error = error ? error : account_use(&out->accounts[i], table, calendar);
        error = error ? error : energy_amended_name(&out->accounts[i], readings, &out->names[i]);
    }
    return error;
}

// Of a log before the current one, which may be damaged, what cannot be read is said.
static int load(struct energy_amended *out, const struct meters *recorded, size_t *amendments,
                struct why *why)
{
    out->amendments = calloc(recorded->log_count, sizeof *out->amendments);
    out->meters.amendments = out->amendments;
    int error = out->amendments ? OK : ERROR_MEMORY;
    for (size_t i = 0; !error && i < recorded->log_count; i++) {
        error = amendments_load(&out->amendments[i], recorded->logs[i].reader, why);
        if (error && error != ERROR_MEMORY && i + 1 < recorded->log_count) {
            fprintf(stderr, "%s: amendments in a log before are left out: %s\n", recorded->command,
                    why->text);
            amendments_free(&out->amendments[i]);
            out->amendments[i] = (struct amendments){.list = NULL};
            error = OK;
        }
        *amendments += out->amendments[i].count;
        amendments_say_faults(&out->amendments[i], recorded->command);
    }
    return error;
}

int energy_amended_make(struct energy_amended *out, const struct meters *recorded,
                        const struct energy_table *table, const struct calendar *calendar,
                        bool keep, struct why *why)
{
    *out = (struct energy_amended){.meters = *recorded};
    out->meters.list = NULL;
    out->meters.count = 0;
    size_t amendments = 0;
    int error = load(out, recorded, &amendments, why);
    if (error || !amendments) {
        return error;
    }
    error = make_room(out, recorded->count);
    if (error) {
        return error;
    }
    list_meters(out, recorded);
    error = out->meters.count ? meters_read(&out->meters, why) : OK;
    return error ? error : make_accounts(out, recorded, table, calendar, keep);
}

void energy_amended_free(struct energy_amended *amended)
{
    for (size_t i = 0; i < amended->meters.count; i++) {
        account_free(&amended->accounts[i]);
        meter_free_again(&amended->meters.list[i]);
        free(amended->names[i]);
    }
    free(amended->meters.list);
    free(amended->accounts);
    free(amended->names);
    free(amended->places);
    free(amended->changed);
    for (size_t i = 0; amended->amendments && i < amended->meters.log_count; i++) {
        amendments_free(&amended->amendments[i]);
    }
    free(amended->amendments);
}

const struct account *energy_amended_find(const struct energy_amended *amended, size_t place)
{
    for (size_t i = 0; i < amended->meters.count; i++) {
        if (amended->places[i] == place && amended->changed[i]) {
            return &amended->accounts[i];
        }
    }
    return NULL;
}

static bool goes_by(const struct energy_amended *amended, const struct amended *one)
{
    const struct meters *meters = &amended->meters;
    bool counts = one->state == AMENDED_HOLDS && one->what.kind != AMENDMENT_WITHDRAWN;
    for (size_t i = 0; counts && i < meters->count; i++) {
        const struct meter *meter = &meters->list[i];
        for (size_t j = 0; amended->changed[i] && j < meter->number_count; j++) {
            if (meter->numbers[j].number == one->what.point &&
                meter->numbers[j].log + 1 == meters->log_count) {
                return true;
            }
        }
    }
    return false;
}

bool energy_amended_last(const struct energy_amended *amended, uint64_t *n)
{
    bool any = false;
    const struct amendments *current =
        amended->meters.count ? &amended->amendments[amended->meters.log_count - 1] : NULL;
    for (size_t i = 0; current && i < current->amending; i++) {
        if (goes_by(amended, &current->list[i]) && (!any || current->list[i].n > *n)) {
            *n = current->list[i].n;
            any = true;
        }
    }
    return any;
}
