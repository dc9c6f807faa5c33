// Roll-ups against a brute-force count over the same readings, through a real ledger; and what they
// are made of.

#include "series/projection.h"
#include "series/quarters.h"
#include "series/runs.h"
#include "series_bench.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define QUARTER_US ROLLUP_QUARTER_US

static struct number number_of_text(const char *text)
{
    return number_parse(text, strlen(text));
}

// --- totals -------------------------------------------------------------------------------------

static void total_of_decimals_is_exact_in_any_order(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static struct number numbers[COUNT];
    int64_t sum = 0; // × 10^-6
    for (int i = 0; i < COUNT; i++) {
        int places = (int)draw(7);
        numbers[i] = (struct number){.kind = NUMBER_DECIMAL,
                                     .exponent = -places,
                                     .mantissa = (int64_t)draw(UINT32_MAX) - INT32_MAX};
        int64_t scaled = numbers[i].mantissa;
        assert_true(number_shift_exact(&scaled, 6 - places));
        sum += scaled;
    }
    for (int again = 0; again < 20; again++) {
        struct total total = {0}, half = {0};
        for (int i = 0; i < COUNT; i++) {
            uint32_t other = draw(COUNT);
            struct number swapped = numbers[i];
            numbers[i] = numbers[other];
            numbers[other] = swapped;
        }
        for (int i = 0; i < COUNT; i++) {
            total_add(i % 2 ? &half : &total, numbers[i]);
        }
        total_merge(&total, &half);
        assert_true(number_shift_exact(&total.mantissa, total.exponent + 6));
        assert_int_equal(total.mantissa, sum);
        assert_true(total.high == 0 && total.low == 0);
    }
}

static double mean_of(size_t count, const char *const *texts)
{
    struct total total = {0};
    for (size_t i = 0; i < count; i++) {
        total_add(&total, number_of_text(texts[i]));
    }
    return total_mean(&total, count);
}
#define MEAN(...)                                                                                  \
    mean_of(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static void mean_has_no_binary_noise(void **state)
{
    (void)state;
    assert_true(MEAN("23.4", "23.5") == 23.45);
    assert_true(MEAN("0.1", "0.2", "0.3") == 0.2);
    assert_true(MEAN("-1234.56") == -1234.56);
    assert_true(MEAN("1", "2", "4") == 7.0 / 3);
    assert_true(MEAN("0", "0.00") == 0);
    assert_true(MEAN("1e22", "1e-22") == 5e21);
    assert_true(MEAN("1e22", "0.0001", "-1e22", "0.0003") == 0.0001);
    assert_true(MEAN("1e300", "1", "-1e300", "2", "\"12345678901234567\"") == 2469135780246914);
}

static void total_goes_on_beyond_64_bits(void **state)
{
    (void)state;
    struct total total = {0};
    struct number big = number_of_text("\"123456789012345678\"");
    for (int i = 0; i < 100000; i++) {
        total_add(&total, big);
        total_add(&total, number_of_text("0.001"));
    }
    assert_true(total.high != 0);
    assert_true(total_mean(&total, 100000) == 123456789012345678.001);
    for (int i = 0; i < 2; i++) {
        total_add(&total, number_of_text("1.7e308"));
    }
    assert_false(isfinite(total_mean(&total, 1)));
}

// --- roll-ups -----------------------------------------------------------------------------------

static void rollup_has_first_and_last_by_time_not_by_arrival(void **state)
{
    (void)state;
    struct rollup rollup = {0};
    rollup_add(&rollup, 500, number_of_text("5"), 0, 0);
    rollup_add(&rollup, 900, number_of_text("9"), 0, 0);
    rollup_add(&rollup, 200, number_of_text("2"), 0, 0);   // late
    rollup_add(&rollup, 200, number_of_text("2.5"), 0, 0); // another of the same time
    rollup_add(&rollup, 900, number_of_text("8"), 0, 0);
    rollup_add(&rollup, 100, number_of_text("null"), 0, 0);
    rollup_add(&rollup, 999, number_of_text("\"open\""), 0, 0);
    assert_int_equal(rollup.count, 5);
    assert_int_equal(rollup.none, 2);
    assert_int_equal(rollup.first_us, 200);
    assert_int_equal(rollup.last_us, 900);
    assert_true(number_to_double(rollup.first) == 2);
    assert_true(number_to_double(rollup.last) == 8);
    assert_true(number_to_double(rollup.minimum) == 2);
    assert_true(number_to_double(rollup.maximum) == 9);
    assert_true(total_mean(&rollup.total, rollup.count) == 5.3);
}

static struct number any_number(void)
{
    switch (draw(3)) {
    case 0: return (struct number){.kind = NUMBER_NONE};
    case 1: return (struct number){.kind = NUMBER_DOUBLE, .real = draw(1000) * 1e250 - 4e252};
    default:
        return (struct number){.kind = NUMBER_DECIMAL,
                               .exponent = (int)draw(45) - 22,
                               .mantissa =
                                   (draw(2) ? 1 : -1) * ((int64_t)draw(UINT32_MAX) << draw(28))};
    }
}

static void assert_same_number(struct number a, struct number b)
{
    assert_int_equal(a.kind, b.kind);
    assert_int_equal(a.mantissa, b.mantissa); // or the double's bits
    assert_int_equal(a.exponent, b.exponent);
}

static void assert_same_rollup(const struct rollup *a, const struct rollup *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->none, b->none);
    assert_int_equal(a->missed, b->missed);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->breaks, b->breaks);
    if (a->count) {
        assert_int_equal(a->bound, b->bound);
        assert_int_equal(a->first_us, b->first_us);
        assert_int_equal(a->last_us, b->last_us);
        assert_same_number(a->first, b->first);
        assert_same_number(a->last, b->last);
        assert_same_number(a->minimum, b->minimum);
        assert_same_number(a->maximum, b->maximum);
        assert_int_equal(a->total.mantissa, b->total.mantissa);
        assert_int_equal(a->total.exponent, b->total.exponent);
        assert_memory_equal(&a->total.high, &b->total.high, sizeof(double));
        assert_memory_equal(&a->total.low, &b->total.low, sizeof(double));
    }
}

