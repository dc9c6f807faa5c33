// limits: sequences made by hand, and random ones against a model that looks back over all that it
// was given at each step, in whole hundredths.
#include "limits/limits.h"

#include "effort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S         INT64_C(1000000)
#define BIT(kind) (1u << (kind))
#define START_US  INT64_C(88120000)
#define HISTORY   160
#define NO_NUMBER INT32_MIN
#define KINDS     (LIMIT_SILENCE + 1) // those that look at readings
#define ABSENT    (INT32_MIN + 1)

// --- by hand

struct bench {
    struct config_limits limits;
    struct limits_rule rule;
    struct limits_state state;
};

static struct decimal tenths(int number)
{
    return (struct decimal){(uint64_t)abs(number), number < 0, -1};
}

// What the configuration's reader would make of these.
static void set_bound(struct config_limits *limits, enum config_bound bound, int at_tenths,
                      int hysteresis_tenths)
{
    int inwards = bound >= BOUND_WARNING_MAX ? -hysteresis_tenths : hysteresis_tenths;
    limits->has_bound[bound] = true;
    limits->bound[bound] = tenths(at_tenths);
    limits->back[bound] = tenths(at_tenths + inwards);
    limits->hysteresis = tenths(hysteresis_tenths);
}

static void begin(struct bench *b)
{
    limits_compile(&b->limits, &b->rule);
    limits_begin(&b->state, START_US);
}

static struct limits_change take_value(struct bench *b, int64_t after_us, struct value value,
                                       struct value uncertainty)
{
    struct reading reading = {// a wall clock that stands wrong: nothing depends on it
                              .t_us = 5 * S - after_us,
                              .indication = value,
                              .expanded_uncertainty = uncertainty};
    return limits_take(&b->rule, &b->state, &reading, START_US + after_us);
}

static struct limits_change take(struct bench *b, int64_t after_us, int number_tenths)
{
    return take_value(b, after_us,
                      (struct value){.kind = VALUE_DECIMAL, .decimal = tenths(number_tenths)},
                      (struct value){.kind = VALUE_NONE});
}

static struct limits_change take_none(struct bench *b, int64_t after_us)
{
    return take_value(b, after_us, (struct value){.kind = VALUE_NONE},
                      (struct value){.kind = VALUE_NONE});
}

static struct limits_change miss(struct bench *b, int64_t after_us)
{
    return limits_miss(&b->rule, &b->state, START_US + after_us);
}

#define assert_change(change, raises, clears, beyond)                                              \
    do {                                                                                           \
        struct limits_change made = (change);                                                      \
        assert_int_equal(made.raised, raises);                                                     \
        assert_int_equal(made.cleared, clears);                                                    \
        assert_int_equal(made.exceeds, beyond);                                                    \
    } while (0)

static void limit_itself_is_within_and_hysteresis_is_inwards(void **state)
{
    (void)state;
    struct bench b = {0};
    set_bound(&b.limits, BOUND_MIN, 1980, 10);
    set_bound(&b.limits, BOUND_MAX, 2420, 10);
    begin(&b);
    assert_change(take(&b, 1 * S, 2420), 0, 0, false);
    assert_change(take(&b, 2 * S, 2421), BIT(LIMIT_MAX), 0, true);
    assert_change(take(&b, 3 * S, 2500), 0, 0, true);
    assert_change(take(&b, 4 * S, 2420), 0, 0, false); // within, and not yet back
    assert_change(take(&b, 5 * S, 2411), 0, 0, false);
    assert_change(take(&b, 6 * S, 2410), 0, BIT(LIMIT_MAX), false);
    assert_change(take(&b, 7 * S, 2420), 0, 0, false);
    assert_change(take(&b, 8 * S, 1980), 0, 0, false);
    assert_change(take(&b, 9 * S, 1979), BIT(LIMIT_MIN), 0, true);
    assert_change(take(&b, 10 * S, 1989), 0, 0, false);
    assert_change(take(&b, 11 * S, 1990), 0, BIT(LIMIT_MIN), false);
    assert_change(take(&b, 12 * S, 1979), BIT(LIMIT_MIN), 0, true);
    assert_change(take(&b, 13 * S, 2421), BIT(LIMIT_MAX), BIT(LIMIT_MIN), true);
}

