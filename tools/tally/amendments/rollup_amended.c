#include "amendments/rollup_amended.h"

#include <string.h>

struct adding {
    const struct amendments *amendments;
    const uint32_t *points;
    size_t point_count;
    int64_t from_us, to_us;
    struct text bytes;
    struct block_view view;
    struct rollup *out;
};

static bool is_ours(const struct adding *adding, uint32_t point, int64_t t_us)
{
    bool ours = t_us >= adding->from_us && t_us < adding->to_us;
    for (size_t i = 0; ours && i < adding->point_count; i++) {
        if (adding->points[i] == point) {
            return true;
        }
    }
    return false;
}

static struct number number_of_reading(const struct adding *adding, size_t index)
{
    const struct block_reading *reading = &adding->view.readings[index];
    const struct amendment *amendment = amendments_find(adding->amendments, adding->view.n, index);
    struct text json = text_make(2 * AMENDMENT_NUMBER_SIZE);
    if (amendment) {
        amendment_append_json(amendment->value, &json);
    } else {
        text_append(&json, reading->indication, reading->indication_length);
    }
    struct number number = number_parse(json.data ? json.data : "", json.length);
    text_free(&json);
    return number;
}

static void add_block(struct adding *adding)
{
    const struct block_view *view = &adding->view;
    for (size_t i = 0; i < view->reading_count; i++) {
        const struct block_reading *reading = &view->readings[i];
        if (is_ours(adding, reading->point, reading->t_us)) {
            rollup_add(adding->out, reading->t_us, number_of_reading(adding, i), reading->flags, 0);
        }
    }
    for (size_t i = 0; i < view->missed_count; i++) {
        adding->out->missed += is_ours(adding, view->missed[i].point, view->missed[i].t_us);
    }
}

int rollup_as_amended(struct ledger_reader *reader, const struct amendments *amendments,
                      const uint32_t *points, size_t point_count, int64_t from_us, int64_t to_us,
                      struct rollup *out, struct why *why)
{
    struct adding adding = {.amendments = amendments,
                            .points = points,
                            .point_count = point_count,
                            .from_us = from_us,
                            .to_us = to_us,
                            .bytes = text_make(BLOCK_BYTES_MAX),
                            .out = out};
    uint64_t n = 0;
    int error;
    for (; (error = ledger_reader_next_in_time(reader, from_us, to_us, &n, why)) == OK; n++) {
        error = ledger_reader_block(reader, n, &adding.bytes, why);
        error =
            error ? error : block_parse(&adding.view, adding.bytes.data, adding.bytes.length, why);
        if (error == ERROR_MEMORY) {
            break;
        }
        if (!error) {
            add_block(&adding);
        }
    }
    block_view_free(&adding.view);
    text_free(&adding.bytes);
    return error == ERROR_ABSENT ? OK : error;
}
