// The ledger's bad days: damage, kill -9, a full disk, another name; and retention.
#include "ledger_bench.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static char old_origin[BLOCK_ORIGIN_MAX + 1];

static void path_of(struct ledger_bench *b, const char *name, char out[128])
{
    snprintf(out, 128, "%.64s/%.60s", b->directory, name);
}

// Appends without a check-point at the end, as after kill -9: the ledger's files are copied while
// it is open, and the copies put in their place.
static void leave_as_killed(struct ledger_bench *b)
{
    char command[512];
    snprintf(command, sizeof command,
             "cd '%s' && mkdir k && cp lock ledger.db ledger.db-wal ledger.db-shm k/",
             b->directory);
    assert_int_equal(system(command), 0);
    snprintf(old_origin, sizeof old_origin, "%s", ledger_origin(b->ledger));
    bench_close(b);
    snprintf(command, sizeof command, "cd '%s' && rm -f ledger.db* && mv k/* . && rmdir k",
             b->directory);
    assert_int_equal(system(command), 0);
}

static void close_whole(struct ledger_bench *b)
{
    snprintf(old_origin, sizeof old_origin, "%s", ledger_origin(b->ledger));
    bench_close(b);
}

static void overwrite(struct ledger_bench *b, const char *name, off_t at, const void *bytes,
                      size_t length)
{
    char path[128];
    path_of(b, name, path);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, at), length);
    close(fd);
}

static off_t size_of(struct ledger_bench *b, const char *name)
{
    char path[128];
    struct stat st;
    path_of(b, name, path);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

// Opens, expecting a new log, and checks what goes for each: appends work, the old files are kept.
static void assert_new_log(struct ledger_bench *b, const char *reason)
{
    struct stat st;
    b->previous = (struct digest){0};
    bench_open(b);
    assert_true(b->opening.new_log && !b->opening.fresh);
    if (!strstr(b->opening.reason, reason)) {
        fail_msg("reason: %s", b->opening.reason);
    }
    assert_string_not_equal(ledger_origin(b->ledger), old_origin);
    assert_int_equal(ledger_size(b->ledger), 0);
    assert_int_equal(stat(b->opening.set_aside, &st), 0);
    bench_append(b, 2);
}

// All recovered files together, block by block: [from, to) of the old log, byte for byte.
static void assert_recovered(struct ledger_bench *b, uint64_t from, uint64_t to)
{
    struct text out = text_make(2 << 20);
    struct block_view view = {0};
    uint64_t n = from;
    assert_string_equal(b->opening.old_origin, old_origin);
    assert_true(b->opening.recovered_from == from && b->opening.recovered_to == to);
    bench_read(b);
    for (size_t i = 0; i < b->opening.recovered_count; i++) {
        assert_int_equal(ledger_reader_file(b->reader, &b->opening.recovered[i], &out, &b->why),
                         OK);
        for (char *at = out.data; at < out.data + out.length;) {
            char *end = strchr(at, '\n') + 1;
            assert_int_equal(block_parse(&view, at, (size_t)(end - at), &b->why), OK);
            assert_int_equal(view.n, n++);
            assert_string_equal(view.origin, old_origin);
            at = end;
        }
    }
    assert_int_equal(n, to);
    block_view_free(&view);
    text_free(&out);
}

static void damaged_tail_is_found_and_the_rest_goes_along(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    ledger_declare_uplink(b->ledger, "city", true, &b->why);
    bench_append(b, 20);
    ledger_note_cursor(b->ledger, "city", 12);
    close_whole(b);
    // The last block's row is at the end of the file; its packed bytes end in its last page.
    char path[128], *bytes;
    path_of(b, "ledger.db", path);
    off_t length = size_of(b, "ledger.db");
    bytes = malloc((size_t)length);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, (size_t)length), length);
    close(fd);
    // A zstd frame's magic number, the one that comes first in the last page that has any.
    off_t magic = -1;
    for (off_t i = length / 1024 * 1024 - 1024; i >= 0 && magic < 0; i -= 1024) {
        char *hit = memmem(bytes + i, 1024, "\x28\xb5\x2f\xfd", 4);
        magic = hit ? hit - bytes : -1;
    }
    assert_true(magic > 0);
    free(bytes);
    overwrite(b, "ledger.db", magic + 40, "damage", 6);
    assert_new_log(b, "block ");
    assert_true(b->opening.recovered_count >= 1);
    assert_true(b->opening.recovered_from == 12 && b->opening.recovered_to >= 19);
}

static void database_that_is_none_is_set_aside_whole(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    bench_append(b, 5);
    close_whole(b);
    off_t length = size_of(b, "ledger.db");
    overwrite(b, "ledger.db", 0, "this is no database at all", 26);
    assert_new_log(b, "not a database");
    char aside[320];
    struct stat st;
    snprintf(aside, sizeof aside, "%.255s/ledger.db", b->opening.set_aside);
    assert_int_equal(stat(aside, &st), 0);
    assert_int_equal(st.st_size, length);
    assert_string_equal(b->opening.old_origin, old_origin); // from the note in `lock`
    assert_int_equal(b->opening.recovered_count, 0);
}