static void delay_is_met_to_the_microsecond_and_begins_anew_within(void **state)
{
    (void)state;
    struct bench b = {0};
    set_bound(&b.limits, BOUND_MAX, 100, 20);
    b.limits.delay_us = 10 * S;
    begin(&b);
    assert_change(take(&b, 1 * S, 101), 0, 0, true); // the reading is flagged all the same
    assert_change(take(&b, 11 * S - 1, 101), 0, 0, true);
    assert_change(take(&b, 11 * S, 101), BIT(LIMIT_MAX), 0, true);
    assert_change(take(&b, 12 * S, 80), 0, BIT(LIMIT_MAX), false); // without delay
    assert_change(take(&b, 13 * S, 101), 0, 0, true);
    assert_change(take(&b, 22 * S, 100), 0, 0, false); // within: no matter that it is not back
    assert_change(take(&b, 23 * S, 101), 0, 0, true);
    assert_change(take(&b, 32 * S, 101), 0, 0, true);
    assert_change(take(&b, 33 * S, 101), BIT(LIMIT_MAX), 0, true);
}

static void warnings_are_raised_and_flag_no_reading(void **state)
{
    (void)state;
    struct bench b = {0};
    set_bound(&b.limits, BOUND_MIN, -400, 0);
    set_bound(&b.limits, BOUND_WARNING_MIN, -300, 0);
    set_bound(&b.limits, BOUND_WARNING_MAX, 300, 0);
    set_bound(&b.limits, BOUND_MAX, 400, 0);
    begin(&b);
    assert_change(take(&b, 1 * S, 301), BIT(LIMIT_WARNING_MAX), 0, false);
    assert_change(take(&b, 2 * S, 401), BIT(LIMIT_MAX), 0, true);
    assert_change(take(&b, 3 * S, -301), BIT(LIMIT_WARNING_MIN),
                  BIT(LIMIT_MAX) | BIT(LIMIT_WARNING_MAX), false);
    assert_change(take(&b, 4 * S, -401), BIT(LIMIT_MIN), 0, true);
    assert_change(take(&b, 5 * S, 0), 0, BIT(LIMIT_MIN) | BIT(LIMIT_WARNING_MIN), false);
}

static void float_is_compared_as_it_is_shown(void **state)
{
    (void)state;
    struct bench b = {0};
    set_bound(&b.limits, BOUND_MIN, 1981, 2);
    set_bound(&b.limits, BOUND_MAX, 2421, 2);
    begin(&b);
    const struct value none = {.kind = VALUE_NONE};
    struct value value = {.kind = VALUE_FLOAT32, .float32 = 242.1f};
    assert_true((double)value.float32 > 242.1); // or the test shows nothing
    assert_change(take_value(&b, 1 * S, value, none), 0, 0, false);
    value.float32 = 242.10002f;
    assert_change(take_value(&b, 2 * S, value, none), BIT(LIMIT_MAX), 0, true);
    value.float32 = 241.9f;
    assert_change(take_value(&b, 3 * S, value, none), 0, BIT(LIMIT_MAX), false);
    value.float32 = 198.1f;
    assert_change(take_value(&b, 4 * S, value, none), 0, 0, false);
}

