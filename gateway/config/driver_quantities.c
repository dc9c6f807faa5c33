// All quantities of a driver, and the checks across them.
#include "config/driver_read.h"

#include <string.h>

#define DRIVER_QUANTITIES_MAX 1000

static bool same_registers(const struct driver_quantity *a, const struct driver_quantity *b)
{
    return a->function == b->function && a->address == b->address && a->type == b->type &&
           a->mask == b->mask && a->shift == b->shift;
}

// Two quantities of one name cannot be told apart; the same code or registers twice are a slip of
// the copying hand.
static void find_duplicates(struct driver_reader *reader, const struct node *list,
                            const struct driver_quantity *quantities)
{
    size_t i = 0;
    for (const struct node *item = list->first; item; item = item->next, i++) {
        const struct driver_quantity *now = &quantities[i];
        for (size_t k = 0; k < i; k++) {
            const struct driver_quantity *before = &quantities[k];
            if (now->name[0] && strcmp(now->name, before->name) == 0) {
                driver_read_fault(reader, item, "quantity %s a second time", now->name);
            } else if (now->count && before->count && same_registers(now, before)) {
                driver_read_fault(reader, item, "quantity %s: the same register as %s", now->name,
                                  before->name);
            } else if (now->obis && before->obis && strcmp(now->obis, before->obis) == 0) {
                driver_read_fault(reader, item, "quantity %s: the same OBIS code as %s", now->name,
                                  before->name);
            } else {
                continue;
            }
            break;
        }
    }
}

void driver_read_quantities(struct driver_reader *reader, const struct node *list)
{
    size_t count = driver_list_length(list), i = 0;
    if (count < 1 || count > DRIVER_QUANTITIES_MAX) {
        driver_read_fault(reader, list, "quantities: %zu of them (expected 1 to %d)", count,
                          DRIVER_QUANTITIES_MAX);
        return;
    }
    struct driver_quantity *quantities = driver_read_take(reader, count * sizeof *quantities);
    if (!quantities) {
        return;
    }
    for (const struct node *item = list->first; item; item = item->next) {
        driver_read_quantity(reader, item, &quantities[i++]);
    }
    find_duplicates(reader, list, quantities);
    reader->driver->quantities = quantities;
    reader->driver->quantity_count = count;
}
