#include "daemon/acquisition.h"

#include "daemon/announce.h"
#include "record/decode.h"

#define QUEUE_BYTES (4u << 20) // samples waiting for the recorder

// What the registers of a serial number say, for the poller, which cannot decode.
static void format_serial(const struct driver_quantity *quantity, const uint8_t *wire,
                          struct text *out)
{
    static const struct decode_ratios none = {.pt = {.magnitude = 1}, .ct = {.magnitude = 1}};
    struct value value;
    uint8_t raw[READING_RAW_MAX];
    uint16_t raw_length;
    decode_quantity(quantity, &none, wire, quantity->address, quantity->count, &value, raw,
                    &raw_length);
    value_append_plain(out, &value);
}

static int start_poller(struct acquisition *acquisition, const struct clock *clock, struct why *why)
{
    const struct config *config = acquisition->config;
    struct poller_options options = {.config = config,
                                     .clock = clock,
                                     .queue = acquisition->queue,
                                     .round_marks = config->gateway.prompt,
                                     .format_serial = format_serial,
                                     .before = acquisition->before};
    int error = poller_start(&acquisition->poller, &options, why);
    if (error == OK) {
        poller_free(acquisition->before);
        acquisition->before = NULL;
    }
    return error;
}

static void record_event(void *context, int64_t t_us, int64_t mono_us, const char *kind,
                         const char *subject, const char *text)
{
    (void)t_us, (void)mono_us;
    recorder_event(context, kind, subject, "%s", text);
}

static void tell_durable(void *context, uint64_t size)
{
    bulletin_durable(context, size);
}

// What was raised under the configuration before and has no successor is cleared. In a new log, or
// after a start, nothing of it is on record.
static void end_alarms(struct acquisition *acquisition, const struct clock *clock, bool same_log)
{
    if (same_log) {
        const struct alarms_sink sink = {record_event, acquisition->recorder};
        alarms_end(acquisition->alarms_before, acquisition->alarms, &sink, clock_wall_us(clock),
                   clock_mono_us(clock));
    }
    alarms_free(acquisition->alarms_before);
    acquisition->alarms_before = NULL;
}

int acquisition_start(struct acquisition *acquisition, const struct config *config,
                      struct traceability *traceability, struct ledger *ledger,
                      const struct ledger_opening *opening, struct present *present,
                      struct why *why)
{
    const struct clock *clock = present->parts.clock;
    struct ledger_opening found = {.fresh = false};
    acquisition->config = config;
    // What the recorder before could not store comes before what this one will.
    int error = ledger_take_in_unsaved(ledger, &found, why);
    if (error) {
        return error;
    }
    error = traceability_calibrate(traceability, &acquisition->calibrations, config, why);
    if (error) {
        return error;
    }
    error = definitions_make(&acquisition->definitions, config, acquisition->calibrations, ledger,
                             ledger_size(ledger), why);
    if (error) {
        goto free_calibrations;
    }
    // In the ledger now; a megabyte with thousands of points.
    text_free(&acquisition->definitions->json);
    error = alarms_make(&acquisition->alarms, config, acquisition->definitions,
                        opening ? NULL : acquisition->alarms_before, clock_mono_us(clock), why);
    if (error) {
        goto free_definitions;
    }
    error = sample_queue_make(&acquisition->queue, QUEUE_BYTES);
    if (error) {
        why_set(why, error, "no memory for the queue of samples");
        goto free_alarms;
    }
    struct recorder_options options = {.config = config,
                                       .definitions = acquisition->definitions,
                                       .calibrations = acquisition->calibrations,
                                       .ledger = ledger,
                                       .queue = acquisition->queue,
                                       .clock = clock,
                                       .alarms = acquisition->alarms,
                                       .bulletin = present->bulletin,
                                       .committed = tell_durable,
                                       .context = present->bulletin};
    error = recorder_start(&acquisition->recorder, &options, why);
    if (error) {
        goto free_queue;
    }
    if (opening) {
        announce_run(acquisition->recorder, config, ledger_origin(ledger), opening);
    }
    traceability_announce(traceability, acquisition->calibrations, acquisition->recorder);
    end_alarms(acquisition, clock, !opening);
    error = start_poller(acquisition, clock, why);
    if (error) {
        goto stop_recorder;
    }
    present_acquisition(present, config, acquisition->definitions, acquisition->recorder,
                        acquisition->alarms, acquisition->poller);
    announce_left(acquisition->recorder, &found);
    return OK;

stop_recorder:
    sample_queue_close(acquisition->queue);
    recorder_stop(acquisition->recorder);
    acquisition->recorder = NULL;
free_queue:
    sample_queue_free(acquisition->queue);
    acquisition->queue = NULL;
free_alarms:
    alarms_free(acquisition->alarms);
    acquisition->alarms = NULL;
free_definitions:
    definitions_free(acquisition->definitions);
    acquisition->definitions = NULL;
free_calibrations:
    calibrations_free(acquisition->calibrations);
    acquisition->calibrations = NULL;
    return error;
}

static void count_readings(struct acquisition *acquisition)
{
    for (size_t i = 0; i < acquisition->config->instrument_count; i++) {
        struct poller_instrument_status status;
        poller_instrument_status(acquisition->poller, i, &status);
        acquisition->taken += status.readings;
        acquisition->missed += status.missed;
    }
}

void acquisition_stop(struct acquisition *acquisition, const struct config *next,
                      struct present *present)
{
    if (!acquisition->recorder) {
        return;
    }
    present_acquisition(present, acquisition->config, NULL, NULL, NULL, NULL);
    poller_stop(acquisition->poller, next);
    count_readings(acquisition);
    sample_queue_close(acquisition->queue);
    recorder_stop(acquisition->recorder);
    sample_queue_free(acquisition->queue);
    definitions_free(acquisition->definitions);
    calibrations_free(acquisition->calibrations);
    acquisition->before = acquisition->poller;
    acquisition->alarms_before = acquisition->alarms;
    acquisition->alarms = NULL;
    acquisition->poller = NULL;
    acquisition->recorder = NULL;
    acquisition->queue = NULL;
    acquisition->definitions = NULL;
    acquisition->calibrations = NULL;
}

void acquisition_free(struct acquisition *acquisition)
{
    poller_free(acquisition->before);
    acquisition->before = NULL;
    alarms_free(acquisition->alarms_before);
    acquisition->alarms_before = NULL;
}
