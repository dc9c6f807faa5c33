// Series against a brute-force count over the same readings, through a real ledger.

#include "series/gather.h"
#include "series/segment.h"
#include "series_bench.h"

#include <malloc.h>

static void count_by_force(const struct place *place, uint32_t point, int64_t from_us,
                           int64_t to_us, struct series_bin *bins, size_t count)
{
    for (size_t b = 0; b < count; b++) {
        bins[b] = (struct series_bin){.minimum = INFINITY, .maximum = -INFINITY};
    }
    for (size_t i = 0; i < place->count; i++) {
        const struct kept *kept = &place->kept[i];
        if (kept->point != point || kept->missed || kept->t_us < from_us || kept->t_us >= to_us) {
            continue;
        }
        long double share = (long double)(kept->t_us - from_us) * (long double)count /
                            (long double)(to_us - from_us);
        struct series_bin *bin = &bins[(size_t)share];
        if (isnan(kept->value)) {
            bin->none++;
            continue;
        }
        bin->count++;
        bin->minimum = fmin(bin->minimum, kept->value);
        bin->maximum = fmax(bin->maximum, kept->value);
    }
}

static void assert_same(const struct series_bin *got, const struct series_bin *want, size_t count)
{
    for (size_t b = 0; b < count; b++) {
        assert_int_equal(got[b].count, want[b].count);
        assert_int_equal(got[b].none, want[b].none);
        if (want[b].count) {
            assert_true(got[b].minimum == want[b].minimum);
            assert_true(got[b].maximum == want[b].maximum);
        } else {
            assert_true(isnan(got[b].minimum) && isnan(got[b].maximum));
        }
    }
}

static void assert_true_to_ledger(struct place *place, int questions)
{
    struct series *series = series_of(place, false);
    struct ledger_reader *reader = reader_of(place);
    struct series_bin got[300], want[300];
    struct why why;
    int64_t span = 1000000;
    for (size_t i = 0; i < place->count; i++) {
        span = place->kept[i].t_us - START_US > span ? place->kept[i].t_us - START_US : span;
    }
    for (int i = 0; i < questions; i++) {
        uint32_t point = 1 + draw(6);
        size_t count = 1 + draw(300);
        int64_t from_us = START_US - 5000000 + (int64_t)(span * (double)draw(1000) / 1000);
        int64_t to_us = from_us + 1000 + (int64_t)(span * 1.1 * (double)draw(1000) / 1000);
        int error = series_bins(series, reader, point, from_us, to_us, got, count, &why);
        if (error) {
            print_error("%s\n", why.text);
        }
        assert_int_equal(error, OK);
        count_by_force(place, point, from_us, to_us, want, count);
        assert_same(got, want, count);
    }
    ledger_reader_close(reader);
    series_close(series);
}

static void series_agree_with_blocks_when_nothing_is_built(void **state)
{
    struct place *place = *state;
    record_history(place, 300);
    assert_true_to_ledger(place, 20);
}

static void series_agree_with_blocks_within_one_step(void **state)
{
    struct place *place = *state;
    record_history(place, 7000); // more than a step's 32,000 readings: the rest is the tail
    build(place, 0);
    struct shelf_state shelf = state_of(place);
    assert_int_equal(shelf.next_step, 1);
    assert_true(shelf.next_n < ledger_size(place->ledger));
    assert_true_to_ledger(place, 60);
}

static void series_agree_with_blocks_over_many_stretches(void **state)
{
    struct place *place = *state;
    record_history(place, 5000);
    build(place, 2); // 150 blocks, 75 steps: two stretches and some steps
    assert_int_equal(state_of(place).next_stretch, 2);
    record_history(place, 100); // and a tail
    assert_true_to_ledger(place, 60);
}

static void series_are_the_same_when_deleted_and_rebuilt(void **state)
{
    struct place *place = *state;
    record_history(place, 3000);
    build(place, 3);
    char path[128];
    path_of(place, path);
    shelf_delete(path);
    assert_int_not_equal(access(path, F_OK), 0);
    build(place, 5);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    assert_true_to_ledger(place, 40);
}

static void series_go_on_when_the_file_vanishes_under_the_builder(void **state)
{
    struct place *place = *state;
    record_history(place, 500);
    struct series *series = series_of(place, true);
    struct ledger_reader *reader = reader_of(place);
    struct why why;
    bool more;
    char path[128];
    path_of(place, path);
    assert_int_equal(series_update(series, reader, 1000, &more, &why), OK);
    assert_int_equal(series_flush(series, &why), OK);
    shelf_delete(path);
    assert_int_equal(series_update(series, reader, 1000, &more, &why), OK);
    assert_int_equal(series_flush(series, &why), OK);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    ledger_reader_close(reader);
    series_close(series);
    assert_true_to_ledger(place, 20);
}

