// tally status: what the running daemon says of itself, as tables; of a gateway that does not run,
// what its ledger says.
#include "common/answer.h"
#include "common/show.h"
#include "live/alarm_table.h"
#include "tally.h"

#include "base/clock.h"
#include "ledger/ledger.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (16u << 20)

static void append_row(struct text *out, const char *label)
{
    text_append_format(out, "%-9s", label);
}

static void append_clean(struct text *out, const char *string)
{
    show_append_clean(out, string, SIZE_MAX);
}

static void append_head(struct text *out, const cJSON *json)
{
    append_row(out, "site");
    append_clean(out, answer_string(json, "site"));
    text_append_string(out, " (");
    append_clean(out, answer_string(json, "code"));
    text_append_string(out, ")\n");
    append_row(out, "gateway");
    append_clean(out, answer_string(json, "gateway"));
    text_append_string(out, ", tallyd ");
    append_clean(out, answer_string(json, "version"));
    if (answer_has(json, "up_us")) {
        text_append_string(out, ", up ");
        show_append_duration(out, answer_int(json, "up_us"));
    }
    text_append_string(out, "\n");
    append_row(out, "log");
    append_clean(out, answer_string(json, "log"));
    text_append_string(out, "\n");
}

static void append_clock(struct text *out, const cJSON *json)
{
    const cJSON *clock = answer_member(json, "clock");
    int64_t leap = answer_int(clock, "leap");
    append_row(out, "clock");
    append_clean(out, answer_string(clock, "state"));
    text_append_string(out, ", maximum error ");
    show_append_duration(out, answer_int(clock, "error_us"));
    if (leap) {
        text_append_format(out, ", a leap second is %s today", leap > 0 ? "inserted" : "deleted");
    }
    text_append_string(out, "; ");
    show_append_local(out, answer_int(json, "time_us"));
    text_append_string(out, "\n");
}

static void append_ledger(struct text *out, const cJSON *json)
{
    const cJSON *ledger = answer_member(json, "ledger");
    double hours = answer_number(ledger, "hours_to_full");
    append_row(out, "ledger");
    if (!ledger) {
        text_append_string(out, "not open\n");
        return;
    }
    int64_t first = answer_int(ledger, "first"), size = answer_int(ledger, "size");
    text_append_format(out, "%" PRId64 " blocks", size - first);
    if (size > first) {
        text_append_format(out, " (%" PRId64 " to %" PRId64 ")", first, size - 1);
    }
    text_append_string(out, ", ");
    show_append_size(out, answer_int(ledger, "bytes"));
    text_append_string(out, ", free ");
    show_append_size(out, answer_int(ledger, "free_bytes"));
    if (isnan(hours)) {
        text_append_string(out, ", time to full not known");
    } else {
        text_append_string(out, ", full in ");
        show_append_duration(out, (int64_t)fmin(hours * 3600e6, 9e18));
        text_append_string(out, answer_true(ledger, "filling") ? ": DISK FILLS UP" : "");
    }
    text_append_string(out, "\n");
    if (answer_true(ledger, "full") || answer_true(ledger, "failed")) {
        append_row(out, "");
        text_append_string(out, answer_true(ledger, "full") ? "DISK FULL: " : "FAILED: ");
        append_clean(out, answer_string(ledger, "fault"));
        text_append_string(out, "\n");
    }
}

// Whether and how far the log is signed.
static void append_signing(struct text *out, const cJSON *json)
{
    const cJSON *signing = answer_member(json, "signing");
    const char *state = answer_string(signing, "state");
    append_row(out, "signed");
    if (!signing) {
        text_append_string(out, "no: there is no key (`tally key init`)\n");
        return;
    }
    int64_t size = answer_int(signing, "size");
    if (size) {
        text_append_format(out, "blocks 0 to %" PRId64, size - 1);
    } else {
        text_append_string(out, "nothing yet in this run");
    }
    if (strcmp(state, "held") == 0) {
        text_append_string(out, "; waits for a centre to answer");
    } else if (strcmp(state, "forbidden") == 0) {
        text_append_string(out, "; NEVER AGAIN: a centre holds another log");
    }
    if (*answer_string(signing, "fault")) {
        text_append_string(out, "; FAILED: ");
        append_clean(out, answer_string(signing, "fault"));
    }
    text_append_string(out, "\n");
}

