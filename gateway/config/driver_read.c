// What every part of a driver file needs: faults, memory, numbers.
#include "config/driver_read.h"

#include "base/arena.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

void driver_read_fault(struct driver_reader *reader, const struct node *node, const char *format,
                       ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    document_fault(reader->document, node, "%s", text);
    reader->good = false;
}

bool driver_read_note(struct driver_reader *reader, bool good)
{
    reader->good = reader->good && good;
    return good;
}

void *driver_read_take(struct driver_reader *reader, size_t bytes)
{
    void *memory = arena_take(&reader->driver->arena, bytes);
    if (!memory) {
        driver_read_fault(reader, NULL, "out of memory");
    }
    return memory;
}

// Digits in the base at p, to the end of the text.
static int parse_digits(const char *p, unsigned base, uint64_t *out)
{
    uint64_t number = 0;
    bool range = false;
    if (!*p) {
        return ERROR_INPUT;
    }
    for (; *p; p++) {
        unsigned digit = *p >= '0' && *p <= '9'   ? (unsigned)(*p - '0')
                         : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10)
                         : *p >= 'A' && *p <= 'F' ? (unsigned)(*p - 'A' + 10)
                                                  : 99;
        if (digit >= base) {
            return ERROR_INPUT;
        }
        range = range || __builtin_mul_overflow(number, base, &number) ||
                __builtin_add_overflow(number, digit, &number);
    }
    *out = number;
    return range ? ERROR_RANGE : OK;
}

// "12", "0x0C", "-5". A leading zero is refused: some readers of YAML take it for octal.
int driver_parse_number(const char *text, bool *negative, uint64_t *out)
{
    *negative = *text == '-';
    text += *negative;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        return parse_digits(text + 2, 16, out);
    }
    return text[0] == '0' && text[1] ? ERROR_INPUT : parse_digits(text, 10, out);
}

// A whole number from 0 to max, decimal or hexadecimal.
bool driver_read_number(struct driver_reader *reader, const struct node *node, const char *what,
                        uint64_t max, uint64_t *out)
{
    const char *text;
    bool negative;
    uint64_t number;
    if (!driver_read_note(reader, document_string(reader->document, node, what, 1,
                                                  DRIVER_NUMBER_TEXT_MAX, &text))) {
        return false;
    }
    int error = driver_parse_number(text, &negative, &number);
    if (error == ERROR_INPUT) {
        driver_read_fault(reader, node,
                          "%s %s: not a whole number (expected one such as 72 or 0x48)", what,
                          text);
    } else if (error || negative || number > max) {
        driver_read_fault(reader, node, "%s %s: out of range (expected 0 to %llu)", what, text,
                          (unsigned long long)max);
    } else {
        *out = number;
        return true;
    }
    return false;
}

bool driver_read_uint16(struct driver_reader *reader, const struct node *node, const char *what,
                        uint16_t *out)
{
    uint64_t number;
    if (!driver_read_number(reader, node, what, UINT16_MAX, &number)) {
        return false;
    }
    *out = (uint16_t)number;
    return true;
}

size_t driver_list_length(const struct node *list)
{
    size_t length = 0;
    for (const struct node *item = list->first; item; item = item->next) {
        length++;
    }
    return length;
}
