// Who an instrument says it is, against who it was declared to be. Pure; the worker does the
// asking.
#ifndef TALLY_BUS_IDENTITY_H
#define TALLY_BUS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_EVERY_US INT64_C(86400000000)
#define IDENTITY_TRIES    3 // unanswered, until the next occasion

// Blanks at the ends do not count, nor do leading zeros where both are digits only.
bool identity_same(const char *declared, const char *read);
// The answer to function 17 as text: printable ASCII as it is, any other byte as \xNN. Cut to fit.
void identity_describe(const uint8_t *data, size_t length, char *out, size_t room);

#endif
