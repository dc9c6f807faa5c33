// The collector of faults of document.h.
#include "base/error.h"
#include "config/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_MAX_DEFAULT 200
#define FAULT_BYTES_MAX    1024

void faults_free(struct faults *faults)
{
    if (!faults) {
        return;
    }
    for (size_t i = 0; i < faults->count; i++) {
        free(faults->lines[i]);
    }
    free(faults->lines);
    *faults = (struct faults){.max = faults->max};
}

// A fault is one line of UTF-8, whatever the file or its name holds: control characters (C1 too,
// which terminals obey) become '?', and a character that was cut at the end is taken off.
static void clean_line(char *line)
{
    unsigned char *to = (unsigned char *)line;
    for (const unsigned char *from = to; *from; from++) {
        if (*from < 0x20 || *from == 0x7f) {
            *to++ = '?';
        } else if (from[0] == 0xc2 && from[1] >= 0x80 && from[1] <= 0x9f) {
            *to++ = '?';
            from++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    size_t length = strlen(line), tail = 0;
    while (tail < 3 && tail < length && (line[length - tail - 1] & 0xc0) == 0x80) {
        tail++;
    }
    unsigned char lead = length > tail ? (unsigned char)line[length - tail - 1] : 0;
    size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (lead >= 0xc0 && want > tail) {
        line[length - tail - 1] = '\0';
    }
}

static bool faults_keep(struct faults *faults, char *line)
{
    size_t max = faults->max ? faults->max : FAULTS_MAX_DEFAULT;
    if (!line || faults->count >= max) {
        return false;
    }
    char **lines = realloc(faults->lines, (faults->count + 1) * sizeof *lines);
    if (!lines) {
        return false;
    }
    faults->lines = lines;
    faults->lines[faults->count++] = line;
    return true;
}

void faults_add(struct faults *faults, const char *file, int line, int column, const char *format,
                ...)
{
    char text[FAULT_BYTES_MAX];
    int used = line && column ? snprintf(text, sizeof text, "%.400s:%d:%d: ", file, line, column)
               : line         ? snprintf(text, sizeof text, "%.400s:%d: ", file, line)
                              : snprintf(text, sizeof text, "%.400s: ", file);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, sizeof text - (size_t)used, format, arguments);
    va_end(arguments);
    clean_line(text);
    char *copy = strdup(text);
    if (!faults_keep(faults, copy)) {
        free(copy);
        faults->dropped++;
    }
}

void document_fault(struct document *document, const struct node *node, const char *format, ...)
{
    char text[FAULT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    faults_add(document->faults, document->name, node ? node->line : 0, node ? node->column : 0,
               "%s", text);
}
