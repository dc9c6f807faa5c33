// Tells systemd how a daemon stands: READY=1 when it serves, STOPPING=1 when it ends (sd_notify(3),
// whose datagram is a stable form). Does nothing where nobody listens.
#ifndef TALLY_BASE_NOTIFY_H
#define TALLY_BASE_NOTIFY_H

void notify_state(const char *state);

#endif
