// tally impact: what was found and what it touches, for people, as CSV or as JSON.
#include "impact.h"

#include "show.h"

#include "base/clock.h"
#include "base/value.h"

#include <inttypes.h>

#define OUT_MAX (4u << 20)

static void write_out(struct text *out)
{
    fwrite(out->data ? out->data : "", 1, out->length, stdout);
    text_free(out);
}

static void append_day(struct text *out, int64_t day)
{
    char text[CERTIFICATE_DATE_SIZE];
    certificate_format_date(day, text);
    text_append_string(out, text);
}

// Errors of a quantity by load are parts; people and programs get them in percent.
static double shown(const struct impact_subject *subject, double error)
{
    return subject->found->by_load ? error * 100 : error;
}

static const char *error_unit(const struct impact_subject *subject)
{
    return subject->found->by_load ? "%" : subject->found->unit;
}

// --- JSON: one object ---------------------------------------------------------------------------

static void append_member(struct text *out, const char *key, double number)
{
    text_append_format(out, ",\"%s\":", key);
    value_append_double(out, number);
}

static void append_time_member(struct text *out, const char *key, int64_t t_us)
{
    char utc[32];
    text_append_format(out, ",\"%s\":", key);
    if (t_us == INT64_MIN || t_us == INT64_MAX) {
        text_append_string(out, "null");
        return;
    }
    clock_format_utc(t_us, utc);
    text_append_format(out, "\"%s\"", utc);
}

static void json_certificate(struct text *out, const struct certificate *certificate)
{
    if (!certificate) {
        text_append_string(out, "null");
        return;
    }
    text_append_string(out, "{\"number\":");
    text_append_json(out, certificate->id);
    text_append_string(out, ",\"laboratory\":");
    text_append_json(out, certificate->laboratory);
    text_append_string(out, ",\"serial\":");
    text_append_json(out, certificate->serial);
    text_append_string(out, ",\"performed\":\"");
    append_day(out, certificate->performed);
    text_append_string(out, "\",\"sha256\":\"");
    text_append_hex(out, certificate->hash.bytes, DIGEST_SIZE);
    text_append_string(out, "\"}");
}

static void json_subject(struct text *out, const struct impact_subject *subject)
{
    const struct certificate_quantity *found = subject->found;
    text_append_string(out, "{\"quantity\":");
    text_append_json(out, found->name);
    text_append_string(out, ",\"unit\":");
    text_append_json(out, found->unit);
    text_append_format(out, ",\"by_load\":%s,\"guarded\":%s", found->by_load ? "true" : "false",
                       subject->rule.guarded ? "true" : "false");
    text_append_string(out, ",\"tolerance\":{\"source\":");
    text_append_json(out, subject->source);
    append_member(out, "absolute", subject->rule.absolute);
    append_member(out, "percent", subject->rule.relative * 100);
    text_append_string(out, "},\"points\":[");
    for (size_t i = 0; i < found->point_count; i++) {
        const struct certificate_point *point = &found->points[i];
        struct found at = found_at(found, &subject->rule, point->indication);
        text_append_string(out, i ? ",{" : "{");
        text_append_format(out, "\"%s\":", found->by_load ? "load" : "indication");
        value_append_double(out, point->indication);
        append_member(out, "error", shown(subject, point->error));
        append_member(out, "uncertainty", shown(subject, point->expanded_uncertainty));
        append_member(out, "tolerance", shown(subject, at.tolerance));
        text_append_format(out, ",\"verdict\":\"%s\"}", found_word(at.verdict));
    }
    text_append_format(out, "],\"beyond\":%zu,\"previous\":", subject->beyond);
    json_certificate(out, subject->previous);
    append_time_member(out, "previous_ended",
                       subject->previous_ended ? subject->previous_ended->at_us : INT64_MIN);
    if (subject->beyond) {
        append_time_member(out, "from", subject->from_us);
        append_time_member(out, "to", subject->to_us);
    }
    text_append_string(out, "}");
}

static void json_head(const struct impact_print *print)
{
    struct text out = text_make(OUT_MAX);
    text_append_string(&out, "{\"certificate\":");
    json_certificate(&out, print->impact->certificate);
    text_append_string(&out, ",\"as_found\":[");
    for (size_t i = 0; i < print->impact->subject_count; i++) {
        text_append_string(&out, i ? "," : "");
        json_subject(&out, &print->impact->subjects[i]);
    }
    text_append_string(&out, "],\"readings\":[");
    write_out(&out);
}

static void json_row(const struct impact_print *print, const struct impact_row *row)
{
    struct text out = text_make(OUT_MAX);
    const struct block_reading *reading = row->reading;
    char utc[32];
    clock_format_utc(reading->t_us, utc);
    text_append_format(&out,
                       "%s\n{\"t_us\":%" PRId64 ",\"time\":\"%s\",\"point\":%" PRIu32 ",\"name\":",
                       print->written ? "," : "", reading->t_us, utc, reading->point);
    text_append_json(&out, row->point->name);
    text_append_format(&out, ",\"block\":%" PRIu64 ",\"indication\":", row->block);
    text_append(&out, reading->indication, reading->indication_length);
    text_append_string(&out, ",\"corrected\":");
    text_append(&out, reading->corrected, reading->corrected_length);
    if (row->has_load) {
        append_member(&out, "load", row->load);
    }
    if (row->has_off) {
        append_member(&out, "error", shown(row->subject, row->found.error));
        append_member(&out, "uncertainty", shown(row->subject, row->found.expanded_uncertainty));
        append_member(&out, "tolerance", shown(row->subject, row->found.tolerance));
        append_member(&out, "off", row->off);
    }
    text_append_format(&out, ",\"verdict\":\"%s\"}", found_word(row->found.verdict));
    write_out(&out);
}

