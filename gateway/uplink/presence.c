#include "uplink/presence.h"

#include <stdio.h>
#include <string.h>

#define LOOK_US   INT64_C(10000000)
#define REPEAT_US INT64_C(60000000)
#define BYTES_MAX (256u << 10)

void presence_begin(struct presence *presence, struct delivery *delivery,
                    const struct uplink_hooks *hooks)
{
    *presence = (struct presence){.delivery = delivery,
                                  .hooks = hooks ? *hooks : (struct uplink_hooks){0},
                                  .document = text_make(BYTES_MAX)};
    snprintf(presence->topic, sizeof presence->topic, "%sstatus",
             feed_topic_prefix(delivery->feed));
}

void presence_end(struct presence *presence)
{
    text_free(&presence->document);
}

struct session_message presence_will(const struct presence *presence)
{
    static const char will[] = "{\"online\":false,\"why\":\"connection lost\"}";
    return (struct session_message){.topic = presence->topic,
                                    .payload = will,
                                    .length = sizeof will - 1,
                                    .retain = true,
                                    .content_type = "application/json"};
}

static struct text make_document(const struct presence *presence)
{
    struct text text = text_make(BYTES_MAX);
    if (presence->hooks.status) {
        presence->hooks.status(presence->hooks.context, &text);
    } else {
        text_append_string(&text, "{\"online\":true}");
    }
    return text;
}

static bool same(const struct text *a, const struct text *b)
{
    return a->length == b->length && (!a->length || memcmp(a->data, b->data, a->length) == 0);
}

static void publish(struct presence *presence, bool even_if_same)
{
    int64_t now_us = clock_mono_us(presence->delivery->clock);
    presence->looked_us = now_us;
    struct text text = make_document(presence);
    bool due = even_if_same || !same(&text, &presence->document) ||
               now_us - presence->published_us >= REPEAT_US;
    if (text.failed || text.length == 0 || !due) {
        text_free(&text);
        return;
    }
    delivery_send_status(presence->delivery, presence->topic, text.data, text.length);
    text_free(&presence->document);
    presence->document = text;
    presence->published_us = now_us;
}

void presence_announce(struct presence *presence)
{
    publish(presence, true);
}

void presence_look(struct presence *presence)
{
    if (clock_mono_us(presence->delivery->clock) - presence->looked_us >= LOOK_US) {
        publish(presence, false);
    }
}

void presence_farewell(struct presence *presence)
{
    static const char offline[] = "{\"online\":false,\"why\":\"stopped\"}";
    delivery_send_status(presence->delivery, presence->topic, offline, sizeof offline - 1);
}
