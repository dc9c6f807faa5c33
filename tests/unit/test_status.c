// The status document, from parts that this test plays itself.
#include "control/status.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

// What the parts say: set by each test, given by the functions below in place of the real ones.
struct poller {
    struct poller_instrument_status instrument;
    struct poller_bus_status bus;
};
struct recorder {
    struct recorder_status status;
    struct recorder_latest latest;
    int latest_error;
};
struct signer {
    struct signer_status status;
};
struct ledger {
    struct ledger_status status;
};
struct uplink {
    struct uplink_status status;
};

void poller_instrument_status(struct poller *poller, size_t instrument,
                              struct poller_instrument_status *out)
{
    *out = poller->instrument;
    if (instrument % 2 == 0) { // every second one is in perfect health
        *out = (struct poller_instrument_status){.healthy = true, .polls = 5, .readings = 10};
    }
}

void poller_bus_status(struct poller *poller, size_t bus, struct poller_bus_status *out)
{
    (void)bus;
    *out = poller->bus;
}

void recorder_status(struct recorder *recorder, struct recorder_status *status)
{
    *status = recorder->status;
}

int recorder_latest(struct recorder *recorder, size_t instrument, size_t slot,
                    struct recorder_latest *out)
{
    (void)instrument, (void)slot;
    *out = recorder->latest;
    return recorder->latest_error;
}

const char *ledger_origin(const struct ledger *ledger)
{
    (void)ledger;
    return "91350100M000100Y43/gw-01/5f0c";
}

void ledger_status(struct ledger *ledger, struct ledger_status *status)
{
    *status = ledger->status;
}

void signer_status(struct signer *signer, struct signer_status *status)
{
    *status = signer->status;
}

void uplink_status(struct uplink *uplink, struct uplink_status *status)
{
    *status = uplink->status;
}

static int64_t fixed_wall_us(const struct clock *clock)
{
    (void)clock;
    return 1795498776000000;
}

static int64_t fixed_mono_us(const struct clock *clock)
{
    (void)clock;
    return 9000000;
}

static void fixed_state(const struct clock *clock, struct clock_state *state)
{
    (void)clock;
    *state = (struct clock_state){.synchronised = true, .error_us = 850, .leap = 1};
}

static const struct clock fixed_clock = {fixed_wall_us, fixed_mono_us, fixed_state};

#define INSTRUMENTS 100

struct bench {
    struct driver_quantity quantity;
    const struct driver_quantity *quantities[20];
    struct driver driver;
    struct config_instrument instruments[INSTRUMENTS];
    char names[INSTRUMENTS][33];
    struct config_bus buses[2];
    struct config_uplink uplink;
    struct config config;
    struct poller poller;
    struct recorder recorder;
    struct ledger ledger;
    struct signer signer;
    struct uplink part, *uplinks[1];
    struct status_sources sources;
    struct text text;
    cJSON *json;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->quantity = (struct driver_quantity){.name = "temperature", .unit = "°C"};
    for (size_t i = 0; i < 20; i++) {
        b->quantities[i] = &b->quantity;
    }
    b->driver.id = "vaisala-hmt330";
    b->buses[0] = (struct config_bus){.name = "rs485-1",
                                      .transport = TRANSPORT_RTU,
                                      .device = "/dev/ttyS1",
                                      .baud = 9600,
                                      .stop_bits = 1,
                                      .parity = PARITY_EVEN};
    b->buses[1] = (struct config_bus){
        .name = "lab", .transport = TRANSPORT_TCP, .host = "::1", .service = "502"};
    for (size_t i = 0; i < INSTRUMENTS; i++) {
        snprintf(b->names[i], sizeof b->names[i], "instrument-with-a-long-name-%04zu", i);
        b->instruments[i] = (struct config_instrument){.name = b->names[i],
                                                       .bus = i % 2,
                                                       .unit = 247,
                                                       .driver = &b->driver,
                                                       .every_us = 1000000,
                                                       .quantity_count = 20,
                                                       .quantities = b->quantities};
    }
    b->uplink = (struct config_uplink){
        .name = "centre", .host = "localhost", .port = 8883, .key = "secret.key"};
    b->config = (struct config){.bus_count = 2,
                                .buses = b->buses,
                                .instrument_count = INSTRUMENTS,
                                .instruments = b->instruments,
                                .uplink_count = 1,
                                .uplinks = &b->uplink};
    b->config.site.name = "Hanjiang \"2\"";
    b->config.site.code = "91350100M000100Y43";
    b->config.site.time_zone = "Asia/Shanghai";
    b->config.gateway.name = "gw-01";
    b->uplinks[0] = &b->part;
    b->sources = (struct status_sources){.config = &b->config,
                                         .clock = &fixed_clock,
                                         .started_us = 2000000,
                                         .poller = &b->poller,
                                         .recorder = &b->recorder,
                                         .ledger = &b->ledger,
                                         .uplinks = b->uplinks,
                                         .uplink_count = 1};
    b->text = text_make(1 << 20);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    cJSON_Delete(b->json);
    text_free(&b->text);
    alarms_free(b->sources.alarms);
    free(b);
    return 0;
}

