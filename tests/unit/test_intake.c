// tally-centre's intake: what becomes of blocks, checkpoints and files, with a store that is a few
// lists in memory, and the pure parts that it is made of. The program's own files, since only the
// daemon's are in the library.
#include "../../tools/tally-centre/assembly.c"
#include "../../tools/tally-centre/fault.c"
#include "../../tools/tally-centre/intake.c"
#include "../../tools/tally-centre/intake_settle.c"
#include "../../tools/tally-centre/needs.c"
#include "../../tools/tally-centre/pending.c"
#include "../../tools/tally-centre/topic.c"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND    INT64_C(1000000)
#define GATEWAY   "91350100M000100Y43/gw-01"
#define ORIGIN    GATEWAY "/5f0c2a9d4be84f31a7c06d1e93b25f70"
#define OTHER     GATEWAY "/00000000000000000000000000000000"
#define HELD_MAX  512
#define FILES_MAX 8

// --- a store in memory --------------------------------------------------------------------------

struct fake_store {
    struct digest leaves[HELD_MAX];
    uint64_t size;
    struct store_head head;
    struct digest files[FILES_MAX];
    struct text contents[FILES_MAX];
    size_t file_count;
    struct text checkpoint;
    struct store_definitions definitions; // the last; files not kept
    int error;                            // of every call that writes, when not OK
    unsigned appends, asides, changes;    // of definitions
};

static int fake_load(void *context, const char *origin, struct store_head *head, struct why *why)
{
    struct fake_store *fake = context;
    (void)origin;
    *head = fake->head;
    return fake->error == ERROR_DAMAGED ? why_set(why, ERROR_DAMAGED, "it is damaged") : OK;
}

static int fake_append(void *context, const char *origin, const struct store_append *append,
                       struct why *why)
{
    struct fake_store *fake = context;
    (void)origin;
    if (fake->error) {
        return why_set(why, fake->error, "the disk is full");
    }
    for (size_t i = 0; i < append->count; i++) {
        assert_int_equal(append->blocks[i].n, fake->size);
        fake->leaves[fake->size++] = append->blocks[i].leaf;
        frontier_add(&fake->head.frontier, &append->blocks[i].leaf);
        fake->head.tip = append->blocks[i].leaf;
    }
    fake->head.keyed = true;
    fake->head.key = *append->key;
    fake->changes += (unsigned)append->definitions_count;
    if (append->definitions_count) {
        fake->definitions = append->definitions[append->definitions_count - 1];
    }
    fake->appends++;
    return OK;
}

static int fake_leaf(void *context, const char *origin, uint64_t n, struct digest *leaf,
                     struct why *why)
{
    struct fake_store *fake = context;
    (void)origin;
    if (n >= fake->size) {
        return why_set(why, ERROR_ABSENT, "no such block");
    }
    *leaf = fake->leaves[n];
    return OK;
}

static int fake_root(void *context, const char *origin, uint64_t size, struct digest *root,
                     struct why *why)
{
    struct fake_store *fake = context;
    (void)origin;
    (void)why;
    *root = merkle_root_of(fake->leaves, (size_t)size);
    return OK;
}

static size_t fake_find(const struct fake_store *fake, const struct digest *hash)
{
    size_t i = 0;
    while (i < fake->file_count && memcmp(&fake->files[i], hash, sizeof *hash) != 0) {
        i++;
    }
    return i;
}

static int fake_has_file(void *context, const char *origin, const struct digest *hash,
                         struct why *why)
{
    const struct fake_store *fake = context;
    (void)origin;
    (void)why;
    return fake_find(fake, hash) < fake->file_count ? OK : ERROR_ABSENT;
}

static int fake_read_file(void *context, const char *origin, const struct digest *hash,
                          struct text *out, struct why *why)
{
    const struct fake_store *fake = context;
    size_t i = fake_find(fake, hash);
    (void)origin;
    (void)why;
    if (i == fake->file_count) {
        return ERROR_ABSENT;
    }
    text_append(out, fake->contents[i].data, fake->contents[i].length);
    return OK;
}

static int fake_put_file(void *context, const char *origin, const char *kind, const void *bytes,
                         size_t length, struct why *why)
{
    struct fake_store *fake = context;
    (void)origin;
    (void)kind;
    if (fake->error) {
        return why_set(why, fake->error, "the disk is full");
    }
    assert_true(fake->file_count < FILES_MAX);
    fake->files[fake->file_count] = digest_of(NULL, 0, bytes, length);
    fake->contents[fake->file_count] = text_make(1 << 20);
    text_append(&fake->contents[fake->file_count++], bytes, length);
    return OK;
}

static int fake_put_notes(void *context, const char *origin, const char *centre, uint64_t size,
                          const struct text *checkpoint, const struct text *receipt,
                          struct why *why)
{
    struct fake_store *fake = context;
    (void)origin;
    (void)centre;
    if (fake->error) {
        return why_set(why, fake->error, "the disk is full");
    }
    if (checkpoint) {
        text_clear(&fake->checkpoint);
        text_append(&fake->checkpoint, checkpoint->data, checkpoint->length);
    }
    if (receipt) {
        fake->head.receipted = size;
    }
    return OK;
}

