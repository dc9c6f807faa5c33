// Which words of a centre count, on an uplink with receipts.
#include "uplink/receipts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN "91350100M000100Y43/gw-01/5f0c2a9d4be84f31a7c06d1e93b25f70"
#define OTHER  "91350100M000100Y43/gw-01/00000000000000000000000000000000"
#define NONCE  "0123456789abcdef0123456789abcdef"
#define S      INT64_C(1000000)
#define RESEND (600 * S)
#define SIZE   1000

struct desk {
    char folder[64];
    struct signing_key *key, *stranger;
    struct trusted_key centre;
    struct receipts receipts;
    struct text note;
    struct why why;
    uint64_t from;
    struct receipt said;
};

static struct signing_key *make_key(const struct desk *desk, const char *name)
{
    char path[96];
    struct signing_key *key;
    snprintf(path, sizeof path, "%s/%s", desk->folder, name);
    assert_int_equal(signing_key_make(path, NULL), OK);
    assert_int_equal(signing_key_load(&key, path, NULL), OK);
    unlink(path);
    return key;
}

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    snprintf(desk->folder, sizeof desk->folder, "/tmp/tally-receipts-XXXXXX");
    assert_non_null(mkdtemp(desk->folder));
    desk->key = make_key(desk, "centre");
    desk->stranger = make_key(desk, "stranger");
    desk->centre.key = *signing_key_public(desk->key);
    snprintf(desk->centre.name, sizeof desk->centre.name, "centre");
    desk->note = text_make(NOTE_BYTES_MAX);
    desk->receipts = receipts_make(&desk->centre, ORIGIN, RESEND, 100);
    receipts_connected(&desk->receipts, NONCE, 1000 * S);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    signing_key_free(desk->key);
    signing_key_free(desk->stranger);
    text_free(&desk->note);
    rmdir(desk->folder);
    free(desk);
    return 0;
}

// The root of our log: any function of the size.
static int root(void *context, uint64_t size, struct digest *out)
{
    (void)context;
    *out = digest_of(&size, sizeof size, NULL, 0);
    return OK;
}

static struct receipt make(uint64_t from, uint64_t size, const char *nonce)
{
    struct receipt receipt = {.centre = "centre", .time_s = 1795498776, .from = from};
    snprintf(receipt.nonce, sizeof receipt.nonce, "%s", nonce);
    snprintf(receipt.head.origin, sizeof receipt.head.origin, "%s", ORIGIN);
    receipt.head.size = size;
    root(NULL, size, &receipt.head.root);
    return receipt;
}

static enum receipts_verdict take_signed(struct desk *desk, const struct receipt *receipt,
                                         struct signing_key *key, int64_t now_us)
{
    text_clear(&desk->note);
    desk->why.text[0] = '\0';
    assert_int_equal(receipt_sign(&desk->note, receipt, key, &desk->why), OK);
    return receipts_take(&desk->receipts, desk->note.data, desk->note.length, 50, SIZE, root, NULL,
                         now_us, &desk->said, &desk->why);
}

static enum receipts_verdict take(struct desk *desk, uint64_t from, uint64_t size,
                                  const char *nonce)
{
    struct receipt receipt = make(from, size, nonce);
    return take_signed(desk, &receipt, desk->key, 1001 * S);
}

static void the_answer_to_the_hello_is_told_from_old_receipts(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(take(desk, 0, 200, "-"), RECEIPTS_RISEN);
    assert_int_equal(take(desk, 0, 300, "ffffffffffffffffffffffffffffffff"), RECEIPTS_RISEN);
    assert_false(desk->receipts.answered);
    assert_int_equal(take(desk, 0, 300, NONCE), RECEIPTS_ANSWERED);
    assert_true(desk->receipts.answered);
    assert_int_equal(take(desk, 0, 300, NONCE), RECEIPTS_OLD);
    receipts_connected(&desk->receipts, "abcdefabcdefabcdefabcdefabcdefab", 2000 * S);
    assert_int_equal(take(desk, 0, 300, NONCE), RECEIPTS_OLD);
    assert_false(desk->receipts.answered);
}

