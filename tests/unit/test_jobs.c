// Jobs: the form in which they are put on record, what a log's entries of them come to, and which
// readings are theirs; and the form of a report that was issued.
#include "../../tools/tally/common/issued.c"
#include "../../tools/tally/jobs/job_record.c"
#include "../../tools/tally/jobs/job_stretch.c"
#include "../../tools/tally/jobs/jobs.c"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

// --- a log's entries

static const struct entry *entries;
static size_t entry_count;

int entry_each(struct ledger_reader *reader, uint64_t from_n, const char *kind,
               int (*visit)(void *context, const struct entry *entry), void *context,
               struct why *why)
{
    (void)reader, (void)from_n, (void)kind, (void)why;
    int error = OK;
    for (size_t i = 0; i < entry_count && !error; i++) {
        error = visit(context, &entries[i]);
    }
    return error;
}

int entry_put(const struct place *place, const char *kind, const char *by, const char *subject,
              const char *body, uint64_t *n, struct why *why)
{
    (void)place, (void)kind, (void)by, (void)subject, (void)body, (void)n;
    return why_set(why, ERROR_ABSENT, "there is no daemon in this test");
}

// --- the form

static void is_written(const struct job_statement *statement, const char *expected)
{
    struct text out = text_make(2000);
    struct why why = {""};
    struct job_statement read;
    assert_int_equal(job_record_write(statement, &out, &why), OK);
    assert_string_equal(out.data, expected);
    assert_true(job_record_read(&read, out.data));
    assert_memory_equal(&read, statement, sizeof read);
    text_append_string(&out, " (said from the account root)");
    assert_true(job_record_read(&read, out.data));
    assert_memory_equal(&read, statement, sizeof read);
    text_free(&out);
}

static void a_statement_has_one_form(void **state)
{
    (void)state;
    struct job_statement some = {.item = "样品 \"7\"\\北",
                                 .order = "WO, on 118; started",
                                 .operated_by = "Li Na",
                                 .instruments = {"oven", "chamber-2"},
                                 .instrument_count = 2};
    is_written(&some, "item \"样品 \\\"7\\\"\\\\北\", order \"WO, on 118; started\", operator \"Li "
                      "Na\", on oven, chamber-2");
    some.stops = true;
    some.started_us = 1795498776120034;
    some.started_n = 41;
    strcpy(some.note, "left to cool");
    is_written(&some, "item \"样品 \\\"7\\\"\\\\北\", order \"WO, on 118; started\", operator \"Li "
                      "Na\", on oven, chamber-2; started 2026-11-24T05:39:36.120034Z in block 41, "
                      "note \"left to cool\"");
    struct job_statement order_only = {
        .order = "7", .instruments = {"oven"}, .instrument_count = 1};
    is_written(&order_only, "order \"7\", on oven");
    memset(order_only.order, 'w', JOB_WORDS_MAX);
    struct text expected = text_make(400);
    text_append_format(&expected, "order \"%s\", on oven", order_only.order);
    is_written(&order_only, expected.data);
    text_free(&expected);
}

static void another_form_is_not_read(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "made up",
        "on oven",
        "item \"\", on oven",
        "item \"S\"",
        "item \"S\", on ",
        "item \"S\", on oven, oven",
        "item \"S\", on oven,chamber",
        "item \"S\",  on oven",
        "item \"S\", on Oven",
        "item \"S\", on oven and more",
        "item \"S, on oven",
        "item \"S\\n\", on oven",
        "item \"S\\u0041\", on oven",
        "item \" S\", on oven",
        "item \"S\xe2\x80\xae\", on oven",
        "order \"O\", item \"S\", on oven",
        ", order \"O\", on oven",
        "operator \"L\", on oven",
        "item \"S\", on oven (said by root)",
        "item \"S\", on oven; started 2026-11-24T05:39:36.120034Z in block 041",
        "item \"S\", on oven; started 2026-11-24T05:39:36Z in block 41",
        "item \"S\", on oven; started 2026-11-24T05:39:36.120034Z in block",
        "item \"S\", on oven; started 2026-11-24T05:39:36.120034Z in block 41, note \"\"",
        "item \"S\", on oven; started 2026-11-24T05:39:36.120034Z in block 41, note \"a\", result "
        "\"b\"",
        "item \"S\", on oven, result \"b\"",
    };
    struct job_statement statement;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (job_record_read(&statement, bad[i])) {
            fail_msg("read: %s", bad[i]);
        }
    }
}

