// The terminal of a live screen: raw keys, the alternate screen, signals; and back to what it was.
//
// Terminal signals are blocked while it is open and come as keys, so that the terminal is restored
// whatever ends the program (but for SIGKILL). One at a time; one thread.
#ifndef TALLY_TOOLS_TERMINAL_H
#define TALLY_TOOLS_TERMINAL_H

#include "base/text.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

enum key {
    KEY_NONE, // the time is up
    KEY_OTHER,
    KEY_QUIT, // q, Q, end of input
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_REDRAW, // the size changed, or the program was continued, or Ctrl-L
    KEY_SIGNAL, // a signal asks us to end: terminal->signal
};

struct terminal {
    struct termios before;
    bool raw;
    sigset_t blocked;
    int signals; // signalfd
    int signal;  // that came
    int rows, columns;
};

// 0, or a negative error when standard input or output is no terminal. terminal_close at the end.
int terminal_open(struct terminal *terminal);
void terminal_close(struct terminal *terminal);
// Waits for a key at most `timeout_ms`. Stops the program at Ctrl-Z, the terminal being restored
// meanwhile.
enum key terminal_key(struct terminal *terminal, int timeout_ms);
// Writes all of it at once.
void terminal_draw(const struct text *frame);

#endif
