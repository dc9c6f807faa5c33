// measure/unit: what a unit's text means, in the D-SI's notation and in people's, and numbers of
// one in another.
#include "config/driver.h"
#include "measure/counting.h"
#include "measure/unit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct unit parse(const char *text)
{
    struct unit unit;
    struct why why = {""};
    if (unit_parse(text, &unit, &why)) {
        fail_msg("%s: %s", text, why.text);
    }
    return unit;
}

static void expect_refusal(const char *text, const char *expected)
{
    struct unit unit = {.factor = 42}, before = unit;
    struct why why = {""};
    assert_int_equal(unit_parse(text, &unit, &why), ERROR_INPUT);
    assert_string_equal(why.text, expected);
    assert_memory_equal(&unit, &before, sizeof unit);
}

// The number in one unit is the other in another, to the last bit.
static void expect_number(const char *from, double number, const char *to, double expected)
{
    struct unit a = parse(from), b = parse(to);
    assert_true(unit_same_kind(&a, &b));
    double got = unit_convert(&a, &b, number);
    if (got != expected) {
        fail_msg("%.17g %s: %.17g %s, expected %.17g", number, from, got, to, expected);
    }
}

static void dsi_units_are_products_of_powers(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int8_t exponents[UNIT_DIMENSIONS];
        double factor; // over divisor
        int decade;
    } cases[] = {
        {"\\metre", {1}, 1, 0},
        {"\\kilogram", {0, 1}, 1, 0},
        {"\\kilo\\gram", {0, 1}, 1, 0},
        {"\\metre\\second\\tothe{-1}", {1, 0, -1}, 1, 0},
        {"\\metre\\per\\second", {1, 0, -1}, 1, 0},
        {"\\metre\\per\\second\\tothe{2}", {1, 0, -2}, 1, 0},
        {"\\kilo\\watt\\hour", {2, 1, -2}, 36, 5},
        {"\\hecto\\pascal", {-1, 1, -2}, 1, 2},
        {"\\centi\\metre\\tothe{3}", {3}, 1, -6},
        {"\\one", {0}, 1, 0},
        {"\\percent", {0}, 1, -2},
        {"\\milli\\bar", {-1, 1, -2}, 1, 2},
        {"\\kilogram\\metre\\tothe{2}\\ampere\\tothe{-2}\\second\\tothe{-3}", {2, 1, -3, -2}, 1, 0},
        {"\\kilogram\\tothe{1}\\metre\\tothe{-3}\\kilogram\\tothe{-1}\\metre\\tothe{3}", {0}, 1, 0},
        {"\\per\\kelvin", {0, 0, 0, 0, -1}, 1, 0},
        {"\\quetta\\hertz", {0, 0, -1}, 1, 30},
        {"\\day", {0, 0, 1}, 864, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct unit unit = parse(cases[i].text);
        assert_memory_equal(unit.exponents, cases[i].exponents, UNIT_DIMENSIONS);
        assert_true(unit.factor / unit.divisor == cases[i].factor);
        assert_int_equal(unit.decade, cases[i].decade);
        assert_true(unit.offset == 0);
    }
}

