// A job's report as JSON: one object, numbers as they were recorded.
#include "jobs/job_show.h"

#include "common/answer.h"
#include "common/show.h"
#include "jobs/job_words.h"

#include "base/value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define OUT_MAX (256u << 20)

static void append_key(struct text *out, const char *key, const char *words)
{
    text_append_format(out, ",\"%s\":", key);
    text_append_json(out, words);
}

static void append_time(struct text *out, const char *key, int64_t t_us)
{
    char utc[32];
    clock_format_utc(t_us, utc);
    text_append_format(out, ",\"%s_us\":%" PRId64 ",\"%s\":\"%s\"", key, t_us, key, utc);
}

static void append_hash(struct text *out, const char *key, const struct digest *hash)
{
    text_append_format(out, ",\"%s\":\"", key);
    text_append_hex(out, hash->bytes, DIGEST_SIZE);
    text_append_string(out, "\"");
}

static void append_end(struct text *out, const char *key, const struct job_end *end)
{
    text_append_format(out, ",\"%s\":{\"block\":%" PRIu64, key, end->n);
    append_time(out, "t", end->t_us);
    if (end->known) {
        append_key(out, "account", end->account);
        text_append_format(out, ",\"user\":%u", end->user);
    }
    text_append_string(out, "}");
}

void job_append_json(struct text *out, const struct job *job)
{
    text_append_string(out, "\"job\":");
    text_append_json(out, job->code);
    append_key(out, "item", job->item);
    append_key(out, "order", job->order);
    append_key(out, "operator", job->operated_by);
    text_append_string(out, ",\"instruments\":[");
    for (size_t i = 0; i < job->instrument_count; i++) {
        text_append_string(out, i ? "," : "");
        text_append_json(out, job->instruments[i]);
    }
    text_append_string(out, "]");
    append_end(out, "started", &job->start);
    if (job->runs) {
        text_append_string(out, ",\"stopped\":null");
    } else {
        append_end(out, "stopped", &job->stop);
    }
    append_key(out, "result", job->result);
    append_key(out, "note", job->note);
}

// --- points -------------------------------------------------------------------------------------

// A number as a block writes it: in quotes where it has more than 15 digits.
static void append_number(struct text *out, const char *key, const char *digits)
{
    size_t count = 0;
    for (const char *s = digits + strspn(digits, "-0."); *s && *s != 'e'; s++) {
        count += *s != '.';
    }
    const char *quote = count > 15 && !strchr(digits, 'e') ? "\"" : "";
    text_append_format(out, ",\"%s\":%s%s%s", key, quote, digits, quote);
}

static void append_double(struct text *out, const char *key, double number)
{
    text_append_format(out, ",\"%s\":", key);
    value_append_double(out, number);
}

static void append_values(struct text *out, const char *key, const struct job_values *values)
{
    text_append_format(out, ",\"%s\":{\"count\":%" PRIu64, key, values->count);
    if (values->count) {
        append_number(out, "minimum", values->minimum);
        append_number(out, "maximum", values->maximum);
        append_double(out, "mean", job_values_mean(values));
        append_number(out, "first", values->first);
        append_number(out, "last", values->last);
    }
}

static void append_outcome(struct text *out, const struct job_outcome *outcome)
{
    append_values(out, "indication", &outcome->indications);
    text_append_string(out, "}");
    append_values(out, "corrected", &outcome->corrected);
    if (outcome->corrected.count) {
        append_double(out, "uncertainty_least", outcome->u_least);
        append_double(out, "uncertainty_most", outcome->u_most);
    }
    text_append_string(out, "}");
}

static void append_counts(struct text *out, const struct job_point *point)
{
    struct text word = text_make(64);
    const char *comma = "";
    text_append_string(out, ",\"flags\":{");
    for (unsigned bit = 0; bit < JOB_FLAGS; bit++) {
        if (point->flags[bit]) {
            text_clear(&word);
            show_append_flags(&word, UINT32_C(1) << bit, "");
            text_append_format(out, "%s\"%s\":%" PRIu64, comma, word.data, point->flags[bit]);
            comma = ",";
        }
    }
    text_append_format(out, "},\"missed\":%" PRIu64 ",\"reasons\":{", point->missed);
    for (size_t i = 0; i < point->reason_count; i++) {
        text_append_format(out, "%s\"%s\":%" PRIu64, i ? "," : "", point->reasons[i].word,
                           point->reasons[i].count);
    }
    text_append_string(out, "}");
    text_free(&word);
}

