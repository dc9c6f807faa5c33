#include "daemon/release.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void refuse(struct text *out, const char *uplink, const char *reason)
{
    char text[256];
    snprintf(text, sizeof text, "uplink %.32s: %s", uplink, reason);
    text_append_string(out, "{\"error\":");
    text_append_json(out, text);
    text_append_string(out, "}");
}

static bool is_configured_required(const struct config *config, const char *uplink)
{
    for (size_t i = 0; i < config->uplink_count; i++) {
        if (strcmp(config->uplinks[i].name, uplink) == 0) {
            return config->uplinks[i].required;
        }
    }
    return false;
}

// Why it cannot be released, or NULL; *acknowledged is where its cursor is.
static const char *hindrance(const struct present *present, const char *uplink,
                             uint64_t *acknowledged)
{
    struct ledger_cursor_row row;
    if (!present->parts.ledger || !present->parts.recorder) {
        return "the ledger cannot be written now: try again";
    }
    if (!ledger_find_uplink(present->parts.ledger, uplink, &row)) {
        return "the ledger knows none of this name";
    }
    if (!row.required) {
        return "it holds back nothing";
    }
    *acknowledged = row.acknowledged;
    return is_configured_required(present->parts.config, uplink)
               ? "it is configured with `required: yes`: take that out first, and reload"
               : NULL;
}

void release_uplink(struct present *present, const char *words, struct text *out)
{
    char uplink[33], account[64];
    int reason = 0;
    uint64_t acknowledged = 0;
    struct why why = {""};
    if (sscanf(words, "%32s %63s %n", uplink, account, &reason) != 2 || !words[reason]) {
        refuse(out, "?", "expected its name, an account and a reason");
        return;
    }
    const char *fault = hindrance(present, uplink, &acknowledged);
    if (!fault && ledger_declare_uplink(present->parts.ledger, uplink, false, &why)) {
        fault = why.text;
    }
    if (fault) {
        refuse(out, uplink, fault);
        return;
    }
    log_warning("uplink %s: released by %s, at block %" PRIu64 ": %s", uplink, account,
                acknowledged, words + reason);
    recorder_event(present->parts.recorder, "uplink.released", uplink,
                   "by %s: %s; it had acknowledged the blocks before %" PRIu64, account,
                   words + reason, acknowledged);
    text_append_string(out, "{\"released\":");
    text_append_json(out, uplink);
    text_append_string(out, "}");
}
