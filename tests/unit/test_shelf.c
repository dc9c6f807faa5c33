// The folder of certificates: what is taken of it, and what is refused.
#include "measure/shelf.h"
#include "record/calibrations.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_US INT64_C(86400000000)

static char folder[64];

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void put_certificate(const char *name, const char *number, const char *more)
{
    char text[1024];
    snprintf(text, sizeof text,
             "certificate: %s\nlaboratory: L\ninstrument: {serial: S1}\nperformed: 2026-03-02\n%s"
             "calibration:\n  - {quantity: temperature, unit: \"°C\", k: 2, uncertainty: 0.1, "
             "points: [{indication: 1, error: 0}]}\n",
             number, more);
    put(name, text);
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_shelf.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void load(struct shelf *shelf, size_t faulted)
{
    struct faults faults = {0};
    struct why why = {""};
    assert_int_equal(shelf_load(shelf, folder, &faults, &why), OK);
    assert_int_equal(faults.count, faulted);
    faults_free(&faults);
}

static void what_was_read_is_taken_and_all_else_named(void **state)
{
    (void)state;
    struct shelf shelf;
    char path[128];
    put("a.xml", "the laboratory's bytes");
    put_certificate("a.xml.read", "A", "");
    put("b.yaml", "other bytes");
    put_certificate("b.yaml.read", "B", "due: 2027-01-01\n");
    put("copy-of-a", "the laboratory's bytes");
    put_certificate("copy-of-a.read", "A", "");
    put(".hidden", "");
    put_certificate("not-read.yaml", "D", "");
    put("bad.yaml", "");
    put("bad.yaml.read", "certificate: [\n");
    put_certificate("nothing-beside.read", "E", "");
    snprintf(path, sizeof path, "%s/folder", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    put_certificate("pipe.read", "F", "");
    load(&shelf, 4); // not-read, bad, folder, pipe
    assert_int_equal(shelf.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct shelf_entry *entry = &shelf.entries[i];
        const struct digest hash = digest_of(NULL, 0, entry->bytes.data, entry->bytes.length);
        assert_memory_equal(&hash, &entry->certificate->hash, sizeof hash);
        assert_string_equal(entry->bytes.data, entry->certificate->id[0] == 'A'
                                                   ? "the laboratory's bytes"
                                                   : "other bytes");
    }
    assert_true(memcmp(&shelf.entries[0].certificate->hash, &shelf.entries[1].certificate->hash,
                       sizeof(struct digest)) < 0);
    shelf_free(&shelf);
}

static void no_folder_is_an_empty_one(void **state)
{
    (void)state;
    struct shelf shelf;
    struct faults faults = {0};
    struct why why = {""};
    assert_int_equal(shelf_load(&shelf, "/nonexistent/folder", &faults, &why), OK);
    assert_int_equal(shelf.count, 0);
    assert_int_equal(shelf_load(&shelf, "/proc/self/mem", &faults, &why), ERROR_SYSTEM);
}

static void the_earlier_date_is_the_last_day(void **state)
{
    (void)state;
    struct shelf shelf, before;
    put("a", "");
    put_certificate("a.read", "A", "due: 2027-01-01\n");
    load(&before, 0);
    assert_int_equal(shelf_last_day(before.entries[0].certificate), 20819);
    assert_int_equal(shelf_overdue_us(before.entries[0].certificate), 20820 * DAY_US);
    put_certificate("a.read", "A", "due: 2027-01-01\nvalid_until: 2026-12-01\n");
    load(&shelf, 0);
    assert_int_equal(shelf_last_day(shelf.entries[0].certificate), 20788);
    assert_false(shelf_is_same(&before, &shelf));
    assert_true(shelf_is_same(&shelf, &shelf));
    shelf_free(&shelf);
    shelf_free(&before);
}

static void without_a_date_it_is_never_overdue(void **state)
{
    (void)state;
    struct shelf shelf;
    put("a", "");
    put_certificate("a.read", "A", "");
    load(&shelf, 0);
    assert_true(shelf_overdue_us(shelf.entries[0].certificate) == INT64_MAX);
    shelf_free(&shelf);
}

static const struct driver_quantity temperature = {
    .name = "temperature", .kind = "temperature", .unit = "°C", .type = TYPE_FLOAT32};

// The number of the certificate that is in force, or of the one since whose end none is, with "-".
static void expect_in_force(const struct shelf *shelf, const char *expected)
{
    const struct driver_quantity *polled[] = {&temperature};
    struct driver_quantity quantities[] = {temperature};
    struct driver driver = {.id = "d", .quantity_count = 1, .quantities = quantities};
    struct config_instrument instrument = {.name = "oven",
                                           .driver = &driver,
                                           .serial = "S1",
                                           .quantity_count = 1,
                                           .quantities = polled};
    const struct config config = {.instrument_count = 1, .instruments = &instrument};
    struct faults faults = {0};
    struct why why = {""};
    struct calibrations *calibrations;
    char got[64] = "none";
    assert_int_equal(calibrations_make(&calibrations, &config, shelf, &faults, &why), OK);
    const struct calibration *of = &calibrations->of[0][0];
    assert_true(!of->entry || !of->ended);
    assert_int_equal(of->correction.mode, of->entry ? CORRECTION_POINTWISE : CORRECTION_NONE);
    assert_int_equal(calibrations->used_count, of->entry != NULL);
    if (of->entry || of->ended) {
        snprintf(got, sizeof got, "%s%s", of->entry ? "" : "-",
                 (of->entry ? of->entry : of->ended)->certificate->id);
    }
    assert_string_equal(got, expected);
    calibrations_free(calibrations);
    faults_free(&faults);
}

#define ENDED "ended: 2026-04-01T08:00:00Z\nby: li.wei\nreason: adjusted\n"

static void one_that_has_ended_is_in_force_no_more_nor_is_any_before_it(void **state)
{
    (void)state;
    struct shelf shelf, before;
    put("a", "a");
    put_certificate("a.read", "A", "");
    put("b", "b");
    put("b.read", "certificate: B\nlaboratory: L\ninstrument: {serial: S1}\nperformed: "
                  "2026-03-31\ncalibration:\n  - {unit: K, k: 2, uncertainty: 0.1, points: "
                  "[{indication: 1, error: 0}]}\n");
    load(&before, 0);
    expect_in_force(&before, "B");
    put("b.ended", ENDED);
    load(&shelf, 0);
    assert_false(shelf_is_same(&before, &shelf));
    expect_in_force(&shelf, "-B");
    for (size_t i = 0; i < shelf.count; i++) {
        const struct ended *ended = shelf.entries[i].ended;
        assert_true((ended != NULL) == (shelf.entries[i].certificate->id[0] == 'B'));
        if (ended) {
            assert_true(ended->at_us == INT64_C(1775030400000000));
            assert_string_equal(ended->account, "li.wei");
            assert_string_equal(ended->reason, "adjusted");
        }
    }
    shelf_free(&shelf);
    // The one before may end too; another of the same day is in force, whatever its hash.
    put("a.ended", ENDED);
    put("c", "c");
    put_certificate("c.read", "C", "");
    load(&shelf, 0);
    expect_in_force(&shelf, "-B");
    shelf_free(&shelf);
    put("b.ended", "ended: yesterday\nreason: ''\n");
    load(&shelf, 3); // and it is left out
    expect_in_force(&shelf, "C");
    shelf_free(&shelf);
    shelf_free(&before);
}

static void of_two_copies_it_has_ended_when_one_has(void **state)
{
    (void)state;
    struct shelf shelf;
    put("a", "a");
    put_certificate("a.read", "A", "");
    put("copy", "a");
    put_certificate("copy.read", "A", "");
    put("copy.ended", ENDED);
    load(&shelf, 0);
    assert_int_equal(shelf.count, 1);
    assert_non_null(shelf.entries[0].ended);
    shelf_free(&shelf);
}

static void an_end_is_read_as_it_is_written(void **state)
{
    (void)state;
    const struct ended ended = {.at_us = 1775030400123456,
                                .account = "li.wei",
                                .reason = "“sensor” changed: 2 of 3, \\ # \" new"};
    struct ended again;
    struct text text = text_make(ENDED_BYTES_MAX);
    struct faults faults = {0};
    ended_write(&text, &ended);
    assert_int_equal(ended_read(&again, "e", text.data, text.length, &faults), OK);
    assert_true(again.at_us == ended.at_us);
    assert_string_equal(again.account, ended.account);
    assert_string_equal(again.reason, ended.reason);
    text_free(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_read_is_taken_and_all_else_named),
        TEST(no_folder_is_an_empty_one),
        TEST(the_earlier_date_is_the_last_day),
        TEST(without_a_date_it_is_never_overdue),
        TEST(one_that_has_ended_is_in_force_no_more_nor_is_any_before_it),
        TEST(of_two_copies_it_has_ended_when_one_has),
        TEST(an_end_is_read_as_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