static int fake_checkpoint(void *context, const char *origin, struct text *out, struct why *why)
{
    struct fake_store *fake = context;
    (void)origin;
    (void)why;
    text_append(out, fake->checkpoint.data, fake->checkpoint.length);
    return fake->checkpoint.length ? OK : ERROR_ABSENT;
}

static int fake_set_aside(void *context, const char *origin, struct why *why)
{
    struct fake_store *fake = context;
    (void)origin;
    (void)why;
    fake->size = 0;
    fake->head = (struct store_head){0};
    fake->asides++;
    return OK;
}

// --- a log and who sends it ---------------------------------------------------------------------

struct world {
    char folder[64];
    struct signing_key *key, *other_key;
    struct fake_store fake;
    struct intake intake;
    struct intake_log log;
    struct text blocks[HELD_MAX]; // of the true log
    struct digest leaves[HELD_MAX];
    size_t made;
    unsigned faults[FAULT_COUNT], moves, forks;
    char text[WHY_MAX], one[2048], other[2048];
    int64_t now_us;
};

static void on_fault(void *context, struct intake_log *log, enum fault fault, const char *text)
{
    struct world *world = context;
    (void)log;
    world->faults[fault]++;
    snprintf(world->text, sizeof world->text, "%s", text);
}

static void on_moved(void *context, struct intake_log *log)
{
    struct world *world = context;
    (void)log;
    world->moves++;
}

static void on_forked(void *context, struct intake_log *log, const char *one, const char *other,
                      const char *text)
{
    struct world *world = context;
    (void)log;
    (void)text;
    world->forks++;
    snprintf(world->one, sizeof world->one, "%s", one);
    snprintf(world->other, sizeof world->other, "%s", other);
}

static struct signing_key *make_key(const char *folder, const char *name)
{
    struct signing_key *key;
    struct why why = {""};
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(signing_key_make(path, &why), OK);
    assert_int_equal(signing_key_load(&key, path, &why), OK);
    unlink(path);
    return key;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    strcpy(world->folder, "/tmp/tally-intake-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    world->key = make_key(world->folder, "one");
    world->other_key = make_key(world->folder, "two");
    world->fake.checkpoint = text_make(NOTE_BYTES_MAX);
    const struct store store = {.context = &world->fake,
                                .load = fake_load,
                                .append = fake_append,
                                .leaf = fake_leaf,
                                .root = fake_root,
                                .has_file = fake_has_file,
                                .read_file = fake_read_file,
                                .put_file = fake_put_file,
                                .put_notes = fake_put_notes,
                                .checkpoint = fake_checkpoint,
                                .set_aside = fake_set_aside};
    const struct intake_limits limits = {.log_bytes = 64 << 10, .all_bytes = 96 << 10};
    const struct intake_hooks hooks = {
        .context = world, .fault = on_fault, .moved = on_moved, .forked = on_forked};
    assert_int_equal(intake_open(&world->intake, &limits, &store, &hooks), OK);
    strcpy(world->log.origin, ORIGIN);
    world->log.size_limit = 1 << 20;
    world->log.keys[0] = *signing_key_public(world->key);
    world->log.key_count = 1;
    world->log.pinned = true;
    intake_add(&world->intake, &world->log);
    world->now_us = 100 * SECOND;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    intake_remove(&world->intake, &world->log);
    assert_int_equal(world->intake.bytes, 0);
    intake_close(&world->intake);
    for (size_t i = 0; i < world->made; i++) {
        text_free(&world->blocks[i]);
    }
    for (size_t i = 0; i < world->fake.file_count; i++) {
        text_free(&world->fake.contents[i]);
    }
    text_free(&world->fake.checkpoint);
    signing_key_free(world->key);
    signing_key_free(world->other_key);
    rmdir(world->folder);
    free(world);
    return 0;
}

// A block with one event; `defs` zero: none.
static struct text seal(const char *origin, uint64_t n, struct digest previous, struct digest defs,
                        const char *kind, const char *subject, const char *text)
{
    struct block_writer writer;
    struct text out = text_make(BLOCK_BYTES_MAX);
    const struct block_seal seal = {.origin = origin,
                                    .n = n,
                                    .previous = previous,
                                    .run = "0123456789abcdef0123456789abcdef",
                                    .mono_us = 20,
                                    .closed_us = 1795498776000000,
                                    .clock = {.synchronised = true},
                                    .definitions = defs};
    block_writer_init(&writer);
    block_add_event(&writer, 1795498776000000, 10, kind, subject, text);
    assert_int_equal(block_seal(&writer, &seal, &out), OK);
    block_writer_free(&writer);
    return out;
}

// Goes on with the true log by `count` blocks.
static void make(struct world *world, size_t count)
{
    static const struct digest none = {{0}};
    for (; count; count--, world->made++) {
        size_t n = world->made;
        world->blocks[n] =
            seal(ORIGIN, n, n ? world->leaves[n - 1] : none, none, "other", "x", "y");
        world->leaves[n] = block_leaf(world->blocks[n].data, world->blocks[n].length);
    }
}

static void send(struct world *world, const struct text *block)
{
    intake_block(&world->intake, &world->log, block->data, block->length, false, world->now_us);
}

static void send_range(struct world *world, size_t from, size_t to)
{
    for (; from < to; from++) {
        send(world, &world->blocks[from]);
    }
}

static void sign_of(struct world *world, uint64_t size, const struct digest *root,
                    struct signing_key *key, const char *origin)
{
    struct checkpoint checkpoint = {.size = size, .root = *root};
    struct text text = text_make(1024), note = text_make(4096);
    struct why why = {""};
    strcpy(checkpoint.origin, origin);
    checkpoint_write(&text, &checkpoint);
    assert_int_equal(note_sign(&note, text.data, text.length, origin, key, &why), OK);
    intake_checkpoint(&world->intake, &world->log, note.data, note.length, world->now_us);
    text_free(&text);
    text_free(&note);
}

static void sign(struct world *world, uint64_t size)
{
    struct digest root = merkle_root_of(world->leaves, (size_t)size);
    sign_of(world, size, &root, world->key, ORIGIN);
}

static bool resumes(struct world *world, int64_t after_us)
{
    world->now_us += after_us;
    intake_tick(&world->intake, &world->log, world->now_us);
    return intake_resume_due(&world->intake, &world->log, world->now_us);
}

static unsigned all_faults(const struct world *world)
{
    unsigned count = 0;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        count += world->faults[i];
    }
    return count;
}

