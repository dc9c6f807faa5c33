// The control socket: a Unix stream socket in the data folder on which `tally status` and `tally
// watch` ask the running daemon, and `tally uplink release` tells it what a person decided. What a
// request may do is whoever answers it's to say.
//
// One line in ("status"), one line of JSON out; the connection may ask again. A thread of its own;
// at most 8 connections, 512 bytes a request, 5 s to send it; a slow reader is dropped.
#ifndef TALLY_CONTROL_CONTROL_H
#define TALLY_CONTROL_CONTROL_H

#include "base/error.h"
#include "base/text.h"

struct control;

// `answer` appends one JSON object for the request word; called from the control thread. Socket
// mode 0660.
int control_start(struct control **out, const char *path,
                  void (*answer)(void *context, const char *request, struct text *out),
                  void *context, struct why *why);
void control_stop(struct control *control);

// Client side: connects, sends the word, reads the line into `out`. ERROR_ABSENT when no daemon
// listens.
int control_ask(const char *path, const char *request, struct text *out, struct why *why);

#endif
