#include "daemon/announce.h"

#include "base/log.h"
#include "base/version.h"

#include <inttypes.h>
#include <string.h>

// What neither the log nor the recovered files have is said, with the place where it is.
void announce_left(struct recorder *recorder, const struct ledger_opening *opening)
{
    if (opening->left_to) {
        log_error("of %s, blocks %" PRIu64 " to before %" PRIu64
                  " found no room in the recovered files: they are in %s only",
                  opening->old_origin, opening->left_from, opening->left_to, opening->set_aside);
        recorder_event(recorder, "log.left", opening->old_origin,
                       "blocks %" PRIu64 " to before %" PRIu64 " did not go along; they are in %s",
                       opening->left_from, opening->left_to, opening->set_aside);
    }
    if (opening->unsaved_left) {
        log_error("%" PRIu64
                  " lines of `unsaved` are no blocks that follow on the ledger: kept as %s",
                  opening->unsaved_left, opening->unsaved_kept);
        recorder_event(recorder, "log.left", opening->unsaved_kept,
                       "%" PRIu64 " lines of `unsaved` are no blocks that follow on this log",
                       opening->unsaved_left);
    }
}

static void announce_log(struct recorder *recorder, const char *origin,
                         const struct ledger_opening *opening)
{
    if (opening->fresh) {
        recorder_event(recorder, "log.begun", origin, "the first log in this folder");
    } else if (opening->new_log) {
        recorder_event(recorder, "log.begun", origin,
                       "after %s, of %" PRIu64 " known blocks; last receipt: %s; why: %s",
                       opening->old_origin, opening->old_size,
                       opening->old_receipt_count ? "the events log.receipt" : "none",
                       opening->reason);
        for (size_t i = 0; i < opening->old_receipt_count; i++) {
            recorder_event(recorder, "log.receipt", opening->old_receipts[i].uplink, "%s",
                           opening->old_receipts[i].note);
        }
        log_error("a new log was begun: %s%s%s", opening->reason,
                  opening->set_aside[0] ? "; the old files are in " : "", opening->set_aside);
    }
    for (size_t i = 0; i < opening->recovered_count; i++) {
        char hex[DIGEST_HEX];
        text_format_hex(opening->recovered[i].bytes, DIGEST_SIZE, hex);
        recorder_event(recorder, "log.recovered", hex,
                       "whole blocks of %s, from %" PRIu64 " to before %" PRIu64,
                       opening->old_origin, opening->recovered_from, opening->recovered_to);
    }
    if (opening->new_log && !opening->fresh) {
        recorder_hurry(recorder); // nothing else would say where the new log comes from
    }
}

void announce_run(struct recorder *recorder, const struct config *config, const char *origin,
                  const struct ledger_opening *opening)
{
    announce_log(recorder, origin, opening);
    announce_left(recorder, opening);
    struct digest program = version_program_hash();
    char hex[DIGEST_HEX];
    text_format_hex(program.bytes, DIGEST_SIZE, hex);
    recorder_event(recorder, "gateway.started", config->gateway.name, "tallyd %s, sha256 %s",
                   version_text(), hex);
}

void announce_orphans(struct recorder *recorder, const struct config *config)
{
    struct ledger_cursor_row rows[LEDGER_CURSORS_MAX];
    struct ledger_reader *reader;
    size_t count = 0;
    if (ledger_reader_open(&reader, config->gateway.data, NULL) != OK) {
        return;
    }
    ledger_reader_cursors(reader, rows, LEDGER_CURSORS_MAX, &count, NULL);
    ledger_reader_close(reader);
    for (size_t i = 0; i < count; i++) {
        bool known = !rows[i].required;
        for (size_t k = 0; k < config->uplink_count; k++) {
            known = known || strcmp(rows[i].uplink, config->uplinks[k].name) == 0;
        }
        if (!known) {
            log_warning(
                "uplink %s is configured no more, but was required: all blocks from %" PRIu64
                " on are kept for it. `tally uplink release` lets go",
                rows[i].uplink, rows[i].acknowledged);
            recorder_event(recorder, "uplink.orphaned", rows[i].uplink,
                           "required, configured no more: blocks from %" PRIu64 " on are kept",
                           rows[i].acknowledged);
        }
    }
}