// --- blocks and checkpoints ---------------------------------------------------------------------

static void blocks_wait_until_a_signed_root_agrees(void **state)
{
    struct world *world = *state;
    make(world, 10);
    send_range(world, 0, 10);
    assert_int_equal(world->fake.size, 0);
    sign(world, 4);
    assert_int_equal(world->fake.size, 4);
    sign(world, 10);
    assert_int_equal(world->fake.size, 10);
    assert_int_equal(world->fake.appends, 2);
    assert_int_equal(world->moves, 2);
    assert_int_equal(world->log.pending.count, 0);
    assert_int_equal(all_faults(world), 0);
    assert_false(resumes(world, 100 * SECOND));
}

static void a_checkpoint_may_come_before_its_blocks(void **state)
{
    struct world *world = *state;
    make(world, 5);
    sign(world, 5);
    send_range(world, 0, 4);
    assert_int_equal(world->fake.size, 0);
    send_range(world, 4, 5);
    assert_int_equal(world->fake.size, 5);
    assert_int_equal(all_faults(world), 0);
}

static void order_does_not_matter_and_repeats_are_silent(void **state)
{
    struct world *world = *state;
    make(world, 8);
    for (size_t i = 8; i-- > 0;) {
        send_range(world, i, i + 1);
        send_range(world, i, i + 1);
    }
    sign(world, 8);
    sign(world, 8);
    sign(world, 5);
    send_range(world, 0, 8);
    assert_int_equal(world->fake.size, 8);
    assert_int_equal(all_faults(world), 0);
    assert_false(resumes(world, 10 * SECOND));
}

static void packed_blocks_are_unpacked_within_their_limit(void **state)
{
    struct world *world = *state;
    static char zeros[8 << 20];
    char packed[1 << 16];
    make(world, 1);
    size_t used =
        ZSTD_compress(packed, sizeof packed, world->blocks[0].data, world->blocks[0].length, 3);
    intake_block(&world->intake, &world->log, packed, used, true, world->now_us);
    sign(world, 1);
    assert_int_equal(world->fake.size, 1);
    used = ZSTD_compress(packed, sizeof packed, zeros, sizeof zeros, 3);
    intake_block(&world->intake, &world->log, packed, used, true, world->now_us);
    intake_block(&world->intake, &world->log, packed, used / 2, true, world->now_us);
    assert_int_equal(world->faults[FAULT_JUNK], 2);
    intake_block(&world->intake, &world->log, zeros, sizeof zeros, false, world->now_us);
    assert_int_equal(world->faults[FAULT_SIZE], 1);
}