// The answer to `request`, parsed.
static cJSON *ask(struct bench *b, const char *request)
{
    cJSON_Delete(b->json);
    text_clear(&b->text);
    status_answer(&b->sources, request, &b->text);
    assert_false(b->text.failed);
    assert_null(strchr(b->text.data, '\n'));
    b->json = cJSON_Parse(b->text.data);
    if (!b->json) {
        print_message("%s\n", b->text.data);
    }
    assert_non_null(b->json);
    return b->json;
}

static const char *string_of(const cJSON *object, const char *name)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    assert_non_null(string);
    return string;
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const cJSON *item_of(const cJSON *object, const char *name, int index)
{
    const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(object, name), index);
    assert_non_null(item);
    return item;
}

static void status_says_who_and_when(void **state)
{
    const cJSON *json = ask(*state, "status");
    assert_int_equal(number_of(json, "tally-status"), 1);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "online")));
    assert_string_equal(string_of(json, "site"), "Hanjiang \"2\"");
    assert_string_equal(string_of(json, "log"), "91350100M000100Y43/gw-01/5f0c");
    assert_true(number_of(json, "time_us") == 1795498776000000.0);
    assert_int_equal(number_of(json, "up_us"), 7000000);
    const cJSON *clock = cJSON_GetObjectItem(json, "clock");
    assert_string_equal(string_of(clock, "state"), "synchronised");
    assert_int_equal(number_of(clock, "leap"), 1);
}

static void status_writes_an_unknown_time_to_full_as_null(void **state)
{
    struct bench *b = *state;
    b->ledger.status.hours_to_full = INFINITY;
    const cJSON *ledger = cJSON_GetObjectItem(ask(b, "status"), "ledger");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(ledger, "hours_to_full")));
    b->ledger.status.hours_to_full = 12.34;
    ledger = cJSON_GetObjectItem(ask(b, "status"), "ledger");
    assert_true(fabs(number_of(ledger, "hours_to_full") - 12.3) < 1e-9);
}

static void status_writes_where_each_bus_goes(void **state)
{
    const cJSON *json = ask(*state, "status");
    assert_string_equal(string_of(item_of(json, "buses", 0), "address"), "/dev/ttyS1 9600 8E1");
    assert_string_equal(string_of(item_of(json, "buses", 1), "address"), "[::1]:502");
}

static void status_has_one_word_for_an_instrument(void **state)
{
    struct bench *b = *state;
    const cJSON *json = ask(b, "status");
    assert_string_equal(string_of(item_of(json, "instruments", 0), "state"), "reading");
    assert_string_equal(string_of(item_of(json, "instruments", 1), "state"), "waiting");
    b->poller.instrument.polls = 3;
    strcpy(b->poller.instrument.last_fault, "timeout");
    json = ask(b, "status");
    assert_string_equal(string_of(item_of(json, "instruments", 1), "state"), "failing");
    assert_string_equal(string_of(item_of(json, "instruments", 1), "fault"), "timeout");
    b->poller.instrument.quarantined = true;
    json = ask(b, "status");
    assert_string_equal(string_of(item_of(json, "instruments", 1), "state"), "silent");
    assert_int_equal(number_of(json, "instruments_silent"), INSTRUMENTS / 2);
    b->poller.instrument.identity_mismatch = true;
    json = ask(b, "status");
    assert_string_equal(string_of(item_of(json, "instruments", 1), "state"), "mismatch");
}

static void status_of_100_instruments_is_below_64_kib(void **state)
{
    struct bench *b = *state;
    // As long as they can be.
    memset(b->poller.instrument.last_fault, 'x', sizeof b->poller.instrument.last_fault - 1);
    b->poller.instrument.polls = b->poller.instrument.readings = UINT64_MAX / 2;
    b->poller.instrument.last_t_us = 1795498776000000;
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(ask(b, "status"), "instruments")),
                     INSTRUMENTS);
    assert_true(b->text.length < 65536);
}

static void status_leaves_out_those_in_order_rather_than_pass_its_maximum(void **state)
{
    struct bench *b = *state;
    b->poller.instrument.quarantined = true;
    text_free(&b->text);
    b->text = text_make(20000);
    const cJSON *json = ask(b, "status");
    assert_int_equal(number_of(json, "instruments_omitted"), INSTRUMENTS / 2);
    assert_string_equal(string_of(item_of(json, "instruments", 0), "name"),
                        "instrument-with-a-long-name-0001");
    text_free(&b->text);
    b->text = text_make(3000);
    json = ask(b, "status");
    assert_int_equal(number_of(json, "instruments_omitted"), INSTRUMENTS);
    assert_int_equal(number_of(json, "instruments_silent"), INSTRUMENTS / 2);
}