static void guarded_adds_the_uncertainty_on_the_side_of_the_bound(void **state)
{
    (void)state;
    struct bench b = {.limits = {.decision = DECISION_GUARDED}};
    set_bound(&b.limits, BOUND_MIN, 1980, 0);
    set_bound(&b.limits, BOUND_MAX, 2420, 0);
    begin(&b);
    const struct value none = {.kind = VALUE_NONE}, half = {.kind = VALUE_FLOAT64, .float64 = 0.5};
    struct value value = {.kind = VALUE_FLOAT64, .float64 = 241.5};
    assert_change(take_value(&b, 1 * S, value, half), 0, 0, false);
    value.float64 = 241.75;
    assert_change(take_value(&b, 2 * S, value, half), BIT(LIMIT_MAX), 0, true);
    assert_change(take_value(&b, 3 * S, value, none), 0, BIT(LIMIT_MAX), false); // U not known
    value.float64 = 198.5;
    assert_change(take_value(&b, 4 * S, value, half), 0, 0, false);
    value.float64 = 198.25;
    assert_change(take_value(&b, 5 * S, value, half), BIT(LIMIT_MIN), 0, true);
    b.limits.decision = DECISION_SIMPLE;
    begin(&b);
    assert_change(take_value(&b, 6 * S, value, half), 0, 0, false);
    value = (struct value){.kind = VALUE_FLOAT32, .float32 = 198.25f};
    b.limits.decision = DECISION_GUARDED;
    begin(&b);
    assert_change(take_value(&b, 7 * S, value, half), BIT(LIMIT_MIN), 0, true);
}

static void corrected_value_is_compared_where_there_is_one(void **state)
{
    (void)state;
    struct bench b = {.limits = {.frozen_us = 5 * S}};
    set_bound(&b.limits, BOUND_MAX, 2420, 0);
    begin(&b);
    struct reading reading = {.indication = {.kind = VALUE_DECIMAL, .decimal = tenths(2425)},
                              .corrected = {.kind = VALUE_FLOAT64, .float64 = 241.75}};
    assert_change(limits_take(&b.rule, &b.state, &reading, START_US), 0, 0, false);
    reading.corrected.float64 = 242.25;
    assert_change(limits_take(&b.rule, &b.state, &reading, START_US + 1), BIT(LIMIT_MAX), 0, true);
    reading.corrected.float64 = 242; // frozen is what the instrument shows
    assert_change(limits_take(&b.rule, &b.state, &reading, START_US + 5 * S), BIT(LIMIT_FROZEN),
                  BIT(LIMIT_MAX), true);
}

static void rate_is_between_neighbours_with_a_number(void **state)
{
    (void)state;
    struct bench b = {.limits = {.rate = {1, false, 0}, .rate_per_us = S}};
    begin(&b);
    assert_change(take(&b, 1 * S, 1000), 0, 0, false); // there is none before
    assert_change(take(&b, 2 * S, 1010), 0, 0, false); // the rate itself is within
    assert_change(take(&b, 3 * S, 1025), BIT(LIMIT_RATE), 0, true);
    assert_change(take(&b, 4 * S, 1010), 0, 0, true); // downwards too
    assert_change(take_none(&b, 5 * S), 0, 0, false);
    assert_change(take(&b, 6 * S, 1030), 0, BIT(LIMIT_RATE), false); // 2 V in 2 s
    assert_change(take(&b, 6 * S, 1060), 0, 0, false);               // no time between: no rate
    b.limits.rate_per_us = 60 * S;
    b.limits.delay_us = 10 * S;
    begin(&b);
    assert_change(take(&b, 10 * S, 0), 0, 0, false);
    assert_change(take(&b, 70 * S, 15), 0, 0, true);
    assert_change(take(&b, 80 * S, 20), BIT(LIMIT_RATE), 0, true);
    assert_change(take(&b, 140 * S, 30), 0, BIT(LIMIT_RATE), false);
}

static void frozen_counts_from_the_first_of_equal_readings(void **state)
{
    (void)state;
    struct bench b = {.limits = {.frozen_us = 60 * S}};
    begin(&b);
    assert_change(take(&b, 100 * S, 5), 0, 0, false);
    assert_change(take(&b, 110 * S, 6), 0, 0, false);
    assert_change(take(&b, 170 * S - 1, 6), 0, 0, false);
    assert_change(take_none(&b, 170 * S - 1), 0, 0, false);
    assert_change(take(&b, 170 * S, 6), BIT(LIMIT_FROZEN), 0, true);
    assert_change(take(&b, 180 * S, 6), 0, 0, true);
    assert_change(take(&b, 190 * S, 5), 0, BIT(LIMIT_FROZEN), false);
    assert_change(take(&b, 250 * S - 1, 5), 0, 0, false);
    assert_change(take(&b, 250 * S, 5), BIT(LIMIT_FROZEN), 0, true);
    b.limits.delay_us = 1000 * S; // delay is of bounds and rate
    begin(&b);
    take(&b, 0, 5);
    assert_change(take(&b, 60 * S, 5), BIT(LIMIT_FROZEN), 0, true);
}

