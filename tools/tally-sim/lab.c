#include "lab.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const parities[] = {"none", "even", "odd"};

double lab_time_s(const struct lab *lab, int64_t mono_ns)
{
    return lab->start_s + (double)(mono_ns - lab->start_mono_ns) * 1e-9;
}

int64_t lab_character_ns(const struct lab_line *line)
{
    int bits = 1 + 8 + (line->parity != PARITY_NONE) + line->stop_bits;
    return (int64_t)bits * 1000000000 / line->baud;
}

// "Now" in the lab: the machine's local time, so that the day's load peaks in its afternoon.
static void lab_set_start(struct lab *lab, bool given, int64_t start_us)
{
    lab->start_mono_ns = clock_wait_ns();
    if (given) {
        lab->start_s = (double)start_us * 1e-6;
        return;
    }
    struct timespec wall;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &wall);
    localtime_r(&wall.tv_sec, &local);
    lab->start_s = (double)wall.tv_sec + (double)local.tm_gmtoff + (double)wall.tv_nsec * 1e-9;
}

static struct lab *lab_new(const struct lab_options *options)
{
    struct lab *lab = calloc(1, sizeof *lab);
    if (lab == NULL) {
        return NULL;
    }
    lab->lines = calloc(LAB_LINES_MAX, sizeof lab->lines[0]);
    lab->instruments = calloc(LAB_INSTRUMENTS_MAX, sizeof lab->instruments[0]);
    lab->drivers = calloc(LAB_INSTRUMENTS_MAX, sizeof(struct driver *));
    lab->seed = options->has_seed ? options->seed : 1;
    lab->refresh_ns = 100000000;
    lab_set_start(lab, false, 0);
    if (lab->lines == NULL || lab->instruments == NULL || lab->drivers == NULL) {
        lab_free(lab);
        return NULL;
    }
    return lab;
}

void lab_free(struct lab *lab)
{
    if (lab == NULL) {
        return;
    }
    for (size_t i = 0; i < lab->instrument_count; i++) {
        struct lab_instrument *instrument = &lab->instruments[i];
        image_free(instrument->image);
        model_free(instrument->model);
        fault_slot_free(&instrument->faults);
        free(instrument->name);
        free(instrument->serial);
    }
    for (size_t i = 0; i < lab->line_count; i++) {
        stats_free(&lab->lines[i].stats);
        free(lab->lines[i].path);
        free(lab->lines[i].host);
        free(lab->lines[i].service);
    }
    for (size_t i = 0; i < lab->driver_count; i++) {
        driver_free(lab->drivers[i]);
    }
    config_free(lab->config);
    free(lab->drivers);
    free(lab->lines);
    free(lab->instruments);
    free(lab->control);
    free(lab);
}

// The caller has checked that there is room. NULL when there is no memory.
static struct lab_line *lab_add_line(struct lab *lab, const struct lab_options *options)
{
    struct lab_line *line = &lab->lines[lab->line_count++];
    line->baud = 9600;
    line->stop_bits = 1;
    line->parity = PARITY_EVEN;
    line->turn_ns = options->turn_ms * 1000000;
    line->wake = -1;
    stats_init(&line->stats);
    return line;
}

struct instrument_options {
    const char *name, *serial;
    int64_t unit;
    const struct driver *driver;
    struct decode_ratios ratios;
    double power_w;
    bool pattern;
};

// A name's hash (FNV-1a), so that an instrument's values do not hang on its place in the file.
static uint64_t name_seed(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    }
    return hash;
}

static struct lab_instrument *lab_add_instrument(struct lab *lab, size_t line,
                                                 const struct instrument_options *options)
{
    struct lab_instrument *instrument = &lab->instruments[lab->instrument_count++];
    fault_slot_init(&instrument->faults);
    instrument->name = strdup(options->name);
    instrument->serial = strdup(options->serial);
    instrument->unit = (uint8_t)options->unit;
    instrument->line = line;
    instrument->driver = options->driver;
    uint64_t seed = lab->seed * 0x9e3779b97f4a7c15u ^ name_seed(options->name);
    instrument->model = model_make(options->driver, seed, options->power_w);
    if (instrument->name == NULL || instrument->serial == NULL || instrument->model == NULL) {
        return NULL;
    }
    struct image_options image = {
        .driver = options->driver,
        .model = instrument->model,
        .ratios = options->ratios,
        .serial = instrument->serial,
        .mode = options->pattern ? IMAGE_PATTERN : IMAGE_PLAUSIBLE,
        .unit = instrument->unit,
        .refresh_ns = lab->refresh_ns,
    };
    instrument->image = image_make(&image);
    lab->lines[line].units[instrument->unit] = instrument;
    return instrument->image == NULL ? NULL : instrument;
}

