// tally impact: what was found and what it touches, for people or as CSV; what JSON has too.
#include "certificates/impact_print.h"

#include "common/show.h"

#include "base/clock.h"
#include "base/value.h"

#include <inttypes.h>

void impact_write_out(struct text *out)
{
    fwrite(out->data ? out->data : "", 1, out->length, stdout);
    text_free(out);
}

void impact_append_day(struct text *out, int64_t day)
{
    char text[CERTIFICATE_DATE_SIZE];
    certificate_format_date(day, text);
    text_append_string(out, text);
}

double impact_shown(const struct impact_subject *subject, double error)
{
    return subject->found->by_load ? error * 100 : error;
}

const char *impact_error_unit(const struct impact_subject *subject)
{
    return subject->found->by_load ? "%" : subject->found->unit;
}

bool impact_is_certain(const struct impact_report *report)
{
    return report->job != IMPACT_NO_JOB || report->of_points;
}

// --- CSV: the readings --------------------------------------------------------------------------

static void csv_number(struct text *out, bool there, double number)
{
    if (there) {
        value_append_double(out, number);
    }
    text_append_string(out, ",");
}

// A number as it stands in the block, without the quotes of a long one.
static void csv_digits(struct text *out, const char *json, uint32_t length)
{
    bool quoted = length >= 2 && *json == '"', null = length && *json == 'n';
    text_append(out, json + quoted, null ? 0 : quoted ? length - 2 : length);
    text_append_string(out, ",");
}

static void csv_row(const struct impact_row *row)
{
    struct text out = text_make(OUT_MAX);
    const struct block_reading *reading = row->reading;
    const struct found *found = &row->found;
    char utc[32];
    clock_format_utc(reading->t_us, utc);
    text_append_format(&out, "%s,", utc);
    show_append_local(&out, reading->t_us);
    text_append_format(&out, ",%" PRId64 ",", reading->t_us);
    rows_append_field(&out, row->point->name);
    text_append_format(&out, ",%" PRIu32 ",%" PRIu64 ",", reading->point, row->block);
    csv_digits(&out, reading->indication, reading->indication_length);
    rows_append_field(&out, row->point->unit);
    text_append_string(&out, ",");
    csv_digits(&out, reading->corrected, reading->corrected_length);
    csv_number(&out, row->has_load, row->load);
    csv_number(&out, row->has_off, impact_shown(row->subject, found->error));
    csv_number(&out, row->has_off, impact_shown(row->subject, found->expanded_uncertainty));
    csv_number(&out, row->has_off, impact_shown(row->subject, found->tolerance));
    csv_number(&out, row->has_off, row->off);
    text_append_format(&out, "%s,%s\r\n", found_word(found->verdict), row->log);
    impact_write_out(&out);
}

// --- for people ---------------------------------------------------------------------------------

static void append_rule(struct text *out, const struct impact_subject *subject)
{
    const struct found_rule *rule = &subject->rule;
    if (rule->absolute > 0) {
        text_append_format(out, "%.6g %s", rule->absolute, subject->found->unit);
    }
    if (rule->relative > 0) {
        text_append_format(out, "%s%.6g%%", rule->absolute > 0 ? " or " : "", rule->relative * 100);
    }
    text_append_format(out, " (%s)", subject->source);
}

