// Definitions are read in their one form: the golden ones of docs/FORMAT.md, and nothing near them.
#include "archive/book.h"
#include "archive/points.h"

#include "base/text.h"
#include "ledger/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HASH "\"fbc3e796c5aa949193b4df6584ab9c6ade153c57ac62e10579cc6118bd290277\""
#define HEAD                                                                                       \
    "{\"tally-definitions\":1,\"software\":" HASH ",\"config\":" HASH ",\"time_zone\":\"UTC\","    \
    "\"points\":{"
#define POINT                                                                                      \
    "{\"instrument\":\"oven\",\"maker\":\"M\\\"\\u0009\",\"model\":\"\",\"serial\":\"\","          \
    "\"identity\":\"declared\",\"bus\":\"b\",\"unit_address\":1,\"driver\":" HASH                  \
    ",\"quantity\":\"t\",\"unit\":\"\xc2\xb0"                                                      \
    "C\",\"fc\":3,\"address\":0,\"count\":1,"                                                      \
    "\"type\":\"uint16\",\"order\":\"AB\",\"scale\":\"0.1\",\"ratio\":\"1\","                      \
    "\"resolution\":\"0.1\",\"every_us\":1000000,"
#define WITHOUT "\"certificate\":null,\"correction\":\"none\"}"
#define WITH    "\"certificate\":" HASH ",\"correction\":\"pointwise\",\"k\":\"2\"}"
#define DRIFT                                                                                      \
    ",\"drift\":{\"half_width\":\"0.4\",\"per_us\":31557600000000,\"since\":\"2026-03-02\"}"
#define INFLUENCES                                                                                 \
    ",\"influences\":[{\"name\":\"a\",\"half_width\":\"0.1\",\"source\":\"s\"},"                   \
    "{\"name\":\"b\",\"standard_uncertainty\":\"0.1\",\"source\":\"s\"}]"
#define SLOPE ",\"slope\":{\"half_width\":\"0.5\",\"per_us\":60000000}"
#define BESIDE(declared)                                                                           \
    HEAD "\"1\":" POINT "\"certificate\":" HASH                                                    \
         ",\"correction\":\"pointwise\",\"k\":\"2\"" declared "}}}\n"

// The fenced line behind a heading of docs/FORMAT.md.
static char *golden(const char *heading)
{
    FILE *file = fopen("docs/FORMAT.md", "r");
    if (!file) {
        skip(); // not run from the repository
    }
    char *line = NULL;
    size_t room = 0;
    bool behind = false;
    while (getline(&line, &room, file) > 0) {
        behind = behind || strncmp(line, heading, strlen(heading)) == 0;
        if (behind && line[0] == '{') {
            fclose(file);
            return line;
        }
    }
    fail_msg("no %s", heading);
    return NULL;
}

static int count_file(void *context, const struct digest *hash)
{
    (void)hash;
    ++*(int *)context;
    return OK;
}

static void the_golden_definitions_are_read(void **state)
{
    (void)state;
    char *line = golden("### 2.1");
    struct points points;
    struct why why = {""};
    int files = 0;
    if (points_read(&points, line, strlen(line), &why)) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(points.count, 3);
    assert_string_equal(points.time_zone, "Asia/Shanghai");
    assert_string_equal(points_find(&points, 2)->name, "main-meter.voltage-l2");
    assert_string_equal(points_find(&points, 3)->unit, "kWh");
    assert_null(points_find(&points, 0));
    assert_null(points_find(&points, 4));
    assert_int_equal(points_each_file(&points, count_file, &files), OK);
    assert_int_equal(files, 4);
    points_free(&points);
    // Every byte less is another form.
    for (size_t length = 0; length < strlen(line); length++) {
        assert_int_equal(points_read(&points, line, length, &why), ERROR_INPUT);
    }
    free(line);
}

static int try(const char *text)
{
    struct points points;
    struct why why;
    int error = points_read(&points, text, strlen(text), &why);
    points_free(&points);
    return error;
}

