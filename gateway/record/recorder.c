#include "record/recorder.h"

#include "base/log.h"
#include "record/assess.h"
#include "record/committer.h"
#include "record/decode.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zstd.h>

#define LOOK_US        500000 // the longest sleep: events of other threads wait no longer
#define PACK_LEVEL     1      // 3 packs blocks of readings no closer, and takes longer (measured)
#define EVENT_TEXT_MAX 1024
#define FILL_SLACK     (16u << 10) // events beyond BLOCK_CLOSE_BYTES, while the ledger is behind
#define STATUSES_MAX   64
#define LIMIT_EVENTS   "limit." // what is told as soon as it is durable

struct recorder {
    struct recorder_options options;
    struct committer *committer;
    pthread_t thread;

    pthread_mutex_t filling; // held while a sample or an event goes into the block
    struct block_writer writers[2];
    unsigned active;   // which of the two is being filled
    int64_t opened_us; // monotonic clock at its first entry
    int64_t error_us;  // the greatest error of the wall clock that was seen since
    bool close_now;    // an event asked for it
    uint64_t events_dropped;
    struct recorder_status counts;

    pthread_mutex_t latest_lock;
    struct recorder_latest *latest; // of every point; t_us INT64_MIN: none yet
    size_t *first_point;            // index of an instrument's first in `latest`

    // The thread's own.
    struct assess assess;
    uint64_t *faults; // of each instrument: a bit for each status register that says so
    uint64_t n;       // of the block being filled
    struct digest previous;
    char run[33];
    struct text bytes;
    ZSTD_CCtx *packer;
    void *packed;
    size_t packed_room;
};

// --- closing a block ----------------------------------------------------------------------------

static void hand_over(struct recorder *r, const struct block_writer *writer)
{
    size_t used = ZSTD_compressCCtx(r->packer, r->packed, r->packed_room, r->bytes.data,
                                    r->bytes.length, PACK_LEVEL);
    void *packed = ZSTD_isError(used) ? NULL : malloc(used);
    if (!packed) {
        log_error("out of memory: block %llu with %d readings is lost", (unsigned long long)r->n,
                  writer->count);
        return;
    }
    memcpy(packed, r->packed, used);
    struct ledger_block block = {.n = r->n,
                                 .leaf = block_leaf(r->bytes.data, r->bytes.length),
                                 .definitions = r->options.definitions->hash,
                                 .t_lo_us = writer->t_lo_us,
                                 .t_hi_us = writer->t_hi_us,
                                 .packed = packed,
                                 .packed_length = used,
                                 .length = r->bytes.length,
                                 .readings = (uint32_t)writer->count,
                                 .has_entry = writer->has_entry};
    r->previous = block.leaf;
    r->n++;
    committer_put(r->committer, &block);
}

// `told`: where the bulletin ended when the block closed; `error_us`: the greatest error of the
// clock while it was filled, which may have been put right meanwhile.
static void seal(struct recorder *r, const struct block_writer *writer, uint64_t told,
                 int64_t error_us)
{
    const struct clock *clock = r->options.clock;
    struct block_seal how = {.origin = ledger_origin(r->options.ledger),
                             .n = r->n,
                             .previous = r->previous,
                             .run = r->run,
                             .mono_us = clock_mono_us(clock),
                             .closed_us = clock_wall_us(clock),
                             .definitions = r->options.definitions->hash};
    clock_state(clock, &how.clock);
    how.clock.error_us = how.clock.error_us > error_us ? how.clock.error_us : error_us;
    int error = block_seal(writer, &how, &r->bytes);
    bulletin_close(r->options.bulletin, told, r->n, how.mono_us, error);
    if (error) {
        log_error("block %llu with %d readings is lost: %s", (unsigned long long)r->n,
                  writer->count, error_text(error));
    } else {
        hand_over(r, writer);
    }
}

