// What is to go wrong with an instrument's answers, on order: the words of an order, and how long
// it holds.
//
// Does not do anything to an answer itself (answer.h). A slot is set by the control thread and
// asked by the thread of the instrument's line.
#ifndef TALLY_SIM_FAULT_H
#define TALLY_SIM_FAULT_H

#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_SILENT,       // no answer
    FAULT_SLOW,         // answer after `argument` ms
    FAULT_LATE,         // the same, meant to be beyond the master's time-out
    FAULT_BAD_CRC,      // RTU: the CRC is wrong; TCP: the protocol identifier
    FAULT_NOISE,        // `argument` random bytes before the answer
    FAULT_WRONG_UNIT,   // the answer comes from unit + 1
    FAULT_WRONG_LENGTH, // a good frame with one register less than was asked for (or more, if one)
    FAULT_EXCEPTION,    // Modbus exception `argument`
    FAULT_HALF_FRAME,   // the first half of the answer
    FAULT_RESET,        // TCP: the connection is reset; pty: closed and opened anew
    FAULT_VANISH,       // the whole line is gone for `argument` s; not a property of an answer
};

#define FAULT_NOISE_MAX 256

struct fault {
    enum fault_kind kind;
    int64_t argument;
    int64_t count;  // answers; -1: no end
    int64_t for_ns; // 0: no end
};

struct fault_slot {
    atomic_bool armed; // looked at without the lock
    pthread_mutex_t lock;
    struct fault fault;
    int64_t until_ns; // CLOCK_MONOTONIC; 0: no end
    atomic_uint_fast64_t done;
};

void fault_slot_init(struct fault_slot *slot);
void fault_slot_free(struct fault_slot *slot);
void fault_slot_set(struct fault_slot *slot, const struct fault *fault, int64_t now_ns);
// The fault for the answer that is about to be made; counts it.
struct fault fault_slot_take(struct fault_slot *slot, int64_t now_ns);
// The fault in force, for display; does not count.
struct fault fault_slot_look(struct fault_slot *slot, int64_t now_ns);

// Reads "KIND [ARG] [count N | for SECONDS]". "clear" is FAULT_NONE. ERROR_INPUT with why.
int fault_parse(const char *text, struct fault *fault, struct why *why);
const char *fault_name(enum fault_kind kind);
// For --help.
extern const char fault_grammar[];

#endif
