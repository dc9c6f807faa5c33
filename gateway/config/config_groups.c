// The groups of tally.yaml: sums and differences of registers, each reported as one meter.
#include "base/error.h"
#include "config/config_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINT_MAX 65 // bytes of <instrument>.<quantity>

struct group_keys {
    const struct node *name, *plus, *minus, *kind, *site, *independent;
};

static const char *const kinds[] = {"electricity", "gas",     "water",         "heat",
                                    "steam",       "cooling", "compressed-air"};
// Of quantities whose readings no one counts up: their difference is no energy.
static const char *const momentary[] = {"voltage",  "current",  "power", "frequency", "temperature",
                                        "humidity", "pressure", "ratio", "flow",      "angle"};

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

// --- a register ---------------------------------------------------------------------------------

static const struct config_instrument *find_instrument(const struct config *config,
                                                       const char *name, size_t length)
{
    for (size_t i = 0; i < config->instrument_count; i++) {
        const char *other = config->instruments[i].name;
        if (other && strlen(other) == length && memcmp(other, name, length) == 0) {
            return &config->instruments[i];
        }
    }
    return NULL;
}

static void fault_instrument(struct config_reader *reader, const struct node *node)
{
    const struct config *config = reader->config;
    const char **names = calloc(config->instrument_count + 1, sizeof(const char *));
    size_t count = 0;
    char name[POINT_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(node->scalar, "."), node->scalar);
    for (size_t i = 0; names && i < config->instrument_count; i++) {
        if (config->instruments[i].name) {
            names[count++] = config->instruments[i].name;
        }
    }
    const char *near = names ? document_nearest(name, names, count) : NULL;
    document_fault(reader->document, node, "%s: no such instrument%s%s%s", node->scalar,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
}

// The quantity that "instrument.quantity" names, or NULL after a fault, or where the instrument
// has one.
static const struct driver_quantity *find_quantity(struct config_reader *reader,
                                                   const struct node *node)
{
    const char *dot = strchr(node->scalar, '.');
    const struct config_instrument *instrument =
        find_instrument(reader->config, node->scalar, (size_t)(dot - node->scalar));
    if (!instrument) {
        fault_instrument(reader, node);
        return NULL;
    }
    if (!instrument->driver) {
        return NULL;
    }
    const struct driver_quantity *quantity = driver_quantity(instrument->driver, dot + 1);
    if (!quantity) {
        config_fault_quantity(reader, node, dot + 1, instrument->driver);
        return NULL;
    }
    for (size_t i = 0; i < instrument->quantity_count; i++) {
        if (instrument->quantities[i] == quantity) {
            return quantity;
        }
    }
    document_fault(reader->document, node, "%s: it is not among the quantities to read",
                   node->scalar);
    return NULL;
}

static bool counts_up(struct config_reader *reader, const struct node *node,
                      const struct driver_quantity *quantity)
{
    if (quantity->type != TYPE_STRING &&
        !is_one_of(quantity->kind, momentary, sizeof momentary / sizeof momentary[0])) {
        return true;
    }
    document_fault(reader->document, node, "%s: it is %s %s, and no register that counts up",
                   node->scalar, quantity->type == TYPE_STRING ? "a" : "of the kind",
                   quantity->type == TYPE_STRING ? "text" : quantity->kind);
    return false;
}

// --- parts --------------------------------------------------------------------------------------

// One more register, of this unit, once.
static void add_part(struct config_reader *reader, const struct node *node,
                     struct config_group *group, const char *point, bool minus, const char *unit)
{
    if (group->unit && unit && strcmp(group->unit, unit) != 0) {
        document_fault(reader->document, node, "%s is in '%s' and %s in '%s': nothing adds them up",
                       point, unit, group->parts[0].point, group->unit);
        return;
    }
    for (size_t i = 0; i < group->part_count; i++) {
        if (strcmp(group->parts[i].point, point) == 0) {
            document_fault(reader->document, node, "%s: it is in group %s already", point,
                           group->name ? group->name : "");
            return;
        }
    }
    if (group->part_count == CONFIG_GROUP_PARTS_MAX) {
        document_fault(reader->document, node, "more than %d registers in a group",
                       CONFIG_GROUP_PARTS_MAX);
        return;
    }
    group->unit = group->unit ? group->unit : unit;
    group->parts[group->part_count++] = (struct config_part){point, minus};
}

// All registers of a group that is stated before.
static void add_group(struct config_reader *reader, const struct node *node,
                      struct config_group *group, bool minus)
{
    const struct config *config = reader->config;
    const char *names[CONFIG_GROUPS_MAX];
    size_t count = 0;
    for (const struct config_group *other = config->groups; other < group; other++) {
        if (other->name && strcmp(other->name, node->scalar) == 0) {
            for (size_t i = 0; i < other->part_count; i++) {
                add_part(reader, node, group, other->parts[i].point, other->parts[i].minus != minus,
                         other->unit);
            }
            return;
        }
        if (other->name) {
            names[count++] = other->name;
        }
    }
    const char *near = document_nearest(node->scalar, names, count);
    document_fault(reader->document, node,
                   "%s: neither instrument.quantity nor a group stated before%s%s%s", node->scalar,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void read_parts(struct config_reader *reader, const struct node *list, bool minus,
                       struct config_group *group)
{
    const char *word;
    for (const struct node *node = list ? list->first : NULL; node; node = node->next) {
        if (!document_string(reader->document, node, minus ? "minus" : "plus", 1, POINT_MAX,
                             &word)) {
            continue;
        }
        if (!strchr(word, '.')) {
            add_group(reader, node, group, minus);
            continue;
        }
        const struct driver_quantity *quantity = find_quantity(reader, node);
        if (quantity && counts_up(reader, node, quantity)) {
            add_part(reader, node, group, word, minus, quantity->unit);
        }
    }
}

static size_t count_parts(struct config_reader *reader, const struct group_keys *k,
                          const struct config_group *group)
{
    size_t count = 0;
    const struct node *lists[] = {k->plus, k->minus};
    for (size_t i = 0; i < 2; i++) {
        for (const struct node *node = lists[i] ? lists[i]->first : NULL; node; node = node->next) {
            count++;
            for (const struct config_group *other = reader->config->groups; other < group;
                 other++) {
                bool named = other->name && node->kind == NODE_SCALAR &&
                             strcmp(other->name, node->scalar) == 0;
                count += named ? other->part_count : 0;
            }
        }
    }
    return count < CONFIG_GROUP_PARTS_MAX ? count : CONFIG_GROUP_PARTS_MAX;
}

// --- a group ------------------------------------------------------------------------------------

static void read_name(struct config_reader *reader, const struct node *node,
                      struct config_group *group)
{
    group->name = config_read_name(reader, node, "name");
    for (const struct config_group *other = reader->config->groups; group->name && other < group;
         other++) {
        if (other->name && strcmp(other->name, group->name) == 0) {
            document_fault(reader->document, node, "name %s: the group at line %d has it already",
                           group->name, other->line);
            return;
        }
    }
}

// What of the site's energy it is: one group for each kind, or the site would be counted twice.
static void read_place(struct config_reader *reader, const struct group_keys *k,
                       struct config_group *group)
{
    int kind = -1;
    if (k->kind && document_choice(reader->document, k->kind, "kind", kinds,
                                   sizeof kinds / sizeof kinds[0], &kind)) {
        group->kind = kinds[kind];
    }
    if (k->site && document_bool(reader->document, k->site, "site", &group->site) && group->site &&
        !k->kind) {
        document_fault(reader->document, k->site, "site yes: of which kind? state kind too");
    }
    for (const struct config_group *other = reader->config->groups;
         group->site && group->kind && other < group; other++) {
        if (other->site && other->kind == group->kind) {
            document_fault(reader->document, k->site,
                           "site yes: the group at line %d is the site's %s already: state one "
                           "that adds both",
                           other->line, group->kind);
            return;
        }
    }
}

static void read_group(struct config_reader *reader, const struct node *node,
                       struct config_group *group)
{
    struct group_keys k = {0};
    const struct document_key keys[] = {{"name", true, NODE_SCALAR, &k.name},
                                        {"plus", true, NODE_SEQUENCE, &k.plus},
                                        {"minus", false, NODE_SEQUENCE, &k.minus},
                                        {"kind", false, NODE_SCALAR, &k.kind},
                                        {"site", false, NODE_SCALAR, &k.site},
                                        {"independent", false, NODE_SCALAR, &k.independent}};
    *group = (struct config_group){.line = node->line};
    document_read_keys(reader->document, node, "group", keys, sizeof keys / sizeof keys[0]);
    read_name(reader, k.name, group);
    read_place(reader, &k, group);
    if (k.independent) {
        document_bool(reader->document, k.independent, "independent", &group->independent);
    }
    if (k.plus && !k.plus->first) {
        document_fault(reader->document, k.plus, "plus: nothing is added (expected registers)");
    }
    group->parts = config_take(reader, count_parts(reader, &k, group) * sizeof *group->parts);
    if (group->parts) {
        read_parts(reader, k.plus, false, group);
        read_parts(reader, k.minus, true, group);
    }
}

void config_read_groups(struct config_reader *reader, const struct node *list)
{
    struct config *config = reader->config;
    size_t count = config_count(reader, list, "groups", CONFIG_GROUPS_MAX);
    config->groups = config_take(reader, count * sizeof *config->groups);
    for (const struct node *node = list->first;
         config->groups && node && config->group_count < count; node = node->next) {
        read_group(reader, node, &config->groups[config->group_count++]);
    }
}
