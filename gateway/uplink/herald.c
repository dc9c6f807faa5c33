#include "uplink/herald.h"

#include <stdio.h>

#define FRESH_US INT64_C(60000000) // since its block was closed

void herald_begin(struct herald *herald, struct delivery *delivery,
                  const struct uplink_hooks *hooks)
{
    *herald = (struct herald){.delivery = delivery, .bulletin = hooks ? hooks->bulletin : NULL};
    delivery->event_place = hooks ? hooks->bulletin_from : 0;
    snprintf(herald->topic, sizeof herald->topic, "%sevent", feed_topic_prefix(delivery->feed));
}

void herald_up(struct herald *herald)
{
    herald->place = herald->delivery->event_place;
}

static void send(struct herald *herald, const struct bulletin_event *event)
{
    struct text json = text_make(BULLETIN_JSON_MAX);
    bulletin_append_json(&json, event);
    if (!json.failed) {
        delivery_send_event(herald->delivery, herald->topic, json.data, json.length, herald->place);
    }
    text_free(&json);
}

void herald_look(struct herald *herald)
{
    struct delivery *delivery = herald->delivery;
    struct bulletin_event event;
    if (!bulletin_has(herald->bulletin, herald->place)) {
        return; // nearly always, and costs nothing
    }
    bulletin_durable(herald->bulletin, delivery->size);
    int64_t oldest_us = clock_mono_us(delivery->clock) - FRESH_US;
    while (delivery_wants_events(delivery) &&
           bulletin_next(herald->bulletin, &herald->place, &event, NULL)) {
        if (event.closed_us >= oldest_us) {
            send(herald, &event);
        }
    }
}
