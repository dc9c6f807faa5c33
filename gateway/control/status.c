#include "control/status.h"

#include "base/version.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ALARMS_SHOWN 1000 // in the document

// Which instruments go into the document, and whether alarms do.
enum detail { DETAIL_ALL, DETAIL_TROUBLED, DETAIL_NONE };

static void append_member(struct text *out, const char *name, const char *string)
{
    text_append_format(out, ",\"%s\":", name);
    text_append_json(out, string ? string : "");
}

static void append_count(struct text *out, const char *name, uint64_t count)
{
    text_append_format(out, ",\"%s\":%llu", name, (unsigned long long)count);
}

static void append_time(struct text *out, const char *name, int64_t us)
{
    text_append_format(out, ",\"%s\":%lld", name, (long long)us);
}

static void append_bool(struct text *out, const char *name, bool value)
{
    text_append_format(out, ",\"%s\":%s", name, value ? "true" : "false");
}

static void append_head(struct text *out, const struct status_sources *sources)
{
    struct clock_state state;
    clock_state(sources->clock, &state);
    text_append_string(out, "{\"tally-status\":1,\"online\":true");
    append_member(out, "version", version_text());
    append_member(out, "site", sources->config->site.name);
    append_member(out, "code", sources->config->site.code);
    append_member(out, "time_zone", sources->config->site.time_zone);
    append_member(out, "gateway", sources->config->gateway.name);
    append_member(out, "log", sources->ledger ? ledger_origin(sources->ledger) : "");
    append_time(out, "time_us", clock_wall_us(sources->clock));
    if (sources->started_us) {
        append_time(out, "up_us", clock_mono_us(sources->clock) - sources->started_us);
    }
    if (sources->definitions) {
        text_append_string(out, ",\"definitions\":\"");
        text_append_hex(out, sources->definitions->hash.bytes, DIGEST_SIZE);
        text_append_string(out, "\"");
    }
    text_append_format(out, ",\"clock\":{\"state\":\"%s\",\"error_us\":%lld,\"leap\":%d}",
                       state.synchronised ? "synchronised" : "unsynchronised",
                       (long long)state.error_us, state.leap);
}

static void append_ledger(struct text *out, const struct status_sources *sources)
{
    struct ledger_status status;
    if (!sources->ledger) {
        return;
    }
    ledger_status(sources->ledger, &status);
    text_append_format(out, ",\"ledger\":{\"first\":%llu", (unsigned long long)status.first);
    append_count(out, "size", status.size);
    append_count(out, "readings", status.readings);
    append_time(out, "bytes", status.bytes);
    append_time(out, "free_bytes", status.free_bytes);
    text_append_string(out, ",\"hours_to_full\":");
    if (isfinite(status.hours_to_full) && status.hours_to_full >= 0) {
        text_append_format(out, "%.1f", fmin(status.hours_to_full, 1e9));
    } else {
        text_append_string(out, "null");
    }
    append_bool(out, "filling", status.filling);
    append_bool(out, "full", status.full);
    append_bool(out, "failed", status.failed);
    append_member(out, "fault", status.last_fault);
    text_append_string(out, "}");
}

static void append_signing(struct text *out, const struct status_sources *sources)
{
    static const char *const states[] = {
        [SIGNER_HELD] = "held", [SIGNER_OPEN] = "open", [SIGNER_FORBIDDEN] = "forbidden"};
    struct signer_status status;
    if (!sources->signer) {
        return;
    }
    signer_status(sources->signer, &status);
    text_append_string(out, ",\"signing\":{\"state\":");
    text_append_json(out, states[status.state]);
    append_member(out, "key", status.key);
    append_count(out, "size", status.size);
    append_time(out, "signed_us", status.signed_us);
    append_member(out, "fault", status.fault);
    text_append_string(out, "}");
}

static void append_recorder(struct text *out, const struct status_sources *sources)
{
    struct recorder_status status;
    if (!sources->recorder) {
        return;
    }
    recorder_status(sources->recorder, &status);
    text_append_format(out, ",\"recorder\":{\"readings\":%llu",
                       (unsigned long long)status.readings);
    append_count(out, "missed", status.missed);
    append_count(out, "blocks", status.blocks);
    append_count(out, "events", status.events);
    append_count(out, "sealed_waiting", status.sealed_waiting);
    text_append_string(out, "}");
}