static void what_is_not_of_this_log_is_refused(void **state)
{
    struct world *world = *state;
    make(world, 2);
    struct text foreign =
        seal(OTHER, 0, (struct digest){{0}}, (struct digest){{0}}, "other", "x", "");
    send(world, &foreign);
    assert_int_equal(world->faults[FAULT_WRONG_LOG], 1);
    intake_block(&world->intake, &world->log, "{}\n", 3, false, world->now_us);
    assert_int_equal(world->faults[FAULT_JUNK], 1);
    send_range(world, 0, 2);
    struct digest root = merkle_root_of(world->leaves, 2);
    sign_of(world, 2, &root, world->key, OTHER);
    assert_int_equal(world->faults[FAULT_WRONG_LOG], 2);
    sign_of(world, 2, &root, world->other_key, ORIGIN);
    assert_int_equal(world->faults[FAULT_KEY], 1);
    intake_checkpoint(&world->intake, &world->log, "x", 1, world->now_us);
    assert_int_equal(world->faults[FAULT_JUNK], 2);
    assert_int_equal(world->fake.size, 0);
    text_free(&foreign);
}

static void another_block_for_one_that_is_held_is_refused(void **state)
{
    struct world *world = *state;
    make(world, 3);
    send_range(world, 0, 3);
    sign(world, 3);
    struct text other =
        seal(ORIGIN, 1, world->leaves[0], (struct digest){{0}}, "other", "x", "another");
    send(world, &other);
    assert_int_equal(world->faults[FAULT_ALTERED], 1);
    text_free(&other);
    // Nor does one wait that cannot go on from what is held.
    other = seal(ORIGIN, 3, world->leaves[0], (struct digest){{0}}, "other", "x", "");
    send(world, &other);
    assert_int_equal(world->faults[FAULT_ALTERED], 2);
    assert_int_equal(world->log.pending.count, 0);
    text_free(&other);
}

static void of_several_blocks_for_one_number_the_root_decides(void **state)
{
    struct world *world = *state;
    make(world, 6);
    send_range(world, 0, 2);
    for (int i = 0; i < 10; i++) {
        char word[16];
        snprintf(word, sizeof word, "false %d", i);
        struct text other =
            seal(ORIGIN, 2, world->leaves[1], (struct digest){{0}}, "other", "x", word);
        struct digest leaf = block_leaf(other.data, other.length);
        struct text next = seal(ORIGIN, 3, leaf, (struct digest){{0}}, "other", "x", word);
        if (i < 3) {
            send(world, &other);
            send(world, &next);
        }
        text_free(&other);
        text_free(&next);
    }
    send_range(world, 2, 6);
    sign(world, 6);
    assert_int_equal(world->fake.size, 6);
    assert_int_equal(world->faults[FAULT_DISAGREES], 0);
    assert_true(world->faults[FAULT_ALTERED] > 0);
}

static void blocks_that_do_not_agree_are_discarded_and_asked_for(void **state)
{
    struct world *world = *state;
    make(world, 3);
    struct text other = seal(ORIGIN, 2, world->leaves[1], (struct digest){{0}}, "other", "x", "");
    send_range(world, 0, 2);
    send(world, &other);
    sign(world, 3);
    assert_int_equal(world->fake.size, 0);
    assert_int_equal(world->faults[FAULT_DISAGREES], 1);
    assert_int_equal(world->log.pending.count, 0);
    assert_true(resumes(world, 0));
    send_range(world, 0, 3);
    assert_int_equal(world->fake.size, 3);
    assert_false(resumes(world, 100 * SECOND));
    text_free(&other);
}

// As it waited the block before it was not there to compare it with; the gateway's signature over
// both does not make it one that goes on.
static void a_block_that_does_not_go_on_is_not_taken_though_it_is_signed(void **state)
{
    struct world *world = *state;
    struct digest none = {{0}};
    make(world, 2);
    struct text other = seal(ORIGIN, 2, none, none, "other", "x", "y");
    send(world, &other);
    send_range(world, 0, 2);
    sign(world, 2);
    world->leaves[2] = block_leaf(other.data, other.length);
    struct digest root = merkle_root_of(world->leaves, 3);
    sign_of(world, 3, &root, world->key, ORIGIN);
    assert_int_equal(world->fake.size, 2);
    assert_int_equal(world->faults[FAULT_DISAGREES], 1);
    text_free(&other);
}

static void no_more_than_a_few_blocks_wait_for_one_number(void **state)
{
    struct world *world = *state;
    make(world, 2);
    send_range(world, 0, 2);
    for (int i = 0; i < 10; i++) {
        char word[16];
        snprintf(word, sizeof word, "false %d", i);
        struct text other =
            seal(ORIGIN, 2, world->leaves[1], (struct digest){{0}}, "other", "x", word);
        send(world, &other);
        text_free(&other);
    }
    assert_int_equal(world->log.pending.count, 2 + PENDING_ALTERNATIVES);
}

static void a_block_far_beyond_the_head_is_not_taken(void **state)
{
    struct world *world = *state;
    struct digest none = {{0}};
    struct text last = seal(ORIGIN, INTAKE_WINDOW - 1, none, none, "other", "x", "y");
    struct text beyond = seal(ORIGIN, INTAKE_WINDOW, none, none, "other", "x", "y");
    send(world, &beyond);
    assert_int_equal(world->faults[FAULT_ROOM], 1);
    assert_int_equal(world->log.pending.count, 0);
    send(world, &last);
    assert_int_equal(world->faults[FAULT_ROOM], 1);
    assert_int_equal(world->log.pending.count, 1);
    text_free(&last);
    text_free(&beyond);
}

