// What the files that read the parts of a driver file share. Private to driver_load.
//
// Everything is read on after a fault, so that all are found: each function notes its faults in the
// reader, at the node's place, and leaves what it could not read as it was.
#ifndef TALLY_CONFIG_DRIVER_READ_H
#define TALLY_CONFIG_DRIVER_READ_H

#include "config/driver.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define DRIVER_NUMBER_TEXT_MAX 40 // characters of a number

struct driver_reader {
    struct document *document; // driver's
    struct driver *driver;     // max_registers is set before any register is read
    struct { // what a register has unless it says otherwise; nodes of `defaults`, or NULL
        const struct node *function, *type, *order;
    } defaults;
    bool good; // no fault yet
};

// --- driver_read.c: faults, memory, numbers

void driver_read_fault(struct driver_reader *reader, const struct node *node, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));
// Whether something was good, kept in mind; returns it.
bool driver_read_note(struct driver_reader *reader, bool good);
// Zeroed memory in the driver's arena. NULL notes a fault.
void *driver_read_take(struct driver_reader *reader, size_t bytes);
size_t driver_list_length(const struct node *list);
// "12", "0x0C", "-5". 0; ERROR_INPUT: not a number; ERROR_RANGE: beyond 64 bits.
int driver_parse_number(const char *text, bool *negative, uint64_t *out);
// A whole number from 0 to max, decimal or hexadecimal. False after a fault.
bool driver_read_number(struct driver_reader *reader, const struct node *node, const char *what,
                        uint64_t max, uint64_t *out);
bool driver_read_uint16(struct driver_reader *reader, const struct node *node, const char *what,
                        uint16_t *out);

// --- driver_register.c: where a value is and how it is laid out

// The nodes of one register's keys; NULL where the file has none.
struct driver_register_nodes {
    const struct node *function, *address, *type, *order, *registers;
};

// What a register has unless it says otherwise. What is at fault is left to be as if it were not
// there.
void driver_read_defaults(struct driver_reader *reader, const struct node *node);
bool driver_read_function(struct driver_reader *reader, const struct node *node, uint8_t *out);
// Function, address, type, order and count of `quantity`, whose count stays 0 when it is not known.
// Faults call it `what`; `place` is for what is missing.
void driver_read_register(struct driver_reader *reader, const struct node *place, const char *what,
                          const struct driver_register_nodes *nodes,
                          struct driver_quantity *quantity);

// --- driver_quantity.c: one quantity

// With the values of the keys that a file need not have.
struct driver_quantity driver_empty_quantity(void);
void driver_read_quantity(struct driver_reader *reader, const struct node *node,
                          struct driver_quantity *quantity);

// --- driver_quantities.c: all quantities, and checks across them

void driver_read_quantities(struct driver_reader *reader, const struct node *list);

// --- driver_identity.c: which instrument it is, and whether it is well

void driver_read_identity(struct driver_reader *reader, const struct node *node);
void driver_read_statuses(struct driver_reader *reader, const struct node *list);

#endif
