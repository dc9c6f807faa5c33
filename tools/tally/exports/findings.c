#include "exports/findings.h"

#include "common/show.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

static bool is_good(const struct verdict *verdict)
{
    return !verdict->fault.found;
}

static void append_clean(struct text *out, const char *string)
{
    show_append_clean(out, string, SIZE_MAX);
}

static void append_time(struct text *out, int64_t t_us)
{
    char utc[32];
    clock_format_utc(t_us, utc);
    text_append_string(out, utc);
}

// "complete for blocks 7 to 12 (6 blocks, …)"
static void append_what(struct text *out, const struct verdict *verdict)
{
    text_append_format(out,
                       "  complete for blocks %" PRIu64 " to %" PRIu64 ": %" PRIu64
                       " readings, %" PRIu64 " missed, %" PRIu64 " events\n",
                       verdict->first, verdict->end - 1, verdict->readings, verdict->missed,
                       verdict->events);
    if (verdict->t_lo_us <= verdict->t_hi_us) {
        text_append_string(out, "  readings from ");
        append_time(out, verdict->t_lo_us);
        text_append_string(out, " to ");
        append_time(out, verdict->t_hi_us);
        text_append_string(out, "\n");
    }
    text_append_format(out, "  signed by the gateway: the log of %" PRIu64 " blocks\n",
                       verdict->signed_size);
}

static void append_limits(struct text *out, const struct verdict *verdict)
{
    const struct bounds_limit *lower = &verdict->lower, *upper = &verdict->upper;
    if (lower->there && lower->block + 1 < verdict->end) {
        text_append_format(out, "  blocks %" PRIu64 " to %" PRIu64 ": later than ",
                           lower->block + 1, verdict->end - 1);
        show_append_second(out, lower->time_s);
        text_append_string(out, " (a receipt of ");
        append_clean(out, lower->centre);
        text_append_format(out, " stands in block %" PRIu64 ")\n", lower->block);
    }
    if (upper->there) {
        text_append_format(out, "  blocks %" PRIu64 " to %" PRIu64 ": not later than ",
                           verdict->first, upper->block);
        show_append_second(out, upper->time_s);
        text_append_string(out, " (");
        append_clean(out, upper->centre);
        text_append_string(out, " held them)\n");
    }
    if (!upper->there || upper->block + 1 < verdict->end) {
        text_append_format(out,
                           "  blocks %" PRIu64 " to %" PRIu64
                           ": consistent, freshness unproven: no receipt covers them\n",
                           upper->there ? upper->block + 1 : verdict->first, verdict->end - 1);
    }
}

static void append_unknown(struct text *out, const struct verdict *verdict)
{
    for (size_t i = 0; i < verdict->unknown_count; i++) {
        text_append_string(out, "  not looked at: a receipt of ");
        append_clean(out, verdict->unknown[i]);
        text_append_string(out, ", whose key was not given\n");
    }
}

static void append_outside(struct text *out, const struct verdict *verdict)
{
    if (!verdict->outside) {
        return;
    }
    text_append_format(out,
                       "  %" PRIu64 " readings are timed outside these bounds (the gateway's clock "
                       "was wrong):\n",
                       verdict->outside);
    for (size_t i = 0; i < verdict->shown_count; i++) {
        const struct bounds_outside *shown = &verdict->shown[i];
        text_append_format(out, "    block %" PRIu64 ", point %" PRIu32 ": ", shown->block,
                           shown->point);
        append_time(out, shown->t_us);
        text_append_string(out, shown->late ? ", later than the receipt of "
                                            : ", earlier than the receipt of ");
        append_clean(out, shown->centre);
        text_append_string(out, " at ");
        show_append_second(out, shown->receipt_s);
        text_append_string(out, "\n");
    }
    if (verdict->outside > verdict->shown_count) {
        text_append_format(out, "    … and %" PRIu64 " more\n",
                           verdict->outside - verdict->shown_count);
    }
}

static void append_fault(struct text *out, const struct verdict *verdict)
{
    const struct run_fault *fault = &verdict->fault;
    if (fault->in_block) {
        text_append_format(out, "  first fault, block %" PRIu64 ": ", fault->block);
    } else {
        text_append_string(out, "  fault: ");
    }
    append_clean(out, fault->why.text);
    text_append_string(out, "\n");
    if (verdict->faults > 1) {
        text_append_format(out, "  %" PRIu64 " faults in all\n", verdict->faults);
    }
    if (verdict->trusted_from < verdict->trusted_end) {
        text_append_format(out,
                           "  what can still be trusted: blocks %" PRIu64 " to %" PRIu64
                           ", which are as they were signed\n",
                           verdict->trusted_from, verdict->trusted_end - 1);
    } else {
        text_append_string(out, "  nothing in it can be trusted\n");
    }
}

