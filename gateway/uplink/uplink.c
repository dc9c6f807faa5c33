#include "uplink/uplink.h"

#include "base/lookup.h"
#include "base/thread.h"
#include "uplink/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define SECOND_US          INT64_C(1000000)
#define THREAD_STACK_BYTES (256u << 10)
#define TICK_US            SECOND_US        // certificate files
#define STEADY_US          (10 * SECOND_US) // up for so long, a connection has proved itself
#define LOOKUP_LATE_US     (10 * SECOND_US)
// A connection refused at once costs nobody anything: for the first ten minutes it is tried twice a
// second, so that a broker that is back is noticed within a second.
#define QUICK_CAP_US    500000
#define QUICK_PERIOD_US (600 * SECOND_US)
#define QUICK_ANSWER_US 200000

struct uplink {
    const struct config_uplink *settings;
    struct ledger *ledger;
    const struct clock *clock;
    char client_id[128];
    pthread_t thread;
    struct stop stop;
    int watch_fd;
    struct notices notices;

    // The thread's own.
    struct certificates certificates;
    struct delivery delivery;
    struct dialogue dialogue;
    struct presence presence;
    struct herald herald;
    struct backoff reconnect;
    int64_t lost_us; // when the connection was lost, or we started (monotonic)
};

static int64_t now_us(const struct uplink *uplink)
{
    return clock_mono_us(uplink->clock);
}

static bool is_stopping(const struct uplink *uplink)
{
    return atomic_load(&uplink->stop.asked);
}

// --- trying, again and again

