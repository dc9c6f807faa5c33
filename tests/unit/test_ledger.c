// The ledger: appending, reading, cursors, files, points.
#include "ledger_bench.h"

#include <poll.h>
#include <sys/stat.h>

static void fresh_ledger_is_an_empty_log(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    assert_true(b->opening.fresh && b->opening.new_log);
    assert_string_equal(b->opening.reason, "");
    assert_int_equal(ledger_size(b->ledger), 0);
    const char *origin = ledger_origin(b->ledger);
    assert_int_equal(strlen(origin), 18 + 1 + 5 + 1 + 32);
    assert_memory_equal(origin, SITE "/" GATEWAY "/", 25);
    bench_read(b);
    assert_string_equal(ledger_reader_origin(b->reader), origin);
}

static void what_was_appended_is_read_back(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    bench_append(b, 3);
    struct text last = text_make(BLOCK_BYTES_MAX);
    struct digest leaf;
    text_append(&last, b->bytes.data, b->bytes.length);
    bench_read(b);
    uint64_t first, size;
    assert_int_equal(ledger_reader_extent(b->reader, &first, &size, &b->why), OK);
    assert_true(first == 0 && size == 3);
    assert_int_equal(ledger_reader_block(b->reader, 2, &b->bytes, &b->why), OK);
    assert_string_equal(b->bytes.data, last.data);
    assert_int_equal(ledger_reader_leaf(b->reader, 2, &leaf, &b->why), OK);
    assert_memory_equal(&leaf, &b->previous, sizeof leaf);
    assert_int_equal(ledger_reader_packed(b->reader, 2, &b->bytes, &b->why), OK);
    assert_int_equal(ledger_reader_readings(b->reader), 3);
    char *unpacked = malloc(last.length);
    assert_int_equal(ZSTD_decompress(unpacked, last.length, b->bytes.data, b->bytes.length),
                     last.length);
    assert_memory_equal(unpacked, last.data, last.length);
    free(unpacked);
    assert_int_equal(ledger_reader_block(b->reader, 3, &b->bytes, &b->why), ERROR_ABSENT);
    text_free(&last);
}

static void ledger_goes_on_where_it_stopped(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    char origin[BLOCK_ORIGIN_MAX + 1];
    snprintf(origin, sizeof origin, "%s", ledger_origin(b->ledger));
    bench_append(b, 300);
    struct digest tip = b->previous;
    bench_close(b);
    bench_open(b);
    assert_false(b->opening.fresh || b->opening.new_log);
    assert_string_equal(ledger_origin(b->ledger), origin);
    assert_int_equal(ledger_size(b->ledger), 300);
    struct digest now = ledger_tip(b->ledger);
    assert_memory_equal(&now, &tip, sizeof tip);
    bench_append(b, 300);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), 600);
}

static void ledger_refuses_a_gap(void **state)
{
    struct ledger_bench *b = *state;
    struct ledger_block block;
    char room[4096];
    bench_open(b);
    bench_append(b, 2);
    bench_make_block(b, 3, T0_US, 1, &b->bytes, &block);
    block.packed_length = ZSTD_compress(room, sizeof room, b->bytes.data, b->bytes.length, 1);
    block.packed = room;
    assert_int_equal(ledger_append(b->ledger, &block, 1, &b->why), ERROR_INPUT);
    assert_string_equal(b->why.text, "ledger: block 3 offered, 2 is next");
    block.n = 1;
    assert_int_equal(ledger_append(b->ledger, &block, 1, &b->why), ERROR_INPUT);
    assert_int_equal(ledger_size(b->ledger), 2);
}

