// tallyd: what the gateway is made of, in the order in which a reading passes through it, and how
// it starts, reloads and stops.
//
// The only file that knows all modules. Everything that measures, stores or publishes is in them.
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/version.h"
#include "bus/poller.h"
#include "config/config.h"
#include "control/control.h"
#include "control/status.h"
#include "ledger/ledger.h"
#include "record/decode.h"
#include "record/definitions.h"
#include "record/recorder.h"
#include "series/series.h"
#include "uplink/uplink.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define QUEUE_BYTES      (4u << 20) // samples waiting for the recorder
#define SERIES_PERIOD_US (180LL * 1000000)
#define DRAIN_US         2000000 // at a clean stop, for acknowledgements still to come
#define LOOK_S           1       // after damage to the ledger
#define ANEW_EVERY_S     60      // a disk that damages everything need not be filled with new logs

struct gateway {
    const char *path, *drivers; // as on the command line
    const struct clock *clock;
    int64_t started_us; // monotonic clock
    struct ledger *ledger;
    struct series_builder *series;
    struct control *control;
    // Replaced at a reload; read by the control thread and uplinks' hooks under `mutex`.
    pthread_mutex_t mutex;
    struct config *config;
    struct definitions *definitions;
    struct sample_queue *queue;
    struct recorder *recorder;
    struct poller *poller, *before; // `before`: stopped, until another has taken over
    struct uplink
        *uplinks[CONFIG_UPLINKS_MAX]; // in the configuration's order; NULL: could not be started
    size_t uplink_count;
    uint64_t taken, missed; // readings of pollers that have ended
    int64_t anew_us;        // monotonic clock when a new log was last begun for that; 0: never
};

// --- events and status: called from other threads

static void record_event(void *context, const char *kind, const char *subject, const char *text)
{
    struct gateway *gateway = context;
    pthread_mutex_lock(&gateway->mutex);
    if (gateway->recorder) {
        recorder_event(gateway->recorder, kind, subject, "%s", text);
    }
    pthread_mutex_unlock(&gateway->mutex);
}

static void answer(void *context, const char *request, struct text *out)
{
    struct gateway *gateway = context;
    pthread_mutex_lock(&gateway->mutex);
    struct status_sources sources = {.config = gateway->config,
                                     .clock = gateway->clock,
                                     .started_us = gateway->started_us,
                                     .ledger = gateway->ledger,
                                     .poller = gateway->poller,
                                     .recorder = gateway->recorder,
                                     .definitions = gateway->definitions,
                                     .uplinks = gateway->uplinks,
                                     .uplink_count = gateway->uplink_count};
    status_answer(&sources, request, out);
    pthread_mutex_unlock(&gateway->mutex);
}

static void append_status(void *context, struct text *out)
{
    answer(context, "status", out);
}

// --- acquisition: configuration → definitions → queue → recorder → poller

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

static int acquisition_start(struct gateway *gateway, struct config *config, struct why *why)
{
    struct definitions *definitions = NULL;
    struct sample_queue *queue = NULL;
    struct recorder *recorder = NULL;
    struct poller *poller = NULL;
    int error =
        definitions_make(&definitions, config, gateway->ledger, ledger_size(gateway->ledger), why);
    if (error) {
        return error;
    }
    text_free(&definitions->json); // in the ledger now; a megabyte with thousands of points
    error = sample_queue_make(&queue, QUEUE_BYTES);
    if (error) {
        why_set(why, error, "no memory for the queue of samples");
        goto free_definitions;
    }
    struct recorder_options options = {.config = config,
                                       .definitions = definitions,
                                       .ledger = gateway->ledger,
                                       .queue = queue,
                                       .clock = gateway->clock};
    error = recorder_start(&recorder, &options, why);
    if (error) {
        goto free_queue;
    }
    struct poller_options polling = {.config = config,
                                     .clock = gateway->clock,
                                     .queue = queue,
                                     .round_marks = config->gateway.prompt,
                                     .format_serial = format_serial,
                                     .before = gateway->before};
    error = poller_start(&poller, &polling, why);
    if (error) {
        goto stop_recorder;
    }
    poller_free(gateway->before);
    gateway->before = NULL;
    pthread_mutex_lock(&gateway->mutex);
    gateway->config = config;
    gateway->definitions = definitions;
    gateway->queue = queue;
    gateway->recorder = recorder;
    gateway->poller = poller;
    pthread_mutex_unlock(&gateway->mutex);
    return OK;

stop_recorder:
    sample_queue_close(queue);
    recorder_stop(recorder);
free_queue:
    sample_queue_free(queue);
free_definitions:
    definitions_free(definitions);
    return error;
}