static void rollup_gives_back_what_went_in(void **state)
{
    (void)state;
    const int64_t extremes[] = {rollup_quarter_of(INT64_MIN), rollup_quarter_of(INT64_MAX), -1, 0,
                                1994976};
    assert_int_equal(rollup_quarter_of(-1), -1);
    assert_int_equal(rollup_quarter_of(0), 0);
    assert_int_equal(rollup_quarter_of(QUARTER_US), 1);
    assert_int_equal(rollup_quarter_of(-QUARTER_US), -1);
    for (int round = 0; round < 3000; round++) {
        int64_t quarter = extremes[draw(5)];
        struct rollup rollup = {.missed = draw(3), .flags = draw(1024)}, got;
        for (uint32_t i = draw(20); i > 0; i--) {
            uint64_t t_us = (uint64_t)rollup_quarter_start(quarter) + draw(900000000);
            // The first and the last quarter are not whole.
            if (rollup_quarter_of((int64_t)t_us) == quarter) {
                rollup_add(&rollup, (int64_t)t_us, any_number(), draw(1024), (uint8_t)draw(256));
            }
        }
        struct text bytes = text_make(4096);
        rollup_write(&rollup, quarter, &bytes);
        assert_true(bytes.length <= ROLLUP_BYTES_MAX);
        struct unpack from = {.at = (uint8_t *)bytes.data,
                              .end = (uint8_t *)bytes.data + bytes.length};
        assert_int_equal(rollup_read(&got, quarter, &from), OK);
        assert_same_rollup(&got, &rollup);
        size_t cut = draw((uint32_t)bytes.length);
        from = (struct unpack){.at = (uint8_t *)bytes.data, .end = (uint8_t *)bytes.data + cut};
        assert_int_equal(rollup_read(&got, quarter, &from), ERROR_DAMAGED);
        for (int i = 0; i < 20; i++) {
            size_t at = draw((uint32_t)bytes.length);
            bytes.data[at] = (char)(bytes.data[at] ^ (1 + draw(255)));
            from = (struct unpack){.at = (uint8_t *)bytes.data,
                                   .end = (uint8_t *)bytes.data + bytes.length};
            rollup_read(&got, quarter, &from);
        }
        text_free(&bytes);
    }
}