static void several_blocks_are_stored_all_or_none(void **state)
{
    struct ledger_bench *b = *state;
    struct ledger_block blocks[300];
    struct text bytes[300];
    size_t room = 4096;
    char *packed = malloc(300 * room);
    bench_open(b);
    for (int i = 0; i < 300; i++) {
        bytes[i] = text_make(BLOCK_BYTES_MAX);
        bench_make_block(b, (uint64_t)i, T0_US + i, 1, &bytes[i], &blocks[i]);
        blocks[i].packed = packed + (size_t)i * room;
        blocks[i].packed_length =
            ZSTD_compress(packed + (size_t)i * room, room, bytes[i].data, bytes[i].length, 1);
    }
    blocks[299].n = 300;
    assert_int_equal(ledger_append(b->ledger, blocks, 300, &b->why), ERROR_INPUT);
    assert_int_equal(ledger_size(b->ledger), 0);
    blocks[299].n = 299;
    assert_int_equal(ledger_append(b->ledger, blocks, 300, &b->why), OK);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), 300);
    for (int i = 0; i < 300; i++) {
        text_free(&bytes[i]);
    }
    free(packed);
}

static void second_daemon_is_refused(void **state)
{
    struct ledger_bench *b = *state;
    struct ledger *second;
    struct ledger_opening opening;
    bench_open(b);
    assert_int_equal(ledger_open(&second, &b->options, &opening, &b->why), ERROR_BUSY);
    assert_non_null(strstr(b->why.text, "another daemon has this ledger open"));
    assert_null(second);
}

static void files_are_closed_to_others(void **state)
{
    static const char *const names[] = {"ledger.db", "ledger.db-wal", "lock"};
    struct ledger_bench *b = *state;
    char path[128];
    struct stat st;
    bench_open(b);
    bench_append(b, 1);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", b->directory, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
    }
}

static void cursors_only_rise_and_last(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    bench_append(b, 10);
    assert_int_equal(ledger_declare_uplink(b->ledger, "city", true, &b->why), OK);
    assert_int_equal(ledger_cursor(b->ledger, "city"), 0);
    ledger_note_cursor(b->ledger, "city", 7);
    ledger_note_cursor(b->ledger, "city", 5);
    assert_int_equal(ledger_cursor(b->ledger, "city"), 7);
    ledger_note_cursor(b->ledger, "city", 99); // beyond what there is
    assert_int_equal(ledger_cursor(b->ledger, "city"), 10);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_cursor(b->ledger, "city"), 10);
    struct ledger_cursor_row rows[4];
    size_t count;
    bench_read(b);
    assert_int_equal(ledger_reader_cursors(b->reader, rows, 4, &count, &b->why), OK);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].uplink, "city");
    assert_true(rows[0].required && rows[0].acknowledged == 10);
}

static uint64_t stored_cursor(struct ledger_bench *b)
{
    struct ledger_cursor_row row = {.acknowledged = UINT64_MAX};
    size_t count;
    bench_read(b);
    assert_int_equal(ledger_reader_cursors(b->reader, &row, 1, &count, &b->why), OK);
    return row.acknowledged;
}

static void cursor_is_written_with_the_next_block_or_after_15_s(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    bench_append(b, 5);
    ledger_declare_uplink(b->ledger, "city", false, &b->why);
    ledger_note_cursor(b->ledger, "city", 3);
    assert_true(stored_cursor(b) == UINT64_MAX);
    bench_append(b, 1);
    assert_true(stored_cursor(b) == 3);
    ledger_note_cursor(b->ledger, "city", 6);
    b->clock.mono_us += 14000000;
    assert_int_equal(ledger_settle(b->ledger, false, &b->why), OK);
    assert_true(stored_cursor(b) == 3);
    b->clock.mono_us += 1000000;
    assert_int_equal(ledger_settle(b->ledger, false, &b->why), OK);
    assert_true(stored_cursor(b) == 6);
}