static void series_replace_a_file_that_is_no_database(void **state)
{
    struct place *place = *state;
    record_history(place, 1000);
    build(place, 3);
    damage(place, 0, 2000);
    assert_true_to_ledger(place, 10); // a reader goes to the blocks
    char path[128];
    path_of(place, path);
    int file = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(file, "SQLite format 4, or something", 29), 29);
    close(file);
    build(place, 3);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    assert_true_to_ledger(place, 20);
}

static void series_never_give_damaged_segments_as_true(void **state)
{
    struct place *place = *state;
    record_history(place, 2000);
    for (int i = 0; i < 5; i++) {
        char path[128];
        path_of(place, path);
        shelf_delete(path);
        build(place, 2);
        damage(place, 4096, 12);
        assert_true_to_ledger(place, 10);
    }
}

static void series_begin_anew_with_another_log(void **state)
{
    struct place *place = *state;
    record_history(place, 1000);
    build(place, 4);
    struct shelf_state before = state_of(place);
    ledger_close(place->ledger);
    char path[128], aside[128];
    path_of(place, path);
    snprintf(aside, sizeof aside, "%s.db", place->directory);
    assert_int_equal(rename(path, aside), 0);
    remove_folder(place->directory); // another ledger beside the old series
    assert_int_equal(mkdir(place->directory, 0750), 0);
    assert_int_equal(rename(aside, path), 0);
    open_ledger(place);
    block_writer_clear(&place->writer);
    place->count = place->in_block = 0;
    record_history(place, 1200);
    assert_true_to_ledger(place, 10); // the old file is passed over
    build(place, 4);
    struct shelf_state after = state_of(place);
    assert_string_not_equal(before.origin, after.origin);
    assert_string_equal(after.origin, ledger_origin(place->ledger));
    assert_true_to_ledger(place, 20);
}

static void series_refuse_a_question_without_an_answer(void **state)
{
    struct place *place = *state;
    record_history(place, 10);
    struct series *series = series_of(place, false);
    struct ledger_reader *reader = reader_of(place);
    struct series_bin bin;
    struct why why;
    assert_int_equal(series_bins(series, reader, 1, 5, 5, &bin, 1, &why), ERROR_INPUT);
    assert_int_equal(series_bins(series, reader, 1, 5, 6, &bin, 0, &why), ERROR_RANGE);
    assert_int_equal(series_bins(series, reader, 1, 5, 6, &bin, SERIES_BINS_MAX + 1, &why),
                     ERROR_RANGE);
    assert_int_equal(series_bins(series, reader, 1, INT64_MIN, INT64_MAX, &bin, 1, &why),
                     ERROR_INPUT);
    ledger_reader_close(reader);
    series_close(series);
}

static void builder_takes_in_what_is_recorded_and_stops(void **state)
{
    struct place *place = *state;
    record_history(place, 7000);
    assert_int_equal(run_builder(place).next_step, 1);
    series_builder_stop(NULL);
    assert_true_to_ledger(place, 20);
}

static void number_is_the_double_that_strtod_gives(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",     "-5",      "23.4",    "230.14871", "1e-30",
        "1e22",  "1e23",    "0.001",   "-0.1",      "9007199254740993",
        "1.5e9", "123e-22", "1.7e308", "4.9e-324",  "999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double number = number_to_double(number_parse(texts[i], strlen(texts[i])));
        assert_true(number == strtod(texts[i], NULL));
    }
    // What is in quotes and has no more than 15 digits is the text of a string register.
    static const char *const none[] = {"null",      "\"\"",     "\"fault\"", "\"inf\"", "\"0x10\"",
                                       "\"1.2.3\"", "\"-\"",    "\"12 \"",   "1e999",   "\"1e\"",
                                       "\"42\"",    "\"2.10\"", "\"1e20\""};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(number_parse(none[i], strlen(none[i])).kind, NUMBER_NONE);
    }
    double quoted = number_to_double(number_parse("\"12345678901234567\"", 19));
    assert_true(quoted == 12345678901234567.0);
    struct number longest = number_parse("\"-1234567890123.45678\"", 22);
    assert_int_equal(longest.mantissa, -123456789012345678);
    assert_int_equal(longest.exponent, -5);
    assert_true(number_to_double(longest) == -1234567890123.45678);
    assert_true(number_to_double(number_parse("\"18446744073709551615\"", 22)) == 0x1p64);
}