static void json_point(struct text *out, const struct impact_subject *subject,
                       const struct impact_point *point)
{
    text_append_string(out, "{\"name\":");
    text_append_json(out, point->name);
    text_append_string(out, ",\"unit\":");
    text_append_json(out, point->unit);
    text_append_format(out, ",\"readings\":%" PRIu64, point->readings);
    if (point->readings) {
        append_time_member(out, "first", point->first_us);
        append_time_member(out, "last", point->last_us);
    }
    if (subject->found->by_load) {
        append_member(out, "counted", point->counted);
        append_member(out, "counted_beyond", point->counted_beyond);
        append_member(out, "counted_not_known", point->counted_unknown);
        append_member(out, "off", point->sum_off);
    } else {
        text_append_format(out, ",\"beyond\":%" PRIu64 ",\"not_known\":%" PRIu64, point->beyond,
                           point->unknown);
    }
    if (point->has_error) {
        append_member(out, "greatest_error", shown(subject, point->error));
        append_member(out, "greatest_error_at", point->error_at);
    }
    if (point->has_off) {
        append_member(out, "greatest_off", point->off);
        append_member(out, "greatest_off_at", point->off_at);
    }
    text_append_string(out, "}");
}

static void json_end(const struct impact_print *print)
{
    struct text out = text_make(OUT_MAX);
    bool any = false;
    text_append_string(&out, print->written ? "\n],\"points\":[" : "],\"points\":[");
    for (size_t i = 0; i < print->impact->subject_count; i++) {
        const struct impact_subject *subject = &print->impact->subjects[i];
        for (size_t k = 0; k < subject->point_count; k++) {
            text_append_string(&out, any ? "," : "");
            json_point(&out, subject, &subject->points[k]);
            any = true;
        }
    }
    text_append_string(&out, "]}\n");
    write_out(&out);
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
    csv_number(&out, row->has_off, shown(row->subject, found->error));
    csv_number(&out, row->has_off, shown(row->subject, found->expanded_uncertainty));
    csv_number(&out, row->has_off, shown(row->subject, found->tolerance));
    csv_number(&out, row->has_off, row->off);
    text_append_format(&out, "%s\r\n", found_word(found->verdict));
    write_out(&out);
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
                       found->by_load ? " per hour" : "", error_unit(subject));
    append_rule(out, subject);
    text_append_string(out, "\n");
    for (size_t i = 0; i < found->point_count; i++) {
        const struct certificate_point *point = &found->points[i];
        struct found at = found_at(found, &subject->rule, point->indication);
        show_table_add_format(&table, "%.10g", point->indication);
        show_table_add_format(&table, "%.6g", shown(subject, point->error));
        show_table_add_format(&table, "%.6g", shown(subject, point->expanded_uncertainty));
        show_table_add_format(&table, "%.6g", shown(subject, at.tolerance));
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
            append_day(out, subject->previous->performed);
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
    append_day(&out, certificate->performed);
    text_append_format(&out, "\nserial       %s\ndecision     %s\n", certificate->serial,
                       guarded ? "guarded by U: beyond when |error| > tolerance - U"
                               : "simple acceptance: beyond when |error| > tolerance");
    for (size_t i = 0; i < print->impact->subject_count; i++) {
        table_subject(&out, &print->impact->subjects[i]);
    }
    if (!print->impact->touched) {
        text_append_string(&out, "\nnothing is beyond tolerance: nothing is touched\n");
    }
    write_out(&out);
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
        add_number(&table, point->has_error, shown(subject, point->error), error_unit(subject));
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
    write_out(&out);
}

// --- one form or another ------------------------------------------------------------------------

void impact_print_head(const struct impact_print *print)
{
    switch (print->form) {
    case ROWS_TABLE: table_head(print); break;
    case ROWS_CSV:
        fputs("time_utc,time_local,t_us,name,point,block,indication,unit,corrected,load,error,"
              "uncertainty,tolerance,off,verdict\r\n",
              stdout);
        break;
    case ROWS_JSON: json_head(print); break;
    }
}

void impact_print_row(void *context, const struct impact_row *row)
{
    struct impact_print *print = context;
    if (print->form == ROWS_CSV) {
        csv_row(row);
    } else {
        json_row(print, row);
    }
    print->written++;
}

void impact_print_end(const struct impact_print *print)
{
    if (print->form == ROWS_JSON) {
        json_end(print);
    } else if (print->form == ROWS_TABLE && print->impact->touched) {
        table_end(print);
    }
}
