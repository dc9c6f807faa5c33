#include "record/alarm_windows.h"

#include <stdlib.h>
#include <string.h>

#define BIT(kind) ((uint16_t)(1u << (kind)))

bool alarm_windows_make(struct alarm_windows **out, const struct config_limits *limits,
                        int64_t mono_us)
{
    *out = NULL;
    if (!limits->completeness.over_us) {
        return true;
    }
    struct alarm_windows *windows = calloc(1, sizeof *windows);
    if (!windows) {
        return false;
    }
    windows->has_completeness = true;
    completeness_compile(&limits->completeness, &windows->completeness_rule);
    completeness_begin(&windows->completeness_rule, &windows->completeness, mono_us);
    *out = windows;
    return true;
}

bool alarm_windows_same(const struct alarm_windows *a, const struct alarm_windows *b)
{
    if (!a || !b) {
        return a == b;
    }
    const struct completeness_rule *x = &a->completeness_rule, *y = &b->completeness_rule;
    return a->has_completeness == b->has_completeness && x->part_us == y->part_us &&
           x->below_ppm == y->below_ppm && x->back_ppm == y->back_ppm;
}

void alarm_windows_take_over(struct alarm_windows *to, const struct alarm_windows *from)
{
    if (to && from) {
        to->completeness = from->completeness;
    }
}

uint16_t alarm_windows_raised(const struct alarm_windows *windows)
{
    return windows && windows->completeness.raised ? BIT(LIMIT_COMPLETENESS) : 0;
}

static void add(struct limits_change *change, enum limit_kind kind, int by)
{
    change->raised |= by > 0 ? BIT(kind) : 0;
    change->cleared |= by < 0 ? BIT(kind) : 0;
}

struct limits_change alarm_windows_take(struct alarm_windows *windows, bool taken, int64_t mono_us)
{
    struct limits_change change = {0};
    if (windows->has_completeness) {
        add(&change, LIMIT_COMPLETENESS,
            completeness_take(&windows->completeness_rule, &windows->completeness, taken, mono_us));
    }
    return change;
}
