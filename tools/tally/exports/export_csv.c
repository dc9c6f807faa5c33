#include "exports/export.h"

#include "history/rows.h"

#include "archive/cabinet.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct csv {
    struct ledger_reader *reader;
    const char *point; // NULL: all
    int64_t from_us, to_us;
    struct cabinet cabinet;
    struct block_view view;
    struct text bytes;
    struct rows rows;
    struct rows_amended amended;
};

// The definition of a point whose rows are wanted; NULL when they are not.
static const struct point_definition *wanted(const struct csv *csv, const struct points *points,
                                             uint32_t number, int64_t t_us)
{
    if (t_us < csv->from_us || t_us >= csv->to_us) {
        return NULL;
    }
    const struct point_definition *point = points_find(points, number);
    return point && (!csv->point || strcmp(point->name, csv->point) == 0) ? point : NULL;
}

static void write_block(struct csv *csv, const struct points *points)
{
    const struct block_view *view = &csv->view;
    for (size_t i = 0; i < view->reading_count; i++) {
        const struct block_reading *reading = &view->readings[i];
        const struct point_definition *point = wanted(csv, points, reading->point, reading->t_us);
        if (point) {
            csv->rows.name = point->name;
            rows_reading(&csv->rows, reading, point->unit, view->n, i);
        }
    }
    for (size_t i = 0; i < view->missed_count; i++) {
        const struct block_miss *miss = &view->missed[i];
        const struct point_definition *point = wanted(csv, points, miss->point, miss->t_us);
        if (point) {
            csv->rows.name = point->name;
            rows_miss(&csv->rows, miss, view->n);
        }
    }
}

// ERROR_INPUT or ERROR_DAMAGED when the block cannot be read.
static int take_block(struct csv *csv, uint64_t n, struct why *why)
{
    int error = ledger_reader_block(csv->reader, n, &csv->bytes, why);
    error = error ? error : block_parse(&csv->view, csv->bytes.data, csv->bytes.length, why);
    if (error) {
        return error;
    }
    const struct book_entry *entry =
        cabinet_definitions(&csv->cabinet, &csv->view.definitions, why);
    if (!entry) {
        return ERROR_DAMAGED;
    }
    write_block(csv, &entry->points);
    return OK;
}

int export_write_csv(struct ledger_reader *reader, const char *point, int64_t from_us,
                     int64_t to_us, FILE *to, uint64_t *left_out, struct why *why)
{
    struct csv csv = {.reader = reader,
                      .point = point,
                      .from_us = from_us,
                      .to_us = to_us,
                      .bytes = text_make(BLOCK_BYTES_MAX)};
    uint64_t n = 0;
    int error = rows_amended_load(&csv.amended, reader, point, "tally export", why);
    if (error) {
        rows_amended_free(&csv.amended);
        text_free(&csv.bytes);
        return error;
    }
    cabinet_begin(&csv.cabinet, reader);
    rows_begin(&csv.rows, ROWS_CSV, to, "", &csv.amended);
    for (; (error = ledger_reader_next_in_time(reader, from_us, to_us, &n, why)) == OK; n++) {
        struct why particulars = {""};
        if (take_block(&csv, n, &particulars)) {
            fprintf(stderr, "tally export: block %" PRIu64 " is left out: %s\n", n,
                    particulars.text);
            ++*left_out;
        }
        if (ferror(to)) {
            error = why_set(why, ERROR_SYSTEM, "cannot write: %s", strerror(errno));
            break;
        }
    }
    rows_end(&csv.rows);
    rows_amended_free(&csv.amended);
    block_view_free(&csv.view);
    cabinet_free(&csv.cabinet);
    text_free(&csv.bytes);
    return error == ERROR_ABSENT ? OK : error;
}
