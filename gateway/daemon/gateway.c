#include "daemon/gateway.h"

#include "base/log.h"
#include "daemon/announce.h"
#include "daemon/replacement.h"

#include <inttypes.h>
#include <string.h>

#define SERIES_PERIOD_US INT64_C(180000000)
#define ANEW_EVERY_US    INT64_C(60000000)

static int open_ledger(struct gateway *gateway, struct ledger_opening *opening, struct why *why)
{
    struct ledger_options options = {.directory = gateway->config->gateway.data,
                                     .site_code = gateway->config->site.code,
                                     .gateway_name = gateway->config->gateway.name,
                                     .clock = gateway->clock};
    int error = signing_load(&gateway->signing, gateway->config, why);
    if (error) {
        return error;
    }
    if (gateway->signing.key) {
        options.key = signing_key_public(gateway->signing.key)->der;
        options.key_length = PUBLIC_KEY_DER;
    }
    error = ledger_open(&gateway->ledger, &options, opening, why);
    if (error == OK) {
        present_ledger(&gateway->present, gateway->ledger);
        bulletin_begin(gateway->present.bulletin, ledger_origin(gateway->ledger));
    }
    return error;
}

static void close_ledger(struct gateway *gateway)
{
    present_ledger(&gateway->present, NULL);
    ledger_close(gateway->ledger);
    gateway->ledger = NULL;
}

// All that polls, records and publishes, on the ledger that is open. On an error none of it runs.
static int start_on_ledger(struct gateway *gateway, const struct ledger_opening *opening,
                           struct why *why)
{
    const struct config *config = gateway->config;
    int error = uplinks_make_room(&gateway->uplinks, config, gateway->ledger, why);
    error = error ? error : uplinks_declare(config, gateway->ledger, why);
    error = error
                ? error
                : signing_start(&gateway->signing, config, gateway->ledger, &gateway->present, why);
    error = error ? error
                  : acquisition_start(&gateway->acquisition, config, &gateway->traceability,
                                      gateway->ledger, opening, &gateway->present, why);
    if (error) {
        signing_end(&gateway->signing, &gateway->present);
        return error;
    }
    uplinks_tell_dropped(&gateway->uplinks, &gateway->present);
    announce_orphans(gateway->acquisition.recorder, config);
    uplinks_start(&gateway->uplinks, config, gateway->ledger, gateway->signing.signer,
                  &gateway->present);
    struct why said;
    if (series_builder_start(&gateway->series, config->gateway.data, SERIES_PERIOD_US, &said) !=
        OK) {
        log_warning("series are not built (history is read from blocks): %s", said.text);
    }
    return OK;
}

static int start_parts(struct gateway *gateway, struct why *why)
{
    struct ledger_opening opening = {0};
    int error = open_ledger(gateway, &opening, why);
    if (error) {
        return error;
    }
    traceability_load(&gateway->traceability, gateway->config);
    error = start_on_ledger(gateway, &opening, why);
    if (error) {
        traceability_free(&gateway->traceability);
        close_ledger(gateway);
    }
    return error;
}

// The hook that the configuration names, in place of the one that runs, unless it is that one.
// `from`: where it begins in the bulletin if none ran.
static void follow_hook(struct gateway *gateway, uint64_t from)
{
    const struct config *config = gateway->config;
    struct bulletin *bulletin = gateway->present.bulletin;
    struct why why = {""};
    if (gateway->hook && config->alarms.hook &&
        hook_is(gateway->hook, config->alarms.hook, config->alarms.timeout_us)) {
        return;
    }
    present_hook(&gateway->present, NULL);
    uint64_t place = gateway->hook ? hook_stop(gateway->hook) : from;
    gateway->hook = NULL;
    const struct hook_options options = {.arguments = config->alarms.hook,
                                         .timeout_us = config->alarms.timeout_us,
                                         .bulletin = bulletin,
                                         .from = place,
                                         .event = present_event,
                                         .context = &gateway->present};
    if (config->alarms.hook && hook_start(&gateway->hook, &options, &why) != OK) {
        log_error("%s", why.text);
        present_event(&gateway->present, "hook.failed", config->alarms.hook[0], why.text);
    }
    present_hook(&gateway->present, gateway->hook);
}

