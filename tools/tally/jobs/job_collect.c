#include "jobs/job_collect.h"

#include "base/arena.h"
#include "common/answer.h"
#include "ledger/cursor.h"
#include "series/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (16u << 20)

struct collecting {
    struct job_report *report;
    struct digest definitions; // of the block before
    bool has_definitions;
    char run[33];
    size_t alarm_room, event_room;
};

static int no_memory(struct why *why)
{
    return why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
}

// --- what points read ---------------------------------------------------------------------------

// A number as a block writes it, in quotes where it has more than 15 digits. False: it is none.
static bool read_number(const char *json, uint32_t length, char out[JOB_NUMBER_MAX], double *number)
{
    *number = number_to_double(number_parse(json, length));
    if (!isfinite(*number)) {
        return false;
    }
    uint32_t quote = *json == '"';
    length -= 2 * quote;
    if (length >= JOB_NUMBER_MAX) {
        return false;
    }
    memcpy(out, json + quote, length);
    out[length] = '\0';
    return true;
}

static void copy_digits(char out[JOB_NUMBER_MAX], const char *digits)
{
    memcpy(out, digits, strlen(digits) + 1);
}

static void add_value(struct job_values *values, const char *digits, double number)
{
    if (!values->count) {
        values->shift = values->least = values->most = number;
        copy_digits(values->first, digits);
        copy_digits(values->minimum, digits);
        copy_digits(values->maximum, digits);
    }
    values->count++;
    values->sum += number - values->shift;
    copy_digits(values->last, digits);
    if (number < values->least) {
        values->least = number;
        copy_digits(values->minimum, digits);
    }
    if (number > values->most) {
        values->most = number;
        copy_digits(values->maximum, digits);
    }
}

double job_values_mean(const struct job_values *values)
{
    return values->count ? values->shift + values->sum / (double)values->count : (double)NAN;
}

static struct job_point *point_of(struct job_report *report, const struct job_number *number)
{
    if (number->index == report->point_count) {
        if (report->point_count == report->point_room) {
            size_t room = report->point_room ? 2 * report->point_room : 16;
            struct job_point *grown = realloc(report->points, room * sizeof *grown);
            if (!grown) {
                return NULL;
            }
            report->points = grown;
            report->point_room = room;
        }
        struct job_point *fresh = &report->points[report->point_count++];
        *fresh = (struct job_point){
            .number = number->number, .definition = number->definition, .unit = number->unit};
        memcpy(fresh->name, number->name, sizeof fresh->name);
    }
    return &report->points[number->index];
}

static void add_corrected(struct job_outcome *outcome, const char *digits, double number, double u)
{
    outcome->u_least = outcome->corrected.count ? fmin(outcome->u_least, u) : u;
    outcome->u_most = outcome->corrected.count ? fmax(outcome->u_most, u) : u;
    add_value(&outcome->corrected, digits, number);
}

static void add_recorded(struct job_outcome *outcome, const struct block_reading *reading)
{
    char digits[JOB_NUMBER_MAX], u_digits[JOB_NUMBER_MAX];
    double number, u;
    if (read_number(reading->indication, reading->indication_length, digits, &number)) {
        add_value(&outcome->indications, digits, number);
    }
    if (read_number(reading->corrected, reading->corrected_length, digits, &number) &&
        read_number(reading->uncertainty, reading->uncertainty_length, u_digits, &u)) {
        add_corrected(outcome, digits, number, u);
    }
}

// What it is amended to, unless that is no value at all.
static void add_amended(struct job_outcome *outcome, struct recorrect *recorrecting,
                        const struct amendment *amendment, const struct block_reading *reading)
{
    struct text text = text_make(JOB_NUMBER_MAX - 1);
    double number, u;
    if (amendment->kind != AMENDMENT_VALUE) {
        return;
    }
    add_value(&outcome->indications, amendment->value, strtod(amendment->value, NULL));
    if (recorrect(recorrecting, amendment, reading, &number, &u)) {
        value_append_double(&text, number);
        add_corrected(outcome, text.data ? text.data : "", number, u);
    }
    text_free(&text);
}

static int note_amendment(struct job_report *report, const struct job_point *point,
                          const struct amended *list, size_t count)
{
    if (report->amendment_count == report->amendment_room) {
        size_t room = report->amendment_room ? 2 * report->amendment_room : 16;
        struct job_amendment *grown = realloc(report->amendments, room * sizeof *grown);
        if (!grown) {
            return ERROR_MEMORY;
        }
        report->amendments = grown;
        report->amendment_room = room;
    }
    report->amendments[report->amendment_count++] =
        (struct job_amendment){list[0].name, point->unit, list, count};
    return OK;
}

