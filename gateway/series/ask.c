#include "series/ask.h"

#include "base/log.h"

#include <string.h>

// *next_n is the first block that is not in the file.
static int add_stored(const struct ask *ask, struct shelf *shelf, const char *origin,
                      uint64_t *next_n)
{
    struct shelf_state state;
    int error = shelf_get_state(shelf, &state);
    if (error || strcmp(state.origin, origin) != 0) {
        return error;
    }
    *next_n = state.next_n;
    return ask->add_stored(ask->context, shelf, &state);
}

// In one transaction, so that it is one state of the file.
static int ask_shelf(const struct ask *ask, struct series *series, const char *origin,
                     uint64_t *next_n)
{
    if (!series->shelf || ask->point > SHELF_POINT_MAX) {
        return OK;
    }
    int error = shelf_begin(series->shelf, false);
    error = error ? error : add_stored(ask, series->shelf, origin, next_n);
    shelf_rollback(series->shelf);
    return error;
}

static int ask_blocks(const struct ask *ask, struct series *series, struct ledger_reader *reader,
                      uint64_t n, struct why *why)
{
    int error;
    while (!(error = ledger_reader_next_in_time(reader, ask->from_us, ask->to_us, &n, why))) {
        error = ledger_reader_block(reader, n, &series->block, why);
        if (!error) {
            error = block_parse(&series->view, series->block.data, series->block.length, why);
        }
        if (!error) {
            ask->add_block(ask->context, &series->view);
        } else if (error != ERROR_ABSENT) {
            return error;
        }
        n++;
    }
    return error == ERROR_ABSENT ? OK : error;
}

int ask_series(const struct ask *ask, struct series *series, struct ledger_reader *reader,
               struct why *why)
{
    uint64_t first, size, next_n = 0;
    int error = ledger_reader_extent(reader, &first, &size, why);
    if (error) {
        return error;
    }
    ask->begin(ask->context);
    error = ask_shelf(ask, series, ledger_reader_origin(reader), &next_n);
    if (error) {
        log_warning("%s cannot be used (%s): reading from the blocks; `tally rebuild` renews it",
                    series->path, error_text(error));
        ask->begin(ask->context);
        next_n = 0;
    }
    return ask_blocks(ask, series, reader, next_n > first ? next_n : first, why);
}