// 32 uplinks that were configured one after the other, the first of them the longest ago.
static void fill_cursors(struct ledger_bench *b)
{
    char name[16];
    bench_append(b, 40);
    for (int i = 0; i < LEDGER_CURSORS_MAX; i++) {
        snprintf(name, sizeof name, "old-%d", i);
        assert_int_equal(ledger_declare_uplink(b->ledger, name, i == 0, &b->why), OK);
        b->clock.wall_us += 1000000;
        ledger_note_cursor(b->ledger, name, (uint64_t)i + 1);
    }
    assert_int_equal(ledger_settle(b->ledger, true, &b->why), OK);
}

static void cursor_of_an_uplink_that_is_no_more_makes_room(void **state)
{
    static const char *const configured[] = {"old-1", "new-1", "new-2"};
    struct ledger_cursor_row dropped[LEDGER_CURSORS_MAX];
    struct ledger_bench *b = *state;
    size_t count;
    bench_open(b);
    fill_cursors(b);
    assert_int_equal(ledger_declare_uplink(b->ledger, "new-1", true, &b->why), ERROR_FULL);
    assert_int_equal(ledger_make_room(b->ledger, configured, 3, dropped, &count, &b->why), OK);
    // old-0 is required, old-1 configured.
    assert_int_equal(count, 2);
    assert_string_equal(dropped[0].uplink, "old-2");
    assert_int_equal(dropped[0].acknowledged, 3);
    assert_string_equal(dropped[1].uplink, "old-3");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ledger_declare_uplink(b->ledger, configured[i], true, &b->why), OK);
    }
    assert_int_equal(ledger_make_room(b->ledger, configured, 3, dropped, &count, &b->why), OK);
    assert_int_equal(count, 0);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_cursor(b->ledger, "old-1"), 2);
    assert_int_equal(ledger_cursor(b->ledger, "old-2"), 0); // as if it had never been
    assert_int_equal(ledger_cursor(b->ledger, "old-4"), 5);
}

static void required_cursors_are_never_dropped(void **state)
{
    static const char *const configured[] = {"new"};
    struct ledger_cursor_row dropped[LEDGER_CURSORS_MAX];
    struct ledger_bench *b = *state;
    char name[16];
    size_t count;
    bench_open(b);
    fill_cursors(b);
    for (int i = 0; i < LEDGER_CURSORS_MAX; i++) {
        snprintf(name, sizeof name, "old-%d", i);
        assert_int_equal(ledger_declare_uplink(b->ledger, name, true, &b->why), OK);
    }
    assert_int_equal(ledger_make_room(b->ledger, configured, 1, dropped, &count, &b->why),
                     ERROR_FULL);
    assert_non_null(strstr(b->why.text, "`required: no`"));
    assert_int_equal(count, 0);
    bench_close(b);
    assert_int_equal(ledger_has_room(b->directory, configured, 1, &b->why), ERROR_FULL);
    bench_open(b);
    assert_int_equal(ledger_cursor(b->ledger, "old-31"), 32);
    ledger_declare_uplink(b->ledger, "old-31", false, &b->why);
    bench_close(b);
    assert_int_equal(ledger_has_room(b->directory, configured, 1, &b->why), OK);
}

