// Clock, waiting, text and digest: what the rest stands on.
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "base/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

static void clock_formats_utc_to_the_microsecond(void **state)
{
    (void)state;
    char out[32];
    clock_format_utc(1795498776120034, out);
    assert_string_equal(out, "2026-11-24T05:39:36.120034Z"); // date -u -d @1795498776
    clock_format_utc(-1, out);
    assert_string_equal(out, "1969-12-31T23:59:59.999999Z");
}

static void clock_reads_what_it_wrote(void **state)
{
    (void)state;
    for (int64_t t = -62135596800000000; t < 253402300800000000; t += 86400123457 * 97) {
        char out[32];
        int64_t back;
        clock_format_utc(t, out);
        assert_int_equal(clock_parse_utc(out, &back), OK);
        assert_int_equal(back, t);
    }
}

static void clock_reads_zones_and_bare_dates(void **state)
{
    (void)state;
    int64_t t;
    assert_int_equal(clock_parse_utc("2026-11-24T08:00:00+08:00", &t), OK);
    assert_int_equal(t, 1795478400000000);
    assert_int_equal(clock_parse_utc("2026-11-24", &t), OK);
    assert_int_equal(t, 1795478400000000);
    assert_int_equal(clock_parse_utc("2026-11-24T00:00:00.5Z", &t), OK);
    assert_int_equal(t, 1795478400500000);
}

static void clock_refuses_what_is_no_time(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026-13-01",
                                      "2026-02-30",
                                      "2026-11-24T25:00:00Z",
                                      "2026-11-24T08:00:00",
                                      "2026-11-24T08:00:00+8:00",
                                      "2026-11-24T08:00:00.Z",
                                      "2026-11-24T08:00:00.1234567Z",
                                      "2026-11-24 ",
                                      "2026-11-24T08:00:00Zx",
                                      "2026-1-2",
                                      "2026-+1-02",
                                      " 026-01-02",
                                      "2026-11-24T+1:00:00Z",
                                      "2026-11-24T08:00:00+-8:00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t t = 7;
        assert_int_equal(clock_parse_utc(bad[i], &t), ERROR_INPUT);
        assert_int_equal(t, 7);
    }
}

static void text_never_passes_its_maximum(void **state)
{
    (void)state;
    struct text text = text_make(8);
    text_append_string(&text, "12345678");
    assert_false(text.failed);
    text_append_string(&text, "9");
    assert_true(text.failed);
    assert_string_equal(text.data, "12345678");
    text_append_string(&text, "");
    assert_true(text.failed);
    text_clear(&text);
    text_append_int(&text, INT64_MIN + 1);
    assert_true(text.failed); // 20 characters
    text_free(&text);
}

static void text_writes_integers_to_both_ends(void **state)
{
    (void)state;
    struct text text = text_make(100);
    text_append_int(&text, INT64_MIN);
    text_append_string(&text, " ");
    text_append_int(&text, INT64_MAX);
    text_append_string(&text, " ");
    text_append_int(&text, 0);
    assert_string_equal(text.data, "-9223372036854775808 9223372036854775807 0");
    text_free(&text);
}

static void text_has_one_form_for_a_json_string(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"plain °C", "\"plain °C\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"\n\x1f", "\"\\u000a\\u001f\""},
        {"\xff", "\"\xef\xbf\xbd\""},
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 // overlong
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, // surrogate
        {"\xe4\xbd", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 // cut short
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
        {"", "\"\""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text text = text_make(100);
        text_append_json(&text, rows[i][0]);
        assert_string_equal(text.data, rows[i][1]);
        text_free(&text);
    }
}

static void text_reads_lower_case_hex_only(void **state)
{
    (void)state;
    unsigned char bytes[2];
    assert_int_equal(text_parse_hex("00ff", bytes, 2), OK);
    assert_int_equal(bytes[1], 0xff);
    assert_int_equal(text_parse_hex("00FF", bytes, 2), ERROR_INPUT);
    assert_int_equal(text_parse_hex("00f", bytes, 2), ERROR_INPUT);
}

static void digest_agrees_with_fips_180(void **state)
{
    (void)state;
    char hex[DIGEST_HEX];
    struct digest digest = digest_of("a", 1, "bc", 2);
    text_format_hex(digest.bytes, DIGEST_SIZE, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest = digest_of(NULL, 0, NULL, 0);
    text_format_hex(digest.bytes, DIGEST_SIZE, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void wait_takes_the_time_it_was_given(void **state)
{
    (void)state;
    int fd = eventfd(0, EFD_CLOEXEC);
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    assert_int_equal(wait_for(&polled, 1, -1), 0);
    int64_t before = clock_mono_us(&clock_system);
    assert_int_equal(wait_for(&polled, 1, 20000000), 0);
    assert_true(clock_mono_us(&clock_system) - before >= 19999);
    before = clock_mono_us(&clock_system);
    assert_int_equal(wait_for(&polled, 1, 1020000000), 0);
    assert_true(clock_mono_us(&clock_system) - before >= 1019999);
    assert_int_equal(eventfd_write(fd, 1), 0);
    assert_int_equal(wait_for(&polled, 1, INT64_MAX), 1);
    assert_int_equal(polled.revents, POLLIN);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_formats_utc_to_the_microsecond),
        cmocka_unit_test(clock_reads_what_it_wrote),
        cmocka_unit_test(clock_reads_zones_and_bare_dates),
        cmocka_unit_test(clock_refuses_what_is_no_time),
        cmocka_unit_test(wait_takes_the_time_it_was_given),
        cmocka_unit_test(text_never_passes_its_maximum),
        cmocka_unit_test(text_writes_integers_to_both_ends),
        cmocka_unit_test(text_has_one_form_for_a_json_string),
        cmocka_unit_test(text_reads_lower_case_hex_only),
        cmocka_unit_test(digest_agrees_with_fips_180),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
