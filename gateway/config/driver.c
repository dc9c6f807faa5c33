// A driver file as a whole, finding one, and listing a folder of them.
#include "config/driver.h"

#include "base/arena.h"
#include "base/error.h"
#include "config/driver_read.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define DRIVER_ID_MAX          64
#define DRIVER_REGISTERS_MAX   125 // Modbus Application Protocol V1.1b3 §6.3
#define DRIVER_MIN_INTERVAL_US 10000000
#define DRIVER_MAX_GAP_DEFAULT 16

struct driver_nodes {
    const struct node *maker, *model, *source, *max_registers, *max_gap, *min_interval, *identity,
        *status, *quantities, *defaults;
};

static void read_limits(struct driver_reader *reader, const struct driver_nodes *nodes)
{
    struct document *document = reader->document;
    struct driver *driver = reader->driver;
    int64_t registers = DRIVER_REGISTERS_MAX, gap = DRIVER_MAX_GAP_DEFAULT;
    if (nodes->max_registers) {
        driver_read_note(reader, document_int(document, nodes->max_registers, "max_registers", 1,
                                              DRIVER_REGISTERS_MAX, &registers));
    }
    if (nodes->max_gap) {
        driver_read_note(reader, document_int(document, nodes->max_gap, "max_gap", 0,
                                              DRIVER_REGISTERS_MAX - 1, &gap));
    }
    if (nodes->min_interval) {
        driver_read_note(reader,
                         document_duration(document, nodes->min_interval, "min_interval", 0,
                                           DRIVER_MIN_INTERVAL_US, &driver->min_interval_us));
    }
    driver->max_registers = (uint16_t)registers;
    driver->max_gap = (uint16_t)gap;
}

static void read_text(struct driver_reader *reader, const struct node *node, const char *what,
                      size_t max, const char **out)
{
    if (node) {
        driver_read_note(reader, document_string(reader->document, node, what, 1, max, out));
    }
}

static void read_driver(struct driver_reader *reader)
{
    struct driver_nodes nodes = {0};
    struct driver *driver = reader->driver;
    const struct document_key keys[] = {
        {"maker", true, NODE_SCALAR, &nodes.maker},
        {"model", true, NODE_SCALAR, &nodes.model},
        {"source", true, NODE_SCALAR, &nodes.source},
        {"max_registers", false, NODE_SCALAR, &nodes.max_registers},
        {"max_gap", false, NODE_SCALAR, &nodes.max_gap},
        {"min_interval", false, NODE_SCALAR, &nodes.min_interval},
        {"identity", false, NODE_MAPPING, &nodes.identity},
        {"status", false, NODE_SEQUENCE, &nodes.status},
        {"defaults", false, NODE_MAPPING, &nodes.defaults},
        {"quantities", true, NODE_SEQUENCE, &nodes.quantities},
    };
    driver_read_note(reader, document_read_keys(reader->document, reader->document->root,
                                                "a driver", keys, COUNT_OF(keys)));
    read_text(reader, nodes.maker, "maker", 64, &driver->maker);
    read_text(reader, nodes.model, "model", 64, &driver->model);
    read_text(reader, nodes.source, "source", 1000, &driver->source);
    read_limits(reader, &nodes);
    if (nodes.defaults) {
        driver_read_defaults(reader, nodes.defaults);
    }
    if (nodes.identity) {
        driver_read_identity(reader, nodes.identity);
    }
    if (nodes.status) {
        driver_read_statuses(reader, nodes.status);
    }
    if (nodes.quantities) {
        driver_read_quantities(reader, nodes.quantities);
    }
}

int driver_load(struct driver **out, const char *directory, const char *id, struct faults *faults)
{
    *out = NULL;
    size_t before = faults->count + faults->dropped;
    if (!text_is_name(id, DRIVER_ID_MAX)) {
        faults_add(faults, directory, 0, 0,
                   "driver '%.80s': expected a name of a-z, 0-9 and -, as in eastron-sdm630", id);
        return ERROR_INPUT;
    }
    struct driver *driver = calloc(1, sizeof *driver);
    char *path = driver ? arena_format(&driver->arena, "%s/%s.yaml", directory, id) : NULL;
    if (!path) {
        faults_add(faults, directory, 0, 0, "driver '%s': out of memory", id);
        goto fail;
    }
    if (document_read_file(&driver->document, path, faults) != OK) {
        goto fail;
    }
    struct driver_reader reader = {.document = &driver->document, .driver = driver, .good = true};
    read_driver(&reader);
    driver->id = arena_copy(&driver->arena, id, strlen(id));
    // A tree can be good and its file not: an anchor is a fault that no reader meets.
    if (!reader.good || !driver->id || faults->count + faults->dropped > before) {
        goto fail;
    }
    driver->bytes = driver->document.bytes;
    driver->length = driver->document.length;
    driver->hash = digest_of(NULL, 0, driver->bytes, driver->length);
    driver->document.faults = NULL; // the caller's; may be gone before the driver is
    *out = driver;
    return OK;
fail:
    driver_free(driver);
    return ERROR_INPUT;
}

void driver_free(struct driver *driver)
{
    if (driver) {
        document_free(&driver->document);
        arena_free(&driver->arena);
        free(driver);
    }
}

const struct driver_quantity *driver_quantity(const struct driver *driver, const char *name)
{
    for (size_t i = 0; i < driver->quantity_count; i++) {
        if (strcmp(driver->quantities[i].name, name) == 0) {
            return &driver->quantities[i];
        }
    }
    return NULL;
}

bool driver_counts_up(const struct driver_quantity *quantity)
{
    return strcmp(quantity->kind, "energy") == 0 || strcmp(quantity->kind, "volume") == 0;
}

// Whether it is a driver's file; cuts ".yaml" off a copy in *id then.
static bool id_of_file(const char *file, char **id)
{
    size_t length = strlen(file);
    if (length <= 5 || strcmp(file + length - 5, ".yaml") != 0) {
        return false;
    }
    *id = strndup(file, length - 5);
    if (*id && text_is_name(*id, DRIVER_ID_MAX)) {
        return true;
    }
    free(*id);
    return false;
}

static int compare_ids(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

char **driver_list(const char *directory, size_t *count)
{
    *count = 0;
    DIR *folder = opendir(directory);
    if (!folder) {
        return NULL;
    }
    char **ids = NULL, *id;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!id_of_file(entry->d_name, &id)) {
            continue;
        }
        char **more = realloc(ids, (*count + 1) * sizeof *more);
        if (!more) {
            free(id);
            break;
        }
        ids = more;
        ids[(*count)++] = id;
    }
    closedir(folder);
    if (ids) {
        qsort(ids, *count, sizeof *ids, compare_ids);
    }
    return ids;
}

void driver_list_free(char **ids, size_t count)
{
    for (size_t i = 0; ids && i < count; i++) {
        free(ids[i]);
    }
    free(ids);
}