// Stops polling, records all that was taken, and frees all but the configuration and what the next
// poller takes over. `next`: the configuration that acquisition goes on with, or NULL.
static void acquisition_stop(struct gateway *gateway, const struct config *next)
{
    pthread_mutex_lock(&gateway->mutex);
    struct poller *poller = gateway->poller;
    struct recorder *recorder = gateway->recorder;
    gateway->poller = NULL;
    gateway->recorder = NULL;
    pthread_mutex_unlock(&gateway->mutex);

    poller_stop(poller, next);
    for (size_t i = 0; i < gateway->config->instrument_count; i++) {
        struct poller_instrument_status status;
        poller_instrument_status(poller, i, &status);
        gateway->taken += status.readings;
        gateway->missed += status.missed;
    }
    sample_queue_close(gateway->queue);
    recorder_stop(recorder);
    gateway->before = poller;

    pthread_mutex_lock(&gateway->mutex);
    sample_queue_free(gateway->queue);
    definitions_free(gateway->definitions);
    gateway->queue = NULL;
    gateway->definitions = NULL;
    pthread_mutex_unlock(&gateway->mutex);
}

// --- uplinks

struct dropped {
    struct ledger_cursor_row rows[LEDGER_CURSORS_MAX];
    size_t count;
};

// Cursors that are dropped for want of room are said, as soon as there is a recorder.
static int uplinks_make_room(struct gateway *gateway, const struct config *config,
                             struct dropped *dropped, struct why *why)
{
    const char *names[CONFIG_UPLINKS_MAX];
    for (size_t i = 0; i < config->uplink_count; i++) {
        names[i] = config->uplinks[i].name;
    }
    return ledger_make_room(gateway->ledger, names, config->uplink_count, dropped->rows,
                            &dropped->count, why);
}

static void record_dropped(struct gateway *gateway, const struct dropped *dropped)
{
    for (size_t i = 0; i < dropped->count; i++) {
        const struct ledger_cursor_row *row = &dropped->rows[i];
        char text[128];
        snprintf(text, sizeof text,
                 "its cursor at block %" PRIu64 " is dropped: the ledger keeps those of %d uplinks",
                 row->acknowledged, LEDGER_CURSORS_MAX);
        log_warning("uplink %s: %s", row->uplink, text);
        record_event(gateway, "uplink.dropped", row->uplink, text);
    }
}

static int uplinks_declare(struct gateway *gateway, const struct config *config, struct why *why)
{
    for (size_t i = 0; i < config->uplink_count; i++) {
        int error = ledger_declare_uplink(gateway->ledger, config->uplinks[i].name,
                                          config->uplinks[i].required, why);
        if (error) {
            return error;
        }
    }
    return OK;
}

// An uplink that cannot be started is said and left out: acquisition goes on without it.
static void uplinks_start(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    struct uplink_hooks hooks = {
        .event = record_event, .status = append_status, .context = gateway};
    for (size_t i = 0; i < config->uplink_count; i++) {
        struct uplink *uplink = NULL;
        struct why why = {""};
        if (uplink_start(&uplink, config, &config->uplinks[i], gateway->ledger, gateway->clock,
                         &hooks, &why) != OK) {
            log_error("uplink %s: %s", config->uplinks[i].name, why.text);
            record_event(gateway, "uplink.failed", config->uplinks[i].name, why.text);
        }
        pthread_mutex_lock(&gateway->mutex);
        gateway->uplinks[i] = uplink;
        gateway->uplink_count = i + 1;
        pthread_mutex_unlock(&gateway->mutex);
    }
}

static void uplinks_stop(struct gateway *gateway)
{
    struct uplink *uplinks[CONFIG_UPLINKS_MAX];
    pthread_mutex_lock(&gateway->mutex);
    size_t count = gateway->uplink_count;
    memcpy(uplinks, gateway->uplinks, sizeof uplinks);
    gateway->uplink_count = 0;
    pthread_mutex_unlock(&gateway->mutex);
    for (size_t i = 0; i < count; i++) {
        if (uplinks[i]) {
            uplink_stop(uplinks[i]);
        }
    }
}

