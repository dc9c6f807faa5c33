// Notes that a person has seen an alarm, and what they say of it.
#ifndef TALLY_DAEMON_ACKNOWLEDGE_H
#define TALLY_DAEMON_ACKNOWLEDGE_H

#include "daemon/present.h"

// `words`: "<point> <account> <reason>", as `tally alarm acknowledge` sends them. Appends
// {"acknowledged":"<point>","limits":"max, rate"}, and puts it on record (limit.acknowledged); or
// {"error":"…"} and changes nothing: nothing is raised there, or it is acknowledged. With the lock
// of `present` held.
void acknowledge_alarm(struct present *present, const char *words, struct text *out);

#endif
