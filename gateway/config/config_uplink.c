// The uplinks of tally.yaml.
#include "base/error.h"
#include "config/config_read.h"

#include <string.h>

#define SCHEME          "mqtts://"
#define BROKER_EXPECTED "expected mqtts://host[:port], as in mqtts://mqtt.example.org:8883"
#define MQTTS_PORT      8883

struct uplink_keys {
    const struct node *name, *broker, *ca, *certificate, *key, *receipts, *required, *resend_after,
        *no_subscribers, *compress, *drain_rate, *reconnect_min, *reconnect_max;
};

void config_read_broker(struct config_reader *reader, const struct node *node, const char **host,
                        int *port)
{
    const char *broker;
    if (!document_string(reader->document, node, "broker", 1, 300, &broker)) {
        return;
    }
    if (strncmp(broker, "mqtt://", 7) == 0 || strncmp(broker, "tcp://", 6) == 0) {
        document_fault(reader->document, node, "broker %s: TLS is required (" BROKER_EXPECTED ")",
                       broker);
    } else if (strncmp(broker, SCHEME, strlen(SCHEME)) != 0) {
        document_fault(reader->document, node,
                       "broker %s: not a broker's address (" BROKER_EXPECTED ")", broker);
    } else {
        config_read_address(reader, node, "broker", broker + strlen(SCHEME), MQTTS_PORT,
                            BROKER_EXPECTED, host, port);
    }
}

static void read_receipts(struct config_reader *reader, const struct uplink_keys *k,
                          struct config_uplink *uplink)
{
    const int64_t least_us = 1000000, most_us = (int64_t)86400 * 1000000;
    const char *path = NULL;
    struct why why = {""};
    if (k->receipts && (!k->receipts->scalar || strcmp(k->receipts->scalar, "none") != 0)) {
        path = config_read_path(reader, k->receipts, "receipts");
    }
    if (path && trusted_key_load(&uplink->centre, path, &why) == OK) {
        uplink->has_centre = true;
    } else if (path) {
        document_fault(reader->document, k->receipts,
                       "receipts %s (expected none, or the file of a centre's public key)",
                       why.text);
    }
    if (k->resend_after) {
        document_duration(reader->document, k->resend_after, "resend_after", least_us, most_us,
                          &uplink->resend_us);
    }
}

static void read_delivery(struct config_reader *reader, const struct uplink_keys *k,
                          struct config_uplink *uplink)
{
    static const char *const rules[] = {"hold", "accept"};
    struct document *document = reader->document;
    int rule = 0;
    if (k->required) {
        document_bool(document, k->required, "required", &uplink->required);
    }
    if (k->no_subscribers) {
        document_choice(document, k->no_subscribers, "no_subscribers", rules, 2, &rule);
    }
    if (k->compress) {
        document_bool(document, k->compress, "compress", &uplink->compress);
    }
    if (k->drain_rate) {
        document_int(document, k->drain_rate, "drain_rate", 0, 1000000, &uplink->drain_rate);
    }
    uplink->no_subscribers_accept = rule == 1;
}

static void read_reconnect(struct config_reader *reader, const struct uplink_keys *k,
                           struct config_uplink *uplink)
{
    struct document *document = reader->document;
    const int64_t least_us = 10000, most_us = (int64_t)3600 * 1000000;
    if (k->reconnect_min) {
        document_duration(document, k->reconnect_min, "reconnect_min", least_us, most_us,
                          &uplink->reconnect_min_us);
    }
    if (k->reconnect_max) {
        document_duration(document, k->reconnect_max, "reconnect_max", least_us, most_us,
                          &uplink->reconnect_max_us);
    }
    if (uplink->reconnect_min_us <= uplink->reconnect_max_us) {
        return;
    }
    if (k->reconnect_max) {
        document_fault(document, k->reconnect_max,
                       "reconnect_max %s: below reconnect_min (200ms unless given)",
                       k->reconnect_max->scalar);
    } else if (k->reconnect_min) {
        document_fault(document, k->reconnect_min,
                       "reconnect_min %s: above reconnect_max (30s unless given)",
                       k->reconnect_min->scalar);
    }
}

static void read_uplink(struct config_reader *reader, const struct node *node,
                        struct config_uplink *uplink)
{
    struct uplink_keys k = {0};
    const struct document_key keys[] = {{"name", true, NODE_SCALAR, &k.name},
                                        {"broker", true, NODE_SCALAR, &k.broker},
                                        {"ca", true, NODE_SCALAR, &k.ca},
                                        {"certificate", true, NODE_SCALAR, &k.certificate},
                                        {"key", true, NODE_SCALAR, &k.key},
                                        {"receipts", false, NODE_SCALAR, &k.receipts},
                                        {"resend_after", false, NODE_SCALAR, &k.resend_after},
                                        {"required", false, NODE_SCALAR, &k.required},
                                        {"no_subscribers", false, NODE_SCALAR, &k.no_subscribers},
                                        {"compress", false, NODE_SCALAR, &k.compress},
                                        {"drain_rate", false, NODE_SCALAR, &k.drain_rate},
                                        {"reconnect_min", false, NODE_SCALAR, &k.reconnect_min},
                                        {"reconnect_max", false, NODE_SCALAR, &k.reconnect_max}};
    *uplink = (struct config_uplink){.port = MQTTS_PORT,
                                     .drain_rate = 1000,
                                     .reconnect_min_us = 200000,
                                     .reconnect_max_us = 30000000,
                                     .resend_us = 600000000,
                                     .line = node->line,
                                     .column = node->column};
    document_read_keys(reader->document, node, "uplink", keys, sizeof keys / sizeof keys[0]);
    uplink->name = config_read_name(reader, k.name, "name");
    uplink->ca = config_read_path(reader, k.ca, "ca");
    uplink->certificate = config_read_path(reader, k.certificate, "certificate");
    uplink->key = config_read_path(reader, k.key, "key");
    if (k.broker) {
        config_read_broker(reader, k.broker, &uplink->host, &uplink->port);
    }
    read_receipts(reader, &k, uplink);
    read_delivery(reader, &k, uplink);
    read_reconnect(reader, &k, uplink);
}

void config_read_uplinks(struct config_reader *reader, const struct node *list)
{
    struct config *config = reader->config;
    size_t count = config_count(reader, list, "uplinks", CONFIG_UPLINKS_MAX);
    config->uplinks = config_take(reader, count * sizeof *config->uplinks);
    if (!config->uplinks) {
        return;
    }
    for (const struct node *node = list->first; node && config->uplink_count < count;
         node = node->next) {
        struct config_uplink *uplink = &config->uplinks[config->uplink_count++];
        read_uplink(reader, node, uplink);
        for (const struct config_uplink *other = config->uplinks; other < uplink; other++) {
            if (other->name && uplink->name && strcmp(other->name, uplink->name) == 0) {
                document_fault(reader->document, node_child(node, "name"),
                               "name %s: the uplink at line %d has it already", uplink->name,
                               other->line);
                break;
            }
        }
    }
}