static void database_that_is_gone_is_a_new_log_and_not_a_fresh_one(void **state)
{
    struct ledger_bench *b = *state;
    char path[128];
    bench_open(b);
    bench_append(b, 5);
    close_whole(b);
    path_of(b, "ledger.db", path);
    assert_int_equal(unlink(path), 0);
    assert_new_log(b, "gone or empty");
    assert_string_equal(b->opening.old_origin, old_origin);
}

static void new_log_takes_along_what_was_not_acknowledged_and_the_numbers_of_points(void **state)
{
    struct ledger_bench *b = *state;
    uint32_t number;
    bool fresh;
    bench_open(b);
    ledger_declare_uplink(b->ledger, "city", true, &b->why);
    bench_append(b, 9);
    ledger_note_cursor(b->ledger, "city", 4);
    ledger_point_number(b->ledger, "a", "b", &number, &fresh, &b->why);
    ledger_report_damage(b->ledger, "for the test");
    close_whole(b);
    assert_new_log(b, "for the test");
    assert_recovered(b, 4, 9);
    assert_int_equal(b->opening.old_size, 9);
    // Files that the first definitions of the new log name, so that uplinks send them.
    struct digest definitions = {{1}}, file = {{2}}, files[8], got;
    size_t count;
    assert_int_equal(ledger_put_definitions(b->ledger, 0, &definitions, &file, 1, &b->why), OK);
    assert_int_equal(ledger_reader_definitions(b->reader, 0, &got, files, 8, &count, &b->why), OK);
    assert_int_equal(count, 1 + b->opening.recovered_count);
    assert_memory_equal(&files[1], &b->opening.recovered[0], sizeof *files);
    // Points keep their numbers.
    assert_int_equal(ledger_point_number(b->ledger, "c", "d", &number, &fresh, &b->why), OK);
    assert_int_equal(number, 2);
    bench_close(b);
    bench_open(b);
    assert_false(b->opening.new_log);
}

// SHA-256 of everything in the folder but the index of the WAL, which is nobody's data.
static void fingerprint(struct ledger_bench *b, char out[65])
{
    char command[256];
    snprintf(command, sizeof command,
             "cd '%s' && find . -type f ! -name '*-shm' -exec sha256sum {} + | sort | sha256sum",
             b->directory);
    FILE *from = popen(command, "r");
    assert_int_equal(fread(out, 1, 64, from), 64);
    out[64] = '\0';
    assert_int_equal(pclose(from), 0);
}

static void assert_refused(struct ledger_bench *b, const char *says, const char *also)
{
    char before[65], after[65];
    fingerprint(b, before);
    assert_int_equal(ledger_open(&b->ledger, &b->options, &b->opening, &b->why), ERROR_REFUSED);
    if (!strstr(b->why.text, says) || !strstr(b->why.text, also)) {
        fail_msg("it says: %s", b->why.text);
    }
    fingerprint(b, after);
    assert_string_equal(before, after);
}

static void ledger_of_other_names_is_refused_and_left_as_it_is(void **state)
{
    struct ledger_bench *b = *state;
    char path[128];
    bench_open(b);
    for (int round = 0; round < 2; round++) {
        bench_append(b, 3);
        if (round == 0) {
            leave_as_killed(b);
        } else {
            close_whole(b);
        }
        b->options.gateway_name = "gw-02";
        assert_refused(b, "is of " SITE "/" GATEWAY, "says " SITE "/gw-02");
        b->options.gateway_name = "gw-0";
        assert_refused(b, "is of " SITE "/" GATEWAY, "says " SITE "/gw-0");
        b->options.gateway_name = GATEWAY;
        b->options.site_code = "91350100M000100Y44";
        assert_refused(b, b->directory, "move that folder away");
        b->options.site_code = SITE;
        bench_open(b);
        assert_false(b->opening.new_log);
    }
    // Nor is one that is damaged, or gone, when what is noted of it says so.
    close_whole(b);
    path_of(b, "ledger.db", path);
    unlink(path);
    b->options.gateway_name = "gw-02";
    assert_refused(b, "is of " SITE "/" GATEWAY, "says " SITE "/gw-02");
}

