#include "report/energy_tariff.h"

#include "report/energy_read.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "series/rollup.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NO_PERIOD  0xff
#define ALL_MONTHS 0x1ffe

// --- what is in force
// -----------------------------------------------------------------------------

static struct tm local_of(int64_t quarter)
{
    time_t seconds = (time_t)(rollup_quarter_start(quarter) / 1000000);
    struct tm t = {.tm_year = 0};
    localtime_r(&seconds, &t);
    return t;
}

static int64_t date_of(const struct tm *local)
{
    struct tm midnight = {
        .tm_year = local->tm_year, .tm_mon = local->tm_mon, .tm_mday = local->tm_mday};
    return (int64_t)timegm(&midnight) * 1000000;
}

int tariff_period(const struct tariff *tariff, int64_t quarter)
{
    struct tm local = local_of(quarter);
    int64_t date = date_of(&local);
    const struct tariff_version *version = NULL;
    for (size_t i = 0; i < tariff->version_count && tariff->versions[i].from <= date; i++) {
        version = &tariff->versions[i];
    }
    for (size_t i = 0; version && i < version->season_count; i++) {
        if (version->seasons[i].months >> (local.tm_mon + 1) & 1) {
            return version->seasons[i].period[local.tm_hour * 4 + local.tm_min / 15];
        }
    }
    return -1;
}

static bool is_of(const struct coefficient *coefficient, const char *point, const char *unit)
{
    const char *dot = strchr(point, '.');
    bool found = false;
    for (size_t i = 0; dot && i < coefficient->quantity_count; i++) {
        found = found || strcmp(coefficient->quantities[i], dot + 1) == 0;
    }
    return found && strcmp(coefficient->unit, unit) == 0;
}

const struct coefficient *coefficient_find(const struct coefficient *list, size_t count,
                                           const char *point, const char *unit, int64_t quarter)
{
    struct tm local = local_of(quarter);
    int64_t date = date_of(&local);
    const struct coefficient *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (is_of(&list[i], point, unit) && list[i].from <= date &&
            (!best || list[i].from > best->from)) {
            best = &list[i];
        }
    }
    return best;
}

// --- reading
// --------------------------------------------------------------------------------------

static void read_date(struct document *document, const struct node *node, int64_t *out)
{
    if (node && (strlen(node->scalar) != 10 || clock_parse_utc(node->scalar, out) != OK)) {
        document_fault(document, node, "%s %s: expected a date such as 2026-01-01", node->key,
                       node->scalar);
    }
}

static void read_months(struct document *document, const struct node *list, uint16_t *out)
{
    *out = list ? 0 : ALL_MONTHS;
    for (const struct node *node = list ? list->first : NULL; node; node = node->next) {
        int64_t month = 0;
        if (document_int(document, node, "month", 1, 12, &month)) {
            *out = (uint16_t)(*out | 1u << month);
        }
    }
}

// "08:00" and "24:00" as quarters of an hour of the day, or -1.
static int parse_quarter(const char *text)
{
    for (int i = 0; i < 5; i++) {
        if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9') {
            return -1;
        }
    }
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    bool good = hour < 24 ? minute < 60 && minute % 15 == 0 : hour == 24 && minute == 0;
    return good ? hour * 4 + minute / 15 : -1;
}

// "08:00-12:00" into the season's day.
static void read_hours(struct document *document, const struct node *node, uint8_t period,
                       struct tariff_season *season)
{
    const char *text = node->kind == NODE_SCALAR ? node->scalar : "";
    bool formed = strlen(text) == 11 && text[5] == '-';
    int from = formed ? parse_quarter(text) : -1, to = formed ? parse_quarter(text + 6) : -1;
    if (from < 0 || to <= from) {
        document_fault(document, node,
                       "hours '%s': expected quarters of an hour such as 08:00-12:00 or "
                       "22:00-24:00",
                       text);
        return;
    }
    for (int i = from; i < to; i++) {
        if (season->period[i] != NO_PERIOD) {
            document_fault(document, node, "hours %s: %02d:%02d is in another period already", text,
                           i / 4, i % 4 * 15);
            return;
        }
        season->period[i] = period;
    }
}

