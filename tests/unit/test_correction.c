// The corrected value and U by hand-made certificates; random ones are test_correction.py's.
#include "measure/correction.h"
#include "measure/freedom.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CLOSE 1e-12

static struct certificate_point points[] = {
    {0, 0.10, 0.20, 2}, {10, 0.30, 0.40, 2}, {20, -0.10, 0.30, 2.2}};
static const struct correction_parts no_parts = {.resolution = 0};
static const struct correction_time now = {.t_us = 1700000000000000, .half_window_us = 1000};

static struct certificate_quantity calibrated(size_t count)
{
    return (struct certificate_quantity){.points = points, .point_count = count};
}

static void check(const struct correction *correction, double indication, double value, double u)
{
    double got, expanded;
    assert_int_equal(correction_apply(correction, indication, now, &got, &expanded), CORRECTED);
    assert_true(fabs(got - value) < CLOSE);
    assert_true(fabs(expanded - u) < CLOSE);
}

static void at_and_between_points(void **state)
{
    (void)state;
    struct certificate_quantity quantity = calibrated(2);
    struct correction correction = correction_make(&quantity, false, &no_parts);
    assert_true(correction.k == 2);
    check(&correction, 0, -0.10, 0.20);
    check(&correction, 10, 9.70, 0.40);
    check(&correction, 2.5, 2.5 - 0.15, 0.25); // fully correlated: u goes straight from 0.1 to 0.2
}

static void never_beyond_the_points(void **state)
{
    (void)state;
    struct certificate_quantity quantity = calibrated(3), one = calibrated(1);
    struct correction correction = correction_make(&quantity, false, &no_parts);
    struct correction single = correction_make(&one, false, &no_parts);
    double value = 7, expanded = 8;
    const double outside[] = {-1e-9, 20.0000001, -INFINITY};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(correction_apply(&correction, outside[i], now, &value, &expanded),
                         CORRECTED_OUTSIDE);
    }
    assert_int_equal(correction_apply(&correction, outside[2], now, &value, &expanded),
                     CORRECTED_NOT);
    assert_int_equal(correction_apply(&correction, NAN, now, &value, &expanded), CORRECTED_NOT);
    assert_int_equal(correction_apply(&single, 0.001, now, &value, &expanded), CORRECTED_OUTSIDE);
    assert_true(value == 7 && expanded == 8);
    check(&single, 0, -0.10, 0.20);
}

static void the_greatest_coverage_factor_holds_for_all(void **state)
{
    (void)state;
    struct certificate_quantity quantity = calibrated(3);
    struct correction correction = correction_make(&quantity, false, &no_parts);
    assert_true(correction.k == 2.2);
    check(&correction, 10, 9.70, 2.2 * 0.20);
}

static void parts_are_independent_of_the_calibration(void **state)
{
    (void)state;
    struct certificate_quantity quantity = calibrated(2);
    const struct correction_declared declared = {.influence = 0.4,
                                                 .drift_per_us = 1e-9,
                                                 .since_us = now.t_us - 100000000,
                                                 .slope_per_us = 1e-4,
                                                 .refresh_us = 0};
    const struct correction_parts parts = {.resolution = 0.2, .declared = &declared};
    struct correction correction = correction_make(&quantity, false, &parts);
    check(&correction, 10, 9.70, 2 * sqrt(0.04 + 0.04 + 0.01 + 0.16 + 0.01));
    struct correction_budget budget;
    assert_int_equal(correction_budget(&correction, 10, now, &budget), CORRECTED);
    assert_true(budget.calibration == 0.2 && budget.resolution == 0.2 && budget.drift == 0.1 &&
                budget.influence == 0.4 && budget.error == 0.3);
}

static void a_verified_instrument_is_within_its_limit_of_error(void **state)
{
    (void)state;
    struct certificate_quantity quantity = {.mpe_absolute = 0.5, .mpe_relative = 0.01};
    struct correction correction = correction_make(&quantity, false, &no_parts);
    check(&correction, 10, 10, 2 * 0.5 / sqrt(3));
    check(&correction, -100, -100, 2 * 1.0 / sqrt(3));
}

static void a_register_that_counts_up_is_not_corrected_by_reading(void **state)
{
    (void)state;
    struct certificate_quantity quantity = calibrated(2);
    struct correction interval = correction_make(&quantity, true, &no_parts);
    struct correction none = correction_make(NULL, false, &no_parts);
    double value, expanded;
    assert_string_equal(correction_mode_name(interval.mode), "interval");
    assert_string_equal(correction_mode_name(none.mode), "none");
    assert_int_equal(correction_apply(&interval, 5, now, &value, &expanded), CORRECTED_NOT);
    assert_int_equal(correction_apply(&none, 5, now, &value, &expanded), CORRECTED_NOT);
}

// EA-4/02, table E.1; GUM, table G.2.
static void coverage_follows_degrees_of_freedom(void **state)
{
    (void)state;
    static const double known[][2] = {{1, 13.97}, {2, 4.53},  {3, 3.31},  {4, 2.87},  {5, 2.65},
                                      {8, 2.37},  {10, 2.28}, {20, 2.13}, {50, 2.05}, {100, 2.025}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(fabs(freedom_coverage(known[i][0]) - known[i][1]) < 0.005);
        double freedom = freedom_of(freedom_coverage(known[i][0]));
        assert_true(fabs(freedom - known[i][0]) < 1e-3 * known[i][0]);
    }
    assert_true(freedom_coverage(INFINITY) == 2);
    assert_true(isinf(freedom_of(2)) && isinf(freedom_of(1.96)));
    assert_true(fabs(freedom_of(20) - 1) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_and_between_points),
        cmocka_unit_test(never_beyond_the_points),
        cmocka_unit_test(the_greatest_coverage_factor_holds_for_all),
        cmocka_unit_test(parts_are_independent_of_the_calibration),
        cmocka_unit_test(a_verified_instrument_is_within_its_limit_of_error),
        cmocka_unit_test(a_register_that_counts_up_is_not_corrected_by_reading),
        cmocka_unit_test(coverage_follows_degrees_of_freedom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
