#include "energy/energy.h"

#include "base/reading.h"

#include <assert.h>
#include <stdlib.h>

#define NO_CUT   SIZE_MAX
#define CLOSE_US INT64_C(1000000) // what is so near to a boundary is near enough

// The walk over the readings. A stretch lies between the reading where something was last cut (a
// boundary's reading, the beginning, the end of an unknown) and the one that is looked at.
struct walk {
    const struct energy_request *request;
    struct energy *out;
    size_t *cuts;       // by boundary: the reading that is its, or NO_CUT
    size_t begin, end;  // readings that count: [begin, end]
    size_t next;        // boundary whose reading comes next
    size_t stretch;     // the reading with which the stretch begins …
    size_t opens;       // … which is that of this boundary, or NO_CUT
    struct exact value; // of the reading that was looked at last
    struct exact passed;
    uint32_t flags, source;
    bool mixed;
    size_t span_room, unknown_room, segment_room;
};

// The list with room for one more, or NULL, the list as it was.
static void *grow(void *list, size_t *room, size_t count, size_t size)
{
    if (count < *room) {
        return list;
    }
    size_t more = *room ? 2 * *room : 16;
    void *grown = realloc(list, more * size);
    *room = grown ? more : *room;
    return grown;
}

// --- which reading is whose ---------------------------------------------------------------------

