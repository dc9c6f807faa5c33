#include "uplink/window.h"

#include <assert.h>

void window_clear(struct window *window)
{
    window->head = 0;
    window->count = 0;
    window->bytes = 0;
}

static struct window_item *item_at(struct window *window, size_t place)
{
    return &window->items[(window->head + place) % SESSION_WINDOW_MAX];
}

void window_add(struct window *window, const struct window_item *item)
{
    assert(window->count < SESSION_WINDOW_MAX);
    *item_at(window, window->count) = *item;
    window->count++;
    window->bytes += item->bytes;
}

void window_disown(struct window *window)
{
    for (size_t i = 0; i < window->count; i++) {
        item_at(window, i)->disowned = true;
    }
}

// Brokers acknowledge in order (MQTT 5, 4.6), so the first look is nearly always right.
bool window_answer(struct window *window, int id, int reason)
{
    for (size_t i = 0; i < window->count; i++) {
        struct window_item *item = item_at(window, i);
        if (item->id == id && !item->answered) {
            item->answered = true;
            item->reason = reason;
            return true;
        }
    }
    return false;
}

bool window_take(struct window *window, struct window_item *item)
{
    if (window->count == 0 || !item_at(window, 0)->answered) {
        return false;
    }
    *item = *item_at(window, 0);
    window->head = (window->head + 1) % SESSION_WINDOW_MAX;
    window->count--;
    window->bytes -= item->bytes;
    return true;
}
