#include "report/meter.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_MAX    1000
#define DEFINITION_MAX 65536

static const char *string_of(const cJSON *object, const char *name)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return string ? string : "";
}

// What makes it the same register of the same meter: not how often it is asked, nor over which bus.
static void describe(const cJSON *definition, struct text *out)
{
    static const char *const words[] = {"maker", "model", "serial", "type",
                                        "order", "scale", "ratio"};
    static const char *const numbers[] = {"fc", "address", "count"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        text_append_json(out, string_of(definition, words[i]));
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(definition, numbers[i]);
        text_append_format(out, " %d", cJSON_IsNumber(item) ? item->valueint : -1);
    }
}

static int read_definition(struct meter *meter, struct ledger_reader *reader, size_t i,
                           struct text *description, struct why *why)
{
    struct meter_number *number = &meter->numbers[i];
    struct text bytes = text_make(DEFINITION_MAX);
    int error = ledger_reader_point_definition(reader, number->number, &bytes, why);
    cJSON *json = error ? NULL : cJSON_ParseWithLength(bytes.data, bytes.length);
    text_free(&bytes);
    if (error) {
        return error;
    }
    const cJSON *every = cJSON_GetObjectItemCaseSensitive(json, "every_us");
    const char *unit = string_of(json, "unit");
    number->every_us = cJSON_IsNumber(every) ? (int64_t)every->valuedouble : 0;
    if (i > 0 && strcmp(unit, meter->unit) != 0) {
        error = why_set(why, ERROR_REFUSED, "%s has been in '%s' and in '%s': nothing adds them up",
                        meter->name, meter->unit, unit);
    }
    snprintf(meter->unit, sizeof meter->unit, "%s", unit);
    describe(json, description);
    error = error ? error : meter_curve_read(&number->curve, reader, meter->name, json);
    cJSON_Delete(json);
    number->source = 0;
    while (!error && number->source < i &&
           !meter_curve_is_same(&meter->numbers[number->source].curve, &number->curve)) {
        number->source++;
    }
    return error;
}

static int read_numbers(struct meter *meter, const struct meter_log *logs, struct why *why)
{
    struct text *descriptions = calloc(meter->number_count, sizeof *descriptions);
    int error = descriptions ? OK : ERROR_MEMORY;
    for (size_t i = 0; !error && i < meter->number_count; i++) {
        descriptions[i] = text_make(DEFINITION_MAX);
        error =
            read_definition(meter, logs[meter->numbers[i].log].reader, i, &descriptions[i], why);
        size_t same = 0;
        while (!error && same < i && strcmp(descriptions[same].data, descriptions[i].data) != 0) {
            same++;
        }
        meter->numbers[i].identity = same;
    }
    for (size_t i = 0; descriptions && i < meter->number_count; i++) {
        text_free(&descriptions[i]);
    }
    free(descriptions);
    return error == ERROR_MEMORY ? why_set(why, error, "%s", error_text(error)) : error;
}

static int take_rules(struct meter *meter, const struct energy_table *table, struct why *why)
{
    size_t count = table ? table->exchange_count : 0;
    meter->exchanges = calloc(count + 1, sizeof(const struct energy_exchange *));
    if (!meter->exchanges) {
        return why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table->exchanges[i].point, meter->name) == 0) {
            meter->exchanges[meter->exchange_count++] = &table->exchanges[i];
        }
    }
    for (size_t i = 0; table && i < table->register_count; i++) {
        if (strcmp(table->registers[i].point, meter->name) == 0) {
            meter->rules = table->registers[i].rules;
        }
    }
    return OK;
}

static int list_numbers(struct meter *meter, const struct meter_log *logs, size_t log_count,
                        struct why *why)
{
    int error = OK;
    for (size_t i = 0; !error && i < log_count; i++) {
        uint32_t numbers[NUMBERS_MAX];
        size_t count = 0, before = meter->number_count;
        error = ledger_reader_point_numbers(logs[i].reader, meter->name, numbers, NUMBERS_MAX,
                                            &count, why);
        struct meter_number *list =
            error ? NULL : realloc(meter->numbers, (before + count + 1) * sizeof *list);
        if (!error && !list) {
            error = why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
        }
        meter->numbers = list ? list : meter->numbers;
        for (size_t j = 0; list && j < count; j++) {
            list[meter->number_count++] = (struct meter_number){.log = i, .number = numbers[j]};
        }
    }
    return error;
}

int meter_open(struct meter *meter, const struct meter_log *logs, size_t log_count,
               const struct energy_table *table, struct why *why)
{
    int error = list_numbers(meter, logs, log_count, why);
    if (!error && !meter->number_count) {
        error = why_set(why, ERROR_ABSENT, "there is no point '%s' in this ledger", meter->name);
    }
    error = error ? error : read_numbers(meter, logs, why);
    return error ? error : take_rules(meter, table, why);
}

void meter_free(struct meter *meter)
{
    for (size_t i = 0; meter->numbers && i < meter->number_count; i++) {
        meter_curve_free(&meter->numbers[i].curve);
    }
    free(meter->numbers);
    free(meter->exchanges);
    free(meter->raw);
    free(meter->readings);
}

struct meter meter_again(const struct meter *meter)
{
    struct meter again = {.name = meter->name,
                          .numbers = meter->numbers,
                          .number_count = meter->number_count,
                          .rules = meter->rules,
                          .exchanges = meter->exchanges,
                          .exchange_count = meter->exchange_count};
    memcpy(again.unit, meter->unit, sizeof again.unit);
    return again;
}

void meter_free_again(struct meter *again)
{
    free(again->raw);
    free(again->readings);
}
