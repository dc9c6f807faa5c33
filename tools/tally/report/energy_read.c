#include "report/energy_read.h"

#include "base/arena.h"

#define LIST_MAX 10000
#define WORD_MAX 200

size_t energy_count(const struct node *list)
{
    size_t count = 0;
    for (const struct node *node = list ? list->first : NULL; node; node = node->next) {
        count++;
    }
    return count;
}

void *energy_take_list(struct document *document, void **arena, const struct node *list,
                       size_t size)
{
    size_t count = energy_count(list);
    if (count > LIST_MAX) {
        document_fault(document, list, "%zu entries: at most %d are possible", count, LIST_MAX);
        return NULL;
    }
    void *entries = count ? arena_take(arena, count * size) : NULL;
    if (count && !entries) {
        document_fault(document, list, "out of memory");
    }
    return entries;
}

void energy_read_word(struct document *document, const struct node *node, const char **out)
{
    if (node) {
        document_string(document, node, node->key, 1, WORD_MAX, out);
    }
}