// ---- a lab file

struct reader {
    struct document document;
    struct lab *lab;
    const struct lab_options *options;
    char *drivers; // folder; owned
    bool pattern;
    bool memory; // false once an allocation failed
};

static const struct driver *reader_driver(struct reader *reader, const struct node *node,
                                          const char *id)
{
    struct lab *lab = reader->lab;
    for (size_t i = 0; i < lab->driver_count; i++) {
        if (strcmp(lab->drivers[i]->id, id) == 0) {
            return lab->drivers[i];
        }
    }
    struct driver *driver = NULL;
    if (driver_load(&driver, reader->drivers, id, reader->document.faults) != OK) {
        document_fault(&reader->document, node, "driver '%s' in %s cannot be used", id,
                       reader->drivers);
        return NULL;
    }
    lab->drivers[lab->driver_count++] = driver;
    return driver;
}

static void read_ratio(struct reader *reader, const struct node *node, const char *what,
                       struct decimal *out)
{
    if (node != NULL) {
        document_decimal(&reader->document, node, what, out);
    }
}

static void read_values(struct reader *reader, const struct node *values,
                        struct lab_instrument *instrument)
{
    const struct driver *driver = instrument->driver;
    for (const struct node *node = values == NULL ? NULL : values->first; node != NULL;
         node = node->next) {
        size_t index = 0;
        while (index < driver->quantity_count &&
               strcmp(driver->quantities[index].name, node->key) != 0) {
            index++;
        }
        struct decimal value = {0};
        if (index == driver->quantity_count) {
            document_fault(&reader->document, node, "driver %s has no quantity '%s'", driver->id,
                           node->key);
        } else if (document_decimal(&reader->document, node, node->key, &value)) {
            model_set_typical(instrument->model, index, decimal_to_double(value));
        }
    }
}

static void read_fault(struct reader *reader, const struct node *node,
                       struct lab_instrument *instrument)
{
    const char *order = NULL;
    struct fault fault;
    struct why why;
    if (node == NULL || !document_string(&reader->document, node, "fault", 1, 200, &order)) {
        return;
    }
    if (fault_parse(order, &fault, &why) != OK) {
        document_fault(&reader->document, node, "fault: %s", why.text);
    } else if (fault.kind == FAULT_VANISH) {
        document_fault(&reader->document, node, "fault: vanish is an order for a running lab");
    } else {
        fault_slot_set(&instrument->faults, &fault, clock_wait_ns());
    }
}

struct instrument_nodes {
    const struct node *unit, *driver, *name, *serial, *power, *values, *fault, *pattern;
    const struct node *ratio_pt, *ratio_ct;
};

static bool read_instrument_options(struct reader *reader, const struct instrument_nodes *nodes,
                                    size_t line, struct instrument_options *options)
{
    struct document *document = &reader->document;
    const char *id = NULL;
    struct decimal power = {0};
    bool good = document_int(document, nodes->unit, "unit", 0, 255, &options->unit);
    good = document_string(document, nodes->driver, "driver", 1, 64, &id) && good;
    if (nodes->name != NULL) {
        good = document_string(document, nodes->name, "name", 1, 64, &options->name) && good;
    }
    if (nodes->serial != NULL) {
        good = document_string(document, nodes->serial, "serial", 0, 64, &options->serial) && good;
    }
    if (nodes->power != NULL) {
        document_decimal(document, nodes->power, "power", &power);
        options->power_w = decimal_to_double(power);
    }
    if (nodes->pattern != NULL) {
        document_bool(document, nodes->pattern, "pattern", &options->pattern);
    }
    read_ratio(reader, nodes->ratio_pt, "pt", &options->ratios.pt);
    read_ratio(reader, nodes->ratio_ct, "ct", &options->ratios.ct);
    if (!good) {
        return false;
    }
    if (reader->lab->lines[line].units[options->unit] != NULL) {
        document_fault(document, nodes->unit,
                       "unit %d: this line has an instrument of that address", (int)options->unit);
        return false;
    }
    options->driver = reader_driver(reader, nodes->driver, id);
    return options->driver != NULL;
}

