// A report of energy as JSON: one object, a meter's intervals a line each.
#include "report/energy_forms.h"

#include "common/show.h"
#include "report/energy_corrected.h"
#include "report/energy_words.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

static void json_moments(struct text *out, int64_t from_us, int64_t to_us)
{
    text_append_string(out, "\"from_us\":");
    text_append_int(out, from_us);
    text_append_string(out, ",\"to_us\":");
    text_append_int(out, to_us);
    text_append_string(out, ",\"from\":\"");
    show_append_utc(out, from_us);
    text_append_string(out, "\",\"to\":\"");
    show_append_utc(out, to_us);
    text_append_string(out, "\"");
}

static void json_exact(struct text *out, const char *key, const struct exact *number)
{
    text_append_string(out, ",\"");
    text_append_string(out, key);
    text_append_string(out, "\":");
    exact_append_json(out, number);
}

static void json_decimal(struct text *out, const char *key, struct decimal decimal)
{
    text_append_format(out, ",\"%s\":", key);
    struct exact number = exact_of(decimal);
    exact_append_json(out, &number);
}

// What the clock leaves open of an interval with a figure.
static void json_clock(struct text *out, bool ambiguous, int64_t bound_us)
{
    text_append_string(out, ambiguous ? ",\"ambiguous\":true,\"time_uncertainty_us\":"
                                      : ",\"ambiguous\":false,\"time_uncertainty_us\":");
    if (bound_us == INT64_MAX) {
        text_append_string(out, "null");
    } else {
        text_append_int(out, bound_us);
    }
}

void energy_json_begin(const struct energy_head *head, struct text *out)
{
    const struct covered *covered = head->covered;
    text_append_string(out, "{\"report\":\"energy\",\"site\":");
    if (head->site_name) {
        text_append_string(out, "{\"name\":");
        text_append_json(out, head->site_name);
        text_append_format(out, ",\"code\":\"%s\"}", head->site_code);
    } else {
        text_append_string(out, "null");
    }
    text_append_string(out, ",\"log\":");
    text_append_json(out, head->origin);
    text_append_string(out, ",\"logs_before\":");
    logs_append_json(out, head->logs);
    text_append_string(out, ",\"time_zone\":");
    text_append_json(out, head->time_zone);
    text_append_format(out, ",\"every\":\"%s\",", interval_word(head->every));
    json_moments(out, head->calendar->boundaries[0],
                 head->calendar->boundaries[head->calendar->count]);
    text_append_format(out, ",\"state\":\"%s\",\"over\":%s,",
                       covered->final ? "final" : "preliminary", covered->over ? "true" : "false");
    energy_append_receipts_json(out, covered);
    text_append_string(out, ",\"table\":");
    if (head->table) {
        text_append_string(out, "\"");
        text_append_hex(out, head->table->hash.bytes, DIGEST_SIZE);
        text_append_string(out, "\"");
    } else {
        text_append_string(out, "null");
    }
    text_append_string(out, ",\"meters\":[");
}

static void json_intervals(const struct energy_head *head, const struct account *account,
                           struct text *out)
{
    const struct energy *energy = &account->energy;
    text_append_string(out, ",\"intervals\":[");
    for (size_t i = 0; i < energy->interval_count; i++) {
        const struct energy_interval *interval = &energy->intervals[i];
        bool complete = interval->state == ENERGY_COMPLETE;
        text_append_string(out, i ? ",\n{" : "\n{");
        json_moments(out, head->calendar->boundaries[i], head->calendar->boundaries[i + 1]);
        if (complete) {
            json_exact(out, "energy", &interval->energy);
        } else {
            text_append_string(out, ",\"energy\":null");
        }
        if (complete && account->name) {
            text_append_string(out, ",\"opened_us\":");
            text_append_int(out, interval->opened_us);
            text_append_string(out, ",\"closed_us\":");
            text_append_int(out, interval->closed_us);
        }
        energy_corrected_append_json(out, energy_corrected_of(account, i));
        if (complete) {
            json_clock(out, interval->ambiguous, interval->bound_us);
        }
        text_append_string(out, ",\"state\":\"");
        text_append_string(out, account_state(account, i, head->calendar));
        text_append_string(out, "\"");
        text_append_string(out, interval->flags ? ",\"flags\":[\"" : ",\"flags\":[");
        show_append_flags(out, interval->flags, "\",\"");
        text_append_string(out, interval->flags ? "\"]}" : "]}");
    }
    text_append_string(out, "]");
}