static void ledger_of_a_newer_program_is_refused_and_left_as_it_is(void **state)
{
    struct ledger_bench *b = *state;
    char path[128];
    sqlite3 *db;
    bench_open(b);
    bench_append(b, 3);
    bench_close(b);
    path_of(b, "ledger.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=2", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_refused(b, "ledger.db was written by a newer tallyd", "version is 2, this one knows 1");
}

static void damaged_write_ahead_log_is_not_taken_for_a_short_one(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    bench_append(b, 20);
    leave_as_killed(b);
    off_t frame = 24 + 1024, frames = (size_of(b, "ledger.db-wal") - 32) / frame;
    assert_true(frames > 20);
    overwrite(b, "ledger.db-wal", 32 + (frames - 1) * frame + 500, "damage", 6);
    assert_new_log(b, "write-ahead log");
}

static void damaged_write_ahead_log_is_found_without_its_index_too(void **state)
{
    struct ledger_bench *b = *state;
    char path[128];
    bench_open(b);
    bench_append(b, 20);
    leave_as_killed(b);
    path_of(b, "ledger.db-shm", path);
    unlink(path);
    off_t frame = 24 + 1024, frames = (size_of(b, "ledger.db-wal") - 32) / frame;
    overwrite(b, "ledger.db-wal", 32 + frames / 2 * frame + 500, "damage", 6);
    assert_new_log(b, "write-ahead log");
}

static void write_ahead_log_torn_in_its_last_transaction_is_sound(void **state)
{
    struct ledger_bench *b = *state;
    char path[128];
    bench_open(b);
    bench_append(b, 20);
    leave_as_killed(b);
    path_of(b, "ledger.db-shm", path);
    unlink(path);
    path_of(b, "ledger.db-wal", path);
    assert_int_equal(truncate(path, size_of(b, "ledger.db-wal") - 300), 0);
    bench_open(b);
    assert_false(b->opening.new_log);
    assert_int_equal(ledger_size(b->ledger), 19);
}

static void put_random_bytes_over_pages(struct ledger_bench *b, unsigned seed)
{
    unsigned new_logs = 0;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 40; round++) {
        bench_open(b);
        b->previous = ledger_tip(b->ledger);
        bench_append(b, 30);
        const char *name = "ledger.db";
        if (round % 2) {
            leave_as_killed(b);
            name = round % 4 == 1 ? "ledger.db-wal" : name;
        } else {
            close_whole(b);
        }
        uint8_t noise[1024];
        off_t length = size_of(b, name);
        for (int hits = 0; hits < 3 && length > 1024; hits++) {
            for (size_t i = 0; i < sizeof noise; i++) {
                noise[i] = (uint8_t)rand_r(&seed);
            }
            overwrite(b, name, rand_r(&seed) % (length - 1024), noise, sizeof noise);
        }
        bench_open(b); // fails the test when it gives an error
        new_logs += b->opening.new_log;
        uint64_t first, size;
        bench_read(b);
        // What is given out is right or refused.
        assert_int_equal(ledger_reader_extent(b->reader, &first, &size, &b->why), OK);
        for (uint64_t n = first; n < size; n++) {
            int error = ledger_reader_block(b->reader, n, &b->bytes, &b->why);
            assert_true(error == OK || error == ERROR_DAMAGED || error == ERROR_ABSENT);
        }
        bench_close(b);
    }
    assert_true(new_logs > 10);
}

static void random_bytes_over_pages_never_crash_nor_pass(void **state)
{
    put_random_bytes_over_pages(*state, (unsigned)time(NULL));
}

// With this seed they make a row of more than 1e9 bytes, which SQLite finds too big, not damaged.
static void random_bytes_as_a_length_are_damage(void **state)
{
    put_random_bytes_over_pages(*state, 1795524681);
}

// Opening looks at the tail only; whoever finds damage elsewhere says so, and what was being stored
// goes along.
static void damage_found_while_running_begins_a_new_log_at_the_next_start(void **state)
{
    struct ledger_bench *b = *state;
    struct ledger_status status;
    struct ledger_block block;
    struct stat st;
    char path[128], *room = malloc(ZSTD_compressBound(BLOCK_BYTES_MAX));
    bench_open(b);
    bench_append(b, 5);
    bench_make_block(b, 5, T0_US, 2, &b->bytes, &block);
    bench_pack(&b->bytes, &block, room);
    ledger_report_damage(b->ledger, "block 3: its bytes do not agree with its hash");
    ledger_status(b->ledger, &status);
    assert_true(status.damaged);
    assert_int_equal(ledger_save_unstored(b->ledger, &block, &b->why), OK);
    close_whole(b);
    assert_new_log(b, "found while running: block 3");
    assert_recovered(b, 0, 6);
    path_of(b, "damaged", path);
    assert_int_equal(stat(path, &st), -1);
    path_of(b, "unsaved", path);
    assert_int_equal(stat(path, &st), -1);
    bench_close(b);
    bench_open(b);
    assert_false(b->opening.new_log);
    free(room);
}

static void block_that_could_not_be_stored_is_appended_at_the_next_start(void **state)
{
    struct ledger_bench *b = *state;
    struct ledger_block blocks[2];
    char *room = malloc(ZSTD_compressBound(BLOCK_BYTES_MAX));
    bench_open(b);
    bench_append(b, 3);
    for (uint64_t i = 0; i < 2; i++) {
        bench_make_block(b, 3 + i, T0_US, 2, &b->bytes, &blocks[i]);
        bench_pack(&b->bytes, &blocks[i], room);
        assert_int_equal(ledger_save_unstored(b->ledger, &blocks[i], &b->why), OK);
    }
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), 5);
    bench_read(b);
    assert_int_equal(ledger_reader_block(b->reader, 4, &b->bytes, &b->why), OK);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), 5);
    free(room);
}

// Lines of the largest blocks, written into `unsaved` of the ledger that is open: blocks from
// ledger_size on.
static void save_unstored(struct ledger_bench *b, int blocks)
{
    struct ledger_block block;
    char *room = malloc(ZSTD_compressBound(BLOCK_BYTES_MAX));
    for (int i = 0; i < blocks; i++) {
        bench_make_block(b, ledger_size(b->ledger) + (uint64_t)i, T0_US, 1000, &b->bytes, &block);
        bench_pack(&b->bytes, &block, room);
        assert_int_equal(ledger_save_unstored(b->ledger, &block, &b->why), OK);
    }
    free(room);
}

