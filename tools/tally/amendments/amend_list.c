#include "amendments/amend_list.h"

#include "common/show.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX  (64u << 20)
#define CELL_MAX 4096

static const char *state_word(enum amended_state state)
{
    static const char *const words[] = {[AMENDED_HOLDS] = "holds",
                                        [AMENDED_SUPERSEDED] = "superseded",
                                        [AMENDED_PRUNED] = "pruned",
                                        [AMENDED_NOTHING] = "no such reading"};
    return words[state];
}

static int by_record(const void *a, const void *b)
{
    const struct amended *x = *(const struct amended *const *)a;
    const struct amended *y = *(const struct amended *const *)b;
    if (x->n != y->n) {
        return x->n < y->n ? -1 : 1;
    }
    return x->event < y->event ? -1 : x->event > y->event;
}

// --- JSON: an array, an element a line

void amend_list_append_json(const struct amended *one, struct text *out)
{
    static const char *const words[] = {[AMENDMENT_VALUE] = "amended",
                                        [AMENDMENT_VOID] = "void",
                                        [AMENDMENT_WITHDRAWN] = "as recorded"};
    char utc[32];
    clock_format_utc(one->t_us, utc);
    text_append_format(out, "\"outcome\":\"%s\",\"value\":", words[one->what.kind]);
    amendment_append_json(
        one->what.kind == AMENDMENT_WITHDRAWN ? one->what.recorded : one->what.value, out);
    text_append_string(out, ",\"by\":");
    text_append_json(out, one->account);
    text_append_format(out,
                       ",\"user\":%u,\"on_record_us\":%" PRId64
                       ",\"on_record\":\"%s\",\"on_record_block\":%" PRIu64
                       ",\"event\":%zu,\"reason\":",
                       one->user, one->t_us, utc, one->n, one->event);
    text_append_json(out, one->what.reason);
    text_append_format(out, ",\"state\":\"%s\"", state_word(one->state));
}

static void json_one(const struct amended *one, bool first, struct text *out)
{
    char utc[32];
    clock_format_utc(one->what.t_us, utc);
    text_append_string(out, first ? "\n{\"name\":" : ",\n{\"name\":");
    text_append_json(out, one->name);
    text_append_format(out,
                       ",\"point\":%" PRIu32 ",\"t_us\":%" PRId64
                       ",\"time\":\"%s\",\"block\":%" PRIu64 ",\"index\":%" PRIu32 ",\"recorded\":",
                       one->what.point, one->what.t_us, utc, one->what.block, one->what.index);
    amendment_append_json(one->what.recorded, out);
    text_append_string(out, ",\"unit\":");
    text_append_json(out, one->what.unit);
    text_append_string(out, ",");
    amend_list_append_json(one, out);
    text_append_string(out, "}");
}

// --- table

static void add_time(struct show_table *table, int64_t t_us)
{
    struct text cell = text_make(64);
    show_append_local(&cell, t_us);
    show_table_add(table, cell.data);
    text_free(&cell);
}

static void add_row(struct show_table *table, const struct amended *one)
{
    struct text outcome = text_make(CELL_MAX);
    amendment_append_outcome(&one->what, &outcome);
    show_table_add(table, one->name);
    add_time(table, one->what.t_us);
    show_table_add_format(table, "%" PRIu64, one->what.block);
    show_table_add_format(table, "%s %s", *one->what.recorded ? one->what.recorded : "—",
                          *one->what.recorded ? one->what.unit : "");
    show_table_add(table, outcome.data);
    show_table_add(table, state_word(one->state));
    show_table_add_format(table, "%s (user %u)", one->account, one->user);
    add_time(table, one->t_us);
    show_table_add_format(table, "%" PRIu64, one->n);
    show_table_add(table, one->what.reason);
    text_free(&outcome);
}

static void print_table(const struct amended *const *list, size_t count, struct text *out)
{
    static const char *const headings[] = {"point",     "reading of", ">block", "recorded",
                                           "amended",   "state",      "by",     "on record",
                                           ">in block", "reason"};
    struct show_table table = show_table_make(10, headings);
    for (size_t i = 0; i < count; i++) {
        add_row(&table, list[i]);
    }
    if (count) {
        show_table_append(&table, out);
    } else {
        text_append_string(out, "nothing was amended\n");
    }
    show_table_free(&table);
}

void amend_list_print(const struct amendments *amendments, const char *name, bool json)
{
    const struct amended **list = calloc(amendments->count + 1, sizeof(const struct amended *));
    struct text out = text_make(OUT_MAX);
    size_t count = 0;
    for (size_t i = 0; list && i < amendments->count; i++) {
        if (!name || strcmp(amendments->list[i].name, name) == 0) {
            list[count++] = &amendments->list[i];
        }
    }
    if (list && count) {
        qsort(list, count, sizeof(const struct amended *), by_record);
    }
    if (list && json) {
        text_append_string(&out, "[");
        for (size_t i = 0; i < count; i++) {
            json_one(list[i], i == 0, &out);
        }
        text_append_string(&out, "\n]\n");
    } else if (list) {
        print_table(list, count, &out);
    }
    if (!list || out.failed) {
        fputs("tally amend: out of memory\n", stderr);
    } else {
        fwrite(out.data, 1, out.length, stdout);
    }
    text_free(&out);
    free(list);
}