// Waits for fd (-1: none) or a stop, at most a tick.
static void wait_for(struct uplink *uplink, int fd, int64_t wait_us)
{
    struct pollfd fds[2] = {{.fd = uplink->stop.fd, .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    wait_us = wait_us < TICK_US ? wait_us : TICK_US;
    poll(fds, 2, (int)((wait_us + 999) / 1000));
}

// The broker's addresses. 0; ERROR_STOPPED; another error, which was told.
static int find_addresses(struct uplink *uplink, char addresses[][LOOKUP_ADDRESS_SIZE],
                          size_t *count)
{
    struct lookup *lookup;
    struct why why;
    int64_t started_us = now_us(uplink);
    int error = lookup_start(&lookup, uplink->settings->host, &why);
    if (error) {
        notices_fault(&uplink->notices, "uplink.unreachable", why.text);
        return error;
    }
    while ((error = lookup_take(lookup, addresses, count, &why)) == ERROR_BUSY) {
        wait_for(uplink, lookup_fd(lookup), TICK_US);
        if (is_stopping(uplink)) {
            error = ERROR_STOPPED;
            break;
        }
        if (now_us(uplink) - started_us > LOOKUP_LATE_US) {
            notices_fault(&uplink->notices, "uplink.unreachable",
                          "no answer from the name server for the broker's host name");
        }
        certificates_look(&uplink->certificates);
    }
    lookup_free(lookup);
    if (error && error != ERROR_STOPPED) {
        notices_fault(&uplink->notices, "uplink.unreachable", why.text);
    }
    return error;
}

static void tell_fault(struct uplink *uplink, const struct connection_result *result)
{
    static const char *const kinds[] = {[SESSION_UNREACHABLE] = "uplink.unreachable",
                                        [SESSION_REFUSED] = "uplink.refused",
                                        [SESSION_LOST] = "uplink.down"};
    if (result->end == SESSION_LOST) {
        notices_change(&uplink->notices, kinds[result->end], result->why.text);
    } else {
        notices_fault(&uplink->notices, kinds[result->end], result->why.text);
    }
}

// One try at one address, and all that follows while it is up.
static void try_address(struct uplink *uplink, struct tls *tls, const char *address, bool last,
                        struct connection_result *result)
{
    const struct connection_parts parts = {.settings = uplink->settings,
                                           .clock = uplink->clock,
                                           .stop = &uplink->stop,
                                           .notices = &uplink->notices,
                                           .certificates = &uplink->certificates,
                                           .delivery = &uplink->delivery,
                                           .dialogue = &uplink->dialogue,
                                           .presence = &uplink->presence,
                                           .herald = &uplink->herald,
                                           .watch_fd = uplink->watch_fd,
                                           .client_id = uplink->client_id};
    connection_run(&parts, tls, address, result);
    if (result->was_up) {
        uplink->lost_us = now_us(uplink);
        if (result->up_us >= STEADY_US) {
            backoff_reset(&uplink->reconnect);
        }
    }
    if (result->ending == ENDING_FAULT && (last || result->end != SESSION_UNREACHABLE)) {
        tell_fault(uplink, result);
    }
}

// Tries the broker's addresses in turn, until one answers.
static void try_broker(struct uplink *uplink, struct connection_result *result)
{
    char addresses[LOOKUP_ADDRESSES_MAX][LOOKUP_ADDRESS_SIZE];
    size_t count = 0;
    // For the back-off: not a quick refusal.
    *result = (struct connection_result){.ending = ENDING_FAULT, .end = SESSION_REFUSED};
    struct tls *tls = certificates_use(&uplink->certificates);
    if (!tls || find_addresses(uplink, addresses, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        try_address(uplink, tls, addresses[i], i + 1 == count, result);
        if (result->ending != ENDING_FAULT || result->end != SESSION_UNREACHABLE) {
            return;
        }
    }
}

// `began_us`: when the try began that failed.
static void wait_before_retry(struct uplink *uplink, int64_t began_us, enum session_end end)
{
    int64_t now = now_us(uplink);
    bool quick = end == SESSION_UNREACHABLE && now - began_us < QUICK_ANSWER_US &&
                 now - uplink->lost_us < QUICK_PERIOD_US;
    int64_t cap_us = uplink->settings->reconnect_min_us > QUICK_CAP_US
                         ? uplink->settings->reconnect_min_us
                         : QUICK_CAP_US;
    int64_t until_us = now + backoff_next(&uplink->reconnect, quick ? cap_us : INT64_MAX);
    while (!is_stopping(uplink) && (now = now_us(uplink)) < until_us) {
        wait_for(uplink, -1, until_us - now);
        if (certificates_look(&uplink->certificates)) {
            return; // they may be what was missing
        }
    }
}

static void *run(void *argument)
{
    struct uplink *uplink = argument;
    char name[16];
    snprintf(name, sizeof name, "up-%s", uplink->settings->name);
    pthread_setname_np(pthread_self(), name);
    uplink->lost_us = now_us(uplink);
    while (!is_stopping(uplink)) {
        struct connection_result result;
        int64_t began_us = now_us(uplink);
        try_broker(uplink, &result);
        if (result.ending == ENDING_FAULT) {
            wait_before_retry(uplink, began_us, result.end);
        }
    }
    return NULL;
}

// --- start and stop

static void free_uplink(struct uplink *uplink)
{
    presence_end(&uplink->presence);
    dialogue_end(&uplink->dialogue);
    delivery_close(&uplink->delivery);
    certificates_end(&uplink->certificates);
    notices_end(&uplink->notices);
    if (uplink->watch_fd >= 0) {
        ledger_unwatch(uplink->ledger, uplink->watch_fd);
    }
    if (uplink->stop.fd >= 0) {
        close(uplink->stop.fd);
    }
    free(uplink);
    session_library_stop();
}

// The name under which the broker knows this connection: of this log and this uplink alone.
static void set_client_id(struct uplink *uplink, const struct config *config)
{
    const char *origin = ledger_origin(uplink->ledger);
    const char *slash = strrchr(origin, '/');
    snprintf(uplink->client_id, sizeof uplink->client_id, "tally-%s-%.8s-%s", config->gateway.name,
             slash ? slash + 1 : origin, uplink->settings->name);
}

static int prepare(struct uplink *uplink, const struct config *config, struct signer *signer,
                   const struct uplink_hooks *hooks, struct why *why)
{
    const struct config_uplink *settings = uplink->settings;
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0) {
        seed = (uint64_t)now_us(uplink);
    }
    const struct delivery_options options = {.settings = settings,
                                             .directory = config->gateway.data,
                                             .ledger = uplink->ledger,
                                             .clock = uplink->clock,
                                             .notices = &uplink->notices,
                                             .seed = seed ^ 1};
    int error = delivery_open(&uplink->delivery, &options, why);
    if (error) {
        return error;
    }
    presence_begin(&uplink->presence, &uplink->delivery, hooks);
    herald_begin(&uplink->herald, &uplink->delivery, hooks);
    dialogue_begin(&uplink->dialogue, &uplink->delivery, signer);
    uplink->stop.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    uplink->watch_fd = ledger_watch(uplink->ledger);
    if (uplink->stop.fd < 0 || uplink->watch_fd < 0) {
        return why_set(why, ERROR_SYSTEM, "uplink %s: no eventfd: %s", settings->name,
                       strerror(errno));
    }
    set_client_id(uplink, config);
    backoff_init(&uplink->reconnect, settings->reconnect_min_us, settings->reconnect_max_us, seed);
    return OK;
}

int uplink_start(struct uplink **out, const struct config *config,
                 const struct config_uplink *settings, struct ledger *ledger, struct signer *signer,
                 const struct clock *clock, const struct uplink_hooks *hooks, struct why *why)
{
    *out = NULL;
    if (settings->has_centre && !signer) {
        return why_set(why, ERROR_INPUT,
                       "uplink %s: a centre gives receipts for signed logs only, and there is no "
                       "key: make one with `tally key init`",
                       settings->name);
    }
    struct uplink *uplink = calloc(1, sizeof *uplink);
    if (!uplink) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    session_library_start();
    uplink->settings = settings;
    uplink->ledger = ledger;
    uplink->clock = clock;
    uplink->stop.fd = uplink->watch_fd = -1;
    notices_begin(&uplink->notices, settings->name, clock, hooks);
    certificates_begin(&uplink->certificates, settings, clock, &uplink->notices);
    int error = prepare(uplink, config, signer, hooks, why);
    if (error == OK) {
        error = thread_start(&uplink->thread, THREAD_STACK_BYTES, run, uplink);
        if (error) {
            why_set(why, error, "uplink %s: no thread: %s", settings->name, strerror(errno));
        }
    }
    if (error) {
        free_uplink(uplink);
        return error;
    }
    *out = uplink;
    return OK;
}

void uplink_stop(struct uplink *uplink)
{
    if (uplink) {
        atomic_store(&uplink->stop.asked, true);
        eventfd_write(uplink->stop.fd, 1);
        pthread_join(uplink->thread, NULL);
        free_uplink(uplink);
    }
}

void uplink_status(struct uplink *uplink, struct uplink_status *status)
{
    notices_read(&uplink->notices, status);
    // Of now: while there is no connection, nobody else looks.
    status->size = ledger_size(uplink->ledger);
}