static void unsaved_blocks_of_any_number_are_taken_in(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    bench_append(b, 3);
    save_unstored(b, 300);
    assert_true(size_of(b, "unsaved") > 17 << 20);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), 303);
    assert_true(b->opening.unsaved_left == 0 && !b->opening.unsaved_kept[0]);
}

static void append_to(struct ledger_bench *b, const char *name, char byte, size_t count, bool end)
{
    char path[128];
    path_of(b, name, path);
    FILE *file = fopen(path, "a");
    for (size_t i = 0; i < count; i++) {
        putc(byte, file);
    }
    if (end) {
        putc('\n', file);
    }
    fclose(file);
}

static void lines_of_unsaved_that_are_no_blocks_are_kept_and_said(void **state)
{
    struct ledger_bench *b = *state;
    struct stat st;
    char path[128];
    bench_open(b);
    bench_append(b, 3);
    append_to(b, "unsaved", 'x', 300000, true);
    save_unstored(b, 2);
    append_to(b, "unsaved", '{', 1, false);
    off_t length = size_of(b, "unsaved");
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), 5);
    assert_int_equal(b->opening.unsaved_left, 2);
    path_of(b, b->opening.unsaved_kept, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, length);
    path_of(b, "unsaved", path);
    assert_int_equal(stat(path, &st), -1);
}

// Killed between taking a block in and removing the file.
static void unsaved_that_was_taken_in_before_is_no_finding(void **state)
{
    struct ledger_bench *b = *state;
    char command[256];
    bench_open(b);
    bench_append(b, 3);
    save_unstored(b, 2);
    snprintf(command, sizeof command, "cp '%.60s/unsaved' '%.60s/again'", b->directory,
             b->directory);
    assert_int_equal(system(command), 0);
    bench_close(b);
    bench_open(b);
    bench_close(b);
    snprintf(command, sizeof command, "mv '%.60s/again' '%.60s/unsaved'", b->directory,
             b->directory);
    assert_int_equal(system(command), 0);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), 5);
    assert_int_equal(b->opening.unsaved_left, 0);
}

// 64 files of 1 MiB hold some 1,000 of these blocks.
static void what_finds_no_room_in_recovered_files_is_said(void **state)
{
    struct ledger_bench *b = *state;
    struct stat st;
    char path[360];
    bench_open(b);
    for (int i = 0; i < 1150; i++) {
        assert_int_equal(bench_append_at(b, T0_US, 1000), OK);
    }
    save_unstored(b, 3);
    ledger_report_damage(b->ledger, "for the test");
    close_whole(b);
    assert_new_log(b, "for the test");
    assert_int_equal(b->opening.recovered_count, 64);
    assert_int_equal(b->opening.left_from, b->opening.recovered_to);
    assert_int_equal(b->opening.left_to, 1153);
    assert_int_equal(b->opening.old_size, 1153);
    assert_recovered(b, 0, b->opening.left_from);
    snprintf(path, sizeof path, "%s/unsaved", b->opening.set_aside);
    assert_int_equal(stat(path, &st), 0);
}