// Seals what was filled, while the other writer is filled by whoever has an event. `filling` is
// held, and given up meanwhile.
static void close_block(struct recorder *r)
{
    struct block_writer *writer = &r->writers[r->active];
    r->close_now = false;
    if (writer->count + writer->missed_count + writer->event_count == 0) {
        return;
    }
    uint64_t told = bulletin_end(r->options.bulletin);
    int64_t error_us = r->error_us;
    r->active ^= 1;
    r->counts.blocks++;
    pthread_mutex_unlock(&r->filling);
    seal(r, writer, told, error_us);
    block_writer_clear(writer);
    pthread_mutex_lock(&r->filling);
}

// The writer to fill; the time of a block's first entry is noted.
static struct block_writer *writer_of(struct recorder *r)
{
    struct block_writer *writer = &r->writers[r->active];
    if (writer->count + writer->missed_count + writer->event_count == 0) {
        r->opened_us = clock_mono_us(r->options.clock);
        r->error_us = r->assess.state.error_us;
    }
    return writer;
}

// --- events -------------------------------------------------------------------------------------

// `filling` is held.
static void add_event(struct recorder *r, int64_t t_us, int64_t mono_us, const char *kind,
                      const char *subject, const char *text)
{
    struct block_writer *writer = writer_of(r);
    if (block_writer_bytes(writer) > BLOCK_CLOSE_BYTES + FILL_SLACK) {
        r->events_dropped++;
        return;
    }
    block_add_event(writer, t_us, mono_us, kind, subject, text);
    r->counts.events++;
    if (strncmp(kind, LIMIT_EVENTS, strlen(LIMIT_EVENTS)) == 0) {
        bulletin_post(r->options.bulletin, t_us, kind, subject, text);
    }
}

static void put_event(struct recorder *r, const char *kind, const char *subject, const char *text,
                      bool urgent)
{
    const struct clock *clock = r->options.clock;
    pthread_mutex_lock(&r->filling);
    add_event(r, clock_wall_us(clock), clock_mono_us(clock), kind, subject, text);
    r->close_now = r->close_now || urgent;
    pthread_mutex_unlock(&r->filling);
}

