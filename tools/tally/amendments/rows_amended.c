#include "amendments/rows_amended.h"

#include "amendments/amend_list.h"
#include "common/show.h"
#include "history/rows.h"

#include "base/clock.h"
#include "measure/rounding.h"

#include <inttypes.h>
#include <string.h>

int rows_amended_load(struct rows_amended *amended, struct ledger_reader *reader, const char *name,
                      const char *command, struct why *why)
{
    amended->recorrect = recorrect_make(reader);
    int error = amended->recorrect ? amendments_load(&amended->amendments, reader, why)
                                   : why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    amendments_say_faults(&amended->amendments, command);
    for (size_t i = 0; i < amended->amendments.amending; i++) {
        amended->column =
            amended->column || !name || strcmp(amended->amendments.list[i].name, name) == 0;
    }
    return error;
}

void rows_amended_free(struct rows_amended *amended)
{
    amendments_free(&amended->amendments);
    recorrect_free(amended->recorrect);
}

// The last of them; NULL: none.
static const struct amended *last_of(const struct rows_amended *amended, uint64_t block,
                                     size_t index)
{
    size_t count;
    const struct amended *all = amendments_of(&amended->amendments, block, index, &count);
    return all ? &all[count - 1] : NULL;
}

// --- table

void rows_amended_append_cell(const struct rows_amended *amended,
                              const struct block_reading *reading, uint64_t block, size_t index,
                              struct text *out)
{
    const struct amended *last = last_of(amended, block, index);
    (void)reading;
    if (last && last->what.kind == AMENDMENT_VALUE) {
        text_append_string(out, last->what.value);
    } else if (last && last->what.kind == AMENDMENT_VOID) {
        text_append_string(out, "void");
    }
}

static void append_rounded(struct rows_amended *amended, const struct amended *one,
                           const struct block_reading *reading, struct text *out)
{
    double value, uncertainty;
    if (recorrect(amended->recorrect, &one->what, reading, &value, &uncertainty)) {
        int place = rounding_place(uncertainty);
        text_append_string(out, " (corrected ");
        rounding_append(out, value, place);
        text_append_string(out, ", U ");
        rounding_append(out, uncertainty, place);
        text_append_string(out, ")");
    }
}

void rows_amended_append_detail(struct rows_amended *amended, const struct block_reading *reading,
                                uint64_t block, size_t index, struct text *out)
{
    size_t count;
    const struct amended *all = amendments_of(&amended->amendments, block, index, &count);
    for (size_t i = 0; all && i < count; i++) {
        struct text words = text_make(4096);
        amendment_append_outcome(&all[i].what, &words);
        text_append_string(out, all[i].what.kind == AMENDMENT_VALUE ? "    amended to " : "    ");
        show_append_clean(out, words.data, SIZE_MAX);
        append_rounded(amended, &all[i], reading, out);
        text_append_format(out, " by %s (user %u), ", all[i].account, all[i].user);
        show_append_local(out, all[i].t_us);
        text_append_format(out, ", block %" PRIu64 ": ", all[i].n);
        show_append_clean(out, all[i].what.reason, SIZE_MAX);
        text_append_string(out, "\n");
        text_free(&words);
    }
}

// --- CSV and JSON

static void append_corrected(struct rows_amended *amended, const struct amended *one,
                             const struct block_reading *reading, const char *const parts[4],
                             struct text *out)
{
    double value, uncertainty;
    bool has = recorrect(amended->recorrect, &one->what, reading, &value, &uncertainty);
    text_append_string(out, parts[0]);
    if (has) {
        value_append_double(out, value);
    } else {
        text_append_string(out, parts[1]);
    }
    text_append_string(out, parts[2]);
    if (has) {
        value_append_double(out, uncertainty);
    } else {
        text_append_string(out, parts[1]);
    }
    text_append_string(out, parts[3]);
}

void rows_amended_append_csv(struct rows_amended *amended, const struct block_reading *reading,
                             uint64_t block, size_t index, struct text *out)
{
    static const char *const parts[4] = {",", "", ",", ","};
    static const char *const words[] = {
        [AMENDMENT_VOID] = "void", [AMENDMENT_WITHDRAWN] = "as recorded"};
    const struct amended *last = last_of(amended, block, index);
    char utc[32];
    if (!last) {
        text_append_string(out, ROWS_AMENDED_NONE);
        return;
    }
    text_append_string(out, ",");
    text_append_string(out, last->what.kind == AMENDMENT_VALUE ? last->what.value
                                                               : words[last->what.kind]);
    append_corrected(amended, last, reading, parts, out);
    rows_append_field(out, last->account);
    clock_format_utc(last->t_us, utc);
    text_append_format(out, ",%s,", utc);
    rows_append_field(out, last->what.reason);
}

void rows_amended_append_json(struct rows_amended *amended, const struct block_reading *reading,
                              uint64_t block, size_t index, struct text *out)
{
    static const char *const parts[4] = {",\"corrected\":", "null", ",\"uncertainty\":", "}"};
    size_t count;
    const struct amended *all = amendments_of(&amended->amendments, block, index, &count);
    if (!all) {
        return;
    }
    if (all[count - 1].what.kind == AMENDMENT_WITHDRAWN) {
        text_append_string(out, ",\"amended\":null");
    } else {
        text_append_string(out, ",\"amended\":{\"value\":");
        amendment_append_json(all[count - 1].what.value, out);
        append_corrected(amended, &all[count - 1], reading, parts, out);
    }
    for (size_t i = 0; i < count; i++) {
        text_append_string(out, i ? ",{" : ",\"amendments\":[{");
        amend_list_append_json(&all[i], out);
        text_append_string(out, "}");
    }
    text_append_string(out, "]");
}
