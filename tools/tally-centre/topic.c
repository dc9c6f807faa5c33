#include "topic.h"

#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define TOPIC_HEAD "tally/1/"

// The length of the part at `text` that is made of `alphabet` only and ends at '/' or the end, when
// it is within [min, max]; else 0.
static size_t part_length(const char *text, const char *alphabet, size_t min, size_t max)
{
    size_t length = strspn(text, alphabet);
    bool ends = text[length] == '/' || text[length] == '\0';
    return ends && length >= min && length <= max ? length : 0;
}

static size_t gateway_length(const char *text)
{
    size_t site = part_length(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 18, 18);
    if (!site || text[site] != '/') {
        return 0;
    }
    size_t name = part_length(text + site + 1, "abcdefghijklmnopqrstuvwxyz0123456789-", 1, 32);
    return name ? site + 1 + name : 0;
}

static size_t origin_length(const char *text)
{
    size_t gateway = gateway_length(text);
    if (!gateway || text[gateway] != '/') {
        return 0;
    }
    size_t id = part_length(text + gateway + 1, "0123456789abcdef", 32, 32);
    return id ? gateway + 1 + id : 0;
}

bool topic_is_origin(const char *origin)
{
    size_t length = origin_length(origin);
    return length && !origin[length];
}

static int read_last(struct topic *topic, const char *last)
{
    static const struct {
        const char *name;
        enum topic_kind kind;
    } kinds[] = {{"block", TOPIC_BLOCK},
                 {"definitions", TOPIC_DEFINITIONS},
                 {"checkpoint", TOPIC_CHECKPOINT},
                 {"hello", TOPIC_HELLO},
                 {"status", TOPIC_STATUS}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(last, kinds[i].name) == 0) {
            topic->kind = kinds[i].kind;
            return OK;
        }
    }
    topic->kind = TOPIC_FILE;
    return strncmp(last, "file/", 5) == 0 && strlen(last) == 5 + 2 * DIGEST_SIZE &&
                   text_parse_hex(last + 5, topic->file.bytes, DIGEST_SIZE) == OK
               ? OK
               : ERROR_INPUT;
}

int topic_read(struct topic *topic, const char *text)
{
    *topic = (struct topic){.origin = ""};
    if (strncmp(text, TOPIC_HEAD, strlen(TOPIC_HEAD)) != 0) {
        return ERROR_INPUT;
    }
    text += strlen(TOPIC_HEAD);
    size_t gateway = gateway_length(text), origin = origin_length(text);
    memcpy(topic->gateway, text, gateway);
    if (!origin || text[origin] != '/') {
        return ERROR_INPUT;
    }
    memcpy(topic->origin, text, origin);
    return read_last(topic, text + origin + 1);
}

void topic_write(char out[TOPIC_MAX], const char *origin, const char *last)
{
    snprintf(out, TOPIC_MAX, TOPIC_HEAD "%s/%s", origin, last);
}