static void signing_is_said_where_there_is_a_key(void **state)
{
    struct bench *b = *state;
    ask(b, "status");
    assert_null(cJSON_GetObjectItem(b->json, "signing"));
    b->signer.status = (struct signer_status){
        .state = SIGNER_HELD, .size = 42, .signed_us = 7, .key = "0123", .fault = "why"};
    b->sources.signer = &b->signer;
    ask(b, "status");
    const cJSON *signing = cJSON_GetObjectItem(b->json, "signing");
    assert_string_equal(cJSON_GetObjectItem(signing, "state")->valuestring, "held");
    assert_string_equal(cJSON_GetObjectItem(signing, "key")->valuestring, "0123");
    assert_int_equal(cJSON_GetObjectItem(signing, "size")->valuedouble, 42);
    assert_int_equal(cJSON_GetObjectItem(signing, "signed_us")->valuedouble, 7);
    assert_string_equal(cJSON_GetObjectItem(signing, "fault")->valuestring, "why");
}

static void status_that_does_not_fit_at_all_appends_nothing(void **state)
{
    struct bench *b = *state;
    struct text small = text_make(100);
    text_append_string(&small, "before");
    status_append(&b->sources, &small);
    assert_true(small.failed);
    assert_string_equal(small.data, "before");
    text_free(&small);
}

static void status_names_no_key_file(void **state)
{
    struct bench *b = *state;
    ask(b, "status");
    assert_null(strstr(b->text.data, "secret"));
}

static void status_leaves_out_what_does_not_run(void **state)
{
    struct bench *b = *state;
    b->sources.poller = NULL;
    b->sources.recorder = NULL;
    b->sources.ledger = NULL;
    b->uplinks[0] = NULL;
    const cJSON *json = ask(b, "status");
    assert_null(cJSON_GetObjectItem(json, "ledger"));
    assert_null(cJSON_GetObjectItem(json, "recorder"));
    assert_null(cJSON_GetObjectItem(item_of(json, "uplinks", 0), "connected"));
    assert_null(cJSON_GetObjectItem(item_of(json, "instruments", 0), "state"));
    json = ask(b, "latest");
    const cJSON *point = item_of(item_of(json, "instruments", 0), "points", 0);
    assert_true(cJSON_IsNull(cJSON_GetArrayItem(point, 2)));
}

static void status_says_how_far_an_uplink_has_got(void **state)
{
    struct bench *b = *state;
    b->part.status = (struct uplink_status){.connected = true, .acknowledged = 40, .size = 42};
    strcpy(b->part.status.last_fault, "broker's certificate has expired");
    const cJSON *uplink = item_of(ask(b, "status"), "uplinks", 0);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(uplink, "connected")));
    assert_int_equal(number_of(uplink, "acknowledged"), 40);
    assert_int_equal(number_of(uplink, "size"), 42);
    assert_string_equal(string_of(uplink, "fault"), "broker's certificate has expired");
}

static void latest_gives_value_unit_time_and_flags(void **state)
{
    struct bench *b = *state;
    b->recorder.latest =
        (struct recorder_latest){.t_us = 1795498775000000,
                                 .half_window_us = 420,
                                 .indication = {.kind = VALUE_FLOAT32, .float32 = 23.4f},
                                 .flags = FLAG_LIMIT_EXCEEDED};
    const cJSON *json = ask(b, "latest");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "instruments")), INSTRUMENTS);
    const cJSON *point = item_of(item_of(json, "instruments", 7), "points", 19);
    assert_string_equal(cJSON_GetArrayItem(point, 0)->valuestring, "temperature");
    assert_string_equal(cJSON_GetArrayItem(point, 1)->valuestring, "°C");
    assert_true(cJSON_GetArrayItem(point, 2)->valuedouble == 23.4);
    assert_true(cJSON_GetArrayItem(point, 3)->valuedouble == 1795498775000000.0);
    assert_int_equal(cJSON_GetArrayItem(point, 4)->valueint, 420);
    assert_int_equal(cJSON_GetArrayItem(point, 5)->valueint, FLAG_LIMIT_EXCEEDED);
}

static void hear_nothing(void *context, int64_t t_us, int64_t mono_us, const char *kind,
                         const char *subject, const char *text)
{
    (void)context, (void)t_us, (void)mono_us, (void)kind, (void)subject, (void)text;
}