static void numbers_compare_beyond_what_doubles_tell_apart(void **state)
{
    (void)state;
    static const char *const rising[] = {"-1e300",
                                         "-5",
                                         "0",
                                         "1e-30",
                                         "\"9007199254740992\"",
                                         "\"9007199254740993\"",
                                         "\"9007199254740993.5\"",
                                         "\"9007199254740994\"",
                                         "1e300"};
    for (size_t i = 0; i + 1 < sizeof rising / sizeof *rising; i++) {
        struct number a = number_parse(rising[i], strlen(rising[i]));
        struct number b = number_parse(rising[i + 1], strlen(rising[i + 1]));
        assert_int_equal(number_compare(a, b), -1);
        assert_int_equal(number_compare(b, a), 1);
        assert_int_equal(number_compare(a, a), 0);
    }
}

static void segment_gives_back_what_went_in(void **state)
{
    (void)state;
    static struct segment segment;
    for (int round = 0; round < 300; round++) {
        size_t length = 1 + draw(SEGMENT_READINGS_MAX);
        int64_t t_us[SEGMENT_READINGS_MAX];
        struct number numbers[SEGMENT_READINGS_MAX];
        unsigned kinds = draw(4);
        for (size_t i = 0; i < length; i++) {
            t_us[i] = (int64_t)((uint64_t)draw(UINT32_MAX) << draw(33));
            numbers[i] = (struct number){.kind = NUMBER_DECIMAL,
                                         .exponent = -(int)draw(kinds ? 23 : 2),
                                         .mantissa = draw(UINT32_MAX) - (int64_t)INT32_MAX};
            if (kinds > 1 && draw(4) == 0) {
                numbers[i] = (struct number){.kind = NUMBER_NONE};
            } else if (kinds > 2 && draw(4) == 0) {
                numbers[i] = (struct number){.kind = NUMBER_DOUBLE, .real = 1e200 / (1 + i)};
            }
        }
        struct text times = text_make(SEGMENT_BYTES_MAX), bytes = text_make(SEGMENT_BYTES_MAX);
        struct segment_head head;
        segment_encode_times(t_us, length, &times);
        segment_encode(t_us, numbers, length, &times, 0, &head, &bytes);
        assert_false(bytes.failed);
        assert_int_equal(segment_read(bytes.data, bytes.length, &segment), OK);
        assert_int_equal(segment.length, length);
        for (size_t i = 0; i < length; i++) {
            double want = number_to_double(numbers[i]);
            assert_int_equal(segment.t_us[i], t_us[i]);
            assert_true(segment.values[i] == want || (isnan(want) && isnan(segment.values[i])));
        }
        for (int i = 0; i < 20; i++) { // damaged, also with a check that holds
            size_t at = draw((uint32_t)bytes.length);
            bytes.data[at] = (char)(bytes.data[at] ^ (1 + draw(255)));
            assert_int_equal(row_check(bytes.data, bytes.length), ERROR_DAMAGED);
            row_end(&bytes);
            segment_read(bytes.data, draw((uint32_t)bytes.length + 1), &segment);
            segment_read(bytes.data, bytes.length, &segment);
        }
        text_free(&times);
        text_free(&bytes);
    }
}

