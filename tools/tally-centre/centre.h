// The centre's daemon: what comes from the broker goes through intake into the store, and what is
// durable there is receipted.
//
// One thread does it all, in turns: messages, then what they made due (kept first, then said), then
// what time made due. A slow disk therefore slows the taking of messages, and the broker keeps them
// meanwhile.
#ifndef TALLY_CENTRE_CENTRE_H
#define TALLY_CENTRE_CENTRE_H

#include "broker.h"
#include "roster.h"

struct signing_key;

struct centre {
    const struct settings *settings;
    const struct clock *clock;
    struct signing_key *key;
    struct store_ledger *ledgers;
    struct store store;
    struct intake intake;
    struct roster roster;
    struct database *database;
    struct broker *broker;
    struct daemon_row daemon;
    struct roster_log *due; // a list
    int64_t tick_us, write_us;
    int64_t retry_us; // of centre.db, when it could not be written
};

// Opens all of it, and begins to connect with the first turn. On an error nothing is left open.
int centre_open(struct centre *centre, const struct settings *settings, const struct clock *clock,
                struct why *why);
// Until `stop_fd` is readable.
void centre_run(struct centre *centre, int stop_fd);
void centre_close(struct centre *centre);

// Puts the log on the list of those for which something is to be kept or said.
void centre_due(struct centre *centre, struct roster_log *log);

// answer.c: keeps and says what is due of one log. False when it is to be tried again later: the
// disk took nothing, or there is no connection.
bool centre_answer(struct centre *centre, struct roster_log *log, int64_t now_us);
// Signs and sends `resume` from what is held. Does nothing when no hello was ever heard.
void centre_resume(struct centre *centre, struct roster_log *log);

#endif
