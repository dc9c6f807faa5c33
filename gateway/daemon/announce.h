// The first events of a run: what opening the ledger found, which software this is, and for whom
// blocks are kept that nobody fetches any more.
//
// Main's thread only. Changes nothing; says on record, and what is a fault in the log as well.
#ifndef TALLY_DAEMON_ANNOUNCE_H
#define TALLY_DAEMON_ANNOUNCE_H

#include "config/config.h"
#include "ledger/ledger.h"
#include "record/recorder.h"

// `origin` is that of the log, `opening` what ledger_open found.
void announce_run(struct recorder *recorder, const struct config *config, const char *origin,
                  const struct ledger_opening *opening);
// Of it, what is in no log: what the recovered files have no room for, and what in `unsaved` does
// not follow. Part of announce_run.
void announce_left(struct recorder *recorder, const struct ledger_opening *opening);
// A required uplink that is configured no more still holds back pruning, until the disk is full.
void announce_orphans(struct recorder *recorder, const struct config *config);

#endif