static void bound_is_never_less_than_what_it_is_of(void **state)
{
    (void)state;
    const int64_t most_us = (int64_t)14 << 30;
    uint8_t before = 0;
    for (int64_t us = 0; us <= most_us; us += us / 97 + 1) {
        uint8_t bound = bound_of(us - us / 3, us / 3);
        assert_true(bound_us(bound) >= us && bound_us(bound) <= us + us / 8);
        assert_true(bound >= before && bound < UINT8_MAX);
        assert_int_equal(bound_of(bound_us(bound), 0), bound);
        before = bound;
    }
    assert_int_equal(before, UINT8_MAX - 1);
    assert_true(bound_us(bound_of(most_us, 1)) == INT64_MAX);
    assert_true(bound_us(bound_of(INT64_MAX, INT64_MAX)) == INT64_MAX);
    assert_int_equal(bound_of(INT64_MIN, -1), 0);
}

static void rollup_keeps_the_greatest_bound(void **state)
{
    (void)state;
    struct rollup rollup = {0}, other = {0};
    rollup_add(&rollup, 100, number_of_text("5"), 0, 7);
    rollup_add(&rollup, 200, number_of_text("5"), 0, 40);
    rollup_add(&rollup, 300, number_of_text("5"), 0, 9);
    rollup_add(&rollup, 400, number_of_text("null"), 0, 99);
    assert_int_equal(rollup.bound, 40);
    rollup_add(&other, 500, number_of_text("5"), 0, 41);
    rollup_merge(&rollup, &other);
    assert_int_equal(rollup.bound, 41);
}

static void rollup_tells_whether_readings_rose_with_time(void **state)
{
    (void)state;
    struct rollup rollup = {0}, later = {0}, both = {0};
    rollup_add(&rollup, 100, number_of_text("5"), 0, 0);
    rollup_add(&rollup, 200, number_of_text("5"), 0, 0);
    rollup_add(&rollup, 300, number_of_text("5.5"), 0, 0);
    rollup_add(&rollup, 300, number_of_text("null"), 0, 0);
    assert_int_equal(rollup.breaks, 0);
    rollup_add(&later, 400, number_of_text("5.4"), 0, 0);
    assert_int_equal(later.breaks, 0);
    rollup_merge(&both, &rollup);
    rollup_merge(&both, &later);
    assert_int_equal(both.breaks, 1); // it fell between them
    rollup_add(&rollup, 250, number_of_text("6"), 0, 0);
    assert_int_equal(rollup.breaks, 1); // late
    rollup_add(&rollup, 300, number_of_text("5.5"), 0, 0);
    assert_int_equal(rollup.breaks, 2); // twice
    rollup_add(&rollup, 310, number_of_text("5.4"), 0, 0);
    assert_int_equal(rollup.breaks, 3); // below
    rollup_add(&rollup, 320, number_of_text("5.4"), 0, 0);
    assert_int_equal(rollup.breaks, 3);
}

