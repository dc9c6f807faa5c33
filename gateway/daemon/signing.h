// The key that signs the log, and the signer under one ledger.
//
// Main's thread only. Without a key the log is not signed, and everything here does nothing.
#ifndef TALLY_DAEMON_SIGNING_H
#define TALLY_DAEMON_SIGNING_H

#include "daemon/present.h"

struct signing {
    struct signing_key *key; // NULL: none
    struct signer *signer;   // NULL while it does not run
};

// Loads the key, once. No key is good, unless an uplink wants receipts. ERROR_ABSENT,
// ERROR_REFUSED, ERROR_INPUT, ERROR_SYSTEM with why.
int signing_load(struct signing *signing, const struct config *config, struct why *why);
// Why this configuration cannot be taken by a daemon that runs, or NULL.
const char *signing_hindrance(const struct signing *signing, const struct config *config);
// Starts the signer on the ledger.
int signing_start(struct signing *signing, const struct config *config, struct ledger *ledger,
                  struct present *present, struct why *why);
// After a reload.
void signing_take(struct signing *signing, const struct config *config);
// The last signature; uplinks may still publish it.
void signing_finish(struct signing *signing);
// Once no uplink runs. The key stays.
void signing_end(struct signing *signing, struct present *present);
void signing_free(struct signing *signing);

#endif
