#include "bus/plan.h"

#include "base/arena.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#define TURN_ROUND_RTU_NS 5000000
#define REQUEST_TCP_NS    1000000

// What stands behind a struct plan. Everything that plan_split may need is allocated at the start:
// a request of n points is split at most n - 1 times, each time into two.
struct plan_body {
    struct plan plan; // first, so that one pointer is both
    struct request *pool;
    size_t used, capacity;
    uint16_t *slots; // all slots, by function and address; requests point into it
    bool *refused;   // by slot
};

// Registers [start, end).
struct span {
    uint32_t start, end;
};

static struct span quantity_span(const struct driver_quantity *quantity)
{
    struct span span = {quantity->address, (uint32_t)quantity->address + quantity->count};
    if (quantity->has_scale_register) {
        uint32_t scale = quantity->scale_register;
        span.start = scale < span.start ? scale : span.start;
        span.end = scale + 1 > span.end ? scale + 1 : span.end;
    }
    return span;
}

static struct span span_join(struct span a, struct span b)
{
    return (struct span){a.start < b.start ? a.start : b.start, a.end > b.end ? a.end : b.end};
}

static struct span slots_span(const struct config_instrument *instrument, const uint16_t *slots,
                              size_t count)
{
    struct span span = quantity_span(instrument->quantities[slots[0]]);
    for (size_t i = 1; i < count; i++) {
        span = span_join(span, quantity_span(instrument->quantities[slots[i]]));
    }
    return span;
}

static uint32_t limit_of(const struct driver *driver)
{
    return driver->max_registers >= 1 && driver->max_registers < REQUEST_REGISTERS_MAX
               ? driver->max_registers
               : REQUEST_REGISTERS_MAX;
}

static bool joinable(const struct driver *driver, struct span a, struct span b)
{
    struct span both = span_join(a, b);
    return b.start <= a.end + driver->max_gap && both.end - both.start <= limit_of(driver);
}

static int compare_slots(const void *left, const void *right, void *context)
{
    const struct config_instrument *instrument = context;
    uint16_t l = *(const uint16_t *)left, r = *(const uint16_t *)right;
    const struct driver_quantity *a = instrument->quantities[l], *b = instrument->quantities[r];
    if (a->function != b->function) {
        return a->function < b->function ? -1 : 1;
    }
    struct span x = quantity_span(a), y = quantity_span(b);
    if (x.start != y.start) {
        return x.start < y.start ? -1 : 1;
    }
    return (l > r) - (l < r);
}

static int compare_statuses(const void *left, const void *right)
{
    const struct driver_status *a = *(const struct driver_status *const *)left;
    const struct driver_status *b = *(const struct driver_status *const *)right;
    int fa = a->function, fb = b->function;
    return fa != fb ? fa - fb : (int)a->address - (int)b->address;
}

static struct request *body_request(struct plan_body *body, uint8_t function, struct span span)
{
    struct request *request = &body->pool[body->used++];
    *request = (struct request){.function = function,
                                .address = (uint16_t)span.start,
                                .count = (uint16_t)(span.end - span.start)};
    return request;
}

static void body_append(struct plan_body *body, struct request *request)
{
    body->plan.requests[body->plan.request_count++] = request;
}

static struct span status_span(const struct driver_status *status)
{
    return (struct span){status->address, (uint32_t)status->address + 1};
}

static int plan_statuses(struct plan_body *body, const struct driver *driver)
{
    size_t count = driver->status_count;
    if (!count) {
        return OK;
    }
    const struct driver_status **sorted = calloc(count, sizeof(const struct driver_status *));
    if (!sorted) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &driver->statuses[i];
    }
    qsort(sorted, count, sizeof(const struct driver_status *), compare_statuses);
    for (size_t i = 0; i < count;) {
        uint8_t function = sorted[i]->function;
        struct span span = status_span(sorted[i]);
        for (i++; i < count && sorted[i]->function == function &&
                  joinable(driver, span, status_span(sorted[i]));
             i++) {
            span = span_join(span, status_span(sorted[i]));
        }
        struct request *request = body_request(body, function, span);
        request->is_status = true;
        body_append(body, request);
    }
    free(sorted);
    return OK;
}