static void what_cannot_be_seen_is_refused(void **state)
{
    (void)state;
    assert_true(job_words_are_valid("x"));
    assert_true(job_words_are_valid("a b\xc2\xa0"
                                    "c"));
    static const char *const bad[] = {"",
                                      " a",
                                      "a ",
                                      "\xe3\x80\x80"
                                      "a",
                                      "a\tb",
                                      "a\x7f",
                                      "a\xc2\x85",
                                      "a\xe2\x80\x8b",
                                      "\xe2\x81\xa6",
                                      "\xef\xbb\xbf"
                                      "a",
                                      "a\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(job_words_are_valid(bad[i]));
    }
    assert_true(job_code_is_valid("J20261124-1"));
    assert_true(job_code_is_valid("检/7"));
    static const char *const bad_codes[] = {"", "-1", "a b", "a\"", "a\\", "\xe3\x80\x80"};
    for (size_t i = 0; i < sizeof bad_codes / sizeof bad_codes[0]; i++) {
        assert_false(job_code_is_valid(bad_codes[i]));
    }
    char long_words[JOB_WORDS_MAX + 2] = "";
    memset(long_words, 'w', JOB_WORDS_MAX + 1);
    assert_false(job_words_are_valid(long_words));
}

static void a_statement_without_room_is_not_written(void **state)
{
    (void)state;
    struct text out = text_make(2000);
    struct why why = {""};
    struct job_statement some = {.item = "S", .stops = true, .instrument_count = 16};
    for (size_t i = 0; i < 16; i++) {
        snprintf(some.instruments[i], sizeof some.instruments[i], "m-%zu", i);
    }
    memset(some.result, 'r', 100);
    memset(some.note, 'n', 100);
    assert_int_equal(job_record_write(&some, &out, &why), OK);
    assert_true(out.length < 830);
    text_clear(&out);
    memset(some.note, 'n', 200);
    assert_int_equal(job_record_write(&some, &out, &why), ERROR_RANGE);
    for (size_t i = 0; i < 16; i++) {
        snprintf(some.instruments[i], sizeof some.instruments[i], "instrument-with-a-long-name-%zu",
                 i);
    }
    some.stops = false;
    memset(some.order, 'o', 200);
    assert_int_equal(job_record_write(&some, &out, &why), ERROR_RANGE);
    assert_int_equal(out.length, 0);
    text_free(&out);
}

// --- what entries come to

#define STOP(start, n) "item \"S\", on oven; started " start " in block " n ", result \"passed\""
#define AT_1           "1970-01-01T00:00:01.000000Z"

static const struct entry story[] = {
    {.n = 1, .t_us = 1000000, .kind = JOB_STARTED, .subject = "A", .body = "item \"S\", on oven"},
    {.n = 2, .t_us = 2000000, .kind = JOB_STARTED, .subject = "A", .body = "item \"T\", on oven"},
    {.n = 3, .t_us = 3000000, .kind = JOB_STOPPED, .subject = "B", .body = STOP(AT_1, "0")},
    {.n = 4, .t_us = 4000000, .kind = JOB_STOPPED, .subject = "A", .body = STOP(AT_1, "2")},
    {.n = 5, .t_us = 5000000, .kind = JOB_STOPPED, .subject = "A", .body = STOP(AT_1, "1")},
    {.n = 6, .t_us = 6000000, .kind = JOB_STOPPED, .subject = "A", .body = STOP(AT_1, "1")},
    {.n = 7, .t_us = 7000000, .kind = JOB_STARTED, .subject = "C", .body = STOP(AT_1, "1")},
    {.n = 8, .t_us = 8000000, .kind = JOB_STARTED, .subject = "C", .body = "made up"},
    {.n = 9,
     .t_us = 9000000,
     .kind = JOB_STARTED,
     .subject = "C",
     .account = "li",
     .user = 7,
     .body = "order \"O\", on oven, lamp"},
};