static void append_records(struct text *out, const cJSON *json)
{
    const cJSON *recorder = answer_member(json, "recorder");
    if (!recorder) {
        return;
    }
    append_row(out, "recorded");
    text_append_format(out,
                       "%" PRId64 " readings, %" PRId64 " missed, %" PRId64 " events, %" PRId64
                       " blocks since the start",
                       answer_int(recorder, "readings"), answer_int(recorder, "missed"),
                       answer_int(recorder, "events"), answer_int(recorder, "blocks"));
    int64_t waiting = answer_int(recorder, "sealed_waiting");
    if (waiting) {
        text_append_format(out, "; %" PRId64 " blocks wait for the disk", waiting);
    }
    text_append_string(out, "\n");
}

// Limits that are raised.
static void append_alarms(struct text *out, const cJSON *json)
{
    append_row(out, "alarms");
    alarm_table_append_count(out, json);
    text_append_string(out, "\n");
}

// The program that they run.
static void append_hook(struct text *out, const cJSON *json)
{
    const cJSON *hook = answer_member(json, "hook");
    if (!hook) {
        return;
    }
    append_row(out, "hook");
    append_clean(out, answer_string(hook, "program"));
    text_append_format(out, ": %" PRId64 " runs, %" PRId64 " failed", answer_int(hook, "runs"),
                       answer_int(hook, "failed"));
    int64_t dropped = answer_int(hook, "dropped");
    if (dropped) {
        text_append_format(out, ", %" PRId64 " events not given to it", dropped);
    }
    if (*answer_string(hook, "fault")) {
        text_append_string(out, "; FAILED: it ");
        append_clean(out, answer_string(hook, "fault"));
    }
    text_append_string(out, "\n");
}

static void append_alarm_table(struct text *out, const cJSON *json)
{
    if (cJSON_GetArraySize(answer_member(json, "alarms"))) {
        text_append_string(out, "\n");
        alarm_table_append(out, json);
    }
}

static void append_buses(struct text *out, const cJSON *json)
{
    static const char *const headings[] = {"bus",        "address", "state",     ">load",
                                           ">exchanges", ">faults", "last fault"};
    struct show_table table = show_table_make(7, headings);
    const cJSON *bus;
    cJSON_ArrayForEach(bus, answer_member(json, "buses"))
    {
        show_table_add(&table, answer_string(bus, "name"));
        show_table_add(&table, answer_string(bus, "address"));
        show_table_add(&table, !answer_has(bus, "connected")   ? "not running"
                               : answer_true(bus, "connected") ? "connected"
                                                               : "NOT CONNECTED");
        show_table_add_format(&table, "%.0f%%", 100 * fmax(answer_number(bus, "load"), 0));
        show_table_add_format(&table, "%" PRId64, answer_int(bus, "exchanges"));
        show_table_add_format(&table, "%" PRId64, answer_int(bus, "faults"));
        show_table_add(&table, answer_string(bus, "fault"));
    }
    text_append_string(out, "\n");
    show_table_append(&table, out);
    show_table_free(&table);
}

static void add_duration(struct show_table *table, int64_t us, bool known)
{
    struct text text = text_make(64);
    if (known) {
        show_append_duration(&text, us);
    } else {
        text_append_string(&text, "—");
    }
    show_table_add(table, text.data ? text.data : "");
    text_free(&text);
}

static void add_every(struct show_table *table, int64_t every_us)
{
    struct text text = text_make(64);
    show_append_every(&text, every_us);
    show_table_add(table, text.data ? text.data : "");
    text_free(&text);
}

// Mean since the start; of an instrument that does not answer now, 0 is said plainly.
static void add_rate(struct show_table *table, const cJSON *json, const cJSON *instrument)
{
    const char *state = answer_string(instrument, "state");
    double up_s = (double)answer_int(json, "up_us") / 1e6;
    if (strcmp(state, "silent") == 0) {
        show_table_add(table, "0");
    } else if (up_s > 0) {
        show_table_add_format(table, "%.3g", (double)answer_int(instrument, "readings") / up_s);
    } else {
        show_table_add(table, "—");
    }
}

static void add_fault(struct show_table *table, const cJSON *instrument, int64_t now_us)
{
    struct text text = text_make(512);
    const char *state = answer_string(instrument, "state");
    int64_t last_us = answer_int(instrument, "last_us");
    if (strcmp(state, "silent") == 0) {
        text_append_string(&text, last_us ? "silent for " : "silent since the start");
        if (last_us) {
            show_append_duration(&text, now_us - last_us);
        }
    }
    const char *fault = answer_string(instrument, "fault");
    if (*fault) {
        text_append_format(&text, "%s%s", text.length ? "; " : "", fault);
    }
    show_table_add(table, text.data ? text.data : "");
    text_free(&text);
}

