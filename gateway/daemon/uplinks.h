// All uplinks of a configuration together: declares them to the ledger, starts, drains and stops
// them.
//
// Main's thread only. What is passed is borrowed until uplinks_stop.
#ifndef TALLY_DAEMON_UPLINKS_H
#define TALLY_DAEMON_UPLINKS_H

#include "daemon/present.h"

struct uplinks {
    struct uplink *list[CONFIG_UPLINKS_MAX]; // NULL: could not be started
    size_t count;
    uint64_t bulletin_from; // where those that start next go on in the bulletin
    struct ledger_cursor_row dropped[LEDGER_CURSORS_MAX]; // not told yet
    size_t dropped_count;
};

// Makes room in the ledger for the cursors of this configuration's uplinks, by dropping those of
// uplinks that are no more; uplinks_tell_dropped tells of them, once there is a recorder. Any error
// of ledger_make_room.
int uplinks_make_room(struct uplinks *uplinks, const struct config *config, struct ledger *ledger,
                      struct why *why);
void uplinks_tell_dropped(struct uplinks *uplinks, struct present *present);

// Each gets its cursor, and holds back pruning where it is required. On an error some may have.
int uplinks_declare(const struct config *config, struct ledger *ledger, struct why *why);
// One that cannot be started is said and left out.
void uplinks_start(struct uplinks *uplinks, const struct config *config, struct ledger *ledger,
                   struct signer *signer, struct present *present);
// Waits until every connected uplink has acknowledged all blocks, 2 s at most: what is left is sent
// at the next start.
void uplinks_drain(struct uplinks *uplinks, struct ledger *ledger, const struct clock *clock);
// Harmless when none runs.
void uplinks_stop(struct uplinks *uplinks, struct present *present);

#endif
