#include "bus/handover.h"

#include <string.h>

static bool same_times(const struct config_instrument *a, const struct config_instrument *b)
{
    return a->every_us == b->every_us && a->align == b->align;
}

bool handover_keeps(const struct instrument *instrument, const struct config *next)
{
    const struct config_instrument *old = instrument->config;
    for (size_t i = 0; next && i < next->instrument_count; i++) {
        if (strcmp(next->instruments[i].name, old->name) == 0) {
            return same_times(&next->instruments[i], old);
        }
    }
    return false;
}

static void take_times(struct instrument *instrument, const struct worker *before,
                       const struct instrument *old)
{
    const struct config_instrument *config = instrument->config;
    if (same_times(config, old->config)) {
        instrument->schedule = old->schedule;
        instrument->scheduled = true;
    } else if (config->align) {
        schedule_start(&instrument->schedule, true, config->every_us, 0, before->ended);
        instrument->scheduled = true;
    }
    // Otherwise it is due at once.
}

// On the same device, or by way of the same host.
static bool same_line(const struct config_bus *a, const struct config_bus *b)
{
    if (a->transport != b->transport) {
        return false;
    }
    return a->transport == TRANSPORT_RTU
               ? strcmp(a->device, b->device) == 0
               : strcmp(a->host, b->host) == 0 && strcmp(a->service, b->service) == 0;
}

void handover_take(struct worker *worker, const struct worker *before, size_t before_count)
{
    for (size_t i = 0; i < before_count; i++) {
        const struct worker *old = &before[i];
        if (same_line(worker_bus(worker), worker_bus(old))) {
            worker->port.late_until_ns = old->port.late_until_ns;
        }
        for (size_t k = 0; k < old->count; k++) {
            for (size_t m = 0; m < worker->count; m++) {
                const char *name = worker->instruments[m].config->name;
                if (strcmp(name, old->instruments[k].config->name) == 0) {
                    take_times(&worker->instruments[m], old, &old->instruments[k]);
                }
            }
        }
    }
}
