#include "daemon/acknowledge.h"

#include <stdio.h>

static void refuse(struct text *out, const char *point, const char *reason)
{
    char text[256];
    snprintf(text, sizeof text, "%.65s: %s", point, reason);
    text_append_string(out, "{\"error\":");
    text_append_json(out, text);
    text_append_string(out, "}");
}

void acknowledge_alarm(struct present *present, const char *words, struct text *out)
{
    char point[ALARM_POINT_MAX + 1], account[ALARM_ACCOUNT_MAX + 1];
    int reason = 0;
    struct why why = {""};
    if (sscanf(words, "%65s %32s %n", point, account, &reason) != 2 || !words[reason] ||
        words[reason - 1] != ' ') {
        refuse(out, "?", "expected a point, an account and a reason");
        return;
    }
    if (!present->parts.recorder) {
        refuse(out, point, "nothing can be put on record now: try again");
        return;
    }
    struct text limits = text_make(256);
    int64_t now_us = clock_wall_us(present->parts.clock);
    if (alarms_acknowledge(present->parts.alarms, point, account, now_us, &limits, &why) != OK) {
        refuse(out, point, why.text);
    } else {
        recorder_event(present->parts.recorder, "limit.acknowledged", point, "%s: by %s: %s",
                       limits.data ? limits.data : "", account, words + reason);
        text_append_string(out, "{\"acknowledged\":");
        text_append_json(out, point);
        text_append_string(out, ",\"limits\":");
        text_append_json(out, limits.data ? limits.data : "");
        text_append_string(out, "}");
    }
    text_free(&limits);
}