static void certificates_have_a_coverage_factor(void **state)
{
    (void)state;
    struct points points;
    struct why why;
    static const char text[] = HEAD "\"7\":" POINT WITH ",\"9\":" POINT WITHOUT "}}\n";
    int files = 0;
    assert_int_equal(points_read(&points, text, strlen(text), &why), OK);
    assert_true(points.items[0].has_certificate && !points.items[1].has_certificate);
    assert_string_equal(points.items[0].unit, "\xc2\xb0"
                                              "C");
    points_each_file(&points, count_file, &files);
    assert_int_equal(files, 4);
    points_free(&points);
    assert_int_equal(
        try(HEAD "\"7\":" POINT "\"certificate\":" HASH ",\"correction\":\"pointwise\"}}}\n"),
        ERROR_INPUT);
    assert_int_equal(
        try(HEAD "\"7\":" POINT "\"certificate\":null,\"correction\":\"none\",\"k\":\"2\"}}}\n"),
        ERROR_INPUT);
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    assert_int_equal(try(HEAD "}}\n"), OK); // no point is a form too
    assert_int_equal(try(HEAD "\"7\":" POINT WITHOUT "}}\n"), OK);
    static const char *const others[] = {
        HEAD "}}",                                                  // no end
        HEAD "}}\n\n",                                              // more
        HEAD "} }\n",                                               // white space
        HEAD "\"7\":" POINT WITHOUT ",\"7\":" POINT WITHOUT "}}\n", // twice
        HEAD "\"7\":" POINT WITHOUT ",\"6\":" POINT WITHOUT "}}\n", // out of order
        HEAD "\"07\":" POINT WITHOUT "}}\n",                        // a leading zero
        HEAD "\"7\":" POINT WITHOUT ",}}\n",                        // a comma too many
        HEAD "\"4294967296\":" POINT WITHOUT "}}\n",                // beyond 32 bits
        "{\"software\":" HASH ",\"tally-definitions\":1}\n",        // another order
        HEAD "\"7\":{\"maker\":\"M\",\"instrument\":\"oven\"}}}\n", // likewise
        "{\"tally-definitions\":2}\n",                              // another version
        "",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (try(others[i]) != ERROR_INPUT) {
            fail_msg("taken: %s", others[i]);
        }
    }
}

static void what_is_declared_has_one_order(void **state)
{
    (void)state;
    static const char *const good[] = {
        BESIDE(""),
        BESIDE(",\"due\":\"2027-03-01\"" DRIFT INFLUENCES SLOPE ",\"refresh_us\":2000000"),
        BESIDE(DRIFT),
        BESIDE(INFLUENCES),
        BESIDE(SLOPE),
        BESIDE(",\"refresh_us\":1")};
    static const char *const others[] = {
        BESIDE(SLOPE DRIFT),
        BESIDE(DRIFT DRIFT),
        BESIDE(DRIFT ",\"due\":\"2027-03-01\""),
        BESIDE(",\"refresh_us\":\"1\""),
        BESIDE(",\"slope\":{\"per_us\":1}"),
        BESIDE(",\"influences\":[]"),
        BESIDE(",\"influences\":[{\"name\":\"a\",\"source\":\"s\"}]"),
        HEAD "\"1\":" POINT "\"certificate\":null,\"correction\":\"none\"" DRIFT "}}}\n"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(try(good[i]), OK);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(try(others[i]), ERROR_INPUT);
    }
}

static void a_book_finds_by_hash(void **state)
{
    (void)state;
    static const char one[] = HEAD "}}\n", two[] = HEAD "\"7\":" POINT WITHOUT "}}\n";
    struct book book = {0};
    struct why why;
    struct digest hash = digest_of(NULL, 0, two, strlen(two)), none = {{0}};
    assert_int_equal(book_add(&book, one, strlen(one), &why), OK);
    assert_int_equal(book_add(&book, two, strlen(two), &why), OK);
    assert_int_equal(book_add(&book, "{}", 2, &why), ERROR_INPUT);
    assert_int_equal(book.count, 2);
    assert_ptr_equal(book_find(&book, &hash), &book.entries[1]);
    assert_ptr_equal(book_find(&book, &hash), &book.entries[1]);
    assert_null(book_find(&book, &none));
    book_free(&book);
}

static void escapes_stand_for_their_characters(void **state)
{
    (void)state;
    static const char body[] = "a\\\"b\\\\c\\u000ad\\u001f";
    struct text out = text_make(100);
    cursor_unescape(&out, body, strlen(body));
    assert_string_equal(out.data, "a\"b\\c\nd\x1f");
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_golden_definitions_are_read),
                                       cmocka_unit_test(certificates_have_a_coverage_factor),
                                       cmocka_unit_test(other_forms_are_refused),
                                       cmocka_unit_test(what_is_declared_has_one_order),
                                       cmocka_unit_test(a_book_finds_by_hash),
                                       cmocka_unit_test(escapes_stand_for_their_characters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