static void runs_are_a_set(void **state)
{
    (void)state;
    enum { SPAN = 200 };
    for (int round = 0; round < 300; round++) {
        struct runs runs[3] = {{NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}}, again = {NULL, 0, 0};
        bool in[SPAN] = {false};
        uint64_t size = 0;
        for (int which = 0; which < 2; which++) {
            uint32_t sparse = 1 + draw(20);
            for (uint32_t i = 0; i < SPAN; i++) {
                if (draw(sparse) == 0) {
                    assert_int_equal(runs_add(&runs[which], i, i), OK);
                    size += !in[i];
                    in[i] = true;
                }
            }
        }
        assert_int_equal(runs_unite(&runs[0], &runs[1], &runs[2]), OK);
        assert_int_equal(runs_size(&runs[2]), size);
        struct text bytes = text_make(65536);
        runs_write(&runs[2], &bytes);
        const uint8_t *data = (uint8_t *)bytes.data;
        struct unpack from = {.at = data, .end = data + bytes.length};
        assert_int_equal(runs_read(&again, &from), OK);
        assert_int_equal(runs_size(&again), size);
        for (uint32_t i = 0; i < SPAN; i++) {
            bool found;
            from = (struct unpack){.at = data, .end = data + bytes.length};
            assert_int_equal(runs_find(&from, i, &found), OK);
            assert_int_equal(found, in[i]);
        }
        text_free(&bytes);
        free(again.list);
        for (int which = 0; which < 3; which++) {
            free(runs[which].list);
        }
    }
}

// --- through a ledger ---------------------------------------------------------------------------

// The readings of a quarter, counted one by one.
struct counted {
    uint64_t count, none, missed, breaks;
    uint32_t flags;
    const struct kept *first, *last, *minimum, *maximum;
    long double sum, rest, size; // sum + rest: as if summed in twice the width
};

static long double exactly(const struct kept *kept)
{
    return strtold(kept->json + (kept->json[0] == '"'), NULL);
}

// On 32-bit ARM a long double is a double, and a plain sum would be further from the truth than the
// total that it is to judge.
static void count_in(struct counted *c, long double value)
{
    long double sum = c->sum + value;
    c->rest += fabsl(c->sum) >= fabsl(value) ? (c->sum - sum) + value : (value - sum) + c->sum;
    c->sum = sum;
    c->size += fabsl(value);
}

// As far as is told apart: where either is no decimal of 18 digits, as doubles.
static bool is_below(const struct kept *a, const struct kept *b)
{
    bool decimal = number_of_text(a->json).kind == NUMBER_DECIMAL &&
                   number_of_text(b->json).kind == NUMBER_DECIMAL;
    return decimal ? exactly(a) < exactly(b) : a->value < b->value;
}

static struct counted count_by_force(const struct place *place, uint32_t point, int64_t from_us,
                                     int64_t to_us)
{
    struct counted c = {.count = 0};
    for (size_t i = 0; i < place->count; i++) {
        const struct kept *kept = &place->kept[i];
        if (kept->point != point || kept->t_us < from_us || kept->t_us >= to_us) {
            continue;
        }
        c.missed += kept->missed;
        c.none += !kept->missed && isnan(kept->value);
        c.flags |= kept->flags;
        if (kept->missed || isnan(kept->value)) {
            continue;
        }
        c.count++;
        c.breaks += c.last && (kept->t_us <= c.last->t_us || is_below(kept, c.last));
        c.first = !c.first || kept->t_us < c.first->t_us ? kept : c.first;
        c.last = !c.last || kept->t_us >= c.last->t_us ? kept : c.last;
        c.minimum = !c.minimum || exactly(kept) < exactly(c.minimum) ? kept : c.minimum;
        c.maximum = !c.maximum || exactly(kept) > exactly(c.maximum) ? kept : c.maximum;
        count_in(&c, exactly(kept));
    }
    return c;
}

static void assert_number(struct number got, const struct kept *want)
{
    long double number = got.kind == NUMBER_DOUBLE ? (long double)got.real
                         : got.exponent < 0
                             ? (long double)got.mantissa / powl(10, (long double)-got.exponent)
                             : (long double)got.mantissa * powl(10, (long double)got.exponent);
    // A double is the nearest one; a decimal is exact, here to the 64 bits of a long double, or to
    // a double's where a long double is no longer.
    long double text = got.kind == NUMBER_DOUBLE ? (long double)want->value : exactly(want);
    assert_true(number == text ||
                (sizeof(long double) == 8 && number_to_double(got) == (double)text));
}