static void table_subject(struct text *out, const struct impact_subject *subject)
{
    static const char *const headings[] = {">indication", ">error", ">U", ">tolerance", "verdict"},
                             *const by_load[] = {">load", ">error", ">U", ">tolerance", "verdict"};
    const struct certificate_quantity *found = subject->found;
    struct show_table table = show_table_make(5, found->by_load ? by_load : headings);
    text_append_format(out, "\n%s, as found, %s%s%s; error in %s; tolerance ", found->name,
                       found->by_load ? "by load in " : "in ", found->unit,
                       found->by_load ? " per hour" : "", impact_error_unit(subject));
    append_rule(out, subject);
    text_append_string(out, "\n");
    for (size_t i = 0; i < found->point_count; i++) {
        const struct certificate_point *point = &found->points[i];
        struct found at = found_at(found, &subject->rule, point->indication);
        show_table_add_format(&table, "%.10g", point->indication);
        show_table_add_format(&table, "%.6g", impact_shown(subject, point->error));
        show_table_add_format(&table, "%.6g", impact_shown(subject, point->expanded_uncertainty));
        show_table_add_format(&table, "%.6g", impact_shown(subject, at.tolerance));
        show_table_add(&table, found_word(at.verdict));
    }
    show_table_append(&table, out);
    show_table_free(&table);
    if (subject->beyond) {
        text_append_string(out, "touched from ");
        if (subject->from_us == INT64_MIN) {
            text_append_string(out, "the first reading");
        } else {
            show_append_local(out, subject->from_us);
        }
        if (subject->previous) {
            text_append_format(out, " (certificate %s, performed ", subject->previous->id);
            impact_append_day(out, subject->previous->performed);
            if (subject->previous_ended) {
                text_append_string(out, ", ended ");
                show_append_local(out, subject->previous_ended->at_us);
            }
            text_append_string(out, ")");
        } else {
            text_append_string(out, " (no certificate before)");
        }
        text_append_string(out, " until ");
        show_append_local(out, subject->to_us);
        text_append_string(out, "\n");
    }
}

static void table_head(const struct impact_print *print)
{
    const struct certificate *certificate = print->impact->certificate;
    bool guarded = print->impact->subjects[0].rule.guarded;
    struct text out = text_make(OUT_MAX);
    text_append_format(&out, "certificate  %s of %s, performed ", certificate->id,
                       certificate->laboratory);
    impact_append_day(&out, certificate->performed);
    text_append_format(&out, "\nserial       %s\ndecision     %s\n", certificate->serial,
                       guarded ? "guarded by U: beyond when |error| > tolerance - U"
                               : "simple acceptance: beyond when |error| > tolerance");
    for (size_t i = 0; i < print->impact->subject_count; i++) {
        table_subject(&out, &print->impact->subjects[i]);
    }
    if (!print->impact->touched) {
        text_append_string(&out, "\nnothing is beyond tolerance: nothing is touched\n");
    }
    impact_write_out(&out);
}

static void add_number(struct show_table *table, bool there, double number, const char *unit)
{
    if (there) {
        show_table_add_format(table, "%.6g %s", number, unit);
    } else {
        show_table_add(table, "—");
    }
}

static void add_time(struct show_table *table, bool there, int64_t t_us)
{
    struct text time = text_make(64);
    if (there) {
        show_append_local(&time, t_us);
    }
    show_table_add(table, time.length ? time.data : "—");
    text_free(&time);
}

static void add_head(struct show_table *table, const struct impact_point *point)
{
    show_table_add(table, point->name);
    show_table_add_format(table, "%" PRIu64, point->readings);
    add_time(table, point->readings, point->first_us);
    add_time(table, point->readings, point->last_us);
}

static void table_points(struct text *out, const struct impact_subject *subject)
{
    static const char *const headings[] = {"point",     ">readings",  "first",           "last",
                                           ">beyond",   ">not known", ">greatest error", ">at",
                                           ">most off", ">at"},
                             *const by_load[] = {"point",      ">readings", "first",
                                                 "last",       ">counted",  ">beyond",
                                                 ">not known", ">off",      ">greatest error",
                                                 ">at load"};
    struct show_table table = show_table_make(10, subject->found->by_load ? by_load : headings);
    for (size_t i = 0; i < subject->point_count; i++) {
        const struct impact_point *point = &subject->points[i];
        add_head(&table, point);
        if (subject->found->by_load) {
            add_number(&table, true, point->counted, point->unit);
            add_number(&table, true, point->counted_beyond, point->unit);
            add_number(&table, true, point->counted_unknown, point->unit);
            add_number(&table, true, point->sum_off, point->unit);
        } else {
            show_table_add_format(&table, "%" PRIu64, point->beyond);
            show_table_add_format(&table, "%" PRIu64, point->unknown);
        }
        add_number(&table, point->has_error, impact_shown(subject, point->error),
                   impact_error_unit(subject));
        add_number(&table, point->has_error, point->error_at, "");
        if (!subject->found->by_load) {
            add_number(&table, point->has_off, point->off, point->unit);
            add_number(&table, point->has_off, point->off_at, "");
        }
    }
    text_append_string(out, "\n");
    show_table_append(&table, out);
    show_table_free(&table);
}

