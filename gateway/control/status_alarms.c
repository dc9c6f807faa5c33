// What the status and the answer to "alarms" say of limits that are raised.
#include "control/status.h"

struct list {
    struct text *out;
    size_t shown, omitted, max;
};

static void append_alarm(void *context, const struct alarm *alarm)
{
    struct list *list = context;
    struct text *out = list->out;
    if (list->shown >= list->max) {
        list->omitted++;
        return;
    }
    text_append_string(out, list->shown++ ? ",{\"point\":" : "{\"point\":");
    text_append_json(out, alarm->point);
    text_append_format(out, ",\"level\":\"%s\",\"kind\":\"%s\",\"limit\":",
                       limit_is_warning(alarm->kind) ? "warning" : "alarm",
                       limit_name(alarm->kind));
    text_append_json(out, alarm->limit);
    text_append_format(out, ",\"since_us\":%lld,\"acknowledged_us\":%lld,\"account\":",
                       (long long)alarm->since_us, (long long)alarm->acknowledged_us);
    text_append_json(out, alarm->account);
    text_append_string(out, "}");
}

void status_append_raised(struct text *out, struct alarms *alarms, size_t max)
{
    struct list list = {.out = out, .max = max};
    size_t raised, unacknowledged;
    alarms_count(alarms, &raised, &unacknowledged);
    text_append_format(out, ",\"alarms_raised\":%zu,\"alarms_unacknowledged\":%zu,\"alarms\":[",
                       raised, unacknowledged);
    alarms_each(alarms, append_alarm, &list);
    text_append_format(out, "],\"alarms_omitted\":%zu", list.omitted);
}

void status_append_alarms(const struct status_sources *sources, struct text *out)
{
    text_append_format(out, "{\"tally-alarms\":1,\"time_us\":%lld",
                       (long long)clock_wall_us(sources->clock));
    text_append_string(out, ",\"time_zone\":");
    text_append_json(out, sources->config->site.time_zone);
    status_append_raised(out, sources->alarms, STATUS_ALARMS_MAX);
    text_append_string(out, "}");
}