static int check_quantity(const struct driver *driver, const struct driver_quantity *quantity,
                          struct why *why)
{
    struct span span = quantity_span(quantity);
    uint32_t count = span.end - span.start, limit = limit_of(driver);
    if (span.end > 65536) {
        return why_set(why, ERROR_RANGE, "quantity %s: its registers end beyond 65535",
                       quantity->name);
    }
    if (count > limit) {
        return why_set(
            why, ERROR_RANGE,
            "quantity %s: needs %u registers in one request, %s, and driver %s allows %u",
            quantity->name, (unsigned)count,
            quantity->has_scale_register ? "its scale register included"
                                         : "so that its value is not torn",
            driver->id, (unsigned)limit);
    }
    return OK;
}

static int plan_quantities(struct plan_body *body, struct why *why)
{
    const struct config_instrument *instrument = body->plan.instrument;
    size_t count = instrument->quantity_count;
    for (size_t i = 0; i < count; i++) {
        int error = check_quantity(instrument->driver, instrument->quantities[i], why);
        if (error) {
            return error;
        }
        body->slots[i] = (uint16_t)i;
    }
    qsort_r(body->slots, count, sizeof *body->slots, compare_slots, (void *)instrument);
    for (size_t first = 0; first < count;) {
        const struct driver_quantity *quantity = instrument->quantities[body->slots[first]];
        struct span span = quantity_span(quantity);
        size_t next = first + 1;
        for (; next < count; next++) {
            const struct driver_quantity *other = instrument->quantities[body->slots[next]];
            if (other->function != quantity->function ||
                !joinable(instrument->driver, span, quantity_span(other))) {
                break;
            }
            span = span_join(span, quantity_span(other));
        }
        struct request *request = body_request(body, quantity->function, span);
        request->slots = &body->slots[first];
        request->slot_count = (uint16_t)(next - first);
        body_append(body, request);
        first = next;
    }
    return OK;
}

int plan_make(struct plan **out, const struct config_instrument *instrument, struct why *why)
{
    *out = NULL;
    size_t points = instrument->quantity_count, statuses = instrument->driver->status_count;
    if (points > UINT16_MAX) {
        return why_set(why, ERROR_RANGE, "%zu quantities: more than %d", points, UINT16_MAX);
    }
    void *arena = NULL;
    struct plan_body *body = arena_take(&arena, sizeof *body);
    if (!body) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    int error = ERROR_MEMORY;
    body->plan.instrument = instrument;
    body->capacity = 2 * (points + statuses);
    body->pool = arena_take(&arena, body->capacity * sizeof *body->pool);
    body->slots = arena_take(&arena, points * sizeof *body->slots);
    body->refused = arena_take(&arena, points * sizeof *body->refused);
    body->plan.requests = arena_take(&arena, body->capacity * sizeof(struct request *));
    if (!body->pool || !body->slots || !body->refused || !body->plan.requests) {
        why_set(why, ERROR_MEMORY, "out of memory");
        goto fail;
    }
    error = plan_statuses(body, instrument->driver);
    if (error) {
        why_set(why, error, "out of memory");
        goto fail;
    }
    error = plan_quantities(body, why);
    if (error) {
        goto fail;
    }
    body->plan.arena = arena;
    *out = &body->plan;
    return OK;
fail:
    arena_free(&arena);
    return error;
}

void plan_free(struct plan *plan)
{
    if (plan) {
        void *arena = plan->arena; // holds the plan itself
        arena_free(&arena);
    }
}

// Puts two requests behind the one at `index`.
static size_t body_insert(struct plan_body *body, size_t index, struct request *left,
                          struct request *right)
{
    struct request **requests = body->plan.requests;
    memmove(&requests[index + 3], &requests[index + 1],
            (body->plan.request_count - index - 1) * sizeof(struct request *));
    requests[index + 1] = left;
    requests[index + 2] = right;
    body->plan.request_count += 2;
    return 2;
}

// How many of a request's slots go to the left half: the cut nearest to the middle that shares no
// register, or the middle.
static size_t choose_cut(const struct config_instrument *instrument, const struct request *request)
{
    size_t count = request->slot_count, best = 0, middle = count / 2;
    struct span left = quantity_span(instrument->quantities[request->slots[0]]);
    for (size_t cut = 1; cut < count; cut++) {
        struct span next = quantity_span(instrument->quantities[request->slots[cut]]);
        size_t off = cut > middle ? cut - middle : middle - cut;
        size_t best_off = best > middle ? best - middle : middle - best;
        if (next.start >= left.end && (!best || off < best_off)) {
            best = cut;
        }
        left = span_join(left, next);
    }
    return best ? best : middle;
}

