// What a centre reads of definitions and topics: any bytes are gone through without reading past
// their end, and what is found lies within them.
#include "../../tools/tally-centre/needs.c"
#include "../../tools/tally-centre/topic.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bounds {
    const char *begin, *end;
};

static void check(const struct bounds *bounds, const char *bytes, size_t length)
{
    if (bytes < bounds->begin || bytes > bounds->end || length > (size_t)(bounds->end - bytes)) {
        abort();
    }
}

static int check_point(void *context, const struct needs_point *point)
{
    check(context, point->definition, point->definition_length);
    check(context, point->instrument, point->instrument_length);
    check(context, point->quantity, point->quantity_length);
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size ? size : 1); // its own block, so that ASan sees the end
    char *text = strndup((const char *)data, size);
    struct needs needs = {.count = 0};
    struct topic topic;
    if (bytes && text) {
        struct bounds bounds = {bytes, bytes + size};
        memcpy(bytes, data, size);
        int of_files = needs_of_definitions(&needs, bytes, size, NULL);
        int of_points = needs_each_point(bytes, size, check_point, &bounds, NULL);
        if ((of_files == ERROR_INPUT) != (of_points == ERROR_INPUT)) {
            abort();
        }
        if (topic_read(&topic, text) == OK && !topic_is_origin(topic.origin)) {
            abort();
        }
    }
    free(bytes);
    free(text);
    return 0;
}
