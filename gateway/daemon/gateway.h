// The gateway as a whole: its parts under the configuration in force, and the order in which they
// start, are replaced, begin anew on another log, and end.
//
// Main's thread only. Decides when nothing: main does. Whatever it waits for, it heeds the orders.
#ifndef TALLY_DAEMON_GATEWAY_H
#define TALLY_DAEMON_GATEWAY_H

#include "control/control.h"
#include "daemon/acquisition.h"
#include "daemon/orders.h"
#include "daemon/signing.h"
#include "daemon/traceability.h"
#include "daemon/uplinks.h"
#include "hook/hook.h"
#include "series/series.h"

struct gateway {
    const char *path, *drivers; // as on the command line; `drivers` may be NULL
    const struct clock *clock;
    struct orders orders;
    struct config *config;            // in force; owned
    struct traceability traceability; // likewise
    struct present present;
    struct ledger *ledger; // NULL while there is none
    struct signing signing;
    struct acquisition acquisition;
    struct uplinks uplinks;
    struct series_builder *series;
    struct control *control;
    struct hook *hook; // NULL: none is configured
    int64_t anew_us;   // monotonic clock when a new log was last begun for damage; 0: never
};

// Starts all parts, with the clock, path and orders given. On an error nothing runs.
int gateway_start(struct gateway *gateway, struct why *why);
// Reads the configuration again and, if it may take the place of the one in force, replaces all
// that depends on it. Otherwise everything stays as it is, and the refusal is on record.
void gateway_reload(struct gateway *gateway);
// At least every second: certificates that fall due are put on record.
void gateway_look(struct gateway *gateway);
// Whether the ledger was found damaged. At most once a minute: a disk that damages everything need
// not be filled with new logs.
bool gateway_is_damaged(struct gateway *gateway);
// Stops all that uses the damaged ledger, and starts all on a new log.
void gateway_begin_anew(struct gateway *gateway);
// Stops what runs, and frees. Not all does when gateway_reload or gateway_begin_anew could not
// start it again before the order to stop came.
void gateway_stop(struct gateway *gateway);

#endif
