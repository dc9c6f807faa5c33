// What is said on a connection beside blocks: hello and the centre's answer, its receipts and where
// it wants us to go on, and our signed checkpoints.
//
// With receipts nothing is sent before the centre has answered; the cursor is its receipts'. What
// counts of what it says is receipts.h's to decide. Sends through the delivery. The uplink's thread
// alone.
#ifndef TALLY_UPLINK_DIALOGUE_H
#define TALLY_UPLINK_DIALOGUE_H

#include "sign/signer.h"
#include "uplink/delivery.h"
#include "uplink/receipts.h"

#include <stdbool.h>

struct dialogue {
    const struct config_uplink *settings;
    struct ledger *ledger;
    const struct clock *clock;
    struct notices *notices;
    struct delivery *delivery;
    struct signer *signer; // NULL: the log is not signed
    struct receipts receipts;
    char hello_topic[BLOCK_ORIGIN_MAX + 32], checkpoint_topic[BLOCK_ORIGIN_MAX + 32];
    char receipt_topic[BLOCK_ORIGIN_MAX + 32], resume_topic[BLOCK_ORIGIN_MAX + 32];
    int64_t hello_us;      // when it was last said on this connection; 0: not yet
    int64_t hello_wait_us; // until it is said again without an answer
    uint64_t note_serial;  // of the ledger's notes, as last looked at
    uint64_t signed_size;  // of the checkpoint last published since blocks were sent from anywhere
    uint64_t way_from;     // of that, or where sending began
    struct text kept;      // the ledger's checkpoint, as last looked at
    uint64_t kept_size;
    bool allowing; // signer_allow was called for this connection
    bool contradicted;
    bool subscription_told;
};

// The delivery is open, and borrowed until dialogue_end as all that it uses; so is the signer,
// which may be NULL without receipts.
void dialogue_begin(struct dialogue *dialogue, struct delivery *delivery, struct signer *signer);
void dialogue_end(struct dialogue *dialogue);

// The delivery's connection is up: subscribes, and says hello, where there is a centre. 0 or an
// error: the connection is lost.
int dialogue_up(struct dialogue *dialogue, struct why *why);
// It is no more.
void dialogue_down(struct dialogue *dialogue);
// A message that came on it: for session_options, with the dialogue as context.
void dialogue_received(void *dialogue, const char *topic, const void *payload, size_t length);
// Call it after each turn of the connection's loop: says hello again while there is no answer,
// publishes checkpoints that are due, and has sent again what no receipt came for.
void dialogue_look(struct dialogue *dialogue);

#endif