// What SQLite's shell does to the ledger of a daemon that was killed: the last connection takes the
// WAL in and removes it.
static void take_in_with_the_shell(struct ledger_bench *b)
{
    char path[128];
    sqlite3 *db;
    struct stat st;
    path_of(b, "ledger.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM blocks", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    path_of(b, "ledger.db-wal", path);
    assert_int_equal(stat(path, &st), -1);
}

static void write_ahead_log_that_a_shell_took_in_is_no_loss(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    for (int round = 1; round < 6; round++) {
        bench_append(b, 137);
        leave_as_killed(b);
        take_in_with_the_shell(b);
        bench_open(b);
        assert_false(b->opening.new_log);
        assert_int_equal(ledger_size(b->ledger), 137 * round);
    }
}

// However many blocks came since SQLite last took the WAL in: one is enough.
static void write_ahead_log_that_is_gone_is_always_found(void **state)
{
    struct ledger_bench *b = *state;
    char path[128];
    bench_open(b);
    for (int round = 0; round < 12; round++) {
        off_t before = 0, now = 1;
        // Up to the commit that takes it in: the database grows.
        for (before = size_of(b, "ledger.db"); round % 4 && now <= before;) {
            bench_append(b, 1);
            now = size_of(b, "ledger.db");
        }
        bench_append(b, 1 + round);
        leave_as_killed(b);
        path_of(b, "ledger.db-wal", path);
        assert_int_equal(unlink(path), 0);
        path_of(b, "ledger.db-shm", path);
        assert_int_equal(unlink(path), 0);
        assert_new_log(b, "gone");
    }
}

// Where a crash can break off the way from a damaged ledger to the first block of the new log.
static void recovery_goes_on_wherever_it_was_broken_off(void **state)
{
    static const char *const until[] = {
        "mkdir set-aside-x",
        "mkdir set-aside-x && mv ledger.db-wal set-aside-x",
        "mkdir set-aside-x && mv ledger.db-wal ledger.db set-aside-x",
        "mkdir set-aside-x && mv ledger.db* set-aside-x",
        "mkdir set-aside-x && mv ledger.db* set-aside-x && echo it was bad > set-aside-x/why",
        "mkdir set-aside-x && mv ledger.db* set-aside-x && echo it was bad > set-aside-x/why && "
        "touch ledger.db",
    };
    struct ledger_bench *b = *state;
    char command[512];
    for (size_t i = 0; i < sizeof until / sizeof *until; i++) {
        b->previous = (struct digest){0};
        bench_open(b);
        ledger_declare_uplink(b->ledger, "city", true, &b->why);
        bench_append(b, 9);
        ledger_note_cursor(b->ledger, "city", 4);
        bench_append(b, 1);
        ledger_report_damage(b->ledger, "it was bad");
        leave_as_killed(b);
        snprintf(command, sizeof command,
                 "cd '%s' && %s && printf '%s\\nset-aside-x\\nopen 9\\n' > lock", b->directory,
                 until[i], old_origin);
        assert_int_equal(system(command), 0);
        assert_new_log(b, i > 0 && i < 4 ? "while it was set aside" : "it was bad");
        assert_recovered(b, 4, 10);
        bench_close(b);
        bench_open(b);
        assert_false(b->opening.new_log);
        bench_close(b);
        snprintf(command, sizeof command, "rm -rf '%s' && mkdir '%s'", b->directory, b->directory);
        assert_int_equal(system(command), 0);
    }
}

// Killed after the new log was begun and before its first block: what says why would be lost.
static void new_log_without_a_block_is_begun_again(void **state)
{
    struct ledger_bench *b = *state;
    char folder[256];
    bench_open(b);
    ledger_declare_uplink(b->ledger, "city", true, &b->why);
    bench_append(b, 9);
    ledger_report_damage(b->ledger, "it was bad");
    close_whole(b);
    b->previous = (struct digest){0};
    bench_open(b);
    assert_true(b->opening.new_log);
    snprintf(folder, sizeof folder, "%s", b->opening.set_aside);
    for (int i = 0; i < 3; i++) {
        bench_close(b);
        bench_open(b);
        assert_true(b->opening.new_log && !b->opening.fresh);
        assert_string_equal(b->opening.set_aside, folder);
    }
    bench_close(b);
    assert_new_log(b, "it was bad");
    assert_recovered(b, 0, 9);
    bench_close(b);
    bench_open(b);
    assert_false(b->opening.new_log);
}

// A child appends and says so through a pipe; it is killed at a random moment.
static void append_until_killed(struct ledger_bench *b, int pipe_fd)
{
    if (ledger_open(&b->ledger, &b->options, &b->opening, &b->why) != OK ||
        b->opening.new_log != b->opening.fresh) {
        _exit(1);
    }
    b->previous = ledger_tip(b->ledger);
    ledger_declare_uplink(b->ledger, "city", true, &b->why);
    for (;;) {
        uint64_t size = ledger_size(b->ledger);
        if (bench_append_at(b, T0_US + (int64_t)size, 20) != OK) {
            _exit(2);
        }
        ledger_note_cursor(b->ledger, "city", size);
        size++;
        if (write(pipe_fd, &size, sizeof size) != (ssize_t)sizeof size) {
            _exit(3);
        }
    }
}

static void what_was_appended_survives_kill_9_fifty_times(void **state)
{
    struct ledger_bench *b = *state;
    uint64_t acknowledged = 0;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    for (int round = 0; round < 50; round++) {
        int fds[2], status;
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        if (child == 0) {
            close(fds[0]);
            append_until_killed(b, fds[1]);
        }
        close(fds[1]);
        // Every other time, only after the first block: opening is interrupted too.
        struct pollfd first = {.fd = fds[0], .events = POLLIN};
        if (round % 2) {
            assert_int_equal(poll(&first, 1, 20000), 1);
        }
        usleep(5000 + (unsigned)rand_r(&seed) % 40000);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        uint64_t size;
        while (read(fds[0], &size, sizeof size) == (ssize_t)sizeof size) {
            acknowledged = size;
        }
        close(fds[0]);
        bench_open(b); // verifies the chain of the tail
        assert_false(b->opening.new_log && !b->opening.fresh);
        assert_true(ledger_size(b->ledger) >= acknowledged);
        acknowledged = ledger_size(b->ledger);
        bench_close(b);
    }
    struct block_view view = {0};
    struct digest previous = {0};
    bench_read(b);
    for (uint64_t n = 0; n < acknowledged; n++) {
        assert_int_equal(ledger_reader_block(b->reader, n, &b->bytes, &b->why), OK);
        assert_int_equal(block_parse(&view, b->bytes.data, b->bytes.length, &b->why), OK);
        assert_true(view.n == n && memcmp(&view.previous, &previous, sizeof previous) == 0);
        previous = block_leaf(b->bytes.data, b->bytes.length);
    }
    block_view_free(&view);
    assert_true(acknowledged >= 25);
}

static void full_disk_stores_nothing_in_part_and_goes_on_later(void **state)
{
    struct ledger_bench *b = *state;
    struct rlimit before, low;
    struct ledger_status status;
    bench_open(b);
    bench_append(b, 10);
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = (rlim_t)size_of(b, "ledger.db-wal") + 20000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    int error = OK, stored = 10;
    while (error == OK && stored < 1000) {
        error = bench_append_at(b, T0_US, 20);
        stored += error == OK;
    }
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, old);
    if (error != ERROR_FULL) {
        fail_msg("%d: %s", error, b->why.text);
    }
    assert_int_equal(ledger_size(b->ledger), stored);
    ledger_status(b->ledger, &status);
    assert_true(status.full && !status.failed && status.last_fault[0]);
    bench_append(b, 5);
    ledger_status(b->ledger, &status);
    assert_true(!status.full && !status.last_fault[0]);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), stored + 5);
}