static void what_people_write_means_the_same(void **state)
{
    (void)state;
    const char *const pairs[][2] = {
        {"kWh", "\\kilo\\watt\\hour"},
        {"V", "\\volt"},
        {"mA", "\\milli\\ampere"},
        {"g/m³", "\\gram\\metre\\tothe{-3}"},
        {"kJ/kg", "\\kilo\\joule\\per\\kilogram"},
        {"m3/h", "\\metre\\tothe{3}\\hour\\tothe{-1}"},
        {"L/min", "\\litre\\per\\minute"},
        {"N·m", "\\newton\\metre"},
        {"N*m", "\\newton\\metre"},
        {"W·m⁻²·K⁻¹", "\\watt\\metre\\tothe{-2}\\kelvin\\tothe{-1}"},
        {"m/s²", "\\metre\\second\\tothe{-2}"},
        {"s^-1", "\\second\\tothe{-1}"},
        {"kg", "\\kilogram"},
        {"min", "\\minute"},
        {"Pa", "\\pascal"},
        {"cd", "\\candela"},
        {"\u00b5g", "\\micro\\gram"}, // the sign
        {"\u03bcg", "\\micro\\gram"}, // the Greek letter
        {"\u03a9", "\\ohm"},
        {"k\u2126", "\\kilo\\ohm"},
        {"°C", "\\degreecelsius"},
        {"°C", "\\degreeCelsius"},
        {"%", "\\percent"},
        {"1", "\\one"},
        {"1/K", "\\kelvin\\tothe{-1}"},
        {"°", "\\degree"},
        {"dam", "\\deca\\metre"},
        {"mol/L", "\\mole\\per\\litre"},
        {"g/kg", "\\gram\\kilogram\\tothe{-1}"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct unit a = parse(pairs[i][0]), b = parse(pairs[i][1]);
        if (memcmp(a.exponents, b.exponents, sizeof a.exponents) != 0 ||
            a.factor / a.divisor != b.factor / b.divisor || a.decade != b.decade ||
            a.offset != b.offset || a.power != b.power) {
            fail_msg("%s is not %s", pairs[i][0], pairs[i][1]);
        }
    }
}

// Our own drivers are of this notation, all of them.
static void units_of_all_drivers_are_known(void **state)
{
    (void)state;
    size_t count = 0, quantities = 0;
    char **ids = driver_list("drivers", &count);
    assert_true(count > 10);
    for (size_t i = 0; i < count; i++) {
        struct faults faults = {0};
        struct driver *driver;
        assert_int_equal(driver_load(&driver, "drivers", ids[i], &faults), OK);
        for (size_t j = 0; j < driver->quantity_count; j++) {
            parse(driver->quantities[j].unit);
            quantities++;
        }
        driver_free(driver);
        faults_free(&faults);
    }
    assert_true(quantities > 100);
    driver_list_free(ids, count);
}

static void numbers_go_from_unit_to_unit(void **state)
{
    (void)state;
    expect_number("\\kilo\\watt\\hour", 1, "\\joule", 3.6e6);
    expect_number("J", 3.6e6, "kWh", 1);
    expect_number("kWh", 1234.5678, "\\kilo\\watt\\hour", 1234.5678);
    expect_number("MWh", 0.123, "kWh", 123);
    expect_number("\\kilo\\volt", 0.23012, "V", 230.12);
    expect_number("mA", 7, "A", 0.007);
    expect_number("bar", 1.01325, "\\hecto\\pascal", 1013.25);
    expect_number("\\pascal", 101325, "kPa", 101.325);
    expect_number("\\one", 0.197, "%", 19.7);
    expect_number("ppm", 250, "\\percent", 0.025);
    expect_number("\\metre\\tothe{3}\\hour\\tothe{-1}", 3.6, "L/s", 1);
    expect_number("°", 180, "\\radian", 3.14159265358979323846);
    expect_number("\\degreecelsius", 0, "\\kelvin", 273.15);
    expect_number("K", 273.15, "°C", 0);
    expect_number("K", 0, "°C", -273.15);
    expect_number("°C", -40, "\\degreeCelsius", -40);
    expect_number("\\milli\\kelvin", 273150, "°C", 0);
}

// An error of 1 °C is one of 1 K; and in a product a degree Celsius is a difference too.
static void differences_of_temperature_have_no_offset(void **state)
{
    (void)state;
    struct unit kelvin = parse("\\kelvin"), celsius = parse("°C"), milli = parse("mK");
    assert_true(unit_convert_difference(&kelvin, &celsius, 0.061) == 0.061);
    assert_true(unit_convert_difference(&celsius, &kelvin, -1.5) == -1.5);
    assert_true(unit_convert_difference(&milli, &celsius, 61) == 0.061);
    struct unit slope = parse("mV/°C"), other = parse("\\milli\\volt\\kelvin\\tothe{-1}");
    assert_true(slope.offset == 0);
    assert_true(unit_same_kind(&slope, &other));
    assert_true(parse("\\degreecelsius\\tothe{-1}").offset == 0);
}

// There and back again, for every pair of a kind.
static void conversions_undo_each_other(void **state)
{
    (void)state;
    static const char *const texts[] = {"kWh", "J",  "MWh",  "Wh", "°C",  "K",   "mK", "bar",
                                        "hPa", "Pa", "mmHg", "%",  "ppm", "1",   "°",  "rad",
                                        "m³",  "L",  "km",   "m",  "min", "day", "h",  "g/kg"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            struct unit a, b;
            if (unit_parse(texts[i], &a, NULL) || unit_parse(texts[j], &b, NULL) ||
                !unit_same_kind(&a, &b)) {
                continue;
            }
            // Where a's zero is in a's unit, counted from b's.
            double zero = fabs(unit_convert_difference(&b, &a, unit_convert(&a, &b, 0)));
            for (double number = -3.7; number < 1e6;
                 number = number < 1 ? number + 1.9 : number * 13.7) {
                double there = unit_convert(&a, &b, number), back = unit_convert(&b, &a, there);
                assert_true(fabs(back - number) <= 1e-15 * (fabs(number) + zero));
                there = unit_convert_difference(&a, &b, number);
                back = unit_convert_difference(&b, &a, there);
                assert_true(fabs(back - number) <= 1e-15 * fabs(number));
            }
        }
    }
}