static void assert_counted(const struct rollup *got, const struct counted *want)
{
    assert_int_equal(got->count, want->count);
    assert_int_equal(got->none, want->none);
    assert_int_equal(got->missed, want->missed);
    assert_int_equal(got->flags, want->flags);
    assert_int_equal(got->breaks, want->breaks);
    if (!want->count) {
        return;
    }
    assert_int_equal(got->first_us, want->first->t_us);
    assert_int_equal(got->last_us, want->last->t_us);
    assert_number(got->first, want->first);
    assert_number(got->last, want->last);
    assert_number(got->minimum, want->minimum);
    assert_number(got->maximum, want->maximum);
    // The mean times the count, so that no division of our own is rounded.
    long double mean = (long double)total_mean(&got->total, got->count);
    long double off = fabsl(fmal(-mean, (long double)want->count, want->sum) + want->rest);
    assert_true(off <= 3e-16L * want->size);
}

#define QUARTERS_ASKED 200

static void assert_true_to_ledger(struct place *place, int64_t from_us)
{
    struct series *series = series_of(place, false);
    struct ledger_reader *reader = reader_of(place);
    static const uint32_t points[] = {1, 2, 3, 4, 5, 6, 7};
    static struct rollup all[7 * QUARTERS_ASKED], one[QUARTERS_ASKED];
    struct why why;
    int64_t first = rollup_quarter_of(from_us);
    assert_int_equal(series_rollups_of(series, reader, points, 7, first, all, QUARTERS_ASKED, &why),
                     OK);
    for (uint32_t point = 1; point <= 7; point++) {
        assert_int_equal(series_rollups(series, reader, point, first, one, QUARTERS_ASKED, &why),
                         OK);
        for (int i = 0; i < QUARTERS_ASKED; i++) {
            struct counted want = count_by_force(place, point, (first + i) * QUARTER_US,
                                                 (first + i + 1) * QUARTER_US);
            assert_counted(&one[i], &want);
            assert_counted(&all[(point - 1) * QUARTERS_ASKED + (uint32_t)i], &want);
        }
    }
    ledger_reader_close(reader);
    series_close(series);
}

// Every byte of the roll-ups.
static void dump(const struct place *place, struct text *out)
{
    static const char *const tables[] = {"rollup", "quarter"};
    char path[128];
    sqlite3 *db;
    path_of(place, path);
    text_clear(out);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (int i = 0; i < 2; i++) {
        char sql[128];
        sqlite3_stmt *rows;
        snprintf(sql, sizeof sql, "SELECT id || ' ' || hex(body) || char(10) FROM %s ORDER BY id",
                 tables[i]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
        while (sqlite3_step(rows) == SQLITE_ROW) {
            text_append_string(out, (const char *)sqlite3_column_text(rows, 0));
        }
        sqlite3_finalize(rows);
    }
    sqlite3_close(db);
    assert_false(out->failed);
    assert_true(out->length > 0);
}

static void assert_same_when_rebuilt(struct place *place, uint64_t step)
{
    struct text before = text_make(64u << 20), after = text_make(64u << 20);
    char path[128];
    dump(place, &before);
    path_of(place, path);
    shelf_delete(path);
    build(place, step);
    dump(place, &after);
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.data, after.data, before.length);
    text_free(&before);
    text_free(&after);
}

static void rollups_agree_with_blocks_when_nothing_is_built(void **state)
{
    struct place *place = *state;
    record_history(place, 4000);
    assert_true_to_ledger(place, START_US - 50 * QUARTER_US);
}

static void rollups_agree_with_blocks_over_many_steps(void **state)
{
    struct place *place = *state;
    record_history(place, 4000);
    build(place, 1);
    record_history(place, 300); // the tail
    assert_true(state_of(place).next_n < ledger_size(place->ledger));
    assert_true_to_ledger(place, START_US - 50 * QUARTER_US);
}

