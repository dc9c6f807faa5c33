// A job's report for people: sections of tables.
#include "jobs/job_show.h"

#include "common/answer.h"
#include "jobs/job_out.h"
#include "jobs/job_words.h"

#include "measure/rounding.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 65536

// --- who, what, when ----------------------------------------------------------------------------

static void add_words(struct show_table *table, const char *key, const char *words)
{
    if (*words) {
        show_table_add(table, key);
        show_table_add(table, words);
    }
}

static void add_end(struct show_table *table, const char *key, const struct job_end *end)
{
    struct text text = text_make(WORDS_MAX);
    show_append_local(&text, end->t_us);
    if (end->known) {
        text_append_format(&text, ", by %s (user %u)", end->account, end->user);
    }
    text_append_format(&text, end->known ? ", block %" PRIu64 : ", block %" PRIu64 ", pruned",
                       end->n);
    show_table_add(table, key);
    job_cell_text(table, &text);
    text_free(&text);
}

static void show_head(struct job_out *out, const struct job_report *report,
                      const struct job_proof *proof)
{
    const struct job *job = report->job;
    const char *const headings[] = {"job", job->code};
    struct show_table table = show_table_make(2, headings);
    struct text text = text_make(WORDS_MAX);
    job_append_standing(&text, report, proof);
    add_words(&table, "standing", text.length ? text.data : "");
    add_words(&table, "item", job->item);
    add_words(&table, "order", job->order);
    add_words(&table, "operator", job->operated_by);
    add_end(&table, "started", &job->start);
    if (!job->runs) {
        add_end(&table, "stopped", &job->stop);
    }
    add_words(&table, "result", job->result);
    add_words(&table, "note", job->note);
    add_words(&table, "log", ledger_reader_origin(report->reader));
    add_words(&table, "times in", report->time_zone);
    job_out_table(out, &table);
    text_free(&text);
    show_table_free(&table);
}

// --- instruments --------------------------------------------------------------------------------

// Where it was, one place after the other.
static void add_location(struct show_table *table, const struct job_report *report,
                         const char *instrument)
{
    struct text text = text_make(WORDS_MAX);
    for (size_t i = 0; i < report->setting_count; i++) {
        const struct job_setting *setting = &report->settings[i];
        if (setting->is_location && strcmp(setting->subject, instrument) == 0) {
            text_append_string(&text, text.length ? ", then " : "");
            text_append_string(&text, setting->words);
        }
    }
    job_cell_text(table, &text);
    text_free(&text);
}

static bool is_same_instrument(const cJSON *one, const cJSON *other)
{
    static const char *const keys[] = {"instrument", "maker", "model", "serial", "identity"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(answer_string(one, keys[i]), answer_string(other, keys[i])) != 0) {
            return false;
        }
    }
    return true;
}

static bool is_first_of_instrument(const struct job_report *report, size_t i)
{
    for (size_t before = 0; before < i; before++) {
        if (is_same_instrument(report->points[before].definition, report->points[i].definition)) {
            return false;
        }
    }
    return true;
}

static bool has_points(const struct job_report *report, const char *instrument)
{
    for (size_t i = 0; i < report->point_count; i++) {
        if (strcmp(answer_string(report->points[i].definition, "instrument"), instrument) == 0) {
            return true;
        }
    }
    return false;
}

static void show_instruments(struct job_out *out, const struct job_report *report)
{
    static const char *const headings[] = {"instrument", "maker",    "model",
                                           "serial",     "identity", "location"};
    struct show_table table = show_table_make(6, headings);
    job_out_heading(out, "Instruments");
    for (size_t i = 0; i < report->point_count; i++) {
        const cJSON *definition = report->points[i].definition;
        if (is_first_of_instrument(report, i)) {
            for (size_t c = 0; c < 5; c++) {
                show_table_add(&table, answer_string(definition, headings[c]));
            }
            add_location(&table, report, answer_string(definition, "instrument"));
        }
    }
    job_out_table(out, &table);
    show_table_free(&table);
    for (size_t i = 0; i < report->job->instrument_count; i++) {
        if (!has_points(report, report->job->instruments[i])) {
            char words[100];
            snprintf(words, sizeof words, "%s: no reading, and no poll that was missed",
                     report->job->instruments[i]);
            job_out_line(out, words);
        }
    }
}

// --- what was read ------------------------------------------------------------------------------

// Digits behind the point, as the number was recorded.
static int decimals_of(const char *digits)
{
    const char *point = strchr(digits, '.');
    return point && !strchr(digits, 'e') ? (int)strlen(point + 1) : 0;
}

