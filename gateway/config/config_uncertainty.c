// The uncertainty of tally.yaml: what is declared of each quantity of an instrument beside its
// certificate.
#include "base/error.h"
#include "config/config_read.h"

#include <string.h>

#define NAME_MAX_BYTES   40
#define SOURCE_MAX_BYTES 120
#define REFRESH_MAX_US   (INT64_C(86400) * 1000000)

struct influence_nodes {
    const struct node *name, *source, *half_width, *standard;
};

static void read_amount(struct config_reader *reader, const struct node *node,
                        const struct influence_nodes *k, struct config_influence *influence)
{
    const struct node *amount = k->half_width ? k->half_width : k->standard;
    if (!k->half_width == !k->standard) {
        document_fault(reader->document, k->standard ? k->standard : node,
                       "influence: expected either half_width or standard_uncertainty");
        return;
    }
    influence->is_standard = amount == k->standard;
    if (document_decimal(reader->document, amount, amount->key, &influence->value) &&
        (influence->value.negative || !influence->value.magnitude)) {
        document_fault(reader->document, amount, "%s %s: expected more than 0", amount->key,
                       amount->scalar);
    }
}

static void read_influence(struct config_reader *reader, const struct node *node,
                           struct config_uncertainty *of)
{
    struct influence_nodes k = {0};
    struct config_influence *influence = &of->influences[of->influence_count];
    const struct document_key keys[] = {{"name", true, NODE_SCALAR, &k.name},
                                        {"half_width", false, NODE_SCALAR, &k.half_width},
                                        {"standard_uncertainty", false, NODE_SCALAR, &k.standard},
                                        {"source", true, NODE_SCALAR, &k.source}};
    bool good =
        document_read_keys(reader->document, node, "influence", keys, sizeof keys / sizeof keys[0]);
    if (k.source) {
        document_string(reader->document, k.source, "source", 1, SOURCE_MAX_BYTES,
                        &influence->source);
    }
    if (good) { // otherwise what is missing may be what was misspelt
        read_amount(reader, node, &k, influence);
    }
    if (!k.name ||
        !document_string(reader->document, k.name, "name", 1, NAME_MAX_BYTES, &influence->name)) {
        return;
    }
    for (size_t i = 0; i < of->influence_count; i++) {
        if (strcmp(of->influences[i].name, influence->name) == 0) {
            document_fault(reader->document, k.name, "name %s: a second time", influence->name);
        }
    }
    of->influence_count++;
}

static void read_influences(struct config_reader *reader, const struct node *list,
                            struct config_uncertainty *of)
{
    size_t count = config_count(reader, list, "influences", CONFIG_INFLUENCES_MAX);
    of->influences = config_take(reader, count * sizeof *of->influences);
    for (const struct node *node = list->first; node && of->influences && count-- > 0;
         node = node->next) {
        read_influence(reader, node, of);
    }
}

static void read_declared(struct config_reader *reader, const struct node *node,
                          struct config_uncertainty *of)
{
    const struct node *drift, *influences, *refresh, *slope;
    const struct document_key keys[] = {{"drift", false, NODE_SCALAR, &drift},
                                        {"influences", false, NODE_SEQUENCE, &influences},
                                        {"refresh", false, NODE_SCALAR, &refresh},
                                        {"slope", false, NODE_SCALAR, &slope}};
    bool good = document_read_keys(reader->document, node, "uncertainty", keys,
                                   sizeof keys / sizeof keys[0]);
    if (drift) {
        config_read_rate(reader, drift, "drift", "0.05/y", &of->drift, &of->drift_per_us);
    }
    if (slope) {
        config_read_rate(reader, slope, "slope", "0.5/s, 5/min, 20/h", &of->slope,
                         &of->slope_per_us);
    }
    if (refresh) {
        document_duration(reader->document, refresh, "refresh", 1000, REFRESH_MAX_US,
                          &of->refresh_us);
    }
    if (influences) {
        read_influences(reader, influences, of);
    }
    if (good && !drift && !slope && !refresh && !of->influence_count) {
        document_fault(reader->document, node,
                       "uncertainty of %s: none (expected drift, influences, refresh or slope)",
                       node->key);
    }
}

// Whether there can be a U of its readings.
static bool is_measured(struct config_reader *reader, const struct node *node,
                        const struct driver_quantity *quantity)
{
    struct node key = *node;
    key.line = node->key_line;
    key.column = node->key_column;
    if (driver_counts_up(quantity)) {
        document_fault(reader->document, &key,
                       "uncertainty of %s: its register counts up, so that its readings have none",
                       node->key);
        return false;
    }
    return true;
}

void config_read_uncertainty(struct config_reader *reader, const struct node *mapping,
                             struct config_instrument *instrument)
{
    size_t room = instrument->quantity_count + 1;
    instrument->uncertainty = config_take(reader, room * sizeof(void *));
    for (const struct node *node = mapping->first; node; node = node->next) {
        struct config_uncertainty *of = config_take(reader, sizeof *of);
        if (!of || !instrument->uncertainty) {
            return;
        }
        size_t slot = instrument->driver ? config_find_slot(reader, node, "uncertainty", instrument)
                                         : SIZE_MAX;
        read_declared(reader, node, of);
        if (slot != SIZE_MAX && is_measured(reader, node, instrument->quantities[slot])) {
            instrument->uncertainty[slot] = of;
        }
    }
}
