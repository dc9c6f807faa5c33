// Exports: what is good is found good, and whatever is done to one is found.
//
// TAMPER_STRIDE: every how manieth byte is flipped in turn, from TAMPER_FROM on (make tamper: every
// one). TEST: a pattern of tests to run.
#include "effort.h"
#include "stick.h"

#include "archive/export.h"
#include "archive/ustar.h"
#include "archive/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES_MAX 64

struct archive {
    char *bytes;
    size_t length;
};

static char folder[] = "/tmp/tally-export-XXXXXX";

// --- what is exported from

static const char *path_of(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static struct stick_options options_of(const char *name, uint64_t blocks)
{
    return (struct stick_options){.directory = path_of(name),
                                  .blocks = blocks,
                                  .readings = 2,
                                  .points = 2,
                                  .block_us = 10000000,
                                  .receipt_every = 6,
                                  .centres = 2};
}

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    struct stick_options good = options_of("good", 1000), other = options_of("other", 300);
    good.definitions_change = 700;
    other.seed = 7;
    stick_make(&good);
    stick_make(&other);
    return 0;
}

static int remove_folder(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

// What is trusted: the gateway's key of a ledger, and `centres` of its centres'.
struct trust {
    struct trusted_key gateway, centres[2];
    struct anchors anchors;
};

static const struct anchors *trust_in(struct trust *trust, const char *name, size_t centres)
{
    static const char *const files[] = {"city-centre.pub", "national.pem"};
    char path[400];
    struct why why;
    snprintf(path, sizeof path, "%s/gateway.pub", path_of(name));
    assert_int_equal(trusted_key_load(&trust->gateway, path, &why), OK);
    for (size_t i = 0; i < centres; i++) {
        snprintf(path, sizeof path, "%s/%s", path_of(name), files[i]);
        assert_int_equal(trusted_key_load(&trust->centres[i], path, &why), OK);
    }
    trust->anchors = (struct anchors){
        .gateway = &trust->gateway, .centres = trust->centres, .centre_count = centres};
    return &trust->anchors;
}

static struct archive export_of(const char *name, uint64_t first, uint64_t end)
{
    struct archive archive = {0};
    struct ledger_reader *reader;
    struct export_notes notes;
    struct export_written written;
    struct why why = {""};
    assert_int_equal(ledger_reader_open(&reader, path_of(name), &why), OK);
    int error = export_notes_find(&notes, reader, &first, end, &why);
    FILE *to = open_memstream(&archive.bytes, &archive.length);
    error = error ? error : export_write(reader, &notes, first, end, to, NULL, &written, &why);
    fclose(to);
    if (error) {
        fail_msg("export of %s: %s", name, why.text);
    }
    export_notes_free(&notes);
    ledger_reader_close(reader);
    return archive;
}

static struct verdict verdict_on(const struct archive *archive, const struct anchors *anchors)
{
    struct verdict verdict;
    struct why why;
    FILE *from = fmemopen(archive->bytes, archive->length, "rb");
    assert_non_null(from);
    assert_int_equal(verify_export(&verdict, from, anchors, NULL, NULL, &why), OK);
    fclose(from);
    return verdict;
}

static void expect_good(const struct verdict *verdict)
{
    if (verdict->fault.found) {
        fail_msg("block %llu: %s", (unsigned long long)verdict->fault.block,
                 verdict->fault.why.text);
    }
}

static void expect_fault(const struct verdict *verdict, const char *what)
{
    assert_true(verdict->fault.found);
    if (!strstr(verdict->fault.why.text, what)) {
        fail_msg("\"%s\" in: %s", what, verdict->fault.why.text);
    }
}

// --- taking one apart

struct entry {
    char name[USTAR_NAME_MAX + 1];
    struct text bytes;
};
struct entries {
    struct entry items[ENTRIES_MAX];
    size_t count;
};

static struct entries *take_apart(const struct archive *archive)
{
    struct entries *entries = calloc(1, sizeof *entries);
    struct ustar ustar;
    struct why why;
    FILE *from = fmemopen(archive->bytes, archive->length, "rb");
    ustar_begin(&ustar, from);
    while (ustar_next(&ustar, &why) == OK && !ustar.ended) {
        struct entry *entry = &entries->items[entries->count++];
        strcpy(entry->name, ustar.name);
        entry->bytes = text_make(1u << 26);
        assert_int_equal(ustar_take(&ustar, &entry->bytes, 1u << 26, &why), OK);
    }
    assert_true(ustar.ended);
    fclose(from);
    return entries;
}

static struct archive put_together(struct entries *entries)
{
    struct archive archive;
    struct why why;
    FILE *to = open_memstream(&archive.bytes, &archive.length);
    for (size_t i = 0; i < entries->count; i++) {
        struct entry *entry = &entries->items[i];
        assert_int_equal(ustar_put(to, entry->name, entry->bytes.data ? entry->bytes.data : "",
                                   entry->bytes.length, &why),
                         OK);
        text_free(&entry->bytes);
    }
    assert_int_equal(ustar_finish(to, &why), OK);
    fclose(to);
    free(entries);
    return archive;
}

static struct entry *entry_of(struct entries *entries, const char *prefix)
{
    for (size_t i = 0; i < entries->count; i++) {
        if (strncmp(entries->items[i].name, prefix, strlen(prefix)) == 0) {
            return &entries->items[i];
        }
    }
    fail_msg("no %s", prefix);
    return NULL;
}

static void remove_entry(struct entries *entries, struct entry *entry)
{
    text_free(&entry->bytes);
    size_t at = (size_t)(entry - entries->items);
    memmove(entry, entry + 1, (entries->count - at - 1) * sizeof *entry);
    entries->count--;
}

// Line `index` of a file of blocks.
struct span {
    size_t from, length;
};
static struct span line_of(const struct text *text, size_t index)
{
    size_t from = 0;
    for (;;) {
        const char *end = memchr(text->data + from, '\n', text->length - from);
        assert_non_null(end);
        size_t length = (size_t)(end - text->data) + 1 - from;
        if (index-- == 0) {
            return (struct span){from, length};
        }
        from += length;
    }
}

// `removed` bytes at `at` give way to others.
static void splice(struct text *text, struct span removed, const char *bytes, size_t length)
{
    struct text whole = text_make(1u << 26);
    text_append(&whole, text->data, removed.from);
    text_append(&whole, bytes, length);
    text_append(&whole, text->data + removed.from + removed.length,
                text->length - removed.from - removed.length);
    text_free(text);
    *text = whole;
}

static void free_archive(struct archive *archive)
{
    free(archive->bytes);
}

// --- good ones

static void a_good_export_is_good(void **state)
{
    (void)state;
    struct trust trust;
    struct archive archive = export_of("good", 290, 800);
    struct verdict verdict = verdict_on(&archive, trust_in(&trust, "good", 2));
    expect_good(&verdict);
    assert_int_equal(verdict.end, 800);
    assert_true(verdict.first < 290 && verdict.first >= 284); // the block of a receipt
    assert_int_equal(verdict.readings, 2 * (800 - verdict.first));
    assert_int_equal(verdict.signed_size, 1000);
    assert_int_equal(verdict.trusted_from, verdict.first);
    assert_int_equal(verdict.trusted_end, 800);
    assert_true(verdict.lower.there && verdict.lower.block < 290);
    assert_true(verdict.upper.there && verdict.upper.block == 799);
    assert_int_equal(verdict.outside, 0);
    assert_int_equal(verdict.unknown_count, 0);
    // Both bounds are the receipts': block n records one over n - 1 blocks, at its beginning.
    assert_int_equal(verdict.lower.time_s, STICK_T0_S + 10 * (int64_t)verdict.lower.block);
    assert_int_equal(verdict.upper.time_s, STICK_T0_S + 10 * ((int64_t)verdict.upper.size + 1));
    free_archive(&archive);
}

static void without_a_centres_key_nothing_is_said_of_time(void **state)
{
    (void)state;
    struct trust trust;
    struct archive archive = export_of("good", 290, 400);
    struct verdict verdict = verdict_on(&archive, trust_in(&trust, "good", 0));
    expect_good(&verdict);
    assert_false(verdict.upper.there || verdict.lower.there);
    assert_int_equal(verdict.unknown_count, 2);
    assert_string_equal(verdict.unknown[0], "city-centre");
    verdict = verdict_on(&archive, trust_in(&trust, "good", 1));
    expect_good(&verdict);
    assert_true(verdict.upper.there && verdict.lower.there);
    assert_int_equal(verdict.unknown_count, 1);
    free_archive(&archive);
}

static void the_end_that_no_receipt_covers_is_said(void **state)
{
    (void)state;
    struct trust trust;
    struct archive archive = export_of("good", 900, 1000);
    struct verdict verdict = verdict_on(&archive, trust_in(&trust, "good", 2));
    expect_good(&verdict);
    assert_true(verdict.upper.there && verdict.upper.block < 999 && verdict.upper.block > 990);
    free_archive(&archive);
}

static void a_thousand_good_exports_raise_no_alarm(void **state)
{
    (void)state;
    struct trust trusts[3];
    for (size_t centres = 0; centres < 3; centres++) {
        trust_in(&trusts[centres], "good", centres);
    }
    struct stick stick = {.random = 20261124};
    for (int i = 0; i < effort(1000); i++) {
        uint64_t first = stick_draw(&stick) % 1000;
        uint64_t most = 1000 - first < 40 ? 1000 - first : i % 50 == 0 ? 1000 - first : 40;
        uint64_t end = first + 1 + stick_draw(&stick) % most;
        struct archive archive = export_of("good", first, end);
        struct verdict verdict = verdict_on(&archive, &trusts[i % 3].anchors);
        expect_good(&verdict);
        assert_true(verdict.first <= first && verdict.end == end);
        assert_int_equal(verdict.outside, 0);
        free_archive(&archive);
    }
}

static void the_same_blocks_give_the_same_bytes(void **state)
{
    (void)state;
    struct archive a = export_of("good", 250, 520), b = export_of("good", 250, 520);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.bytes, b.bytes, a.length);
    struct archive again = put_together(take_apart(&a));
    assert_memory_equal(a.bytes, again.bytes, a.length);
    free_archive(&a);
    free_archive(&b);
    free_archive(&again);
}

