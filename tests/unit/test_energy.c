// Energy of intervals against a reckoning of its own over random histories, and cases made by hand.

#include "base/reading.h"
#include "effort.h"
#include "energy/energy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MINUTE_US INT64_C(60000000)
#define HOUR_US   INT64_C(3600000000)

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13; // xorshift64
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 32) % below);
}

// Thousandths, with as many zeros taken out as the dice say: one number has many forms.
static struct decimal thousandths(int64_t number)
{
    struct decimal out = {.magnitude = number < 0 ? -(uint64_t)number : (uint64_t)number,
                          .negative = number < 0,
                          .exponent = -3};
    while (out.magnitude && out.magnitude % 10 == 0 && draw(2)) {
        out.magnitude /= 10;
        out.exponent++;
    }
    return out;
}

static void assert_exact(const struct exact *number, const char *want)
{
    struct text text = text_make(256);
    exact_append(&text, number);
    assert_string_equal(text.data, want);
    text_free(&text);
}

static void assert_thousandths(const struct exact *number, int64_t want)
{
    struct exact other = exact_of(thousandths(want));
    if (exact_compare(number, &other) != 0) {
        struct text text = text_make(256);
        exact_append(&text, number);
        print_error("got %s, want %lld thousandths\n", text.data, (long long)want);
        text_free(&text);
    }
    assert_int_equal(exact_compare(number, &other), 0);
}

static struct decimal parsed(const char *text)
{
    struct decimal out;
    assert_int_equal(decimal_parse(text, &out), OK);
    return out;
}

// --- exact --------------------------------------------------------------------------------------

static void exact_holds_every_decimal(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",
                                        "1",
                                        "-1",
                                        "0.1",
                                        "-0.05",
                                        "1200",
                                        "1234.56",
                                        "99999",
                                        "1e30",
                                        "18446744073709551615",
                                        "-999999999.999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct exact number = exact_of(parsed(texts[i]));
        assert_exact(&number,
                     strcmp(texts[i], "1e30") ? texts[i] : "1000000000000000000000000000000");
    }
    struct exact ends[] = {exact_of((struct decimal){UINT64_MAX, true, 40}),
                           exact_of((struct decimal){UINT64_MAX, false, -40})};
    assert_exact(&ends[0], "-184467440737095516150000000000000000000000000000000000000000");
    assert_exact(&ends[1], "0.0000000000000000000018446744073709551615");
    struct exact sum = ends[0];
    exact_add(&sum, &ends[1]);
    exact_subtract(&sum, &ends[0]);
    assert_int_equal(exact_compare(&sum, &ends[1]), 0);
}

static void exact_adds_and_compares(void **state)
{
    (void)state;
    for (long i = 0; i < effort(20000); i++) {
        int64_t a = (int64_t)draw(UINT32_MAX) * (draw(2) ? 1 : -1) * (int64_t)(1 + draw(100000));
        int64_t b = (int64_t)draw(UINT32_MAX) * (draw(2) ? 1 : -1);
        struct exact x = exact_of(thousandths(a)), y = exact_of(thousandths(b)), sum = x;
        assert_int_equal(exact_compare(&x, &y), a < b ? -1 : a > b);
        assert_int_equal(exact_sign(&x), a < 0 ? -1 : a > 0);
        exact_add(&sum, &y);
        assert_thousandths(&sum, a + b);
        exact_subtract(&x, &y);
        assert_thousandths(&x, a - b);
    }
}

static void exact_multiplies(void **state)
{
    (void)state;
    for (long i = 0; i < effort(20000); i++) {
        int64_t a = (int64_t)draw(INT32_MAX) - INT32_MAX / 2, b = (int64_t)draw(INT32_MAX);
        struct exact x = exact_of(thousandths(a)),
                     y = exact_of((struct decimal){(uint64_t)b, false, 0});
        struct exact product;
        assert_int_equal(exact_multiply(&x, &y, &product), OK);
        assert_thousandths(&product, a * b);
    }
    struct exact x = exact_of(parsed("1234.56")), y = exact_of(parsed("0.1229")), product;
    assert_int_equal(exact_multiply(&x, &y, &product), OK);
    assert_exact(&product, "151.727424");
    x = y = exact_of((struct decimal){UINT64_MAX, false, 40});
    assert_int_equal(exact_multiply(&x, &y, &product), ERROR_RANGE);
    x = y = exact_of((struct decimal){3, false, -40});
    assert_int_equal(exact_multiply(&x, &y, &product), ERROR_RANGE);
}

