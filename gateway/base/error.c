#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *error_text(int error)
{
    switch (error) {
    case OK: return "no error";
    case ERROR_MEMORY: return "out of memory";
    case ERROR_SYSTEM: return "system call failed";
    case ERROR_INPUT: return "malformed input";
    case ERROR_RANGE: return "beyond a limit";
    case ERROR_FULL: return "no room";
    case ERROR_ABSENT: return "not there";
    case ERROR_DAMAGED: return "damaged";
    case ERROR_TIMEOUT: return "timeout";
    case ERROR_CLOSED: return "closed";
    case ERROR_REFUSED: return "refused";
    case ERROR_STOPPED: return "stopped";
    case ERROR_BUSY: return "busy";
    default: return "unknown error";
    }
}

int why_set(struct why *why, int error, const char *format, ...)
{
    if (why) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(why->text, sizeof why->text, format, arguments);
        va_end(arguments);
    }
    return error;
}
