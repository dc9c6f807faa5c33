#include "bus/identity.h"

#include <stdio.h>
#include <string.h>

// The part of `text` that counts.
static const char *trim(const char *text, size_t *length)
{
    text += strspn(text, " \t");
    *length = strlen(text);
    while (*length > 0 && (text[*length - 1] == ' ' || text[*length - 1] == '\t')) {
        (*length)--;
    }
    return text;
}

static const char *trim_zeros(const char *digits, size_t *length)
{
    while (*length > 1 && *digits == '0') {
        digits++;
        (*length)--;
    }
    return digits;
}

bool identity_same(const char *declared, const char *read)
{
    static const char digits[] = "0123456789";
    size_t a, b;
    declared = trim(declared, &a);
    read = trim(read, &b);
    if (strspn(declared, digits) >= a && strspn(read, digits) >= b) {
        declared = trim_zeros(declared, &a);
        read = trim_zeros(read, &b);
    }
    return a == b && memcmp(declared, read, a) == 0;
}

void identity_describe(const uint8_t *data, size_t length, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 5 <= room; i++) {
        bool plain = data[i] >= 0x20 && data[i] < 0x7F && data[i] != '\\';
        used += (size_t)snprintf(out + used, room - used, plain ? "%c" : "\\x%02x", data[i]);
    }
    out[used] = '\0';
}