static void exact_is_quoted_in_json_beyond_15_digits(void **state)
{
    (void)state;
    struct text text = text_make(256);
    struct exact number = exact_of(parsed("-123456789012.345"));
    exact_append_json(&text, &number);
    text_append_string(&text, " ");
    number = exact_of(parsed("123456789012.3456"));
    exact_append_json(&text, &number);
    assert_string_equal(text.data, "-123456789012.345 \"123456789012.3456\"");
    text_free(&text);
}

// --- by hand ------------------------------------------------------------------------------------

#define READINGS(...)                                                                              \
    .readings = (const struct energy_reading[]){__VA_ARGS__},                                      \
    .reading_count =                                                                               \
        sizeof((const struct energy_reading[]){__VA_ARGS__}) / sizeof(struct energy_reading)
// A reading of thousandths at a minute and some seconds.
#define AT(minute, seconds, number, flag, how)                                                     \
    {                                                                                              \
        .t_us = (minute)*MINUTE_US + (seconds)*1000000, .value = {(number), false, -3},            \
        .flags = (flag), .joint = (how)                                                            \
    }

static const int64_t hour[] = {0, 15 * MINUTE_US, 30 * MINUTE_US, 45 * MINUTE_US, 60 * MINUTE_US};
static const struct energy_rules half_a_minute = {.tolerance_us = 30000000};

static void reading_nearest_a_boundary_closes_one_and_opens_the_next(void **state)
{
    (void)state;
    struct energy energy;
    const struct energy_request request = {
        READINGS(AT(0, 2, 1000, 0, 0), AT(14, 50, 1900, 0, 0), AT(15, 5, 2000, 4, 0),
                 AT(29, 58, 5000, 0, 0), AT(30, 3, 9000, 0, 0), AT(45, 30, 9500, 0, 0),
                 AT(60, 0, 9600, 1, 0)),
        .boundaries = hour, .interval_count = 4, .rules = half_a_minute};
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.complete, 4);
    assert_exact(&energy.intervals[0].energy, "1");
    assert_exact(&energy.intervals[1].energy, "3");
    assert_exact(&energy.intervals[2].energy, "4.5");
    assert_exact(&energy.intervals[3].energy, "0.1");
    assert_int_equal(energy.intervals[0].flags, 4);
    assert_int_equal(energy.intervals[1].flags, 4);
    assert_int_equal(energy.intervals[2].flags, 0);
    assert_int_equal(energy.intervals[2].opened_us, 29 * MINUTE_US + 58000000);
    assert_int_equal(energy.intervals[2].closed_us, 45 * MINUTE_US + 30000000);
    assert_int_equal(energy.span_count + energy.unknown_count, 0);
    assert_int_equal(energy.segment_count, 1);
    assert_exact(&energy.registered, "8.6");
    energy_free(&energy);
}

// Two readings next to two boundaries, the first this far behind its own.
static bool ambiguous(int64_t offset_us, int64_t bound_us, uint32_t flags, int64_t tolerance_us)
{
    struct energy energy;
    struct energy_reading readings[] = {AT(0, 0, 1000, 0, 0), AT(15, 0, 2000, 0, 0)};
    readings[0].t_us += offset_us;
    readings[0].bound_us = bound_us;
    readings[0].flags = flags;
    readings[1].bound_us = 7;
    const struct energy_request request = {.readings = readings,
                                           .reading_count = 2,
                                           .boundaries = hour,
                                           .interval_count = 1,
                                           .rules = {.tolerance_us = tolerance_us}};
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.complete, 1);
    assert_int_equal(energy.ambiguous, energy.intervals[0].ambiguous);
    assert_true(energy.intervals[0].bound_us == (bound_us > 7 ? bound_us : 7));
    bool is = energy.intervals[0].ambiguous;
    energy_free(&energy);
    return is;
}