static void gather_gives_back_what_went_in_by_point(void **state)
{
    (void)state;
    enum { POINTS = 500, EACH = 40 };
    struct gather *gather;
    static int64_t t_us[POINTS][EACH];
    static struct number numbers[POINTS][EACH];
    static uint32_t flags[POINTS][EACH];
    static uint8_t bounds[POINTS][EACH];
    static int64_t missed[POINTS][EACH]; // 0: none there
    assert_int_equal(gather_make(&gather), OK);
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < EACH; i++) {
            for (uint32_t p = 0; p < POINTS; p++) {
                t_us[p][i] = draw(20) ? START_US + i * 1000000 + draw(99)
                                      : (int64_t)((uint64_t)draw(UINT32_MAX) << 32);
                numbers[p][i] = (struct number){.kind = (enum number_kind)draw(3)};
                if (numbers[p][i].kind == NUMBER_DOUBLE) {
                    numbers[p][i].real = draw(1000) * 1e100;
                } else if (numbers[p][i].kind == NUMBER_DECIMAL) {
                    numbers[p][i].exponent = (int)draw(45) - 22;
                    numbers[p][i].mantissa =
                        (draw(2) ? 1 : -1) * ((int64_t)draw(UINT32_MAX) << draw(22));
                }
                flags[p][i] = draw(8) ? p % 8 : draw(1024);
                bounds[p][i] = (uint8_t)draw(256);
                gather_begin_block(gather, (uint64_t)i);
                assert_int_equal(gather_add(gather, p * 7 + 1, t_us[p][i], numbers[p][i],
                                            flags[p][i], bounds[p][i]),
                                 OK);
                missed[p][i] = draw(3) ? 0 : t_us[p][i] + draw(1000) - 500;
                if (missed[p][i]) {
                    assert_int_equal(gather_miss(gather, p * 7 + 1, missed[p][i]), OK);
                }
            }
        }
        assert_int_equal(gather_readings(gather), POINTS * EACH);
        size_t cursor = 0;
        struct gathered got;
        for (uint32_t p = 0; p < POINTS; p++) {
            assert_int_equal(gather_take(gather, &cursor, &got), 1);
            assert_int_equal(got.point, p * 7 + 1);
            assert_int_equal(got.length, EACH);
            assert_memory_equal(got.t_us, t_us[p], sizeof t_us[p]);
            assert_memory_equal(got.flags, flags[p], sizeof flags[p]);
            uint8_t greatest = 0; // of those with a number, since the quarter of an hour changed
            for (int i = 0, before = -1; i < EACH; i++) {
                if (numbers[p][i].kind == NUMBER_NONE) {
                    continue;
                }
                bool goes_on = before >= 0 &&
                               rollup_quarter_of(t_us[p][i]) == rollup_quarter_of(t_us[p][before]);
                greatest = goes_on && greatest > bounds[p][i] ? greatest : bounds[p][i];
                assert_int_equal(got.bounds[i], greatest);
                before = i;
            }
            size_t misses = 0;
            for (int i = 0; i < EACH; i++) {
                if (missed[p][i]) {
                    assert_true(misses < got.missed);
                    assert_int_equal(got.missed_us[misses++], missed[p][i]);
                }
            }
            assert_int_equal(misses, got.missed);
            for (int i = 0; i < EACH; i++) {
                double want = number_to_double(numbers[p][i]),
                       is = number_to_double(got.numbers[i]);
                assert_true(is == want || (isnan(is) && isnan(want)));
            }
        }
        assert_int_equal(gather_take(gather, &cursor, &got), 0);
        gather_clear(gather);
    }
    gather_free(gather);
}

// What malloc has given out. 0 under the sanitizers, which have an allocator of their own.
static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// docs/BENCH.md holds the whole daemon to 16 MiB with 2000 points.
static void series_of_2000_points_wait_in_little_memory(void **state)
{
    struct place *place = *state;
    place->block_readings = BLOCK_READINGS_MAX;
    for (size_t i = 0; i < 90; i++) {
        place->t_us += 1000000;
        for (uint32_t point = 1; point <= 2000; point++) {
            add(place, point, place->t_us + draw(8000), value_of(4, i)); // doubles pack worst
        }
    }
    struct ledger_reader *reader = reader_of(place);
    size_t before = heap_bytes(), most = before;
    struct series *series = series_of(place, true);
    struct why why;
    for (bool more = true; more;) {
        assert_int_equal(series_update(series, reader, 1, &more, &why), OK);
        most = heap_bytes() > most ? heap_bytes() : most;
    }
    assert_in_range(most - before, 0, 9u << 18);
    series_close(series);
    ledger_reader_close(reader);
    assert_true_to_ledger(place, 20);
}

int main(void)
{
#define WITH_LEDGER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_is_the_double_that_strtod_gives),
        cmocka_unit_test(numbers_compare_beyond_what_doubles_tell_apart),
        WITH_LEDGER(segment_gives_back_what_went_in),
        WITH_LEDGER(gather_gives_back_what_went_in_by_point),
        WITH_LEDGER(series_agree_with_blocks_when_nothing_is_built),
        WITH_LEDGER(series_agree_with_blocks_within_one_step),
        WITH_LEDGER(series_agree_with_blocks_over_many_stretches),
        WITH_LEDGER(series_of_2000_points_wait_in_little_memory),
        WITH_LEDGER(series_are_the_same_when_deleted_and_rebuilt),
        WITH_LEDGER(series_go_on_when_the_file_vanishes_under_the_builder),
        WITH_LEDGER(series_replace_a_file_that_is_no_database),
        WITH_LEDGER(series_never_give_damaged_segments_as_true),
        WITH_LEDGER(series_begin_anew_with_another_log),
        WITH_LEDGER(series_refuse_a_question_without_an_answer),
        WITH_LEDGER(builder_takes_in_what_is_recorded_and_stops),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
