// Alarms: what is raised becomes events and is listed, acknowledged, and passes over to the next
// configuration where nothing about it changed.
#include "record_bench.h"

#include "record/alarms.h"

#include <pthread.h>
#include <stdatomic.h>

#define S          INT64_C(1000000)
#define EVENTS_MAX 16
#define HOUR_US    (3600 * S)

struct said {
    int count;
    char lines[EVENTS_MAX][256]; // "limit.raised main-meter.voltage-l1 max 242 V: …"
};

static struct said said;

static void hear(void *context, int64_t t_us, int64_t mono_us, const char *kind,
                 const char *subject, const char *text)
{
    (void)context, (void)t_us, (void)mono_us;
    assert_true(said.count < EVENTS_MAX);
    snprintf(said.lines[said.count++], sizeof said.lines[0], "%s %s %s", kind, subject, text);
}

static const struct alarms_sink sink = {hear, NULL};

static void assert_said(const char *const *lines, int count)
{
    assert_int_equal(said.count, count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(said.lines[i], lines[i]);
    }
    said.count = 0;
}
#define ASSERT_SAID(...)                                                                           \
    assert_said((const char *const[]){__VA_ARGS__},                                                \
                (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

// Limits of the bench's instruments, by slot.
struct limits_plan {
    struct config_limits voltage, energy;
    const struct config_limits *limits[3];
};

static struct limits_plan plan_of(void)
{
    return (struct limits_plan){
        .voltage = {.has_bound = {[BOUND_WARNING_MAX] = true, [BOUND_MAX] = true},
                    .bound = {[BOUND_WARNING_MAX] = {235, false, 0}, [BOUND_MAX] = {242, false, 0}},
                    .back = {[BOUND_WARNING_MAX] = {234, false, 0}, [BOUND_MAX] = {241, false, 0}},
                    .hysteresis = {1, false, 0},
                    .silence_us = 300 * S},
        .energy = {.rate = {5, false, 0},
                   .rate_per_us = 60 * S,
                   .delay_us = 90 * S,
                   .frozen_us = HOUR_US}};
}

static struct alarms *make(struct record_bench *b, size_t instrument, struct limits_plan *plan,
                           const struct alarms *before)
{
    struct ledger_bench *l = b->ledger;
    struct alarms *alarms = NULL;
    plan->limits[0] = &plan->voltage;
    plan->limits[2] = &plan->energy;
    b->instruments[0].limits = b->instruments[1].limits = NULL;
    b->instruments[instrument].limits = plan->limits;
    assert_int_equal(bench_define(b, ledger_size(l->ledger)), OK);
    assert_int_equal(alarms_make(&alarms, &b->config, b->definitions, before, 0, &l->why), OK);
    return alarms;
}

static uint32_t take(struct alarms *alarms, size_t slot, int64_t mono_us, struct value value)
{
    struct reading reading = {.t_us = T0_US + mono_us, .indication = value};
    return alarms_take(alarms, &sink, 0, slot, &reading, mono_us);
}

static struct value volts(unsigned tenths)
{
    return (struct value){.kind = VALUE_DECIMAL, .decimal = {tenths, false, -1}};
}

static struct value energy(float kwh)
{
    return (struct value){.kind = VALUE_FLOAT32, .float32 = kwh};
}

static void add_line(void *context, const struct alarm *alarm)
{
    text_append_format(context, "%s %s %lld %lld %s\n", alarm->point, alarm->limit,
                       (long long)(alarm->since_us - T0_US), (long long)alarm->acknowledged_us,
                       alarm->account);
}

static void assert_listed(struct alarms *alarms, const char *expected)
{
    struct text text = text_make(4096);
    alarms_each(alarms, add_line, &text);
    assert_string_equal(text.length ? text.data : "", expected);
    text_free(&text);
}

static void no_limits_need_no_alarms(void **state)
{
    struct record_bench *b = *state;
    struct alarms *alarms = NULL;
    size_t raised, unacknowledged;
    const struct config_limits *none[3] = {NULL};
    b->instruments[0].limits = none;
    assert_int_equal(alarms_make(&alarms, &b->config, NULL, NULL, 0, &b->ledger->why), OK);
    assert_null(alarms);
    assert_int_equal(take(NULL, 0, 1, volts(9999)), 0);
    alarms_miss(NULL, &sink, 0, 0, 1, 1);
    alarms_end(NULL, NULL, &sink, 1, 1);
    alarms_count(NULL, &raised, &unacknowledged);
    assert_int_equal(raised + unacknowledged, 0);
    assert_listed(NULL, "");
    assert_int_equal(said.count, 0);
    alarms_free(NULL);
}

static void bounds_say_value_limit_and_rule(void **state)
{
    struct record_bench *b = *state;
    struct limits_plan plan = plan_of();
    struct alarms *alarms = make(b, 0, &plan, NULL);
    assert_int_equal(take(alarms, 0, 1 * S, volts(2350)), 0);
    assert_int_equal(take(alarms, 1, 2 * S, volts(9999)), 0); // that one has no limits
    assert_int_equal(take(alarms, 0, 3 * S, volts(2431)), FLAG_LIMIT_EXCEEDED);
    ASSERT_SAID("limit.raised main-meter.voltage-l1 warning_max 235 V: 243.1 V; simple acceptance",
                "limit.raised main-meter.voltage-l1 max 242 V: 243.1 V; simple acceptance");
    assert_listed(alarms, "main-meter.voltage-l1 warning_max 235 V 3000000 0 \n"
                          "main-meter.voltage-l1 max 242 V 3000000 0 \n");
    assert_int_equal(take(alarms, 0, 4 * S, volts(2415)), 0);
    assert_int_equal(said.count, 0);
    assert_int_equal(take(alarms, 0, 13 * S + 140000, volts(2409)), 0);
    ASSERT_SAID("limit.cleared main-meter.voltage-l1 max 242 V: 240.9 V; after 10.1 s, hysteresis "
                "1 V");
    assert_listed(alarms, "main-meter.voltage-l1 warning_max 235 V 3000000 0 \n");
    alarms_free(alarms);
}

static void guarded_says_what_it_was_guarded_by(void **state)
{
    struct record_bench *b = *state;
    struct limits_plan plan = plan_of();
    plan.voltage.decision = DECISION_GUARDED;
    plan.voltage.has_bound[BOUND_WARNING_MAX] = false;
    struct alarms *alarms = make(b, 0, &plan, NULL);
    struct reading reading = {.indication = volts(2431),
                              .corrected = {.kind = VALUE_FLOAT64, .float64 = 241.75},
                              .expanded_uncertainty = {.kind = VALUE_FLOAT64, .float64 = 0.5}};
    alarms_take(alarms, &sink, 0, 0, &reading, 1 * S);
    ASSERT_SAID("limit.raised main-meter.voltage-l1 max 242 V: 241.75 V corrected; guarded by U "
                "0.5 V");
    take(alarms, 0, 2 * S, volts(2300));
    said.count = 0;
    take(alarms, 0, 3 * S, volts(2425));
    ASSERT_SAID("limit.raised main-meter.voltage-l1 max 242 V: 242.5 V; guarded, but U is not "
                "known: simple acceptance");
    alarms_free(alarms);
}

static void rate_frozen_and_silence_say_what_was_seen(void **state)
{
    struct record_bench *b = *state;
    struct limits_plan plan = plan_of();
    struct alarms *alarms = make(b, 0, &plan, NULL);
    take(alarms, 2, 60 * S, energy(12.1f));
    assert_int_equal(take(alarms, 2, 120 * S, energy(17.3f)), FLAG_LIMIT_EXCEEDED);
    assert_int_equal(take(alarms, 2, 210 * S, energy(90.1f)), FLAG_LIMIT_EXCEEDED);
    ASSERT_SAID("limit.raised main-meter.energy rate 5 kWh/min: 90.1 kWh, 90.0 s before 17.3 kWh; "
                "for 90.0 s, delay 90s");
    take(alarms, 2, 210 * S + HOUR_US, energy(90.1f));
    ASSERT_SAID("limit.cleared main-meter.energy rate 5 kWh/min: 90.1 kWh; after 3600.0 s",
                "limit.raised main-meter.energy frozen 1h: 90.1 kWh for 3600.0 s");
    alarms_miss(alarms, &sink, 0, 0, T0_US, 299 * S);
    alarms_miss(alarms, &sink, 0, 2, T0_US, 9000 * S); // has no such limit
    assert_int_equal(said.count, 0);
    alarms_miss(alarms, &sink, 0, 0, T0_US, 301 * S);
    ASSERT_SAID("limit.raised main-meter.voltage-l1 silence 5min: no reading for 301.0 s");
    take(alarms, 0, 305 * S, volts(2300));
    ASSERT_SAID("limit.cleared main-meter.voltage-l1 silence 5min: 230 V; after 4.0 s");
    alarms_free(alarms);
}

static void acknowledged_is_what_was_raised_then(void **state)
{
    struct record_bench *b = *state;
    struct limits_plan plan = plan_of();
    struct why why;
    struct text limits = text_make(256);
    size_t raised, unacknowledged;
    struct alarms *alarms = make(b, 0, &plan, NULL);
    const char *point = "main-meter.voltage-l1";
    assert_int_equal(alarms_acknowledge(alarms, point, "wang", 5, &limits, &why), ERROR_ABSENT);
    assert_string_equal(why.text, "nothing is raised there");
    assert_int_equal(alarms_acknowledge(alarms, "oven.energy", "wang", 5, &limits, &why),
                     ERROR_ABSENT);
    assert_string_equal(why.text, "no limits are configured for it");
    take(alarms, 0, 1 * S, volts(2360));
    assert_int_equal(alarms_acknowledge(alarms, point, "wang", 5, &limits, &why), OK);
    assert_string_equal(limits.data, "warning_max");
    assert_int_equal(alarms_acknowledge(alarms, point, "li", 6, &limits, &why), ERROR_ABSENT);
    assert_string_equal(why.text, "it is acknowledged already");
    assert_listed(alarms, "main-meter.voltage-l1 warning_max 235 V 1000000 5 wang\n");
    take(alarms, 0, 2 * S, volts(2430)); // more than what was acknowledged
    alarms_count(alarms, &raised, &unacknowledged);
    assert_true(raised == 2 && unacknowledged == 1);
    text_clear(&limits);
    assert_int_equal(alarms_acknowledge(alarms, point, "li", 7, &limits, &why), OK);
    assert_string_equal(limits.data, "max");
    take(alarms, 0, 3 * S, volts(2300));
    take(alarms, 0, 4 * S, volts(2360)); // anew
    alarms_count(alarms, &raised, &unacknowledged);
    assert_true(raised == 1 && unacknowledged == 1);
    text_free(&limits);
    said.count = 0;
    alarms_free(alarms);
}

static void raised_passes_over_where_nothing_about_the_point_changed(void **state)
{
    struct record_bench *b = *state;
    struct why why;
    struct text limits = text_make(256);
    struct limits_plan plan = plan_of(), again = plan_of(), other = plan_of();
    struct alarms *first = make(b, 0, &plan, NULL);
    take(first, 0, 1 * S, volts(2360));
    take(first, 2, 1 * S, energy(1));
    take(first, 2, 2 * S, energy(2)); // more than the rate: pending
    assert_int_equal(alarms_acknowledge(first, "main-meter.voltage-l1", "wang", 5, &limits, &why),
                     OK);
    said.count = 0;

    struct alarms *second = make(b, 0, &again, first);
    alarms_end(first, second, &sink, T0_US, 10 * S);
    alarms_free(first);
    assert_int_equal(said.count, 0);
    assert_listed(second, "main-meter.voltage-l1 warning_max 235 V 1000000 5 wang\n");
    take(second, 2, 92 * S, energy(200)); // the delay goes on
    ASSERT_SAID("limit.raised main-meter.energy rate 5 kWh/min: 200 kWh, 90.0 s before 2 kWh; "
                "for 90.0 s, delay 90s");

    other.voltage.bound[BOUND_MAX].magnitude = 243;
    struct alarms *third = make(b, 0, &other, second);
    alarms_end(second, third, &sink, T0_US, 101 * S);
    alarms_free(second);
    ASSERT_SAID("limit.cleared main-meter.voltage-l1 warning_max 235 V: watched no more, or in "
                "another way; after 100.0 s");
    assert_listed(third, "main-meter.energy rate 5 kWh/min 92000000 0 \n");
    take(third, 0, 102 * S, volts(2360));
    ASSERT_SAID("limit.raised main-meter.voltage-l1 warning_max 235 V: 236 V; simple acceptance");

    alarms_end(third, NULL, &sink, T0_US, 103 * S);
    ASSERT_SAID("limit.cleared main-meter.voltage-l1 warning_max 235 V: watched no more, or in "
                "another way; after 1.0 s",
                "limit.cleared main-meter.energy rate 5 kWh/min: watched no more, or in another "
                "way; after 11.0 s");
    alarms_free(third);
    text_free(&limits);
}

static void point_of_another_definition_begins_anew(void **state)
{
    struct record_bench *b = *state;
    struct limits_plan plan = plan_of(), again = plan_of();
    struct alarms *first = make(b, 0, &plan, NULL);
    take(first, 0, 1 * S, volts(2360));
    said.count = 0;
    b->instruments[0].ratio_pt.magnitude = 10; // another number for its points
    struct alarms *second = make(b, 0, &again, first);
    assert_listed(second, "");
    alarms_end(first, second, &sink, T0_US, 2 * S);
    assert_int_equal(said.count, 1);
    said.count = 0;
    alarms_free(first);
    alarms_free(second);
}

static void completeness_says_the_share_and_passes_over(void **state)
{
    struct record_bench *b = *state;
    struct limits_plan plan = plan_of(), again = plan_of(), other = plan_of();
    plan.voltage = (struct config_limits){
        .completeness = {.below_ppm = 900000, .hysteresis_ppm = 25000, .over_us = 240 * S}};
    again.voltage = other.voltage = plan.voltage;
    other.voltage.completeness.below_ppm = 800000;
    struct alarms *first = make(b, 0, &plan, NULL);
    int64_t at_us = 0;
    for (; at_us < 200 * S; at_us += S) {
        take(first, 0, at_us, volts(2300));
    }
    for (; at_us < 240 * S; at_us += S) {
        alarms_miss(first, &sink, 0, 0, T0_US + at_us, at_us);
    }
    assert_int_equal(said.count, 0);
    struct alarms *second = make(b, 0, &again, first); // what was counted passes over
    alarms_miss(second, &sink, 0, 0, T0_US + at_us, at_us);
    ASSERT_SAID("limit.raised main-meter.voltage-l1 completeness 90%: 83.3%, 200 of 240 readings "
                "that were due in 4min");
    assert_listed(second, "main-meter.voltage-l1 completeness 90% 240000000 0 \n");
    struct alarms *third = make(b, 0, &again, second);
    assert_listed(third, "main-meter.voltage-l1 completeness 90% 240000000 0 \n");
    while (said.count == 0) {
        at_us += S;
        take(third, 0, at_us, volts(2300));
    }
    ASSERT_SAID("limit.cleared main-meter.voltage-l1 completeness 90%: 95.4%, 229 of 240 readings "
                "that were due in 4min; after 230.0 s, hysteresis 2.5%");
    assert_listed(third, "");
    struct alarms *fourth = make(b, 0, &other, third); // another limit: begins anew
    assert_listed(fourth, "");
    alarms_free(first);
    alarms_free(second);
    alarms_free(third);
    alarms_free(fourth);
}

static struct value watt_hours(int64_t at_us)
{
    return (struct value){.kind = VALUE_DECIMAL,
                          .decimal = {(uint64_t)(at_us / (HOUR_US / 15000)), false, 0}};
}

// The bench's meter with power where its second voltage is.
static void energy_is_checked_by_the_power_of_the_meter(void **state)
{
    struct record_bench *b = *state;
    static const struct driver_quantity power = {.name = "active-power",
                                                 .unit = "W",
                                                 .kind = "power",
                                                 .function = 3,
                                                 .address = 1,
                                                 .count = 1,
                                                 .type = TYPE_UINT16,
                                                 .scale = {1, false, 0}};
    struct limits_plan plan = plan_of(), again = plan_of();
    plan.energy = (struct config_limits){
        .energy = {.power = 1, .within_ppm = 50000, .over_us = HOUR_US, .gap_us = 60 * S}};
    again.energy = plan.energy;
    b->polled[1] = &power;
    static const struct driver_quantity total = {.name = "total",
                                                 .unit = "Wh",
                                                 .kind = "energy",
                                                 .function = 3,
                                                 .count = 1,
                                                 .type = TYPE_UINT16,
                                                 .scale = {1, false, 0}};
    b->polled[0] = &total; // compared with the same power
    plan.voltage = again.voltage = plan.energy;
    struct alarms *first = make(b, 0, &plan, NULL);
    const struct value watts = {.kind = VALUE_DECIMAL, .decimal = {12000, false, 0}};
    int64_t at_us = 0;
    for (; at_us < HOUR_US / 2; at_us += 60 * S) { // 12 kW, and it counts 10
        take(first, 0, at_us, watt_hours(at_us));
        take(first, 1, at_us, watts);
        take(first, 2, at_us, energy(100 + (float)at_us / (float)HOUR_US * 10));
    }
    struct alarms *second = make(b, 0, &again, first); // the window passes over
    for (; at_us <= HOUR_US; at_us += 60 * S) {
        assert_int_equal(said.count, 0);
        take(second, 0, at_us, watt_hours(at_us));
        take(second, 1, at_us, watts);
        take(second, 2, at_us, energy(100 + (float)at_us / (float)HOUR_US * 10));
    }
    ASSERT_SAID("limit.raised main-meter.energy check_energy 5%: counted 10 kWh, active-power "
                "gives 12 kWh, 16.7% apart, in 3600.0 s");
    // The other was read before there was any power, and so began a poll later.
    take(second, 0, at_us, watt_hours(at_us));
    take(second, 1, at_us, watts);
    ASSERT_SAID("limit.raised main-meter.total check_energy 5%: counted 15000 Wh, active-power "
                "gives 12000 Wh, 20.0% apart, in 3600.0 s");
    assert_listed(second, "main-meter.total check_energy 5% 3660000000 0 \n"
                          "main-meter.energy check_energy 5% 3600000000 0 \n");
    struct text limits = text_make(256);
    struct why why;
    assert_int_equal(alarms_acknowledge(second, "main-meter.energy", "wang", 5, &limits, &why), OK);
    assert_string_equal(limits.data, "check_energy");
    assert_int_equal(
        alarms_acknowledge(second, "main-meter.active-power", "wang", 5, &limits, &why),
        ERROR_ABSENT);
    for (at_us = HOUR_US + 60 * S; said.count == 0 && at_us < 9 * HOUR_US; at_us += 60 * S) {
        take(second, 2, at_us, energy(98 + (float)at_us / (float)HOUR_US * 12));
        take(second, 1, at_us, watts);
    }
    ASSERT_SAID("limit.cleared main-meter.energy check_energy 5%: counted 12 kWh, active-power "
                "gives 12 kWh, 0.0% apart, in 3600.0 s; after 3600.0 s");
    // Another meter answers: nothing can be said.
    float kwh = 500;
    for (int64_t end_us = at_us + 3 * HOUR_US; at_us < end_us; at_us += 60 * S, kwh += 50) {
        struct reading reading = {
            .t_us = T0_US + at_us, .indication = energy(kwh), .flags = FLAG_IDENTITY_MISMATCH};
        take(second, 1, at_us, watts);
        alarms_take(second, &sink, 0, 2, &reading, at_us);
    }
    assert_int_equal(said.count, 0);
    alarms_free(first);
    alarms_free(second);
    text_free(&limits);
}

struct others {
    struct alarms *alarms;
    atomic_bool end;
    size_t acknowledged;
};

static void *look_and_acknowledge(void *context)
{
    struct others *others = context;
    struct text text = text_make(1 << 20);
    struct why why;
    size_t raised, unacknowledged;
    while (!others->end) {
        text_clear(&text);
        alarms_each(others->alarms, add_line, &text);
        alarms_count(others->alarms, &raised, &unacknowledged);
        assert_true(unacknowledged <= raised && raised <= 2);
        others->acknowledged += alarms_acknowledge(others->alarms, "main-meter.voltage-l1", "wang",
                                                   5, &text, &why) == OK;
    }
    text_free(&text);
    return NULL;
}

static void others_may_look_while_readings_come(void **state)
{
    struct record_bench *b = *state;
    struct limits_plan plan = plan_of();
    struct others others = {.alarms = make(b, 0, &plan, NULL)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, look_and_acknowledge, &others), 0);
    for (int64_t i = 0; i < 20000; i++) {
        take(others.alarms, 0, i * S, volts(i % 2 ? 2300 : 2450));
        assert_int_equal(said.count, 2);
        said.count = 0;
    }
    others.end = true;
    pthread_join(thread, NULL);
    assert_true(others.acknowledged > 0);
    alarms_free(others.alarms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_limits_need_no_alarms, record_setup, record_teardown),
        cmocka_unit_test_setup_teardown(bounds_say_value_limit_and_rule, record_setup,
                                        record_teardown),
        cmocka_unit_test_setup_teardown(guarded_says_what_it_was_guarded_by, record_setup,
                                        record_teardown),
        cmocka_unit_test_setup_teardown(rate_frozen_and_silence_say_what_was_seen, record_setup,
                                        record_teardown),
        cmocka_unit_test_setup_teardown(acknowledged_is_what_was_raised_then, record_setup,
                                        record_teardown),
        cmocka_unit_test_setup_teardown(raised_passes_over_where_nothing_about_the_point_changed,
                                        record_setup, record_teardown),
        cmocka_unit_test_setup_teardown(completeness_says_the_share_and_passes_over, record_setup,
                                        record_teardown),
        cmocka_unit_test_setup_teardown(energy_is_checked_by_the_power_of_the_meter, record_setup,
                                        record_teardown),
        cmocka_unit_test_setup_teardown(others_may_look_while_readings_come, record_setup,
                                        record_teardown),
        cmocka_unit_test_setup_teardown(point_of_another_definition_begins_anew, record_setup,
                                        record_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
