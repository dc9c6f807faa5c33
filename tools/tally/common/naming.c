#include "common/naming.h"

#include "common/show.h"

#include "config/document.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX    (16u << 20)
#define NAMES_SHOWN 40
#define NEEDED_MAX  4096 // files of definitions: a driver an instrument, and some

static int read_definitions(struct ledger_reader *reader, const struct digest *hash, cJSON **out,
                            struct why *why)
{
    struct text text = text_make(FILE_MAX);
    int error = ledger_reader_file(reader, hash, &text, why);
    *out = NULL;
    if (!error) {
        *out = cJSON_ParseWithLength(text.data ? text.data : "", text.length);
        if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(*out, "points"))) {
            char hex[DIGEST_HEX];
            text_format_hex(hash->bytes, DIGEST_SIZE, hex);
            cJSON_Delete(*out);
            *out = NULL;
            error = why_set(why, ERROR_INPUT, "definitions %s: not of the form required", hex);
        }
    }
    text_free(&text);
    return error;
}

static const char *string_of(const cJSON *object, const char *name)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return string ? string : "";
}

// "instrument.quantity"
static void name_point(const cJSON *point, char *out, size_t size)
{
    snprintf(out, size, "%s.%s", string_of(point, "instrument"), string_of(point, "quantity"));
}

int naming_find(struct naming *naming, const struct digest *definitions, struct why *why)
{
    if (naming->loaded && memcmp(&naming->definitions, definitions, sizeof *definitions) == 0) {
        return OK;
    }
    cJSON *json;
    int error = read_definitions(naming->reader, definitions, &json, why);
    if (error) {
        return error;
    }
    naming->definitions = *definitions;
    naming->loaded = true;
    naming->found = false;
    snprintf(naming->time_zone, sizeof naming->time_zone, "%s", string_of(json, "time_zone"));
    const cJSON *point;
    cJSON_ArrayForEach(point, cJSON_GetObjectItemCaseSensitive(json, "points"))
    {
        char name[160];
        name_point(point, name, sizeof name);
        if (naming->name && strcmp(name, naming->name) == 0) {
            naming->found = true;
            naming->number = (uint32_t)strtoul(point->string, NULL, 10);
            snprintf(naming->unit, sizeof naming->unit, "%s", string_of(point, "unit"));
        }
    }
    cJSON_Delete(json);
    return OK;
}

// That there is no such point in these definitions, with the nearest name and the names there are.
static void print_unknown(struct naming *naming, const struct digest *definitions)
{
    cJSON *json = NULL;
    fprintf(stderr, "there is no point '%s' in this ledger", naming->name);
    if (read_definitions(naming->reader, definitions, &json, NULL) != OK) {
        fputc('\n', stderr);
        return;
    }
    const cJSON *points = cJSON_GetObjectItemCaseSensitive(json, "points"), *point;
    size_t count = (size_t)cJSON_GetArraySize(points), at = 0;
    char(*names)[160] = calloc(count + 1, sizeof *names);
    const char **words = calloc(count + 1, sizeof *words);
    if (names && words) {
        cJSON_ArrayForEach(point, points)
        {
            name_point(point, names[at], sizeof names[at]);
            words[at] = names[at];
            at++;
        }
        const char *nearest = document_nearest(naming->name, words, count);
        if (nearest) {
            fprintf(stderr, "; did you mean '%s'?", nearest);
        }
        fputs("\nits points now are:\n", stderr);
        for (size_t i = 0; i < at && i < NAMES_SHOWN; i++) {
            fprintf(stderr, "  %s\n", names[i]);
        }
        if (at > NAMES_SHOWN) {
            fprintf(stderr, "  … and %zu more\n", at - NAMES_SHOWN);
        }
    }
    free(words);
    free(names);
    cJSON_Delete(json);
}

static int last_definitions(struct ledger_reader *reader, uint64_t n, struct digest *definitions,
                            struct why *why)
{
    size_t count;
    struct digest *files = calloc(NEEDED_MAX, sizeof *files);
    int error =
        files ? ledger_reader_definitions(reader, n, definitions, files, NEEDED_MAX, &count, why)
              : why_set(why, ERROR_MEMORY, "no memory");
    free(files);
    return error;
}

int naming_now(struct naming *naming, const char *command, uint64_t *first, uint64_t *size)
{
    struct why why = {""};
    struct digest definitions;
    int error = ledger_reader_extent(naming->reader, first, size, &why);
    if (!error && *first == *size) {
        error = why_set(&why, ERROR_ABSENT, "the ledger holds no block yet");
    }
    error = error ? error : last_definitions(naming->reader, *size - 1, &definitions, &why);
    error = error ? error : naming_find(naming, &definitions, &why);
    if (!error && naming->name) {
        error = ledger_reader_point_numbers(naming->reader, naming->name, naming->numbers,
                                            NAMING_NUMBERS_MAX, &naming->number_count, &why);
    }
    if (error) {
        fprintf(stderr, "%s: %s\n", command, why.text);
        return error;
    }
    if (naming->name && !naming->number_count) {
        print_unknown(naming, &definitions);
        return ERROR_ABSENT;
    }
    if (!show_set_zone(naming->time_zone)) {
        fprintf(stderr, "%s: this machine does not know the time zone '%s': local times are UTC\n",
                command, naming->time_zone);
    }
    return OK;
}