static void readings_are_counted_only_where_all_before_them_are(void **state)
{
    struct world *world = *state;
    make(world, 5);
    send_range(world, 0, 3);
    sign(world, 3);
    assert_int_equal(world->log.counted, 3);
    world->log.counted = 1; // as after a crash
    send_range(world, 3, 5);
    sign(world, 5);
    assert_int_equal(world->log.counted, 1);
}

static void a_hole_is_asked_for_ever_less_often(void **state)
{
    struct world *world = *state;
    make(world, 6);
    send_range(world, 0, 2);
    send_range(world, 3, 6);
    assert_false(resumes(world, 0)); // it may only be out of order
    assert_true(resumes(world, 1 * SECOND));
    assert_false(resumes(world, 1 * SECOND));
    assert_true(resumes(world, 1 * SECOND));
    assert_false(resumes(world, 3 * SECOND));
    assert_true(resumes(world, 1 * SECOND));
    for (int i = 0; i < 20; i++) {
        resumes(world, 16 * SECOND);
    }
    assert_false(resumes(world, 15 * SECOND));
    assert_true(resumes(world, 1 * SECOND));
    send_range(world, 2, 3);
    assert_false(resumes(world, 100 * SECOND));
    sign(world, 6);
    assert_int_equal(world->fake.size, 6);
}

// --- forks --------------------------------------------------------------------------------------

static void a_signed_root_that_contradicts_what_is_held_is_a_fork(void **state)
{
    struct world *world = *state;
    struct why why = {""};
    make(world, 6);
    send_range(world, 0, 6);
    sign(world, 6);
    assert_int_equal(intake_keep_notes(&world->intake, &world->log, "c", NULL, &why), OK);
    sign_of(world, 4, &world->leaves[0], world->key, ORIGIN);
    assert_int_equal(world->forks, 1);
    assert_non_null(strstr(world->one, "\n6\n"));
    assert_non_null(strstr(world->other, "\n4\n"));
    assert_true(world->log.forked);
    make(world, 1);
    send_range(world, 6, 7);
    sign(world, 7);
    assert_int_equal(world->fake.size, 6);
    assert_int_equal(world->log.pending.count, 0);
}

static void two_signed_roots_of_one_size_are_a_fork(void **state)
{
    struct world *world = *state;
    make(world, 6);
    sign(world, 6);
    sign_of(world, 6, &world->leaves[0], world->key, ORIGIN);
    assert_int_equal(world->forks, 1);
}

static void a_false_checkpoint_ahead_does_not_stop_the_true_one(void **state)
{
    struct world *world = *state;
    make(world, 8);
    sign_of(world, 4, &world->leaves[0], world->key, ORIGIN);
    sign(world, 8);
    send_range(world, 0, 8);
    assert_int_equal(world->fake.size, 8);
    assert_int_equal(world->forks, 1);
}

static void a_signature_by_another_key_proves_nothing(void **state)
{
    struct world *world = *state;
    make(world, 3);
    send_range(world, 0, 3);
    sign(world, 3);
    sign_of(world, 3, &world->leaves[0], world->other_key, ORIGIN);
    assert_int_equal(world->forks, 0);
    assert_int_equal(world->faults[FAULT_KEY], 1);
}

// --- keys ---------------------------------------------------------------------------------------

static void the_key_that_is_accepted_decides_over_what_another_vouched_for(void **state)
{
    struct world *world = *state;
    world->log.pinned = false;
    assert_int_equal(intake_claim(&world->log, signing_key_public(world->other_key)), OK);
    struct text lie =
        seal(ORIGIN, 0, (struct digest){{0}}, (struct digest){{0}}, "other", "x", "lie");
    struct digest root = block_leaf(lie.data, lie.length);
    send(world, &lie);
    sign_of(world, 1, &root, world->other_key, ORIGIN);
    assert_int_equal(world->fake.size, 1);
    make(world, 2);
    sign(world, 2);
    assert_int_equal(world->faults[FAULT_KEY], 1);
    intake_pin(&world->intake, &world->log, signing_key_public(world->key), world->now_us);
    assert_int_equal(world->fake.asides, 1);
    send_range(world, 0, 2);
    sign(world, 2);
    assert_int_equal(world->fake.size, 2);
    assert_int_equal(intake_claim(&world->log, signing_key_public(world->other_key)),
                     ERROR_REFUSED);
    text_free(&lie);
}

