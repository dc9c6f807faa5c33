// Every reading and miss of a job, for people.
#include "jobs/job_show.h"

#include "measure/rounding.h"
#include "series/number.h"

#include <math.h>
#include <stdlib.h>

#define WORDS_MAX      4096
#define ROWS_AT_A_TIME 5000 // in one table, whose columns are then as wide as they need

struct showing {
    struct job_out *out;
    const struct rows_amended *amended;
    struct show_table table;
    struct text text;
    size_t rows;
};

static int end_row(struct showing *showing)
{
    if (++showing->rows == ROWS_AT_A_TIME) {
        job_out_table(showing->out, &showing->table);
        showing->rows = 0;
    }
    return ferror(showing->out->to) ? ERROR_SYSTEM : OK;
}

static void append_corrected(struct text *out, const struct block_reading *reading)
{
    double u = number_to_double(number_parse(reading->uncertainty, reading->uncertainty_length));
    if (!(u > 0) || !isfinite(u)) {
        text_append_string(out, "—");
        return;
    }
    int place = rounding_place(u);
    rounding_append(
        out, number_to_double(number_parse(reading->corrected, reading->corrected_length)), place);
    text_append_string(out, " ± ");
    rounding_append(out, u, place);
}

static void append_indication(struct text *out, const struct block_reading *reading)
{
    bool quoted = reading->indication[0] == '"';
    if (reading->indication[0] == 'n') {
        text_append_string(out, "—");
    } else {
        text_append(out, reading->indication + quoted, reading->indication_length - 2u * quoted);
    }
}

static void append_amended(struct text *out, const struct amendments *amendments, uint64_t block,
                           size_t index)
{
    const struct amendment *amendment = amendments_find(amendments, block, index);
    if (amendment) {
        text_append_string(out, out->length ? "; amended: " : "amended: ");
        amendment_append_outcome(amendment, out);
    }
}

static int show_reading(void *context, const struct job_number *number,
                        const struct block_reading *reading, uint64_t block, size_t index)
{
    struct showing *showing = context;
    struct show_table *table = &showing->table;
    job_cell_time(table, reading->t_us);
    show_table_add(table, number->name);
    append_indication(&showing->text, reading);
    job_cell_text(table, &showing->text);
    append_corrected(&showing->text, reading);
    job_cell_text(table, &showing->text);
    show_table_add(table, number->unit);
    job_cell_number(table, block);
    show_append_flags(&showing->text, reading->flags, " ");
    append_amended(&showing->text, &showing->amended->amendments, block, index);
    job_cell_text(table, &showing->text);
    return end_row(showing);
}

static int show_miss(void *context, const struct job_number *number, const struct block_miss *miss,
                     uint64_t block)
{
    struct showing *showing = context;
    struct show_table *table = &showing->table;
    job_cell_time(table, miss->t_us);
    show_table_add(table, number->name);
    show_table_add(table, "—");
    show_table_add(table, "—");
    show_table_add(table, number->unit);
    job_cell_number(table, block);
    show_table_add_format(table, "missed: %.*s", (int)miss->word_length, miss->word);
    return end_row(showing);
}

int job_show_readings(struct job_out *out, const struct job_report *report, struct why *why)
{
    static const char *const headings[] = {"time", "point",  ">indication",      ">corrected ± U",
                                           "unit", ">block", "flags, amended to"};
    struct showing showing = {.out = out,
                              .amended = &report->amended,
                              .table = show_table_make(7, headings),
                              .text = text_make(WORDS_MAX)};
    const struct job_visitor visitor = {&showing, NULL, show_reading, show_miss};
    struct job_walk walk;
    job_out_heading(out, "Every reading");
    int error = job_walk(&walk, report->reader, report->job, &visitor, why);
    job_out_table(out, &showing.table);
    job_walk_free(&walk);
    text_free(&showing.text);
    show_table_free(&showing.table);
    return error;
}
