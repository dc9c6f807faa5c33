// A report of energy as CSV (RFC 4180): a row an interval, a span, a total.
#include "report/energy_forms.h"

#include "common/show.h"
#include "report/energy_corrected.h"
#include "report/energy_words.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

void energy_csv_begin(struct text *out)
{
    text_append_string(out, "kind,name,from_utc,from_local,to_utc,to_local,energy,unit,state,flags,"
                            "report,receipt," ENERGY_CORRECTED_FIELDS ",time_uncertainty_us\r\n");
}

static void csv_head(struct text *out, const char *kind, const struct account *account,
                     int64_t from_us, int64_t to_us)
{
    text_append_format(out, "%s,", kind);
    rows_append_field(out, account->name ? account->name : account->title);
    text_append_string(out, ",");
    show_append_utc(out, from_us);
    text_append_string(out, ",");
    show_append_local(out, from_us);
    text_append_string(out, ",");
    show_append_utc(out, to_us);
    text_append_string(out, ",");
    show_append_local(out, to_us);
    text_append_string(out, ",");
}

static void csv_tail(const struct energy_head *head, struct text *out, const char *unit,
                     const char *state, const struct energy_interval *interval,
                     const struct corrected_figure *figure)
{
    bool timed = interval && interval->state == ENERGY_COMPLETE && interval->bound_us != INT64_MAX;
    text_append_string(out, ",");
    rows_append_field(out, unit);
    text_append_string(out, ",");
    rows_append_field(out, state);
    text_append_string(out, ",");
    if (interval) {
        energy_append_flags(out, interval, " ");
    }
    text_append_string(out, head->covered->final ? ",final," : ",preliminary,");
    if (head->covered->final) {
        struct text words = text_make(8192);
        energy_append_receipts(&words, head->covered);
        rows_append_field(out, words.data);
        text_free(&words);
    }
    energy_corrected_append_csv(out, figure);
    text_append_string(out, ",");
    if (timed) {
        text_append_int(out, interval->bound_us);
    }
    text_append_string(out, "\r\n");
}

// Rows of the whole time.
static void csv_use(const struct energy_head *head, const struct account *account, struct text *out)
{
    const struct calendar *calendar = head->calendar;
    int64_t from_us = calendar->boundaries[0], to_us = calendar->boundaries[calendar->count];
    size_t periods = account->tariff ? account->tariff->period_count : 0;
    for (size_t i = 0; account->tariff && i <= periods; i++) {
        csv_head(out, "tariff", account, from_us, to_us);
        exact_append(out, i < periods ? &account->periods[i] : &account->unassigned);
        csv_tail(head, out, account->unit, i < periods ? account->tariff->periods[i] : "", NULL,
                 NULL);
    }
    if (account->coefficient_count) {
        csv_head(out, "coal-equivalent", account, from_us, to_us);
        exact_append(out, &account->coal);
        csv_tail(head, out, "kgce", account->coefficients[account->coefficient_count - 1]->version,
                 NULL, NULL);
    }
}

// Rows of what is corrected of the whole time, and of the quarter of an hour with most.
static void csv_corrected(const struct energy_head *head, const struct account *account,
                          struct text *out)
{
    const struct calendar *calendar = head->calendar;
    if (!account->corrected.any) {
        return;
    }
    csv_head(out, "total", account, calendar->boundaries[0], calendar->boundaries[calendar->count]);
    exact_append(out, &account->energy.allocated);
    csv_tail(head, out, account->unit, "", NULL, &account->corrected.total);
    if (account->has_demand) {
        csv_head(out, "maximum-demand", account, account->demand_us,
                 account->demand_us + ROLLUP_QUARTER_US);
        exact_append(out, &account->demand);
        csv_tail(head, out, account->unit, "", NULL, &account->corrected.demand);
    }
}

void energy_csv_write(const struct energy_head *head, const struct account *account,
                      struct text *out)
{
    const struct energy *energy = &account->energy;
    for (size_t i = 0; i < energy->interval_count; i++) {
        const struct energy_interval *interval = &energy->intervals[i];
        csv_head(out, "interval", account, head->calendar->boundaries[i],
                 head->calendar->boundaries[i + 1]);
        if (interval->state == ENERGY_COMPLETE) {
            exact_append(out, &interval->energy);
        }
        csv_tail(head, out, account->unit, account_state(account, i, head->calendar), interval,
                 energy_corrected_of(account, i));
    }
    for (size_t i = 0; i < energy->span_count; i++) {
        csv_head(out, "unallocated", account, energy->spans[i].from_us, energy->spans[i].to_us);
        exact_append(out, &energy->spans[i].energy);
        csv_tail(head, out, account->unit, energy->spans[i].crosses ? "crosses" : "", NULL, NULL);
    }
    for (size_t i = 0; i < energy->unknown_count; i++) {
        csv_head(out, "unknown", account, energy->unknowns[i].from_us, energy->unknowns[i].to_us);
        csv_tail(head, out, account->unit, energy_unknown_word(&energy->unknowns[i]), NULL, NULL);
    }
    csv_corrected(head, account, out);
    csv_use(head, account, out);
}
