// The buses of tally.yaml.
#include "base/error.h"
#include "config/config_read.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_EXPECTED "expected host:port, as in 192.0.2.10:502"

static const int bauds[] = {300,   600,   1200,   2400,   4800,   9600,  19200,
                            38400, 57600, 115200, 230400, 460800, 921600};

struct bus_keys {
    const struct node *name, *rtu, *tcp, *rtu_over_tcp, *baud, *parity, *stop_bits, *direction,
        *low_latency, *timeout, *late_max;
};

static void read_baud(struct config_reader *reader, const struct node *node, int *out)
{
    char list[160];
    size_t used = 0;
    for (size_t i = 0; i < sizeof bauds / sizeof bauds[0]; i++) {
        char digits[16];
        snprintf(digits, sizeof digits, "%d", bauds[i]);
        if (node->kind == NODE_SCALAR && strcmp(node->scalar, digits) == 0) {
            *out = bauds[i];
            return;
        }
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", digits);
    }
    const char *text;
    if (document_string(reader->document, node, "baud", 1, 60, &text)) {
        document_fault(reader->document, node,
                       "baud %s: not a rate this port can do (expected one of %s)", text, list);
    }
}

static void read_line_settings(struct config_reader *reader, const struct bus_keys *keys,
                               struct config_bus *bus)
{
    static const char *const parities[] = {"none", "even", "odd"};
    static const char *const directions[] = {"auto", "kernel"};
    struct document *document = reader->document;
    int64_t stop_bits = bus->stop_bits;
    int parity = (int)bus->parity, direction = (int)bus->direction;
    if (keys->baud) {
        read_baud(reader, keys->baud, &bus->baud);
    }
    if (keys->parity) {
        document_choice(document, keys->parity, "parity", parities, 3, &parity);
    }
    if (keys->stop_bits) {
        document_int(document, keys->stop_bits, "stop_bits", 1, 2, &stop_bits);
    }
    if (keys->direction) {
        document_choice(document, keys->direction, "direction", directions, 2, &direction);
    }
    if (keys->low_latency) {
        document_bool(document, keys->low_latency, "low_latency", &bus->low_latency);
    }
    bus->parity = (enum bus_parity)parity;
    bus->direction = (enum bus_direction)direction;
    bus->stop_bits = (int)stop_bits;
}

// Settings of a serial line on a bus that has none.
static void refuse_line_settings(struct config_reader *reader, const struct bus_keys *keys,
                                 const char *transport)
{
    const struct node *const nodes[] = {keys->baud, keys->parity, keys->stop_bits, keys->direction,
                                        keys->low_latency};
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        if (nodes[i]) {
            faults_add(reader->faults, reader->document->name, nodes[i]->key_line,
                       nodes[i]->key_column, "%s: only for a bus that is rtu (this one is %s)",
                       nodes[i]->key, transport);
        }
    }
}

// The key that says which transport it is; NULL after a fault.
static const struct node *choose_transport(struct config_reader *reader, const struct node *node,
                                           const struct bus_keys *keys)
{
    const struct node *const nodes[] = {keys->rtu, keys->tcp, keys->rtu_over_tcp};
    const struct node *chosen = NULL;
    for (size_t i = 0; i < 3; i++) {
        if (nodes[i] && chosen) {
            faults_add(reader->faults, reader->document->name, nodes[i]->key_line,
                       nodes[i]->key_column, "%s: beside %s (expected one of them)", nodes[i]->key,
                       chosen->key);
        } else if (nodes[i]) {
            chosen = nodes[i];
        }
    }
    static const char *const names[] = {"rtu", "tcp", "rtu_over_tcp"};
    for (size_t i = 0; !chosen && i < 3; i++) {
        if (node_child(node, names[i])) {
            return NULL; // there, and at fault
        }
    }
    if (!chosen) {
        document_fault(reader->document, node,
                       "bus: one of the keys 'rtu', 'tcp', 'rtu_over_tcp' is missing");
    }
    return chosen;
}

static void read_tcp(struct config_reader *reader, const struct node *node, struct config_bus *bus)
{
    const char *address;
    int port;
    if (!document_string(reader->document, node, node->key, 1, 300, &address) ||
        !config_read_address(reader, node, node->key, address, 0, ADDRESS_EXPECTED, &bus->host,
                             &port)) {
        return;
    }
    char *service = config_take(reader, 8);
    if (service) {
        snprintf(service, 8, "%d", port);
    }
    bus->service = service;
}

