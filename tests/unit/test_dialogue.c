// What a centre's words do to sending and signing, and where checkpoints go among the blocks.
#include "fake_session.h"
#include "ledger_bench.h"

#include "uplink/dialogue.h"

struct desk {
    struct ledger_bench *bench;
    struct signing_key *own, *centre;
    struct config_uplink settings;
    struct notices notices;
    struct delivery delivery;
    struct session session;
    struct signer *signer;
    struct dialogue dialogue;
    struct text note;
};

static struct signing_key *make_key(struct desk *desk, const char *name)
{
    char path[96];
    struct signing_key *key;
    snprintf(path, sizeof path, "%s/%s", desk->bench->directory, name);
    assert_int_equal(signing_key_make(path, &desk->bench->why), OK);
    assert_int_equal(signing_key_load(&key, path, &desk->bench->why), OK);
    return key;
}

// An uplink with receipts to a ledger of five blocks, connected.
static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    void *bench;
    bench_setup(&bench);
    desk->bench = bench;
    bench_open(desk->bench);
    bench_append(desk->bench, 5);
    desk->own = make_key(desk, "own");
    desk->centre = make_key(desk, "centre");
    desk->note = text_make(NOTE_BYTES_MAX);
    desk->settings = (struct config_uplink){.name = "city", .has_centre = true};
    desk->settings.resend_us = INT64_C(600000000);
    desk->settings.centre.key = *signing_key_public(desk->centre);
    desk->session = (struct session){.window = 100, .packet_max = SIZE_MAX};
    const struct clock *clock = &desk->bench->clock.clock;
    notices_begin(&desk->notices, "city", clock, NULL);
    const struct delivery_options options = {.settings = &desk->settings,
                                             .directory = desk->bench->directory,
                                             .ledger = desk->bench->ledger,
                                             .clock = clock,
                                             .notices = &desk->notices,
                                             .seed = 1};
    assert_int_equal(delivery_open(&desk->delivery, &options, &desk->bench->why), OK);
    const struct signer_options signing = {.directory = desk->bench->directory,
                                           .ledger = desk->bench->ledger,
                                           .key = desk->own,
                                           .interval_us = INT64_C(3600000000),
                                           .held = true,
                                           .clock = clock};
    assert_int_equal(signer_start(&desk->signer, &signing, &desk->bench->why), OK);
    dialogue_begin(&desk->dialogue, &desk->delivery, desk->signer);
    delivery_attach(&desk->delivery, &desk->session);
    delivery_begin(&desk->delivery);
    assert_int_equal(dialogue_up(&desk->dialogue, &desk->bench->why), OK);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    void *bench = desk->bench;
    dialogue_end(&desk->dialogue);
    delivery_close(&desk->delivery);
    signer_free(desk->signer);
    signing_key_free(desk->own);
    signing_key_free(desk->centre);
    notices_end(&desk->notices);
    text_free(&desk->note);
    free(desk);
    return bench_teardown(&bench);
}

// The centre holds the first `size` blocks of the ledger, or of one that is longer.
static void say_receipt(struct desk *desk, uint64_t size, bool answer)
{
    struct receipt receipt = {.centre = "centre", .time_s = 1795498776, .nonce = "-"};
    struct why *why = &desk->bench->why;
    snprintf(receipt.head.origin, sizeof receipt.head.origin, "%s",
             ledger_origin(desk->bench->ledger));
    if (answer) {
        snprintf(receipt.nonce, sizeof receipt.nonce, "%s", desk->dialogue.receipts.nonce);
    }
    receipt.head.size = size;
    if (size <= ledger_size(desk->bench->ledger)) {
        bench_read(desk->bench);
        assert_int_equal(ledger_reader_root(desk->bench->reader, size, &receipt.head.root, why),
                         OK);
    }
    text_clear(&desk->note);
    assert_int_equal(receipt_sign(&desk->note, &receipt, desk->centre, why), OK);
    dialogue_received(&desk->dialogue, desk->dialogue.receipt_topic, desk->note.data,
                      desk->note.length);
}