static void json_lists(const struct account *account, struct text *out)
{
    const struct energy *energy = &account->energy;
    text_append_string(out, ",\"spans\":[");
    for (size_t i = 0; i < energy->span_count; i++) {
        text_append_string(out, i ? ",\n{" : "\n{");
        json_moments(out, energy->spans[i].from_us, energy->spans[i].to_us);
        json_exact(out, "energy", &energy->spans[i].energy);
        text_append_format(out, ",\"crosses\":%s}", energy->spans[i].crosses ? "true" : "false");
    }
    text_append_string(out, "],\"unknowns\":[");
    for (size_t i = 0; i < energy->unknown_count; i++) {
        text_append_string(out, i ? ",\n{" : "\n{");
        json_moments(out, energy->unknowns[i].from_us, energy->unknowns[i].to_us);
        text_append_format(out, ",\"kind\":\"%s\"", energy_unknown_word(&energy->unknowns[i]));
        json_decimal(out, "closing", energy->unknowns[i].closing);
        json_decimal(out, "opening", energy->unknowns[i].opening);
        text_append_string(out, "}");
    }
    text_append_string(out, "],\"segments\":[");
    for (size_t i = 0; i < energy->segment_count; i++) {
        text_append_string(out, i ? ",\n{" : "\n{");
        json_moments(out, energy->segments[i].from_us, energy->segments[i].to_us);
        json_decimal(out, "first", energy->segments[i].first);
        json_decimal(out, "last", energy->segments[i].last);
        text_append_format(out, ",\"rollovers\":%" PRIu64 "}", energy->segments[i].rollovers);
    }
    text_append_string(out, "]");
}

static void json_totals(const struct account *account, struct text *out)
{
    const struct energy *energy = &account->energy;
    char unit[40];
    json_exact(out, "energy", &energy->allocated);
    json_exact(out, "unallocated", &energy->unallocated);
    json_exact(out, "crossing", &energy->crossing);
    json_exact(out, "registered", &energy->registered);
    text_append_format(out, ",\"complete\":%zu,\"of\":%zu,\"ambiguous\":%zu,\"maximum_demand\":",
                       energy->complete, energy->interval_count, energy->ambiguous);
    if (account->has_demand) {
        text_append_string(out, "{");
        json_moments(out, account->demand_us, account->demand_us + ROLLUP_QUARTER_US);
        json_exact(out, "energy", &account->demand);
        json_exact(out, "mean", &account->demand_mean);
        text_append_string(out, ",\"unit\":");
        text_append_json(out, energy_unit_an_hour(account->unit, unit));
        energy_corrected_append_json(out,
                                     account->corrected.any ? &account->corrected.demand : NULL);
        json_clock(out, account->demand_ambiguous, account->demand_bound_us);
        text_append_string(out, "}");
    } else {
        text_append_string(out, "null");
    }
    text_append_format(out,
                       ",\"readings\":%" PRIu64 ",\"none\":%" PRIu64 ",\"missed\":%" PRIu64
                       ",\"mismatched\":%" PRIu64 ",\"quarters_unused\":%zu",
                       account->taken, account->none, account->missed, account->mismatched,
                       account->disordered);
    energy_corrected_append_json(out, account->corrected.any ? &account->corrected.total : NULL);
}

static void json_use(const struct account *account, struct text *out)
{
    const struct tariff *tariff = account->tariff;
    if (tariff) {
        text_append_string(out, ",\"tariff\":{\"name\":");
        text_append_json(out, tariff->name);
        text_append_string(out, ",\"periods\":{");
        for (size_t i = 0; i < tariff->period_count; i++) {
            text_append_string(out, i ? "," : "");
            text_append_json(out, tariff->periods[i]);
            text_append_string(out, ":");
            exact_append_json(out, &account->periods[i]);
        }
        text_append_string(out, "}");
        json_exact(out, "unassigned", &account->unassigned);
        text_append_string(out, "}");
    }
    if (account->coefficient_count) {
        text_append_string(out, ",\"coal_equivalent\":{\"unit\":\"kgce\"");
        json_exact(out, "energy", &account->coal);
        json_exact(out, "unconverted", &account->unconverted);
        for (size_t i = 0; i < account->coefficient_count; i++) {
            text_append_string(out, i ? ",{\"name\":" : ",\"coefficients\":[{\"name\":");
            text_append_json(out, account->coefficients[i]->name);
            text_append_string(out, ",\"version\":");
            text_append_json(out, account->coefficients[i]->version);
            json_decimal(out, "kgce", account->coefficients[i]->factor);
            text_append_string(out, ",\"per\":");
            text_append_json(out, account->coefficients[i]->unit);
            text_append_string(out, "}");
        }
        text_append_string(out, "]}");
    }
}

void energy_json_write(const struct energy_head *head, const struct account *account,
                       struct text *out, bool first)
{
    text_append_string(out, first ? "\n{\"name\":" : ",\n{\"name\":");
    text_append_json(out, account->name ? account->name : account->title);
    if (account->amended_of) {
        text_append_string(out, ",\"as_amended\":{\"of\":");
        text_append_json(out, account->amended_of);
        text_append_format(out, ",\"readings\":%zu}", account->amended);
    }
    for (size_t i = 0; i < account->part_count; i++) {
        text_append_format(out, "%s{\"name\":", i ? "," : ",\"parts\":[");
        text_append_json(out, account->parts[i].name);
        text_append_format(out, ",\"sign\":%d}%s", account->parts[i].minus ? -1 : 1,
                           i + 1 == account->part_count ? "]" : "");
    }
    if (account->kind) {
        text_append_format(out, ",\"kind\":\"%s\"", account->kind);
    }
    text_append_string(out, ",\"unit\":");
    text_append_json(out, account->unit);
    json_totals(account, out);
    json_use(account, out);
    if (account->name) {
        json_lists(account, out);
    }
    json_intervals(head, account, out);
    text_append_string(out, "}");
}