static void what_was_made_durable_has_one_key_before_anybody_accepts(void **state)
{
    struct world *world = *state;
    world->log.pinned = false;
    assert_int_equal(intake_claim(&world->log, signing_key_public(world->other_key)), OK);
    make(world, 5);
    send_range(world, 0, 3);
    sign(world, 3);
    send_range(world, 3, 5);
    struct digest root = merkle_root_of(world->leaves, 5);
    sign_of(world, 5, &root, world->other_key, ORIGIN);
    assert_int_equal(world->faults[FAULT_KEY], 1);
    assert_int_equal(world->fake.size, 3);
    sign(world, 5);
    assert_int_equal(world->faults[FAULT_KEY], 1);
    assert_int_equal(world->fake.size, 5);
}

static void checkpoints_of_another_key_than_the_accepted_one_are_forgotten(void **state)
{
    struct world *world = *state;
    world->log.pinned = false;
    assert_int_equal(intake_claim(&world->log, signing_key_public(world->other_key)), OK);
    make(world, 5);
    struct digest root = merkle_root_of(world->leaves, 5);
    sign_of(world, 5, &root, world->other_key, ORIGIN);
    intake_pin(&world->intake, &world->log, signing_key_public(world->key), world->now_us);
    send_range(world, 0, 5);
    assert_int_equal(world->fake.size, 0);
    sign(world, 5);
    assert_int_equal(world->fake.size, 5);
}

static void too_many_claimed_keys_are_refused(void **state)
{
    struct world *world = *state;
    struct public_key key = *signing_key_public(world->key);
    world->log.pinned = false;
    for (uint8_t i = 1; i < INTAKE_KEYS_MAX; i++) {
        key.der[PUBLIC_KEY_DER - 1] ^= i;
        assert_int_equal(intake_claim(&world->log, &key), OK);
        assert_int_equal(intake_claim(&world->log, &key), OK);
        key.der[PUBLIC_KEY_DER - 1] ^= i;
    }
    key.der[0] ^= 1;
    assert_int_equal(intake_claim(&world->log, &key), ERROR_FULL);
}

// --- files --------------------------------------------------------------------------------------

static void send_file(struct world *world, const char *bytes, size_t chunk, size_t skip)
{
    size_t total = strlen(bytes);
    for (size_t at = 0; at < total; at += chunk) {
        struct assembly_chunk part = {.file = digest_of(NULL, 0, bytes, total),
                                      .kind = "file",
                                      .bytes = bytes + at,
                                      .length = total - at < chunk ? total - at : chunk,
                                      .offset = at,
                                      .total = total};
        if (at != skip) {
            intake_chunk(&world->intake, &world->log, &part, world->now_us);
        }
    }
}

static void a_block_waits_for_the_files_that_it_needs(void **state)
{
    struct world *world = *state;
    const char *driver = "a driver", *saved = "saved blocks";
    struct digest hash = digest_of(NULL, 0, driver, strlen(driver));
    char definitions[256], hex[DIGEST_HEX];
    text_format_hex(hash.bytes, DIGEST_SIZE, hex);
    snprintf(definitions, sizeof definitions, "{\"points\":{\"1\":{\"driver\":\"%s\"}}}\n", hex);
    hash = digest_of(NULL, 0, saved, strlen(saved));
    text_format_hex(hash.bytes, DIGEST_SIZE, hex);
    hash = digest_of(NULL, 0, definitions, strlen(definitions));
    world->blocks[0] =
        seal(ORIGIN, 0, (struct digest){{0}}, hash, "log.recovered", hex, "of the log before");
    world->leaves[0] = block_leaf(world->blocks[0].data, world->blocks[0].length);
    world->made = 1;
    send_range(world, 0, 1);
    sign(world, 1);
    send_file(world, definitions, 10, SIZE_MAX);
    send_file(world, driver, 3, SIZE_MAX);
    assert_int_equal(world->fake.size, 0);
    assert_true(resumes(world, SECOND));
    send_file(world, saved, 5, 5); // a chunk is lost on the way
    assert_int_equal(world->fake.size, 0);
    send_file(world, saved, 5, SIZE_MAX);
    assert_int_equal(world->fake.size, 1);
    assert_int_equal(world->fake.definitions.count, 3);
    assert_int_equal(world->faults[FAULT_FILE], 0);
    assert_false(resumes(world, 100 * SECOND));
    world->blocks[1] = seal(ORIGIN, 1, world->leaves[0], hash, "other", "x", "y");
    world->leaves[1] = block_leaf(world->blocks[1].data, world->blocks[1].length);
    world->made = 2;
    send_range(world, 1, 2);
    sign(world, 2);
    assert_int_equal(world->fake.size, 2);
    assert_int_equal(world->fake.changes, 1); // still the same definitions
}

static void a_file_must_have_the_hash_that_names_it(void **state)
{
    struct world *world = *state;
    struct assembly_chunk chunk = {.kind = "file", .bytes = "abc", .length = 3, .total = 3};
    intake_chunk(&world->intake, &world->log, &chunk, world->now_us);
    assert_int_equal(world->faults[FAULT_FILE], 1);
    chunk.total = 2;
    intake_chunk(&world->intake, &world->log, &chunk, world->now_us);
    chunk.total = SIZE_MAX;
    intake_chunk(&world->intake, &world->log, &chunk, world->now_us);
    assert_int_equal(world->faults[FAULT_FILE], 3);
    assert_int_equal(world->fake.file_count, 0);
}

