#include "daemon/present.h"

#include "daemon/acknowledge.h"
#include "daemon/entry.h"
#include "daemon/release.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define ACKNOWLEDGE "acknowledge "
#define ENTER       "enter "
#define RELEASE     "release "

void present_init(struct present *present, const struct clock *clock)
{
    *present = (struct present){.parts = {.clock = clock, .started_us = clock_mono_us(clock)}};
    present->parts.uplinks = present->uplinks;
    pthread_mutex_init(&present->lock, NULL);
}

void present_ledger(struct present *present, struct ledger *ledger)
{
    pthread_mutex_lock(&present->lock);
    present->parts.ledger = ledger;
    pthread_mutex_unlock(&present->lock);
}

void present_signer(struct present *present, struct signer *signer)
{
    pthread_mutex_lock(&present->lock);
    present->parts.signer = signer;
    pthread_mutex_unlock(&present->lock);
}

void present_acquisition(struct present *present, const struct config *config,
                         const struct definitions *definitions, struct recorder *recorder,
                         struct alarms *alarms, struct poller *poller)
{
    pthread_mutex_lock(&present->lock);
    present->parts.config = config;
    present->parts.definitions = definitions;
    present->parts.recorder = recorder;
    present->parts.alarms = alarms;
    present->parts.poller = poller;
    pthread_mutex_unlock(&present->lock);
}

void present_add_uplink(struct present *present, struct uplink *uplink)
{
    pthread_mutex_lock(&present->lock);
    present->uplinks[present->parts.uplink_count++] = uplink;
    pthread_mutex_unlock(&present->lock);
}

void present_no_uplinks(struct present *present)
{
    pthread_mutex_lock(&present->lock);
    present->parts.uplink_count = 0;
    pthread_mutex_unlock(&present->lock);
}

void present_hook(struct present *present, struct hook *hook)
{
    pthread_mutex_lock(&present->lock);
    present->parts.hook = hook;
    pthread_mutex_unlock(&present->lock);
}

void present_event(void *context, const char *kind, const char *subject, const char *text)
{
    struct present *present = context;
    pthread_mutex_lock(&present->lock);
    if (present->parts.recorder) {
        recorder_event(present->parts.recorder, kind, subject, "%s", text);
    } else {
        present->unrecorded++;
    }
    pthread_mutex_unlock(&present->lock);
}

void present_answer(void *context, uid_t user, const char *request, struct text *out)
{
    struct present *present = context;
    pthread_mutex_lock(&present->lock);
    if (strncmp(request, RELEASE, strlen(RELEASE)) == 0) {
        release_uplink(present, request + strlen(RELEASE), out);
    } else if (strncmp(request, ACKNOWLEDGE, strlen(ACKNOWLEDGE)) == 0) {
        acknowledge_alarm(present, request + strlen(ACKNOWLEDGE), out);
    } else if (strncmp(request, ENTER, strlen(ENTER)) == 0) {
        enter(present, user, request + strlen(ENTER), out);
    } else if (strcmp(request, "reload") == 0) {
        kill(getpid(), SIGHUP); // main's thread takes it, as from anybody
        text_append_string(out, "{\"reload\":\"asked for\"}");
    } else {
        status_answer(&present->parts, request, out);
    }
    pthread_mutex_unlock(&present->lock);
}

void present_status(void *context, struct text *out)
{
    present_answer(context, geteuid(), "status", out);
}