static void interval_is_ambiguous_when_a_reading_may_not_be_near_its_boundary(void **state)
{
    (void)state;
    const int64_t second = 1000000, half_a_minute_us = 30 * second;
    assert_false(ambiguous(0, 0, 0, half_a_minute_us));
    assert_false(ambiguous(10 * second, 20 * second, 0, half_a_minute_us));
    assert_false(ambiguous(-10 * second, 20 * second, 0, half_a_minute_us));
    assert_true(ambiguous(10 * second, 20 * second + 1, 0, half_a_minute_us));
    assert_true(ambiguous(-10 * second, 20 * second + 1, 0, half_a_minute_us));
    assert_true(ambiguous(0, INT64_MAX, 0, half_a_minute_us));
    assert_true(ambiguous(0, 0, FLAG_CLOCK_UNSYNCHRONISED, half_a_minute_us));
    assert_false(ambiguous(0, 0, FLAG_LEAP_SECOND, half_a_minute_us));
    // Of what is read often a second does.
    assert_false(ambiguous(second / 10, second * 9 / 10, 0, second / 10));
    assert_true(ambiguous(second / 10, second, 0, second / 10));
}

static void what_stands_behind_readings_is_told_of_what_passed_between_them(void **state)
{
    (void)state;
    struct energy energy;
    struct energy_reading readings[] = {AT(0, 0, 1000, 0, 0),  AT(15, 0, 2000, 0, 0),
                                        AT(20, 0, 3000, 0, 0), AT(30, 0, 4000, 0, 0),
                                        AT(50, 0, 5000, 0, 0), AT(60, 0, 6000, 0, 0)};
    const uint32_t sources[] = {7, 7, 7, 8, 8, 8};
    for (size_t i = 0; i < 6; i++) {
        readings[i].source = sources[i];
    }
    const struct energy_request request = {.readings = readings,
                                           .reading_count = 6,
                                           .boundaries = hour,
                                           .interval_count = 4,
                                           .rules = half_a_minute};
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.complete, 2);
    assert_int_equal(energy.intervals[0].source, 7);
    assert_false(energy.intervals[0].mixed);
    assert_int_equal(energy.intervals[1].source, 7);
    assert_true(energy.intervals[1].mixed);
    assert_int_equal(energy.span_count, 1);
    assert_int_equal(energy.spans[0].source, 8);
    assert_false(energy.spans[0].mixed);
    energy_free(&energy);
}

static void gap_is_one_span_and_never_filled_in(void **state)
{
    (void)state;
    struct energy energy;
    const struct energy_request request = {
        READINGS(AT(0, 0, 1000, 0, 0), AT(14, 0, 2000, 0, 0), AT(40, 0, 5000, 0, 0),
                 AT(45, 0, 6000, 0, 0), AT(60, 0, 7000, 0, 0)),
        .boundaries = hour, .interval_count = 4, .rules = half_a_minute};
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.complete, 1);
    assert_int_equal(energy.intervals[2].state, ENERGY_INCOMPLETE);
    assert_int_equal(energy.intervals[3].state, ENERGY_COMPLETE);
    assert_int_equal(energy.span_count, 1);
    assert_exact(&energy.spans[0].energy, "5");
    assert_false(energy.spans[0].crosses);
    assert_int_equal(energy.spans[0].from_us, 0);
    assert_int_equal(energy.spans[0].to_us, 45 * MINUTE_US);
    energy_free(&energy);
}

static void span_over_an_edge_is_marked(void **state)
{
    (void)state;
    struct energy energy;
    const struct energy_request request = {
        READINGS(AT(-20, 0, 500, 0, 0), AT(-5, 0, 1000, 0, 0), AT(15, 0, 2000, 0, 0),
                 AT(30, 0, 2500, 0, 0), AT(70, 0, 5000, 0, 0), AT(80, 0, 6000, 0, 0)),
        .boundaries = hour, .interval_count = 4, .rules = half_a_minute};
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.span_count, 2);
    assert_true(energy.spans[0].crosses && energy.spans[1].crosses);
    assert_exact(&energy.allocated, "0.5");
    assert_exact(&energy.unallocated, "3.5");
    assert_exact(&energy.crossing, "3.5");
    energy_free(&energy);
}