#define HOUR_US (INT64_C(3600) * 1000000)

// The files as they are after `blocks` large ones more.
static void grow(struct ledger_bench *b, int blocks)
{
    for (int i = 0; i < blocks; i++) {
        assert_int_equal(bench_append_at(b, T0_US, 1000), OK);
    }
}

static void disk_that_will_soon_be_full_is_an_alarm_once(void **state)
{
    struct ledger_bench *b = *state;
    struct ledger_status status;
    double hours;
    bench_open(b);
    grow(b, 50);
    b->clock.mono_us += 1000;
    // At some 700 KB a millisecond no disk lasts; but so little may be the WAL's own first growth.
    assert_int_equal(ledger_judge_room(b->ledger, &hours), 0);
    assert_true(isinf(hours));
    grow(b, 450);
    b->clock.mono_us += 1000;
    assert_int_equal(ledger_judge_room(b->ledger, &hours), 1);
    assert_true(hours < 72);
    assert_int_equal(ledger_judge_room(b->ledger, &hours), 0);
    ledger_status(b->ledger, &status);
    assert_true(status.filling && !status.full);
    // Between the two limits it stays; beyond the upper one it ends, once.
    double slower = 84 / hours;
    int64_t took_us = 2000;
    b->clock.mono_us += (int64_t)((double)took_us * (slower - 1));
    assert_int_equal(ledger_judge_room(b->ledger, &hours), 0);
    assert_true(hours > 72 && hours < 96);
    ledger_status(b->ledger, &status);
    assert_true(status.filling);
    b->clock.mono_us += (int64_t)((double)took_us * slower);
    assert_int_equal(ledger_judge_room(b->ledger, &hours), -1);
    assert_true(hours > 96);
    assert_int_equal(ledger_judge_room(b->ledger, &hours), 0);
    ledger_status(b->ledger, &status);
    assert_false(status.filling);
}

// What was written before the last day or two says nothing of the rate.
static void rate_of_growth_is_that_of_the_last_days(void **state)
{
    struct ledger_bench *b = *state;
    double hours;
    bench_open(b);
    grow(b, 500);
    for (int i = 0; i < 3; i++) {
        b->clock.mono_us += 24 * HOUR_US;
        ledger_judge_room(b->ledger, &hours);
    }
    assert_true(isinf(hours));
    b->clock.mono_us += HOUR_US;
    grow(b, 500);
    ledger_judge_room(b->ledger, &hours);
    assert_true(isfinite(hours));
}

static void folder_that_cannot_be_written_is_said_at_once(void **state)
{
    struct ledger_bench *b = *state;
    b->options.directory = "/proc/self/no-such-place";
    assert_int_equal(ledger_open(&b->ledger, &b->options, &b->opening, &b->why), ERROR_SYSTEM);
    assert_non_null(strstr(b->why.text, "cannot make the data folder /proc/self/no-such-place"));
    b->options.directory = "/proc/self";
    assert_int_equal(ledger_open(&b->ledger, &b->options, &b->opening, &b->why), ERROR_SYSTEM);
    assert_non_null(strstr(b->why.text, "cannot write to the data folder /proc/self"));
    b->options.directory = b->directory;
}

static void reserve_is_really_written(void **state)
{
    struct ledger_bench *b = *state;
    struct stat st;
    char path[128];
    bench_open(b);
    path_of(b, "reserve", path);
    assert_int_equal(ledger_reserve_hold(b->ledger, &b->why), OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 1 << 20);
    assert_true(st.st_blocks >= 2048);
    ledger_reserve_release(b->ledger);
    assert_int_equal(stat(path, &st), -1);
}

static uint64_t prune(struct ledger_bench *b, int64_t keep_us, int64_t keep_bytes)
{
    uint64_t pruned;
    assert_int_equal(ledger_prune(b->ledger, keep_us, keep_bytes, &pruned, &b->why), OK);
    return pruned;
}

