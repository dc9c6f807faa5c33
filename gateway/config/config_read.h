// What the files that read the parts of tally.yaml share. Private to config_load, and to
// tally-centre, whose centre.yaml has names, paths and a broker of the same kind.
#ifndef TALLY_CONFIG_CONFIG_READ_H
#define TALLY_CONFIG_CONFIG_READ_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

// A driver that some instrument names; `driver` is NULL when it has faults, which are reported
// once.
struct driver_slot {
    const char *id;
    struct driver *driver;
};

// Everything is read on after a fault, so that all are found. What a fault leaves unset stays NULL
// or at its default: readers check before they use it.
struct config_reader {
    struct config *config;
    struct document *document; // config's
    struct faults *faults;
    const char *folder; // of the configuration file, with its '/', or ""
    char **driver_ids;  // those in gateway.drivers; owned
    size_t driver_id_count;
    bool drivers_usable;       // the folder is there
    struct driver_slot *slots; // room for one an instrument; in config's arena
    size_t slot_count;
    bool *bus_usable;  // by bus: its transport is known; in config's arena
    bool *unit_usable; // by instrument: its unit address is one
    bool out_of_memory;
};

// Zeroed memory in config's arena; NULL sets out_of_memory.
void *config_take(struct config_reader *reader, size_t bytes);
// A name: 1 to 32 of a-z, 0-9 and '-'. NULL after a fault, or when node is NULL.
const char *config_read_name(struct config_reader *reader, const struct node *node,
                             const char *what);
// A path, resolved against the folder of the configuration file. NULL likewise.
const char *config_read_path(struct config_reader *reader, const struct node *node,
                             const char *what);
// The same path from text of ours.
const char *config_resolve_path(struct config_reader *reader, const char *path);
// Splits "host:port" or "[IPv6]:port", the port being left out where `default_port` is not 0. The
// host without brackets and the port, or false after a fault. `what` and `shown` name the value in
// it, `expected` the form.
bool config_read_address(struct config_reader *reader, const struct node *node, const char *what,
                         const char *address, int default_port, const char *expected,
                         const char **host, int *port);
// A broker's address, mqtts://host[:port]; host and port stay as they are after a fault.
void config_read_broker(struct config_reader *reader, const struct node *node, const char **host,
                        int *port);
// The number of children of a list; beyond `max` a fault, and `max`.
size_t config_count(struct config_reader *reader, const struct node *list, const char *what,
                    size_t max);

// A fault: the driver has no quantity of this name; the nearest is suggested.
void config_fault_quantity(struct config_reader *reader, const struct node *node, const char *name,
                           const struct driver *driver);

// The place of a mapping's child, named as a quantity, among those that the instrument polls, or
// SIZE_MAX after a fault: what is said of it ("limits") applies to no text.
size_t config_find_slot(struct config_reader *reader, const struct node *node, const char *what,
                        const struct config_instrument *instrument);
// A change in a time, "5/min", more than 0; after a fault the outs stay as they are. `example` is
// what such a thing looks like.
void config_read_rate(struct config_reader *reader, const struct node *node, const char *what,
                      const char *example, struct decimal *change, int64_t *per_us);

void config_read_buses(struct config_reader *reader, const struct node *list);
void config_read_instruments(struct config_reader *reader, const struct node *list);
// The limits of an instrument whose driver, quantities and `every` are read.
void config_read_limits(struct config_reader *reader, const struct node *mapping,
                        struct config_instrument *instrument);
// Of one quantity's limits, those that look at a time and not at one reading.
void config_read_completeness(struct config_reader *reader, const struct node *mapping,
                              const struct config_instrument *instrument,
                              struct config_completeness *out);
void config_read_energy_check(struct config_reader *reader, const struct node *mapping,
                              const struct config_instrument *instrument,
                              struct config_energy_check *out);
// Of a configuration whose instruments are read.
void config_read_groups(struct config_reader *reader, const struct node *list);
// What is declared of the uncertainty of its quantities, likewise.
void config_read_uncertainty(struct config_reader *reader, const struct node *mapping,
                             struct config_instrument *instrument);
void config_read_uplinks(struct config_reader *reader, const struct node *list);
void config_read_site(struct config_reader *reader, const struct node *node);
void config_read_alarms(struct config_reader *reader, const struct node *node);

#endif
