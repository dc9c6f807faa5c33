#include "report/energy_table.h"

#include "report/energy_read.h"

#include "base/arena.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define POINT_MAX      65
#define METER_NAME_MAX 32
#define PARTS_MAX      1000
#define DECIMAL_MAX    30 // digits before the point

// Above 0 and below 10^30.
static bool read_positive(struct document *document, const struct node *node, struct decimal *out)
{
    if (!document_decimal(document, node, node->key, out)) {
        return false;
    }
    static const struct decimal most = {1, false, DECIMAL_MAX};
    struct exact number = exact_of(*out), limit = exact_of(most);
    if (exact_sign(&number) <= 0 || exact_compare(&number, &limit) >= 0) {
        document_fault(document, node, "%s %s: expected more than 0 and less than 1e%d", node->key,
                       node->scalar, DECIMAL_MAX);
        return false;
    }
    return true;
}

static void read_register(struct energy_table *table, const struct node *node,
                          struct energy_register *out)
{
    const struct node *point = NULL, *modulus = NULL, *rate = NULL;
    const struct document_key keys[] = {{"point", true, NODE_SCALAR, &point},
                                        {"modulus", true, NODE_SCALAR, &modulus},
                                        {"max_per_hour", true, NODE_SCALAR, &rate}};
    struct document *document = &table->document;
    document_read_keys(document, node, "register", keys, sizeof keys / sizeof keys[0]);
    if (!point || !document_string(document, point, "point", 3, POINT_MAX, &out->point)) {
        out->point = "";
    }
    out->rules.has_modulus = modulus && read_positive(document, modulus, &out->rules.modulus);
    out->rules.has_rate = rate && read_positive(document, rate, &out->rules.rate);
    for (const struct energy_register *other = table->registers; *out->point && other < out;
         other++) {
        if (strcmp(other->point, out->point) == 0) {
            document_fault(document, point, "point %s: stated twice", out->point);
        }
    }
}

// A time that no zone moves: with its offset.
static void read_time(struct document *document, const struct node *node, int64_t *out)
{
    if (!strchr(node->scalar, 'T') || clock_parse_utc(node->scalar, out) != OK) {
        document_fault(document, node, "%s %s: expected a time such as 2026-11-24T08:00:00+08:00",
                       node->key, node->scalar);
    }
}

static void read_exchange(struct energy_table *table, const struct node *node,
                          struct energy_exchange *out)
{
    const struct node *point = NULL, *at = NULL, *closing = NULL, *opening = NULL;
    const struct document_key keys[] = {{"point", true, NODE_SCALAR, &point},
                                        {"at", true, NODE_SCALAR, &at},
                                        {"closing", true, NODE_SCALAR, &closing},
                                        {"opening", true, NODE_SCALAR, &opening}};
    struct document *document = &table->document;
    document_read_keys(document, node, "exchange", keys, sizeof keys / sizeof keys[0]);
    if (!point || !document_string(document, point, "point", 3, POINT_MAX, &out->point)) {
        out->point = "";
    }
    if (at) {
        read_time(document, at, &out->at_us);
    }
    if (closing) {
        document_decimal(document, closing, "closing", &out->closing);
    }
    if (opening) {
        document_decimal(document, opening, "opening", &out->opening);
    }
}

static void read_parts(struct energy_table *table, const struct node *list, bool minus,
                       struct energy_meter *out)
{
    for (const struct node *node = list ? list->first : NULL; node; node = node->next) {
        struct energy_part *part = &out->parts[out->part_count++];
        part->minus = minus;
        if (!document_string(&table->document, node, "point", 3, POINT_MAX, &part->name)) {
            part->name = "";
        }
    }
}

