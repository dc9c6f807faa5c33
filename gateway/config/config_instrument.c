// The instruments of tally.yaml.
#include "base/error.h"
#include "config/config_read.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MIN_US 20000
#define EVERY_MAX_US ((int64_t)86400 * 1000000)
#define SERIAL_MAX   64
#define LOCATION_MAX 200

static const struct decimal one = {.magnitude = 1};

struct instrument_keys {
    const struct node *name, *bus, *unit, *driver, *serial, *location, *every, *align, *ratios,
        *quantities, *limits, *uncertainty;
};

// True when the bus is known; *out is its place then.
static bool read_bus_name(struct config_reader *reader, const struct node *node, size_t *out)
{
    const struct config *config = reader->config;
    const char *names[CONFIG_BUSES_MAX], *name;
    if (!node || !document_string(reader->document, node, "bus", 1, 60, &name)) {
        return false;
    }
    size_t count = 0;
    for (size_t i = 0; i < config->bus_count; i++) {
        if (config->buses[i].name && strcmp(config->buses[i].name, name) == 0) {
            *out = i;
            return true;
        }
        if (config->buses[i].name) {
            names[count++] = config->buses[i].name;
        }
    }
    const char *near = document_nearest(name, names, count);
    if (near) {
        document_fault(reader->document, node, "bus %s: no such bus; did you mean '%s'?", name,
                       near);
    } else {
        document_fault(reader->document, node, "bus %s: no such bus (expected a name from buses)",
                       name);
    }
    return false;
}

static bool read_unit(struct config_reader *reader, const struct node *node, bool bus_known,
                      struct config_instrument *instrument)
{
    bool line = bus_known && reader->bus_usable[instrument->bus] &&
                reader->config->buses[instrument->bus].transport != TRANSPORT_TCP;
    int64_t unit = 0;
    bool good = document_int(reader->document, node, "unit", line ? 1 : 0, line ? 247 : 255, &unit);
    instrument->unit = (uint8_t)unit;
    return good;
}

static struct driver *load_driver(struct config_reader *reader, const struct node *node,
                                  const char *id)
{
    for (size_t i = 0; i < reader->driver_id_count; i++) {
        struct driver *driver = NULL;
        if (strcmp(reader->driver_ids[i], id) != 0) {
            continue;
        }
        if (driver_load(&driver, reader->config->gateway.drivers, id, reader->faults) == OK) {
            reader->config->drivers[reader->config->driver_count++] = driver;
        }
        return driver;
    }
    const char *near =
        document_nearest(id, (const char *const *)reader->driver_ids, reader->driver_id_count);
    if (near) {
        document_fault(reader->document, node, "driver %s: no such driver; did you mean '%s'?", id,
                       near);
    } else {
        document_fault(reader->document, node, "driver %s: no such driver in %s", id,
                       reader->config->gateway.drivers);
    }
    return NULL;
}

// Each is loaded once; one that is not there or has faults is reported once.
static struct driver *read_driver(struct config_reader *reader, const struct node *node)
{
    const char *id;
    if (!node || !document_string(reader->document, node, "driver", 1, 64, &id) ||
        !reader->drivers_usable) {
        return NULL;
    }
    for (size_t i = 0; i < reader->slot_count; i++) {
        if (strcmp(reader->slots[i].id, id) == 0) {
            return reader->slots[i].driver;
        }
    }
    struct driver *driver = load_driver(reader, node, id);
    reader->slots[reader->slot_count++] = (struct driver_slot){id, driver};
    return driver;
}

// Whether YAML readers take a plain text for a number whose form is then lost: a leading zero,
// an exponent, hexadecimal, octal.
static bool is_fragile_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
        return true;
    }
    if (digits > 1 && text[0] == '0' && !text[digits]) {
        return true;
    }
    const char *p = text + digits;
    p += *p == '.' ? 1 + strspn(p + 1, "0123456789") : 0;
    if (p == text || (*p != 'e' && *p != 'E')) {
        return false;
    }
    p++;
    p += *p == '+' || *p == '-';
    return isdigit((unsigned char)*p) && !p[strspn(p, "0123456789")];
}

static const char *read_serial(struct config_reader *reader, const struct node *node)
{
    const char *serial = "";
    if (node && document_string(reader->document, node, "serial", 0, SERIAL_MAX, &serial) &&
        !node->quoted && is_fragile_number(serial)) {
        document_fault(reader->document, node,
                       "serial %s: put it in quotes (or it can be taken for a number)", serial);
    }
    return serial;
}

