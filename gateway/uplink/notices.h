// What people get to know of one uplink: its lines in the log, its events on record, and the state
// that uplink_status gives out.
//
// Decides nothing. notices_read may be called from any thread; the rest belongs to the uplink's.
#ifndef TALLY_UPLINK_NOTICES_H
#define TALLY_UPLINK_NOTICES_H

#include "base/clock.h"
#include "uplink/tls.h"
#include "uplink/uplink.h"

#include <pthread.h>

#define NOTICES_REMEMBERED 4 // faults that are not told again while they last

struct notices {
    const char *name; // of the uplink; borrowed
    const struct clock *clock;
    struct uplink_hooks hooks;
    pthread_mutex_t lock; // guards status
    struct uplink_status status;
    char told[NOTICES_REMEMBERED][TLS_FAULT_MAX];
    unsigned place; // of the next in `told`
};

// `hooks` may be NULL and is copied; the others are borrowed until notices_end.
void notices_begin(struct notices *notices, const char *name, const struct clock *clock,
                   const struct uplink_hooks *hooks);
void notices_end(struct notices *notices);
// A copy of the state. `size` is left at 0: that is the ledger's to say.
void notices_read(struct notices *notices, struct uplink_status *status);

// Logs it and puts it on record, each time.
void notices_tell(struct notices *notices, const char *kind, const char *text);
// Puts something on record that is not about the uplink itself; not logged.
void notices_record(struct notices *notices, const char *kind, const char *subject,
                    const char *text);
// A fault that may come again with each try: shown in the state always, told once until
// notices_all_well.
void notices_fault(struct notices *notices, const char *kind, const char *text);
// Something that happened once and is a fault from now on: shown, and told each time.
void notices_change(struct notices *notices, const char *kind, const char *text);
// Forgets the faults, so that the next one is told.
void notices_all_well(struct notices *notices);

// Connected or not, since now.
void notices_connected(struct notices *notices, bool connected);
// The first block not acknowledged yet, and how many blocks and readings were newly taken.
void notices_progress(struct notices *notices, uint64_t acknowledged, uint64_t blocks,
                      uint64_t readings);

#endif