static void what_is_not_signed_cannot_be_exported(void **state)
{
    (void)state;
    struct stick_options options = options_of("partly", 100);
    options.signed_size = 60;
    stick_make(&options);
    struct ledger_reader *reader;
    struct export_notes notes;
    struct why why;
    uint64_t first = 50;
    assert_int_equal(ledger_reader_open(&reader, path_of("partly"), &why), OK);
    assert_int_equal(export_notes_find(&notes, reader, &first, 61, &why), ERROR_ABSENT);
    assert_non_null(strstr(why.text, "the last checkpoint is of 60"));
    export_notes_free(&notes);
    ledger_reader_close(reader);
}

// --- bad ones

static void every_byte_flipped_is_found(void **state)
{
    (void)state;
    const char *asked = getenv("TAMPER_STRIDE"), *from = getenv("TAMPER_FROM");
    size_t stride = asked ? strtoul(asked, NULL, 10) : 293;
    struct stick_options options = options_of("flipped", 260);
    options.centres = 1; // signatures are what takes the time
    stick_make(&options);
    struct trust trust;
    const struct anchors *anchors = trust_in(&trust, "flipped", 1);
    struct archive archive = export_of("flipped", 52, 252);
    struct verdict verdict = verdict_on(&archive, anchors);
    expect_good(&verdict);
    assert_true(verdict.end - verdict.first >= 200);
    size_t flipped = 0;
    for (size_t i = from ? strtoul(from, NULL, 10) : 0; i < archive.length; i += stride) {
        char bit = (char)(1 << i % 7);
        archive.bytes[i] ^= bit;
        verdict = verdict_on(&archive, anchors);
        if (!verdict.fault.found) {
            fail_msg("byte %zu of %zu, bit %02x: not found", i, archive.length, bit);
        }
        archive.bytes[i] ^= bit;
        flipped++;
    }
    printf("%zu bytes of %zu flipped in turn\n", flipped, archive.length);
    free_archive(&archive);
}