static void add_held(struct show_table *table, const struct impact_held *held)
{
    show_table_add_format(table, "%" PRIu64, held->readings);
    show_table_add_format(table, "%" PRIu64, held->beyond);
    show_table_add_format(table, "%" PRIu64, held->unknown);
}

static void end_table(struct show_table *table, struct text *out)
{
    if (table->count) {
        text_append_string(out, "\n");
        show_table_append(table, out);
    }
    show_table_free(table);
}

static void add_job(struct show_table *table, const struct impact_job *held)
{
    const struct job *job = held->job;
    if (held->held.readings) {
        show_table_add(table, job->code);
        show_table_add(table, job->item);
        show_table_add(table, job->order);
        add_time(table, true, job->start.t_us);
        add_time(table, !job->runs, job->stop.t_us);
        add_held(table, &held->held);
    }
}

static void add_report(struct show_table *table, const struct impact_report *report)
{
    char hex[DIGEST_HEX];
    if (report->held.readings) {
        text_format_hex(report->issued.hash.bytes, DIGEST_SIZE, hex);
        show_table_add(table, report->subject);
        show_table_add(table, report->issued.form);
        show_table_add_format(table, "%.16s", hex);
        add_time(table, true, report->t_us);
        show_table_add(table, report->account);
        show_table_add(table, impact_is_certain(report) ? "holds" : "may hold");
        add_held(table, &report->held);
    }
}

static void table_jobs(struct text *out, const struct impact_touched *touched)
{
    static const char *const headings[] = {"job",     "item",      "order",   "started",
                                           "stopped", ">readings", ">beyond", ">not known"};
    struct show_table table = show_table_make(8, headings);
    for (; touched; touched = touched->next) {
        for (size_t i = 0; i < touched->job_count; i++) {
            add_job(&table, &touched->held[i]);
        }
    }
    end_table(&table, out);
}

static void table_reports(struct text *out, const struct impact_touched *touched)
{
    static const char *const headings[] = {"issued report", "form",    "sha256",
                                           "issued",        "by",      "",
                                           ">readings",     ">beyond", ">not known"};
    struct show_table table = show_table_make(9, headings);
    for (; touched; touched = touched->next) {
        for (size_t i = 0; i < touched->report_count; i++) {
            add_report(&table, &touched->reports[i]);
        }
    }
    end_table(&table, out);
}

static void table_end(const struct impact_print *print)
{
    struct text out = text_make(OUT_MAX);
    uint64_t readings = 0;
    for (size_t i = 0; i < print->impact->subject_count; i++) {
        const struct impact_subject *subject = &print->impact->subjects[i];
        for (size_t k = 0; k < subject->point_count; k++) {
            readings += subject->points[k].readings;
        }
        if (subject->point_count) {
            table_points(&out, subject);
        }
    }
    text_append_format(&out, "\n%" PRIu64 " readings are touched\n", readings);
    table_jobs(&out, print->touched);
    table_reports(&out, print->touched);
    impact_write_out(&out);
}

// --- one form or another ------------------------------------------------------------------------

void impact_print_head(const struct impact_print *print)
{
    switch (print->form) {
    case ROWS_TABLE: table_head(print); break;
    case ROWS_CSV:
        fputs("time_utc,time_local,t_us,name,point,block,indication,unit,corrected,load,error,"
              "uncertainty,tolerance,off,verdict,log\r\n",
              stdout);
        break;
    case ROWS_JSON: impact_json_head(print); break;
    }
}

void impact_print_row(void *context, const struct impact_row *row)
{
    struct impact_print *print = context;
    if (print->form == ROWS_CSV) {
        csv_row(row);
    } else {
        impact_json_row(print, row);
    }
    print->written++;
}

void impact_print_end(const struct impact_print *print)
{
    if (print->form == ROWS_JSON) {
        impact_json_end(print);
    } else if (print->form == ROWS_TABLE && print->impact->touched) {
        table_end(print);
    }
}