static void append_instruments(struct text *out, const cJSON *json)
{
    static const char *const headings[] = {"instrument", "bus",    ">unit",       "state",
                                           ">points",    ">every", ">polls",      ">readings/s",
                                           ">missed",    ">last",  ">round trip", "last fault"};
    struct show_table table = show_table_make(12, headings);
    int64_t now_us = answer_int(json, "time_us");
    const cJSON *instrument;
    cJSON_ArrayForEach(instrument, answer_member(json, "instruments"))
    {
        int64_t last_us = answer_int(instrument, "last_us");
        const char *state = answer_string(instrument, "state");
        show_table_add(&table, answer_string(instrument, "name"));
        show_table_add(&table, answer_string(instrument, "bus"));
        show_table_add_format(&table, "%" PRId64, answer_int(instrument, "unit"));
        show_table_add(&table, strcmp(state, "silent") == 0     ? "SILENT"
                               : strcmp(state, "mismatch") == 0 ? "WRONG SERIAL"
                               : *state                         ? state
                                                                : "not polled");
        show_table_add_format(&table, "%" PRId64, answer_int(instrument, "points"));
        add_every(&table, answer_int(instrument, "every_us"));
        show_table_add_format(&table, "%" PRId64, answer_int(instrument, "polls"));
        add_rate(&table, json, instrument);
        show_table_add_format(&table, "%" PRId64, answer_int(instrument, "missed"));
        add_duration(&table, now_us - last_us, last_us != 0);
        add_duration(&table, answer_int(instrument, "round_trip_us"), last_us != 0);
        add_fault(&table, instrument, now_us);
    }
    text_append_string(out, "\n");
    show_table_append(&table, out);
    show_table_free(&table);
    int64_t omitted = answer_int(json, "instruments_omitted");
    if (omitted) {
        text_append_format(out, "and %" PRId64 " more\n", omitted);
    }
}

static void append_uplinks(struct text *out, const cJSON *json)
{
    static const char *const headings[] = {"uplink",        "broker",  "state",     ">for",
                                           ">acknowledged", ">behind", "last fault"};
    struct show_table table = show_table_make(7, headings);
    int64_t now_us = answer_int(json, "time_us");
    const cJSON *uplink;
    cJSON_ArrayForEach(uplink, answer_member(json, "uplinks"))
    {
        int64_t size = answer_int(uplink, "size"), since_us = answer_int(uplink, "since_us");
        int64_t acknowledged = answer_int(uplink, "acknowledged");
        show_table_add(&table, answer_string(uplink, "name"));
        show_table_add_format(&table, "%s:%" PRId64, answer_string(uplink, "host"),
                              answer_int(uplink, "port"));
        show_table_add(&table, !answer_has(uplink, "connected")   ? "NOT RUNNING"
                               : answer_true(uplink, "connected") ? "connected"
                                                                  : "NOT CONNECTED");
        add_duration(&table, now_us - since_us, since_us != 0);
        show_table_add_format(&table, "%" PRId64 " of %" PRId64, acknowledged, size);
        show_table_add_format(&table, "%" PRId64, size - acknowledged);
        show_table_add(&table, answer_string(uplink, "fault"));
    }
    text_append_string(out, "\n");
    show_table_append(&table, out);
    show_table_free(&table);
}

static int print_running(const cJSON *json)
{
    struct text out = text_make(ANSWER_MAX);
    const char *zone = answer_string(json, "time_zone");
    show_set_zone(*zone ? zone : "UTC");
    append_head(&out, json);
    append_clock(&out, json);
    append_ledger(&out, json);
    append_signing(&out, json);
    append_records(&out, json);
    append_alarms(&out, json);
    append_hook(&out, json);
    append_alarm_table(&out, json);
    append_buses(&out, json);
    append_instruments(&out, json);
    if (cJSON_GetArraySize(answer_member(json, "uplinks"))) {
        append_uplinks(&out, json);
    }
    int status = out.failed ? EXIT_FINDING : EXIT_GOOD;
    if (out.failed) {
        fputs("tally status: no memory for the tables\n", stderr);
    } else {
        fwrite(out.data, 1, out.length, stdout);
    }
    text_free(&out);
    return status;
}