static void rollups_are_the_same_bytes_whatever_the_steps(void **state)
{
    struct place *place = *state;
    for (int i = 0; i < 4; i++) { // in as many lives of the builder
        record_history(place, 500);
        build(place, 1 + draw(4));
    }
    assert_same_when_rebuilt(place, 7);
    assert_same_when_rebuilt(place, 1000);
    assert_true_to_ledger(place, START_US - 50 * QUARTER_US);
}

// Takes in and writes a block at a time, and says so, until nothing is left.
static void write_and_tell(struct place *place, int tell)
{
    struct series *series = series_of(place, true);
    struct ledger_reader *reader = reader_of(place);
    struct why why;
    for (bool more = true; more;) {
        assert_int_equal(series_update(series, reader, 1, &more, &why), OK);
        assert_int_equal(series_flush(series, &why), OK);
        assert_int_equal(write(tell, "", 1), 1);
    }
    ledger_reader_close(reader);
    series_close(series);
}

// Lets a child write some steps and kills it at any moment of the next. False: it was done before.
static bool write_until_killed(struct place *place)
{
    int ends[2], status;
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        write_and_tell(place, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    for (uint32_t steps = 1 + draw(9); steps && read(ends[0], &byte, 1) == 1; steps--) {
    }
    usleep(draw(2000));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(ends[0]);
    return WIFSIGNALED(status);
}

static void rollups_neither_lose_nor_count_twice_when_killed(void **state)
{
    struct place *place = *state;
    int killed = 0;
    record_history(place, 4000);
    while (write_until_killed(place)) {
        killed++;
    }
    assert_true(killed > 5);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    assert_same_when_rebuilt(place, 1000);
    assert_true_to_ledger(place, START_US - 50 * QUARTER_US);
}

static void rollups_are_never_given_damaged_as_true(void **state)
{
    struct place *place = *state;
    record_history(place, 2000);
    for (int i = 0; i < 8; i++) {
        char path[128];
        path_of(place, path);
        shelf_delete(path);
        build(place, 2);
        damage(place, 4096, 12);
        assert_true_to_ledger(place, START_US - 50 * QUARTER_US);
    }
}

static int run_sql(const struct place *place, const char *sql)
{
    char path[128];
    sqlite3 *db;
    path_of(place, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    int changed = sqlite3_changes(db);
    sqlite3_close(db);
    return changed;
}

static void rollups_that_are_gone_are_missed(void **state)
{
    struct place *place = *state;
    static const char *const losses[] = {
        "DELETE FROM rollup WHERE id = (SELECT min(id) FROM rollup WHERE id % 16777216 = 3)",
        "DELETE FROM quarter WHERE id = (SELECT min(id) FROM quarter)",
        "UPDATE quarter SET id = id + 1000000 WHERE id = (SELECT min(id) FROM quarter)",
        "UPDATE rollup SET id = -id WHERE id = (SELECT max(id) FROM rollup)", "DELETE FROM rollup"};
    record_history(place, 1000);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        char path[128];
        path_of(place, path);
        shelf_delete(path);
        build(place, 2);
        assert_true(run_sql(place, losses[i]) > 0);
        assert_true_to_ledger(place, START_US - 50 * QUARTER_US); // from the blocks
    }
    // The builder notices a row that is gone when it should add to it.
    record_history(place, 10);
    place->t_us = START_US;
    record_history(place, 10);
    build(place, 1);
    build(place, 1); // the file may have been begun anew at the last block
    assert_same_when_rebuilt(place, 3);
}

// The file of a version that had no roll-ups.
static void make_old(const struct place *place)
{
    run_sql(place, "DROP TABLE rollup");
    run_sql(place, "DROP TABLE quarter; PRAGMA user_version = 1");
}

static void old_file_is_made_anew_by_the_daemons_builder(void **state)
{
    struct place *place = *state;
    record_history(place, 6500); // more than a step
    build(place, 100);
    make_old(place);
    assert_true_to_ledger(place, START_US - 50 * QUARTER_US); // readers go to the blocks
    assert_true(run_builder(place).quarters > 0);
    assert_true_to_ledger(place, START_US - 50 * QUARTER_US);
    build(place, 1000);
    assert_same_when_rebuilt(place, 11);
}

static void rollups_of_misses_alone_are_kept(void **state)
{
    struct place *place = *state;
    for (int i = 0; i < 500; i++) {
        add_miss(place, 7, place->t_us += 10000000);
    }
    close_block(place);
    build(place, 1);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    assert_true(state_of(place).quarters > 0);
    assert_true_to_ledger(place, START_US);
}

static void update(struct place *place, struct series *series)
{
    struct ledger_reader *reader = reader_of(place);
    struct why why;
    bool more = true;
    while (more) {
        assert_int_equal(series_update(series, reader, 100, &more, &why), OK);
    }
    ledger_reader_close(reader);
}

// They fill no step: what is read again after a crash is an hour of them at most.
static void misses_alone_are_written_after_an_hour(void **state)
{
    const int64_t minute_us = 60 * INT64_C(1000000);
    struct place *place = *state;
    struct series *series = series_of(place, true);
    for (int i = 0; i < 40000; i++) { // more than the readings of a step
        add_miss(place, 7, place->t_us += 1000000);
    }
    update(place, series);
    assert_int_equal(state_of(place).quarters, 0);
    series->since_us -= 59 * minute_us;
    for (size_t i = 0; i < place->block_readings; i++) {
        add_miss(place, 7, place->t_us += 1000000);
    }
    update(place, series);
    assert_int_equal(state_of(place).quarters, 0);
    series->since_us -= 2 * minute_us;
    update(place, series);
    assert_true(state_of(place).quarters > 0);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    series_close(series);
    assert_same_when_rebuilt(place, 11);
}

static void rollups_take_any_time(void **state)
{
    struct place *place = *state;
    const int64_t times[] = {-1,         0,         1,        -QUARTER_US, QUARTER_US - 1,
                             -INT64_MAX, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        add(place, 1, times[i], value_of(1, i));
        add_miss(place, 2, times[i]);
    }
    close_block(place);
    assert_true_to_ledger(place, -100 * QUARTER_US);
    build(place, 1);
    assert_int_equal(state_of(place).quarters, 4);
    assert_true_to_ledger(place, -100 * QUARTER_US);
    assert_same_when_rebuilt(place, 1);
}

// What could not be written is neither lost nor counted twice when it can be.
static void rollups_outlive_a_full_disk(void **state)
{
    struct place *place = *state;
    struct rlimit limit, small = {.rlim_cur = 4096};
    record_history(place, 800);
    build(place, 3);
    record_history(place, 800);
    struct series *series = series_of(place, true);
    struct ledger_reader *reader = reader_of(place);
    struct why why;
    bool more;
    assert_int_equal(series_update(series, reader, 1000, &more, &why), OK);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small.rlim_max = limit.rlim_max;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        int error = series_flush(series, &why);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_not_equal(error, OK);
    }
    assert_int_equal(series_flush(series, &why), OK);
    assert_int_equal(state_of(place).next_n, ledger_size(place->ledger));
    ledger_reader_close(reader);
    series_close(series);
    assert_true_to_ledger(place, START_US - 50 * QUARTER_US);
    assert_same_when_rebuilt(place, 5);
}