// Waits until every connected uplink has acknowledged all blocks, or DRAIN_US has passed: what is
// left is sent at the next start.
static void uplinks_drain(struct gateway *gateway)
{
    int64_t end = clock_mono_us(gateway->clock) + DRAIN_US;
    for (size_t i = 0; i < gateway->uplink_count;) {
        struct uplink_status status = {.connected = false};
        if (gateway->uplinks[i]) {
            uplink_status(gateway->uplinks[i], &status);
        }
        if (!status.connected || status.acknowledged >= ledger_size(gateway->ledger)) {
            i++;
        } else if (clock_mono_us(gateway->clock) >= end) {
            return;
        } else {
            usleep(2000);
        }
    }
}

// --- start, reload, stop

static void log_faults(const struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        log_error("%s", faults->lines[i]);
    }
    log_error("%zu fault%s in the configuration", faults->count + faults->dropped,
              faults->count + faults->dropped == 1 ? "" : "s");
}

// Reads and checks the configuration, its plan too. NULL with faults.
static struct config *load(const struct gateway *gateway, struct faults *faults)
{
    struct config *config = NULL;
    if (config_load(&config, gateway->path, gateway->drivers, faults) != OK) {
        return NULL;
    }
    plan_check(config, faults, NULL);
    if (faults->count) {
        config_free(config);
        return NULL;
    }
    return config;
}

// What neither the log nor the recovered files have is said, with the place where it is.
static void record_left(struct gateway *gateway, const struct ledger_opening *opening)
{
    if (opening->left_to) {
        log_error("of %s, blocks %" PRIu64 " to before %" PRIu64
                  " found no room in the recovered files: they are in %s only",
                  opening->old_origin, opening->left_from, opening->left_to, opening->set_aside);
        recorder_event(gateway->recorder, "log.left", opening->old_origin,
                       "blocks %" PRIu64 " to before %" PRIu64 " did not go along; they are in %s",
                       opening->left_from, opening->left_to, opening->set_aside);
    }
    if (opening->unsaved_left) {
        log_error("%" PRIu64
                  " lines of `unsaved` are no blocks that follow on the ledger: kept as %s",
                  opening->unsaved_left, opening->unsaved_kept);
        recorder_event(gateway->recorder, "log.left", opening->unsaved_kept,
                       "%" PRIu64 " lines of `unsaved` are no blocks that follow on this log",
                       opening->unsaved_left);
    }
}

// The first events of a run: what opening the ledger found, and which software this is.
static void record_start(struct gateway *gateway, const struct ledger_opening *opening)
{
    if (opening->fresh) {
        recorder_event(gateway->recorder, "log.begun", ledger_origin(gateway->ledger),
                       "the first log in this folder");
    } else if (opening->new_log) {
        recorder_event(gateway->recorder, "log.begun", ledger_origin(gateway->ledger),
                       "after %s, of %" PRIu64 " known blocks; last receipt: none; why: %s",
                       opening->old_origin, opening->old_size, opening->reason);
        log_error("a new log was begun: %s%s%s", opening->reason,
                  opening->set_aside[0] ? "; the old files are in " : "", opening->set_aside);
    }
    for (size_t i = 0; i < opening->recovered_count; i++) {
        char hex[DIGEST_HEX];
        text_format_hex(opening->recovered[i].bytes, DIGEST_SIZE, hex);
        recorder_event(gateway->recorder, "log.recovered", hex,
                       "whole blocks of %s, from %" PRIu64 " to before %" PRIu64,
                       opening->old_origin, opening->recovered_from, opening->recovered_to);
    }
    record_left(gateway, opening);
    if (opening->new_log && !opening->fresh) {
        recorder_hurry(gateway->recorder); // nothing else would say where the new log comes from
    }
    struct digest program = version_program_hash();
    char hex[DIGEST_HEX];
    text_format_hex(program.bytes, DIGEST_SIZE, hex);
    recorder_event(gateway->recorder, "gateway.started", gateway->config->gateway.name,
                   "tallyd %s, sha256 %s", version_text(), hex);
}