static void read_ratio(struct config_reader *reader, const struct node *node, const char *kind,
                       bool applies, const struct driver *driver, struct decimal *out)
{
    if (!node || !document_decimal(reader->document, node, node->key, out)) {
        return;
    }
    if (out->negative || out->magnitude == 0) {
        document_fault(reader->document, node, "%s %s: expected more than 0", node->key,
                       node->scalar);
    } else if (driver && !applies) {
        document_fault(reader->document, node,
                       "%s %s: driver %s has no quantity that a %s transformer's ratio applies to",
                       node->key, node->scalar, driver->id, kind);
    }
}

static void read_ratios(struct config_reader *reader, const struct node *node,
                        struct config_instrument *instrument)
{
    const struct node *pt, *ct;
    const struct document_key keys[] = {{"pt", false, NODE_SCALAR, &pt},
                                        {"ct", false, NODE_SCALAR, &ct}};
    const struct driver *driver = instrument->driver;
    bool has_pt = false, has_ct = false;
    for (size_t i = 0; driver && i < driver->quantity_count; i++) {
        has_pt = has_pt || driver->quantities[i].ratio_pt;
        has_ct = has_ct || driver->quantities[i].ratio_ct;
    }
    document_read_keys(reader->document, node, "ratios", keys, 2);
    read_ratio(reader, pt, "voltage", has_pt, driver, &instrument->ratio_pt);
    read_ratio(reader, ct, "current", has_ct, driver, &instrument->ratio_ct);
}

void config_fault_quantity(struct config_reader *reader, const struct node *node, const char *name,
                           const struct driver *driver)
{
    const char **names = calloc(driver->quantity_count + 1, sizeof *names);
    if (!names) {
        reader->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < driver->quantity_count; i++) {
        names[i] = driver->quantities[i].name;
    }
    const char *near = document_nearest(name, names, driver->quantity_count);
    if (near) {
        document_fault(reader->document, node,
                       "quantity %s: driver %s has no such; did you mean '%s'?", name, driver->id,
                       near);
    } else {
        document_fault(reader->document, node, "quantity %s: driver %s has no such", name,
                       driver->id);
    }
    free(names);
}

size_t config_find_slot(struct config_reader *reader, const struct node *node, const char *what,
                        const struct config_instrument *instrument)
{
    struct node key = *node; // faults of the name are at the key
    key.line = node->key_line;
    key.column = node->key_column;
    const struct driver_quantity *quantity = driver_quantity(instrument->driver, node->key);
    if (!quantity) {
        config_fault_quantity(reader, &key, node->key, instrument->driver);
        return SIZE_MAX;
    }
    if (quantity->type == TYPE_STRING) {
        document_fault(reader->document, &key, "%s of %s: it is a text", what, node->key);
        return SIZE_MAX;
    }
    for (size_t i = 0; i < instrument->quantity_count; i++) {
        if (instrument->quantities[i] == quantity) {
            return i;
        }
    }
    document_fault(reader->document, &key, "%s of %s: it is not among the quantities to read", what,
                   node->key);
    return SIZE_MAX;
}

static void add_quantity(struct config_reader *reader, const struct node *node,
                         struct config_instrument *instrument)
{
    const char *name = config_read_name(reader, node, "quantity");
    if (!name || !instrument->driver) {
        return;
    }
    const struct driver_quantity *quantity = driver_quantity(instrument->driver, name);
    if (!quantity) {
        config_fault_quantity(reader, node, name, instrument->driver);
        return;
    }
    for (size_t i = 0; i < instrument->quantity_count; i++) {
        if (instrument->quantities[i] == quantity) {
            document_fault(reader->document, node, "quantity %s: a second time", name);
            return;
        }
    }
    instrument->quantities[instrument->quantity_count++] = quantity;
}

// Those of the list, or all.
static void read_quantities(struct config_reader *reader, const struct node *list,
                            struct config_instrument *instrument)
{
    const struct driver *driver = instrument->driver;
    size_t room = driver ? driver->quantity_count : 0;
    instrument->quantities = config_take(reader, room * sizeof(const struct driver_quantity *));
    if (!instrument->quantities) {
        return;
    }
    if (!list) {
        for (size_t i = 0; i < room; i++) {
            instrument->quantities[i] = &driver->quantities[i];
        }
        instrument->quantity_count = room;
        return;
    }
    if (!list->first) {
        document_fault(reader->document, list,
                       "quantities: none (expected at least one, or leave the key out for all)");
    }
    for (const struct node *node = list->first; node; node = node->next) {
        add_quantity(reader, node, instrument);
    }
}

static void read_every(struct config_reader *reader, const struct node *node,
                       struct config_instrument *instrument)
{
    bool as_fast_as_it_goes = node->kind == NODE_SCALAR && strcmp(node->scalar, "0s") == 0;
    if (as_fast_as_it_goes) {
        instrument->every_us = 0;
    } else {
        document_duration(reader->document, node, "every", EVERY_MIN_US, EVERY_MAX_US,
                          &instrument->every_us);
    }
}

