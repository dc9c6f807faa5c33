// A line of instruments on a pseudo-terminal, in true wire time: every byte takes its eleven bits,
// and the gaps that the master keeps between frames are measured.
//
// One thread a line. A master on a pty gets and gives bytes at once; so the line counts a request
// as arrived when its own wire time has passed since its first byte, and writes each byte of an
// answer when it would have arrived.
#ifndef TALLY_SIM_RTU_H
#define TALLY_SIM_RTU_H

#include "lab.h"

struct rtu;

// Opens the pty, makes the symbolic link line->path to it and starts the thread. ERROR_REFUSED when
// something other than a lab's link is there already; ERROR_SYSTEM.
int rtu_start(struct rtu **out, struct lab *lab, struct lab_line *line, struct why *why);
// After lab->stopping is set and line->wake was written: waits for the thread, removes the link.
void rtu_stop(struct rtu *rtu);

#endif