// A required uplink that is configured no more still holds back pruning, until the disk is full.
static void warn_of_orphans(struct gateway *gateway)
{
    struct ledger_cursor_row rows[LEDGER_CURSORS_MAX];
    struct ledger_reader *reader;
    const struct config *config = gateway->config;
    size_t count = 0;
    if (ledger_reader_open(&reader, config->gateway.data, NULL) != OK) {
        return;
    }
    ledger_reader_cursors(reader, rows, LEDGER_CURSORS_MAX, &count, NULL);
    ledger_reader_close(reader);
    for (size_t i = 0; i < count; i++) {
        bool known = !rows[i].required;
        for (size_t k = 0; k < config->uplink_count; k++) {
            known = known || strcmp(rows[i].uplink, config->uplinks[k].name) == 0;
        }
        if (!known) {
            log_warning(
                "uplink %s is configured no more, but was required: all blocks from %" PRIu64
                " on are kept for it. Configure it with `required: no` once to let go",
                rows[i].uplink, rows[i].acknowledged);
            recorder_event(gateway->recorder, "uplink.orphaned", rows[i].uplink,
                           "required, configured no more: blocks from %" PRIu64 " on are kept",
                           rows[i].acknowledged);
        }
    }
}

static void refuse_reload(struct gateway *gateway, const char *text)
{
    log_error("%s: not taken: %s", gateway->path, text);
    record_event(gateway, "configuration.refused", gateway->path, text);
}

// What a running daemon cannot change; says which, or NULL.
static const char *needs_restart(const struct config *old, const struct config *new)
{
    if (strcmp(old->site.code, new->site.code) != 0 ||
        strcmp(old->gateway.name, new->gateway.name) != 0) {
        return "site.code and gateway.name name the log: a new one takes another gateway.data and "
               "a "
               "restart";
    }
    if (strcmp(old->gateway.data, new->gateway.data) != 0 ||
        strcmp(old->gateway.control, new->gateway.control) != 0) {
        return "gateway.data and gateway.control cannot change while running: restart";
    }
    return NULL;
}

// Why no acquisition may be stopped now, or NULL. Blocks that wait for the disk are those of the
// recorder that is running; it must not be ended before they are stored.
static const char *ledger_hinders(struct gateway *gateway)
{
    struct ledger_status status;
    ledger_status(gateway->ledger, &status);
    return status.full                       ? "the disk is full"
           : status.failed || status.damaged ? "the ledger cannot be written now"
                                             : NULL;
}

// The same file and the same drivers.
static bool is_unchanged(const struct config *old, const struct config *new)
{
    if (memcmp(&old->hash, &new->hash, sizeof old->hash) != 0 ||
        old->driver_count != new->driver_count) {
        return false;
    }
    for (size_t i = 0; i < old->driver_count; i++) {
        const struct driver *was = old->drivers[i], *is = new->drivers[i];
        if (memcmp(&was->hash, &is->hash, sizeof was->hash) != 0) {
            return false;
        }
    }
    return true;
}

// Reads the new configuration, or says why it is not taken. NULL: everything stays as it is.
static struct config *load_to_replace(struct gateway *gateway)
{
    struct faults faults = {0};
    struct config *old = gateway->config, *new = load(gateway, &faults);
    if (!new) {
        log_faults(&faults);
        refuse_reload(gateway, faults.count ? faults.lines[0] : "cannot be read");
        faults_free(&faults);
        return NULL;
    }
    faults_free(&faults);
    const char *hindrance = needs_restart(old, new);
    hindrance = hindrance ? hindrance : ledger_hinders(gateway);
    struct dropped dropped = {.count = 0};
    struct why why = {""};
    if (hindrance) {
        refuse_reload(gateway, hindrance);
    } else if (is_unchanged(old, new)) {
        log_info("%s: unchanged", gateway->path);
    } else if (uplinks_make_room(gateway, new, &dropped, &why) != OK) {
        refuse_reload(gateway, why.text);
    } else {
        record_dropped(gateway, &dropped);
        return new;
    }
    config_free(new);
    return NULL;
}

// Starts acquisition on the configuration, again and again until it works. False when it was asked
// to stop before.
static bool acquisition_resume(struct gateway *gateway, struct config *config,
                               const sigset_t *signals)
{
    const struct timespec look = {.tv_sec = LOOK_S};
    struct why why = {""};
    while (acquisition_start(gateway, config, &why) != OK) {
        log_error("acquisition cannot be started again: %s", why.text);
        int signal = sigtimedwait(signals, NULL, &look);
        if (signal > 0 && signal != SIGHUP) {
            return false;
        }
    }
    return true;
}

