// centre.db: what the centre knows beside the logs themselves: which there are, whose key was
// accepted by whom, faults, forks, and how things stood when the daemon last wrote.
//
// SQLite; the daemon writes what it sees, `tally-centre accept` and `revoke` write decisions, and
// each sees the other's by looking. Nothing here says what is held of a log: its ledger does.
#ifndef TALLY_CENTRE_DATABASE_H
#define TALLY_CENTRE_DATABASE_H

#include "base/error.h"
#include "fault.h"
#include "ident/receipt.h"
#include "ledger/block.h"
#include "topic.h"

#include <stdbool.h>
#include <stdint.h>

#define DATABASE_BY_MAX   128
#define DATABASE_TEXT_MAX 256

struct database;

enum log_state { LOG_WAITING, LOG_ACCEPTED, LOG_REVOKED };

// What the daemon saw of a log.
struct log_row {
    char origin[BLOCK_ORIGIN_MAX + 1];
    char nonce[NONCE_HEX];                // of the last hello; "" before
    uint64_t gateway_first, gateway_size; // as the last hello said
    int64_t first_us, heard_us;           // wall clock
    int online;                           // as its status says; -1: unknown
    uint64_t held_first, held, receipted; // sizes
    uint64_t unverified;                  // blocks that wait
    uint64_t counted, readings, missed;   // in blocks [0, counted)
    int64_t receipt_us;                   // when the last receipt was signed, 0: never
    bool suspect;
    char fault[DATABASE_TEXT_MAX]; // why nothing is kept or receipted at the moment; ""
    // Of the last decision:
    enum log_state state;
    struct public_key key; // accepted or revoked
    bool keyed;
    char by[DATABASE_BY_MAX];
    int64_t decided_us;
    char reason[DATABASE_TEXT_MAX];
};

struct claim_row {
    char origin[BLOCK_ORIGIN_MAX + 1];
    struct public_key key;
    int64_t first_us, last_us;
};

struct fault_row {
    char gateway[TOPIC_GATEWAY_MAX + 1]; // "": nobody can be named
    enum fault fault;
    uint64_t count;
    int64_t last_us;
    char origin[BLOCK_ORIGIN_MAX + 1];
    char text[WHY_MAX];
};

struct suspect_row {
    char origin[BLOCK_ORIGIN_MAX + 1];
    int64_t at_us;
    const char *one, *other; // signed notes, terminated; valid within the call
    char text[DATABASE_TEXT_MAX];
};

struct daemon_row {
    int64_t started_us, written_us;
    bool running, connected;
    char fault[DATABASE_TEXT_MAX]; // of the connection to the broker
};

// Opens, and makes it when `make`. ERROR_ABSENT, ERROR_SYSTEM, ERROR_DAMAGED.
int database_open(struct database **out, const char *path, bool make, struct why *why);
void database_close(struct database *database);

// All or nothing. ERROR_FULL: no room on the disk.
int database_begin(struct database *database, struct why *why);
int database_commit(struct database *database, struct why *why);
void database_rollback(struct database *database);

// Writes the part of it that the daemon sees.
int database_put_log(struct database *database, const struct log_row *row, struct why *why);
int database_put_claim(struct database *database, const struct claim_row *row, struct why *why);
int database_put_fault(struct database *database, const struct fault_row *row, struct why *why);
int database_put_suspect(struct database *database, const struct suspect_row *row, struct why *why);
int database_put_daemon(struct database *database, const struct daemon_row *row, struct why *why);
// What a person decided.
int database_decide(struct database *database, const char *origin, enum log_state state,
                    const struct public_key *key, const char *by, const char *reason, int64_t at_us,
                    struct why *why);

// Rises when another process has written.
int64_t database_version(struct database *database);
// Each row, in order of its key; `origin` NULL: of all logs. The call may be ended by returning an
// error, which is then returned.
int database_each_log(struct database *database,
                      int (*row)(void *context, const struct log_row *row), void *context,
                      struct why *why);
int database_each_claim(struct database *database, const char *origin,
                        int (*row)(void *context, const struct claim_row *row), void *context,
                        struct why *why);
int database_each_fault(struct database *database,
                        int (*row)(void *context, const struct fault_row *row), void *context,
                        struct why *why);
int database_each_suspect(struct database *database, const char *origin,
                          int (*row)(void *context, const struct suspect_row *row), void *context,
                          struct why *why);
// ERROR_ABSENT: no daemon ever ran.
int database_daemon(struct database *database, struct daemon_row *row, struct why *why);

#endif
