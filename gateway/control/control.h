// The control socket: a Unix stream socket in the data folder on which `tally status` and `tally
// watch` ask the running daemon, and others tell it what a person decided. What a request may do is
// whoever answers it's to say.
//
// One line in ("status"), one line of JSON out; the connection may ask again. A thread of its own;
// at most 8 connections, 2,048 bytes a request, 5 s to send it; a slow reader is dropped.
#ifndef TALLY_CONTROL_CONTROL_H
#define TALLY_CONTROL_CONTROL_H

#include "base/error.h"
#include "base/text.h"

#include <sys/types.h>

struct control;

// Appends one JSON object for the request; called from the control thread. `user`: of the process
// that asks, as the kernel says.
typedef void control_answer(void *context, uid_t user, const char *request, struct text *out);

// Socket mode 0660.
int control_start(struct control **out, const char *path, control_answer *answer, void *context,
                  struct why *why);
void control_stop(struct control *control);

// Client side: connects, sends the word, reads the line into `out`. ERROR_ABSENT when no daemon
// listens.
int control_ask(const char *path, const char *request, struct text *out, struct why *why);

#endif