// False when it was asked to stop while acquisition could not be started.
static bool reload(struct gateway *gateway, const sigset_t *signals)
{
    struct why why = {""};
    struct config *old = gateway->config, *new = load_to_replace(gateway);
    if (!new) {
        return true;
    }
    char from[DIGEST_HEX], to[DIGEST_HEX];
    text_format_hex(old->hash.bytes, DIGEST_SIZE, from);
    text_format_hex(new->hash.bytes, DIGEST_SIZE, to);
    uplinks_stop(gateway);
    acquisition_stop(gateway, new);
    if (acquisition_start(gateway, new, &why) == OK) {
        config_free(old);
        recorder_event(gateway->recorder, "configuration.changed", gateway->path,
                       "from sha256 %s to %s", from, to);
        log_info("%s: taken", gateway->path);
    } else {
        config_free(new);
        if (!acquisition_resume(gateway, old, signals)) {
            return false;
        }
        refuse_reload(gateway, why.text);
    }
    if (uplinks_declare(gateway, gateway->config, &why) != OK) {
        log_error("%s", why.text);
        record_event(gateway, "uplink.failed", gateway->path, why.text);
    }
    uplinks_start(gateway);
    return true;
}

// systemd's readiness protocol (sd_notify(3), which gives this form as stable): one datagram to the
// socket named in the environment.
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length) <
            0) {
            log_warning("cannot notify systemd: %s", strerror(errno));
        }
        close(fd);
    }
}

static int gateway_start(struct gateway *gateway, struct config *config, struct why *why)
{
    struct ledger_options options = {.directory = config->gateway.data,
                                     .site_code = config->site.code,
                                     .gateway_name = config->gateway.name,
                                     .clock = gateway->clock};
    struct ledger_opening opening = {0};
    int error = ledger_open(&gateway->ledger, &options, &opening, why);
    if (error) {
        return error;
    }
    struct dropped dropped = {.count = 0};
    error = uplinks_make_room(gateway, config, &dropped, why);
    error = error ? error : uplinks_declare(gateway, config, why);
    if (!error) {
        error = acquisition_start(gateway, config, why);
    }
    if (error) {
        ledger_close(gateway->ledger);
        return error;
    }
    record_start(gateway, &opening);
    record_dropped(gateway, &dropped);
    warn_of_orphans(gateway);
    uplinks_start(gateway);
    struct why said;
    if (series_builder_start(&gateway->series, config->gateway.data, SERIES_PERIOD_US, &said) !=
        OK) {
        log_warning("series are not built (history is read from blocks): %s", said.text);
    }
    if (control_start(&gateway->control, config->gateway.control, answer, gateway, &said) != OK) {
        log_warning("`tally status` will not work: %s", said.text);
    }
    return OK;
}

// Some of it may not be running: a reload that was told to stop.
static void gateway_stop(struct gateway *gateway)
{
    control_stop(gateway->control);
    series_builder_stop(gateway->series);
    if (gateway->recorder) {
        recorder_event(gateway->recorder, "gateway.stopped", gateway->config->gateway.name,
                       "asked to stop");
        acquisition_stop(gateway, NULL);
    }
    poller_free(gateway->before);
    uplinks_drain(gateway);
    uplinks_stop(gateway);
    struct ledger_status status;
    ledger_status(gateway->ledger, &status);
    log_info("stopped: %" PRIu64 " readings taken, %" PRIu64 " stored, %" PRIu64 " missed",
             gateway->taken, status.readings, gateway->missed);
    ledger_close(gateway->ledger);
    config_free(gateway->config);
}

static bool ledger_is_damaged(struct gateway *gateway)
{
    struct ledger_status status;
    ledger_status(gateway->ledger, &status);
    int64_t since_us = clock_mono_us(gateway->clock) - gateway->anew_us;
    return status.damaged && (!gateway->anew_us || since_us >= ANEW_EVERY_S * INT64_C(1000000));
}