static void entries_that_do_not_fit_are_void(void **state)
{
    (void)state;
    struct jobs jobs;
    entries = story;
    entry_count = sizeof story / sizeof story[0];
    assert_int_equal(jobs_read(&jobs, NULL, NULL), OK);
    assert_int_equal(jobs.count, 3);
    assert_int_equal(jobs.void_entries, 5);
    const struct job *a = jobs_find(&jobs, "A"), *b = jobs_find(&jobs, "B"),
                     *c = jobs_find(&jobs, "C");
    assert_non_null(a);
    assert_string_equal(a->item, "S");
    assert_false(a->runs);
    assert_int_equal(a->stop.n, 5);
    assert_string_equal(a->result, "passed");
    // Its start is pruned: the other end says what it was.
    assert_non_null(b);
    assert_false(b->start.known);
    assert_true(b->stop.known);
    assert_int_equal(b->start.t_us, 1000000);
    assert_true(job_has_instrument(b, "oven"));
    assert_non_null(c);
    assert_true(c->runs);
    assert_string_equal(c->start.account, "li");
    assert_int_equal(c->start.user, 7);
    assert_true(job_has_instrument(c, "lamp"));
    assert_false(job_has_instrument(c, "lam"));
    assert_true(job_meets(a, 4999999, 9000000));
    assert_false(job_meets(a, 5000000, 9000000));
    assert_false(job_meets(a, 0, 1000000));
    assert_true(job_meets(c, 9999999, 10000000));
    jobs_free(&jobs);
}

// --- which readings are of a job ----------------------------------------------------------------

#define S INT64_C(1000000)

// From second 1000, in block 10, behind its first event, to second 2000, in block 20.
static const struct job job = {
    .code = "A", .start = {true, 10, 1, 1000 * S, "", 0}, .stop = {true, 20, 0, 2000 * S, "", 0}};
static const struct job running = {
    .code = "A", .start = {true, 10, 1, 1000 * S, "", 0}, .runs = true};

static const struct block_event stepped[] = {{.kind = "clock.stepped", .kind_length = 13},
                                             {.kind = "job.started", .kind_length = 11},
                                             {.kind = "clock.stepped", .kind_length = 13}};

// The next block, closed at that second of the wall clock; monotonic time goes by its number, a
// second each.
static bool take_n(struct job_stretch *stretch, uint64_t n, int64_t closed_s, const char *run,
                   size_t event_count)
{
    struct block_view view = {.n = n,
                              .mono_us = {(int64_t)n * S, (int64_t)(n + 1) * S},
                              .closed_us = closed_s * S,
                              .events = stepped,
                              .event_count = event_count};
    strcpy(view.run, run);
    return job_stretch_take(stretch, &view);
}

static void time_divides_the_blocks_at_the_ends(void **state)
{
    (void)state;
    struct job_stretch stretch;
    job_stretch_begin(&stretch, &job);
    assert_true(take_n(&stretch, 10, 1001, "r", 0));
    assert_false(job_stretch_holds(&stretch, 1000 * S - 1));
    assert_true(job_stretch_holds(&stretch, 1000 * S));
    // Taken before, and recorded late.
    assert_true(take_n(&stretch, 11, 1002, "r", 0));
    assert_false(job_stretch_holds(&stretch, 1000 * S - 1));
    assert_true(take_n(&stretch, 20, 2001, "r", 0));
    assert_true(stretch.inside);
    assert_true(job_stretch_holds(&stretch, 2000 * S - 1));
    assert_false(job_stretch_holds(&stretch, 2000 * S));
    assert_true(take_n(&stretch, 21, 2002, "r", 0));
    assert_false(stretch.inside || stretch.settled);
    assert_true(job_stretch_holds(&stretch, 2000 * S - 1));
    assert_false(job_stretch_holds(&stretch, 2000 * S));
    assert_true(take_n(&stretch, 30, 2011, "r", 0));
    assert_false(take_n(&stretch, 31, 2012, "r", 0)); // more than 10 s later
    assert_true(stretch.settled);
    assert_int_equal(stretch.sets, 0);
}