static void add_rounded(struct show_table *table, double number, int place)
{
    struct text text = text_make(64);
    rounding_append(&text, number, place);
    job_cell_text(table, &text);
    text_free(&text);
}

static void add_indications(struct show_table *table, const struct job_values *values)
{
    if (!values->count) {
        for (size_t i = 0; i < 5; i++) {
            show_table_add(table, "—");
        }
        return;
    }
    int place = (int)fmax(decimals_of(values->minimum), decimals_of(values->maximum)) + 1;
    show_table_add(table, values->minimum);
    show_table_add(table, values->maximum);
    add_rounded(table, job_values_mean(values), place);
    show_table_add(table, values->first);
    show_table_add(table, values->last);
}

static void add_corrected(struct show_table *table, const struct job_outcome *outcome)
{
    const struct job_values *values = &outcome->corrected;
    const double numbers[] = {values->least, values->most, job_values_mean(values),
                              strtod(values->first, NULL), strtod(values->last, NULL)};
    int place = outcome->u_most > 0 ? rounding_place(outcome->u_most) : 6;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        add_rounded(table, numbers[i], place);
    }
    add_rounded(table, outcome->u_most, place);
}

static void begin_point(struct show_table *table, const struct job_point *point, const char *what,
                        uint64_t count)
{
    show_table_add(table, point->name);
    job_cell_number(table, point->number);
    show_table_add(table, point->unit);
    show_table_add(table, what);
    job_cell_number(table, count);
}

static void add_outcome(struct show_table *table, const struct job_point *point,
                        const struct job_outcome *outcome, bool amended)
{
    begin_point(table, point, amended ? "indication, as amended" : "indication",
                outcome->indications.count);
    show_table_add_format(table, amended ? "" : "%" PRIu64, point->missed);
    add_indications(table, &outcome->indications);
    show_table_add(table, "");
    if (outcome->corrected.count) {
        begin_point(table, point, amended ? "corrected, as amended" : "corrected",
                    outcome->corrected.count);
        show_table_add(table, "");
        add_corrected(table, outcome);
    }
}

static void show_points(struct job_out *out, const struct job_report *report)
{
    static const char *const headings[] = {"point",  ">number", "unit",     "value",
                                           ">count", ">missed", ">minimum", ">maximum",
                                           ">mean",  ">first",  ">last",    ">U at most"};
    struct show_table table = show_table_make(12, headings);
    char words[200];
    snprintf(words, sizeof words, "Readings: %" PRIu64 ", and %" PRIu64 " polls missed",
             report->readings, report->missed);
    job_out_heading(out, words);
    for (size_t i = 0; i < report->point_count; i++) {
        const struct job_point *point = &report->points[i];
        add_outcome(&table, point, &point->recorded, false);
        if (point->amendments) {
            add_outcome(&table, point, &point->amended, true);
        }
    }
    job_out_table(out, &table);
    show_table_free(&table);
}

static void add_amendment(struct show_table *table, const struct job_amendment *reading,
                          const struct amended *one)
{
    struct text text = text_make(WORDS_MAX);
    job_cell_time(table, one->what.t_us);
    show_table_add(table, reading->name);
    text_append_format(&text, "%s %s", one->what.recorded[0] ? one->what.recorded : "—",
                       reading->unit);
    job_cell_text(table, &text);
    amendment_append_outcome(&one->what, &text);
    job_cell_text(table, &text);
    show_table_add(table, one->state == AMENDED_HOLDS ? "holds" : "superseded");
    text_append_format(&text, "%s (user %u)", one->account, one->user);
    job_cell_text(table, &text);
    job_cell_time(table, one->t_us);
    job_cell_number(table, one->n);
    show_table_add(table, one->what.reason);
    text_free(&text);
}

// What was recorded stands, above, beside what it is amended to (ISO/IEC 17025, 7.5.2).
static void show_amendments(struct job_out *out, const struct job_report *report)
{
    static const char *const headings[] = {"reading of", "point", "recorded", "amended to", "state",
                                           "by",         "on",    ">block",   "why"};
    struct show_table table = show_table_make(9, headings);
    for (size_t i = 0; i < report->amendment_count; i++) {
        for (size_t k = 0; k < report->amendments[i].count; k++) {
            add_amendment(&table, &report->amendments[i], &report->amendments[i].list[k]);
        }
    }
    if (table.count) {
        job_out_heading(out, "Amendments");
    }
    job_out_table(out, &table);
    show_table_free(&table);
}

static void add_counted(struct show_table *table, const struct job_point *point, const char *what,
                        uint64_t count)
{
    show_table_add(table, point->name);
    job_cell_number(table, point->number);
    show_table_add(table, what);
    job_cell_number(table, count);
}

