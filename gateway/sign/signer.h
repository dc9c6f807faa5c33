// Signs the log: checkpoints of its size and root, every so often and at a clean stop, unless
// something forbids it.
//
// A log must never be signed in two ways that do not agree (C2SP tlog-checkpoint), also when its
// folder was put back from an older copy, or its board was cloned. Who has that log's other half
// knows: so where receipts of a centre are configured, it is signed only while a centre is there
// that has said on this connection what it holds, and never again once one holds what this log does
// not have. (Two boards with one name share one connection: the broker lets the last one in.)
// One a gateway; every function from any thread.
#ifndef TALLY_SIGN_SIGNER_H
#define TALLY_SIGN_SIGNER_H

#include "base/clock.h"
#include "ident/key.h"
#include "ledger/ledger.h"

#include <stdbool.h>
#include <stdint.h>

struct signer;

enum signer_state {
    SIGNER_HELD,      // no centre is there that has answered
    SIGNER_OPEN,      // it signs
    SIGNER_FORBIDDEN, // this log is never signed again
};

struct signer_options {
    const char *directory;   // of the ledger
    struct ledger *ledger;   // borrowed until signer_free
    struct signing_key *key; // borrowed; used by the signer alone
    int64_t interval_us;     // between checkpoints, when blocks came
    bool held;               // wait for a centre
    const struct clock *clock;
};

// Starts the thread, which signs the log's size every interval and keeps the note in the ledger
// (LEDGER_CHECKPOINT). 0 or an error with why.
int signer_start(struct signer **out, const struct signer_options *options, struct why *why);
// Ends the thread, and signs what is there once more, if it may. Then signer_checkpoint still
// works. Harmless on NULL, and twice.
void signer_stop(struct signer *signer);
// After signer_stop, once nobody uses it. Harmless on NULL.
void signer_free(struct signer *signer);
// Another configuration: `held` as in the options; whether a centre is there stays as it is.
void signer_reconfigure(struct signer *signer, int64_t interval_us, bool held);

// A centre's head is in this log: until signer_hold it may be signed, and is at once. Counted, one
// for each centre. Without effect once it is forbidden.
void signer_allow(struct signer *signer);
// The connection to a centre that signer_allow was for is no more.
void signer_hold(struct signer *signer);
// A centre holds, by its signature, what this log does not have.
void signer_forbid(struct signer *signer);

// The public half of the key. Never NULL.
const struct public_key *signer_key(const struct signer *signer);

// The signed checkpoint of the first `size` blocks, appended to `out`. ERROR_REFUSED while held and
// when forbidden; ERROR_ABSENT when fewer are durable; ERROR_DAMAGED, ERROR_SYSTEM.
int signer_checkpoint(struct signer *signer, uint64_t size, struct text *out, struct why *why);

struct signer_status {
    enum signer_state state;
    uint64_t size;     // of the last checkpoint kept; 0 when there is none in this run
    int64_t signed_us; // wall clock of that
    char key[PUBLIC_KEY_FINGERPRINT];
    char fault[256]; // of the last attempt, "" when it went well
};
void signer_status(struct signer *signer, struct signer_status *status);

#endif