static bool read_transport(struct config_reader *reader, const struct node *node,
                           const struct bus_keys *keys, struct config_bus *bus)
{
    const struct node *chosen = choose_transport(reader, node, keys);
    if (!chosen) {
        return false;
    }
    if (chosen == keys->rtu) {
        bus->transport = TRANSPORT_RTU;
        bus->device = config_read_path(reader, chosen, "rtu");
        read_line_settings(reader, keys, bus);
        return true;
    }
    bus->transport = chosen == keys->tcp ? TRANSPORT_TCP : TRANSPORT_RTU_OVER_TCP;
    refuse_line_settings(reader, keys, chosen->key);
    read_tcp(reader, chosen, bus);
    return true;
}

static bool read_bus(struct config_reader *reader, const struct node *node, struct config_bus *bus)
{
    struct bus_keys k = {0};
    const struct document_key keys[] = {
        {"name", true, NODE_SCALAR, &k.name},
        {"rtu", false, NODE_SCALAR, &k.rtu},
        {"tcp", false, NODE_SCALAR, &k.tcp},
        {"rtu_over_tcp", false, NODE_SCALAR, &k.rtu_over_tcp},
        {"baud", node_child(node, "rtu") != NULL, NODE_SCALAR, &k.baud},
        {"parity", false, NODE_SCALAR, &k.parity},
        {"stop_bits", false, NODE_SCALAR, &k.stop_bits},
        {"direction", false, NODE_SCALAR, &k.direction},
        {"low_latency", false, NODE_SCALAR, &k.low_latency},
        {"timeout", false, NODE_SCALAR, &k.timeout},
        {"late_max", false, NODE_SCALAR, &k.late_max}};
    // Parity even and one stop bit are the standard's own (Modbus over Serial Line V1.02 §2.5.1).
    *bus = (struct config_bus){.baud = 9600,
                               .stop_bits = 1,
                               .parity = PARITY_EVEN,
                               .low_latency = true,
                               .timeout_us = 500000,
                               .late_max_us = 1000000,
                               .line = node->line,
                               .column = node->column};
    document_read_keys(reader->document, node, "bus", keys, sizeof keys / sizeof keys[0]);
    if (node->kind != NODE_MAPPING) {
        return false;
    }
    bus->name = config_read_name(reader, k.name, "name");
    if (k.timeout) {
        document_duration(reader->document, k.timeout, "timeout", 1000, 60000000, &bus->timeout_us);
    }
    if (k.late_max) {
        document_duration(reader->document, k.late_max, "late_max", 0, 60000000, &bus->late_max_us);
    }
    return read_transport(reader, node, &k, bus);
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

// The same port under two names (/dev/serial/by-id/…, /dev/ttyUSB0) is the same port.
static bool same_device(const char *a, const char *b)
{
    char real_a[PATH_MAX], real_b[PATH_MAX];
    if (!a || !b || strcmp(a, b) == 0) {
        return a && b;
    }
    return realpath(a, real_a) && realpath(b, real_b) && strcmp(real_a, real_b) == 0;
}

// TCP takes several connections; a serial line, also one behind TCP, takes one master.
static bool same_line(const struct config_bus *a, const struct config_bus *b)
{
    if (a->transport != b->transport || a->transport == TRANSPORT_TCP) {
        return false;
    }
    return a->transport == TRANSPORT_RTU
               ? same_device(a->device, b->device)
               : same_text(a->host, b->host) && same_text(a->service, b->service);
}

static void check_against_earlier(struct config_reader *reader, const struct node *node,
                                  size_t index)
{
    const struct config_bus *buses = reader->config->buses, *bus = &buses[index];
    for (size_t i = 0; i < index; i++) {
        if (same_text(buses[i].name, bus->name)) {
            document_fault(reader->document, node_child(node, "name"),
                           "name %s: the bus at line %d has it already", bus->name, buses[i].line);
            break;
        }
    }
    for (size_t i = 0; i < index; i++) {
        if (!reader->bus_usable[i] || !reader->bus_usable[index] || !same_line(&buses[i], bus)) {
            continue;
        }
        const char *key = bus->transport == TRANSPORT_RTU ? "rtu" : "rtu_over_tcp";
        const struct node *at = node_child(node, key);
        document_fault(reader->document, at, "%s %s: the bus at line %d is on it already", key,
                       at->scalar, buses[i].line);
        break;
    }
}

void config_read_buses(struct config_reader *reader, const struct node *list)
{
    struct config *config = reader->config;
    size_t count = config_count(reader, list, "buses", CONFIG_BUSES_MAX);
    config->buses = config_take(reader, count * sizeof *config->buses);
    reader->bus_usable = config_take(reader, count * sizeof *reader->bus_usable);
    if (!config->buses || !reader->bus_usable) {
        return;
    }
    for (const struct node *node = list->first; node && config->bus_count < count;
         node = node->next) {
        size_t index = config->bus_count++;
        reader->bus_usable[index] = read_bus(reader, node, &config->buses[index]);
        check_against_earlier(reader, node, index);
    }
}