// A roll-up goes with the series of the last block that added to it, and not before.
static void rollups_go_with_their_blocks(void **state)
{
    struct place *place = *state;
    struct why why;
    uint64_t pruned = 0;
    place->t_us = START_US - 300 * QUARTER_US;
    record_history(place, 12000); // some 360 blocks
    place->t_us += 100 * QUARTER_US;
    record_history(place, 12000);
    build(place, 2);
    uint64_t before = state_of(place).quarters;
    assert_int_equal(ledger_prune(place->ledger, INT64_MAX, 1, &pruned, &why), OK);
    assert_true(pruned >= 256);
    struct series *series = series_of(place, true);
    struct ledger_reader *reader = reader_of(place);
    bool more;
    for (int i = 0; i < 20; i++) { // a stretch at a time
        assert_int_equal(series_update(series, reader, 1, &more, &why), OK);
    }
    series_close(series);
    struct shelf_state now = state_of(place);
    assert_true(now.first_stretch > 0 && now.quarters < before && now.quarters > 0);
    // Blocks whose series are there; the rest is of quarters that have nothing of these.
    uint64_t gone = now.first_stretch * SHELF_STRETCH_STEPS * 2;
    struct rollup got[1024];
    series = series_of(place, false);
    int64_t first = rollup_quarter_of(START_US) - 400;
    int full = 0, empty = 0;
    assert_int_equal(series_rollups(series, reader, 1, first, got, 1024, &why), OK);
    for (int i = 0; i < 1024; i++) {
        int64_t from_us = (first + i) * QUARTER_US;
        uint64_t last_n = 0;
        for (size_t k = 0; k < place->count; k++) {
            bool in = rollup_quarter_of(place->kept[k].t_us) == first + i;
            last_n = in && place->kept[k].n > last_n ? place->kept[k].n : last_n;
        }
        struct counted want = count_by_force(place, 1, from_us, from_us + QUARTER_US);
        if (last_n >= gone) {
            assert_counted(&got[i], &want);
            full += want.count > 0;
        } else {
            assert_int_equal(got[i].count + got[i].none + got[i].missed, 0);
            empty += want.count > 0;
        }
    }
    assert_true(full > 0 && empty > 0);
    ledger_reader_close(reader);
    series_close(series);
}