static void read_instrument(struct reader *reader, const struct node *node, size_t line)
{
    struct instrument_nodes nodes = {0};
    const struct document_key keys[] = {
        {"unit", true, NODE_SCALAR, &nodes.unit},
        {"driver", true, NODE_SCALAR, &nodes.driver},
        {"name", false, NODE_SCALAR, &nodes.name},
        {"serial", false, NODE_SCALAR, &nodes.serial},
        {"power", false, NODE_SCALAR, &nodes.power},
        {"values", false, NODE_MAPPING, &nodes.values},
        {"fault", false, NODE_SCALAR, &nodes.fault},
        {"pt", false, NODE_SCALAR, &nodes.ratio_pt},
        {"ct", false, NODE_SCALAR, &nodes.ratio_ct},
        {"pattern", false, NODE_SCALAR, &nodes.pattern},
    };
    char name[32];
    snprintf(name, sizeof name, "instrument-%zu", reader->lab->instrument_count + 1);
    struct instrument_options options = {
        .name = name,
        .serial = "",
        .ratios = {{1, false, 0}, {1, false, 0}},
        .pattern = reader->pattern,
    };
    if (!document_read_keys(&reader->document, node, "an instrument", keys, COUNT(keys)) ||
        !read_instrument_options(reader, &nodes, line, &options)) {
        return;
    }
    if (reader->lab->instrument_count == LAB_INSTRUMENTS_MAX) {
        document_fault(&reader->document, node, "more than %d instruments", LAB_INSTRUMENTS_MAX);
        return;
    }
    struct lab_instrument *instrument = lab_add_instrument(reader->lab, line, &options);
    if (instrument == NULL) {
        reader->memory = false;
        return;
    }
    read_values(reader, nodes.values, instrument);
    read_fault(reader, nodes.fault, instrument);
}

// "127.0.0.1:1502", "[::1]:0", "localhost:502"
static bool read_address(struct reader *reader, const struct node *node, struct lab_line *line)
{
    const char *text = NULL;
    if (!document_string(&reader->document, node, "address", 3, 100, &text)) {
        return false;
    }
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    long port = colon == NULL ? -1 : strtol(colon + 1, &end, 10);
    if (colon == NULL || colon == text || end == colon + 1 || *end != '\0' || port < 0 ||
        port > 65535) {
        document_fault(&reader->document, node,
                       "'%s': HOST:PORT is expected (port 0: any free one)", text);
        return false;
    }
    bool bracket = text[0] == '[' && colon[-1] == ']';
    line->host = bracket ? strndup(text + 1, (size_t)(colon - text) - 2)
                         : strndup(text, (size_t)(colon - text));
    line->service = strdup(colon + 1);
    reader->memory = reader->memory && line->host != NULL && line->service != NULL;
    return true;
}

struct line_nodes {
    const struct node *pty, *tcp, *rtu_over_tcp, *baud, *parity, *stop_bits, *turn, *instruments;
};

static void read_line_kind(struct reader *reader, const struct node *node,
                           const struct line_nodes *nodes, struct lab_line *line)
{
    const char *path = NULL;
    int kinds = (nodes->pty != NULL) + (nodes->tcp != NULL) + (nodes->rtu_over_tcp != NULL);
    if (kinds != 1) {
        document_fault(&reader->document, node,
                       "a line has one of pty, tcp and rtu_over_tcp; this one has %d", kinds);
    } else if (nodes->pty != NULL) {
        line->transport = TRANSPORT_RTU;
        if (document_string(&reader->document, nodes->pty, "pty", 1, 1000, &path)) {
            line->path = strdup(path);
            reader->memory = reader->memory && line->path != NULL;
        }
    } else {
        line->transport = nodes->tcp != NULL ? TRANSPORT_TCP : TRANSPORT_RTU_OVER_TCP;
        read_address(reader, nodes->tcp != NULL ? nodes->tcp : nodes->rtu_over_tcp, line);
    }
}