static int add_reading(struct job_report *report, struct job_point *point,
                       const struct block_reading *reading, uint64_t block, size_t index)
{
    const struct amendments *amendments = &report->amended.amendments;
    const struct amendment *holds = amendments_find(amendments, block, index);
    size_t count;
    const struct amended *list = amendments_of(amendments, block, index, &count);
    add_recorded(&point->recorded, reading);
    if (holds) {
        point->amendments++;
        add_amended(&point->amended, report->amended.recorrect, holds, reading);
    } else {
        add_recorded(&point->amended, reading);
    }
    return list ? note_amendment(report, point, list, count) : OK;
}

static int take_reading(void *context, const struct job_number *number,
                        const struct block_reading *reading, uint64_t block, size_t index)
{
    struct collecting *collecting = context;
    struct job_point *point = point_of(collecting->report, number);
    if (!point) {
        return ERROR_MEMORY;
    }
    collecting->report->readings++;
    point->first_us = point->readings++ ? point->first_us : reading->t_us;
    point->last_us = reading->t_us;
    for (unsigned bit = 0; bit < JOB_FLAGS; bit++) {
        point->flags[bit] += reading->flags >> bit & 1;
    }
    return add_reading(collecting->report, point, reading, block, index);
}

static int take_miss(void *context, const struct job_number *number, const struct block_miss *miss,
                     uint64_t block)
{
    struct collecting *collecting = context;
    struct job_point *point = point_of(collecting->report, number);
    char word[32];
    size_t i = 0;
    (void)block;
    if (!point) {
        return ERROR_MEMORY;
    }
    snprintf(word, sizeof word, "%.*s", (int)miss->word_length, miss->word);
    collecting->report->missed++;
    point->missed++;
    while (i < point->reason_count && strcmp(point->reasons[i].word, word) != 0) {
        i++;
    }
    if (i == JOB_REASONS_MAX) {
        i--;
        memcpy(point->reasons[i].word, "other", sizeof "other");
    } else if (i == point->reason_count) {
        memcpy(point->reasons[i].word, word, sizeof word);
        point->reasons[point->reason_count++].count = 0;
    }
    point->reasons[i].count++;
    return OK;
}

// --- what else was recorded ---------------------------------------------------------------------

static const char *copy_json(struct job_report *report, const char *body, uint32_t length)
{
    struct text text = text_make(BLOCK_BYTES_MAX);
    cursor_unescape(&text, body, length);
    const char *copy =
        text.failed ? NULL : arena_copy(&report->arena, text.data ? text.data : "", text.length);
    text_free(&text);
    return copy;
}

static int add_event(struct job_report *report, bool alarm, size_t *room,
                     const struct job_event *event)
{
    struct job_event **list = alarm ? &report->alarms : &report->events;
    size_t *count = alarm ? &report->alarm_count : &report->event_count;
    if (*count == JOB_EVENTS_MAX) {
        report->events_left_out++;
        return OK;
    }
    if (*count == *room) {
        *room = *room ? 2 * *room : 64;
        struct job_event *grown = realloc(*list, *room * sizeof *grown);
        if (!grown) {
            return ERROR_MEMORY;
        }
        *list = grown;
    }
    (*list)[(*count)++] = *event;
    return OK;
}

static bool begins(const char *word, const char *with)
{
    return strncmp(word, with, strlen(with)) == 0;
}

// Whether its subject is one of the job's instruments, or a point of one.
static bool is_of_instruments(const struct job *job, const char *subject)
{
    char instrument[JOB_NAME_MAX + 2];
    snprintf(instrument, sizeof instrument, "%.*s", (int)strcspn(subject, "."), subject);
    return job_has_instrument(job, instrument);
}

// Whether it is the serial number of one of the instruments, as far as they are known by now.
static bool is_serial(const struct job_walk *walk, const char *subject)
{
    for (size_t i = 0; i < walk->number_count && *subject; i++) {
        if (strcmp(answer_string(walk->numbers[i].definition, "serial"), subject) == 0) {
            return true;
        }
    }
    return false;
}

// Whatever bears on all readings, and what is of the instruments.
static bool is_told(const struct job_report *report, const struct job_event *event)
{
    static const char *const general[] = {"clock.stepped",   "gateway.started",
                                          "gateway.stopped", "configuration.changed",
                                          "log.begun",       "events.dropped"};
    for (size_t i = 0; i < sizeof general / sizeof general[0]; i++) {
        if (strcmp(event->kind, general[i]) == 0) {
            return true;
        }
    }
    return (begins(event->kind, "instrument.") && is_of_instruments(report->job, event->subject)) ||
           (begins(event->kind, "certificate.") && is_serial(&report->walk, event->subject));
}

