#include "live/alarm_table.h"

#include "common/answer.h"
#include "common/show.h"

#include <inttypes.h>
#include <string.h>

static void add_time(struct show_table *table, int64_t t_us)
{
    struct text text = text_make(64);
    show_append_local(&text, t_us);
    show_table_add(table, text.data ? text.data : "");
    text_free(&text);
}

static void add_acknowledged(struct show_table *table, const cJSON *alarm)
{
    struct text text = text_make(128);
    int64_t t_us = answer_int(alarm, "acknowledged_us");
    if (t_us) {
        show_append_local(&text, t_us);
        text_append_format(&text, " by %s", answer_string(alarm, "account"));
    } else {
        text_append_string(&text, "NO");
    }
    show_table_add(table, text.data ? text.data : "");
    text_free(&text);
}

static bool is_warning(const cJSON *alarm)
{
    return strcmp(answer_string(alarm, "level"), "warning") == 0;
}

void alarm_table_append(struct text *out, const cJSON *answer)
{
    static const char *const headings[] = {"point", "level", "limit", "since", "acknowledged"};
    const cJSON *alarms = answer_member(answer, "alarms"), *alarm;
    int64_t omitted = answer_int(answer, "alarms_omitted");
    if (!cJSON_GetArraySize(alarms)) {
        return;
    }
    struct show_table table = show_table_make(5, headings);
    cJSON_ArrayForEach(alarm, alarms)
    {
        show_table_add(&table, answer_string(alarm, "point"));
        show_table_add(&table, is_warning(alarm) ? "warning" : "ALARM");
        show_table_add(&table, answer_string(alarm, "limit"));
        add_time(&table, answer_int(alarm, "since_us"));
        add_acknowledged(&table, alarm);
    }
    show_table_append(&table, out);
    show_table_free(&table);
    if (omitted) {
        text_append_format(out, "and %" PRId64 " more\n", omitted);
    }
}

void alarm_table_append_count(struct text *out, const cJSON *answer)
{
    int64_t raised = answer_int(answer, "alarms_raised");
    if (raised) {
        text_append_format(out, "%" PRId64 " raised, %" PRId64 " not acknowledged", raised,
                           answer_int(answer, "alarms_unacknowledged"));
    } else {
        text_append_string(out, "none");
    }
}

void alarm_table_append_point(struct text *out, const cJSON *answer, const char *instrument,
                              const char *quantity)
{
    const cJSON *alarm;
    size_t length = strlen(instrument), written = 0;
    cJSON_ArrayForEach(alarm, answer_member(answer, "alarms"))
    {
        const char *point = answer_string(alarm, "point");
        if (strncmp(point, instrument, length) == 0 && point[length] == '.' &&
            strcmp(point + length + 1, quantity) == 0) {
            text_append_string(out, written++ ? ", " : "");
            text_append_string(out, is_warning(alarm) ? "warning " : "ALARM ");
            show_append_clean(out, answer_string(alarm, "limit"), SIZE_MAX);
        }
    }
}