bool findings_append(struct text *out, const char *name, const struct verdict *verdict)
{
    append_clean(out, name);
    text_append_string(out, is_good(verdict) ? ": good" : ": NOT GOOD");
    if (verdict->origin[0]) {
        text_append_format(out, ", log %s", verdict->origin);
    }
    text_append_string(out, "\n");
    if (!is_good(verdict)) {
        append_fault(out, verdict);
        append_unknown(out, verdict);
        return false;
    }
    if (verdict->first < verdict->end) {
        append_what(out, verdict);
        append_limits(out, verdict);
    } else {
        text_append_string(out, "  no block that is kept is signed yet\n");
    }
    if (verdict->more) {
        text_append_format(out, "  %" PRIu64 " blocks are not signed yet\n", verdict->more);
    }
    append_unknown(out, verdict);
    append_outside(out, verdict);
    return true;
}

// --- JSON

static void append_key(struct text *out, const char *key, const char *string)
{
    text_append_format(out, ",\"%s\":", key);
    text_append_json(out, string);
}

static void append_limit(struct text *out, const char *key, const struct bounds_limit *limit)
{
    if (!limit->there) {
        text_append_format(out, ",\"%s\":null", key);
        return;
    }
    text_append_format(out,
                       ",\"%s\":{\"block\":%" PRIu64 ",\"time_s\":%" PRId64 ",\"size\":%" PRIu64,
                       key, limit->block, limit->time_s, limit->size);
    append_key(out, "centre", limit->centre);
    text_append_string(out, "}");
}

static void append_outside_json(struct text *out, const struct verdict *verdict)
{
    text_append_format(out, ",\"outside\":%" PRIu64 ",\"outside_first\":[", verdict->outside);
    for (size_t i = 0; i < verdict->shown_count; i++) {
        const struct bounds_outside *shown = &verdict->shown[i];
        text_append_format(out,
                           "%s{\"block\":%" PRIu64 ",\"point\":%" PRIu32 ",\"t_us\":%" PRId64
                           ",\"late\":%s,\"receipt_s\":%" PRId64,
                           i ? "," : "", shown->block, shown->point, shown->t_us,
                           shown->late ? "true" : "false", shown->receipt_s);
        append_key(out, "centre", shown->centre);
        text_append_string(out, "}");
    }
    text_append_string(out, "]");
}

static void append_fault_json(struct text *out, const struct verdict *verdict)
{
    const struct run_fault *fault = &verdict->fault;
    text_append_format(out, ",\"faults\":%" PRIu64 ",\"fault\":", verdict->faults);
    if (!fault->found) {
        text_append_string(out, "null");
        return;
    }
    text_append_string(out, "{\"block\":");
    if (fault->in_block) {
        text_append_format(out, "%" PRIu64, fault->block);
    } else {
        text_append_string(out, "null");
    }
    append_key(out, "why", fault->why.text);
    text_append_string(out, "}");
}

bool findings_append_json(struct text *out, const char *name, const struct verdict *verdict)
{
    text_append_format(out, "{\"good\":%s", is_good(verdict) ? "true" : "false");
    append_key(out, "name", name);
    append_key(out, "log", verdict->origin);
    text_append_format(out,
                       ",\"first\":%" PRIu64 ",\"end\":%" PRIu64 ",\"signed\":%" PRIu64
                       ",\"more\":%" PRIu64 ",\"readings\":%" PRIu64 ",\"missed\":%" PRIu64
                       ",\"events\":%" PRIu64,
                       verdict->first, verdict->end, verdict->signed_size, verdict->more,
                       verdict->readings, verdict->missed, verdict->events);
    append_limit(out, "later_than", &verdict->lower);
    append_limit(out, "not_later_than", &verdict->upper);
    append_outside_json(out, verdict);
    text_append_string(out, ",\"unknown_centres\":[");
    for (size_t i = 0; i < verdict->unknown_count; i++) {
        text_append_string(out, i ? "," : "");
        text_append_json(out, verdict->unknown[i]);
    }
    text_append_string(out, "]");
    append_fault_json(out, verdict);
    text_append_format(out, ",\"trusted\":[%" PRIu64 ",%" PRIu64 "]}", verdict->trusted_from,
                       verdict->trusted_end);
    return is_good(verdict);
}
