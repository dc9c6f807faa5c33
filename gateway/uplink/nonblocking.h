// What it takes to move a connection of libmosquitto's on without ever waiting: its own signs of
// what it waits for are wrong while TLS is being set up.
//
// For whoever polls mosquitto_socket: the gateway's session and the centre's broker. No state.
#ifndef TALLY_UPLINK_NONBLOCKING_H
#define TALLY_UPLINK_NONBLOCKING_H

#include <stdbool.h>

struct mosquitto;

// For poll. `in_tls`: TLS is not up yet.
short nonblocking_events(struct mosquitto *mosquitto, bool in_tls);
// Does what `revents` allow; *in_tls becomes false when TLS is up. libmosquitto's return code, 0
// when the connection goes on; mosquitto_socket tells too when it does not.
int nonblocking_step(struct mosquitto *mosquitto, bool *in_tls, short revents);

#endif