static void the_cursor_only_rises(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(take(desk, 0, 300, "-"), RECEIPTS_RISEN);
    assert_int_equal(take(desk, 0, 200, "-"), RECEIPTS_OLD);
    assert_int_equal(desk->receipts.cursor, 300);
    // A centre that was put back to an older copy: its head is the place to send from, no more.
    assert_int_equal(take(desk, 0, 150, NONCE), RECEIPTS_ANSWERED);
    assert_int_equal(desk->receipts.cursor, 300);
    assert_int_equal(desk->said.head.size, 150);
    assert_int_equal(take(desk, 0, SIZE, "-"), RECEIPTS_RISEN);
    assert_int_equal(desk->receipts.cursor, SIZE);
}

static void a_receipt_that_leaves_out_blocks_moves_nothing(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(take(desk, 101, 300, "-"), RECEIPTS_OLD);
    assert_int_equal(desk->receipts.cursor, 100);
    assert_int_equal(take(desk, 100, 300, "-"), RECEIPTS_RISEN);
    desk->receipts.cursor = 0; // what is pruned cannot be asked for: 50 is the first kept
    assert_int_equal(take(desk, 51, 300, "-"), RECEIPTS_OLD);
    assert_int_equal(take(desk, 50, 300, "-"), RECEIPTS_RISEN);
}

static void what_is_not_the_centres_is_ignored(void **state)
{
    struct desk *desk = *state;
    struct receipt receipt = make(0, 300, NONCE);
    assert_int_equal(take_signed(desk, &receipt, desk->stranger, 0), RECEIPTS_IGNORED);
    snprintf(receipt.centre, sizeof receipt.centre, "another");
    assert_int_equal(take_signed(desk, &receipt, desk->key, 0), RECEIPTS_IGNORED);
    receipt = make(0, 300, NONCE);
    snprintf(receipt.head.origin, sizeof receipt.head.origin, "%s", OTHER);
    assert_int_equal(take_signed(desk, &receipt, desk->key, 0), RECEIPTS_IGNORED);
    assert_non_null(strstr(desk->why.text, OTHER));
    assert_int_equal(
        receipts_take(&desk->receipts, "junk", 4, 0, SIZE, root, NULL, 0, &desk->said, &desk->why),
        RECEIPTS_IGNORED);
    assert_int_equal(desk->receipts.cursor, 100);
    assert_false(desk->receipts.answered);
    desk->centre.name[0] = '\0'; // a key from a PEM has no name
    receipt = make(0, 300, NONCE);
    snprintf(receipt.centre, sizeof receipt.centre, "another");
    assert_int_equal(take_signed(desk, &receipt, desk->key, 0), RECEIPTS_ANSWERED);
}

static void a_head_that_is_not_in_our_log_contradicts_it(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(take(desk, 0, SIZE + 1, NONCE), RECEIPTS_CONTRADICTS);
    assert_non_null(strstr(desk->why.text, "it holds 1001 blocks, this log has 1000"));
    struct receipt receipt = make(0, 300, "-");
    receipt.head.root.bytes[0] ^= 1;
    assert_int_equal(take_signed(desk, &receipt, desk->key, 0), RECEIPTS_CONTRADICTS);
    assert_non_null(strstr(desk->why.text, "its root of 300 blocks is another"));
    assert_int_equal(desk->receipts.cursor, 100);
    assert_false(desk->receipts.answered);
}

static enum receipts_verdict resume(struct desk *desk, const char *nonce, uint64_t from,
                                    int64_t time_s, int64_t now_us)
{
    struct resume note = {.centre = "centre", .time_s = time_s, .from = from};
    snprintf(note.nonce, sizeof note.nonce, "%s", nonce);
    snprintf(note.origin, sizeof note.origin, "%s", ORIGIN);
    text_clear(&desk->note);
    assert_int_equal(resume_sign(&desk->note, &note, desk->key, &desk->why), OK);
    return receipts_resume(&desk->receipts, desk->note.data, desk->note.length, 50, SIZE, now_us,
                           &desk->from, &desk->why);
}