static void reset_is_unknown_and_in_neither_sum(void **state)
{
    (void)state;
    struct energy energy;
    const struct energy_request request = {
        READINGS(AT(0, 0, 5000, 0, 0), AT(7, 0, 6000, 0, 0), AT(8, 0, 10, 0, 0),
                 AT(15, 0, 40, 0, 0), AT(30, 0, 50, 0, 0), AT(45, 0, 60, 0, 0),
                 AT(60, 0, 70, 0, 0)),
        .boundaries = hour, .interval_count = 4, .rules = half_a_minute};
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.intervals[0].state, ENERGY_BROKEN);
    assert_int_equal(energy.complete, 3);
    assert_int_equal(energy.unknown_count, 1);
    assert_int_equal(energy.unknowns[0].kind, ENERGY_RESET);
    assert_int_equal(energy.unknowns[0].from_us, 7 * MINUTE_US);
    assert_int_equal(energy.span_count, 2);
    assert_exact(&energy.unallocated, "1.03");
    assert_exact(&energy.allocated, "0.03");
    assert_int_equal(energy.segment_count, 2);
    energy_free(&energy);
}

static void roll_over_needs_modulus_and_rate(void **state)
{
    (void)state;
    const struct energy_reading readings[] = {AT(0, 0, 999500, 0, 0), AT(15, 0, 999900, 0, 0),
                                              AT(30, 0, 200, 0, 0), AT(45, 0, 300, 0, 0),
                                              AT(60, 0, 400, 0, 0)};
    static const struct {
        bool modulus, rate;
        const char *per_hour, *allocated;
        size_t rollovers;
    } cases[] = {{true, true, "1.2", "0.9", 1},    // 0.3 in a quarter of an hour: just so
                 {true, true, "1.1999", "0.6", 0}, // too much
                 {true, false, "0", "0.6", 0},
                 {false, true, "100", "0.6", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct energy energy;
        const struct energy_request request = {.readings = readings,
                                               .reading_count = 5,
                                               .boundaries = hour,
                                               .interval_count = 4,
                                               .rules = {.has_modulus = cases[i].modulus,
                                                         .has_rate = cases[i].rate,
                                                         .modulus = {1000, false, 0},
                                                         .rate = parsed(cases[i].per_hour),
                                                         .tolerance_us = 30000000}};
        assert_int_equal(energy_reckon(&energy, &request), OK);
        assert_exact(&energy.allocated, cases[i].allocated);
        assert_int_equal(energy.unknown_count, !cases[i].rollovers);
        assert_int_equal(energy.segments[0].rollovers, cases[i].rollovers);
        energy_free(&energy);
    }
}

static void exchange_with_its_readings_loses_nothing(void **state)
{
    (void)state;
    struct energy energy;
    struct energy_reading readings[] = {AT(0, 0, 5000, 0, 0),
                                        AT(14, 0, 5900, 0, 0),
                                        AT(20, 0, 6100, 0, ENERGY_SAME),
                                        AT(20, 0, 77000, 0, ENERGY_OPENING),
                                        AT(30, 0, 77050, 0, 0),
                                        AT(45, 0, 77060, 0, 0),
                                        AT(60, 0, 77070, 0, 0)};
    struct energy_request request = {.readings = readings,
                                     .reading_count = 7,
                                     .boundaries = hour,
                                     .interval_count = 4,
                                     .rules = half_a_minute};
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.unknown_count, 0);
    assert_exact(&energy.registered, "1.17");
    assert_exact(&energy.unallocated, "1.15");
    assert_int_equal(energy.segment_count, 2);
    energy_free(&energy);
    readings[3].joint = ENERGY_DISJOINT;
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.unknown_count, 1);
    assert_int_equal(energy.unknowns[0].kind, ENERGY_EXCHANGE);
    energy_free(&energy);
}

static void nothing_comes_of_nothing(void **state)
{
    (void)state;
    struct energy energy;
    struct energy_request request = {
        .boundaries = hour, .interval_count = 4, .rules = half_a_minute};
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.complete + energy.span_count + energy.segment_count, 0);
    assert_int_equal(energy.intervals[3].state, ENERGY_INCOMPLETE);
    energy_free(&energy);
    const struct energy_reading one = AT(15, 0, 5000, 0, 0);
    request.readings = &one;
    request.reading_count = 1;
    assert_int_equal(energy_reckon(&energy, &request), OK);
    assert_int_equal(energy.complete + energy.span_count, 0);
    assert_exact(&energy.registered, "0");
    energy_free(&energy);
}

