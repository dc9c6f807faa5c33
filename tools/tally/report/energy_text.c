// A report of energy as tables for people.
#include "report/energy_forms.h"

#include "common/show.h"
#include "report/energy_corrected.h"
#include "report/energy_words.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

void energy_text_begin(const struct energy_head *head, struct text *out)
{
    const struct calendar *calendar = head->calendar;
    text_append_string(out, "Energy by ");
    text_append_string(out, interval_word(head->every));
    text_append_string(out, ", ");
    show_append_local(out, calendar->boundaries[0]);
    text_append_string(out, " to ");
    show_append_local(out, calendar->boundaries[calendar->count]);
    text_append_format(out, " (%s)\n", head->time_zone);
    if (head->site_name) {
        text_append_string(out, "site ");
        show_append_clean(out, head->site_name, SIZE_MAX);
        text_append_format(out, ", %s\n", head->site_code);
    }
    logs_append(out, head->logs);
    text_append_format(out, "log %s\n", head->origin);
    energy_append_standing(out, head->covered);
    text_append_string(out, "\n");
    if (head->table) {
        text_append_string(out, "energy table ");
        text_append_hex(out, head->table->hash.bytes, DIGEST_SIZE);
        text_append_string(out, "\n");
    }
}

static void table_intervals(const struct energy_head *head, const struct account *account,
                            struct text *out)
{
    const char *headings[6 + ENERGY_CORRECTED_CELLS] = {"from", ">energy", "unit"};
    size_t columns = 3, more = account->corrected.any ? ENERGY_CORRECTED_CELLS : 0;
    for (size_t i = 0; i < more; i++) {
        headings[columns++] = energy_corrected_headings[i];
    }
    headings[columns++] = ">time";
    headings[columns++] = "state";
    headings[columns++] = "flags";
    struct show_table table = show_table_make(columns, headings);
    struct text cell = text_make(1024);
    for (size_t i = 0; i < account->energy.interval_count; i++) {
        const struct energy_interval *interval = &account->energy.intervals[i];
        bool complete = interval->state == ENERGY_COMPLETE;
        text_clear(&cell);
        show_append_local(&cell, head->calendar->boundaries[i]);
        show_table_add(&table, cell.data);
        text_clear(&cell);
        if (complete) {
            exact_append(&cell, &interval->energy);
        }
        show_table_add(&table, complete ? cell.data : "—");
        show_table_add(&table, complete ? account->unit : "");
        for (size_t cell_i = 0; cell_i < more; cell_i++) {
            text_clear(&cell);
            energy_corrected_cell(&cell, cell_i, energy_corrected_of(account, i));
            show_table_add(&table, cell.length ? cell.data : "");
        }
        text_clear(&cell);
        if (complete) {
            energy_append_bound(&cell, interval->bound_us);
        }
        show_table_add(&table, complete ? cell.data : "");
        show_table_add(&table, account_state(account, i, head->calendar));
        text_clear(&cell);
        energy_append_flags(&cell, interval, " ");
        show_table_add(&table, cell.length ? cell.data : "");
    }
    show_table_append(&table, out);
    show_table_free(&table);
    text_free(&cell);
}

static void append_stretch(struct text *out, int64_t from_us, int64_t to_us)
{
    text_append_string(out, "  ");
    show_append_local(out, from_us);
    text_append_string(out, " to ");
    show_append_local(out, to_us);
    text_append_string(out, "  ");
}

static void table_lists(const struct account *account, struct text *out)
{
    const struct energy *energy = &account->energy;
    for (size_t i = 0; i < energy->span_count; i++) {
        append_stretch(out, energy->spans[i].from_us, energy->spans[i].to_us);
        text_append_string(out, "unallocated ");
        exact_append(out, &energy->spans[i].energy);
        text_append_format(out, " %s%s\n", account->unit,
                           energy->spans[i].crosses ? ", reaches beyond the time asked for" : "");
    }
    for (size_t i = 0; i < energy->unknown_count; i++) {
        const struct energy_unknown *unknown = &energy->unknowns[i];
        append_stretch(out, unknown->from_us, unknown->to_us);
        text_append_format(out, "unknown (%s): from ", energy_unknown_word(unknown));
        energy_append_decimal(out, unknown->closing);
        text_append_string(out, " to ");
        energy_append_decimal(out, unknown->opening);
        text_append_format(out, " %s\n", account->unit);
    }
    for (size_t i = 0; i < energy->segment_count; i++) {
        const struct energy_segment *segment = &energy->segments[i];
        append_stretch(out, segment->from_us, segment->to_us);
        text_append_string(out, "register from ");
        energy_append_decimal(out, segment->first);
        text_append_string(out, " to ");
        energy_append_decimal(out, segment->last);
        text_append_format(out, " %s", account->unit);
        if (segment->rollovers) {
            text_append_format(out, ", rolled over %" PRIu64 " time%s", segment->rollovers,
                               segment->rollovers == 1 ? "" : "s");
        }
        text_append_string(out, "\n");
    }
}