static void read_meter(struct energy_table *table, const struct node *node,
                       struct energy_meter *out)
{
    const struct node *name = NULL, *plus = NULL, *minus = NULL, *independent = NULL;
    const struct document_key keys[] = {{"name", true, NODE_SCALAR, &name},
                                        {"plus", true, NODE_SEQUENCE, &plus},
                                        {"minus", false, NODE_SEQUENCE, &minus},
                                        {"independent", false, NODE_SCALAR, &independent}};
    struct document *document = &table->document;
    document_read_keys(document, node, "meter", keys, sizeof keys / sizeof keys[0]);
    out->name = "";
    if (name && !text_is_name(name->scalar, METER_NAME_MAX)) {
        document_fault(document, name, "name '%s': expected 1 to %d of a-z, 0-9 and -",
                       name->scalar, METER_NAME_MAX);
    } else if (name) {
        out->name = name->scalar;
    }
    for (const struct energy_meter *other = table->meters; *out->name && other < out; other++) {
        if (strcmp(other->name, out->name) == 0) {
            document_fault(document, name, "meter %s: stated twice", out->name);
        }
    }
    if (independent) {
        document_bool(document, independent, "independent", &out->independent);
    }
    size_t count = energy_count(plus) + energy_count(minus);
    out->parts = count <= PARTS_MAX ? arena_take(&table->arena, count * sizeof *out->parts) : NULL;
    if (plus && !plus->first) {
        document_fault(document, plus, "a meter needs a register that is added");
    } else if (!out->parts) {
        document_fault(document, node, "%zu registers: at most %d are possible", count, PARTS_MAX);
    } else {
        read_parts(table, plus, false, out);
        read_parts(table, minus, true, out);
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct energy_exchange *)a)->at_us;
    int64_t y = ((const struct energy_exchange *)b)->at_us;
    return x < y ? -1 : x > y;
}

static void read_all(struct energy_table *table)
{
    const struct node *registers = NULL, *exchanges = NULL, *tariff = NULL, *coefficients = NULL,
                      *meters = NULL;
    const struct document_key keys[] = {{"registers", false, NODE_SEQUENCE, &registers},
                                        {"exchanges", false, NODE_SEQUENCE, &exchanges},
                                        {"meters", false, NODE_SEQUENCE, &meters},
                                        {"tariff", false, NODE_MAPPING, &tariff},
                                        {"coefficients", false, NODE_SEQUENCE, &coefficients}};
    document_read_keys(&table->document, table->document.root, "energy table", keys,
                       sizeof keys / sizeof keys[0]);
    table->registers =
        energy_take_list(&table->document, &table->arena, registers, sizeof *table->registers);
    table->exchanges =
        energy_take_list(&table->document, &table->arena, exchanges, sizeof *table->exchanges);
    for (const struct node *node = table->registers ? registers->first : NULL; node;
         node = node->next) {
        read_register(table, node, &table->registers[table->register_count++]);
    }
    for (const struct node *node = table->exchanges ? exchanges->first : NULL; node;
         node = node->next) {
        read_exchange(table, node, &table->exchanges[table->exchange_count++]);
    }
    table->meters =
        energy_take_list(&table->document, &table->arena, meters, sizeof *table->meters);
    for (const struct node *node = table->meters ? meters->first : NULL; node; node = node->next) {
        read_meter(table, node, &table->meters[table->meter_count++]);
    }
    if (tariff) {
        tariff_read(&table->document, &table->arena, tariff, &table->tariff);
    }
    coefficients_read(&table->document, &table->arena, coefficients, &table->coefficients,
                      &table->coefficient_count);
    if (table->exchanges) {
        qsort(table->exchanges, table->exchange_count, sizeof *table->exchanges, by_time);
    }
}

int energy_table_load(struct energy_table **out, const char *path, struct faults *faults)
{
    size_t before = faults->count + faults->dropped;
    *out = NULL;
    struct energy_table *table = calloc(1, sizeof *table);
    if (!table) {
        faults_add(faults, path, 0, 0, "out of memory");
        return ERROR_INPUT;
    }
    if (document_read_file(&table->document, path, faults) == OK) {
        table->hash = digest_of(table->document.bytes, table->document.length, NULL, 0);
        read_all(table);
    }
    if (faults->count + faults->dropped > before) {
        energy_table_free(table);
        return ERROR_INPUT;
    }
    table->document.faults = NULL; // the caller's
    *out = table;
    return OK;
}

void energy_table_free(struct energy_table *table)
{
    if (table) {
        document_free(&table->document);
        arena_free(&table->arena);
        free(table);
    }
}