// Applies a change to the first file of blocks of [40, 140) and expects the fault.
static struct verdict after(void change(struct text *blocks, struct entries *entries),
                            const char *what)
{
    struct trust trust;
    struct archive archive = export_of("good", 40, 140);
    struct entries *entries = take_apart(&archive);
    change(&entry_of(entries, EXPORT_BLOCKS)->bytes, entries);
    struct archive changed = put_together(entries);
    struct verdict verdict = verdict_on(&changed, trust_in(&trust, "good", 2));
    expect_fault(&verdict, what);
    free_archive(&archive);
    free_archive(&changed);
    return verdict;
}

static void edit_a_value(struct text *blocks, struct entries *entries)
{
    (void)entries;
    struct span line = line_of(blocks, 50);
    char *value = strstr(blocks->data + line.from, "\",23");
    assert_non_null(value);
    value[3] = '4'; // 23x becomes 24x
}

static void an_edit_is_found_and_what_is_behind_it_holds(void **state)
{
    (void)state;
    struct verdict verdict = after(edit_a_value, "not the one that block");
    assert_true(verdict.fault.in_block);
    assert_int_equal(verdict.fault.block, verdict.first + 50);
    assert_int_equal(verdict.faults, 1);
    assert_int_equal(verdict.trusted_from, verdict.first + 51);
    assert_int_equal(verdict.trusted_end, 140);
}