// Alarms of instruments 3 and 4, each at its first quantity, raised at 7 s.
static void raise(struct bench *b)
{
    static const struct config_limits warm = {
        .has_bound = {[BOUND_WARNING_MAX] = true, [BOUND_MAX] = true},
        .bound = {[BOUND_WARNING_MAX] = {30, false, 0}, [BOUND_MAX] = {40, false, 0}},
        .back = {[BOUND_WARNING_MAX] = {30, false, 0}, [BOUND_MAX] = {40, false, 0}}};
    static const struct config_limits *limits[20] = {&warm};
    static uint32_t of_one[20] = {7}, of_other[20] = {9}, *numbers[INSTRUMENTS];
    const struct definitions definitions = {.numbers = numbers};
    const struct alarms_sink sink = {hear_nothing, NULL};
    struct why why;
    numbers[3] = of_one;
    numbers[4] = of_other;
    b->instruments[3].limits = b->instruments[4].limits = limits;
    assert_int_equal(alarms_make(&b->sources.alarms, &b->config, &definitions, NULL, 0, &why), OK);
    for (size_t i = 3; i <= 4; i++) {
        struct reading reading = {
            .t_us = 7000000,
            .indication = {.kind = VALUE_DECIMAL, .decimal = {i == 3 ? 35 : 45, false, 0}}};
        alarms_take(b->sources.alarms, &sink, i, 0, &reading, 1);
    }
}

static void alarms_are_in_the_status_and_in_an_answer_of_their_own(void **state)
{
    struct bench *b = *state;
    const cJSON *json = ask(b, "status");
    assert_int_equal(number_of(json, "alarms_raised"), 0);
    raise(b);
    for (int i = 0; i < 2; i++) {
        json = ask(b, i ? "alarms" : "status");
        assert_int_equal(number_of(json, i ? "tally-alarms" : "tally-status"), 1);
        assert_string_equal(string_of(json, "time_zone"), "Asia/Shanghai");
        assert_int_equal(number_of(json, "alarms_raised"), 3);
        assert_int_equal(number_of(json, "alarms_unacknowledged"), 3);
        assert_int_equal(number_of(json, "alarms_omitted"), 0);
        const cJSON *first = item_of(json, "alarms", 0), *last = item_of(json, "alarms", 2);
        assert_string_equal(string_of(first, "point"),
                            "instrument-with-a-long-name-0003.temperature");
        assert_string_equal(string_of(first, "level"), "warning");
        assert_string_equal(string_of(first, "kind"), "warning_max");
        assert_string_equal(string_of(first, "limit"), "warning_max 30 °C");
        assert_int_equal(number_of(first, "since_us"), 7000000);
        assert_int_equal(number_of(first, "acknowledged_us"), 0);
        assert_string_equal(string_of(last, "level"), "alarm");
        assert_string_equal(string_of(last, "limit"), "max 40 °C");
    }
    struct text limits = text_make(256);
    struct why why;
    alarms_acknowledge(b->sources.alarms, "instrument-with-a-long-name-0003.temperature", "wang",
                       8000000, &limits, &why);
    json = ask(b, "alarms");
    assert_int_equal(number_of(json, "alarms_unacknowledged"), 2);
    assert_int_equal(number_of(item_of(json, "alarms", 0), "acknowledged_us"), 8000000);
    assert_string_equal(string_of(item_of(json, "alarms", 0), "account"), "wang");
    text_free(&limits);
}

static void alarms_beyond_what_is_shown_are_counted(void **state)
{
    struct bench *b = *state;
    raise(b);
    text_append_string(&b->text, "{\"a\":0");
    status_append_raised(&b->text, b->sources.alarms, 1);
    assert_non_null(strstr(b->text.data, "\"alarms_raised\":3,"));
    assert_non_null(strstr(b->text.data, "}],\"alarms_omitted\":2"));
}

static void an_unknown_word_is_answered_with_an_error(void **state)
{
    assert_non_null(strstr(string_of(ask(*state, "reboot"), "error"), "unknown"));
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(status_says_who_and_when),
        BENCH_TEST(status_writes_an_unknown_time_to_full_as_null),
        BENCH_TEST(status_writes_where_each_bus_goes),
        BENCH_TEST(status_has_one_word_for_an_instrument),
        BENCH_TEST(status_of_100_instruments_is_below_64_kib),
        BENCH_TEST(status_leaves_out_those_in_order_rather_than_pass_its_maximum),
        BENCH_TEST(signing_is_said_where_there_is_a_key),
        BENCH_TEST(status_that_does_not_fit_at_all_appends_nothing),
        BENCH_TEST(status_names_no_key_file),
        BENCH_TEST(status_leaves_out_what_does_not_run),
        BENCH_TEST(status_says_how_far_an_uplink_has_got),
        BENCH_TEST(latest_gives_value_unit_time_and_flags),
        BENCH_TEST(alarms_are_in_the_status_and_in_an_answer_of_their_own),
        BENCH_TEST(alarms_beyond_what_is_shown_are_counted),
        BENCH_TEST(an_unknown_word_is_answered_with_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
