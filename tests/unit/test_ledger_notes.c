// Signed notes that the ledger keeps, the key that a log has for life, and copies of another's log.
#include "ledger_bench.h"

#include <poll.h>
#include <sys/stat.h>

static void put(struct ledger_bench *b, enum ledger_note_kind kind, const char *name, uint64_t size,
                const char *text)
{
    assert_int_equal(ledger_put_note(b->ledger, kind, name, size, text, strlen(text), &b->why), OK);
}

static void assert_kept(struct ledger_bench *b, enum ledger_note_kind kind, const char *name,
                        uint64_t size, const char *text)
{
    struct text note = text_make(LEDGER_NOTE_MAX);
    uint64_t got;
    bench_read(b);
    assert_int_equal(ledger_reader_note(b->reader, kind, name, &note, &got, &b->why), OK);
    assert_int_equal(got, size);
    assert_string_equal(note.data, text);
    text_free(&note);
}

static void notes_go_along_with_the_next_block(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    bench_append(b, 2);
    struct text note = text_make(LEDGER_NOTE_MAX);
    uint64_t size = 0, serial = ledger_note_serial(b->ledger);
    put(b, LEDGER_CHECKPOINT, "", 2, "checkpoint of 2");
    assert_int_not_equal(ledger_note_serial(b->ledger), serial);
    assert_int_equal(ledger_get_note(b->ledger, LEDGER_CHECKPOINT, "", &note, &size), OK);
    assert_int_equal(size, 2);
    bench_read(b);
    assert_int_equal(ledger_reader_note(b->reader, LEDGER_CHECKPOINT, "", &note, &size, &b->why),
                     ERROR_ABSENT);
    bench_append(b, 1);
    assert_kept(b, LEDGER_CHECKPOINT, "", 2, "checkpoint of 2");
    put(b, LEDGER_CHECKPOINT, "", 3, "checkpoint of 3");
    put(b, LEDGER_RECEIPT, "city", 1, "receipt of city");
    put(b, LEDGER_RECEIPT, "another", 3, "receipt of another");
    bench_close(b);
    bench_open(b);
    assert_kept(b, LEDGER_CHECKPOINT, "", 3, "checkpoint of 3");
    assert_int_equal(ledger_get_note(b->ledger, LEDGER_RECEIPT, "city", &note, &size), OK);
    assert_string_equal(note.data, "receipt of city");
    struct ledger_note_row rows[4];
    size_t count;
    assert_int_equal(ledger_reader_note_names(b->reader, LEDGER_RECEIPT, rows, 4, &count), OK);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].name, "another");
    assert_int_equal(rows[0].size, 3);
    assert_string_equal(rows[1].name, "city");
    text_free(&note);
}

static void a_note_wakes_who_watches(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    int fd = ledger_watch(b->ledger);
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 0), 0);
    put(b, LEDGER_CHECKPOINT, "", 0, "note");
    assert_int_equal(poll(&poller, 1, 0), 1);
    ledger_unwatch(b->ledger, fd);
}

static void notes_have_a_greatest_size_and_number(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    char *bytes = calloc(1, LEDGER_NOTE_MAX + 1), name[LEDGER_NOTE_NAME + 1] = "";
    assert_int_equal(
        ledger_put_note(b->ledger, LEDGER_RECEIPT, "a", 0, bytes, LEDGER_NOTE_MAX + 1, &b->why),
        ERROR_RANGE);
    memset(name, 'a', LEDGER_NOTE_NAME);
    assert_int_equal(ledger_put_note(b->ledger, LEDGER_RECEIPT, name, 0, bytes, 1, &b->why),
                     ERROR_RANGE);
    for (int i = 0; i < LEDGER_NOTES_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        put(b, LEDGER_RECEIPT, name, 0, "note");
    }
    assert_int_equal(ledger_put_note(b->ledger, LEDGER_RECEIPT, "one-more", 0, bytes, 1, &b->why),
                     ERROR_FULL);
    free(bytes);
    bench_close(b);
    bench_open(b);
}