static void silence_counts_from_the_last_reading_or_the_beginning(void **state)
{
    (void)state;
    struct bench b = {.limits = {.silence_us = 30 * S}};
    begin(&b);
    assert_change(miss(&b, 30 * S - 1), 0, 0, false);
    assert_change(miss(&b, 30 * S), BIT(LIMIT_SILENCE), 0, false);
    assert_change(miss(&b, 40 * S), 0, 0, false);
    assert_change(take_none(&b, 50 * S), 0, BIT(LIMIT_SILENCE), false); // it does answer
    assert_change(miss(&b, 80 * S - 1), 0, 0, false);
    assert_change(take(&b, 80 * S - 1, 5), 0, 0, false);
    assert_change(miss(&b, 81 * S), 0, 0, false);
    assert_change(miss(&b, 110 * S - 1), BIT(LIMIT_SILENCE), 0, false);
    b.limits.silence_us = 0;
    begin(&b);
    assert_change(miss(&b, 9000 * S), 0, 0, false);
}

static void names_are_those_of_the_configuration(void **state)
{
    (void)state;
    static const char *const names[] = {"min",     "warning_min",  "warning_max",
                                        "max",     "rate",         "frozen",
                                        "silence", "completeness", "check_energy"};
    for (int kind = 0; kind < LIMIT_KINDS; kind++) {
        assert_string_equal(limit_name((enum limit_kind)kind), names[kind]);
        assert_int_equal(limit_is_warning((enum limit_kind)kind),
                         strncmp(names[kind], "warning", 7) == 0);
    }
}

// --- at random, against a model

static uint64_t seed, chance;
static int width; // of the instrument's numbers: a point has one

static int below(int n)
{
    chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((chance >> 33) % (uint64_t)n);
}

// All in hundredths and microseconds.
struct past {
    int64_t at_us;
    int indication, compared; // NO_NUMBER; or ABSENT, a miss
    int guard;
};

struct model {
    bool has[BOUND_COUNT];
    int bound[BOUND_COUNT], hysteresis, rate;
    int64_t rate_per_us, delay_us, frozen_us, silence_us;
    bool raised[KINDS];
    int cleared_at[KINDS]; // index in the past from which it may be pending again
    struct past past[HISTORY];
    int count;
};

// Beyond a bound that is moved inwards by `inwards`.
static bool model_beyond(const struct model *m, int kind, const struct past *p, int inwards)
{
    return kind >= BOUND_WARNING_MAX ? p->compared + p->guard > m->bound[kind] - inwards
                                     : p->compared - p->guard < m->bound[kind] + inwards;
}

static int model_number_before(const struct model *m, int i)
{
    for (i--; i >= 0 && m->past[i].compared <= ABSENT; i--) {
    }
    return i;
}

static bool model_exceeded(const struct model *m, int kind, int i)
{
    if (kind != LIMIT_RATE) {
        return model_beyond(m, kind, &m->past[i], 0);
    }
    int before = model_number_before(m, i);
    if (before < 0) {
        return false;
    }
    int64_t change = m->past[i].compared - m->past[before].compared;
    return llabs(change) * m->rate_per_us > m->rate * (m->past[i].at_us - m->past[before].at_us);
}

static bool model_met_delay(const struct model *m, int kind)
{
    int first = -1;
    for (int i = m->count - 1; i >= m->cleared_at[kind]; i = model_number_before(m, i)) {
        if (!model_exceeded(m, kind, i)) {
            break;
        }
        first = i;
    }
    return first >= 0 && m->past[m->count - 1].at_us - m->past[first].at_us >= m->delay_us;
}