// --- random histories ---------------------------------------------------------------------------

#define READINGS_MAX   4000
#define BOUNDARIES_MAX 200
#define MODULUS        10000000 // thousandths

// A history: what a register did, in thousandths, and what passed in truth.
struct history {
    struct energy_reading readings[READINGS_MAX];
    int64_t values[READINGS_MAX];
    int64_t passed[READINGS_MAX]; // since the reading before
    bool known[READINGS_MAX];     // whether a register can tell
    size_t count;
    int64_t boundaries[BOUNDARIES_MAX];
    size_t intervals;
    struct energy_rules rules;
};

// Quarters, hours, or days of which some have 23 and 25 hours.
static void draw_boundaries(struct history *history)
{
    int kind = (int)draw(3);
    history->intervals = 1 + draw(kind == 0 ? 96 : kind == 1 ? 48 : 9);
    history->boundaries[0] = (int64_t)draw(1000) * HOUR_US;
    for (size_t i = 0; i < history->intervals; i++) {
        int64_t length = kind == 0 ? 15 * MINUTE_US : HOUR_US;
        length = kind == 2 ? (23 + draw(3)) * HOUR_US : length;
        history->boundaries[i + 1] = history->boundaries[i] + length;
    }
}

static void push(struct history *history, int64_t t_us, int64_t value, int64_t passed, bool known,
                 enum energy_joint joint)
{
    size_t i = history->count++;
    history->readings[i] = (struct energy_reading){
        .t_us = t_us, .value = thousandths(value), .flags = draw(8), .joint = joint};
    history->values[i] = value;
    history->passed[i] = passed;
    history->known[i] = known;
}

static void draw_history(struct history *history)
{
    *history = (struct history){.count = 0};
    draw_boundaries(history);
    static const int64_t periods[] = {15000000, 60000000, 300000000, 900000000};
    int64_t end_us = history->boundaries[history->intervals] + (int64_t)draw(3) * HOUR_US;
    int64_t t_us = history->boundaries[0] - (int64_t)draw(3) * HOUR_US - draw(900000000);
    int64_t period_us = periods[draw(4)];
    while ((end_us - t_us) / period_us > READINGS_MAX - 200) {
        period_us *= 2;
    }
    bool aligned = draw(2), declared = draw(3) > 0, busy = draw(3) > 0;
    t_us = aligned ? t_us / period_us * period_us : t_us;
    int64_t value = draw(MODULUS), rate = draw(2) ? 40000 : 3000000; // an hour
    history->rules = (struct energy_rules){.has_modulus = declared,
                                           .has_rate = declared,
                                           .modulus = thousandths(MODULUS),
                                           .rate = thousandths(rate),
                                           .tolerance_us = period_us / 2 < MINUTE_US ? period_us / 2
                                                                                     : MINUTE_US};
    int64_t pending = 0, last_us = t_us;
    bool first = true, set_back = false;
    for (; t_us < end_us && history->count < READINGS_MAX - 4; t_us += period_us) {
        int64_t now_us = aligned ? t_us : t_us + draw(20000);
        int64_t most = rate * period_us / HOUR_US; // rounded down: the rate is never exceeded
        int64_t passed = busy && most ? draw((uint32_t)most + 1) : 0;
        pending += passed;
        value += passed;
        if (value >= MODULUS) {
            value -= MODULUS;
            set_back = set_back || !declared;
        }
        uint32_t dice = draw(busy ? 400 : 4000);
        if (dice == 0) { // a reset, unseen
            int64_t to = draw(1000);
            set_back = set_back || to < value;
            if (to < value) {
                value = to;
            }
        } else if (dice == 1 && !first && !set_back && last_us < now_us) {
            int64_t opening = draw(MODULUS);
            push(history, now_us, value, pending, true, ENERGY_SAME);
            push(history, now_us, opening, 0, true, ENERGY_OPENING);
            value = opening;
            pending = 0;
            last_us = now_us;
            continue;
        } else if (dice == 2 && !first) {
            value = draw(MODULUS);
            push(history, now_us, value, 0, false, ENERGY_DISJOINT);
            pending = 0;
            set_back = false;
            last_us = now_us;
            continue;
        } else if (dice == 3) { // an outage
            t_us += (int64_t)draw(6) * HOUR_US + draw(1000000000);
            t_us = aligned ? t_us / period_us * period_us : t_us;
        } else if (dice < 20) { // a poll missed
            continue;
        }
        if (dice == 3) {
            continue;
        }
        push(history, now_us, value, pending, !first && !set_back, ENERGY_SAME);
        first = false;
        set_back = false;
        pending = 0;
        last_us = now_us;
    }
}

