// Puts on record what a person states: jobs, amendments, issued reports.
#ifndef TALLY_DAEMON_ENTRY_H
#define TALLY_DAEMON_ENTRY_H

#include "daemon/present.h"

// `words`: "<kind> <account> <subject>\t<what is stated>", as the commands of `tally` send them;
// the kind one of block_is_entry, the rest UTF-8 without control characters. The event's text is
// "by <account> (user <user>): <what is stated>": the account is what they say, the user what the
// kernel says. Appends {"entered":"<kind>","from":<n>}, and it goes into a block from number n on,
// within a second; or {"error":"…"} and changes nothing. Whether it makes sense is for who states
// it, and who reads it, to see. With the lock of `present` held.
void enter(struct present *present, uid_t user, const char *words, struct text *out);

#endif