static void an_uplink_that_makes_room_takes_its_receipt_along(void **state)
{
    struct ledger_bench *b = *state;
    char names[LEDGER_CURSORS_MAX + 1][8];
    const char *uplinks[LEDGER_CURSORS_MAX + 1];
    struct ledger_cursor_row dropped[LEDGER_CURSORS_MAX];
    struct text note = text_make(64);
    uint64_t size;
    size_t count;
    bench_open(b);
    put(b, LEDGER_CHECKPOINT, "", 0, "checkpoint");
    put(b, LEDGER_KEY, "", 0, "key");
    for (int i = 0; i <= LEDGER_CURSORS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        uplinks[i] = names[i];
    }
    for (int i = 0; i < LEDGER_CURSORS_MAX; i++) {
        assert_int_equal(ledger_declare_uplink(b->ledger, names[i], false, &b->why), OK);
        put(b, LEDGER_RECEIPT, names[i], 0, "receipt");
    }
    bench_append(b, 1);
    // All but the first are configured, and one more.
    assert_int_equal(
        ledger_make_room(b->ledger, uplinks + 1, LEDGER_CURSORS_MAX, dropped, &count, &b->why), OK);
    assert_int_equal(count, 1);
    assert_string_equal(dropped[0].uplink, "n0");
    put(b, LEDGER_RECEIPT, names[LEDGER_CURSORS_MAX], 0, "new");
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_get_note(b->ledger, LEDGER_RECEIPT, "n0", &note, &size), ERROR_ABSENT);
    for (int i = 1; i <= LEDGER_CURSORS_MAX; i++) {
        assert_int_equal(ledger_get_note(b->ledger, LEDGER_RECEIPT, names[i], &note, &size), OK);
    }
    assert_int_equal(ledger_get_note(b->ledger, LEDGER_KEY, "", &note, &size), OK);
    text_free(&note);
}

static void a_ledger_without_the_table_is_gone_on_with(void **state)
{
    struct ledger_bench *b = *state;
    char command[160];
    bench_open(b);
    bench_append(b, 2);
    bench_close(b);
    snprintf(command, sizeof command, "sqlite3 '%s/ledger.db' 'DROP TABLE notes'", b->directory);
    assert_int_equal(system(command), 0);
    struct text note = text_make(64);
    uint64_t size;
    bench_read(b);
    assert_int_equal(ledger_reader_note(b->reader, LEDGER_CHECKPOINT, "", &note, &size, &b->why),
                     ERROR_ABSENT);
    text_free(&note);
    bench_open(b);
    assert_false(b->opening.new_log);
    assert_int_equal(ledger_size(b->ledger), 2);
    put(b, LEDGER_CHECKPOINT, "", 2, "note");
    bench_append(b, 1);
    assert_kept(b, LEDGER_CHECKPOINT, "", 2, "note");
}

static void another_key_begins_another_log(void **state)
{
    struct ledger_bench *b = *state;
    char origin[BLOCK_ORIGIN_MAX + 1];
    b->options.key = "first key";
    b->options.key_length = 9;
    bench_open(b);
    bench_append(b, 3);
    put(b, LEDGER_RECEIPT, "city", 2, "the receipt");
    snprintf(origin, sizeof origin, "%s", ledger_origin(b->ledger));
    bench_close(b);
    bench_open(b);
    assert_string_equal(ledger_origin(b->ledger), origin);
    bench_close(b);
    b->options.key = NULL; // a gateway that does not sign now: the log stays, and its key
    bench_open(b);
    assert_string_equal(ledger_origin(b->ledger), origin);
    bench_close(b);
    b->options.key = "other key";
    bench_open(b);
    assert_true(b->opening.new_log);
    assert_string_equal(b->opening.old_origin, origin);
    assert_int_equal(b->opening.old_size, 3);
    assert_non_null(strstr(b->opening.reason, "key"));
    assert_int_equal(b->opening.old_receipt_count, 1);
    assert_string_equal(b->opening.old_receipts[0].uplink, "city");
    assert_int_equal(b->opening.old_receipts[0].size, 2);
    assert_string_equal(b->opening.old_receipts[0].note, "the receipt");
    assert_int_equal(ledger_size(b->ledger), 0);
    struct text note = text_make(64);
    uint64_t size;
    assert_int_equal(ledger_get_note(b->ledger, LEDGER_RECEIPT, "city", &note, &size),
                     ERROR_ABSENT);
    text_free(&note);
}