static void old_tiles_are_pruned_and_still_proved(void **state)
{
    struct ledger_bench *b = *state;
    struct digest before, after, leaf, proof[MERKLE_PROOF_MAX];
    size_t count;
    bench_open(b);
    bench_append(b, 600); // one every 10 s
    bench_read(b);
    assert_int_equal(ledger_reader_root(b->reader, 600, &before, &b->why), OK);
    b->clock.mono_us += DAY_US;
    assert_int_equal(prune(b, 2 * DAY_US, 0), 0);
    assert_int_equal(prune(b, DAY_US / 2, 0), 256);
    assert_int_equal(prune(b, DAY_US / 2, 0), 256);
    assert_int_equal(prune(b, DAY_US / 2, 0), 0); // the tile that is not full stays
    uint64_t first, size, n = 0;
    bench_read(b);
    assert_int_equal(ledger_reader_extent(b->reader, &first, &size, &b->why), OK);
    assert_true(first == 512 && size == 600);
    assert_int_equal(ledger_reader_block(b->reader, 511, &b->bytes, &b->why), ERROR_ABSENT);
    assert_int_equal(ledger_reader_root(b->reader, 600, &after, &b->why), OK);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(ledger_reader_leaf(b->reader, 100, &leaf, &b->why), OK);
    assert_int_equal(ledger_reader_inclusion(b->reader, 100, 600, proof, &count, &b->why), OK);
    assert_int_equal(merkle_check_inclusion(&leaf, 100, 600, proof, count, &after), OK);
    assert_int_equal(ledger_reader_next_in_time(b->reader, T0_US, T0_US + DAY_US, &n, &b->why), OK);
    assert_int_equal(n, 512);
    bench_close(b);
    bench_open(b);
    assert_int_equal(ledger_size(b->ledger), 600);
    bench_append(b, 1);
}

// Ten years ahead, back to 1970, or off: the clock on the wall makes nothing older or younger.
static int append_entry(struct ledger_bench *b)
{
    struct ledger_block block;
    void *room = malloc(ZSTD_compressBound(BLOCK_BYTES_MAX));
    bench_make_block(b, ledger_size(b->ledger), T0_US, 1, &b->bytes, &block);
    bench_pack(&b->bytes, &block, room);
    block.has_entry = true;
    int error = ledger_append(b->ledger, &block, 1, &b->why);
    free(room);
    return error;
}

static int next_entry(struct ledger_bench *b, uint64_t *n)
{
    return ledger_reader_next_entry(b->reader, n, &b->why);
}

static void entries_are_found_until_their_blocks_are_pruned(void **state)
{
    struct ledger_bench *b = *state;
    uint64_t n = 0;
    bench_open(b);
    bench_append(b, 100);
    assert_int_equal(append_entry(b), OK);
    bench_append(b, 199);
    assert_int_equal(append_entry(b), OK);
    assert_int_equal(append_entry(b), OK);
    bench_append(b, 1);
    bench_read(b);
    assert_true(next_entry(b, &n) == OK && n == 100 && next_entry(b, &n) == OK && n == 100);
    n++;
    assert_true(next_entry(b, &n) == OK && n == 300);
    n++;
    assert_true(next_entry(b, &n) == OK && n == 301);
    n++;
    assert_int_equal(next_entry(b, &n), ERROR_ABSENT);
    n = UINT64_MAX;
    assert_int_equal(next_entry(b, &n), ERROR_ABSENT);
    b->clock.mono_us += DAY_US;
    assert_int_equal(prune(b, DAY_US / 2, 0), 256);
    n = 0;
    assert_true(next_entry(b, &n) == OK && n == 300);
}

// A ledger that was last written before there were entries is read, and gone on with.
static void ledger_without_entries_gets_them(void **state)
{
    struct ledger_bench *b = *state;
    char path[128];
    sqlite3 *db;
    uint64_t n = 0;
    bench_open(b);
    bench_append(b, 3);
    close_whole(b);
    path_of(b, "ledger.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE entries", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    bench_read(b);
    assert_int_equal(next_entry(b, &n), ERROR_ABSENT);
    bench_open(b);
    assert_string_equal(b->opening.reason, "");
    assert_int_equal(append_entry(b), OK);
    assert_true(next_entry(b, &n) == OK && n == 3);
}

static void clock_that_is_set_prunes_nothing_for_age(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    ledger_declare_uplink(b->ledger, "city", true, &b->why);
    bench_append(b, 600);
    ledger_note_cursor(b->ledger, "city", 600);
    assert_int_equal(ledger_settle(b->ledger, true, &b->why), OK);
    b->clock.wall_us = T0_US + 3653 * DAY_US;
    assert_int_equal(prune(b, DAY_US, 0), 0);
    assert_int_equal(prune(b, 0, 1), 0); // the 30 days beyond a receipt are no shorter either
    bench_close(b);
    bench_open(b); // with that clock from the start
    assert_int_equal(prune(b, DAY_US, 0), 0);
    ledger_declare_uplink(b->ledger, "city", false, &b->why);
    b->clock.wall_us = 0;
    b->clock.mono_us += 2 * DAY_US;
    assert_int_equal(prune(b, DAY_US, 0), 256);
}

// The age of what is kept goes on over restarts, killed ones too, and boots, which begin the
// monotonic clock again.
static void age_is_counted_over_every_run(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    bench_append(b, 256);
    for (int run = 0; run < 4; run++) {
        assert_int_equal(prune(b, DAY_US, 0), 0);
        b->clock.mono_us += DAY_US / 4;
        bench_append(b, 1);
        bench_close(b);
        b->clock.mono_us = 1000000;
        snprintf(b->run, sizeof b->run, "%032x", run);
        bench_open(b);
        bench_append(b, 1);
    }
    assert_int_equal(prune(b, DAY_US, 0), 256);
}

static void nothing_is_pruned_within_30_days_of_a_required_receipt(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    ledger_declare_uplink(b->ledger, "city", true, &b->why);
    ledger_declare_uplink(b->ledger, "cloud", false, &b->why);
    bench_append(b, 600);
    b->clock.mono_us += 100 * DAY_US;
    assert_int_equal(prune(b, 1, 1), 0); // not acknowledged
    ledger_note_cursor(b->ledger, "city", 300);
    assert_int_equal(ledger_settle(b->ledger, true, &b->why), OK);
    b->clock.mono_us += 30 * DAY_US - 1;
    assert_int_equal(prune(b, 1, 1), 0);
    b->clock.mono_us += 1;
    assert_int_equal(prune(b, 1, 1), 256);
    assert_int_equal(prune(b, 1, 1), 0); // 300 is not the end of a tile
}

static void ledger_beyond_its_size_is_pruned_and_its_pages_used_again(void **state)
{
    struct ledger_bench *b = *state;
    bench_open(b);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(bench_append_at(b, T0_US + i, 100), OK);
    }
    while (prune(b, 0, 500000) > 0) {
    }
    bench_close(b);
    off_t before = size_of(b, "ledger.db");
    bench_open(b);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(bench_append_at(b, T0_US + i, 100), OK);
    }
    bench_close(b);
    assert_true(size_of(b, "ledger.db") <= before + 65536);
}

