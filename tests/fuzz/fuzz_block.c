// Fuzzes the reader of blocks: whatever it accepts must, written again from what it understood, be
// the very same bytes. That is what "one form only" means.
#include "ledger/block.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void put_head(struct text *out, const struct block_view *v)
{
    text_append_string(out, "{\"tally\":1,\"log\":");
    text_append_json(out, v->origin);
    text_append_format(out, ",\"n\":%llu,\"prev\":\"", (unsigned long long)v->n);
    if (v->n) {
        text_append_hex(out, v->previous.bytes, DIGEST_SIZE);
    }
    text_append_format(out, "\",\"run\":\"%s\",\"mono_us\":[%lld,%lld],\"closed_us\":%lld", v->run,
                       (long long)v->mono_us[0], (long long)v->mono_us[1], (long long)v->closed_us);
    text_append_format(out,
                       ",\"clock\":{\"state\":\"%s\",\"error_us\":%lld,\"leap\":%d},\"defs\":\"",
                       v->clock.synchronised ? "synchronised" : "unsynchronised",
                       (long long)v->clock.error_us, v->clock.leap);
    text_append_hex(out, v->definitions.bytes, DIGEST_SIZE);
}

static void put_readings(struct text *out, const struct block_view *v)
{
    text_append_string(out, "\",\"readings\":[");
    for (size_t i = 0; i < v->reading_count; i++) {
        const struct block_reading *r = &v->readings[i];
        text_append_format(out, "%s[%u,%lld,%lld,\"%.*s\",", i ? "," : "", r->point,
                           (long long)r->t_us, (long long)r->half_window_us, (int)r->raw_digits,
                           r->raw);
        text_append(out, r->indication, r->indication_length);
        text_append(out, ",", 1);
        text_append(out, r->corrected, r->corrected_length);
        text_append(out, ",", 1);
        text_append(out, r->uncertainty, r->uncertainty_length);
        text_append_format(out, ",%u]", r->flags);
    }
}

static void put_rest(struct text *out, const struct block_view *v)
{
    text_append_string(out, "],\"missed\":[");
    for (size_t i = 0; i < v->missed_count; i++) {
        const struct block_miss *m = &v->missed[i];
        text_append_format(out, "%s[%u,%lld,\"%.*s\"]", i ? "," : "", m->point, (long long)m->t_us,
                           (int)m->word_length, m->word);
    }
    text_append_string(out, "],\"events\":[");
    for (size_t i = 0; i < v->event_count; i++) {
        const struct block_event *e = &v->events[i];
        text_append_format(out, "%s{\"t\":%lld,\"kind\":\"", i ? "," : "", (long long)e->t_us);
        text_append(out, e->kind, e->kind_length);
        text_append_string(out, "\",\"subject\":\"");
        text_append(out, e->subject, e->subject_length);
        text_append_string(out, "\",\"text\":\"");
        text_append(out, e->text, e->text_length);
        text_append_string(out, "\"}");
    }
    text_append_string(out, "]}\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct block_view view = {0};
    struct why why;
    if (block_parse(&view, bytes, length, &why) == OK) {
        struct text out = text_make(2 * BLOCK_BYTES_MAX);
        put_head(&out, &view);
        put_readings(&out, &view);
        put_rest(&out, &view);
        if (out.failed || out.length != length || memcmp(out.data, bytes, length) != 0) {
            abort();
        }
        text_free(&out);
    }
    block_view_free(&view);
    return 0;
}