// --- stores that fail, and bounds ---------------------------------------------------------------

static void a_full_disk_keeps_blocks_waiting(void **state)
{
    struct world *world = *state;
    make(world, 4);
    world->fake.error = ERROR_FULL;
    send_range(world, 0, 4);
    sign(world, 4);
    send_file(world, "a file", 6, SIZE_MAX);
    assert_int_equal(world->moves, 0);
    assert_string_equal(world->log.store_fault, "the disk is full");
    assert_false(resumes(world, 6 * SECOND));
    world->fake.error = OK;
    assert_false(resumes(world, 6 * SECOND));
    assert_int_equal(world->moves, 1);
    assert_int_equal(world->fake.size, 4);
    assert_int_equal(world->fake.file_count, 1);
    assert_string_equal(world->log.store_fault, "");
}

static void a_damaged_store_takes_nothing_and_is_looked_at_again(void **state)
{
    struct world *world = *state;
    make(world, 2);
    world->fake.error = ERROR_DAMAGED;
    send_range(world, 0, 2);
    assert_int_equal(world->log.pending.count, 0);
    assert_string_equal(world->log.store_fault, "it is damaged");
    world->fake.error = OK;
    resumes(world, 6 * SECOND);
    send_range(world, 0, 2);
    sign(world, 2);
    assert_int_equal(world->fake.size, 2);
}

static void memory_is_bounded_and_what_is_dropped_is_asked_for(void **state)
{
    struct world *world = *state;
    make(world, 400);
    send_range(world, 0, 400);
    assert_true(world->faults[FAULT_ROOM] > 0);
    assert_true(world->intake.bytes <= 64 << 10);
    assert_true(resumes(world, 3 * SECOND));
    for (size_t size = 50; size <= 250; size += 50) {
        sign(world, size);
        send_range(world, (size_t)world->fake.size, 250);
    }
    assert_int_equal(world->fake.size, 250);
}

static void the_log_that_holds_most_gives_way(void **state)
{
    struct world *world = *state;
    struct intake_log small = {.size_limit = 1 << 20, .pinned = true, .key_count = 1};
    strcpy(small.origin, OTHER);
    small.keys[0] = *signing_key_public(world->key);
    intake_add(&world->intake, &small);
    world->intake.limits.all_bytes = 40 << 10;
    make(world, 400);
    send_range(world, 0, 400);
    struct digest previous = {{0}};
    for (uint64_t n = 0; n < 20; n++) {
        struct text block = seal(OTHER, n, previous, (struct digest){{0}}, "other", "x", "");
        previous = block_leaf(block.data, block.length);
        intake_block(&world->intake, &small, block.data, block.length, false, world->now_us);
        text_free(&block);
    }
    assert_int_equal(small.pending.count, 20);
    assert_true(world->intake.bytes <= 40 << 10);
    intake_remove(&world->intake, &small);
}

static void a_log_takes_no_more_of_the_disk_than_it_may(void **state)
{
    struct world *world = *state;
    make(world, 3);
    send_range(world, 0, 2);
    sign(world, 2);
    world->log.size_limit = world->log.head.bytes;
    send_range(world, 2, 3);
    assert_int_equal(world->faults[FAULT_LIMIT], 1);
    assert_int_equal(world->log.pending.count, 0);
}

// --- the pure parts -----------------------------------------------------------------------------

static void topics_are_of_one_form(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "tally/1",
        "tally/2/" ORIGIN "/block",
        "tally/1/" ORIGIN,
        "tally/1/" ORIGIN "/",
        "tally/1/" ORIGIN "/blocks",
        "tally/1/" ORIGIN "/block/x",
        "tally/1/" ORIGIN "/file/",
        "tally/1/" ORIGIN "/file/00",
        "tally/1/" GATEWAY "/block",
        "tally/1/" GATEWAY "//block",
        "tally/1/+/+/+/block",
        "tally/1/91350100m000100y43/gw-01/5f0c2a9d4be84f31a7c06d1e93b25f70/block",
        "tally/1/91350100M000100Y43/GW/5f0c2a9d4be84f31a7c06d1e93b25f70/block",
        "tally/1/91350100M000100Y43/../5f0c2a9d4be84f31a7c06d1e93b25f70/block",
        "tally/1/" GATEWAY "/5F0C2A9D4BE84F31A7C06D1E93B25F70/block",
        "tally/1/" GATEWAY "/5f0c2a9d4be84f31a7c06d1e93b25f7/block",
    };
    struct topic topic;
    assert_int_equal(topic_read(&topic, "tally/1/" ORIGIN "/block"), OK);
    assert_string_equal(topic.origin, ORIGIN);
    assert_string_equal(topic.gateway, GATEWAY);
    assert_int_equal(topic.kind, TOPIC_BLOCK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(topic_read(&topic, bad[i]), ERROR_INPUT);
    }
    assert_int_equal(topic_read(&topic, "tally/1/" GATEWAY "/x/block"), ERROR_INPUT);
    assert_string_equal(topic.gateway, GATEWAY); // so that it can be counted
    assert_true(topic_is_origin(ORIGIN));
    assert_false(topic_is_origin(ORIGIN "/"));
}

