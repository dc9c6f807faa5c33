// tally impact: what was found and what it touches, as JSON: one object, its readings as they come.
#include "certificates/impact_print.h"

#include "base/clock.h"
#include "base/value.h"

#include <inttypes.h>

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

static void append_string_member(struct text *out, const char *key, const char *string)
{
    text_append_format(out, ",\"%s\":", key);
    text_append_json(out, string);
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
    impact_append_day(out, certificate->performed);
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
        append_member(out, "error", impact_shown(subject, point->error));
        append_member(out, "uncertainty", impact_shown(subject, point->expanded_uncertainty));
        append_member(out, "tolerance", impact_shown(subject, at.tolerance));
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

void impact_json_head(const struct impact_print *print)
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
    impact_write_out(&out);
}

void impact_json_row(const struct impact_print *print, const struct impact_row *row)
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
    if (row->log[0]) {
        append_string_member(&out, "log", row->log);
    }
    if (row->has_load) {
        append_member(&out, "load", row->load);
    }
    if (row->has_off) {
        append_member(&out, "error", impact_shown(row->subject, row->found.error));
        append_member(&out, "uncertainty",
                      impact_shown(row->subject, row->found.expanded_uncertainty));
        append_member(&out, "tolerance", impact_shown(row->subject, row->found.tolerance));
        append_member(&out, "off", row->off);
    }
    text_append_format(&out, ",\"verdict\":\"%s\"}", found_word(row->found.verdict));
    impact_write_out(&out);
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
        append_member(out, "greatest_error", impact_shown(subject, point->error));
        append_member(out, "greatest_error_at", point->error_at);
    }
    if (point->has_off) {
        append_member(out, "greatest_off", point->off);
        append_member(out, "greatest_off_at", point->off_at);
    }
    text_append_string(out, "}");
}

static void json_held(struct text *out, const struct impact_held *held)
{
    text_append_format(
        out, ",\"readings\":%" PRIu64 ",\"beyond\":%" PRIu64 ",\"not_known\":%" PRIu64 "}",
        held->readings, held->beyond, held->unknown);
}

static void json_jobs(struct text *out, const struct impact_touched *touched, bool *any)
{
    for (size_t i = 0; i < touched->job_count; i++) {
        const struct impact_job *held = &touched->held[i];
        const struct job *job = held->job;
        if (!held->held.readings) {
            continue;
        }
        text_append_string(out, *any ? ",{\"code\":" : "{\"code\":");
        text_append_json(out, job->code);
        append_string_member(out, "item", job->item);
        append_string_member(out, "order", job->order);
        append_string_member(out, "operator", job->operated_by);
        append_time_member(out, "started", job->start.t_us);
        append_time_member(out, "stopped", job->runs ? INT64_MAX : job->stop.t_us);
        json_held(out, &held->held);
        *any = true;
    }
}

static void json_reports(struct text *out, const struct impact_touched *touched, bool *any)
{
    for (size_t i = 0; i < touched->report_count; i++) {
        const struct impact_report *report = &touched->reports[i];
        char hex[DIGEST_HEX];
        if (!report->held.readings) {
            continue;
        }
        text_format_hex(report->issued.hash.bytes, DIGEST_SIZE, hex);
        text_append_string(out, *any ? ",{\"subject\":" : "{\"subject\":");
        text_append_json(out, report->subject);
        append_string_member(out, "form", report->issued.form);
        append_string_member(out, "sha256", hex);
        append_string_member(out, "by", report->account);
        append_time_member(out, "issued", report->t_us);
        text_append_format(out, ",\"block\":%" PRIu64, report->n);
        append_time_member(out, "from", report->issued.from_us);
        append_time_member(out, "to", report->issued.to_us);
        text_append_format(out, ",\"final\":%s,\"certain\":%s",
                           report->issued.final ? "true" : "false",
                           impact_is_certain(report) ? "true" : "false");
        json_held(out, &report->held);
        *any = true;
    }
}

void impact_json_end(const struct impact_print *print)
{
    struct text out = text_make(OUT_MAX);
    bool any = false, any_job = false, any_report = false;
    text_append_string(&out, print->written ? "\n],\"points\":[" : "],\"points\":[");
    for (size_t i = 0; i < print->impact->subject_count; i++) {
        const struct impact_subject *subject = &print->impact->subjects[i];
        for (size_t k = 0; k < subject->point_count; k++) {
            text_append_string(&out, any ? "," : "");
            json_point(&out, subject, &subject->points[k]);
            any = true;
        }
    }
    text_append_string(&out, "],\"jobs\":[");
    for (const struct impact_touched *at = print->touched; at; at = at->next) {
        json_jobs(&out, at, &any_job);
    }
    text_append_string(&out, "],\"reports\":[");
    for (const struct impact_touched *at = print->touched; at; at = at->next) {
        json_reports(&out, at, &any_report);
    }
    text_append_string(&out, "]}\n");
    impact_write_out(&out);
}
