// The canonical archive: what tar reads is what was written, and no byte of it may differ.
#include "archive/ustar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct archive {
    char *bytes;
    size_t length;
};

// Three files: of some bytes, of none, and of a whole record.
static int make(void **state)
{
    static const uint8_t record[USTAR_RECORD] = {1, 2, 3};
    struct archive *archive = calloc(1, sizeof *archive);
    FILE *to = open_memstream(&archive->bytes, &archive->length);
    struct why why;
    assert_int_equal(ustar_put(to, "one", "hello\n", 6, &why), OK);
    assert_int_equal(ustar_put(to, "folder/none", "", 0, &why), OK);
    assert_int_equal(ustar_put(to, "folder/record", record, sizeof record, &why), OK);
    assert_int_equal(ustar_finish(to, &why), OK);
    fclose(to);
    *state = archive;
    return 0;
}

static int unmake(void **state)
{
    struct archive *archive = *state;
    free(archive->bytes);
    free(archive);
    return 0;
}

// Reads it all; how many files there were, or the first error.
static int read_all(const void *bytes, size_t length, struct why *why)
{
    FILE *from = fmemopen((void *)(uintptr_t)bytes, length, "rb");
    struct ustar ustar;
    struct text text = text_make(1u << 20);
    int count = 0, error;
    ustar_begin(&ustar, from);
    while ((error = ustar_next(&ustar, why)) == OK && !ustar.ended) {
        text_clear(&text);
        error = ustar_take(&ustar, &text, 1u << 20, why);
        if (error) {
            break;
        }
        count++;
    }
    text_free(&text);
    fclose(from);
    return error ? error : count;
}

static void tar_unpacks_it(void **state)
{
    struct archive *archive = *state;
    char folder[] = "/tmp/tally-ustar-XXXXXX", command[512];
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "%s/a.tar", folder);
    FILE *file = fopen(command, "wb");
    fwrite(archive->bytes, 1, archive->length, file);
    fclose(file);
    snprintf(command, sizeof command,
             "cd %s && tar xf a.tar && test \"$(cat one)\" = hello && test ! -s folder/none && "
             "test $(stat -c %%s folder/record) = 512 && test $(stat -c %%a one) = 644 && rm -r %s",
             folder, folder);
    assert_int_equal(system(command), 0);
}

static void what_was_written_is_read(void **state)
{
    struct archive *archive = *state;
    FILE *from = fmemopen(archive->bytes, archive->length, "rb");
    struct ustar ustar;
    struct text text = text_make(100);
    struct why why;
    ustar_begin(&ustar, from);
    assert_int_equal(ustar_next(&ustar, &why), OK);
    assert_string_equal(ustar.name, "one");
    assert_int_equal(ustar.size, 6);
    assert_int_equal(ustar_next(&ustar, &why), ERROR_INPUT); // not read yet
    assert_int_equal(ustar_take(&ustar, &text, 5, &why), ERROR_RANGE);
    assert_int_equal(ustar_take(&ustar, &text, 6, &why), OK);
    assert_string_equal(text.data, "hello\n");
    fclose(from);
    text_free(&text);
    assert_int_equal(read_all(archive->bytes, archive->length, &why), 3);
}

static void every_other_byte_outside_of_contents_is_refused(void **state)
{
    struct archive *archive = *state;
    struct why why;
    for (size_t i = 0; i < archive->length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            archive->bytes[i] ^= (char)(1 << bit);
            int count = read_all(archive->bytes, archive->length, &why);
            bool contents = (i >= 512 && i < 518) || (i >= 2048 && i < 2560);
            assert_int_equal(count > 0, contents);
            archive->bytes[i] ^= (char)(1 << bit);
        }
    }
}

static void another_length_is_refused(void **state)
{
    struct archive *archive = *state;
    struct why why;
    for (size_t length = 1; length < archive->length; length++) {
        assert_true(read_all(archive->bytes, length, &why) < 0);
    }
    char *longer = calloc(1, archive->length + USTAR_RECORD);
    memcpy(longer, archive->bytes, archive->length);
    assert_int_equal(read_all(longer, archive->length + 1, &why), ERROR_INPUT);
    assert_int_equal(read_all(longer, archive->length + USTAR_RECORD, &why), ERROR_INPUT);
    free(longer);
}

static void a_full_disk_is_said(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full) {
        skip();
    }
    struct why why;
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(ustar_put(full, "one", "hello\n", 6, &why), ERROR_FULL);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tar_unpacks_it, make, unmake),
        cmocka_unit_test_setup_teardown(what_was_written_is_read, make, unmake),
        cmocka_unit_test_setup_teardown(every_other_byte_outside_of_contents_is_refused, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(another_length_is_refused, make, unmake),
        cmocka_unit_test(a_full_disk_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