static int count_point(void *context, const struct needs_point *point)
{
    unsigned *sum = context;
    *sum += point->number;
    assert_memory_equal(point->instrument, "m", point->instrument_length);
    assert_memory_equal(point->quantity, "q", point->quantity_length);
    return OK;
}

static void definitions_name_their_files_and_points(void **state)
{
    unsigned points = 0;
    (void)state;
    const char *a = "1111111111111111111111111111111111111111111111111111111111111111";
    const char *b = "2222222222222222222222222222222222222222222222222222222222222222";
    static const char *const bad[] = {"",           "[]",         "1",           "{",
                                      "{\"a\"",     "{\"a\"}",    "{\"a\":}",    "{\"a\":1,}",
                                      "{\"a\":1}x", "{\"a\":[1}", "{\"a\":\"\\", "{\"a\":\"\n\"}",
                                      "{a:1}"};
    struct needs needs = {.count = 0};
    struct why why = {""};
    char text[1024];
    snprintf(text, sizeof text,
             "{\"software\":\"%s\",\"config\":\"%s\", \"points\":{\"1\":{\"driver\":\"%s\","
             "\"certificate\":null,\"x\":\"a \\\" \\\\\"},\"2\":{\"driver\":\"%s\","
             "\"certificate\":\"%s\"}}}\n",
             b, a, a, a, a);
    assert_int_equal(needs_of_definitions(&needs, text, strlen(text), &why), OK);
    assert_int_equal(needs.count, 1);
    assert_int_equal(needs_each_point(text, strlen(text), count_point, &points, &why), OK);
    assert_int_equal(points, 0); // without a name
    const char *named =
        "{\"x\":{\"1\":{\"instrument\":\"m\",\"quantity\":\"q\"}},\"points\":{\"7\":"
        "{\"instrument\":\"m\",\"a\":[{\"quantity\":\"z\"}],\"quantity\":\"q\"}}}";
    assert_int_equal(needs_each_point(named, strlen(named), count_point, &points, &why), OK);
    assert_int_equal(points, 7);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(needs_of_definitions(&needs, bad[i], strlen(bad[i]), &why), ERROR_INPUT);
    }
    memset(text, '[', sizeof text);
    memcpy(text, "{\"a\":", 5);
    assert_int_equal(needs_of_definitions(&needs, text, sizeof text, &why), ERROR_INPUT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(blocks_wait_until_a_signed_root_agrees),
        TEST(a_checkpoint_may_come_before_its_blocks),
        TEST(order_does_not_matter_and_repeats_are_silent),
        TEST(packed_blocks_are_unpacked_within_their_limit),
        TEST(what_is_not_of_this_log_is_refused),
        TEST(another_block_for_one_that_is_held_is_refused),
        TEST(of_several_blocks_for_one_number_the_root_decides),
        TEST(blocks_that_do_not_agree_are_discarded_and_asked_for),
        TEST(a_block_that_does_not_go_on_is_not_taken_though_it_is_signed),
        TEST(no_more_than_a_few_blocks_wait_for_one_number),
        TEST(a_block_far_beyond_the_head_is_not_taken),
        TEST(readings_are_counted_only_where_all_before_them_are),
        TEST(a_hole_is_asked_for_ever_less_often),
        TEST(a_signed_root_that_contradicts_what_is_held_is_a_fork),
        TEST(two_signed_roots_of_one_size_are_a_fork),
        TEST(a_false_checkpoint_ahead_does_not_stop_the_true_one),
        TEST(a_signature_by_another_key_proves_nothing),
        TEST(the_key_that_is_accepted_decides_over_what_another_vouched_for),
        TEST(what_was_made_durable_has_one_key_before_anybody_accepts),
        TEST(checkpoints_of_another_key_than_the_accepted_one_are_forgotten),
        TEST(too_many_claimed_keys_are_refused),
        TEST(a_block_waits_for_the_files_that_it_needs),
        TEST(a_file_must_have_the_hash_that_names_it),
        TEST(a_full_disk_keeps_blocks_waiting),
        TEST(a_damaged_store_takes_nothing_and_is_looked_at_again),
        TEST(memory_is_bounded_and_what_is_dropped_is_asked_for),
        TEST(the_log_that_holds_most_gives_way),
        TEST(a_log_takes_no_more_of_the_disk_than_it_may),
        cmocka_unit_test(topics_are_of_one_form),
        cmocka_unit_test(definitions_name_their_files_and_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