static void rollups_refuse_a_question_without_an_answer(void **state)
{
    struct place *place = *state;
    struct rollup got[2];
    struct why why;
    record_history(place, 10);
    struct series *series = series_of(place, false);
    struct ledger_reader *reader = reader_of(place);
    assert_int_equal(series_rollups(series, reader, 1, 0, got, 0, &why), ERROR_RANGE);
    assert_int_equal(series_rollups(series, reader, 1, 0, got, SERIES_QUARTERS_MAX + 1, &why),
                     ERROR_RANGE);
    assert_int_equal(series_rollups(series, reader, 1, INT64_MAX, got, 2, &why), ERROR_RANGE);
    assert_int_equal(series_rollups(series, reader, 1, INT64_MIN, got, 2, &why), ERROR_RANGE);
    ledger_reader_close(reader);
    series_close(series);
}

int main(void)
{
#define WITH_LEDGER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_LEDGER(total_of_decimals_is_exact_in_any_order),
        cmocka_unit_test(mean_has_no_binary_noise),
        cmocka_unit_test(total_goes_on_beyond_64_bits),
        cmocka_unit_test(rollup_has_first_and_last_by_time_not_by_arrival),
        cmocka_unit_test(bound_is_never_less_than_what_it_is_of),
        cmocka_unit_test(rollup_keeps_the_greatest_bound),
        cmocka_unit_test(rollup_tells_whether_readings_rose_with_time),
        WITH_LEDGER(rollup_gives_back_what_went_in),
        WITH_LEDGER(runs_are_a_set),
        WITH_LEDGER(rollups_agree_with_blocks_when_nothing_is_built),
        WITH_LEDGER(rollups_agree_with_blocks_over_many_steps),
        WITH_LEDGER(rollups_are_the_same_bytes_whatever_the_steps),
        WITH_LEDGER(rollups_neither_lose_nor_count_twice_when_killed),
        WITH_LEDGER(rollups_are_never_given_damaged_as_true),
        WITH_LEDGER(rollups_that_are_gone_are_missed),
        WITH_LEDGER(old_file_is_made_anew_by_the_daemons_builder),
        WITH_LEDGER(rollups_of_misses_alone_are_kept),
        WITH_LEDGER(misses_alone_are_written_after_an_hour),
        WITH_LEDGER(rollups_take_any_time),
        WITH_LEDGER(rollups_outlive_a_full_disk),
        WITH_LEDGER(rollups_go_with_their_blocks),
        WITH_LEDGER(rollups_refuse_a_question_without_an_answer),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
