// The signer: what it signs verifies and is of the log; what holds and what forbids it.
#include "ledger_bench.h"

#include "ident/checkpoint.h"
#include "sign/signer.h"

#include <time.h>

struct desk {
    struct ledger_bench *bench;
    struct signing_key *key;
    struct signer *signer;
};

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    void *bench;
    char path[96];
    bench_setup(&bench);
    desk->bench = bench;
    snprintf(path, sizeof path, "%s/log.key", desk->bench->directory);
    assert_int_equal(signing_key_make(path, &desk->bench->why), OK);
    assert_int_equal(signing_key_load(&desk->key, path, &desk->bench->why), OK);
    bench_open(desk->bench);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    void *bench = desk->bench;
    signer_free(desk->signer);
    signing_key_free(desk->key);
    bench_teardown(&bench);
    free(desk);
    return 0;
}

static void start(struct desk *desk, bool held, int64_t interval_us)
{
    struct signer_options options = {.directory = desk->bench->directory,
                                     .ledger = desk->bench->ledger,
                                     .key = desk->key,
                                     .interval_us = interval_us,
                                     .held = held,
                                     .clock = &desk->bench->clock.clock};
    assert_int_equal(signer_start(&desk->signer, &options, &desk->bench->why), OK);
}

static void assert_signs(struct desk *desk, const struct text *note, uint64_t size)
{
    struct checkpoint checkpoint;
    struct digest root;
    assert_int_equal(checkpoint_open(&checkpoint, note->data, note->length,
                                     signing_key_public(desk->key), &desk->bench->why),
                     OK);
    assert_int_equal(checkpoint.size, size);
    assert_string_equal(checkpoint.origin, ledger_origin(desk->bench->ledger));
    bench_read(desk->bench);
    assert_int_equal(ledger_reader_root(desk->bench->reader, size, &root, &desk->bench->why), OK);
    assert_memory_equal(&root, &checkpoint.root, sizeof root);
}

// Waits until a checkpoint of `size` is kept (10 s at most).
static void wait_kept(struct desk *desk, uint64_t size, struct text *note)
{
    uint64_t got = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        if (ledger_get_note(desk->bench->ledger, LEDGER_CHECKPOINT, "", note, &got) == OK &&
            got == size) {
            return;
        }
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    fail_msg("no checkpoint of %llu blocks was kept", (unsigned long long)size);
}

static void every_size_that_is_durable_can_be_signed(void **state)
{
    struct desk *desk = *state;
    struct text note = text_make(LEDGER_NOTE_MAX);
    bench_append(desk->bench, 300);
    start(desk, false, 3600000000);
    static const uint64_t sizes[] = {0, 1, 255, 256, 257, 300};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        text_clear(&note);
        assert_int_equal(signer_checkpoint(desk->signer, sizes[i], &note, &desk->bench->why), OK);
        assert_signs(desk, &note, sizes[i]);
    }
    text_clear(&note);
    assert_int_equal(signer_checkpoint(desk->signer, 301, &note, &desk->bench->why), ERROR_ABSENT);
    assert_int_equal(note.length, 0);
    text_free(&note);
}

static void what_came_is_signed_every_interval_and_at_the_stop(void **state)
{
    struct desk *desk = *state;
    struct text note = text_make(LEDGER_NOTE_MAX);
    bench_append(desk->bench, 3);
    start(desk, false, 20000);
    wait_kept(desk, 3, &note);
    assert_signs(desk, &note, 3);
    bench_append(desk->bench, 2);
    wait_kept(desk, 5, &note);
    struct signer_status status;
    signer_free(desk->signer);
    desk->signer = NULL;
    start(desk, false, 3600000000);
    wait_kept(desk, 5, &note);
    bench_append(desk->bench, 1);
    signer_status(desk->signer, &status);
    assert_int_equal(status.state, SIGNER_OPEN);
    signer_free(desk->signer);
    desk->signer = NULL;
    wait_kept(desk, 6, &note);
    assert_signs(desk, &note, 6);
    text_free(&note);
}

static void nothing_is_signed_while_no_centre_has_answered(void **state)
{
    struct desk *desk = *state;
    struct text note = text_make(LEDGER_NOTE_MAX);
    uint64_t size;
    bench_append(desk->bench, 3);
    start(desk, true, 10000);
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    assert_int_equal(signer_checkpoint(desk->signer, 3, &note, &desk->bench->why), ERROR_REFUSED);
    signer_free(desk->signer);
    desk->signer = NULL;
    assert_int_equal(ledger_get_note(desk->bench->ledger, LEDGER_CHECKPOINT, "", &note, &size),
                     ERROR_ABSENT);
    start(desk, true, 3600000000);
    signer_allow(desk->signer);
    wait_kept(desk, 3, &note);  // at once
    signer_allow(desk->signer); // a second centre
    signer_hold(desk->signer);
    assert_int_equal(signer_checkpoint(desk->signer, 2, &note, &desk->bench->why), OK);
    signer_hold(desk->signer);
    assert_int_equal(signer_checkpoint(desk->signer, 2, &note, &desk->bench->why), ERROR_REFUSED);
    text_free(&note);
}

static void what_is_forbidden_stays_forbidden(void **state)
{
    struct desk *desk = *state;
    struct text note = text_make(LEDGER_NOTE_MAX);
    uint64_t size;
    bench_append(desk->bench, 3);
    start(desk, true, 10000);
    signer_forbid(desk->signer);
    signer_allow(desk->signer);
    assert_int_equal(signer_checkpoint(desk->signer, 3, &note, &desk->bench->why), ERROR_REFUSED);
    struct signer_status status;
    signer_status(desk->signer, &status);
    assert_int_equal(status.state, SIGNER_FORBIDDEN);
    signer_free(desk->signer);
    desk->signer = NULL;
    assert_int_equal(ledger_get_note(desk->bench->ledger, LEDGER_CHECKPOINT, "", &note, &size),
                     ERROR_ABSENT);
    text_free(&note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_size_that_is_durable_can_be_signed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_came_is_signed_every_interval_and_at_the_stop, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_is_signed_while_no_centre_has_answered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_forbidden_stays_forbidden, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
