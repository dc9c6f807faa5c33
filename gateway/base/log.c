#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    threshold = level;
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > threshold) {
        return;
    }
    char line[1024];
    // JOURNAL_STREAM is set by systemd when standard error goes to the journal (systemd.exec(5));
    // it then reads "<3>" as a priority.
    int used = getenv("JOURNAL_STREAM") ? snprintf(line, sizeof line, "<%d>", (int)level) : 0;
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(line + used, sizeof line - (size_t)used - 1, format, arguments);
    va_end(arguments);
    size_t length = (size_t)used + (size_t)(more > 0 ? more : 0);
    if (length > sizeof line - 2) {
        length = sizeof line - 2;
    }
    line[length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
}
