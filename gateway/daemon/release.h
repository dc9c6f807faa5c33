// Lets go of an uplink that nobody will acknowledge any more, when a person has told why.
#ifndef TALLY_DAEMON_RELEASE_H
#define TALLY_DAEMON_RELEASE_H

#include "daemon/present.h"

// `words`: "<uplink> <account> <reason>", as `tally uplink release` sends them. Appends
// {"released":"<uplink>"}, and puts it on record; or {"error":"…"} and changes nothing: the uplink
// is unknown, holds back nothing, or is configured as required. With the lock of `present` held.
void release_uplink(struct present *present, const char *words, struct text *out);

#endif
