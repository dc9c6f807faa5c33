#include "ident/lines.h"

#include "ident/base64.h"
#include "ident/note.h"

#include <string.h>

int lines_fault(struct lines *lines, const char *expected)
{
    return why_set(lines->why, ERROR_INPUT, "line %zu: expected %s", lines->number, expected);
}

int lines_next(struct lines *lines, const char *expected, struct line *line)
{
    *line = (struct line){lines->end, 0};
    lines->number++;
    size_t left = (size_t)(lines->end - lines->at);
    const char *newline = left ? memchr(lines->at, '\n', left) : NULL;
    if (!newline) {
        return lines_fault(lines, expected);
    }
    *line = (struct line){lines->at, (size_t)(newline - lines->at)};
    lines->at = newline + 1;
    return OK;
}

int lines_end(struct lines *lines)
{
    if (lines->at == lines->end) {
        return OK;
    }
    lines->number++;
    return lines_fault(lines, "the end");
}

int lines_next_head(struct lines *lines, const char *head)
{
    struct line line;
    int error = lines_next(lines, head, &line);
    if (error) {
        return error;
    }
    return line.length == strlen(head) && memcmp(line.bytes, head, line.length) == 0
               ? OK
               : lines_fault(lines, head);
}

int lines_next_of(struct lines *lines, const char *key, const char *expected, struct line *rest)
{
    int error = lines_next(lines, expected, rest);
    size_t width = strlen(key);
    if (error || width == 0) {
        return error;
    }
    if (rest->length <= width || memcmp(rest->bytes, key, width) != 0 ||
        rest->bytes[width] != ' ') {
        return lines_fault(lines, expected);
    }
    rest->bytes += width + 1;
    rest->length -= width + 1;
    return OK;
}

int lines_next_number(struct lines *lines, const char *key, uint64_t *number)
{
    static const char expected[] = "a decimal number without leading zeros";
    struct line line;
    int error = lines_next_of(lines, key, expected, &line);
    if (error) {
        return error;
    }
    if (line.length == 0 || line.length > 19 || (line.bytes[0] == '0' && line.length > 1)) {
        return lines_fault(lines, expected);
    }
    *number = 0;
    for (size_t i = 0; i < line.length; i++) {
        if (line.bytes[i] < '0' || line.bytes[i] > '9') {
            return lines_fault(lines, expected);
        }
        *number = *number * 10 + (uint64_t)(line.bytes[i] - '0');
    }
    return *number > INT64_MAX ? lines_fault(lines, expected) : OK;
}

int lines_next_hash(struct lines *lines, struct digest *hash)
{
    static const char expected[] = "a hash: 32 bytes in canonical base64";
    struct line line;
    size_t count;
    int error = lines_next(lines, expected, &line);
    if (error) {
        return error;
    }
    error = base64_read(line.bytes, line.length, hash->bytes, DIGEST_SIZE, &count);
    return error || count != DIGEST_SIZE ? lines_fault(lines, expected) : OK;
}

int lines_next_name(struct lines *lines, const char *key, char *name, size_t max)
{
    static const char expected[] = "a name";
    struct line line;
    int error = lines_next_of(lines, key, expected, &line);
    if (error) {
        return error;
    }
    if (line.length > max || !note_name_is_valid(line.bytes, line.length)) {
        return lines_fault(lines, expected);
    }
    memcpy(name, line.bytes, line.length);
    name[line.length] = '\0';
    return OK;
}