int gateway_start(struct gateway *gateway, struct why *why)
{
    struct why said;
    gateway->present.bulletin = bulletin_make();
    int error = gateway->present.bulletin ? start_parts(gateway, why)
                                          : why_set(why, ERROR_MEMORY, "out of memory");
    if (error) {
        bulletin_free(gateway->present.bulletin);
        return error;
    }
    follow_hook(gateway, 0);
    if (control_start(&gateway->control, gateway->config->gateway.control, present_answer,
                      &gateway->present, &said) != OK) {
        log_warning("`tally status` will not work: %s", said.text);
    }
    // One that was added meanwhile could not be told of.
    gateway->orders.reload =
        gateway->orders.reload || traceability_changed(&gateway->traceability, gateway->config);
    return OK;
}

// --- reload

static void refuse(struct gateway *gateway, const char *text)
{
    log_error("%s: not taken: %s", gateway->path, text);
    present_event(&gateway->present, "configuration.refused", gateway->path, text);
}

// The configuration that is to take the place of the one in force, and its certificates. NULL:
// everything stays.
static struct config *load_next(struct gateway *gateway, struct traceability *traceability)
{
    struct why why = {""};
    struct config *next = replacement_load(gateway->path, gateway->drivers, &why);
    if (!next) {
        refuse(gateway, why.text);
        return NULL;
    }
    const char *hindrance = replacement_hindrance(gateway->config, next, gateway->ledger);
    hindrance = hindrance ? hindrance : signing_hindrance(&gateway->signing, next);
    bool unchanged = hindrance && !*hindrance;
    traceability_load(traceability, next);
    if (unchanged && shelf_is_same(&gateway->traceability.shelf, &traceability->shelf)) {
        log_info("%s: unchanged", gateway->path);
    } else if (hindrance && !unchanged) {
        refuse(gateway, hindrance);
    } else if (uplinks_make_room(&gateway->uplinks, next, gateway->ledger, &why) != OK) {
        refuse(gateway, why.text);
    } else {
        uplinks_tell_dropped(&gateway->uplinks, &gateway->present);
        return next;
    }
    traceability_free(traceability);
    config_free(next);
    return NULL;
}

static void take(struct gateway *gateway, struct config *next,
                 const struct traceability *traceability)
{
    char from[DIGEST_HEX], to[DIGEST_HEX];
    text_format_hex(gateway->config->hash.bytes, DIGEST_SIZE, from);
    text_format_hex(next->hash.bytes, DIGEST_SIZE, to);
    config_free(gateway->config);
    gateway->config = next;
    traceability_free(&gateway->traceability);
    gateway->traceability = *traceability;
    if (strcmp(from, to) != 0) { // else drivers or certificates alone
        recorder_event(gateway->acquisition.recorder, "configuration.changed", gateway->path,
                       "from sha256 %s to %s", from, to);
    }
    follow_hook(gateway, bulletin_ready(gateway->present.bulletin));
    log_info("%s: taken", gateway->path);
}

// Acquisition on the configuration in force, again and again until it works. False when it is to
// stop before.
static bool resume(struct gateway *gateway)
{
    struct why why = {""};
    while (acquisition_start(&gateway->acquisition, gateway->config, &gateway->traceability,
                             gateway->ledger, NULL, &gateway->present, &why) != OK) {
        log_error("acquisition cannot be started again: %s", why.text);
        if (orders_stop_meanwhile(&gateway->orders)) {
            return false;
        }
    }
    return true;
}