// The place of a period of that name, which is new or not.
static int place_of(struct document *document, const struct node *node, struct tariff *tariff)
{
    const char *name = NULL;
    energy_read_word(document, node, &name);
    for (size_t i = 0; name && i < tariff->period_count; i++) {
        if (strcmp(tariff->periods[i], name) == 0) {
            return (int)i;
        }
    }
    if (name && tariff->period_count == TARIFF_PERIODS_MAX) {
        document_fault(document, node, "period %s: at most %d are possible", name,
                       TARIFF_PERIODS_MAX);
        return -1;
    }
    if (name) {
        tariff->periods[tariff->period_count++] = name;
    }
    return name ? (int)tariff->period_count - 1 : -1;
}

static void read_period(struct document *document, const struct node *node, struct tariff *tariff,
                        struct tariff_season *season)
{
    const struct node *name = NULL, *hours = NULL;
    const struct document_key keys[] = {{"name", true, NODE_SCALAR, &name},
                                        {"hours", true, NODE_SEQUENCE, &hours}};
    document_read_keys(document, node, "period", keys, sizeof keys / sizeof keys[0]);
    int place = name ? place_of(document, name, tariff) : -1;
    for (const struct node *one = place >= 0 && hours ? hours->first : NULL; one; one = one->next) {
        read_hours(document, one, (uint8_t)place, season);
    }
}

static void read_season(struct document *document, const struct node *node, struct tariff *tariff,
                        struct tariff_season *season)
{
    const struct node *months = NULL, *periods = NULL;
    const struct document_key keys[] = {{"months", false, NODE_SEQUENCE, &months},
                                        {"periods", true, NODE_SEQUENCE, &periods}};
    bool good = document_read_keys(document, node, "season", keys, sizeof keys / sizeof keys[0]);
    size_t before = document->faults->count + document->faults->dropped;
    memset(season->period, NO_PERIOD, sizeof season->period);
    read_months(document, months, &season->months);
    for (const struct node *one = periods ? periods->first : NULL; one; one = one->next) {
        read_period(document, one, tariff, season);
    }
    good = good && document->faults->count + document->faults->dropped == before;
    for (int i = 0; good && i < TARIFF_QUARTERS; i++) {
        if (season->period[i] == NO_PERIOD) {
            document_fault(document, node, "no period has %02d:%02d", i / 4, i % 4 * 15);
            good = false;
        }
    }
}

static void read_version(struct document *document, void **arena, const struct node *node,
                         struct tariff *tariff, struct tariff_version *version)
{
    const struct node *from = NULL, *seasons = NULL;
    const struct document_key keys[] = {{"from", true, NODE_SCALAR, &from},
                                        {"seasons", true, NODE_SEQUENCE, &seasons}};
    document_read_keys(document, node, "version", keys, sizeof keys / sizeof keys[0]);
    read_date(document, from, &version->from);
    version->seasons = energy_take_list(document, arena, seasons, sizeof *version->seasons);
    unsigned seen = 0;
    for (const struct node *one = version->seasons ? seasons->first : NULL; one; one = one->next) {
        struct tariff_season *season = &version->seasons[version->season_count++];
        read_season(document, one, tariff, season);
        if (seen & season->months) {
            document_fault(document, one, "a month of it is in another season already");
        }
        seen |= season->months;
    }
    for (int month = 1; seasons && month <= 12; month++) {
        if (!(seen >> month & 1)) {
            document_fault(document, seasons, "no season has month %d", month);
            break;
        }
    }
}