static void resume_is_obeyed_after_the_answer_within_the_log_and_seldom(void **state)
{
    struct desk *desk = *state;
    static const char other[] = "abcdefabcdefabcdefabcdefabcdefab";
    // One that comes before the answer is not the one of its time.
    assert_int_equal(resume(desk, NONCE, 60, 10, 1000 * S), RECEIPTS_IGNORED);
    assert_int_equal(take(desk, 0, 100, NONCE), RECEIPTS_ANSWERED);
    assert_int_equal(resume(desk, other, 60, 10, 1000 * S), RECEIPTS_IGNORED);
    assert_int_equal(resume(desk, NONCE, 49, 10, 1000 * S), RECEIPTS_IGNORED);
    assert_int_equal(resume(desk, NONCE, SIZE + 1, 10, 1000 * S), RECEIPTS_IGNORED);
    assert_int_equal(resume(desk, NONCE, 60, 10, 1000 * S), RECEIPTS_RESUME);
    assert_int_equal(desk->from, 60);
    assert_int_equal(resume(desk, NONCE, 61, 11, 1029 * S), RECEIPTS_IGNORED);
    // The same one again, kept back by a broker.
    assert_int_equal(resume(desk, NONCE, 60, 10, 1030 * S), RECEIPTS_IGNORED);
    assert_int_equal(resume(desk, NONCE, 61, 11, 1030 * S), RECEIPTS_RESUME);
    assert_int_equal(desk->from, 61);
    receipts_connected(&desk->receipts, other, 1061 * S);
    assert_int_equal(resume(desk, NONCE, 62, 12, 2000 * S), RECEIPTS_IGNORED);
    assert_int_equal(take(desk, 0, 100, other), RECEIPTS_ANSWERED);
    assert_int_equal(resume(desk, other, 62, 12, 1062 * S), RECEIPTS_RESUME);
}

static void without_receipts_it_sends_again_ever_more_seldom(void **state)
{
    struct desk *desk = *state;
    int64_t now_us = 1001 * S;
    // Nothing was answered yet, so nothing was sent.
    assert_false(receipts_resend(&desk->receipts, 200, now_us + RESEND));
    assert_int_equal(take(desk, 0, 100, NONCE), RECEIPTS_ANSWERED);
    assert_false(receipts_resend(&desk->receipts, 100, now_us + RESEND));
    now_us += RESEND;
    assert_false(receipts_resend(&desk->receipts, 200, now_us + RESEND - 1));
    assert_true(receipts_resend(&desk->receipts, 200, now_us + RESEND));
    now_us += RESEND;
    assert_false(receipts_resend(&desk->receipts, 200, now_us + 2 * RESEND - 1));
    assert_true(receipts_resend(&desk->receipts, 200, now_us + 2 * RESEND));
    now_us += 2 * RESEND;
    for (int step = 4; step <= 16; step *= 2) {
        int64_t wait_us = RESEND * (step < RECEIPTS_RESEND_MAX ? step : RECEIPTS_RESEND_MAX);
        assert_false(receipts_resend(&desk->receipts, 200, now_us + wait_us - 1));
        assert_true(receipts_resend(&desk->receipts, 200, now_us + wait_us));
        now_us += wait_us;
    }
    struct receipt receipt = make(0, 150, "-");
    assert_int_equal(take_signed(desk, &receipt, desk->key, now_us), RECEIPTS_RISEN);
    assert_false(receipts_resend(&desk->receipts, 200, now_us + RESEND - 1));
    assert_true(receipts_resend(&desk->receipts, 200, now_us + RESEND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_answer_to_the_hello_is_told_from_old_receipts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_cursor_only_rises, setup, teardown),
        cmocka_unit_test_setup_teardown(a_receipt_that_leaves_out_blocks_moves_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_the_centres_is_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(a_head_that_is_not_in_our_log_contradicts_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(resume_is_obeyed_after_the_answer_within_the_log_and_seldom,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(without_receipts_it_sends_again_ever_more_seldom, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