// Where a bus goes, as a person would write it: "/dev/ttyS1 9600 8E1", "10.0.0.5:502".
static void append_address(struct text *out, const struct config_bus *bus)
{
    char address[320];
    if (bus->transport == TRANSPORT_RTU) {
        snprintf(address, sizeof address, "%s %d 8%c%d", bus->device, bus->baud, "NEO"[bus->parity],
                 bus -> stop_bits);
    } else {
        bool v6 = strchr(bus->host, ':') != NULL;
        snprintf(address, sizeof address, "%s%s%s:%s%s", v6 ? "[" : "", bus->host, v6 ? "]" : "",
                 bus->service, bus->transport == TRANSPORT_TCP ? "" : " RTU");
    }
    append_member(out, "address", address);
}

static void append_buses(struct text *out, const struct status_sources *sources)
{
    text_append_string(out, ",\"buses\":[");
    for (size_t i = 0; i < sources->config->bus_count; i++) {
        const struct config_bus *bus = &sources->config->buses[i];
        text_append_string(out, i ? ",{\"name\":" : "{\"name\":");
        text_append_json(out, bus->name);
        append_address(out, bus);
        if (sources->poller) {
            struct poller_bus_status status;
            poller_bus_status(sources->poller, i, &status);
            append_bool(out, "connected", status.connected);
            append_count(out, "exchanges", status.exchanges);
            append_count(out, "faults", status.faults);
            text_append_format(out, ",\"load\":%.3f", isfinite(status.load) ? status.load : 0.0);
            append_member(out, "fault", status.last_fault);
        }
        text_append_string(out, "}");
    }
    text_append_string(out, "]");
}

// One word for how an instrument is.
static const char *instrument_state(const struct poller_instrument_status *status)
{
    if (status->identity_mismatch) {
        return "mismatch"; // answers, but its serial number is not the declared one
    }
    if (status->quarantined) {
        return "silent";
    }
    if (status->healthy) {
        return "reading";
    }
    return status->polls || status->last_fault[0] ? "failing" : "waiting";
}

static void append_instrument(struct text *out, const struct config *config, size_t index,
                              const struct poller_instrument_status *status)
{
    const struct config_instrument *instrument = &config->instruments[index];
    text_append_string(out, "{\"name\":");
    text_append_json(out, instrument->name);
    append_member(out, "bus", config->buses[instrument->bus].name);
    append_count(out, "unit", instrument->unit);
    append_member(out, "driver", instrument->driver ? instrument->driver->id : "");
    append_count(out, "points", instrument->quantity_count);
    append_time(out, "every_us", instrument->every_us);
    if (status) {
        append_member(out, "state", instrument_state(status));
        append_count(out, "polls", status->polls);
        append_count(out, "readings", status->readings);
        append_count(out, "missed", status->missed);
        append_time(out, "last_us", status->last_t_us);
        append_time(out, "round_trip_us", status->last_round_trip_us);
        append_member(out, "fault", status->last_fault);
    }
    text_append_string(out, "}");
}

static void append_instruments(struct text *out, const struct status_sources *sources,
                               enum detail detail)
{
    size_t shown = 0, omitted = 0, silent = 0;
    text_append_string(out, ",\"instruments\":[");
    for (size_t i = 0; i < sources->config->instrument_count; i++) {
        struct poller_instrument_status status = {.healthy = true};
        if (sources->poller) {
            poller_instrument_status(sources->poller, i, &status);
        }
        const char *state = instrument_state(&status);
        bool troubled = strcmp(state, "reading") != 0 && strcmp(state, "waiting") != 0;
        silent += status.quarantined;
        if (detail == DETAIL_NONE || (detail == DETAIL_TROUBLED && !troubled)) {
            omitted++;
            continue;
        }
        text_append_string(out, shown++ ? "," : "");
        append_instrument(out, sources->config, i, sources->poller ? &status : NULL);
    }
    text_append_string(out, "]");
    append_count(out, "instruments_omitted", omitted);
    append_count(out, "instruments_silent", silent);
}

