// The load of each bus, before anything is polled: plan_check of plan.h.
#include "base/arena.h"
#include "base/error.h"
#include "bus/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAVIEST_SHOWN 5

// One instrument's share of its bus.
struct share {
    const struct config_instrument *instrument;
    struct plan *plan; // NULL when none can be made
    int64_t time_us;
    double load;
};

// "15 s", "412 ms", "98.3 ms", "2 h": as a person would say it.
static void format_time(int64_t us, char out[24])
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"d", 86400000000}, {"h", 3600000000}, {"min", 60000000}, {"s", 1000000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (us >= units[i].us && us % units[i].us == 0) {
            snprintf(out, 24, "%" PRId64 " %s", us / units[i].us, units[i].name);
            return;
        }
    }
    if (us >= 10000000) {
        snprintf(out, 24, "%.1f s", (double)us / 1e6);
    } else if (us >= 100000 || us % 1000 == 0) {
        snprintf(out, 24, "%.0f ms", (double)us / 1e3);
    } else {
        snprintf(out, 24, "%.1f ms", (double)us / 1e3);
    }
}

static int by_load(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    if (a->load != b->load) {
        return a->load > b->load ? -1 : 1;
    }
    return a->instrument < b->instrument ? -1 : 1;
}

// An instrument that is read as fast as the bus goes takes what the others leave: it adds no load.
static double load_of(int64_t us, const struct config_instrument *instrument)
{
    return instrument->every_us > 0 ? (double)us / (double)instrument->every_us : 0;
}

// "main-meter 3 requests 412 ms / 1 s = 0.41; …" of the heaviest.
static void fault_overload(const struct config *config, const struct config_bus *bus,
                           struct share *shares, size_t count, double load, struct faults *faults)
{
    struct text list = text_make(700);
    qsort(shares, count, sizeof *shares, by_load);
    for (size_t i = 0; i < count && i < HEAVIEST_SHOWN; i++) {
        char time[24], every[24];
        size_t requests = shares[i].plan ? shares[i].plan->request_count : 0;
        format_time(shares[i].time_us, time);
        format_time(shares[i].instrument->every_us, every);
        text_append_format(&list, "%s%s %zu request%s %s / %s = %.2f", i ? "; " : "",
                           shares[i].instrument->name, requests, requests == 1 ? "" : "s", time,
                           every, shares[i].load);
    }
    if (count > HEAVIEST_SHOWN) {
        double rest = 0;
        for (size_t i = HEAVIEST_SHOWN; i < count; i++) {
            rest += shares[i].load;
        }
        text_append_format(&list, "; %zu more = %.2f", count - HEAVIEST_SHOWN, rest);
    }
    faults_add(faults, config->document.name, bus->line, bus->column,
               "bus %s: load %.2f of %.2f: %s: read less often, split the bus%s", bus->name, load,
               PLAN_LOAD_MAX, list.data ? list.data : "",
               bus->transport == TRANSPORT_RTU ? " or raise the baud rate" : "");
    text_free(&list);
}

static void print_request(const struct config_bus *bus, const struct share *share,
                          const struct request *request, struct text *out)
{
    char time[24], every[24], points[16];
    int64_t us = plan_request_time_us(request, share->instrument->driver, bus);
    format_time(us, time);
    format_time(share->instrument->every_us, every);
    if (request->is_status) {
        snprintf(points, sizeof points, "status");
    } else {
        snprintf(points, sizeof points, "%u", request->slot_count);
    }
    text_append_format(out, "%-16s  %-20s  %2u  0x%04x  %9u  %6s  %9s  %7s  %6.4f\n", bus->name,
                       share->instrument->name, request->function, request->address, request->count,
                       points, time, every, load_of(us, share->instrument));
}

static void print_bus(const struct config_bus *bus, const struct share *shares, size_t count,
                      double load, struct text *out)
{
    size_t requests = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; shares[i].plan && k < shares[i].plan->request_count; k++, requests++) {
            print_request(bus, &shares[i], shares[i].plan->requests[k], out);
        }
    }
    text_append_format(out, "bus %s: %zu instrument%s, %zu request%s, load %.4f of %.2f\n\n",
                       bus->name, count, count == 1 ? "" : "s", requests, requests == 1 ? "" : "s",
                       load, PLAN_LOAD_MAX);
}

// Fills `shares` with the instruments of a bus; how many there are.
static size_t collect_shares(const struct config *config, size_t bus, struct share *shares,
                             struct faults *faults)
{
    size_t count = 0;
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        if (instrument->bus != bus) {
            continue;
        }
        struct why why = {0};
        struct share *share = &shares[count++];
        *share = (struct share){.instrument = instrument};
        if (plan_make(&share->plan, instrument, &why) != OK) {
            faults_add(faults, config->document.name, instrument->line, instrument->column,
                       "instrument %s: %s", instrument->name, why.text);
            continue;
        }
        share->time_us = plan_time_us(share->plan, &config->buses[bus]);
        share->load = load_of(share->time_us, instrument);
    }
    return count;
}

static void check_bus(const struct config *config, size_t index, struct share *shares,
                      struct faults *faults, struct text *out)
{
    const struct config_bus *bus = &config->buses[index];
    size_t count = collect_shares(config, index, shares, faults);
    double load = 0;
    for (size_t i = 0; i < count; i++) {
        load += shares[i].load;
    }
    if (out) {
        print_bus(bus, shares, count, load, out);
    }
    if (load > PLAN_LOAD_MAX) {
        fault_overload(config, bus, shares, count, load, faults);
    }
    for (size_t i = 0; i < count; i++) {
        plan_free(shares[i].plan);
    }
}

void plan_check(const struct config *config, struct faults *faults, struct text *out)
{
    struct share *shares = calloc(config->instrument_count + 1, sizeof *shares);
    if (!shares) {
        faults_add(faults, config->document.name, 0, 0, "out of memory");
        return;
    }
    if (out) {
        text_append_format(out, "%-16s  %-20s  %2s  %-7s %9s  %6s  %9s  %7s  %6s\n", "bus",
                           "instrument", "fc", "address", "registers", "points", "time", "every",
                           "load");
    }
    for (size_t i = 0; i < config->bus_count; i++) {
        check_bus(config, i, shares, faults, out);
    }
    free(shares);
}