// What a register can tell of a step from its two values alone; another way than the module's.
static bool judge(const struct history *history, size_t i, int64_t *passed)
{
    int64_t from = history->values[i - 1], to = history->values[i];
    if (history->readings[i].joint != ENERGY_SAME) {
        *passed = 0;
        return history->readings[i].joint == ENERGY_OPENING;
    }
    *passed = to - from;
    if (to >= from) {
        return true;
    }
    *passed += MODULUS;
    int64_t seconds_us = history->readings[i].t_us - history->readings[i - 1].t_us;
    // Thousandths an hour fit: 1e7 × 3.6e9 < 2^63.
    struct exact rate = exact_of(history->rules.rate);
    struct text text = text_make(64);
    exact_append(&text, &rate);
    int64_t per_hour = strcmp(text.data, "40") ? 3000000 : 40000;
    text_free(&text);
    return history->rules.has_modulus && *passed * HOUR_US <= per_hour * seconds_us;
}

static size_t nearest(const struct history *history, int64_t boundary)
{
    size_t best = SIZE_MAX;
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < history->count; i++) {
        int64_t distance = llabs(history->readings[i].t_us - boundary);
        // Of closing and opening readings at one time: the closing after the boundary, else the
        // opening; either is right.
        bool closer = history->readings[i].t_us < boundary ? distance <= least : distance < least;
        if (distance <= history->rules.tolerance_us && closer) {
            best = i;
            least = distance;
        }
    }
    return best;
}

