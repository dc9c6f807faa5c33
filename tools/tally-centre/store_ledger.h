// The store (store.h) in which each log has a folder with a ledger in the gateways' own format,
// <folder>/<site>/<gateway>/<log id>/: whatever reads a gateway's ledger reads this half too, and
// damage to one file costs one log. The least recently used ledgers are closed.
#ifndef TALLY_CENTRE_STORE_LEDGER_H
#define TALLY_CENTRE_STORE_LEDGER_H

#include "store.h"

struct store_ledger;

// At most `open_max` ledgers are open at a time (each takes about six descriptors). `folder` is
// made if absent; it and the clock are borrowed.
int store_ledger_open(struct store_ledger **out, const char *folder, size_t open_max,
                      const struct clock *clock, struct why *why);
// Harmless on NULL.
void store_ledger_close(struct store_ledger *store);
struct store store_ledger_calls(struct store_ledger *store);

#endif