static void table_total(const char *label, const struct exact *number, const char *unit,
                        struct text *out)
{
    text_append_format(out, "%-13s ", label);
    exact_append(out, number);
    text_append_format(out, " %s", unit);
}

static void table_use(const struct account *account, struct text *out)
{
    const struct tariff *tariff = account->tariff;
    if (tariff) {
        text_append_string(out, "tariff        ");
        show_append_clean(out, tariff->name, SIZE_MAX);
        text_append_string(out, ": ");
        for (size_t i = 0; i < tariff->period_count; i++) {
            show_append_clean(out, tariff->periods[i], SIZE_MAX);
            text_append_string(out, " ");
            exact_append(out, &account->periods[i]);
            text_append_format(out, " %s, ", account->unit);
        }
        text_append_string(out, "in none ");
        exact_append(out, &account->unassigned);
        text_append_format(out, " %s\n", account->unit);
    }
    if (account->coefficient_count) {
        table_total("coal", &account->coal, "kgce", out);
        text_append_string(out, " (");
        energy_append_coefficients(out, account);
        text_append_string(out, ")\n");
    }
    if (account->coefficient_count && exact_sign(&account->unconverted)) {
        table_total("", &account->unconverted, account->unit, out);
        text_append_string(out, " have no coefficient\n");
    }
}

static void table_corrected(const char *label, const struct account *account,
                            const struct corrected_figure *figure, const struct exact *energy,
                            bool hourly, struct text *out)
{
    if (account->corrected.any) {
        text_append_format(out, "%-13s ", label);
        energy_corrected_append(out, account, figure, energy, hourly);
        text_append_string(out, "\n");
    }
}

static void table_totals(const struct account *account, struct text *out)
{
    const struct energy *energy = &account->energy;
    char unit[40];
    table_total("energy", &energy->allocated, account->unit, out);
    text_append_format(out, " in %zu of %zu intervals (%.1f%% complete)\n", energy->complete,
                       energy->interval_count,
                       100.0 * (double)energy->complete / (double)energy->interval_count);
    energy_append_ambiguous(out, energy, "clock         ", "\n");
    table_corrected("corrected", account, &account->corrected.total, &energy->allocated, false,
                    out);
    table_total("unallocated", &energy->unallocated, account->unit, out);
    if (exact_sign(&energy->crossing)) {
        text_append_string(out, ", of which ");
        exact_append(out, &energy->crossing);
        text_append_string(out, " in spans that reach beyond the time asked for");
    }
    text_append_string(out, "\n");
    table_total("registers", &energy->registered, account->unit, out);
    text_append_format(out, " = energy + unallocated%s\n",
                       energy->unknown_count ? "; what is unknown is in neither" : "");
    if (account->has_demand) {
        table_total("most demand", &account->demand_mean, energy_unit_an_hour(account->unit, unit),
                    out);
        text_append_string(out, " in the 15 min from ");
        show_append_local(out, account->demand_us);
        text_append_string(out, account->demand_ambiguous ? ", ambiguous\n" : "\n");
        table_corrected("  corrected", account, &account->corrected.demand, &account->demand, true,
                        out);
    } else {
        text_append_string(out, "most demand   none: no quarter of an hour is complete\n");
    }
    if (account->corrected.any) {
        energy_corrected_append_note(out, account);
        text_append_string(out, "\n");
    }
    table_use(account, out);
    text_append_format(out,
                       "readings      %" PRIu64 ", polls missed %" PRIu64
                       ", answers without a number %" PRIu64 "\n",
                       account->taken, account->missed, account->none);
    if (account->amended_of) {
        text_append_format(out,
                           "amended       %zu reading%s: tally amend list says by whom and why\n",
                           account->amended, account->amended == 1 ? "" : "s");
    }
    if (account->mismatched) {
        text_append_format(out, "%" PRIu64 " readings of another meter were not used\n",
                           account->mismatched);
    }
    if (account->disordered) {
        text_append_format(out,
                           "%zu quarters of an hour were not used: the clock was set in them\n",
                           account->disordered);
    }
}

void energy_text_write(const struct energy_head *head, const struct account *account,
                       struct text *out)
{
    text_append_string(out, "\n");
    text_append_string(out, account->kind ? account->kind : "");
    text_append_string(out, account->kind ? ": " : "");
    if (account->name) {
        text_append_string(out, account->name);
    } else {
        text_append_string(out, account->title);
        text_append_string(out, " = ");
        energy_append_parts(out, account);
    }
    text_append_string(out, "\n");
    table_intervals(head, account, out);
    table_lists(account, out);
    table_totals(account, out);
}