static void edit_the_last(struct text *blocks, struct entries *entries)
{
    (void)entries;
    char *value = blocks->data + blocks->length;
    while (strncmp(value, "\",23", 4) != 0) {
        value--;
    }
    value[3] = '4';
}

static void an_edit_of_the_last_block_is_found(void **state)
{
    (void)state;
    struct verdict verdict = after(edit_the_last, "");
    assert_int_equal(verdict.trusted_from, verdict.trusted_end);
    assert_true(verdict.faults >= 2); // the receipt's root is another too
}

static void delete_one(struct text *blocks, struct entries *entries)
{
    (void)entries;
    splice(blocks, line_of(blocks, 50), "", 0);
}

static void a_deleted_block_is_found(void **state)
{
    (void)state;
    struct verdict verdict = after(delete_one, "in its place stands block");
    assert_int_equal(verdict.fault.block, verdict.first + 50);
}

static void delete_last(struct text *blocks, struct entries *entries)
{
    (void)entries;
    uint64_t count = 0;
    for (size_t i = 0; i < blocks->length; i++) {
        count += blocks->data[i] == '\n';
    }
    splice(blocks, line_of(blocks, count - 1), "", 0);
}

static void a_missing_end_is_found(void **state)
{
    (void)state;
    after(delete_last, "expected block 139");
}

static void swap_two(struct text *blocks, struct entries *entries)
{
    (void)entries;
    struct span one = line_of(blocks, 50), other = line_of(blocks, 51);
    struct text both = text_make(1u << 20);
    text_append(&both, blocks->data + other.from, other.length);
    text_append(&both, blocks->data + one.from, one.length);
    splice(blocks, (struct span){one.from, one.length + other.length}, both.data, both.length);
    text_free(&both);
}

static void swapped_blocks_are_found(void **state)
{
    (void)state;
    struct verdict verdict = after(swap_two, "in its place stands block");
    assert_int_equal(verdict.fault.block, verdict.first + 50);
    assert_int_equal(verdict.trusted_from, verdict.first + 52);
}

static void insert_a_copy(struct text *blocks, struct entries *entries)
{
    (void)entries;
    struct span line = line_of(blocks, 50);
    char *copy = strndup(blocks->data + line.from, line.length);
    splice(blocks, (struct span){line.from, 0}, copy, line.length);
    free(copy);
}

static void an_inserted_block_is_found(void **state)
{
    (void)state;
    struct verdict verdict = after(insert_a_copy, "in its place stands block");
    assert_int_equal(verdict.fault.block, verdict.first + 51);
    assert_int_equal(verdict.trusted_from, verdict.trusted_end);
}

static void take_anothers(struct text *blocks, struct entries *entries)
{
    (void)entries;
    struct archive other = export_of("other", 40, 140);
    struct entries *others = take_apart(&other);
    struct text *theirs = &entry_of(others, EXPORT_BLOCKS)->bytes;
    struct span line = line_of(theirs, 50);
    splice(blocks, line_of(blocks, 50), theirs->data + line.from, line.length);
    struct archive again = put_together(others);
    free_archive(&again);
    free_archive(&other);
}

