#include "settings.h"

#include "base/arena.h"
#include "base/error.h"
#include "config/config_read.h"

#include <stdlib.h>
#include <string.h>

#define MIB (INT64_C(1) << 20)

static const char *beside(struct config_reader *reader, const char *folder, const char *name)
{
    const char *path = folder ? arena_format(&reader->config->arena, "%s/%s", folder, name) : NULL;
    reader->out_of_memory = reader->out_of_memory || (folder && !path);
    return path;
}

static void read_centre(struct config_reader *reader, const struct node *node,
                        struct settings *settings)
{
    const struct node *name = NULL, *data = NULL, *key = NULL;
    const struct document_key keys[] = {{"name", true, NODE_SCALAR, &name},
                                        {"data", true, NODE_SCALAR, &data},
                                        {"key", false, NODE_SCALAR, &key}};
    document_read_keys(reader->document, node, "centre", keys, sizeof keys / sizeof keys[0]);
    settings->name = config_read_name(reader, name, "name");
    settings->data = config_read_path(reader, data, "data");
    settings->key =
        key ? config_read_path(reader, key, "key") : beside(reader, settings->data, "centre.key");
    settings->database = beside(reader, settings->data, "centre.db");
    settings->logs = beside(reader, settings->data, "logs");
}

static void read_access(struct config_reader *reader, const struct node *node,
                        struct settings *settings)
{
    const struct node *url = NULL, *ca = NULL, *certificate = NULL, *key = NULL;
    const struct document_key keys[] = {{"url", true, NODE_SCALAR, &url},
                                        {"ca", true, NODE_SCALAR, &ca},
                                        {"certificate", true, NODE_SCALAR, &certificate},
                                        {"key", true, NODE_SCALAR, &key}};
    document_read_keys(reader->document, node, "broker", keys, sizeof keys / sizeof keys[0]);
    if (url) {
        config_read_broker(reader, url, &settings->host, &settings->port);
    }
    settings->ca = config_read_path(reader, ca, "ca");
    settings->certificate = config_read_path(reader, certificate, "certificate");
    settings->client_key = config_read_path(reader, key, "key");
}

// A block has 128 KiB, packed about half of that, and 256 of them come between two checkpoints.
static void read_limits(struct config_reader *reader, const struct node *node,
                        struct settings_limits *limits)
{
    struct limit {
        const char *name;
        bool size; // bytes with a unit
        int64_t min, max, *out;
    } const table[] = {
        {"log_memory", true, 4 * MIB, 1024 * MIB, &limits->log_memory},
        {"all_memory", true, 16 * MIB, 65536 * MIB, &limits->all_memory},
        {"rate", true, MIB, 1024 * MIB, &limits->rate},
        {"log_size", true, MIB, MIB << 20, &limits->log_size},
        {"waiting_size", true, MIB, MIB << 20, &limits->waiting_size},
        {"waiting_logs", false, 1, 1000, &limits->waiting_logs},
        {"gateways", false, 1, 100000, &limits->gateways},
        {"open_ledgers", false, 1, 100000, &limits->open_ledgers},
    };
    enum { LIMITS = sizeof table / sizeof table[0] };
    const struct node *nodes[LIMITS] = {NULL};
    struct document_key keys[LIMITS];
    for (size_t i = 0; i < LIMITS; i++) {
        keys[i] = (struct document_key){table[i].name, false, NODE_SCALAR, &nodes[i]};
    }
    document_read_keys(reader->document, node, "limits", keys, LIMITS);
    for (size_t i = 0; i < LIMITS; i++) {
        if (nodes[i] && table[i].size) {
            document_size(reader->document, nodes[i], table[i].name, table[i].min, table[i].max,
                          table[i].out);
        } else if (nodes[i]) {
            document_int(reader->document, nodes[i], table[i].name, table[i].min, table[i].max,
                         table[i].out);
        }
    }
    if (limits->log_memory > limits->all_memory) {
        document_fault(reader->document, nodes[0] ? nodes[0] : nodes[1],
                       "log_memory %lld: above all_memory (%lld)", (long long)limits->log_memory,
                       (long long)limits->all_memory);
    }
}

static void read_all(struct config_reader *reader, struct settings *settings)
{
    const struct node *centre = NULL, *broker = NULL, *limits = NULL;
    const struct document_key keys[] = {{"centre", true, NODE_MAPPING, &centre},
                                        {"broker", true, NODE_MAPPING, &broker},
                                        {"limits", false, NODE_MAPPING, &limits}};
    document_read_keys(reader->document, reader->document->root, "configuration", keys,
                       sizeof keys / sizeof keys[0]);
    if (centre) {
        read_centre(reader, centre, settings);
    }
    if (broker) {
        read_access(reader, broker, settings);
    }
    if (limits) {
        read_limits(reader, limits, &settings->limits);
    }
}

int settings_load(struct settings **out, const char *path, struct faults *faults)
{
    *out = NULL;
    size_t before = faults->count + faults->dropped;
    struct settings *settings = calloc(1, sizeof *settings);
    struct config *carrier = calloc(1, sizeof *carrier);
    if (!settings || !carrier) {
        free(settings);
        free(carrier);
        faults_add(faults, path, 0, 0, "out of memory");
        return ERROR_INPUT;
    }
    settings->carrier = carrier;
    settings->limits = (struct settings_limits){.log_memory = 32 * MIB,
                                                .all_memory = 512 * MIB,
                                                .rate = 16 * MIB,
                                                .log_size = (64 * MIB) << 10,
                                                .waiting_size = 256 * MIB,
                                                .waiting_logs = 16,
                                                .gateways = 10000,
                                                .open_ledgers = 512};
    struct config_reader reader = {
        .config = carrier, .document = &carrier->document, .faults = faults};
    if (document_read_file(&carrier->document, path, faults) == OK) {
        const char *slash = strrchr(path, '/');
        reader.folder = slash ? arena_copy(&carrier->arena, path, (size_t)(slash - path) + 1) : "";
        reader.out_of_memory = !reader.folder;
        if (reader.folder) {
            read_all(&reader, settings);
        }
        if (reader.out_of_memory) {
            faults_add(faults, path, 0, 0, "out of memory");
        }
    }
    if (faults->count + faults->dropped > before) {
        settings_free(settings);
        return ERROR_INPUT;
    }
    carrier->document.faults = NULL; // the caller's
    *out = settings;
    return OK;
}

void settings_free(struct settings *settings)
{
    if (settings) {
        config_free(settings->carrier);
        free(settings);
    }
}
