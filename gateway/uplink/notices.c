#include "uplink/notices.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

void notices_begin(struct notices *notices, const char *name, const struct clock *clock,
                   const struct uplink_hooks *hooks)
{
    *notices = (struct notices){.name = name,
                                .clock = clock,
                                .hooks = hooks ? *hooks : (struct uplink_hooks){0},
                                .status = {.since_us = clock_wall_us(clock)}};
    pthread_mutex_init(&notices->lock, NULL);
}

void notices_end(struct notices *notices)
{
    pthread_mutex_destroy(&notices->lock);
}

void notices_read(struct notices *notices, struct uplink_status *status)
{
    pthread_mutex_lock(&notices->lock);
    *status = notices->status;
    pthread_mutex_unlock(&notices->lock);
}

void notices_tell(struct notices *notices, const char *kind, const char *text)
{
    if (strcmp(kind, "uplink.up") == 0 || strcmp(kind, "uplink.certificate") == 0) {
        log_info("uplink %s: %s", notices->name, text);
    } else {
        log_warning("uplink %s: %s", notices->name, text);
    }
    if (notices->hooks.event) {
        notices->hooks.event(notices->hooks.context, kind, notices->name, text);
    }
}

void notices_record(struct notices *notices, const char *kind, const char *subject,
                    const char *text)
{
    if (notices->hooks.event) {
        notices->hooks.event(notices->hooks.context, kind, subject, text);
    }
}

static void show_fault(struct notices *notices, const char *text)
{
    pthread_mutex_lock(&notices->lock);
    snprintf(notices->status.last_fault, sizeof notices->status.last_fault, "%s", text);
    pthread_mutex_unlock(&notices->lock);
}

void notices_fault(struct notices *notices, const char *kind, const char *text)
{
    show_fault(notices, text);
    for (unsigned i = 0; i < NOTICES_REMEMBERED; i++) {
        if (strncmp(notices->told[i], text, TLS_FAULT_MAX - 1) == 0) {
            return;
        }
    }
    snprintf(notices->told[notices->place], TLS_FAULT_MAX, "%s", text);
    notices->place = (notices->place + 1) % NOTICES_REMEMBERED;
    notices_tell(notices, kind, text);
}

void notices_change(struct notices *notices, const char *kind, const char *text)
{
    show_fault(notices, text);
    notices_tell(notices, kind, text);
}

void notices_all_well(struct notices *notices)
{
    memset(notices->told, 0, sizeof notices->told);
    show_fault(notices, "");
}

void notices_connected(struct notices *notices, bool connected)
{
    pthread_mutex_lock(&notices->lock);
    if (notices->status.connected != connected) {
        notices->status.connected = connected;
        notices->status.since_us = clock_wall_us(notices->clock);
    }
    pthread_mutex_unlock(&notices->lock);
}

void notices_progress(struct notices *notices, uint64_t acknowledged, uint64_t blocks,
                      uint64_t readings)
{
    pthread_mutex_lock(&notices->lock);
    notices->status.acknowledged = acknowledged;
    notices->status.published += blocks;
    notices->status.readings += readings;
    pthread_mutex_unlock(&notices->lock);
}