// Statuses have no slots: those of the driver that lie in the request are cut at the one nearest
// behind its middle register, or else at the last.
static size_t split_statuses(struct plan_body *body, size_t index)
{
    const struct request *request = body->plan.requests[index];
    const struct driver *driver = body->plan.instrument->driver;
    uint32_t start = request->address, end = start + request->count, middle = (start + end + 1) / 2;
    uint32_t above = end, below = start; // first register of the right half, either way
    for (size_t i = 0; i < driver->status_count; i++) {
        uint32_t at = driver->statuses[i].address;
        if (driver->statuses[i].function != request->function || at < start || at >= end) {
            continue;
        }
        above = at >= middle && at < above ? at : above;
        below = at < middle && at > below ? at : below;
    }
    uint32_t cut = above < end ? above : below;
    if (cut == start) {
        return 0;
    }
    uint32_t left_end = start;
    for (size_t i = 0; i < driver->status_count; i++) {
        uint32_t at = driver->statuses[i].address;
        bool left = driver->statuses[i].function == request->function && at >= start && at < cut;
        left_end = left && at + 1 > left_end ? at + 1 : left_end;
    }
    struct request *low = body_request(body, request->function, (struct span){start, left_end});
    struct request *high = body_request(body, request->function, (struct span){cut, end});
    low->is_status = high->is_status = true;
    return body_insert(body, index, low, high);
}

size_t plan_split(struct plan *plan, size_t index)
{
    struct plan_body *body = (struct plan_body *)plan;
    struct request *request = plan->requests[index];
    if (request->retired) {
        return 0;
    }
    request->retired = true;
    if (request->is_status) {
        return split_statuses(body, index);
    }
    if (request->slot_count == 1) {
        body->refused[request->slots[0]] = true;
        return 0;
    }
    size_t cut = choose_cut(plan->instrument, request);
    const uint16_t *slots = request->slots;
    size_t rest = request->slot_count - cut;
    struct request *left =
        body_request(body, request->function, slots_span(plan->instrument, slots, cut));
    struct request *right =
        body_request(body, request->function, slots_span(plan->instrument, slots + cut, rest));
    left->slots = slots;
    left->slot_count = (uint16_t)cut;
    right->slots = slots + cut;
    right->slot_count = (uint16_t)rest;
    return body_insert(body, index, left, right);
}

bool plan_slot_refused(const struct plan *plan, uint16_t slot)
{
    const struct plan_body *body = (const struct plan_body *)plan;
    return slot < plan->instrument->quantity_count && body->refused[slot];
}

int64_t bus_character_ns(const struct config_bus *bus)
{
    int bits = 1 + 8 + (bus->parity != PARITY_NONE) + bus->stop_bits;
    return ((int64_t)bits * 1000000000 + bus->baud - 1) / bus->baud;
}

int64_t bus_gap_ns(const struct config_bus *bus)
{
    return bus->baud > 19200 ? 1750000 : (7 * bus_character_ns(bus) + 1) / 2;
}

int64_t plan_request_time_us(const struct request *request, const struct driver *driver,
                             const struct config_bus *bus)
{
    int64_t rest_ns = driver->min_interval_us * 1000, ns = REQUEST_TCP_NS;
    if (bus->transport == TRANSPORT_RTU) {
        int64_t gap_ns = bus_gap_ns(bus);
        rest_ns = rest_ns > gap_ns ? rest_ns : gap_ns;
        ns = (int64_t)(request_bytes() + answer_bytes(request->count)) * bus_character_ns(bus) +
             gap_ns + TURN_ROUND_RTU_NS;
    }
    return (ns + rest_ns + 999) / 1000;
}

int64_t plan_time_us(const struct plan *plan, const struct config_bus *bus)
{
    int64_t total_us = 0;
    for (size_t i = 0; i < plan->request_count; i++) {
        if (!plan->requests[i]->retired) {
            total_us += plan_request_time_us(plan->requests[i], plan->instrument->driver, bus);
        }
    }
    return total_us;
}