static void files_go_with_the_last_block_that_needs_them(void **state)
{
    struct ledger_bench *b = *state;
    struct digest one, two, both;
    struct text out = text_make(1000);
    bench_open(b);
    ledger_put_file(b->ledger, "driver", "one", 3, &one, &b->why);
    ledger_put_file(b->ledger, "driver", "two", 3, &two, &b->why);
    ledger_put_file(b->ledger, "driver", "both", 4, &both, &b->why);
    struct digest old[] = {one, both}, new[] = {two, both};
    ledger_put_definitions(b->ledger, 0, &one, old, 2, &b->why);
    bench_append(b, 500);
    ledger_put_definitions(b->ledger, 500, &two, new, 2, &b->why);
    bench_append(b, 600);
    b->clock.mono_us += DAY_US;
    assert_int_equal(prune(b, 1, 0), 256);
    bench_read(b);
    assert_int_equal(ledger_reader_file(b->reader, &one, &out, &b->why), OK);
    assert_int_equal(prune(b, 1, 0), 256); // blocks 512 … need only the new ones
    assert_int_equal(ledger_reader_file(b->reader, &one, &out, &b->why), ERROR_ABSENT);
    assert_int_equal(ledger_reader_file(b->reader, &two, &out, &b->why), OK);
    assert_int_equal(ledger_reader_file(b->reader, &both, &out, &b->why), OK);
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
        TEST(damaged_tail_is_found_and_the_rest_goes_along),
        TEST(database_that_is_none_is_set_aside_whole),
        TEST(database_that_is_gone_is_a_new_log_and_not_a_fresh_one),
        TEST(new_log_takes_along_what_was_not_acknowledged_and_the_numbers_of_points),
        TEST(ledger_of_other_names_is_refused_and_left_as_it_is),
        TEST(ledger_of_a_newer_program_is_refused_and_left_as_it_is),
        TEST(damaged_write_ahead_log_is_not_taken_for_a_short_one),
        TEST(damaged_write_ahead_log_is_found_without_its_index_too),
        TEST(write_ahead_log_torn_in_its_last_transaction_is_sound),
        TEST(random_bytes_over_pages_never_crash_nor_pass),
        TEST(random_bytes_as_a_length_are_damage),
        TEST(damage_found_while_running_begins_a_new_log_at_the_next_start),
        TEST(block_that_could_not_be_stored_is_appended_at_the_next_start),
        TEST(unsaved_blocks_of_any_number_are_taken_in),
        TEST(lines_of_unsaved_that_are_no_blocks_are_kept_and_said),
        TEST(unsaved_that_was_taken_in_before_is_no_finding),
        TEST(what_finds_no_room_in_recovered_files_is_said),
        TEST(write_ahead_log_that_a_shell_took_in_is_no_loss),
        TEST(write_ahead_log_that_is_gone_is_always_found),
        TEST(recovery_goes_on_wherever_it_was_broken_off),
        TEST(new_log_without_a_block_is_begun_again),
        TEST(what_was_appended_survives_kill_9_fifty_times),
        TEST(full_disk_stores_nothing_in_part_and_goes_on_later),
        TEST(disk_that_will_soon_be_full_is_an_alarm_once),
        TEST(rate_of_growth_is_that_of_the_last_days),
        TEST(folder_that_cannot_be_written_is_said_at_once),
        TEST(reserve_is_really_written),
        TEST(old_tiles_are_pruned_and_still_proved),
        TEST(entries_are_found_until_their_blocks_are_pruned),
        TEST(ledger_without_entries_gets_them),
        TEST(clock_that_is_set_prunes_nothing_for_age),
        TEST(age_is_counted_over_every_run),
        TEST(nothing_is_pruned_within_30_days_of_a_required_receipt),
        TEST(ledger_beyond_its_size_is_pruned_and_its_pages_used_again),
        TEST(files_go_with_the_last_block_that_needs_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