static void read_instrument(struct config_reader *reader, const struct node *node,
                            struct config_instrument *instrument)
{
    struct instrument_keys k = {0};
    const struct document_key keys[] = {{"name", true, NODE_SCALAR, &k.name},
                                        {"bus", true, NODE_SCALAR, &k.bus},
                                        {"unit", true, NODE_SCALAR, &k.unit},
                                        {"driver", true, NODE_SCALAR, &k.driver},
                                        {"serial", false, NODE_SCALAR, &k.serial},
                                        {"location", false, NODE_SCALAR, &k.location},
                                        {"every", true, NODE_SCALAR, &k.every},
                                        {"align", false, NODE_SCALAR, &k.align},
                                        {"ratios", false, NODE_MAPPING, &k.ratios},
                                        {"quantities", false, NODE_SEQUENCE, &k.quantities},
                                        {"limits", false, NODE_MAPPING, &k.limits},
                                        {"uncertainty", false, NODE_MAPPING, &k.uncertainty}};
    *instrument = (struct config_instrument){.bus = SIZE_MAX,
                                             .serial = "",
                                             .location = "",
                                             .ratio_pt = one,
                                             .ratio_ct = one,
                                             .line = node->line,
                                             .column = node->column};
    document_read_keys(reader->document, node, "instrument", keys, sizeof keys / sizeof keys[0]);
    instrument->name = config_read_name(reader, k.name, "name");
    bool bus_known = read_bus_name(reader, k.bus, &instrument->bus);
    size_t index = (size_t)(instrument - reader->config->instruments);
    reader->unit_usable[index] =
        k.unit && read_unit(reader, k.unit, bus_known, instrument) && bus_known;
    instrument->driver = read_driver(reader, k.driver);
    instrument->serial = read_serial(reader, k.serial);
    if (k.location) {
        document_string(reader->document, k.location, "location", 1, LOCATION_MAX,
                        &instrument->location);
    }
    if (k.every) {
        read_every(reader, k.every, instrument);
    }
    if (k.align) {
        document_bool(reader->document, k.align, "align", &instrument->align);
    }
    if (k.ratios) {
        read_ratios(reader, k.ratios, instrument);
    }
    read_quantities(reader, k.quantities, instrument);
    if (k.limits) {
        config_read_limits(reader, k.limits, instrument);
    }
    if (k.uncertainty) {
        config_read_uncertainty(reader, k.uncertainty, instrument);
    }
}

static void check_against_earlier(struct config_reader *reader, const struct node *node,
                                  size_t index)
{
    const struct config *config = reader->config;
    const struct config_instrument *instrument = &config->instruments[index], *other;
    for (other = config->instruments; instrument->name && other < instrument; other++) {
        if (other->name && strcmp(other->name, instrument->name) == 0) {
            document_fault(reader->document, node_child(node, "name"),
                           "name %s: the instrument at line %d has it already", instrument->name,
                           other->line);
            break;
        }
    }
    for (size_t i = 0; reader->unit_usable[index] && i < index; i++) {
        other = &config->instruments[i];
        if (reader->unit_usable[i] && other->bus == instrument->bus &&
            other->unit == instrument->unit) {
            document_fault(reader->document, node_child(node, "unit"),
                           "unit %d: the instrument at line %d has it already on bus %s",
                           instrument->unit, other->line, config->buses[instrument->bus].name);
            break;
        }
    }
}

void config_read_instruments(struct config_reader *reader, const struct node *list)
{
    struct config *config = reader->config;
    size_t count = config_count(reader, list, "instruments", CONFIG_INSTRUMENTS_MAX), points = 0;
    config->instruments = config_take(reader, count * sizeof *config->instruments);
    config->drivers = config_take(reader, count * sizeof(struct driver *));
    reader->slots = config_take(reader, count * sizeof *reader->slots);
    reader->unit_usable = config_take(reader, count * sizeof *reader->unit_usable);
    if (!config->instruments || !config->drivers || !reader->slots || !reader->unit_usable) {
        return;
    }
    for (const struct node *node = list->first; node && config->instrument_count < count;
         node = node->next) {
        size_t index = config->instrument_count++;
        read_instrument(reader, node, &config->instruments[index]);
        check_against_earlier(reader, node, index);
        points += config->instruments[index].quantity_count;
    }
    if (points > CONFIG_POINTS_MAX) {
        document_fault(reader->document, list,
                       "instruments: %zu points in all (expected at most %d)", points,
                       CONFIG_POINTS_MAX);
    }
}
