// The one list of what can go wrong, and `struct why`, in which a function tells its caller the
// particulars.
//
// Functions return 0 or one of these negative numbers; Modbus exceptions are never mixed in (they
// have a field of their own). A leaf returns, the one caller that decides logs once. Thread-safe:
// nothing here has state.
#ifndef TALLY_BASE_ERROR_H
#define TALLY_BASE_ERROR_H

enum error {
    OK = 0,
    ERROR_MEMORY = -1,   // an allocation failed
    ERROR_SYSTEM = -2,   // a system call failed; errno says which way
    ERROR_INPUT = -3,    // what came from outside is not of the form required
    ERROR_RANGE = -4,    // of the right form, but beyond a stated limit
    ERROR_FULL = -5,     // a bounded buffer, queue or disk has no room
    ERROR_ABSENT = -6,   // no such block, file, point
    ERROR_DAMAGED = -7,  // stored data do not agree with their own hashes
    ERROR_TIMEOUT = -8,  // no (whole) answer within the stated time
    ERROR_CLOSED = -9,   // the other side closed, or the device vanished
    ERROR_REFUSED = -10, // the other side, or a rule of ours, said no
    ERROR_STOPPED = -11, // we were asked to stop while waiting
    ERROR_BUSY = -12,    // someone else holds it
};

// A short English phrase for an error; never NULL, static storage.
const char *error_text(int error);

#define WHY_MAX 512

// Where a failing function writes one sentence for the person who must mend it, saying where and
// what was expected. Always terminated; cut at WHY_MAX.
struct why {
    char text[WHY_MAX];
};

// Writes the sentence (why may be NULL) and returns `error`, so that a function can end with
// `return why_set(why, ERROR_INPUT, "…")`.
int why_set(struct why *why, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