// What readings are flagged with, and why polls brought none.
static void show_flags(struct job_out *out, const struct job_report *report)
{
    static const char *const headings[] = {"point", ">number", "flag, or why missed", ">count"};
    struct show_table table = show_table_make(4, headings);
    struct text text = text_make(WORDS_MAX);
    for (size_t i = 0; i < report->point_count; i++) {
        const struct job_point *point = &report->points[i];
        for (unsigned bit = 0; bit < JOB_FLAGS; bit++) {
            if (point->flags[bit]) {
                text_clear(&text);
                show_append_flags(&text, UINT32_C(1) << bit, "");
                add_counted(&table, point, text.data, point->flags[bit]);
            }
        }
        for (size_t r = 0; r < point->reason_count; r++) {
            text_clear(&text);
            text_append_format(&text, "missed: %s", point->reasons[r].word);
            add_counted(&table, point, text.data, point->reasons[r].count);
        }
    }
    if (table.count) {
        job_out_heading(out, "Flags and misses");
    }
    job_out_table(out, &table);
    text_free(&text);
    show_table_free(&table);
}

// --- limits, and what happened ------------------------------------------------------------------

static void show_limits(struct job_out *out, const struct job_report *report)
{
    static const char *const headings[] = {"point", "limits", ">from block", ">to block",
                                           "configuration, SHA-256"};
    struct show_table table = show_table_make(5, headings);
    job_out_heading(out, "Limits in force");
    for (size_t i = 0; i < report->setting_count; i++) {
        const struct job_setting *setting = &report->settings[i];
        if (!setting->is_location && setting->from_n < setting->to_n) {
            show_table_add(&table, setting->subject);
            show_table_add(&table, setting->words);
            job_cell_number(&table, setting->from_n);
            job_cell_number(&table, setting->to_n - 1);
            job_cell_hash(&table, &setting->config);
        }
    }
    if (!table.count) {
        job_out_line(out, "none");
    }
    job_out_table(out, &table);
    show_table_free(&table);
}

static void show_events(struct job_out *out, const char *heading, const struct job_event *events,
                        size_t count)
{
    static const char *const headings[] = {"time", "event", "subject", "what", ">block"};
    struct show_table table = show_table_make(5, headings);
    job_out_heading(out, heading);
    for (size_t i = 0; i < count; i++) {
        job_cell_time(&table, events[i].t_us);
        show_table_add(&table, events[i].kind);
        show_table_add(&table, events[i].subject);
        show_table_add(&table, events[i].text);
        job_cell_number(&table, events[i].n);
    }
    if (!count) {
        job_out_line(out, "none");
    }
    job_out_table(out, &table);
    show_table_free(&table);
}

// --- certificates and the clock -----------------------------------------------------------------

static void show_certificates(struct job_out *out, const struct job_report *report)
{
    static const char *const headings[] = {"number", "laboratory", "performed", "until",
                                           "k",      "SHA-256",    "points"};
    struct show_table table = show_table_make(7, headings);
    char performed[CERTIFICATE_DATE_SIZE], last[CERTIFICATE_DATE_SIZE];
    job_out_heading(out, "Certificates in force");
    for (size_t i = 0; i < report->certificate_count; i++) {
        const struct job_certificate *one = &report->certificates[i];
        if (one->certificate) {
            certificate_format_date(one->certificate->performed, performed);
        }
        job_certificate_last_day(one, last);
        show_table_add(&table, one->certificate ? one->certificate->id : one->why.text);
        show_table_add(&table, one->certificate ? one->certificate->laboratory : "");
        show_table_add(&table, one->certificate ? performed : "");
        show_table_add(&table, last);
        show_table_add(&table, one->k);
        job_cell_hash(&table, &one->hash);
        show_table_add(&table, one->points);
    }
    if (!report->certificate_count) {
        job_out_line(out, "none: no reading is corrected");
    }
    job_out_table(out, &table);
    show_table_free(&table);
}

static void show_clock(struct job_out *out, const struct job_report *report)
{
    const struct job_clock *clock = &report->clock;
    const struct job *job = report->job;
    struct text text = text_make(WORDS_MAX);
    job_out_heading(out, "Clock");
    text_append_format(&text, "%" PRIu64 " of %" PRIu64 " blocks with a synchronised clock",
                       clock->blocks - clock->unsynchronised, clock->blocks);
    if (clock->unsynchronised < clock->blocks) {
        text_append_string(&text, ", its maximum error at most ");
        show_append_duration(&text, clock->error_us);
    }
    job_out_line(out, text.data);
    if (clock->sets) {
        text_clear(&text);
        text_append_format(&text,
                           "The clock was set %" PRIu64 " times within the job: from then on what "
                           "is in its blocks is of the job, whatever its time says",
                           clock->sets);
        job_out_line(out, text.data);
    }
    if (!job->runs && job->stop.t_us < job->start.t_us) {
        job_out_line(out, "By the clock the job stopped before it started: the order of the blocks "
                          "holds");
    }
    if (clock->anew) {
        text_clear(&text);
        text_append_format(&text,
                           "Recording began anew %" PRIu64 " times within the job, by a start or a "
                           "reload",
                           clock->anew);
        job_out_line(out, text.data);
    }
    text_free(&text);
}