void recorder_event(struct recorder *recorder, const char *kind, const char *subject,
                    const char *format, ...)
{
    char text[EVENT_TEXT_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_event(recorder, kind, subject, text, false);
}

void recorder_hurry(struct recorder *recorder)
{
    pthread_mutex_lock(&recorder->filling);
    recorder->close_now = true;
    pthread_mutex_unlock(&recorder->filling);
}

static void committer_event(void *context, const char *kind, const char *text, bool urgent)
{
    put_event(context, kind, "ledger", text, urgent);
}

static const char *event_kind(enum sample_event event)
{
    static const char *const kinds[] = {
        [EVENT_INSTRUMENT_SILENT] = "instrument.silent",
        [EVENT_INSTRUMENT_BACK] = "instrument.back",
        [EVENT_INSTRUMENT_REFUSES] = "instrument.refuses",
        [EVENT_INSTRUMENT_IDENTITY] = "instrument.identity",
        [EVENT_BUS_LOST] = "bus.lost",
        [EVENT_BUS_BACK] = "bus.back",
        [EVENT_CLOCK_STEPPED] = "clock.stepped",
        [EVENT_OTHER] = "other",
    };
    return kinds[event];
}

static void take_event(struct recorder *r, const struct sample *sample, const uint8_t *payload)
{
    const struct config *config = r->options.config;
    char text[EVENT_TEXT_MAX + 1];
    size_t length = sample->length < EVENT_TEXT_MAX ? sample->length : EVENT_TEXT_MAX;
    if (length) {
        memcpy(text, payload, length);
    }
    text[length] = '\0';
    const char *subject = sample->event == EVENT_CLOCK_STEPPED ? "clock"
                          : sample->instrument != SAMPLE_NO_INSTRUMENT
                              ? config->instruments[sample->instrument].name
                              : config->buses[sample->bus].name;
    add_event(r, sample->t_us, sample->mono_us, event_kind(sample->event), subject, text);
}

// What a limit has to say, for the sink of alarms.
static void alarm_event(void *context, int64_t t_us, int64_t mono_us, const char *kind,
                        const char *subject, const char *text)
{
    add_event(context, t_us, mono_us, kind, subject, text);
}

// --- readings -----------------------------------------------------------------------------------

static bool is_full(const struct recorder *r, const struct block_writer *writer)
{
    return writer->count >= r->options.config->gateway.block_readings ||
           block_writer_bytes(writer) >= BLOCK_CLOSE_BYTES;
}

// Looks at the driver's status registers among these; what changed is an event.
static void take_statuses(struct recorder *r, const struct sample *sample, const uint8_t *wire)
{
    const struct request *request = sample->request;
    const struct config_instrument *instrument =
        &r->options.config->instruments[sample->instrument];
    const struct driver *driver = instrument->driver;
    uint64_t before = r->faults[sample->instrument], now = before;
    for (size_t i = 0; i < driver->status_count && i < STATUSES_MAX; i++) {
        const struct driver_status *status = &driver->statuses[i];
        if (status->function != request->function || status->address < request->address ||
            status->address >= request->address + request->count) {
            continue;
        }
        uint64_t bit = UINT64_C(1) << i;
        now =
            decode_status(status, wire, request->address, request->count) ? now | bit : now & ~bit;
    }
    r->faults[sample->instrument] = now;
    if ((now != 0) != (before != 0)) {
        add_event(r, sample->t_us, sample->mono_us,
                  now ? "instrument.fault" : "instrument.fault-cleared", instrument->name,
                  now ? "its status register says that it is at fault"
                      : "its status register says that it is well");
    }
}

static void note_latest(struct recorder *r, size_t index, const struct reading *reading)
{
    struct recorder_latest *latest = &r->latest[index];
    latest->t_us = reading->t_us;
    latest->half_window_us = reading->half_window_us;
    latest->indication = reading->indication;
    latest->flags = reading->flags;
}

// The next reading's certificate and limits are on their way from memory while this one is taken:
// of thousands of points each comes round once in seconds, and is in no cache then.
static void look_ahead(const struct recorder *r, const struct sample *sample, size_t next)
{
    if (next < sample->request->slot_count) {
        uint16_t slot = sample->request->slots[next];
        const struct correction *correction =
            &r->options.calibrations->of[sample->instrument][slot].correction;
        for (size_t i = 0; i < correction->point_count && i < 6; i += 2) {
            __builtin_prefetch(&correction->points[i]);
        }
        alarms_expect(r->options.alarms, sample->instrument, slot);
    }
}

static void take_registers(struct recorder *r, const struct sample *sample, const uint8_t *wire)
{
    const struct request *request = sample->request;
    const struct config_instrument *instrument =
        &r->options.config->instruments[sample->instrument];
    const uint32_t *numbers = r->options.definitions->numbers[sample->instrument];
    const struct calibration *calibrations = r->options.calibrations->of[sample->instrument];
    const struct decode_ratios ratios = {instrument->ratio_pt, instrument->ratio_ct};
    const struct alarms_sink sink = {alarm_event, r};
    uint8_t raw[READING_RAW_MAX];
    struct reading reading = {
        .t_us = sample->t_us, .half_window_us = sample->half_window_us, .raw = raw};
    if (request->is_status) {
        take_statuses(r, sample, wire);
    }
    uint32_t common = assess_time(&r->assess, sample->t_us, sample->mono_us) |
                      (r->faults[sample->instrument] ? FLAG_INSTRUMENT_FAULT : 0) |
                      (sample->identity_mismatch ? FLAG_IDENTITY_MISMATCH : 0);
    if (r->assess.state.error_us > r->error_us) {
        r->error_us = r->assess.state.error_us;
    }
    pthread_mutex_lock(&r->latest_lock);
    for (size_t i = 0; i < request->slot_count; i++) {
        uint16_t slot = request->slots[i];
        look_ahead(r, sample, i + 1);
        uint32_t flags =
            decode_quantity(instrument->quantities[slot], &ratios, wire, request->address,
                            request->count, &reading.indication, raw, &reading.raw_length);
        reading.point = numbers[slot];
        reading.flags = common | flags;
        assess_calibration(&calibrations[slot], &reading);
        reading.flags |= alarms_take(r->options.alarms, &sink, sample->instrument, slot, &reading,
                                     sample->mono_us);
        struct block_writer *writer = writer_of(r);
        block_add_reading(writer, &reading, sample->mono_us);
        note_latest(r, r->first_point[sample->instrument] + slot, &reading);
        if (is_full(r, writer)) {
            pthread_mutex_unlock(&r->latest_lock);
            close_block(r);
            pthread_mutex_lock(&r->latest_lock);
        }
    }
    pthread_mutex_unlock(&r->latest_lock);
    r->counts.readings += request->slot_count;
}

static void take_miss(struct recorder *r, const struct sample *sample)
{
    const struct request *request = sample->request;
    const uint32_t *numbers = r->options.definitions->numbers[sample->instrument];
    const struct alarms_sink sink = {alarm_event, r};
    char word[32];
    miss_format(sample->miss, sample->miss_detail, word);
    for (size_t i = 0; i < request->slot_count; i++) {
        block_add_miss(writer_of(r), numbers[request->slots[i]], sample->t_us, sample->mono_us,
                       word);
        alarms_miss(r->options.alarms, &sink, sample->instrument, request->slots[i], sample->t_us,
                    sample->mono_us);
    }
    r->counts.missed += request->slot_count;
}

static void take_sample(struct recorder *r, const struct sample *sample, const uint8_t *payload)
{
    pthread_mutex_lock(&r->filling);
    switch (sample->kind) {
    case SAMPLE_REGISTERS: take_registers(r, sample, payload); break;
    case SAMPLE_MISSED: take_miss(r, sample); break;
    case SAMPLE_EVENT: take_event(r, sample, payload); break;
    case SAMPLE_ROUND:
        if (r->options.config->gateway.prompt) {
            close_block(r);
        }
        break;
    }
    if (is_full(r, &r->writers[r->active])) {
        close_block(r);
    }
    pthread_mutex_unlock(&r->filling);
}

// --- the thread ---------------------------------------------------------------------------------

// Closes a block that is due, and says how long there is until the next look.
static int64_t see_to_deadline(struct recorder *r)
{
    int64_t interval_us = r->options.config->gateway.block_interval_us;
    int64_t left_us = interval_us;
    pthread_mutex_lock(&r->filling);
    const struct block_writer *writer = &r->writers[r->active];
    if (writer->count + writer->missed_count + writer->event_count > 0) {
        left_us = r->opened_us + interval_us - clock_mono_us(r->options.clock);
    }
    if (left_us <= 0 || r->close_now || block_writer_bytes(writer) >= BLOCK_CLOSE_BYTES) {
        close_block(r);
        left_us = interval_us;
    }
    if (r->events_dropped) {
        char text[64];
        snprintf(text, sizeof text, "%llu events while the ledger was behind",
                 (unsigned long long)r->events_dropped);
        r->events_dropped = 0;
        add_event(r, clock_wall_us(r->options.clock), clock_mono_us(r->options.clock),
                  "events.dropped", "recorder", text);
    }
    pthread_mutex_unlock(&r->filling);
    return left_us < LOOK_US ? left_us : LOOK_US;
}

static void *run(void *argument)
{
    struct recorder *r = argument;
    int taken;
    pthread_setname_np(pthread_self(), "recorder");
    do {
        int64_t wait_us = see_to_deadline(r);
        struct sample sample;
        const uint8_t *payload;
        while ((taken = sample_queue_take(r->options.queue, wait_us, &sample, &payload)) == 1) {
            take_sample(r, &sample, payload);
            wait_us = see_to_deadline(r);
        }
    } while (taken == 0);
    pthread_mutex_lock(&r->filling);
    close_block(r);
    pthread_mutex_unlock(&r->filling);
    return NULL;
}

static int make_tables(struct recorder *r, struct why *why)
{
    const struct config *config = r->options.config;
    size_t total = 0;
    r->first_point = calloc(config->instrument_count + 1, sizeof *r->first_point);
    r->faults = calloc(config->instrument_count + 1, sizeof *r->faults);
    for (size_t i = 0; r->first_point && i < config->instrument_count; i++) {
        r->first_point[i] = total;
        total += config->instruments[i].quantity_count;
    }
    r->latest = calloc(total ? total : 1, sizeof *r->latest);
    r->packer = ZSTD_createCCtx();
    r->packed_room = ZSTD_compressBound(BLOCK_BYTES_MAX);
    r->packed = malloc(r->packed_room);
    if (!r->first_point || !r->faults || !r->latest || !r->packer || !r->packed) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < total; i++) {
        r->latest[i].t_us = INT64_MIN;
    }
    return OK;
}