static bool same(const char *a, const char *b)
{
    struct unit one = parse(a), other = parse(b);
    return unit_same_kind(&one, &other) && unit_same_kind(&other, &one);
}

static void kinds_are_kept_apart(void **state)
{
    (void)state;
    assert_true(same("kWh", "\\joule"));
    assert_true(same("\\volt\\ampere", "W")); // not said which of the three
    assert_true(same("\\volt\\ampere", "kvar"));
    assert_true(same("N·m", "J"));
    assert_true(same("%", "\\one"));
    assert_false(same("kWh", "kvarh"));
    assert_false(same("VA", "W"));
    assert_false(same("\\watt\\hour", "kvarh"));
    assert_false(same("°", "%"));
    assert_false(same("\\radian", "\\one"));
    assert_false(same("V", "A"));
    assert_false(same("°C", "°"));
    assert_true(unit_is_number(&(struct unit){.factor = 1, .divisor = 1}));
    struct unit angle = parse("°");
    assert_false(unit_is_number(&angle));
}

static void a_register_has_its_load(void **state)
{
    (void)state;
    const char *const pairs[][2] = {
        {"kWh", "\\kilo\\watt"}, {"kvarh", "kvar"}, {"m³", "m³/h"}, {"J", "J/h"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct unit is = parse(pairs[i][0]), load = unit_per_hour(&is), other = parse(pairs[i][1]);
        assert_true(unit_same_kind(&load, &other));
        assert_true(unit_convert(&other, &load, 2.5) == 2.5);
    }
    struct unit active = parse("kWh"), load = unit_per_hour(&active), reactive = parse("kvar");
    assert_false(unit_same_kind(&load, &reactive));
}

static void what_is_no_unit_is_refused_where_it_stands(void **state)
{
    (void)state;
    expect_refusal("", "unit '', character 1: the text ends (expected a unit such as kWh, °C or "
                       "m³/h)");
    expect_refusal("\\", "unit '\\', character 1: a backslash and no name (expected a unit such as "
                         "\\metre)");
    expect_refusal("\\kilo", "unit '\\kilo', character 6: the text ends (expected a unit such as "
                             "\\metre)");
    expect_refusal("\\kilo\\wat\\hour",
                   "unit '\\kilo\\wat\\hour', character 6: unknown 'wat' (expected a unit of the "
                   "D-SI; did you mean watt?)");
    expect_refusal("\\kgf", "unit '\\kgf', character 1: unknown 'kgf' (expected a unit of the "
                            "D-SI)");
    expect_refusal("\\kibi\\byte", "unit '\\kibi\\byte': kibi: not taken (binary prefixes count "
                                   "bits and bytes, which are not measured here)");
    expect_refusal("\\decibel", "unit '\\decibel': decibel: not taken (a logarithmic level cannot "
                                "be converted by a factor)");
    expect_refusal("\\kilo\\percent",
                   "unit '\\kilo\\percent', character 6: a prefix before 'percent' (expected none "
                   "there)");
    expect_refusal("\\milli\\kilogram",
                   "unit '\\milli\\kilogram', character 7: a prefix before 'kilogram' (expected "
                   "none there)");
    expect_refusal("\\metre\\tothe{0}",
                   "unit '\\metre\\tothe{0}', character 7: its exponent cannot be read (expected "
                   "\\tothe{n}, n a whole number from -9 to 9, not 0)");
    expect_refusal("\\metre\\tothe{1.5}",
                   "unit '\\metre\\tothe{1.5}', character 15: its exponent does not end (expected "
                   "\\tothe{n}, n a whole number from -9 to 9, not 0)");
    expect_refusal("\\metre\\tothe{99999999999}",
                   "unit '\\metre\\tothe{99999999999}', character 7: its exponent cannot be read "
                   "(expected \\tothe{n}, n a whole number from -9 to 9, not 0)");
    expect_refusal("\\metre\\tothe", "unit '\\metre\\tothe', character 7: its exponent cannot be "
                                     "read (expected \\tothe{n}, n a whole number from -9 to 9, "
                                     "not 0)");
    expect_refusal("\\metre \\second", "unit '\\metre \\second', character 7: no backslash "
                                       "(expected a unit such as \\metre)");
    expect_refusal("\\metre\\per\\second\\kilogram",
                   "unit '\\metre\\per\\second\\kilogram', character 18: above or below the line, "
                   "behind \\per? (expected \\per before it, or \\tothe{-1} instead of \\per)");
    expect_refusal("|mbar", "unit '|mbar', character 1: unknown '|mbar' (expected a unit such as "
                            "kWh, °C or m³/h)");
    expect_refusal("kWh!", "unit 'kWh!', character 1: unknown 'kWh!' (expected a unit such as kWh, "
                           "°C or m³/h)");
    expect_refusal("m³/h/h", "unit 'm³/h/h', character 5: more behind the '/' (expected one unit "
                             "there; exponents for the others, as in W·m⁻²·K⁻¹)");
    expect_refusal("V A", "unit 'V A', character 2: no operator (expected ·, / or the end)");
    expect_refusal("m·", "unit 'm·', character 3: the text ends (expected a unit such as kWh, °C "
                         "or m³/h)");
    expect_refusal("m^x", "unit 'm^x', character 2: its exponent cannot be read (expected a whole "
                          "number from -9 to 9, not 0)");
    expect_refusal("m%", "unit 'm%', character 1: unknown 'm%' (expected a unit such as kWh, °C or "
                         "m³/h)");
}

static void hostile_units_are_bounded(void **state)
{
    (void)state;
    struct unit unit;
    struct why why;
    char text[UNIT_TEXT_MAX * 2] = "";
    while (strlen(text) < UNIT_TEXT_MAX - 12) {
        strncat(text, "m\xc2\xb7", 4);
    }
    strncat(text, "m", 2);
    assert_int_equal(unit_parse(text, &unit, &why), ERROR_INPUT); // exponent 60 and more
    assert_non_null(strstr(why.text, "exponents grow too large"));
    assert_int_equal(unit_parse("\\quetta\\metre\\tothe{9}", &unit, &why), ERROR_INPUT);
    assert_non_null(strstr(why.text, "factor grows too large"));
    memset(text, 'm', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(unit_parse(text, &unit, &why), ERROR_INPUT);
    assert_non_null(strstr(why.text, "expected at most 200"));
}

static void register_counts_what_its_rate_adds(void **state)
{
    (void)state;
    static const struct {
        const char *count, *rate;
        double per_second;
    } good[] = {{"kWh", "W", 1 / 3.6e6},    {"kWh", "kW", 1 / 3.6e3},    {"MWh", "kW", 1 / 3.6e6},
                {"Wh", "MW", 1e6 / 3600},   {"kvarh", "var", 1 / 3.6e6}, {"kVAh", "kVA", 1 / 3.6e3},
                {"m³", "m³/h", 1 / 3600.0}, {"m³", "L/min", 1e-3 / 60},  {"GJ", "kW", 1e-6},
                {"t", "kg/s", 1e-3}};
    static const char *const bad[][2] = {{"kWh", "V"},   {"kWh", "kWh"}, {"W", "kWh"},
                                         {"kWh", "var"}, {"m³", "kg/h"}, {"1", "W"}};
    double per_second;
    struct why why;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(counting_factor(good[i].count, good[i].rate, &per_second, &why), OK);
        assert_true(fabs(per_second / good[i].per_second - 1) < 1e-14);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(counting_factor(bad[i][0], bad[i][1], &per_second, &why), ERROR_INPUT);
    }
    assert_string_equal(why.text, "W in the course of time gives no 1");
    assert_int_equal(counting_factor("kWh", "nonsense", &per_second, NULL), ERROR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(register_counts_what_its_rate_adds),
        cmocka_unit_test(dsi_units_are_products_of_powers),
        cmocka_unit_test(what_people_write_means_the_same),
        cmocka_unit_test(units_of_all_drivers_are_known),
        cmocka_unit_test(numbers_go_from_unit_to_unit),
        cmocka_unit_test(differences_of_temperature_have_no_offset),
        cmocka_unit_test(conversions_undo_each_other),
        cmocka_unit_test(kinds_are_kept_apart),
        cmocka_unit_test(a_register_has_its_load),
        cmocka_unit_test(what_is_no_unit_is_refused_where_it_stands),
        cmocka_unit_test(hostile_units_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