static void files_are_known_by_their_hash(void **state)
{
    struct ledger_bench *b = *state;
    struct digest hash, again, absent = {{1}};
    struct text out = text_make(1 << 20);
    bench_open(b);
    assert_int_equal(ledger_put_file(b->ledger, "driver", "abc", 3, &hash, &b->why), OK);
    assert_int_equal(ledger_put_file(b->ledger, "driver", "abc", 3, &again, &b->why), OK);
    assert_memory_equal(&hash, &again, sizeof hash);
    char digits[DIGEST_HEX];
    text_format_hex(hash.bytes, DIGEST_SIZE, digits);
    assert_string_equal(digits, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    bench_read(b);
    assert_int_equal(ledger_reader_file(b->reader, &hash, &out, &b->why), OK);
    assert_string_equal(out.data, "abc");
    assert_int_equal(ledger_reader_file(b->reader, &absent, &out, &b->why), ERROR_ABSENT);
    text_free(&out);
}

static void definitions_hold_from_their_block_on(void **state)
{
    struct ledger_bench *b = *state;
    struct digest one = {{1}}, two = {{2}}, files[2] = {{{3}}, {{4}}}, got, list[4];
    size_t count;
    bench_open(b);
    assert_int_equal(ledger_put_definitions(b->ledger, 0, &one, files, 2, &b->why), OK);
    assert_int_equal(ledger_put_definitions(b->ledger, 5, &two, files, 1, &b->why), OK);
    bench_read(b);
    assert_int_equal(ledger_reader_definitions(b->reader, 4, &got, list, 4, &count, &b->why), OK);
    assert_memory_equal(&got, &one, sizeof one);
    assert_int_equal(count, 2);
    assert_memory_equal(list, files, sizeof files);
    assert_int_equal(ledger_reader_definitions(b->reader, 5, &got, list, 4, &count, &b->why), OK);
    assert_memory_equal(&got, &two, sizeof two);
    assert_int_equal(count, 1);
    assert_int_equal(ledger_reader_definitions(b->reader, 0, &got, list, 1, &count, &b->why),
                     ERROR_RANGE);
}

static void point_numbers_are_never_used_twice(void **state)
{
    struct ledger_bench *b = *state;
    uint32_t number;
    bool fresh;
    bench_open(b);
    assert_int_equal(ledger_point_number(b->ledger, "a.u", "V", &number, &fresh, &b->why), OK);
    assert_true(number == 1 && fresh);
    assert_int_equal(ledger_point_number(b->ledger, "a.u", "kV", &number, &fresh, &b->why), OK);
    assert_true(number == 2 && fresh);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_point_number(b->ledger, "a.u", "V", &number, &fresh, &b->why), OK);
    assert_true(number == 1 && !fresh);
    assert_int_equal(ledger_point_number(b->ledger, "a.", "uV", &number, &fresh, &b->why), OK);
    assert_true(number == 3 && fresh);
}

static void reader_gives_every_number_of_a_name(void **state)
{
    struct ledger_bench *b = *state;
    uint32_t number, numbers[2];
    size_t count;
    bool fresh;
    bench_open(b);
    ledger_point_number(b->ledger, "a.u", "V", &number, &fresh, &b->why);
    ledger_point_number(b->ledger, "a.i", "A", &number, &fresh, &b->why);
    ledger_point_number(b->ledger, "a.u", "kV", &number, &fresh, &b->why);
    bench_read(b);
    assert_int_equal(ledger_reader_point_numbers(b->reader, "a.u", numbers, 2, &count, &b->why),
                     OK);
    assert_true(count == 2 && numbers[0] == 1 && numbers[1] == 3);
    assert_int_equal(ledger_reader_point_numbers(b->reader, "a.u", numbers, 1, &count, &b->why),
                     ERROR_RANGE);
    assert_int_equal(ledger_reader_point_numbers(b->reader, "a", numbers, 2, &count, &b->why), OK);
    assert_int_equal(count, 0);
}

static void batch_is_undone_as_a_whole(void **state)
{
    struct ledger_bench *b = *state;
    struct digest hash;
    uint32_t number;
    bool fresh;
    struct text out = text_make(100);
    bench_open(b);
    assert_int_equal(ledger_batch_begin(b->ledger, &b->why), OK);
    assert_int_equal(ledger_put_file(b->ledger, "driver", "abc", 3, &hash, &b->why), OK);
    assert_int_equal(ledger_point_number(b->ledger, "a", "b", &number, &fresh, &b->why), OK);
    assert_int_equal(ledger_batch_end(b->ledger, ERROR_INPUT, &b->why), ERROR_INPUT);
    bench_read(b);
    assert_int_equal(ledger_reader_file(b->reader, &hash, &out, &b->why), ERROR_ABSENT);
    assert_int_equal(ledger_point_number(b->ledger, "c", "d", &number, &fresh, &b->why), OK);
    assert_true(number == 1 && fresh);
    text_free(&out);
}