static void dispose(struct recorder *r)
{
    block_writer_free(&r->writers[0]);
    block_writer_free(&r->writers[1]);
    text_free(&r->bytes);
    ZSTD_freeCCtx(r->packer);
    free(r->packed);
    free(r->latest);
    free(r->first_point);
    free(r->faults);
    pthread_mutex_destroy(&r->latest_lock);
    pthread_mutex_destroy(&r->filling);
    free(r);
}

static int start_threads(struct recorder *r, struct why *why)
{
    struct committer_options options = {.ledger = r->options.ledger,
                                        .keep_us = r->options.config->gateway.keep_us,
                                        .keep_bytes = r->options.config->gateway.keep_bytes,
                                        .event = committer_event,
                                        .event_context = r,
                                        .committed = r->options.committed,
                                        .committed_context = r->options.context};
    int error = committer_start(&r->committer, &options, why);
    if (error) {
        return error;
    }
    int failed = pthread_create(&r->thread, NULL, run, r);
    if (failed) {
        committer_stop(r->committer);
        return why_set(why, ERROR_SYSTEM, "cannot start a thread: %s", strerror(failed));
    }
    return OK;
}

int recorder_start(struct recorder **out, const struct recorder_options *options, struct why *why)
{
    uint8_t run_id[16];
    *out = NULL;
    struct recorder *r = calloc(1, sizeof *r);
    if (!r) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    r->options = *options;
    pthread_mutex_init(&r->filling, NULL);
    pthread_mutex_init(&r->latest_lock, NULL);
    block_writer_init(&r->writers[0]);
    block_writer_init(&r->writers[1]);
    r->bytes = text_make(BLOCK_BYTES_MAX);
    assess_init(&r->assess, options->clock);
    r->n = ledger_size(options->ledger);
    r->previous = ledger_tip(options->ledger);
    int error = make_tables(r, why);
    if (error == OK && getrandom(run_id, sizeof run_id, 0) != (ssize_t)sizeof run_id) {
        error = why_set(why, ERROR_SYSTEM, "no random numbers");
    }
    if (error == OK) {
        text_format_hex(run_id, sizeof run_id, r->run);
        error = start_threads(r, why);
    }
    if (error) {
        dispose(r);
        return error;
    }
    *out = r;
    return OK;
}

void recorder_stop(struct recorder *recorder)
{
    if (recorder) {
        committer_hurry(recorder->committer);
        pthread_join(recorder->thread, NULL);
        size_t left = committer_stop(recorder->committer);
        if (left) {
            log_error("%zu blocks could not be stored", left);
        }
        dispose(recorder);
    }
}

void recorder_status(struct recorder *recorder, struct recorder_status *status)
{
    pthread_mutex_lock(&recorder->filling);
    *status = recorder->counts;
    pthread_mutex_unlock(&recorder->filling);
    status->sealed_waiting = committer_waiting(recorder->committer);
}

int recorder_latest(struct recorder *recorder, size_t instrument, size_t slot,
                    struct recorder_latest *out)
{
    const struct config *config = recorder->options.config;
    if (instrument >= config->instrument_count ||
        slot >= config->instruments[instrument].quantity_count) {
        return ERROR_ABSENT;
    }
    pthread_mutex_lock(&recorder->latest_lock);
    *out = recorder->latest[recorder->first_point[instrument] + slot];
    pthread_mutex_unlock(&recorder->latest_lock);
    return out->t_us == INT64_MIN ? ERROR_ABSENT : OK;
}