static void append_uplinks(struct text *out, const struct status_sources *sources)
{
    text_append_string(out, ",\"uplinks\":[");
    for (size_t i = 0; i < sources->config->uplink_count; i++) {
        const struct config_uplink *uplink = &sources->config->uplinks[i];
        text_append_string(out, i ? ",{\"name\":" : "{\"name\":");
        text_append_json(out, uplink->name);
        append_member(out, "host", uplink->host);
        append_count(out, "port", (uint64_t)uplink->port);
        append_bool(out, "required", uplink->required);
        if (i < sources->uplink_count && sources->uplinks[i]) {
            struct uplink_status status;
            uplink_status(sources->uplinks[i], &status);
            append_bool(out, "connected", status.connected);
            append_time(out, "since_us", status.since_us);
            append_count(out, "acknowledged", status.acknowledged);
            append_count(out, "size", status.size);
            append_count(out, "published", status.published);
            append_count(out, "readings", status.readings);
            append_member(out, "fault", status.last_fault);
        }
        text_append_string(out, "}");
    }
    text_append_string(out, "]");
}

static void append_hook(struct text *out, const struct status_sources *sources)
{
    struct hook_status status;
    if (!sources->hook) {
        return;
    }
    hook_status(sources->hook, &status);
    text_append_string(out, ",\"hook\":{\"program\":");
    text_append_json(out, hook_program(sources->hook));
    text_append_format(out, ",\"runs\":%llu,\"failed\":%llu,\"dropped\":%llu,\"fault\":",
                       (unsigned long long)status.runs, (unsigned long long)status.failed,
                       (unsigned long long)status.dropped);
    text_append_json(out, status.fault);
    text_append_string(out, "}");
}

static void append_document(struct text *out, const struct status_sources *sources,
                            enum detail detail)
{
    append_head(out, sources);
    append_ledger(out, sources);
    append_signing(out, sources);
    append_recorder(out, sources);
    status_append_raised(out, sources->alarms, detail == DETAIL_NONE ? 0 : ALARMS_SHOWN);
    append_hook(out, sources);
    append_buses(out, sources);
    append_uplinks(out, sources);
    append_instruments(out, sources, detail);
    text_append_string(out, "}");
}

void status_append(const struct status_sources *sources, struct text *out)
{
    struct text document = text_make(out->max - out->length);
    for (enum detail detail = DETAIL_ALL; detail <= DETAIL_NONE; detail++) {
        text_clear(&document);
        append_document(&document, sources, detail);
        if (!document.failed) {
            break;
        }
    }
    if (document.failed) {
        out->failed = true;
    } else {
        text_append(out, document.data, document.length);
    }
    text_free(&document);
}

static void append_point(struct text *out, const struct status_sources *sources, size_t instrument,
                         size_t slot)
{
    const struct driver_quantity *quantity =
        sources->config->instruments[instrument].quantities[slot];
    struct recorder_latest latest;
    text_append_string(out, slot ? ",[" : "[");
    text_append_json(out, quantity->name);
    text_append_string(out, ",");
    text_append_json(out, quantity->unit);
    if (sources->recorder && recorder_latest(sources->recorder, instrument, slot, &latest) == OK) {
        text_append_string(out, ",");
        value_append_json(out, &latest.indication);
        text_append_format(out, ",%lld,%lld,%u]", (long long)latest.t_us,
                           (long long)latest.half_window_us, (unsigned)latest.flags);
    } else {
        text_append_string(out, ",null,0,0,0]");
    }
}

void status_append_latest(const struct status_sources *sources, struct text *out)
{
    text_append_string(out, "{\"tally-latest\":1");
    append_time(out, "time_us", clock_wall_us(sources->clock));
    text_append_string(out, ",\"instruments\":[");
    for (size_t i = 0; i < sources->config->instrument_count; i++) {
        const struct config_instrument *instrument = &sources->config->instruments[i];
        text_append_string(out, i ? ",{\"name\":" : "{\"name\":");
        text_append_json(out, instrument->name);
        text_append_string(out, ",\"points\":[");
        for (size_t slot = 0; slot < instrument->quantity_count; slot++) {
            append_point(out, sources, i, slot);
        }
        text_append_string(out, "]}");
    }
    text_append_string(out, "]}");
}

void status_answer(const struct status_sources *sources, const char *request, struct text *out)
{
    if (strcmp(request, "status") == 0) {
        status_append(sources, out);
    } else if (strcmp(request, "latest") == 0) {
        status_append_latest(sources, out);
    } else if (strcmp(request, "alarms") == 0) {
        status_append_alarms(sources, out);
    } else {
        text_append_string(out,
                           "{\"error\":\"unknown request: status, latest and alarms are known\"}");
    }
}
