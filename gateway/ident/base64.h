// Base64 (RFC 4648 §4) in its one form: padded, no white space, unused bits zero. Pure.
#ifndef TALLY_IDENT_BASE64_H
#define TALLY_IDENT_BASE64_H

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

void base64_append(struct text *out, const void *bytes, size_t length);
// Decodes all of `digits` into at most `max` bytes. OK and *length; ERROR_INPUT on any other form
// of the same bytes too; ERROR_RANGE when they are more than `max`.
int base64_read(const char *digits, size_t count, uint8_t *out, size_t max, size_t *length);

#endif
