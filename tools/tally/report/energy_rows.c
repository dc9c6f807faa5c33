#include "report/energy_rows.h"

#include "common/page.h"
#include "common/show.h"
#include "report/energy_corrected.h"
#include "report/energy_html.h"
#include "report/energy_words.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

#define REPORT_BYTES_MAX ((size_t)256 << 20)

static void append_utc(struct text *out, int64_t t_us)
{
    char utc[32];
    clock_format_utc(t_us, utc);
    text_append_string(out, utc);
}

// --- table

static void table_begin(const struct energy_head *head, struct text *out)
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

static void table_write(const struct energy_head *head, const struct account *account,
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

// --- CSV

static void csv_begin(struct text *out)
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
    append_utc(out, from_us);
    text_append_string(out, ",");
    show_append_local(out, from_us);
    text_append_string(out, ",");
    append_utc(out, to_us);
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

static void csv_write(const struct energy_head *head, const struct account *account,
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

// --- JSON: one object, a meter's intervals a line each

static void json_moments(struct text *out, int64_t from_us, int64_t to_us)
{
    text_append_string(out, "\"from_us\":");
    text_append_int(out, from_us);
    text_append_string(out, ",\"to_us\":");
    text_append_int(out, to_us);
    text_append_string(out, ",\"from\":\"");
    append_utc(out, from_us);
    text_append_string(out, "\",\"to\":\"");
    append_utc(out, to_us);
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

static void json_begin(const struct energy_head *head, struct text *out)
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

static void json_write(const struct energy_head *head, const struct account *account,
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

// --- one form or the other

static int put(const struct energy_head *head, struct text *out)
{
    int error = out->failed ? ERROR_MEMORY : OK;
    if (!error) {
        fwrite(out->data, 1, out->length, head->to);
    }
    text_free(out);
    return error;
}

int energy_rows_begin(const struct energy_head *head)
{
    struct text out = text_make(REPORT_BYTES_MAX);
    if (head->html) {
        energy_html_begin(head, &out);
        return put(head, &out);
    }
    switch (head->form) {
    case ROWS_TABLE: table_begin(head, &out); break;
    case ROWS_CSV: csv_begin(&out); break;
    case ROWS_JSON: json_begin(head, &out); break;
    }
    return put(head, &out);
}

int energy_rows_write(const struct energy_head *head, const struct account *account, bool first)
{
    struct text out = text_make(REPORT_BYTES_MAX);
    if (head->html) {
        energy_html_write(head, account, &out);
        return put(head, &out);
    }
    switch (head->form) {
    case ROWS_TABLE: table_write(head, account, &out); break;
    case ROWS_CSV: csv_write(head, account, &out); break;
    case ROWS_JSON: json_write(head, account, &out, first); break;
    }
    return put(head, &out);
}

void energy_rows_end(const struct energy_head *head)
{
    if (head->html) {
        struct text out = text_make(REPORT_BYTES_MAX);
        page_end(&out);
        put(head, &out);
    }
    fputs(head->form == ROWS_JSON ? "\n]}\n" : "", head->to);
}