static void a_block_of_another_gateway_is_found(void **state)
{
    (void)state;
    struct verdict verdict = after(take_anothers, "it is of another log");
    assert_int_equal(verdict.fault.block, verdict.first + 50);
}

static void put_junk(struct text *blocks, struct entries *entries)
{
    (void)entries;
    splice(blocks, line_of(blocks, 50), "{}\n", 3);
}

static void junk_in_a_blocks_place_is_found(void **state)
{
    (void)state;
    struct verdict verdict = after(put_junk, "byte 0: expected");
    assert_int_equal(verdict.fault.block, verdict.first + 50);
    assert_int_equal(verdict.trusted_from, verdict.first + 51);
}

static void drop_definitions(struct text *blocks, struct entries *entries)
{
    (void)blocks;
    remove_entry(entries, entry_of(entries, EXPORT_DEFINITIONS));
}

static void drop_a_file(struct text *blocks, struct entries *entries)
{
    (void)blocks;
    remove_entry(entries, entry_of(entries, EXPORT_FILES));
}

static void add_a_file(struct text *blocks, struct entries *entries)
{
    (void)blocks;
    struct entry *at = entry_of(entries, EXPORT_BLOCKS);
    memmove(at + 1, at, (entries->count - (size_t)(at - entries->items)) * sizeof *at);
    entries->count++;
    struct digest hash;
    char bytes[16], hex[DIGEST_HEX];
    for (int i = 0;; i++) { // one whose hash is behind all others
        snprintf(bytes, sizeof bytes, "%d", i);
        hash = digest_of(NULL, 0, bytes, strlen(bytes));
        if (hash.bytes[0] == 0xff) {
            break;
        }
    }
    text_format_hex(hash.bytes, DIGEST_SIZE, hex);
    snprintf(at->name, sizeof at->name, EXPORT_FILES "%s", hex);
    at->bytes = text_make(100);
    text_append_string(&at->bytes, bytes);
}

static void drop_the_proof(struct text *blocks, struct entries *entries)
{
    (void)blocks;
    remove_entry(entries, entry_of(entries, EXPORT_PROOF));
}

static void add_an_entry(struct text *blocks, struct entries *entries)
{
    (void)blocks;
    struct entry *entry = &entries->items[entries->count++];
    strcpy(entry->name, "more");
    entry->bytes = text_make(10);
}

static void entries_that_are_missing_or_too_many_are_found(void **state)
{
    (void)state;
    after(drop_definitions, "the definitions that it names are not there");
    after(drop_a_file, "names a file that is missing");
    after(add_a_file, "is named by nothing");
    after(drop_the_proof, "expected last-block.tlog-proof");
    after(add_an_entry, "expected the end");
}

static void swap_receipts(struct text *blocks, struct entries *entries)
{
    (void)blocks;
    struct entry *one = entry_of(entries, EXPORT_RECEIPTS "1");
    struct text kept = one[0].bytes;
    one[0].bytes = one[1].bytes;
    one[1].bytes = kept;
}

static void take_anothers_receipt(struct text *blocks, struct entries *entries)
{
    (void)blocks;
    struct archive other = export_of("other", 40, 140);
    struct entries *others = take_apart(&other);
    struct text *ours = &entry_of(entries, EXPORT_RECEIPTS "1")->bytes;
    struct text *theirs = &entry_of(others, EXPORT_RECEIPTS "1")->bytes;
    splice(ours, (struct span){0, ours->length}, theirs->data, theirs->length);
    struct archive again = put_together(others);
    free_archive(&again);
    free_archive(&other);
}

static void receipts_that_do_not_belong_are_found(void **state)
{
    (void)state;
    after(swap_receipts, "its centre is not behind the one before");
    after(take_anothers_receipt, "not signed by the key");
}

