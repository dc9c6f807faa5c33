// Results as they are shown: two digits of U, the value to the same place.
#include "measure/rounding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_result_is_rounded_by_its_uncertainty(void **state)
{
    (void)state;
    static const struct {
        double value, uncertainty;
        const char *shown, *shown_uncertainty;
    } rows[] = {
        {230.12345, 0.0312, "230.123", "0.031"},
        {230.12345, 0.35, "230.12", "0.35"},
        {230.12345, 0.996, "230.1", "1.0"},
        {230.12345, 0.0996, "230.12", "0.10"},
        {230.12345, 9.96, "230", "10"},
        {12345.6, 123, "12350", "120"},
        {12345.6, 1000, "12300", "1000"},
        {-0.0001, 0.1, "0.00", "0.10"},
        {-23.456, 0.31, "-23.46", "0.31"},
        {1e-9, 2.5e-12, "0.0000000010000", "0.0000000000025"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text text = text_make(100);
        int place = rounding_place(rows[i].uncertainty);
        rounding_append(&text, rows[i].value, place);
        assert_string_equal(text.data, rows[i].shown);
        text_clear(&text);
        rounding_append(&text, rows[i].uncertainty, place);
        assert_string_equal(text.data, rows[i].shown_uncertainty);
        text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_result_is_rounded_by_its_uncertainty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