void tariff_read(struct document *document, void **arena, const struct node *node,
                 struct tariff **out)
{
    const struct node *name = NULL, *source = NULL, *versions = NULL;
    const struct document_key keys[] = {{"name", true, NODE_SCALAR, &name},
                                        {"source", false, NODE_SCALAR, &source},
                                        {"versions", true, NODE_SEQUENCE, &versions}};
    struct tariff *tariff = arena_take(arena, sizeof *tariff);
    *out = tariff;
    if (!tariff) {
        document_fault(document, node, "out of memory");
        return;
    }
    document_read_keys(document, node, "tariff", keys, sizeof keys / sizeof keys[0]);
    energy_read_word(document, name, &tariff->name);
    energy_read_word(document, source, &tariff->source);
    tariff->versions = energy_take_list(document, arena, versions, sizeof *tariff->versions);
    for (const struct node *one = tariff->versions ? versions->first : NULL; one; one = one->next) {
        struct tariff_version *version = &tariff->versions[tariff->version_count++];
        read_version(document, arena, one, tariff, version);
        if (tariff->version_count > 1 && version->from <= version[-1].from) {
            document_fault(document, one, "this version is not later than the one before");
        }
    }
}

static void read_coefficient(struct document *document, void **arena, const struct node *node,
                             struct coefficient *out)
{
    const struct node *name = NULL, *version = NULL, *source = NULL, *quantities = NULL,
                      *unit = NULL, *factor = NULL, *from = NULL;
    const struct document_key keys[] = {
        {"name", true, NODE_SCALAR, &name},      {"version", true, NODE_SCALAR, &version},
        {"source", false, NODE_SCALAR, &source}, {"quantities", true, NODE_SEQUENCE, &quantities},
        {"unit", true, NODE_SCALAR, &unit},      {"kgce", true, NODE_SCALAR, &factor},
        {"from", true, NODE_SCALAR, &from}};
    document_read_keys(document, node, "coefficient", keys, sizeof keys / sizeof keys[0]);
    energy_read_word(document, name, &out->name);
    energy_read_word(document, version, &out->version);
    energy_read_word(document, source, &out->source);
    energy_read_word(document, unit, &out->unit);
    read_date(document, from, &out->from);
    if (factor && document_decimal(document, factor, "kgce", &out->factor) &&
        (out->factor.negative || !out->factor.magnitude || out->factor.exponent < -12 ||
         out->factor.exponent > 6)) {
        document_fault(document, factor,
                       "kgce %s: expected more than 0, of at most 12 decimal places",
                       factor->scalar);
    }
    out->quantities = energy_take_list(document, arena, quantities, sizeof *out->quantities);
    for (const struct node *one = out->quantities ? quantities->first : NULL; one;
         one = one->next) {
        document_string(document, one, "quantity", 1, 32, &out->quantities[out->quantity_count++]);
    }
}

// Two for one quantity from one day on: nobody could say which.
static void check_coefficient(struct document *document, const struct node *node,
                              const struct coefficient *list, size_t count)
{
    const struct coefficient *last = &list[count - 1];
    for (size_t i = 0; last->unit && i + 1 < count; i++) {
        for (size_t j = 0; list[i].unit && list[i].from == last->from && j < last->quantity_count;
             j++) {
            char point[64];
            snprintf(point, sizeof point, ".%s", last->quantities[j] ? last->quantities[j] : "");
            if (is_of(&list[i], point, last->unit)) {
                document_fault(document, node, "%s in %s has another coefficient from that day on",
                               last->quantities[j], last->unit);
            }
        }
    }
}

void coefficients_read(struct document *document, void **arena, const struct node *list,
                       struct coefficient **out, size_t *count)
{
    *count = 0;
    *out = energy_take_list(document, arena, list, sizeof **out);
    size_t before = document->faults->count + document->faults->dropped;
    for (const struct node *node = *out ? list->first : NULL; node; node = node->next) {
        read_coefficient(document, arena, node, &(*out)[(*count)++]);
        if (document->faults->count + document->faults->dropped == before) {
            check_coefficient(document, node, *out, *count);
        }
    }
}
