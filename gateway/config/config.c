#include "config/config.h"

#include "base/arena.h"
#include "base/error.h"
#include "config/config_read.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define NAME_MAX_BYTES 32
#define PATH_BYTES_MAX 1024
#define HOST_MAX       253 // RFC 1035 §2.3.4
#define DRIVERS_SYSTEM "/usr/share/tally/drivers"
#define DAY_US         ((int64_t)86400 * 1000000)

void *config_take(struct config_reader *reader, size_t bytes)
{
    void *taken = arena_take(&reader->config->arena, bytes);
    reader->out_of_memory = reader->out_of_memory || !taken;
    return taken;
}

const char *config_read_name(struct config_reader *reader, const struct node *node,
                             const char *what)
{
    const char *name;
    if (!node || !document_string(reader->document, node, what, 1, 200, &name)) {
        return NULL;
    }
    if (!text_is_name(name, NAME_MAX_BYTES)) {
        document_fault(reader->document, node,
                       "%s %s: not a name (expected 1 to %d of a-z, 0-9, -)", what, name,
                       NAME_MAX_BYTES);
        return NULL;
    }
    return name;
}

const char *config_resolve_path(struct config_reader *reader, const char *path)
{
    const char *resolved =
        arena_format(&reader->config->arena, "%s%s", path[0] == '/' ? "" : reader->folder, path);
    reader->out_of_memory = reader->out_of_memory || !resolved;
    return resolved;
}

const char *config_read_path(struct config_reader *reader, const struct node *node,
                             const char *what)
{
    const char *path;
    if (!node || !document_string(reader->document, node, what, 1, PATH_BYTES_MAX, &path)) {
        return NULL;
    }
    return config_resolve_path(reader, path);
}

// A host name's or IPv4 address's letters, or an IPv6 address.
static bool host_is_plausible(const char *host, bool bracketed)
{
    struct in6_addr address;
    if (bracketed) {
        return inet_pton(AF_INET6, host, &address) == 1;
    }
    size_t length = strlen(host);
    return length >= 1 && length <= HOST_MAX && host[0] != '-' && host[0] != '.' &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
               length;
}

// 1 to 65535, or 0.
static int parse_port(const char *digits)
{
    size_t length = strspn(digits, "0123456789");
    long port = length >= 1 && length <= 5 && !digits[length] ? strtol(digits, NULL, 10) : 0;
    return port <= 65535 ? (int)port : 0;
}

bool config_read_address(struct config_reader *reader, const struct node *node, const char *what,
                         const char *address, int default_port, const char *expected,
                         const char **host, int *port)
{
    bool bracketed = address[0] == '[';
    const char *start = address + bracketed;
    const char *end = bracketed ? strchr(start, ']') : start + strcspn(start, ":");
    if (!end) {
        document_fault(reader->document, node, "%s %s: ']' is missing (%s)", what, node->scalar,
                       expected);
        return false;
    }
    const char *rest = end + bracketed;
    if (!bracketed && *rest == ':' && strchr(rest + 1, ':')) {
        document_fault(reader->document, node,
                       "%s %s: an IPv6 address goes in brackets (expected [address]:port)", what,
                       node->scalar);
        return false;
    }
    char *name = arena_copy(&reader->config->arena, start, (size_t)(end - start));
    if (!name) {
        reader->out_of_memory = true;
        return false;
    }
    int number = *rest == ':' ? parse_port(rest + 1) : *rest ? 0 : default_port;
    if (!host_is_plausible(name, bracketed)) {
        document_fault(reader->document, node, "%s %s: not an address (%s)", what, node->scalar,
                       expected);
    } else if (!number && !*rest) {
        document_fault(reader->document, node, "%s %s: the port is missing (%s)", what,
                       node->scalar, expected);
    } else if (!number) {
        document_fault(reader->document, node, "%s %s: '%s' is not a port, 1 to 65535 (%s)", what,
                       node->scalar, *rest == ':' ? rest + 1 : rest, expected);
    } else {
        *host = name;
        *port = number;
        return true;
    }
    return false;
}