// --- proof --------------------------------------------------------------------------------------

static void show_receipts(struct job_out *out, const struct job_proof *proof)
{
    static const char *const headings[] = {"centre", "held by", ">blocks up to", "signature"};
    struct show_table table = show_table_make(4, headings);
    struct text text = text_make(WORDS_MAX);
    for (size_t i = 0; i < proof->receipt_count; i++) {
        const struct job_receipt *receipt = &proof->receipts[i];
        show_table_add(&table, receipt->centre);
        show_append_second(&text, receipt->time_s);
        job_cell_text(&table, &text);
        job_cell_number(&table, receipt->last);
        show_table_add(&table, receipt->signature == JOB_SIGNATURE_GOOD ? "verified"
                               : receipt->signature == JOB_SIGNATURE_UNKNOWN
                                   ? "not verified: the centre's key was not given"
                                   : "FALSE");
    }
    job_out_table(out, &table);
    text_free(&text);
    show_table_free(&table);
}

// Amendments that stand behind the job's blocks, and so are not in an export of these.
static void show_later(struct job_out *out, const struct job_report *report,
                       const struct job_proof *proof)
{
    uint64_t count = 0, last = 0;
    for (size_t i = 0; i < report->amendment_count; i++) {
        for (size_t k = 0; k < report->amendments[i].count; k++) {
            uint64_t n = report->amendments[i].list[k].n;
            count += n >= proof->end;
            last = n > last ? n : last;
        }
    }
    if (count) {
        char words[160];
        snprintf(words, sizeof words,
                 "Amendments in later blocks, up to %" PRIu64
                 ", which an export of the job does not hold: %" PRIu64,
                 last, count);
        job_out_line(out, words);
    }
}

static void show_proof(struct job_out *out, const struct job_report *report,
                       const struct job_proof *proof)
{
    struct text text = text_make(WORDS_MAX);
    job_out_heading(out, "Proof");
    text_append_format(&text, "Blocks %" PRIu64 " to %" PRIu64, proof->first, proof->end - 1);
    if (proof->is_signed) {
        text_append_format(&text, ", signed by the gateway in its checkpoint of %" PRIu64 " blocks",
                           proof->checkpoint);
    } else {
        text_append_string(&text, ", not all signed yet");
    }
    job_out_line(out, text.data);
    if (proof->is_signed && !proof->receipt_count) {
        job_out_line(out, "No receipt covers any of them yet");
    }
    show_receipts(out, proof);
    show_later(out, report, proof);
    if (proof->path) {
        text_clear(&text);
        text_append_format(&text, "Export of blocks %" PRIu64 " to %" PRIu64 ": ",
                           proof->export_first, proof->end - 1);
        show_append_clean(&text, proof->path, SIZE_MAX);
        text_append_string(&text, ", SHA-256 ");
        text_append_hex(&text, proof->hash.bytes, DIGEST_SIZE);
        job_out_line(out, text.data);
        job_out_line(out, "`tally verify` checks it, and so can anyone by docs/AUDIT.md");
    }
    text_free(&text);
}

int job_show(const struct job_report *report, const struct job_proof *proof,
             const struct job_form *form, FILE *to, struct why *why)
{
    struct job_out out = {.html = form->html, .to = to};
    char title[JOB_CODE_MAX + 16];
    snprintf(title, sizeof title, "Job %s", report->job->code);
    job_out_begin(&out, title);
    show_head(&out, report, proof);
    show_instruments(&out, report);
    show_points(&out, report);
    show_amendments(&out, report);
    show_flags(&out, report);
    show_limits(&out, report);
    show_events(&out, "Alarms", report->alarms, report->alarm_count);
    show_events(&out, "Other events", report->events, report->event_count);
    if (report->events_left_out) {
        char words[100];
        snprintf(words, sizeof words, "and %" PRIu64 " more events", report->events_left_out);
        job_out_line(&out, words);
    }
    show_certificates(&out, report);
    show_clock(&out, report);
    show_proof(&out, report, proof);
    int error = form->readings ? job_show_readings(&out, report, why) : OK;
    job_out_end(&out);
    return !error && out.failed ? why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY))
                                : error;
}
