// What the readers of a report's table have in common.
#ifndef TALLY_TOOLS_ENERGY_READ_H
#define TALLY_TOOLS_ENERGY_READ_H

#include "config/document.h"

// The entries of a list; 0 of NULL.
size_t energy_count(const struct node *list);
// Room in the arena for the entries of a list, zeroed; NULL when there are none, or more than
// 10000, which is a fault.
void *energy_take_list(struct document *document, void **arena, const struct node *list,
                       size_t size);
// A scalar of 1 to 200 bytes; nothing for NULL.
void energy_read_word(struct document *document, const struct node *node, const char **out);

#endif