static void read_line_speed(struct reader *reader, const struct line_nodes *nodes,
                            struct lab_line *line)
{
    struct document *document = &reader->document;
    int64_t baud = line->baud, stop_bits = line->stop_bits, turn_ms = line->turn_ns / 1000000;
    int parity = (int)line->parity;
    if (nodes->baud != NULL) {
        document_int(document, nodes->baud, "baud", 300, 921600, &baud);
    }
    if (nodes->stop_bits != NULL) {
        document_int(document, nodes->stop_bits, "stop_bits", 1, 2, &stop_bits);
    }
    if (nodes->turn != NULL) {
        document_int(document, nodes->turn, "turn_ms", 0, 60000, &turn_ms);
    }
    if (nodes->parity != NULL) {
        document_choice(document, nodes->parity, "parity", parities, COUNT(parities), &parity);
    }
    line->baud = (int)baud;
    line->stop_bits = (int)stop_bits;
    line->turn_ns = turn_ms * 1000000;
    line->parity = (enum bus_parity)parity;
}

static void read_line(struct reader *reader, const struct node *node)
{
    struct line_nodes nodes = {0};
    const struct document_key keys[] = {
        {"pty", false, NODE_SCALAR, &nodes.pty},
        {"tcp", false, NODE_SCALAR, &nodes.tcp},
        {"rtu_over_tcp", false, NODE_SCALAR, &nodes.rtu_over_tcp},
        {"baud", false, NODE_SCALAR, &nodes.baud},
        {"parity", false, NODE_SCALAR, &nodes.parity},
        {"stop_bits", false, NODE_SCALAR, &nodes.stop_bits},
        {"turn_ms", false, NODE_SCALAR, &nodes.turn},
        {"instruments", true, NODE_SEQUENCE, &nodes.instruments},
    };
    if (!document_read_keys(&reader->document, node, "a line", keys, COUNT(keys))) {
        return;
    }
    if (reader->lab->line_count == LAB_LINES_MAX) {
        document_fault(&reader->document, node, "more than %d lines", LAB_LINES_MAX);
        return;
    }
    size_t index = reader->lab->line_count;
    struct lab_line *line = lab_add_line(reader->lab, reader->options);
    read_line_kind(reader, node, &nodes, line);
    read_line_speed(reader, &nodes, line);
    const struct node *child = nodes.instruments == NULL ? NULL : nodes.instruments->first;
    for (; child != NULL; child = child->next) {
        read_instrument(reader, child, index);
    }
}

static void read_start(struct reader *reader, const struct node *node)
{
    const char *text = NULL;
    int64_t start_us = 0;
    if (node == NULL || !document_string(&reader->document, node, "start", 1, 40, &text)) {
        return;
    }
    if (clock_parse_utc(text, &start_us) != OK) {
        document_fault(&reader->document, node, "start '%s': a time such as 2026-11-24T08:00:00Z",
                       text);
        return;
    }
    lab_set_start(reader->lab, true, start_us);
}

struct root_nodes {
    const struct node *lines, *seed, *control, *drivers, *refresh, *start, *pattern;
};

static void read_settings(struct reader *reader, const struct root_nodes *nodes)
{
    struct document *document = &reader->document;
    struct lab *lab = reader->lab;
    const char *control = NULL, *drivers = "drivers";
    int64_t seed = 0, refresh_us = lab->refresh_ns / 1000;
    if (nodes->seed != NULL && document_int(document, nodes->seed, "seed", 0, INT64_MAX, &seed) &&
        !reader->options->has_seed) {
        lab->seed = (uint64_t)seed;
    }
    if (nodes->control != NULL &&
        document_string(document, nodes->control, "control", 1, 100, &control)) {
        lab->control = strdup(control);
        reader->memory = reader->memory && lab->control != NULL;
    }
    if (nodes->drivers != NULL) {
        document_string(document, nodes->drivers, "drivers", 1, 1000, &drivers);
    }
    if (nodes->refresh != NULL) {
        document_duration(document, nodes->refresh, "refresh", 0, 3600000000, &refresh_us);
    }
    if (nodes->pattern != NULL) {
        document_bool(document, nodes->pattern, "pattern", &reader->pattern);
    }
    read_start(reader, nodes->start);
    lab->refresh_ns = refresh_us * 1000;
    reader->pattern = reader->pattern || reader->options->pattern;
    reader->drivers = strdup(reader->options->drivers != NULL ? reader->options->drivers : drivers);
    reader->memory = reader->memory && reader->drivers != NULL;
}