static bool model_frozen(const struct model *m)
{
    int last = m->count - 1, first = last;
    for (int i = last; i >= 0 && m->past[i].indication == m->past[last].indication;
         i = model_number_before(m, i)) {
        first = i;
    }
    return m->past[last].at_us - m->past[first].at_us >= m->frozen_us;
}

// Whether it is raised after the last of the past.
static bool model_state(const struct model *m, int kind)
{
    const struct past *last = &m->past[m->count - 1];
    if (kind == LIMIT_SILENCE) {
        int64_t seen_us = START_US;
        for (int i = 0; i < m->count; i++) {
            seen_us = m->past[i].compared == ABSENT ? seen_us : m->past[i].at_us;
        }
        return m->silence_us && last->compared == ABSENT && last->at_us - seen_us >= m->silence_us;
    }
    if (last->compared <= ABSENT) {
        return m->raised[kind];
    }
    if (kind == LIMIT_FROZEN) {
        return m->frozen_us && model_frozen(m);
    }
    if (kind == LIMIT_RATE ? !m->rate : !m->has[kind]) {
        return false;
    }
    if (m->raised[kind]) {
        return kind == LIMIT_RATE ? model_exceeded(m, kind, m->count - 1)
                                  : model_beyond(m, kind, last, m->hysteresis);
    }
    return model_met_delay(m, kind);
}

static struct limits_change model_step(struct model *m)
{
    struct limits_change change = {0};
    int last = m->count - 1;
    for (int kind = 0; kind < KINDS; kind++) {
        bool raised = model_state(m, kind);
        change.raised |= (uint8_t)(raised && !m->raised[kind] ? BIT(kind) : 0);
        change.cleared |= (uint8_t)(!raised && m->raised[kind] ? BIT(kind) : 0);
        m->cleared_at[kind] = change.cleared & BIT(kind) ? m->count : m->cleared_at[kind];
        m->raised[kind] = raised;
    }
    if (m->past[last].compared > ABSENT) {
        change.exceeds = (m->has[BOUND_MIN] && model_exceeded(m, LIMIT_MIN, last)) ||
                         (m->has[BOUND_MAX] && model_exceeded(m, LIMIT_MAX, last)) ||
                         (m->rate && model_exceeded(m, LIMIT_RATE, last)) ||
                         m->raised[LIMIT_FROZEN];
    }
    return change;
}

// Bounds some tenths apart, so that the values, which are tenths, often meet them.
static void choose_limits(struct model *m, struct config_limits *limits)
{
    int at = -15 + below(5);
    width = below(3);
    *m = (struct model){.hysteresis = 10 * below(4)};
    *limits = (struct config_limits){.decision = below(2) ? DECISION_GUARDED : DECISION_SIMPLE};
    for (int i = 0; i < BOUND_COUNT; i++) {
        at += 4 + below(8);
        m->has[i] = below(4) != 0;
        m->bound[i] = 10 * at;
        if (m->has[i]) {
            set_bound(limits, (enum config_bound)i, at, m->hysteresis / 10);
        }
    }
    if (below(2)) {
        m->rate = 10 * (1 + below(30));
        m->rate_per_us = below(2) ? S : 60 * S;
        limits->rate = tenths(m->rate / 10);
        limits->rate_per_us = m->rate_per_us;
    }
    limits->delay_us = m->delay_us = below(3) ? S * below(5) : 0;
    limits->frozen_us = m->frozen_us = below(2) ? S * (1 + below(5)) : 0;
    limits->silence_us = m->silence_us = below(2) ? S * (1 + below(5)) : 0;
}

static struct value value_of(int hundredths)
{
    if (hundredths == NO_NUMBER) {
        return (struct value){.kind = VALUE_NONE};
    }
    switch (width) {
    case 0: return (struct value){.kind = VALUE_FLOAT32, .float32 = (float)(hundredths / 100.0)};
    case 1: return (struct value){.kind = VALUE_FLOAT64, .float64 = hundredths / 100.0};
    default: return (struct value){.kind = VALUE_DECIMAL, .decimal = tenths(hundredths / 10)};
    }
}