void gateway_reload(struct gateway *gateway)
{
    struct why why = {""};
    struct traceability traceability;
    struct config *next = load_next(gateway, &traceability);
    if (!next) {
        return;
    }
    uplinks_stop(&gateway->uplinks, &gateway->present);
    acquisition_stop(&gateway->acquisition, next, &gateway->present);
    if (acquisition_start(&gateway->acquisition, next, &traceability, gateway->ledger, NULL,
                          &gateway->present, &why) == OK) {
        take(gateway, next, &traceability);
    } else {
        traceability_free(&traceability);
        config_free(next);
        if (!resume(gateway)) {
            return;
        }
        refuse(gateway, why.text);
    }
    if (uplinks_declare(gateway->config, gateway->ledger, &why) != OK) {
        log_error("%s", why.text);
        present_event(&gateway->present, "uplink.failed", gateway->path, why.text);
    }
    announce_orphans(gateway->acquisition.recorder, gateway->config);
    signing_take(&gateway->signing, gateway->config);
    uplinks_start(&gateway->uplinks, gateway->config, gateway->ledger, gateway->signing.signer,
                  &gateway->present);
}

// --- between orders

void gateway_look(struct gateway *gateway)
{
    struct acquisition *acquisition = &gateway->acquisition;
    if (acquisition->recorder) {
        traceability_look(acquisition->calibrations, acquisition->recorder,
                          clock_wall_us(gateway->clock));
    }
}

// --- begin anew

bool gateway_is_damaged(struct gateway *gateway)
{
    struct ledger_status status;
    ledger_status(gateway->ledger, &status);
    int64_t since_us = clock_mono_us(gateway->clock) - gateway->anew_us;
    return status.damaged && (!gateway->anew_us || since_us >= ANEW_EVERY_US);
}

// Again and again until it works: first the ledger, which stays open, as what its opening found is
// told once only. False when it is to stop before.
static bool start_anew(struct gateway *gateway)
{
    struct ledger_opening opening = {0};
    struct why why = {""};
    while (open_ledger(gateway, &opening, &why) != OK) {
        log_error("cannot begin a new log: %s", why.text);
        if (orders_stop_meanwhile(&gateway->orders)) {
            return false;
        }
    }
    while (start_on_ledger(gateway, &opening, &why) != OK) {
        log_error("cannot go on in the new log: %s", why.text);
        if (orders_stop_meanwhile(&gateway->orders)) {
            return false;
        }
    }
    return true;
}

void gateway_begin_anew(struct gateway *gateway)
{
    log_error("the ledger is damaged: acquisition stops, and goes on in a new log");
    series_builder_stop(gateway->series);
    gateway->series = NULL;
    uplinks_stop(&gateway->uplinks, &gateway->present);
    acquisition_stop(&gateway->acquisition, gateway->config, &gateway->present);
    signing_end(&gateway->signing, &gateway->present);
    close_ledger(gateway);
    if (start_anew(gateway)) {
        gateway->anew_us = clock_mono_us(gateway->clock);
    }
}

// --- stop

static void drain(struct gateway *gateway)
{
    const struct acquisition *acquisition = &gateway->acquisition;
    struct ledger_status status;
    signing_finish(&gateway->signing);
    uplinks_drain(&gateway->uplinks, gateway->ledger, gateway->clock);
    uplinks_stop(&gateway->uplinks, &gateway->present);
    signing_end(&gateway->signing, &gateway->present);
    ledger_status(gateway->ledger, &status);
    log_info("stopped: %" PRIu64 " readings taken, %" PRIu64 " stored, %" PRIu64 " missed",
             acquisition->taken, status.readings, acquisition->missed);
    if (gateway->present.unrecorded) {
        log_warning("%" PRIu64 " events came after the last block: they are above only",
                    gateway->present.unrecorded);
    }
    close_ledger(gateway);
}

void gateway_stop(struct gateway *gateway)
{
    control_stop(gateway->control);
    series_builder_stop(gateway->series);
    present_event(&gateway->present, "gateway.stopped", gateway->config->gateway.name,
                  "asked to stop");
    acquisition_stop(&gateway->acquisition, NULL, &gateway->present);
    acquisition_free(&gateway->acquisition);
    hook_end_soon(gateway->hook);
    if (gateway->ledger) {
        drain(gateway);
    }
    present_hook(&gateway->present, NULL);
    hook_stop(gateway->hook);
    signing_free(&gateway->signing);
    traceability_free(&gateway->traceability);
    bulletin_free(gateway->present.bulletin);
    config_free(gateway->config);
}