static void turn(struct desk *desk)
{
    int64_t wait_us = INT64_C(3600000000);
    delivery_look(&desk->delivery);
    assert_int_equal(delivery_send(&desk->delivery, &wait_us), OK);
    dialogue_look(&desk->dialogue);
}

static int count_sent(const struct desk *desk, const char *what)
{
    int count = 0;
    for (int id = 0; id < desk->session.count; id++) {
        count += strcmp(desk->session.sent[id].what, what) == 0;
    }
    return count;
}

static enum signer_state state_of(struct desk *desk)
{
    struct signer_status status;
    signer_status(desk->signer, &status);
    return status.state;
}

static void hello_is_said_again_until_it_is_answered(void **state)
{
    struct desk *desk = *state;
    static const int64_t waits_s[] = {1, 2, 4, 8, 16, 30, 30};
    assert_int_equal(count_sent(desk, "hello"), 1);
    assert_non_null(strstr(desk->session.note, desk->dialogue.receipts.nonce));
    for (int i = 0; i < 7; i++) {
        desk->bench->clock.mono_us += waits_s[i] * 1000000 - 1;
        turn(desk);
        assert_int_equal(count_sent(desk, "hello"), i + 1);
        desk->bench->clock.mono_us += 1;
        turn(desk);
        assert_int_equal(count_sent(desk, "hello"), i + 2);
    }
    assert_int_equal(count_sent(desk, "block"), 0);
    say_receipt(desk, 0, true);
    desk->bench->clock.mono_us += 60000000;
    turn(desk);
    assert_int_equal(count_sent(desk, "hello"), 8);
}

static void the_answer_opens_sending_and_signing_while_the_connection_lasts(void **state)
{
    struct desk *desk = *state;
    say_receipt(desk, 2, false); // counts, and is no answer
    turn(desk);
    assert_int_equal(ledger_cursor(desk->bench->ledger, "city"), 2);
    assert_int_equal(count_sent(desk, "block"), 0);
    assert_int_equal(state_of(desk), SIGNER_HELD);
    say_receipt(desk, 3, true);
    turn(desk);
    assert_int_equal(count_sent(desk, "block"), 2);
    assert_int_equal(desk->session.sent[1].n, 3);
    assert_int_equal(state_of(desk), SIGNER_OPEN);
    dialogue_down(&desk->dialogue);
    assert_int_equal(state_of(desk), SIGNER_HELD);
}

static void another_log_is_never_signed_nor_sent_though_another_centre_is_there(void **state)
{
    struct desk *desk = *state;
    signer_allow(desk->signer);
    say_receipt(desk, 6, true);
    turn(desk);
    assert_int_equal(state_of(desk), SIGNER_FORBIDDEN);
    say_receipt(desk, 3, true);
    turn(desk);
    assert_int_equal(count_sent(desk, "block"), 0);
    assert_int_equal(count_sent(desk, "checkpoint"), 0);
    assert_int_equal(ledger_cursor(desk->bench->ledger, "city"), 0);
}

static void a_checkpoint_goes_behind_the_blocks_that_it_covers(void **state)
{
    struct desk *desk = *state;
    struct why *why = &desk->bench->why;
    say_receipt(desk, 0, true);
    dialogue_look(&desk->dialogue);
    assert_int_equal(ledger_put_note(desk->bench->ledger, LEDGER_CHECKPOINT, "", 5, "five", 4, why),
                     OK);
    dialogue_look(&desk->dialogue);
    assert_int_equal(count_sent(desk, "checkpoint"), 0);
    turn(desk);
    assert_int_equal(count_sent(desk, "block"), 5);
    assert_int_equal(count_sent(desk, "checkpoint"), 1);
    assert_string_equal(desk->session.sent[desk->session.count - 1].what, "checkpoint");
    assert_true(desk->session.sent[desk->session.count - 1].retain);
    turn(desk);
    assert_int_equal(count_sent(desk, "checkpoint"), 1);
}

#define WITH_DESK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DESK(hello_is_said_again_until_it_is_answered),
        WITH_DESK(the_answer_opens_sending_and_signing_while_the_connection_lasts),
        WITH_DESK(another_log_is_never_signed_nor_sent_though_another_centre_is_there),
        WITH_DESK(a_checkpoint_goes_behind_the_blocks_that_it_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