static void a_clock_that_is_set_takes_nothing_away(void **state)
{
    (void)state;
    struct job_stretch stretch;
    job_stretch_begin(&stretch, &job);
    assert_true(take_n(&stretch, 10, 1001, "r", 1)); // before the start: nothing to the job
    assert_true(take_n(&stretch, 11, 1002, "r", 0));
    assert_false(job_stretch_holds(&stretch, 900 * S));
    assert_true(take_n(&stretch, 12, 800, "r", 1)); // set back, past the start
    assert_true(job_stretch_holds(&stretch, 800 * S));
    assert_true(take_n(&stretch, 13, 801, "r", 0));
    assert_true(job_stretch_holds(&stretch, 801 * S));
    assert_true(take_n(&stretch, 14, 2500, "r", 1)); // set forward, past the end
    assert_true(job_stretch_holds(&stretch, 2500 * S));
    assert_int_equal(stretch.sets, 2);
    assert_true(
        take_n(&stretch, 15, 500, "s", 0)); // back again over a restart, which no event tells
    assert_true(job_stretch_holds(&stretch, 500 * S));
    assert_int_equal(stretch.sets, 3);

    job_stretch_begin(&stretch, &running);
    assert_true(take_n(&stretch, 10, 800, "r", 3)); // behind the start, in its block
    assert_false(job_stretch_holds(&stretch, 800 * S));
    assert_true(take_n(&stretch, 11, 801, "r", 0));
    assert_true(job_stretch_holds(&stretch, 801 * S));
    assert_true(stretch.inside);
    assert_int_equal(stretch.sets, 1);
}

static void nothing_comes_late_over_a_restart_or_a_clock_that_is_set(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        struct job_stretch stretch;
        job_stretch_begin(&stretch, &job);
        assert_true(take_n(&stretch, 20, 2001, "r", 0));
        assert_false(take_n(&stretch, 21, 2002, restart ? "s" : "r", restart ? 0 : 1));
        assert_true(stretch.settled);
    }
}

static void an_issued_report_has_one_form(void **state)
{
    (void)state;
    struct issued issued = {.form = "html", .bytes = 5120, .to_us = S, .size = 57, .final = true},
                  read;
    struct text out = text_make(512);
    memset(issued.hash.bytes, 0xab, DIGEST_SIZE);
    issued_write(&issued, &out);
    assert_string_equal(
        out.data, "html of 5120 bytes, SHA-256 "
                  "abababababababababababababababababababababababababababababababab, from "
                  "1970-01-01T00:00:00.000000Z to 1970-01-01T00:00:01.000000Z, of a log of 57 "
                  "blocks, final");
    assert_true(issued_read(&read, out.data));
    assert_int_equal(read.bytes, 5120);
    assert_int_equal(read.size, 57);
    assert_true(read.final && digest_equal(&read.hash, &issued.hash) && read.to_us == S);
    text_append_string(&out, " (said from the account root)");
    assert_true(issued_read(&read, out.data));
    out.data[8] = '0'; // "html of 0120 bytes"
    assert_false(issued_read(&read, out.data));
    assert_false(issued_read(&read, "made up"));
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_has_one_form),
        cmocka_unit_test(another_form_is_not_read),
        cmocka_unit_test(what_cannot_be_seen_is_refused),
        cmocka_unit_test(a_statement_without_room_is_not_written),
        cmocka_unit_test(entries_that_do_not_fit_are_void),
        cmocka_unit_test(time_divides_the_blocks_at_the_ends),
        cmocka_unit_test(a_clock_that_is_set_takes_nothing_away),
        cmocka_unit_test(nothing_comes_late_over_a_restart_or_a_clock_that_is_set),
        cmocka_unit_test(an_issued_report_has_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