// The first reading that is not before the time.
static size_t find_first(const struct energy_request *request, int64_t t_us)
{
    size_t low = 0, high = request->reading_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (request->readings[middle].t_us < t_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// The nearest reading within the tolerance; of two as near, the earlier.
static size_t find_cut(const struct energy_request *request, int64_t t_us)
{
    size_t after = find_first(request, t_us), best = NO_CUT;
    int64_t distance = request->rules.tolerance_us;
    if (after > 0 && t_us - request->readings[after - 1].t_us <= distance) {
        best = after - 1;
        distance = t_us - request->readings[best].t_us;
    }
    if (after < request->reading_count) {
        int64_t other = request->readings[after].t_us - t_us;
        if (other < distance || (best == NO_CUT && other == distance)) {
            best = after;
        }
    }
    return best;
}

static size_t find_begin(const struct walk *walk)
{
    if (walk->cuts[0] != NO_CUT) {
        return walk->cuts[0];
    }
    size_t after = find_first(walk->request, walk->request->boundaries[0]);
    return after > 0 ? after - 1 : 0;
}

static size_t find_end(const struct walk *walk)
{
    size_t last = walk->request->interval_count;
    if (walk->cuts[last] != NO_CUT) {
        return walk->cuts[last];
    }
    size_t after = find_first(walk->request, walk->request->boundaries[last]);
    return after < walk->request->reading_count ? after : walk->request->reading_count - 1;
}

// --- what passed from one reading to the next ---------------------------------------------------

bool energy_rolled_over(const struct energy_rules *rules, const struct energy_reading *before,
                        const struct energy_reading *after, struct exact *passed)
{
    static const struct decimal hour_us = {UINT64_C(3600000000), false, 0};
    if (!rules->has_modulus || !rules->has_rate) {
        return false;
    }
    struct exact modulus = exact_of(rules->modulus), from = exact_of(before->value);
    struct exact to = exact_of(after->value);
    if (exact_compare(&from, &modulus) >= 0 || exact_sign(&to) < 0) {
        return false;
    }
    *passed = modulus;
    exact_subtract(passed, &from);
    exact_add(passed, &to);
    // passed × an hour <= rate × the time between
    struct exact hour = exact_of(hour_us), rate = exact_of(rules->rate), left, right;
    struct exact time =
        exact_of((struct decimal){(uint64_t)(after->t_us - before->t_us), false, 0});
    return exact_multiply(passed, &hour, &left) == OK &&
           exact_multiply(&rate, &time, &right) == OK && exact_compare(&left, &right) <= 0;
}

enum step { STEP_ON, STEP_OVER, STEP_OPENING, STEP_RESET, STEP_EXCHANGE };

// From the reading before `after` to it.
static enum step classify(struct walk *walk, const struct energy_reading *after,
                          struct exact *passed)
{
    struct exact from = walk->value;
    walk->value = exact_of(after->value);
    *passed = (struct exact){{0}};
    if (after->joint != ENERGY_SAME) {
        return after->joint == ENERGY_OPENING ? STEP_OPENING : STEP_EXCHANGE;
    }
    *passed = walk->value;
    exact_subtract(passed, &from);
    if (exact_sign(passed) >= 0) {
        return STEP_ON;
    }
    return energy_rolled_over(&walk->request->rules, after - 1, after, passed) ? STEP_OVER
                                                                               : STEP_RESET;
}

// --- segments -----------------------------------------------------------------------------------

static int begin_segment(struct walk *walk, const struct energy_reading *reading)
{
    struct energy *out = walk->out;
    struct energy_segment *list =
        grow(out->segments, &walk->segment_room, out->segment_count, sizeof *list);
    if (!list) {
        return ERROR_MEMORY;
    }
    out->segments = list;
    out->segments[out->segment_count++] = (struct energy_segment){.from_us = reading->t_us,
                                                                  .to_us = reading->t_us,
                                                                  .first = reading->value,
                                                                  .last = reading->value};
    return OK;
}

static void extend_segment(struct walk *walk, const struct energy_reading *reading, bool over)
{
    struct energy_segment *segment = &walk->out->segments[walk->out->segment_count - 1];
    segment->to_us = reading->t_us;
    segment->last = reading->value;
    segment->rollovers += over;
}

// From the ends alone, so that it proves the rest.
static void sum_segments(const struct walk *walk)
{
    struct energy *out = walk->out;
    struct exact modulus = exact_of(walk->request->rules.modulus);
    for (size_t i = 0; i < out->segment_count; i++) {
        const struct energy_segment *segment = &out->segments[i];
        struct exact first = exact_of(segment->first), last = exact_of(segment->last), turns;
        struct exact count = exact_of((struct decimal){segment->rollovers, false, 0});
        exact_add(&out->registered, &last);
        exact_subtract(&out->registered, &first);
        if (exact_multiply(&count, &modulus, &turns) == OK) {
            exact_add(&out->registered, &turns);
        }
    }
}

// --- intervals and spans ------------------------------------------------------------------------

static int add_span(struct walk *walk, size_t last)
{
    struct energy *out = walk->out;
    const struct energy_request *request = walk->request;
    struct energy_span *list = grow(out->spans, &walk->span_room, out->span_count, sizeof *list);
    if (!list) {
        return ERROR_MEMORY;
    }
    out->spans = list;
    int64_t from_us = request->readings[walk->stretch].t_us;
    int64_t to_us = request->readings[last].t_us;
    bool crosses = (walk->cuts[0] == NO_CUT && from_us < request->boundaries[0]) ||
                   (walk->cuts[request->interval_count] == NO_CUT &&
                    to_us > request->boundaries[request->interval_count]);
    out->spans[out->span_count++] = (struct energy_span){.from_us = from_us,
                                                         .to_us = to_us,
                                                         .energy = walk->passed,
                                                         .crosses = crosses,
                                                         .source = walk->source,
                                                         .mixed = walk->mixed};
    exact_add(&out->unallocated, &walk->passed);
    if (crosses) {
        exact_add(&out->crossing, &walk->passed);
    }
    return OK;
}

// Whether the boundary's reading may not be near it.
static bool is_ambiguous(const struct energy_request *request, size_t boundary,
                         const struct energy_reading *reading)
{
    int64_t distance_us = llabs(reading->t_us - request->boundaries[boundary]);
    int64_t limit_us = request->rules.tolerance_us;
    limit_us = limit_us > CLOSE_US ? limit_us : CLOSE_US;
    return (reading->flags & FLAG_CLOCK_UNSYNCHRONISED) || reading->bound_us > limit_us ||
           distance_us > limit_us - reading->bound_us;
}

static void judge_clock(const struct walk *walk, struct energy_interval *interval, size_t last)
{
    const struct energy_reading *opened = &walk->request->readings[walk->stretch];
    const struct energy_reading *closed = &walk->request->readings[last];
    interval->bound_us = opened->bound_us > closed->bound_us ? opened->bound_us : closed->bound_us;
    interval->ambiguous = is_ambiguous(walk->request, walk->opens, opened) ||
                          is_ambiguous(walk->request, walk->opens + 1, closed);
    walk->out->ambiguous += interval->ambiguous;
}

// Ends the stretch with reading `last`, which is that of boundary `closes`, or NO_CUT.
static int end_stretch(struct walk *walk, size_t last, size_t closes)
{
    if (last == walk->stretch) {
        return OK;
    }
    if (walk->opens == NO_CUT || closes != walk->opens + 1) {
        return add_span(walk, last);
    }
    walk->out->intervals[walk->opens] =
        (struct energy_interval){.state = ENERGY_COMPLETE,
                                 .energy = walk->passed,
                                 .opened_us = walk->request->readings[walk->stretch].t_us,
                                 .closed_us = walk->request->readings[last].t_us,
                                 .flags = walk->flags,
                                 .source = walk->source,
                                 .mixed = walk->mixed};
    judge_clock(walk, &walk->out->intervals[walk->opens], last);
    walk->out->complete++;
    exact_add(&walk->out->allocated, &walk->passed);
    return OK;
}

static void begin_stretch(struct walk *walk, size_t first, size_t opens)
{
    walk->stretch = first;
    walk->opens = opens;
    walk->passed = (struct exact){{0}};
    walk->flags = walk->request->readings[first].flags;
    walk->source = walk->request->readings[first].source;
    walk->mixed = false;
}

static int add_unknown(struct walk *walk, size_t after, enum energy_unknown_kind kind)
{
    struct energy *out = walk->out;
    const struct energy_reading *readings = walk->request->readings;
    struct energy_unknown *list =
        grow(out->unknowns, &walk->unknown_room, out->unknown_count, sizeof *list);
    if (!list) {
        return ERROR_MEMORY;
    }
    out->unknowns = list;
    out->unknowns[out->unknown_count++] =
        (struct energy_unknown){.kind = kind,
                                .from_us = readings[after - 1].t_us,
                                .to_us = readings[after].t_us,
                                .closing = readings[after - 1].value,
                                .opening = readings[after].value};
    return OK;
}

// From reading i - 1 to i.
static int take_step(struct walk *walk, size_t i)
{
    const struct energy_reading *reading = &walk->request->readings[i];
    struct exact passed;
    enum step step = classify(walk, reading, &passed);
    if (step == STEP_RESET || step == STEP_EXCHANGE) {
        int error = end_stretch(walk, i - 1, NO_CUT);
        error = error ? error
                      : add_unknown(walk, i, step == STEP_RESET ? ENERGY_RESET : ENERGY_EXCHANGE);
        begin_stretch(walk, i, NO_CUT);
        return error ? error : begin_segment(walk, reading);
    }
    exact_add(&walk->passed, &passed);
    walk->flags |= reading->flags;
    walk->mixed = walk->mixed || reading->source != walk->source;
    if (step == STEP_OPENING) {
        return begin_segment(walk, reading);
    }
    extend_segment(walk, reading, step == STEP_OVER);
    return OK;
}

// When reading i is that of a boundary, the stretch ends and another begins.
static int take_cut(struct walk *walk, size_t i)
{
    size_t boundaries = walk->request->interval_count + 1;
    while (walk->next < boundaries &&
           (walk->cuts[walk->next] == NO_CUT || walk->cuts[walk->next] < i)) {
        walk->next++;
    }
    if (walk->next == boundaries || walk->cuts[walk->next] != i) {
        return OK;
    }
    int error = end_stretch(walk, i, walk->next);
    begin_stretch(walk, i, walk->next);
    return error;
}

static int walk_all(struct walk *walk)
{
    begin_stretch(walk, walk->begin, NO_CUT);
    walk->value = exact_of(walk->request->readings[walk->begin].value);
    int error = begin_segment(walk, &walk->request->readings[walk->begin]);
    error = error ? error : take_cut(walk, walk->begin);
    for (size_t i = walk->begin + 1; !error && i <= walk->end; i++) {
        error = take_step(walk, i);
        error = error ? error : take_cut(walk, i);
    }
    return error ? error : end_stretch(walk, walk->end, NO_CUT);
}

// Intervals that are not complete and have an unknown in them. Both lists ascend.
static void mark_broken(const struct energy_request *request, struct energy *out)
{
    size_t u = 0;
    for (size_t i = 0; i < out->interval_count; i++) {
        while (u < out->unknown_count && out->unknowns[u].to_us <= request->boundaries[i]) {
            u++;
        }
        if (out->intervals[i].state != ENERGY_COMPLETE && u < out->unknown_count &&
            out->unknowns[u].from_us < request->boundaries[i + 1]) {
            out->intervals[i].state = ENERGY_BROKEN;
        }
    }
}

int energy_reckon(struct energy *out, const struct energy_request *request)
{
    size_t boundaries = request->interval_count + 1;
    struct walk walk = {.request = request, .out = out};
    *out = (struct energy){.interval_count = request->interval_count};
    out->intervals = calloc(request->interval_count, sizeof *out->intervals);
    walk.cuts = calloc(boundaries, sizeof *walk.cuts);
    int error = out->intervals && walk.cuts ? OK : ERROR_MEMORY;
    for (size_t i = 0; !error && i < boundaries; i++) {
        walk.cuts[i] = find_cut(request, request->boundaries[i]);
    }
    for (size_t i = 0; !error && i < request->interval_count; i++) {
        out->intervals[i].state = ENERGY_INCOMPLETE;
    }
    if (!error && request->reading_count) {
        walk.begin = find_begin(&walk);
        walk.end = find_end(&walk);
        error = walk.begin < walk.end ? walk_all(&walk) : OK;
    }
    free(walk.cuts);
    if (error) {
        energy_free(out);
        return error;
    }
    mark_broken(request, out);
    sum_segments(&walk);
    struct exact sum = out->allocated;
    exact_add(&sum, &out->unallocated);
    assert(exact_compare(&sum, &out->registered) == 0);
    return OK;
}

void energy_free(struct energy *energy)
{
    free(energy->intervals);
    free(energy->spans);
    free(energy->unknowns);
    free(energy->segments);
    *energy = (struct energy){.intervals = NULL};
}