static void a_receipt_that_was_taken_out_is_no_bound(void **state)
{
    (void)state;
    struct trust trust;
    struct archive archive = export_of("good", 40, 140);
    struct entries *entries = take_apart(&archive);
    remove_entry(entries, entry_of(entries, EXPORT_RECEIPTS "2"));
    remove_entry(entries, entry_of(entries, EXPORT_RECEIPTS "1"));
    struct archive changed = put_together(entries);
    struct verdict verdict = verdict_on(&changed, trust_in(&trust, "good", 2));
    expect_good(&verdict);
    assert_false(verdict.upper.there);
    free_archive(&archive);
    free_archive(&changed);
}

static void another_key_is_refused(void **state)
{
    (void)state;
    struct trust trust, other;
    struct archive archive = export_of("good", 40, 60);
    trust_in(&trust, "good", 2);
    trust_in(&other, "other", 2);
    struct anchors anchors = trust.anchors;
    anchors.gateway = &other.gateway;
    struct verdict verdict = verdict_on(&archive, &anchors);
    expect_fault(&verdict, "it is of the log");
    assert_int_equal(verdict.trusted_from, verdict.trusted_end);
    other.gateway.name[0] = '\0'; // as from a PEM
    verdict = verdict_on(&archive, &anchors);
    expect_fault(&verdict, "not signed by");
    anchors = trust.anchors;
    anchors.centres = other.centres;
    verdict = verdict_on(&archive, &anchors);
    expect_fault(&verdict, "not signed by the key that was given for it");
    free_archive(&archive);
}

// --- an end that was cut off

// The last receipt that the ledger keeps of the first centre.
static struct text last_receipt(const char *name)
{
    struct ledger_reader *reader;
    struct text note = text_make(NOTE_BYTES_MAX);
    uint64_t size;
    struct why why;
    assert_int_equal(ledger_reader_open(&reader, path_of(name), &why), OK);
    assert_int_equal(ledger_reader_note(reader, LEDGER_RECEIPT, "first", &note, &size, &why), OK);
    ledger_reader_close(reader);
    return note;
}

static void an_end_cut_off_under_an_older_checkpoint_is_found(void **state)
{
    (void)state;
    struct stick_options options = options_of("cut", 100);
    options.signed_size = 60; // what the gateway shows; its centre held more
    stick_make(&options);
    struct trust trust;
    const struct anchors *anchors = trust_in(&trust, "cut", 2);
    struct archive archive = export_of("cut", 30, 60);
    struct verdict verdict = verdict_on(&archive, anchors);
    expect_good(&verdict); // in itself it is good
    struct text receipt = last_receipt("cut");
    struct anchors more = *anchors;
    more.receipts = &receipt;
    more.receipt_count = 1;
    verdict = verdict_on(&archive, &more);
    expect_fault(&verdict, "the end of the log was cut off");
    assert_int_equal(verdict.trusted_end - verdict.trusted_from, verdict.end - verdict.first);
    free_archive(&archive);

    // The same receipt within the export.
    struct ledger_reader *reader;
    struct export_notes notes;
    struct export_written written;
    struct why why = {""};
    struct note parts;
    uint64_t first = 30;
    assert_int_equal(ledger_reader_open(&reader, path_of("cut"), &why), OK);
    assert_int_equal(export_notes_find(&notes, reader, &first, 60, &why), OK);
    text_clear(&notes.receipts[0].note);
    text_append(&notes.receipts[0].note, receipt.data, receipt.length);
    assert_int_equal(
        receipt_read(&notes.receipts[0].receipt, &parts, receipt.data, receipt.length, &why), OK);
    FILE *to = open_memstream(&archive.bytes, &archive.length);
    assert_int_equal(export_write(reader, &notes, first, 60, to, NULL, &written, &why), OK);
    fclose(to);
    verdict = verdict_on(&archive, anchors);
    expect_fault(&verdict, "its end was cut off");
    export_notes_free(&notes);
    ledger_reader_close(reader);
    text_free(&receipt);
    free_archive(&archive);
}

// --- times