// The next of the past: mostly a small step from the one before, so that values stay and return.
static struct reading choose_reading(struct model *m, bool guarded)
{
    struct past *p = &m->past[m->count], *before = m->count ? p - 1 : NULL;
    int number = before && before->indication > ABSENT ? before->indication : 0;
    struct reading reading = {.t_us = below(1000)};
    p->at_us = (before ? before->at_us : START_US) + (below(4) ? S : S * below(3));
    // Not a whole second where a rate would meet its bound exactly: doubles need not tell.
    p->at_us += m->rate ? 100 + below(1000) : 0;
    p->indication = below(6) ? number + 10 * (below(7) - 3) : below(3) ? number : NO_NUMBER;
    p->indication = below(10) ? p->indication : ABSENT;
    p->compared = p->indication;
    p->guard = 0;
    reading.indication = p->indication == ABSENT ? (struct value){0} : value_of(p->indication);
    if (p->indication <= ABSENT) {
        return reading;
    }
    if (below(4) == 0) {
        p->compared += 10 * (below(5) - 2);
        reading.corrected = (struct value){.kind = VALUE_FLOAT64, .float64 = p->compared / 100.0};
    }
    if (below(2)) {
        // Five hundredths beside the tenths: a sum of doubles need not meet a bound exactly.
        int guard = 5 + 10 * below(4);
        reading.expanded_uncertainty =
            (struct value){.kind = VALUE_FLOAT64, .float64 = guard / 100.0};
        p->guard = guarded ? guard : 0;
    }
    return reading;
}

static void run_against_model(uint64_t kinds[KINDS])
{
    static struct model m;
    struct bench b;
    choose_limits(&m, &b.limits);
    begin(&b);
    while (m.count < HISTORY) {
        struct reading reading = choose_reading(&m, b.limits.decision == DECISION_GUARDED);
        const struct past *p = &m.past[m.count++];
        struct limits_change expected = model_step(&m);
        struct limits_change found = p->compared == ABSENT
                                         ? limits_miss(&b.rule, &b.state, p->at_us)
                                         : limits_take(&b.rule, &b.state, &reading, p->at_us);
        if (found.raised != expected.raised || found.cleared != expected.cleared ||
            found.exceeds != expected.exceeds) {
            fail_msg("seed %llu, step %d: raised %x, not %x; cleared %x, not %x; exceeds %d, "
                     "not %d",
                     (unsigned long long)seed, m.count - 1, found.raised, expected.raised,
                     found.cleared, expected.cleared, found.exceeds, expected.exceeds);
        }
        for (int kind = 0; kind < KINDS; kind++) {
            kinds[kind] += found.raised >> kind & 1;
        }
    }
}

static void random_sequences_are_as_a_model_has_them(void **state)
{
    (void)state;
    uint64_t kinds[KINDS] = {0};
    const char *given = getenv("SEED");
    uint64_t first = given ? strtoull(given, NULL, 10) : 1;
    uint64_t rounds = given ? 1 : (uint64_t)effort(5000);
    for (seed = first; seed < first + rounds; seed++) {
        chance = seed;
        run_against_model(kinds);
    }
    for (int kind = 0; !given && kind < KINDS; kind++) {
        assert_true(kinds[kind] > (uint64_t)effort(1000)); // or it was not tried
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_itself_is_within_and_hysteresis_is_inwards),
        cmocka_unit_test(delay_is_met_to_the_microsecond_and_begins_anew_within),
        cmocka_unit_test(warnings_are_raised_and_flag_no_reading),
        cmocka_unit_test(float_is_compared_as_it_is_shown),
        cmocka_unit_test(guarded_adds_the_uncertainty_on_the_side_of_the_bound),
        cmocka_unit_test(corrected_value_is_compared_where_there_is_one),
        cmocka_unit_test(rate_is_between_neighbours_with_a_number),
        cmocka_unit_test(frozen_counts_from_the_first_of_equal_readings),
        cmocka_unit_test(silence_counts_from_the_last_reading_or_the_beginning),
        cmocka_unit_test(names_are_those_of_the_configuration),
        cmocka_unit_test(random_sequences_are_as_a_model_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
