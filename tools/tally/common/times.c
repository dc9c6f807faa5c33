#include "common/times.h"

static void find_beginning(const struct block_view *view, struct times *times)
{
    for (size_t i = 0; i < view->reading_count; i++) {
        int64_t t_us = view->readings[i].t_us;
        times->begin_us = t_us < times->begin_us ? t_us : times->begin_us;
    }
    for (size_t i = 0; i < view->missed_count; i++) {
        int64_t t_us = view->missed[i].t_us;
        times->begin_us = t_us < times->begin_us ? t_us : times->begin_us;
    }
}

int times_of_block(struct ledger_reader *reader, uint64_t n, struct times *times, struct why *why)
{
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    struct block_view view = {.n = 0};
    int error = ledger_reader_block(reader, n, &bytes, why);
    error = error ? error : block_parse(&view, bytes.data, bytes.length, why);
    if (!error) {
        *times = (struct times){view.closed_us, view.closed_us};
        find_beginning(&view, times);
    }
    block_view_free(&view);
    text_free(&bytes);
    return error;
}