static void readings_timed_outside_the_receipts_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t shift_us;
        bool late;
    } cases[] = {{"fast", 3600 * INT64_C(1000000), true},
                 {"slow", -3600 * INT64_C(1000000), false}};
    for (size_t i = 0; i < 2; i++) {
        struct stick_options options = options_of(cases[i].name, 100);
        options.shift_from = 50;
        options.shift_to = 53;
        options.shift_us = cases[i].shift_us;
        stick_make(&options);
        struct trust trust;
        struct archive archive = export_of(cases[i].name, 20, 90);
        struct verdict verdict = verdict_on(&archive, trust_in(&trust, cases[i].name, 2));
        expect_good(&verdict);
        assert_int_equal(verdict.outside, 6);
        assert_int_equal(verdict.shown_count, 5);
        assert_int_equal(verdict.shown[0].block, 50);
        assert_int_equal(verdict.shown[0].late, cases[i].late);
        free_archive(&archive);
    }
}

// --- ledgers

static struct verdict verdict_on_ledger(const char *name, const struct anchors *anchors)
{
    struct verdict verdict;
    struct ledger_reader *reader;
    struct why why = {""};
    assert_int_equal(ledger_reader_open(&reader, path_of(name), &why), OK);
    assert_int_equal(verify_ledger(&verdict, reader, anchors, NULL, NULL, &why), OK);
    ledger_reader_close(reader);
    return verdict;
}

static void a_good_ledger_is_good(void **state)
{
    (void)state;
    struct trust trust;
    struct verdict verdict = verdict_on_ledger("good", trust_in(&trust, "good", 2));
    expect_good(&verdict);
    assert_int_equal(verdict.first, 0);
    assert_int_equal(verdict.end, 1000);
    assert_int_equal(verdict.readings, 2000);
    assert_true(verdict.upper.there && verdict.upper.block >= 993);
    assert_int_equal(verdict.trusted_end - verdict.trusted_from, 1000);
}

static void a_ledger_of_another_key_is_refused(void **state)
{
    (void)state;
    struct trust trust;
    struct verdict verdict = verdict_on_ledger("good", trust_in(&trust, "other", 0));
    expect_fault(&verdict, "the checkpoint: it is of the log");
    assert_int_equal(verdict.trusted_from, verdict.trusted_end);
}

// --- two of them

static struct comparison compare(const struct archive *a, const struct archive *b,
                                 const struct anchors *anchors)
{
    struct comparison comparison;
    struct why why;
    FILE *from[2] = {fmemopen(a->bytes, a->length, "rb"), fmemopen(b->bytes, b->length, "rb")};
    assert_int_equal(verify_compare(&comparison, from, anchors, &why), OK);
    fclose(from[0]);
    fclose(from[1]);
    return comparison;
}

static void two_exports_of_one_log_agree(void **state)
{
    (void)state;
    struct trust trust;
    struct archive a = export_of("good", 200, 400), b = export_of("good", 300, 500);
    struct archive c = export_of("good", 600, 610), d = export_of("other", 200, 300);
    struct comparison comparison = compare(&a, &b, trust_in(&trust, "good", 2));
    expect_good(&comparison.verdicts[0]);
    expect_good(&comparison.verdicts[1]);
    assert_true(comparison.same_log && !comparison.differ && !comparison.contradiction);
    assert_int_equal(comparison.from, comparison.verdicts[1].first);
    assert_int_equal(comparison.to, 400);
    comparison_free(&comparison);
    comparison = compare(&a, &c, &trust.anchors);
    assert_int_equal(comparison.from, comparison.to);
    comparison_free(&comparison);
    comparison = compare(&a, &d, &trust.anchors);
    assert_false(comparison.same_log);
    comparison_free(&comparison);
    free_archive(&a);
    free_archive(&b);
    free_archive(&c);
    free_archive(&d);
}

static void a_gateway_that_signed_two_stories_is_shown(void **state)
{
    (void)state;
    char command[600];
    struct stick_options one = options_of("one", 100), two = options_of("two", 160);
    stick_make(&one);
    snprintf(command, sizeof command, "cp -r %s %s", one.directory, two.directory);
    assert_int_equal(system(command), 0);
    one.blocks = 150;
    one.seed = 1;
    two.seed = 2;
    stick_make(&one);
    stick_make(&two);
    struct trust trust;
    struct archive a = export_of("one", 60, 140), b = export_of("two", 60, 140);
    struct comparison comparison = compare(&a, &b, trust_in(&trust, "one", 2));
    expect_good(&comparison.verdicts[0]); // each is good in itself
    expect_good(&comparison.verdicts[1]);
    assert_true(comparison.same_log && comparison.differ && comparison.contradiction);
    assert_int_equal(comparison.first_difference, 100);
    assert_non_null(strstr(comparison.notes[0].data, "\n150\n"));
    assert_non_null(strstr(comparison.notes[1].data, "\n160\n"));
    comparison_free(&comparison);
    struct anchors none = {0};
    comparison = compare(&a, &b, &none); // nobody says whose signatures they are
    assert_true(comparison.differ && !comparison.contradiction);
    comparison_free(&comparison);
    free_archive(&a);
    free_archive(&b);
}