size_t config_count(struct config_reader *reader, const struct node *list, const char *what,
                    size_t max)
{
    size_t count = 0;
    for (const struct node *node = list->first; node; node = node->next) {
        count++;
    }
    if (count > max) {
        document_fault(reader->document, list, "%s: %zu (expected at most %zu)", what, count, max);
    }
    return count > max ? max : count;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return path && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

// gateway.drivers, or "drivers" beside the configuration file, or the system's.
static void find_drivers(struct config_reader *reader, const struct node *node,
                         const char *override)
{
    struct config *config = reader->config;
    const char *beside = config_resolve_path(reader, "drivers");
    if (override) {
        config->gateway.drivers = arena_format(&config->arena, "%s", override);
    } else if (node) {
        config->gateway.drivers = config_read_path(reader, node, "drivers");
    } else {
        config->gateway.drivers = is_folder(beside) ? beside : DRIVERS_SYSTEM;
    }
    if (!config->gateway.drivers) {
        return;
    }
    reader->drivers_usable = is_folder(config->gateway.drivers);
    if (reader->drivers_usable) {
        reader->driver_ids = driver_list(config->gateway.drivers, &reader->driver_id_count);
        return;
    }
    if (node && !override) {
        document_fault(reader->document, node, "drivers %s: no such folder", node->scalar);
    } else {
        faults_add(reader->faults, reader->document->name, 0, 0,
                   "no folder of drivers: there is no %s%s%s", override || !beside ? "" : beside,
                   override ? "" : " and no ", config->gateway.drivers);
    }
}

struct gateway_keys {
    const struct node *name, *data, *drivers, *control, *block_interval, *block_readings, *prompt,
        *keep, *keep_size, *key, *checkpoint_interval, *trusted_signers;
};

// The key that signs the log, and how often.
static void read_signing(struct config_reader *reader, const struct gateway_keys *k)
{
    struct config *config = reader->config;
    if (k->key) {
        config->gateway.key = config_read_path(reader, k->key, "key");
    } else if (config->gateway.data) {
        config->gateway.key = arena_format(&config->arena, "%s/log.key", config->gateway.data);
        reader->out_of_memory = reader->out_of_memory || !config->gateway.key;
    }
    if (k->checkpoint_interval) {
        document_duration(reader->document, k->checkpoint_interval, "checkpoint_interval", 1000000,
                          (int64_t)3600 * 1000000, &config->gateway.checkpoint_interval_us);
    }
}

// The control socket's path must fit a socket address.
static void read_control(struct config_reader *reader, const struct gateway_keys *k)
{
    struct config *config = reader->config;
    const struct node *node = k->control ? k->control : k->data;
    const char *path = NULL;
    if (k->control) {
        path = config_read_path(reader, k->control, "control");
    } else if (config->gateway.data) {
        path = arena_format(&config->arena, "%s/control", config->gateway.data);
        reader->out_of_memory = reader->out_of_memory || !path;
    }
    size_t room = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (path && strlen(path) > room) {
        document_fault(reader->document, node,
                       "control %s: %zu bytes long (expected at most %zu, a socket's limit)", path,
                       strlen(path), room);
        return;
    }
    config->gateway.control = path;
}

static void read_keeping(struct config_reader *reader, const struct gateway_keys *k)
{
    struct config *config = reader->config;
    struct document *document = reader->document;
    int64_t block_readings = config->gateway.block_readings;
    if (k->block_interval) {
        document_duration(document, k->block_interval, "block_interval", 100000,
                          (int64_t)3600 * 1000000, &config->gateway.block_interval_us);
    }
    if (k->block_readings) {
        document_int(document, k->block_readings, "block_readings", 1, 1000, &block_readings);
    }
    if (k->prompt) {
        document_bool(document, k->prompt, "prompt", &config->gateway.prompt);
    }
    if (k->keep) {
        document_duration(document, k->keep, "keep", 0, 36500 * DAY_US, &config->gateway.keep_us);
    }
    if (k->keep_size) {
        document_size(document, k->keep_size, "keep_size", 0, (int64_t)1 << 50,
                      &config->gateway.keep_bytes);
    }
    config->gateway.block_readings = (int)block_readings;
}

static void read_gateway(struct config_reader *reader, const struct node *node,
                         const char *drivers_directory)
{
    struct gateway_keys k = {0};
    const struct document_key keys[] = {
        {"name", true, NODE_SCALAR, &k.name},
        {"data", true, NODE_SCALAR, &k.data},
        {"drivers", false, NODE_SCALAR, &k.drivers},
        {"control", false, NODE_SCALAR, &k.control},
        {"block_interval", false, NODE_SCALAR, &k.block_interval},
        {"block_readings", false, NODE_SCALAR, &k.block_readings},
        {"prompt", false, NODE_SCALAR, &k.prompt},
        {"keep", false, NODE_SCALAR, &k.keep},
        {"keep_size", false, NODE_SCALAR, &k.keep_size},
        {"key", false, NODE_SCALAR, &k.key},
        {"checkpoint_interval", false, NODE_SCALAR, &k.checkpoint_interval},
        {"trusted_signers", false, NODE_SCALAR, &k.trusted_signers}};
    struct config *config = reader->config;
    config->gateway.block_interval_us = 10000000;
    config->gateway.block_readings = 1000;
    config->gateway.checkpoint_interval_us = 60000000;
    config->gateway.keep_us = 3 * 365 * DAY_US;
    if (node) {
        document_read_keys(reader->document, node, "gateway", keys, sizeof keys / sizeof keys[0]);
    }
    config->gateway.name = config_read_name(reader, k.name, "name");
    config->gateway.data = config_read_path(reader, k.data, "data");
    find_drivers(reader, k.drivers, drivers_directory);
    read_control(reader, &k);
    read_keeping(reader, &k);
    read_signing(reader, &k);
    config->gateway.trusted_signers =
        config_read_path(reader, k.trusted_signers, "trusted_signers");
}

static void read_root(struct config_reader *reader, const char *drivers_directory)
{
    const struct node *site, *gateway, *buses, *instruments, *groups, *uplinks, *alarms;
    const struct document_key keys[] = {{"site", true, NODE_MAPPING, &site},
                                        {"gateway", true, NODE_MAPPING, &gateway},
                                        {"buses", true, NODE_SEQUENCE, &buses},
                                        {"instruments", true, NODE_SEQUENCE, &instruments},
                                        {"groups", false, NODE_SEQUENCE, &groups},
                                        {"uplinks", false, NODE_SEQUENCE, &uplinks},
                                        {"alarms", false, NODE_MAPPING, &alarms}};
    document_read_keys(reader->document, reader->document->root, "configuration", keys,
                       sizeof keys / sizeof keys[0]);
    if (site) {
        config_read_site(reader, site);
    }
    read_gateway(reader, gateway, drivers_directory);
    if (buses) {
        config_read_buses(reader, buses);
    }
    if (instruments) {
        config_read_instruments(reader, instruments);
    }
    if (groups) {
        config_read_groups(reader, groups);
    }
    if (uplinks) {
        config_read_uplinks(reader, uplinks);
    }
    if (alarms) {
        config_read_alarms(reader, alarms);
    }
}

// The folder of a path with its '/', in config's arena; "" for a bare name.
static const char *folder_of(struct config *config, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy(&config->arena, path, (size_t)(slash - path) + 1) : "";
}

int config_load(struct config **out, const char *path, const char *drivers_directory,
                struct faults *faults)
{
    *out = NULL;
    size_t before = faults->count + faults->dropped;
    struct config *config = calloc(1, sizeof *config);
    if (!config) {
        faults_add(faults, path, 0, 0, "out of memory");
        return ERROR_INPUT;
    }
    struct config_reader reader = {
        .config = config, .document = &config->document, .faults = faults};
    if (document_read_file(&config->document, path, faults) != OK) {
        goto fail;
    }
    config->path = arena_format(&config->arena, "%s", path);
    reader.folder = folder_of(config, path);
    config->hash = digest_of(NULL, 0, config->document.bytes, config->document.length);
    if (config->path && reader.folder) {
        read_root(&reader, drivers_directory);
    }
    driver_list_free(reader.driver_ids, reader.driver_id_count);
    if (!config->path || !reader.folder || reader.out_of_memory) {
        faults_add(faults, path, 0, 0, "out of memory");
    }
    if (faults->count + faults->dropped > before) {
        goto fail;
    }
    config->document.faults = NULL; // the caller's; may be gone before the configuration is
    *out = config;
    return OK;
fail:
    config_free(config);
    return ERROR_INPUT;
}

void config_free(struct config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->driver_count; i++) {
        driver_free(config->drivers[i]);
    }
    document_free(&config->document);
    arena_free(&config->arena);
    free(config);
}