static int take_event(struct collecting *collecting, const struct job_stretch *stretch,
                      const struct block_view *view, const struct block_event *from)
{
    struct job_report *report = collecting->report;
    const struct job *job = report->job;
    struct job_event event = {view->n, from->t_us, copy_json(report, from->kind, from->kind_length),
                              copy_json(report, from->subject, from->subject_length), NULL};
    if (!event.kind || !event.subject) {
        return ERROR_MEMORY;
    }
    bool alarm = begins(event.kind, "limit.") && is_of_instruments(job, event.subject);
    bool stepped = strcmp(event.kind, "clock.stepped") == 0;
    if (!(alarm || is_told(report, &event)) ||
        !(stepped || job_stretch_holds(stretch, from->t_us))) {
        return OK;
    }
    event.text = copy_json(report, from->text, from->text_length);
    return event.text ? add_event(report, alarm,
                                  alarm ? &collecting->alarm_room : &collecting->event_room, &event)
                      : ERROR_MEMORY;
}

// --- what was in force --------------------------------------------------------------------------

static int read_definitions(struct job_report *report, const struct block_view *view,
                            struct digest *config, struct why *why)
{
    struct text text = text_make(FILE_BYTES_MAX);
    int error = ledger_reader_file(report->reader, &view->definitions, &text, why);
    cJSON *json = error ? NULL : cJSON_ParseWithLength(text.data, text.length);
    const char *hex = answer_string(json, "config");
    if (!error && (strlen(hex) != DIGEST_HEX - 1 || text_parse_hex(hex, config, DIGEST_SIZE))) {
        error =
            why_set(why, ERROR_INPUT,
                    "the definitions of block %" PRIu64 " are not of the form required", view->n);
    }
    snprintf(report->time_zone, sizeof report->time_zone, "%s", answer_string(json, "time_zone"));
    cJSON_Delete(json);
    text_free(&text);
    return error;
}

static int take_definitions(struct collecting *collecting, const struct block_view *view,
                            struct why *why)
{
    struct digest config;
    if (collecting->has_definitions && digest_equal(&collecting->definitions, &view->definitions)) {
        return OK;
    }
    collecting->definitions = view->definitions;
    collecting->has_definitions = true;
    int error = read_definitions(collecting->report, view, &config, why);
    return error ? error : job_settings_take(collecting->report, &config, view->n, why);
}

static void take_clock(struct collecting *collecting, const struct block_view *view)
{
    struct job_clock *clock = &collecting->report->clock;
    clock->blocks++;
    clock->unsynchronised += !view->clock.synchronised;
    if (view->clock.synchronised && view->clock.error_us > clock->error_us) {
        clock->error_us = view->clock.error_us;
    }
    clock->anew += collecting->run[0] && strcmp(collecting->run, view->run) != 0;
    memcpy(collecting->run, view->run, sizeof collecting->run);
}

static int take_block(void *context, const struct job_stretch *stretch,
                      const struct block_view *view, struct why *why)
{
    struct collecting *collecting = context;
    int error = OK;
    if (!stretch->inside) {
        return OK;
    }
    take_clock(collecting, view);
    collecting->report->clock.sets = stretch->sets;
    error = take_definitions(collecting, view, why);
    for (size_t i = 0; i < view->event_count && !error; i++) {
        error = take_event(collecting, stretch, view, &view->events[i]);
    }
    return error == ERROR_MEMORY ? no_memory(why) : error;
}

// --- all of it ----------------------------------------------------------------------------------

static int by_name(const void *a, const void *b)
{
    const struct job_point *one = a, *other = b;
    int order = strcmp(one->name, other->name);
    return order ? order : (one->number > other->number) - (one->number < other->number);
}

int job_collect(struct job_report *report, struct ledger_reader *reader, const struct job *job,
                const char *command, struct why *why)
{
    *report = (struct job_report){.job = job, .reader = reader};
    struct collecting collecting = {.report = report};
    const struct job_visitor visitor = {&collecting, take_block, take_reading, take_miss};
    int error = rows_amended_load(&report->amended, reader, NULL, command, why);
    error = error ? error : job_walk(&report->walk, reader, job, &visitor, why);
    for (size_t i = 0; i < report->setting_count; i++) {
        struct job_setting *setting = &report->settings[i];
        setting->to_n = setting->to_n ? setting->to_n : report->walk.end;
    }
    if (report->point_count) {
        qsort(report->points, report->point_count, sizeof report->points[0], by_name);
    }
    error = error ? error : job_certificates_find(report, why);
    return error == ERROR_MEMORY ? no_memory(why) : error;
}

void job_report_free(struct job_report *report)
{
    for (size_t i = 0; i < report->certificate_count; i++) {
        certificate_free(report->certificates[i].certificate);
    }
    free(report->certificates);
    free(report->settings);
    free(report->amendments);
    rows_amended_free(&report->amended);
    free(report->events);
    free(report->alarms);
    free(report->points);
    job_walk_free(&report->walk);
    arena_free(&report->arena);
    *report = (struct job_report){.job = NULL};
}
