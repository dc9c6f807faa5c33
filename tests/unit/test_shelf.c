// The folder of certificates: what is read, refused, and beside it.
#include "measure/shelf.h"

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

static void good_files_are_taken_and_bad_ones_named(void **state)
{
    (void)state;
    struct shelf shelf;
    char path[128];
    put_certificate("a.yaml", "A", "");
    put_certificate("b.yaml", "B", "due: 2027-01-01\n");
    put_certificate("copy-of-a", "A", "");
    put_certificate(".hidden", "C", "");
    put("bad.yaml", "certificate: [\n");
    put("bad.xml", "<?xml version=\"1.0\"?><x/>");
    put("empty", "");
    snprintf(path, sizeof path, "%s/folder", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    load(&shelf, 5);
    assert_int_equal(shelf.count, 2);
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

static void dates_beside_a_file_stand_where_it_has_none(void **state)
{
    (void)state;
    struct shelf shelf, before;
    put_certificate("a.yaml", "A", "due: 2027-01-01\n");
    load(&before, 0);
    assert_int_equal(shelf_last_day(before.entries[0].certificate), 20819);
    assert_int_equal(shelf_overdue_us(before.entries[0].certificate), 20820 * DAY_US);
    put("a.yaml.owner", "due: 2028-01-01\nvalid_until: 2026-12-01\n");
    load(&shelf, 0);
    assert_int_equal(shelf.entries[0].certificate->due, 20819); // its own
    assert_int_equal(shelf_last_day(shelf.entries[0].certificate), 20788);
    assert_false(shelf_is_same(&before, &shelf));
    assert_true(shelf_is_same(&shelf, &shelf));
    shelf_free(&shelf);
    put("a.yaml.owner", "due: soon\nuntil: 2026-12-01\n");
    load(&shelf, 2);
    assert_int_equal(shelf.count, 1);
    assert_true(shelf_is_same(&before, &shelf));
    shelf_free(&shelf);
    shelf_free(&before);
}

static void without_a_date_it_is_never_overdue(void **state)
{
    (void)state;
    struct shelf shelf;
    put_certificate("a.yaml", "A", "");
    load(&shelf, 0);
    assert_true(shelf_overdue_us(shelf.entries[0].certificate) == INT64_MAX);
    shelf_free(&shelf);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(good_files_are_taken_and_bad_ones_named),
        TEST(no_folder_is_an_empty_one),
        TEST(dates_beside_a_file_stand_where_it_has_none),
        TEST(without_a_date_it_is_never_overdue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