// --- the rest

static void roots_are_those_of_the_tiles(void **state)
{
    (void)state;
    struct roots *roots = calloc(1, sizeof *roots);
    struct ledger_reader *reader;
    struct why why;
    assert_int_equal(ledger_reader_open(&reader, path_of("good"), &why), OK);
    roots_begin(roots);
    for (uint64_t n = 0;; n++) {
        struct digest root, leaf;
        assert_int_equal(ledger_reader_root(reader, n, &root, &why), OK);
        assert_memory_equal(&root, roots_at(roots, n), sizeof root);
        if (ledger_reader_leaf(reader, n, &leaf, &why)) {
            assert_int_equal(n, 1000);
            break;
        }
        roots_add(roots, &leaf);
    }
    assert_non_null(roots_at(roots, 0));
    assert_null(roots_at(roots, 1001));
    ledger_reader_close(reader);
    free(roots);
}

static void the_blocks_of_a_time_are_found(void **state)
{
    (void)state;
    struct ledger_reader *reader;
    struct why why;
    uint64_t first, end;
    int64_t t0_us = STICK_T0_S * 1000000;
    assert_int_equal(ledger_reader_open(&reader, path_of("good"), &why), OK);
    for (uint64_t a = 0; a < 1000; a += 37) {
        for (uint64_t b = a + 1; b <= 1000; b += 91) {
            assert_int_equal(export_span(reader, t0_us + (int64_t)a * 10000000,
                                         t0_us + (int64_t)b * 10000000, &first, &end, &why),
                             OK);
            assert_int_equal(first, a);
            assert_int_equal(end, b);
        }
    }
    assert_int_equal(export_span(reader, 0, t0_us - 1, &first, &end, &why), ERROR_ABSENT);
    ledger_reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_export_is_good),
        cmocka_unit_test(without_a_centres_key_nothing_is_said_of_time),
        cmocka_unit_test(the_end_that_no_receipt_covers_is_said),
        cmocka_unit_test(a_thousand_good_exports_raise_no_alarm),
        cmocka_unit_test(the_same_blocks_give_the_same_bytes),
        cmocka_unit_test(what_is_not_signed_cannot_be_exported),
        cmocka_unit_test(every_byte_flipped_is_found),
        cmocka_unit_test(an_edit_is_found_and_what_is_behind_it_holds),
        cmocka_unit_test(an_edit_of_the_last_block_is_found),
        cmocka_unit_test(a_deleted_block_is_found),
        cmocka_unit_test(a_missing_end_is_found),
        cmocka_unit_test(swapped_blocks_are_found),
        cmocka_unit_test(an_inserted_block_is_found),
        cmocka_unit_test(a_block_of_another_gateway_is_found),
        cmocka_unit_test(junk_in_a_blocks_place_is_found),
        cmocka_unit_test(entries_that_are_missing_or_too_many_are_found),
        cmocka_unit_test(receipts_that_do_not_belong_are_found),
        cmocka_unit_test(a_receipt_that_was_taken_out_is_no_bound),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(an_end_cut_off_under_an_older_checkpoint_is_found),
        cmocka_unit_test(readings_timed_outside_the_receipts_are_counted),
        cmocka_unit_test(a_good_ledger_is_good),
        cmocka_unit_test(a_ledger_of_another_key_is_refused),
        cmocka_unit_test(two_exports_of_one_log_agree),
        cmocka_unit_test(a_gateway_that_signed_two_stories_is_shown),
        cmocka_unit_test(roots_are_those_of_the_tiles),
        cmocka_unit_test(the_blocks_of_a_time_are_found)};
    cmocka_set_test_filter(getenv("TEST"));
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