static void append_point(struct text *out, const struct job_point *point)
{
    static const char *const keys[] = {"instrument", "maker",    "model", "serial",
                                       "identity",   "quantity", "unit"};
    text_append_string(out, "{\"point\":");
    text_append_json(out, point->name);
    text_append_format(out, ",\"number\":%" PRIu32, point->number);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        append_key(out, keys[i], answer_string(point->definition, keys[i]));
    }
    const char *certificate = answer_string(point->definition, "certificate");
    if (*certificate) {
        append_key(out, "certificate", certificate);
    } else {
        text_append_string(out, ",\"certificate\":null");
    }
    text_append_format(out, ",\"readings\":%" PRIu64, point->readings);
    if (point->readings) {
        append_time(out, "from", point->first_us);
        append_time(out, "to", point->last_us);
    }
    append_outcome(out, &point->recorded);
    if (point->amendments) {
        text_append_format(out, ",\"amended\":{\"readings\":%" PRIu64, point->amendments);
        append_outcome(out, &point->amended);
        text_append_string(out, "}");
    }
    append_counts(out, point);
    text_append_string(out, "}");
}

// --- what was in force, what happened -----------------------------------------------------------

static void append_settings(struct text *out, const struct job_report *report, bool locations)
{
    const char *comma = "";
    text_append_string(out, locations ? ",\"locations\":[" : ",\"limits\":[");
    for (size_t i = 0; i < report->setting_count; i++) {
        const struct job_setting *setting = &report->settings[i];
        if (setting->is_location == locations && setting->from_n < setting->to_n) {
            text_append_format(out, "%s\n{\"%s\":", comma, locations ? "instrument" : "point");
            text_append_json(out, setting->subject);
            append_key(out, locations ? "location" : "limits", setting->words);
            text_append_format(out, ",\"from_block\":%" PRIu64 ",\"to_block\":%" PRIu64,
                               setting->from_n, setting->to_n - 1);
            append_hash(out, "configuration", &setting->config);
            text_append_string(out, "}");
            comma = ",";
        }
    }
    text_append_string(out, "]");
}

static void append_events(struct text *out, const char *key, const struct job_event *events,
                          size_t count)
{
    text_append_format(out, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        text_append_format(out, "%s\n{\"block\":%" PRIu64, i ? "," : "", events[i].n);
        append_time(out, "t", events[i].t_us);
        append_key(out, "kind", events[i].kind);
        append_key(out, "subject", events[i].subject);
        append_key(out, "text", events[i].text);
        text_append_string(out, "}");
    }
    text_append_string(out, "]");
}

static void append_amendment(struct text *out, const struct amended *one)
{
    text_append_format(out, "\n{\"block\":%" PRIu64 ",\"index\":%" PRIu32 ",\"number\":%" PRIu32,
                       one->what.block, one->what.index, one->what.point);
    append_key(out, "point", one->name);
    append_time(out, "t", one->what.t_us);
    text_append_string(out, ",\"recorded\":");
    amendment_append_json(one->what.recorded, out);
    text_append_string(out, ",\"amended\":");
    amendment_append_json(one->what.value, out);
    text_append_format(out, ",\"void\":%s", one->what.kind == AMENDMENT_VOID ? "true" : "false");
    text_append_format(out, ",\"holds\":%s", one->state == AMENDED_HOLDS ? "true" : "false");
    append_key(out, "account", one->account);
    text_append_format(out, ",\"user\":%u", one->user);
    text_append_format(out, ",\"entry_block\":%" PRIu64, one->n);
    append_time(out, "amended_at", one->t_us);
    append_key(out, "reason", one->what.reason);
    text_append_string(out, "}");
}

static void append_amendments(struct text *out, const struct job_report *report)
{
    text_append_string(out, ",\"amendments\":[");
    for (size_t i = 0; i < report->amendment_count; i++) {
        for (size_t k = 0; k < report->amendments[i].count; k++) {
            text_append_string(out, i + k ? "," : "");
            append_amendment(out, &report->amendments[i].list[k]);
        }
    }
    text_append_string(out, "]");
}