static void check_history(const struct history *history)
{
    struct energy energy;
    const struct energy_request request = {.readings = history->readings,
                                           .reading_count = history->count,
                                           .boundaries = history->boundaries,
                                           .interval_count = history->intervals,
                                           .rules = history->rules};
    static bool taken[READINGS_MAX]; // steps that are in a complete interval
    memset(taken, 0, sizeof taken);
    assert_int_equal(energy_reckon(&energy, &request), OK);
    int64_t allocated = 0, all = 0, passed;
    size_t complete = 0;
    for (size_t i = 0; i < history->intervals; i++) {
        const struct energy_interval *interval = &energy.intervals[i];
        size_t from = nearest(history, history->boundaries[i]);
        size_t to = nearest(history, history->boundaries[i + 1]);
        int64_t sum = 0;
        bool whole = from != SIZE_MAX && to != SIZE_MAX;
        for (size_t j = from + 1; whole && j <= to; j++) {
            whole = judge(history, j, &passed);
            sum += passed;
        }
        assert_int_equal(interval->state == ENERGY_COMPLETE, whole);
        if (whole) {
            assert_thousandths(&interval->energy, sum);
            assert_int_equal(interval->opened_us, history->readings[from].t_us);
            assert_int_equal(interval->closed_us, history->readings[to].t_us);
            allocated += sum;
            complete++;
            for (size_t j = from + 1; j <= to; j++) {
                taken[j] = true;
            }
        }
    }
    assert_int_equal(energy.complete, complete);
    assert_thousandths(&energy.allocated, allocated);

    // All steps between the two ends, and those that are in no interval.
    size_t begin = nearest(history, history->boundaries[0]), end;
    size_t unknown = 0;
    for (size_t i = 0; begin == SIZE_MAX && i <= history->count; i++) {
        if (i == history->count || history->readings[i].t_us >= history->boundaries[0]) {
            begin = i ? i - 1 : 0;
        }
    }
    end = nearest(history, history->boundaries[history->intervals]);
    for (size_t i = 0; end == SIZE_MAX && i < history->count; i++) {
        if (i + 1 == history->count ||
            history->readings[i].t_us >= history->boundaries[history->intervals]) {
            end = i;
        }
    }
    int64_t unallocated = 0;
    for (size_t j = begin + 1; history->count && j <= end; j++) {
        if (judge(history, j, &passed)) {
            // What the register tells is what passed.
            if (history->known[j]) {
                assert_int_equal(passed, history->passed[j]);
            }
            all += passed;
            unallocated += taken[j] ? 0 : passed;
        } else {
            assert_int_equal(energy.unknowns[unknown].from_us, history->readings[j - 1].t_us);
            assert_int_equal(energy.unknowns[unknown].to_us, history->readings[j].t_us);
            unknown++;
        }
    }
    assert_int_equal(energy.unknown_count, unknown);
    assert_thousandths(&energy.unallocated, unallocated);
    assert_thousandths(&energy.registered, all);
    struct exact sum = energy.allocated, spans = {{0}};
    exact_add(&sum, &energy.unallocated);
    assert_int_equal(exact_compare(&sum, &energy.registered), 0);
    for (size_t i = 0; i < energy.span_count; i++) {
        exact_add(&spans, &energy.spans[i].energy);
    }
    assert_int_equal(exact_compare(&spans, &energy.unallocated), 0);

    // Every gap is told: between the ends, an interval without a figure has a span or an unknown.
    for (size_t i = 0; history->count && begin < end && i < history->intervals; i++) {
        int64_t from_us = history->boundaries[i], to_us = history->boundaries[i + 1];
        bool told = energy.intervals[i].state == ENERGY_COMPLETE ||
                    history->readings[begin].t_us >= to_us ||
                    history->readings[end].t_us <= from_us || nearest(history, from_us) == end ||
                    nearest(history, to_us) == begin;
        for (size_t j = 0; j < energy.span_count; j++) {
            told = told || (energy.spans[j].from_us < to_us && energy.spans[j].to_us > from_us);
        }
        for (size_t j = 0; j < energy.unknown_count; j++) {
            told =
                told || (energy.unknowns[j].from_us < to_us && energy.unknowns[j].to_us > from_us);
        }
        assert_true(told);
    }
    energy_free(&energy);
}

static void random_histories_add_up_exactly(void **state)
{
    (void)state;
    static struct history history;
    size_t complete = 0, unknown = 0, rollovers = 0, openings = 0;
    for (long i = 0; i < effort(10000); i++) {
        draw_history(&history);
        check_history(&history);
        for (size_t j = 1; j < history.count; j++) {
            int64_t passed;
            bool known = judge(&history, j, &passed);
            openings += history.readings[j].joint == ENERGY_OPENING;
            unknown += !known;
            rollovers += known && history.readings[j].joint == ENERGY_SAME &&
                         history.values[j] < history.values[j - 1];
        }
        complete += history.intervals;
    }
    print_message("%zu intervals, %zu unknowns, %zu roll-overs, %zu exchanges\n", complete, unknown,
                  rollovers, openings);
    assert_true(complete && unknown && rollovers && openings);
}

int main(void)
{
    const char *given = getenv("SEED");
    seed =
        given ? strtoull(given, NULL, 10) : (uint64_t)getpid() * 2654435761u + 88172645463325252u;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_holds_every_decimal),
        cmocka_unit_test(exact_adds_and_compares),
        cmocka_unit_test(exact_multiplies),
        cmocka_unit_test(exact_is_quoted_in_json_beyond_15_digits),
        cmocka_unit_test(reading_nearest_a_boundary_closes_one_and_opens_the_next),
        cmocka_unit_test(interval_is_ambiguous_when_a_reading_may_not_be_near_its_boundary),
        cmocka_unit_test(what_stands_behind_readings_is_told_of_what_passed_between_them),
        cmocka_unit_test(gap_is_one_span_and_never_filled_in),
        cmocka_unit_test(span_over_an_edge_is_marked),
        cmocka_unit_test(reset_is_unknown_and_in_neither_sum),
        cmocka_unit_test(roll_over_needs_modulus_and_rate),
        cmocka_unit_test(exchange_with_its_readings_loses_nothing),
        cmocka_unit_test(nothing_comes_of_nothing),
        cmocka_unit_test(random_histories_add_up_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
