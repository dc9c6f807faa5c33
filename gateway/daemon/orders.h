// What the daemon is told from outside, by signals: to stop, or to read its configuration again.
//
// Main's thread only. A reload that is asked for while something else waits is kept for later.
#ifndef TALLY_DAEMON_ORDERS_H
#define TALLY_DAEMON_ORDERS_H

#include <signal.h>
#include <stdbool.h>

enum order { ORDER_NONE, ORDER_RELOAD, ORDER_STOP };

struct orders {
    sigset_t signals;
    bool reload; // asked for, not given out yet
    bool stop;   // asked for: for good
};

// Blocks the signals, in this thread and all that it starts.
void orders_begin(struct orders *orders);
// Waits for the next order, for a second at most. ORDER_STOP stays.
enum order orders_next(struct orders *orders);
// Waits a second before something is tried again, for less when it is to stop. Whether it is to.
bool orders_stop_meanwhile(struct orders *orders);

#endif
