// The socket through which faults are ordered and counts are asked for: one line of text each way.
//
// Runs in the thread that calls control_run, which is main's.
#ifndef TALLY_SIM_CONTROL_H
#define TALLY_SIM_CONTROL_H

#include "lab.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_LINE_MAX    512

// Listens on `path` (a Unix stream socket; a stale one is replaced), or on nothing when path is
// NULL; then serves until `signal_fd` (a signalfd) is readable. Errors of local_socket_listen, with
// why, before anything is served.
struct control;
int control_open(struct control **out, struct lab *lab, const char *path, struct why *why);
void control_run(struct control *control, int signal_fd);
void control_close(struct control *control);

// The other end: sends the order to the lab at `path` and prints its reply. An exit code: 0; 1 when
// the lab refused it; 2 when no lab is there.
int control_tell(const char *path, const char *order);

#endif
