#include "amendments/amend_find.h"

#include "common/moment.h"

#include "ledger/block.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define DEFINITION_MAX 65536
#define TIME_SIZE      48
#define MINUTES_LENGTH 16 // "2026-11-24T08:00"
#define SECONDS_LENGTH 19
#define MINUTE_US      60000000
#define SECOND_US      1000000

// --- the time -----------------------------------------------------------------------------------

// "2026-11-24 13:39:36.120 +08:00" with a T and without the second blank.
static void close_up(char *text)
{
    char *zone = strchr(text, ' ');
    if (zone && zone == text + 10) {
        *zone = 'T';
        zone = strchr(text, ' ');
    }
    if (zone) {
        memmove(zone, zone + 1, strlen(zone));
    }
}

// Takes the fraction of a second out of the text. How many µs the last digit is worth; 0 when it is
// no fraction of 1 to 6 digits.
static int64_t take_fraction(char *point, int64_t *fraction_us)
{
    int64_t worth_us = SECOND_US;
    size_t digits = strspn(point + 1, "0123456789");
    *fraction_us = 0;
    if (digits < 1 || digits > 6) {
        return 0;
    }
    for (size_t i = 1; i <= digits; i++) {
        worth_us /= 10;
        *fraction_us += (point[i] - '0') * worth_us;
    }
    memmove(point, point + 1 + digits, strlen(point + 1 + digits) + 1);
    return worth_us;
}

int amend_parse_time(const char *text, int64_t *from_us, int64_t *to_us)
{
    char bare[TIME_SIZE];
    int64_t fraction_us = 0, worth_us = MINUTE_US;
    if (strlen(text) >= sizeof bare || strlen(text) < MINUTES_LENGTH || *text < '0' ||
        *text > '9') {
        return ERROR_INPUT;
    }
    snprintf(bare, sizeof bare, "%s", text);
    close_up(bare);
    if (strlen(bare) >= SECONDS_LENGTH && bare[MINUTES_LENGTH] == ':') {
        worth_us = bare[SECONDS_LENGTH] == '.' ? take_fraction(bare + SECONDS_LENGTH, &fraction_us)
                                               : SECOND_US;
    }
    if (!worth_us || moment_parse(bare, 0, from_us) != OK ||
        *from_us > INT64_MAX - fraction_us - worth_us) {
        return ERROR_INPUT;
    }
    *from_us += fraction_us;
    *to_us = *from_us + worth_us;
    return OK;
}

// --- the reading --------------------------------------------------------------------------------

struct finding {
    const struct amend_sought *sought;
    struct amend_found *out;
    struct text bytes;
    struct block_view view;
};

static bool is_sought(const struct amend_sought *sought, uint32_t point, int64_t t_us)
{
    bool ours = t_us >= sought->from_us && t_us < sought->to_us;
    for (size_t i = 0; ours && i < sought->naming->number_count; i++) {
        if (sought->naming->numbers[i] == point) {
            return true;
        }
    }
    return false;
}

static void take(struct finding *finding, size_t index)
{
    const struct block_reading *reading = &finding->view.readings[index];
    struct amend_found *out = finding->out;
    struct amendment as_recorded = {.recorded = ""};
    if (out->count < AMEND_FOUND_MAX) {
        struct amend_reading *one = &out->list[out->count];
        one->is_text =
            !amendment_set_recorded(&as_recorded, reading->indication, reading->indication_length);
        one->block = finding->view.n;
        one->index = (uint32_t)index;
        one->point = reading->point;
        one->t_us = reading->t_us;
        memcpy(one->recorded, as_recorded.recorded, sizeof one->recorded);
    }
    out->count++;
}

static int look_at_block(struct finding *finding, uint64_t n, struct why *why)
{
    const struct amend_sought *sought = finding->sought;
    struct block_view *view = &finding->view;
    int error = ledger_reader_block(sought->naming->reader, n, &finding->bytes, why);
    error = error ? error : block_parse(view, finding->bytes.data, finding->bytes.length, why);
    for (size_t i = 0; !error && i < view->reading_count; i++) {
        if (is_sought(sought, view->readings[i].point, view->readings[i].t_us)) {
            take(finding, i);
        }
    }
    for (size_t i = 0; !error && i < view->missed_count; i++) {
        const struct block_miss *miss = &view->missed[i];
        if (is_sought(sought, miss->point, miss->t_us)) {
            snprintf(finding->out->missed, sizeof finding->out->missed, "%.*s",
                     (int)miss->word_length, miss->word);
        }
    }
    return error;
}

// Unit, and whether the register is one of text, by the definition of the point's number.
static int look_up(const struct amend_sought *sought, struct amend_reading *one, struct why *why)
{
    struct text bytes = text_make(DEFINITION_MAX);
    int error = ledger_reader_point_definition(sought->naming->reader, one->point, &bytes, why);
    cJSON *json = error ? NULL : cJSON_ParseWithLength(bytes.data, bytes.length);
    const char *unit = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "unit"));
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "type"));
    snprintf(one->unit, sizeof one->unit, "%s", unit ? unit : "");
    one->is_text = one->is_text || (type && strcmp(type, "string") == 0);
    cJSON_Delete(json);
    text_free(&bytes);
    return error;
}

int amend_find(const struct amend_sought *sought, struct amend_found *out, struct why *why)
{
    struct finding finding = {.sought = sought, .out = out, .bytes = text_make(BLOCK_BYTES_MAX)};
    uint64_t n = sought->has_block ? sought->block : 0;
    int error;
    *out = (struct amend_found){.count = 0};
    for (; (error = ledger_reader_next_in_time(sought->naming->reader, sought->from_us,
                                               sought->to_us, &n, why)) == OK;
         n++) {
        if (sought->has_block && n != sought->block) {
            break;
        }
        error = look_at_block(&finding, n, why);
        if (error) {
            break;
        }
    }
    error = error == ERROR_ABSENT ? OK : error;
    for (size_t i = 0; !error && i < out->count && i < AMEND_FOUND_MAX; i++) {
        error = look_up(sought, &out->list[i], why);
    }
    block_view_free(&finding.view);
    text_free(&finding.bytes);
    return error;
}