static void append_certificates(struct text *out, const struct job_report *report)
{
    char day[CERTIFICATE_DATE_SIZE];
    text_append_string(out, ",\"certificates\":[");
    for (size_t i = 0; i < report->certificate_count; i++) {
        const struct job_certificate *one = &report->certificates[i];
        text_append_string(out, i ? ",\n{\"sha256\":\"" : "\n{\"sha256\":\"");
        text_append_hex(out, one->hash.bytes, DIGEST_SIZE);
        text_append_string(out, "\"");
        if (one->certificate) {
            certificate_format_date(one->certificate->performed, day);
            append_key(out, "number", one->certificate->id);
            append_key(out, "laboratory", one->certificate->laboratory);
            append_key(out, "performed", day);
        } else {
            append_key(out, "fault", one->why.text);
        }
        job_certificate_last_day(one, day);
        append_key(out, "until", day);
        append_key(out, "k", one->k);
        append_key(out, "points", one->points);
        text_append_string(out, "}");
    }
    text_append_string(out, "]");
}

static void append_clock(struct text *out, const struct job_clock *clock)
{
    text_append_format(out,
                       ",\"clock\":{\"blocks\":%" PRIu64 ",\"unsynchronised\":%" PRIu64
                       ",\"error_us\":%" PRId64 ",\"sets\":%" PRIu64 ",\"begun_anew\":%" PRIu64 "}",
                       clock->blocks, clock->unsynchronised, clock->error_us, clock->sets,
                       clock->anew);
}

static void append_proof(struct text *out, const struct job_proof *proof)
{
    text_append_format(out, ",\"proof\":{\"first\":%" PRIu64 ",\"end\":%" PRIu64 ",\"signed\":",
                       proof->first, proof->end);
    if (proof->is_signed) {
        text_append_format(out, "%" PRIu64, proof->checkpoint);
    } else {
        text_append_string(out, "null");
    }
    text_append_string(out, ",\"receipts\":[");
    for (size_t i = 0; i < proof->receipt_count; i++) {
        const struct job_receipt *receipt = &proof->receipts[i];
        text_append_string(out, i ? ",{\"centre\":" : "{\"centre\":");
        text_append_json(out, receipt->centre);
        text_append_format(out, ",\"time_s\":%" PRId64 ",\"last\":%" PRIu64, receipt->time_s,
                           receipt->last);
        append_key(out, "signature", job_signature_word(receipt->signature));
        text_append_string(out, "}");
    }
    text_append_string(out, "],\"export\":");
    if (proof->path) {
        text_append_format(out, "{\"first\":%" PRIu64 ",\"end\":%" PRIu64, proof->export_first,
                           proof->end);
        append_key(out, "file", proof->path);
        append_hash(out, "sha256", &proof->hash);
        text_append_string(out, "}}");
    } else {
        text_append_string(out, "null}");
    }
}

static void append_standing(struct text *out, const struct job_report *report,
                            const struct job_proof *proof)
{
    const struct job_walk *walk = &report->walk;
    struct text words = text_make(65536);
    job_append_standing(&words, report, proof);
    append_key(out, "standing", words.length ? words.data : "");
    text_append_format(out, ",\"final\":%s", job_is_final(report, proof) ? "true" : "false");
    text_append_format(out, ",\"pruned\":[%" PRIu64 ",%" PRIu64 "],\"unreadable\":%" PRIu64,
                       walk->gone_from, walk->gone_to, walk->left_out);
    append_key(out, "log", ledger_reader_origin(report->reader));
    append_key(out, "time_zone", report->time_zone);
    text_free(&words);
}

int job_write_json(struct job_report *report, const struct job_proof *proof,
                   const struct job_form *form, FILE *to, struct why *why)
{
    struct text out = text_make(OUT_MAX);
    text_append_string(&out, "{");
    job_append_json(&out, report->job);
    append_standing(&out, report, proof);
    text_append_string(&out, ",\"points\":[");
    for (size_t i = 0; i < report->point_count; i++) {
        text_append_string(&out, i ? ",\n" : "\n");
        append_point(&out, &report->points[i]);
    }
    text_append_string(&out, "]");
    append_amendments(&out, report);
    append_settings(&out, report, true);
    append_settings(&out, report, false);
    append_events(&out, "alarms", report->alarms, report->alarm_count);
    append_events(&out, "events", report->events, report->event_count);
    text_append_format(&out, ",\"events_left_out\":%" PRIu64, report->events_left_out);
    append_certificates(&out, report);
    append_clock(&out, &report->clock);
    append_proof(&out, proof);
    text_append_string(&out, form->readings ? ",\"readings\":" : "");
    int error = out.failed ? why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY)) : OK;
    fwrite(out.data, 1, error ? 0 : out.length, to);
    error = error || !form->readings ? error : job_write_rows(report, ROWS_JSON, to, why);
    fputs("}\n", to);
    text_free(&out);
    return error;
}