// Stops all that uses the damaged ledger, and starts all on a new log. False when it was asked to
// stop before that was possible.
static bool begin_anew(struct gateway *gateway, const sigset_t *signals)
{
    const struct timespec look = {.tv_sec = LOOK_S};
    struct config *config = gateway->config;
    struct why why = {""};
    log_error("the ledger is damaged: acquisition stops, and goes on in a new log");
    control_stop(gateway->control);
    series_builder_stop(gateway->series);
    gateway->control = NULL;
    gateway->series = NULL;
    uplinks_stop(gateway);
    acquisition_stop(gateway, config);
    ledger_close(gateway->ledger);
    while (gateway_start(gateway, config, &why) != OK) {
        log_error("cannot begin a new log: %s", why.text);
        int signal = sigtimedwait(signals, NULL, &look);
        if (signal > 0 && signal != SIGHUP) {
            config_free(config);
            return false;
        }
    }
    gateway->anew_us = clock_mono_us(gateway->clock);
    return true;
}

// Until it is asked to stop. True when there is something to be stopped.
static bool run(struct gateway *gateway, const sigset_t *signals)
{
    const struct timespec look = {.tv_sec = LOOK_S};
    for (;;) {
        int signal = sigtimedwait(signals, NULL, &look);
        if (signal == SIGHUP) {
            if (!reload(gateway, signals)) {
                return true;
            }
            malloc_trim(0);
        } else if (signal > 0) {
            log_info("stopping");
            return true;
        } else if (ledger_is_damaged(gateway) && !begin_anew(gateway, signals)) {
            return false;
        }
    }
}

static void print_usage(FILE *to)
{
    fputs("usage: tallyd -c FILE [--drivers DIR] [-v]\n"
          "\n"
          "Polls instruments over Modbus, records readings in a ledger, publishes it over MQTT and "
          "TLS.\n"
          "\n"
          "  -c, --config FILE   the configuration (tally.yaml(5))\n"
          "      --drivers DIR   where the drivers are, instead of the configuration's "
          "gateway.drivers\n"
          "  -v, --verbose       say more\n"
          "      --version       print the version and the SHA-256 of this program\n"
          "  -h, --help          print this\n"
          "\n"
          "SIGHUP reads the configuration again; a faulty one changes nothing. SIGTERM stops "
          "cleanly.\n",
          to);
}

// Reads the command line. -1 to go on, or the exit status.
static int read_arguments(int argc, char **argv, struct gateway *gateway)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"drivers", required_argument, NULL, 'd'},
        {"verbose", no_argument, NULL, 'v'},      {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "c:vh", options, NULL)) != -1;) {
        switch (option) {
        case 'c': gateway->path = optarg; break;
        case 'd': gateway->drivers = optarg; break;
        case 'v': log_set_level(LOG_LEVEL_DEBUG); break;
        case 'V': version_print("tallyd"); return 0;
        case 'h': print_usage(stdout); return 0;
        default: print_usage(stderr); return 2;
        }
    }
    if (!gateway->path || optind != argc) {
        print_usage(stderr);
        return 2;
    }
    return -1;
}

// One heap for all threads: 100 bus threads otherwise reserve 1 GB of address space. Large pieces
// are given back when they are freed: glibc would keep more and more of them.
static void set_up_memory(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

int main(int argc, char **argv)
{
    struct gateway gateway = {.clock = &clock_system,
                              .started_us = clock_mono_us(&clock_system),
                              .mutex = PTHREAD_MUTEX_INITIALIZER};
    int status = read_arguments(argc, argv, &gateway);
    if (status >= 0) {
        return status;
    }
    set_up_memory();

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a limit of file size is then an error of write(): the disk is full

    struct faults faults = {0};
    struct config *config = load(&gateway, &faults);
    if (!config) {
        log_faults(&faults);
        faults_free(&faults);
        return 1;
    }
    struct why why = {""};
    if (gateway_start(&gateway, config, &why) != OK) {
        log_error("cannot start: %s", why.text);
        config_free(config);
        return 1;
    }
    log_info("tallyd %s: %zu instruments on %zu buses, %zu uplinks, log %s", version_text(),
             config->instrument_count, config->bus_count, config->uplink_count,
             ledger_origin(gateway.ledger));
    malloc_trim(0); // what starting took and gave back
    notify("READY=1");
    if (run(&gateway, &signals)) {
        notify("STOPPING=1");
        gateway_stop(&gateway);
    }
    return 0;
}
