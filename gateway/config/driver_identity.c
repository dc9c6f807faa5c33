// How a driver tells which instrument it is (serial number, function 17) and whether it is well.
#include "config/driver_read.h"

#define DRIVER_STATUSES_MAX 16

static void read_serial(struct driver_reader *reader, const struct node *node)
{
    struct driver_quantity *serial = &reader->driver->serial;
    struct driver_register_nodes at = {0};
    const struct document_key keys[] = {{"function", false, NODE_SCALAR, &at.function},
                                        {"address", true, NODE_SCALAR, &at.address},
                                        {"type", true, NODE_SCALAR, &at.type},
                                        {"order", false, NODE_SCALAR, &at.order},
                                        {"registers", false, NODE_SCALAR, &at.registers}};
    *serial = driver_empty_quantity();
    serial->name = "serial";
    driver_read_note(reader,
                     document_read_keys(reader->document, node, "serial", keys, COUNT_OF(keys)));
    driver_read_register(reader, node, "serial", &at, serial);
    if (at.type && (serial->type == TYPE_FLOAT32 || serial->type == TYPE_FLOAT64 ||
                    serial->type == TYPE_BITS)) {
        driver_read_fault(reader, at.type, "type %s: not for a serial number", at.type->scalar);
    }
    reader->driver->has_serial = true;
}

void driver_read_identity(struct driver_reader *reader, const struct node *node)
{
    const struct node *serial, *report_id;
    const struct document_key keys[] = {{"serial", false, NODE_MAPPING, &serial},
                                        {"report_id", false, NODE_SCALAR, &report_id}};
    driver_read_note(reader,
                     document_read_keys(reader->document, node, "identity", keys, COUNT_OF(keys)));
    if (serial) {
        read_serial(reader, serial);
    }
    if (report_id) {
        driver_read_note(reader, document_bool(reader->document, report_id, "report_id",
                                               &reader->driver->report_id));
    }
}

static void read_status(struct driver_reader *reader, const struct node *node,
                        struct driver_status *status)
{
    const struct node *function, *address, *mask, *ok;
    const struct document_key keys[] = {{"function", false, NODE_SCALAR, &function},
                                        {"address", true, NODE_SCALAR, &address},
                                        {"mask", false, NODE_SCALAR, &mask},
                                        {"ok", true, NODE_SCALAR, &ok}};
    if (!driver_read_note(
            reader, document_read_keys(reader->document, node, "a status", keys, COUNT_OF(keys)))) {
        return;
    }
    function = function ? function : reader->defaults.function;
    status->mask = UINT16_MAX;
    if (!function) {
        driver_read_fault(reader, node,
                          "a status: key 'function' is missing (here or in 'defaults')");
        return;
    }
    driver_read_function(reader, function, &status->function);
    driver_read_uint16(reader, address, "address", &status->address);
    bool read = !mask || driver_read_uint16(reader, mask, "mask", &status->mask);
    if (driver_read_uint16(reader, ok, "ok", &status->ok) && read && (status->ok & ~status->mask)) {
        driver_read_fault(reader, ok,
                          "ok %s: has bits outside mask 0x%04X, so it could never be seen",
                          ok->scalar, status->mask);
    }
}

void driver_read_statuses(struct driver_reader *reader, const struct node *list)
{
    size_t count = driver_list_length(list), i = 0;
    if (count > DRIVER_STATUSES_MAX) {
        driver_read_fault(reader, list, "status: %zu registers (expected at most %d)", count,
                          DRIVER_STATUSES_MAX);
        return;
    }
    struct driver_status *statuses = driver_read_take(reader, count * sizeof *statuses);
    if (!statuses) {
        return;
    }
    for (const struct node *item = list->first; item; item = item->next) {
        read_status(reader, item, &statuses[i++]);
    }
    reader->driver->statuses = statuses;
    reader->driver->status_count = count;
}