static void append_cursors(struct text *out, struct ledger_reader *reader, uint64_t size, bool json)
{
    struct ledger_cursor_row rows[CONFIG_UPLINKS_MAX * 4];
    size_t count = 0;
    struct why why;
    if (ledger_reader_cursors(reader, rows, sizeof rows / sizeof rows[0], &count, &why) != OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t behind = size > rows[i].acknowledged ? size - rows[i].acknowledged : 0;
        if (json) {
            text_append_string(out, i ? ",{\"name\":" : "{\"name\":");
            text_append_json(out, rows[i].uplink);
            text_append_format(
                out, ",\"acknowledged\":%" PRIu64 ",\"size\":%" PRIu64 ",\"required\":%s}",
                rows[i].acknowledged, size, rows[i].required ? "true" : "false");
        } else {
            append_row(out, "uplink");
            append_clean(out, rows[i].uplink);
            text_append_format(
                out, ": acknowledged %" PRIu64 " of %" PRIu64 ", behind by %" PRIu64 " blocks%s\n",
                rows[i].acknowledged, size, behind, rows[i].required ? "" : " (not required)");
        }
    }
}

// What the ledger alone says, of a gateway that does not run.
static int print_stopped(const struct place *place, bool json)
{
    struct ledger_reader *reader = NULL;
    struct why why = {""};
    uint64_t first = 0, size = 0;
    if (!place->ledger) {
        fprintf(stderr, "not running: no daemon listens at %s\n", place->control);
        return EXIT_FINDING;
    }
    if (ledger_reader_open(&reader, place->ledger, &why) != OK ||
        ledger_reader_extent(reader, &first, &size, &why) != OK) {
        fprintf(stderr, "not running; the ledger cannot be read: %s\n", why.text);
        ledger_reader_close(reader);
        return EXIT_FINDING;
    }
    struct text out = text_make(65536);
    if (json) {
        text_append_string(&out, "{\"tally-status\":1,\"online\":false,\"log\":");
        text_append_json(&out, ledger_reader_origin(reader));
        text_append_format(&out,
                           ",\"ledger\":{\"first\":%" PRIu64 ",\"size\":%" PRIu64 "},\"uplinks\":[",
                           first, size);
        append_cursors(&out, reader, size, true);
        text_append_string(&out, "]}\n");
    } else {
        text_append_string(&out, "not running; ledger ");
        append_clean(&out, place->ledger);
        text_append_string(&out, "\n");
        append_row(&out, "log");
        append_clean(&out, ledger_reader_origin(reader));
        text_append_string(&out, "\n");
        append_row(&out, "ledger");
        text_append_format(&out, "%" PRIu64 " blocks, from %" PRIu64 "\n", size - first, first);
        append_cursors(&out, reader, size, false);
    }
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
    ledger_reader_close(reader);
    return EXIT_FINDING;
}

static int ask(const struct place *place, bool json)
{
    struct text raw = text_make(ANSWER_MAX);
    struct why why = {""};
    cJSON *answer = NULL;
    int error = answer_get(place->control, "status", &raw, &answer, &why);
    int status = EXIT_FINDING;
    if (error == ERROR_ABSENT) {
        status = print_stopped(place, json);
    } else if (error) {
        fprintf(stderr, "tally status: %s\n", why.text);
    } else if (json) {
        printf("%s\n", raw.data);
        status = EXIT_GOOD;
    } else {
        status = print_running(answer);
    }
    cJSON_Delete(answer);
    text_free(&raw);
    return status;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"ledger", required_argument, NULL, PLACE_LEDGER},
                                        {"control", required_argument, NULL, PLACE_CONTROL},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct place place = {0};
    bool json = false;
    int option, status;
    while ((option = command_option(command, argc, argv, &place, &status)) > 0) {
        json = true; // the only one of its own
    }
    if (option < 0) {
        return status;
    }
    status = place_find(&place);
    if (status == EXIT_GOOD) {
        status = ask(&place, json);
    }
    place_free(&place);
    return status;
}

const struct command command_status = {
    .name = "tally status",
    .summary = "what is read now, how fast, what is silent, how far each uplink has got",
    .usage =
        "usage: tally status [-c FILE | --ledger DIR | --control PATH] [--json]\n"
        "\n"
        "Asks the running daemon. When none runs, says so and prints what the ledger says; the\n"
        "exit status is then 1.\n"
        "\n"
        "  -c, --config FILE    the configuration; otherwise tally.yaml in this folder, then\n"
        "                       /etc/tally/tally.yaml\n"
        "      --drivers DIR    where the drivers are, instead of gateway.drivers\n"
        "      --ledger DIR     the ledger's folder, with no configuration\n"
        "      --control PATH   the daemon's control socket, with no configuration\n"
        "      --json           the daemon's own answer: one line of JSON (docs/STATUS.md)\n"
        "  -h, --help           print this\n",
    .letters = "c:h",
    .options = options,
    .run = run};