static void a_copy_is_of_one_log_and_never_begins_another(void **state)
{
    struct ledger_bench *b = *state;
    static const char origin[] = "11320000MB151840XJ/gw-07/5f0c2a9d4be84f31a7c06d1e93b25f70";
    b->options.copy_of = "no origin";
    assert_int_equal(ledger_open(&b->ledger, &b->options, &b->opening, &b->why), ERROR_INPUT);
    b->options.copy_of = origin;
    bench_open(b);
    assert_string_equal(ledger_origin(b->ledger), origin);
    bench_append(b, 3);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), 3);
    bench_close(b);
    b->options.copy_of = "11320000MB151840XJ/gw-07/00000000000000000000000000000000";
    assert_int_equal(ledger_open(&b->ledger, &b->options, &b->opening, &b->why), ERROR_REFUSED);
    b->options.copy_of = origin;
    char path[128];
    snprintf(path, sizeof path, "%s/ledger.db", b->directory);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    fputs("damage", file);
    fclose(file);
    assert_int_equal(ledger_open(&b->ledger, &b->options, &b->opening, &b->why), ERROR_DAMAGED);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
}

static void a_copy_has_points_as_others_number_them(void **state)
{
    struct ledger_bench *b = *state;
    struct ledger_reader *reader;
    struct digest file, none = {{0}};
    uint32_t numbers[4];
    size_t count;
    b->options.copy_of = "11320000MB151840XJ/gw-07/5f0c2a9d4be84f31a7c06d1e93b25f70";
    bench_open(b);
    assert_int_equal(ledger_put_point(b->ledger, 7, "meter.energy", "{}", &b->why), OK);
    assert_int_equal(ledger_put_point(b->ledger, 9, "meter.energy", "{\"a\":1}", &b->why), OK);
    assert_int_equal(ledger_put_point(b->ledger, 7, "meter.energy", "{}", &b->why), OK);
    assert_int_equal(ledger_put_point(b->ledger, 7, "meter.power", "{}", &b->why), OK);
    assert_int_equal(ledger_put_file(b->ledger, "driver", "x", 1, &file, &b->why), OK);
    assert_true(ledger_has_file(b->ledger, &file));
    assert_false(ledger_has_file(b->ledger, &none));
    assert_int_equal(ledger_reader_open(&reader, b->directory, &b->why), OK);
    assert_int_equal(
        ledger_reader_point_numbers(reader, "meter.energy", numbers, 4, &count, &b->why), OK);
    assert_int_equal(count, 2);
    assert_int_equal(numbers[0], 7);
    assert_int_equal(numbers[1], 9);
    assert_int_equal(
        ledger_reader_point_numbers(reader, "meter.power", numbers, 4, &count, &b->why), OK);
    assert_int_equal(count, 0);
    ledger_reader_close(reader);
    bench_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(notes_go_along_with_the_next_block, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_note_wakes_who_watches, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(notes_have_a_greatest_size_and_number, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(an_uplink_that_makes_room_takes_its_receipt_along,
                                        bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_ledger_without_the_table_is_gone_on_with, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(another_key_begins_another_log, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_copy_is_of_one_log_and_never_begins_another, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_copy_has_points_as_others_number_them, bench_setup,
                                        bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
