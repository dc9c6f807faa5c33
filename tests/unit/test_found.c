// measure/found: what was found before an adjustment against what may be.
#include "certificate_files.h"
#include "measure/found.h"

static struct certificate_point points[] = {
    {10, 0.1, 0.05, 2}, {20, -0.3, 0.05, 2}, {30, 0.2, 0.08, 2.5}};
static const struct certificate_quantity quantity = {.points = points, .point_count = 3};

static void expect(const struct found_rule *rule, double indication, enum found_verdict verdict,
                   double error, double tolerance)
{
    struct found found = found_at(&quantity, rule, indication);
    assert_int_equal(found.verdict, verdict);
    assert_true(fabs(found.tolerance - tolerance) < 1e-15);
    if (verdict != FOUND_UNKNOWN) {
        assert_true(fabs(found.error - error) < 1e-15);
    }
}

static void an_error_is_interpolated_and_never_extrapolated(void **state)
{
    (void)state;
    const struct found_rule rule = {.absolute = 0.25};
    expect(&rule, 10, FOUND_WITHIN, 0.1, 0.25);
    expect(&rule, 15, FOUND_WITHIN, -0.1, 0.25);
    expect(&rule, 18, FOUND_WITHIN, -0.22, 0.25);
    expect(&rule, 19.5, FOUND_BEYOND, -0.28, 0.25);
    expect(&rule, 20, FOUND_BEYOND, -0.3, 0.25);
    expect(&rule, 30, FOUND_WITHIN, 0.2, 0.25);
    expect(&rule, 9.999, FOUND_UNKNOWN, 0, 0.25);
    expect(&rule, 30.001, FOUND_UNKNOWN, 0, 0.25);
    assert_int_equal(found_at(&quantity, &rule, NAN).verdict, FOUND_UNKNOWN);
    assert_int_equal(found_at(&quantity, &rule, INFINITY).verdict, FOUND_UNKNOWN);
    assert_int_equal(found_beyond(&quantity, &rule), 1);
}

static void u_guards_where_it_is_asked_for(void **state)
{
    (void)state;
    struct found_rule rule = {.absolute = 0.25};
    // 0.2 with U = 0.08, k = 2.5: within 0.25, not within 0.25 − 0.08.
    expect(&rule, 30, FOUND_WITHIN, 0.2, 0.25);
    rule.guarded = true;
    expect(&rule, 30, FOUND_BEYOND, 0.2, 0.25);
    // At 10, u = 0.025 with the greatest k of the points, 2.5: never less than was stated.
    struct found found = found_at(&quantity, &rule, 10);
    assert_true(fabs(found.expanded_uncertainty - 0.0625) < 1e-15);
    assert_int_equal(found.verdict, FOUND_WITHIN);
    // U above the tolerance: nothing can be said to be within it.
    rule.absolute = 0.04;
    assert_int_equal(found_beyond(&quantity, &rule), 3);
}

static void the_greater_of_both_tolerances_holds(void **state)
{
    (void)state;
    const struct found_rule rule = {.absolute = 0.15, .relative = 0.01};
    expect(&rule, 10, FOUND_WITHIN, 0.1, 0.15);
    expect(&rule, 20, FOUND_BEYOND, -0.3, 0.2);
    expect(&rule, 30, FOUND_WITHIN, 0.2, 0.3);
}

// 50.2 − 50 is 0.2 and 3 units of the last digit.
static void an_error_at_the_tolerance_is_within_it(void **state)
{
    (void)state;
    struct certificate_point at[] = {{50.2, 50.2 - 50, 0.01, 2}};
    const struct certificate_quantity one = {.points = at, .point_count = 1};
    const struct found_rule rule = {.absolute = 0.2};
    assert_true(at[0].error > rule.absolute);
    assert_int_equal(found_at(&one, &rule, 50.2).verdict, FOUND_WITHIN);
    at[0].error = 0.2 + 1e-9;
    assert_int_equal(found_at(&one, &rule, 50.2).verdict, FOUND_BEYOND);
}

static void at_loads_error_and_tolerance_are_parts(void **state)
{
    (void)state;
    struct certificate_point at[] = {{0.23, 0.012, 0.001, 2}, {23, -0.004, 0.001, 2}};
    const struct certificate_quantity meter = {.points = at, .point_count = 2, .by_load = true};
    const struct found_rule rule = {.relative = 0.01};
    assert_int_equal(found_at(&meter, &rule, 0.23).verdict, FOUND_BEYOND);
    assert_int_equal(found_at(&meter, &rule, 23).verdict, FOUND_WITHIN);
    assert_int_equal(found_at(&meter, &rule, 0.1).verdict, FOUND_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_interpolated_and_never_extrapolated),
        cmocka_unit_test(u_guards_where_it_is_asked_for),
        cmocka_unit_test(the_greater_of_both_tolerances_holds),
        cmocka_unit_test(an_error_at_the_tolerance_is_within_it),
        cmocka_unit_test(at_loads_error_and_tolerance_are_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
