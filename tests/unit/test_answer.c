// What the centre says about a log, and what must be durable before it says it: answer.c alone,
// with a broker and an intake that are a few variables.
#include "../../tools/tally-centre/answer.c"
#include "../../tools/tally-centre/topic.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN "91350100M000100Y43/gw-01/5f0c2a9d4be84f31a7c06d1e93b25f70"

struct world {
    struct centre centre;
    struct settings settings;
    struct roster_log log;
};

// --- the broker and the intake ------------------------------------------------------------------

static struct {
    bool up;
    unsigned receipts, resumes; // published
    struct text note;           // the last receipt
    int keep_error;
    unsigned kept;     // receipts
    bool kept_before;  // each receipt of something new was kept when it was published
    unsigned failures; // told to the log
} fake;

bool broker_is_up(const struct broker *broker)
{
    (void)broker;
    return fake.up;
}

int broker_publish(struct broker *broker, const char *topic, const void *payload, size_t length,
                   bool retain, int *id)
{
    (void)broker;
    *id = 7;
    if (strcmp(topic, "tally/1/" ORIGIN "/resume") == 0) {
        assert_false(retain);
        fake.resumes++;
        return OK;
    }
    assert_string_equal(topic, "tally/1/" ORIGIN "/receipt");
    assert_true(retain);
    text_clear(&fake.note);
    text_append(&fake.note, payload, length);
    fake.receipts++;
    fake.kept_before = fake.kept > 0;
    return OK;
}

bool intake_is_ready(struct intake *intake, struct intake_log *log, int64_t now_us)
{
    (void)intake;
    (void)log;
    (void)now_us;
    return true;
}

int intake_keep_notes(struct intake *intake, struct intake_log *log, const char *centre,
                      const struct text *receipt, struct why *why)
{
    (void)intake;
    (void)centre;
    if (fake.keep_error) {
        return why_set(why, fake.keep_error, "the disk is full");
    }
    fake.kept += receipt != NULL;
    log->head.receipted = receipt ? log->head.frontier.size : log->head.receipted;
    return OK;
}

void intake_store_failed(struct intake_log *log, int64_t now_us, const struct why *why)
{
    (void)log;
    (void)now_us;
    (void)why;
    fake.failures++;
}

// ------------------------------------------------------------------------------------------------

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct why why = {""};
    char folder[] = "/tmp/tally-answer-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key", folder);
    assert_int_equal(signing_key_make(path, &why), OK);
    assert_int_equal(signing_key_load(&world->centre.key, path, &why), OK);
    unlink(path);
    rmdir(folder);
    world->settings.name = "fuzhou";
    world->centre.settings = &world->settings;
    world->centre.clock = &clock_system;
    strcpy(world->log.intake.origin, ORIGIN);
    strcpy(world->log.row.nonce, "00112233445566778899aabbccddeeff");
    world->log.row.state = LOG_ACCEPTED;
    memset(&fake, 0, sizeof fake);
    fake.up = true;
    fake.note = text_make(NOTE_BYTES_MAX);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    signing_key_free(world->centre.key);
    text_free(&fake.note);
    free(world);
    return 0;
}

static void hold(struct world *world, uint64_t blocks)
{
    while (world->log.intake.head.frontier.size < blocks) {
        struct digest leaf = {{(uint8_t)world->log.intake.head.frontier.size}};
        frontier_add(&world->log.intake.head.frontier, &leaf);
    }
}

static bool answer(struct world *world)
{
    return centre_answer(&world->centre, &world->log, 1);
}

// The last receipt that was published.
static struct receipt said(const struct world *world)
{
    struct receipt receipt;
    struct why why = {""};
    assert_int_equal(receipt_open(&receipt, fake.note.data, fake.note.length, "fuzhou",
                                  signing_key_public(world->centre.key), &why),
                     OK);
    return receipt;
}

static void a_receipt_is_published_only_once_it_is_kept(void **state)
{
    struct world *world = *state;
    hold(world, 5);
    fake.keep_error = ERROR_FULL;
    assert_false(answer(world));
    assert_int_equal(fake.receipts, 0);
    assert_int_equal(fake.failures, 1);
    assert_int_equal(world->log.row.receipt_us, 0);
    fake.keep_error = OK;
    assert_true(answer(world));
    assert_int_equal(fake.receipts, 1);
    assert_true(fake.kept_before);
    struct receipt receipt = said(world);
    assert_int_equal(receipt.head.size, 5);
    assert_string_equal(receipt.nonce, "-");
    assert_true(answer(world)); // nothing new
    assert_int_equal(fake.receipts, 1);
}

static void a_hello_is_answered_with_the_head_and_its_nonce(void **state)
{
    struct world *world = *state;
    hold(world, 5);
    assert_true(answer(world));
    world->log.greeted = true;
    assert_true(answer(world));
    struct receipt receipt = said(world);
    assert_int_equal(receipt.head.size, 5);
    assert_string_equal(receipt.nonce, world->log.row.nonce);
    assert_int_equal(fake.kept, 1); // the first of that size
    assert_false(world->log.greeted);
}

static void a_log_that_nobody_has_accepted_gets_a_head_that_claims_nothing(void **state)
{
    struct world *world = *state;
    world->log.row.state = LOG_WAITING;
    hold(world, 5);
    assert_true(answer(world));
    assert_int_equal(fake.receipts, 0);
    world->log.greeted = true;
    assert_true(answer(world));
    assert_int_equal(said(world).head.size, 0);
    assert_int_equal(fake.kept, 0);
    assert_int_equal(fake.resumes, 1);
}

static void a_revoked_log_gets_no_answer(void **state)
{
    struct world *world = *state;
    world->log.row.state = LOG_REVOKED;
    world->log.greeted = true;
    hold(world, 5);
    assert_true(answer(world));
    assert_int_equal(fake.receipts + fake.resumes, 0);
}

static void nothing_is_said_without_a_connection(void **state)
{
    struct world *world = *state;
    hold(world, 5);
    fake.up = false;
    assert_false(answer(world));
    assert_int_equal(fake.kept + fake.receipts, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_receipt_is_published_only_once_it_is_kept),
        TEST(a_hello_is_answered_with_the_head_and_its_nonce),
        TEST(a_log_that_nobody_has_accepted_gets_a_head_that_claims_nothing),
        TEST(a_revoked_log_gets_no_answer),
        TEST(nothing_is_said_without_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