static void watcher_is_told_of_blocks(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    int fd = ledger_watch(b->ledger);
    assert_true(fd >= 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    bench_append(b, 1);
    assert_int_equal(poll(&p, 1, 0), 1);
    ledger_unwatch(b->ledger, fd);
    bench_append(b, 1);
}

static struct digest leaves[700];

static int fetch_leaf(void *context, unsigned level, uint64_t index, struct digest *out)
{
    (void)context;
    *out = level == 0 ? leaves[index] : merkle_root_of(&leaves[index * TILE_WIDTH], TILE_WIDTH);
    return OK;
}

static void roots_and_proofs_are_those_of_the_leaves(void **state)
{
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 700};
    struct ledger_bench *b = *state;
    bench_open(b);
    for (int i = 0; i < 700; i++) {
        bench_append(b, 1);
        leaves[i] = b->previous;
    }
    bench_read(b);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct digest root, expected, proof[MERKLE_PROOF_MAX];
        size_t count;
        uint64_t n = sizes[i] / 2;
        assert_int_equal(ledger_reader_root(b->reader, sizes[i], &root, &b->why), OK);
        merkle_root(fetch_leaf, NULL, sizes[i], &expected);
        assert_memory_equal(&root, &expected, sizeof root);
        assert_int_equal(ledger_reader_inclusion(b->reader, n, sizes[i], proof, &count, &b->why),
                         OK);
        assert_int_equal(merkle_check_inclusion(&leaves[n], n, sizes[i], proof, count, &root), OK);
    }
}

// Blocks whose times jump about, so that the order of the times is not that of the blocks.
static void blocks_are_found_by_time_in_whatever_order(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    for (int i = 0; i < 700; i++) {
        int64_t t_us = T0_US + (int64_t)(i * 131 % 700) * 10000000;
        assert_int_equal(bench_append_at(b, t_us, 3), OK); // spans 2 s
    }
    bench_read(b);
    for (int from = -1; from < 701; from += 13) {
        int64_t from_us = T0_US + (int64_t)from * 10000000 + 1, to_us = from_us + 25000000;
        uint64_t n = 0;
        int expected = 0, found = 0;
        for (int i = 0; i < 700; i++) {
            int64_t t_us = T0_US + (int64_t)(i * 131 % 700) * 10000000;
            if (t_us < to_us && t_us + 2000000 >= from_us) {
                assert_int_equal(ledger_reader_next_in_time(b->reader, from_us, to_us, &n, &b->why),
                                 OK);
                assert_int_equal(n, i);
                n++;
                expected++;
            }
        }
        while (ledger_reader_next_in_time(b->reader, from_us, to_us, &n, &b->why) == OK) {
            n++;
            found++;
        }
        assert_true(found == 0 && (expected > 0 || from < 0 || from > 699));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(fresh_ledger_is_an_empty_log),
        TEST(what_was_appended_is_read_back),
        TEST(ledger_goes_on_where_it_stopped),
        TEST(ledger_refuses_a_gap),
        TEST(several_blocks_are_stored_all_or_none),
        TEST(second_daemon_is_refused),
        TEST(files_are_closed_to_others),
        TEST(cursors_only_rise_and_last),
        TEST(cursor_is_written_with_the_next_block_or_after_15_s),
        TEST(cursor_of_an_uplink_that_is_no_more_makes_room),
        TEST(required_cursors_are_never_dropped),
        TEST(files_are_known_by_their_hash),
        TEST(definitions_hold_from_their_block_on),
        TEST(point_numbers_are_never_used_twice),
        TEST(reader_gives_every_number_of_a_name),
        TEST(batch_is_undone_as_a_whole),
        TEST(watcher_is_told_of_blocks),
        TEST(roots_and_proofs_are_those_of_the_leaves),
        TEST(blocks_are_found_by_time_in_whatever_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