static void read_lab(struct reader *reader)
{
    struct root_nodes nodes = {0};
    const struct document_key keys[] = {
        {"lines", true, NODE_SEQUENCE, &nodes.lines},
        {"seed", false, NODE_SCALAR, &nodes.seed},
        {"control", false, NODE_SCALAR, &nodes.control},
        {"drivers", false, NODE_SCALAR, &nodes.drivers},
        {"refresh", false, NODE_SCALAR, &nodes.refresh},
        {"start", false, NODE_SCALAR, &nodes.start},
        {"pattern", false, NODE_SCALAR, &nodes.pattern},
    };
    struct document *document = &reader->document;
    if (!document_read_keys(document, document->root, "the lab file", keys, COUNT(keys))) {
        return;
    }
    read_settings(reader, &nodes);
    const struct node *line = nodes.lines == NULL ? NULL : nodes.lines->first;
    for (; reader->memory && line != NULL; line = line->next) {
        read_line(reader, line);
    }
    if (nodes.lines != NULL && nodes.lines->first == NULL) {
        document_fault(document, nodes.lines, "lines: at least one is needed");
    }
}

int lab_load(struct lab **out, const char *path, const struct lab_options *options,
             struct faults *faults)
{
    *out = NULL;
    struct reader reader = {.options = options, .memory = true};
    int status = document_read_file(&reader.document, path, faults);
    if (status != OK) {
        goto free_document;
    }
    reader.lab = lab_new(options);
    if (reader.lab == NULL) {
        status = ERROR_MEMORY;
        goto free_document;
    }
    read_lab(&reader);
    status = !reader.memory ? ERROR_MEMORY : faults->count > 0 ? ERROR_INPUT : OK;
    if (status == OK) {
        *out = reader.lab;
    } else {
        lab_free(reader.lab);
    }
    free(reader.drivers);
free_document:
    document_free(&reader.document);
    return status;
}

// ---- a lab to match a gateway's configuration

static int add_bus(struct lab *lab, const struct config_bus *bus, const struct lab_options *options)
{
    struct lab_line *line = lab_add_line(lab, options);
    line->transport = bus->transport;
    if (bus->transport == TRANSPORT_RTU) {
        line->baud = bus->baud;
        line->stop_bits = bus->stop_bits;
        line->parity = bus->parity;
        line->path = strdup(bus->device);
        return line->path == NULL ? ERROR_MEMORY : OK;
    }
    line->host = strdup(bus->host);
    line->service = strdup(bus->service);
    return line->host == NULL || line->service == NULL ? ERROR_MEMORY : OK;
}

static int add_all(struct lab *lab, const struct lab_options *options)
{
    const struct config *config = lab->config;
    for (size_t i = 0; i < config->bus_count; i++) {
        if (add_bus(lab, &config->buses[i], options) != OK) {
            return ERROR_MEMORY;
        }
    }
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *from = &config->instruments[i];
        struct instrument_options instrument = {
            .name = from->name,
            .serial = from->serial,
            .unit = from->unit,
            .driver = from->driver,
            .ratios = {from->ratio_pt, from->ratio_ct},
            .pattern = options->pattern,
        };
        if (lab_add_instrument(lab, from->bus, &instrument) == NULL) {
            return ERROR_MEMORY;
        }
    }
    return OK;
}

int lab_load_from(struct lab **out, const char *path, const struct lab_options *options,
                  struct faults *faults)
{
    *out = NULL;
    struct lab *lab = lab_new(options);
    if (lab == NULL) {
        return ERROR_MEMORY;
    }
    int status = config_load(&lab->config, path, options->drivers, faults);
    if (status == OK) {
        status = add_all(lab, options);
    }
    if (status != OK) {
        lab_free(lab);
        return status;
    }
    *out = lab;
    return OK;
}
