#include "daemon/uplinks.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define DRAIN_US      2000000
#define DRAIN_LOOK_US 2000

int uplinks_make_room(struct uplinks *uplinks, const struct config *config, struct ledger *ledger,
                      struct why *why)
{
    const char *names[CONFIG_UPLINKS_MAX];
    if (uplinks->dropped_count) {
        return OK; // there is room since a try that failed later
    }
    for (size_t i = 0; i < config->uplink_count; i++) {
        names[i] = config->uplinks[i].name;
    }
    return ledger_make_room(ledger, names, config->uplink_count, uplinks->dropped,
                            &uplinks->dropped_count, why);
}

void uplinks_tell_dropped(struct uplinks *uplinks, struct present *present)
{
    for (size_t i = 0; i < uplinks->dropped_count; i++) {
        const struct ledger_cursor_row *row = &uplinks->dropped[i];
        char text[128];
        snprintf(text, sizeof text,
                 "its cursor at block %" PRIu64 " is dropped: the ledger keeps those of %d uplinks",
                 row->acknowledged, LEDGER_CURSORS_MAX);
        log_warning("uplink %s: %s", row->uplink, text);
        present_event(present, "uplink.dropped", row->uplink, text);
    }
    uplinks->dropped_count = 0;
}

int uplinks_declare(const struct config *config, struct ledger *ledger, struct why *why)
{
    for (size_t i = 0; i < config->uplink_count; i++) {
        const struct config_uplink *uplink = &config->uplinks[i];
        int error = ledger_declare_uplink(ledger, uplink->name, uplink->required, why);
        if (error) {
            return error;
        }
    }
    return OK;
}

void uplinks_start(struct uplinks *uplinks, const struct config *config, struct ledger *ledger,
                   struct signer *signer, struct present *present)
{
    struct uplink_hooks hooks = {.event = present_event,
                                 .status = present_status,
                                 .context = present,
                                 .bulletin = present->bulletin,
                                 .bulletin_from = uplinks->bulletin_from};
    for (size_t i = 0; i < config->uplink_count; i++) {
        const struct config_uplink *settings = &config->uplinks[i];
        struct uplink *uplink = NULL;
        struct why why = {""};
        if (uplink_start(&uplink, config, settings, ledger, signer, present->parts.clock, &hooks,
                         &why) != OK) {
            log_error("uplink %s: %s", settings->name, why.text);
            present_event(present, "uplink.failed", settings->name, why.text);
        }
        uplinks->list[uplinks->count++] = uplink;
        present_add_uplink(present, uplink);
    }
}

static bool has_to_wait(struct uplink *uplink, struct ledger *ledger)
{
    struct uplink_status status = {.connected = false};
    if (uplink) {
        uplink_status(uplink, &status);
    }
    return status.connected && status.acknowledged < ledger_size(ledger);
}

void uplinks_drain(struct uplinks *uplinks, struct ledger *ledger, const struct clock *clock)
{
    int64_t end_us = clock_mono_us(clock) + DRAIN_US;
    for (size_t i = 0; i < uplinks->count; i++) {
        while (has_to_wait(uplinks->list[i], ledger) && clock_mono_us(clock) < end_us) {
            usleep(DRAIN_LOOK_US);
        }
    }
}

void uplinks_stop(struct uplinks *uplinks, struct present *present)
{
    present_no_uplinks(present);
    uplinks->bulletin_from = bulletin_ready(present->bulletin); // before they end: rather twice
    for (size_t i = 0; i < uplinks->count; i++) {
        uplink_stop(uplinks->list[i]);
    }
    uplinks->count = 0;
}
