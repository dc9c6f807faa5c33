// Who is known: the gateways and logs that the centre has in memory, what is wrong with them, and
// what the database has of them. Decides no answers.
//
// A gateway is in it once it has a log that is; what comes under other names is counted under the
// name "". Bounded by settings_limits. One thread.
#ifndef TALLY_CENTRE_ROSTER_H
#define TALLY_CENTRE_ROSTER_H

#include "base/clock.h"
#include "database.h"
#include "intake.h"
#include "settings.h"

#define ROSTER_HEARD_US INT64_C(600000000) // silent for longer, a log is asked for nothing

// So many a second, and `burst` at once after a pause. Starts full.
struct bucket {
    int64_t spent; // microseconds of allowance used up
    int64_t at_us;
};
bool bucket_take(struct bucket *bucket, int64_t amount, int64_t per_second, int64_t burst,
                 int64_t now_us);

struct roster_gateway {
    char name[TOPIC_GATEWAY_MAX + 1];
    struct bucket bytes, checkpoints, hellos;
    struct fault_row *faults[FAULT_COUNT]; // made when the first comes
    bool fault_dirty[FAULT_COUNT];
};

struct roster_log {
    struct intake_log intake; // first: intake's hooks give it
    struct roster_gateway *gateway;
    struct log_row row;
    bool dirty;   // row differs from what the database has
    bool greeted; // a hello is to be answered
    bool due;     // there is something to be kept or said
    struct roster_log *next_due;
    int receipt_id; // of the receipt on its way to the broker, 0: none
    int64_t heard_mono_us;
    int64_t retry_us;           // when to try again what is due, after that failed
    struct suspect_row suspect; // not written yet where `one` is not NULL; notes owned
    struct claim_row claims[INTAKE_KEYS_MAX];
    size_t claim_count;
    bool claim_dirty;
};

struct roster {
    const struct settings *settings;
    const struct clock *clock;
    struct database *database;
    struct intake *intake;
    struct roster_gateway **gateways; // by name; the first is ""
    size_t gateway_count, gateway_room;
    struct roster_log **logs; // by origin
    size_t log_count, log_room;
    int64_t version; // of the database, as last seen
    bool write_failed;
    bool urgent; // something is to be written before anything is answered
};

// Reads what the database has. `intake` gets the logs.
int roster_open(struct roster *roster, const struct settings *settings, const struct clock *clock,
                struct database *database, struct intake *intake, struct why *why);
void roster_close(struct roster *roster);

// NULL when it is not there.
struct roster_log *roster_find(struct roster *roster, const char *origin);
// Found or begun, as one that waits for acceptance; NULL when there are too many, which is counted.
struct roster_log *roster_log(struct roster *roster, const struct topic *topic, int64_t now_us);
// The one of that name, or "".
struct roster_gateway *roster_gateway(struct roster *roster, const char *name);

// Counts a fault; the first one in a minute is logged.
void roster_fault(struct roster *roster, struct roster_gateway *gateway, const char *origin,
                  enum fault fault, const char *text);
// Notes a claimed key for the database.
void roster_claim(struct roster *roster, struct roster_log *log, const struct public_key *key);
// Notes a fork.
void roster_suspect(struct roster *roster, struct roster_log *log, const char *one,
                    const char *other, const char *text);

// Writes what changed. ERROR_FULL …: nothing was written, it is tried again with the next call.
int roster_write(struct roster *roster, const struct daemon_row *daemon, struct why *why);
// Looks whether people decided something since; `decided` is called for each log whose state is
// another than before, with the new one in log->row.
void roster_look(struct roster *roster, void (*decided)(void *context, struct roster_log *log),
                 void *context);

#endif
