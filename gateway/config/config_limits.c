// The limits of tally.yaml: what each quantity of an instrument is watched for.
#include "base/error.h"
#include "config/config_read.h"

#include <string.h>

#define SECOND_US  INT64_C(1000000)
#define LONGEST_US (INT64_C(86400) * SECOND_US * 365)

struct limit_nodes {
    const struct node *bound[BOUND_COUNT], *hysteresis, *decision, *delay, *rate, *frozen, *silence,
        *completeness, *check_energy;
};

static const char *const bound_names[BOUND_COUNT] = {
    [BOUND_MIN] = "min",
    [BOUND_WARNING_MIN] = "warning_min",
    [BOUND_WARNING_MAX] = "warning_max",
    [BOUND_MAX] = "max",
};
static const char *const decision_names[] = {
    [DECISION_SIMPLE] = "simple", [DECISION_GUARDED] = "guarded"};

const char *config_bound_name(enum config_bound bound)
{
    return bound_names[bound];
}

const char *config_decision_name(enum limit_decision decision)
{
    return decision_names[decision];
}

static const struct {
    const char *name;
    int64_t us;
} rate_units[] = {{"s", SECOND_US},
                  {"min", 60 * SECOND_US},
                  {"h", 3600 * SECOND_US},
                  {"d", 86400 * SECOND_US},
                  {"y", 31557600 * SECOND_US}};

const char *config_rate_unit(int64_t rate_per_us)
{
    size_t i = 0;
    while (rate_units[i].us != rate_per_us) {
        i++;
    }
    return rate_units[i].name;
}

static bool is_less(struct decimal a, struct decimal b)
{
    return decimal_to_double(a) < decimal_to_double(b);
}

// --- what stands there

// "5/min"; false where it is no such thing.
static bool parse_rate(const char *text, struct decimal *change, int64_t *per_us)
{
    char number[32];
    size_t length = strcspn(text, "/");
    if (length >= sizeof number || text[length] != '/') {
        return false;
    }
    memcpy(number, text, length);
    number[length] = '\0';
    for (size_t i = 0; i < sizeof rate_units / sizeof rate_units[0]; i++) {
        if (strcmp(text + length + 1, rate_units[i].name) == 0) {
            *per_us = rate_units[i].us;
            return decimal_parse(number, change) == OK;
        }
    }
    return false;
}

void config_read_rate(struct config_reader *reader, const struct node *node, const char *what,
                      const char *example, struct decimal *change, int64_t *per_us)
{
    struct decimal read = {0};
    int64_t read_per_us = 0;
    if (!parse_rate(node->scalar, &read, &read_per_us)) {
        document_fault(reader->document, node, "%s %s: not a rate (expected one such as %s)", what,
                       node->scalar, example);
    } else if (read.negative || !read.magnitude) {
        document_fault(reader->document, node, "%s %s: expected more than 0", what, node->scalar);
    } else {
        *change = read;
        *per_us = read_per_us;
    }
}

// A time within which there are several polls, or a state that lasts no longer than one would
// count.
static void read_span(struct config_reader *reader, const struct node *node, const char *what,
                      int64_t every_us, int64_t *out)
{
    int64_t us = 0;
    if (!node || !document_duration(reader->document, node, what, 1000, LONGEST_US, &us)) {
        return;
    }
    if (us <= every_us) {
        document_fault(reader->document, node,
                       "%s %s: expected more than `every`, how often it is polled", what,
                       node->scalar);
        return;
    }
    *out = us;
}

static void read_values(struct config_reader *reader, const struct limit_nodes *k,
                        const struct config_instrument *instrument, struct config_limits *limits)
{
    struct document *document = reader->document;
    int decision = DECISION_SIMPLE;
    for (int i = 0; i < BOUND_COUNT; i++) {
        limits->has_bound[i] = k->bound[i] && document_decimal(document, k->bound[i],
                                                               bound_names[i], &limits->bound[i]);
    }
    if (k->hysteresis &&
        document_decimal(document, k->hysteresis, "hysteresis", &limits->hysteresis) &&
        limits->hysteresis.negative) {
        document_fault(document, k->hysteresis, "hysteresis %s: expected 0 or more",
                       k->hysteresis->scalar);
        limits->hysteresis = (struct decimal){0};
    }
    if (k->decision) {
        document_choice(document, k->decision, "decision", decision_names, 2, &decision);
    }
    if (k->delay) {
        document_duration(document, k->delay, "delay", 0, LONGEST_US, &limits->delay_us);
    }
    if (k->rate) {
        config_read_rate(reader, k->rate, "rate", "0.5/s, 5/min, 20/h", &limits->rate,
                         &limits->rate_per_us);
    }
    read_span(reader, k->frozen, "frozen", instrument->every_us, &limits->frozen_us);
    read_span(reader, k->silence, "silence", instrument->every_us, &limits->silence_us);
    if (k->completeness) {
        config_read_completeness(reader, k->completeness, instrument, &limits->completeness);
    }
    if (k->check_energy) {
        config_read_energy_check(reader, k->check_energy, instrument, &limits->energy);
    }
    limits->decision = (enum limit_decision)decision;
}

// --- whether it goes together

static void check_order(struct config_reader *reader, const struct limit_nodes *k,
                        const struct config_limits *limits)
{
    int below = -1;
    for (int i = 0; i < BOUND_COUNT; i++) {
        if (!limits->has_bound[i]) {
            continue;
        }
        if (below >= 0 && !is_less(limits->bound[below], limits->bound[i])) {
            document_fault(reader->document, k->bound[i], "%s %s: expected more than %s %s",
                           bound_names[i], k->bound[i]->scalar, bound_names[below],
                           k->bound[below]->scalar);
            return;
        }
        below = i;
    }
}

// Where each bound clears; between the innermost two there must be values that clear both.
static void find_back(struct config_reader *reader, const struct limit_nodes *k,
                      struct config_limits *limits)
{
    int low = limits->has_bound[BOUND_WARNING_MIN] ? BOUND_WARNING_MIN : BOUND_MIN;
    int high = limits->has_bound[BOUND_WARNING_MAX] ? BOUND_WARNING_MAX : BOUND_MAX;
    for (int i = 0; i < BOUND_COUNT; i++) {
        struct decimal inwards = limits->hysteresis;
        inwards.negative = inwards.magnitude && i >= BOUND_WARNING_MAX;
        if (limits->has_bound[i] &&
            decimal_add(limits->bound[i], inwards, &limits->back[i]) != OK) {
            document_fault(reader->document, k->bound[i],
                           "%s %s: has too many digits together with hysteresis %s", bound_names[i],
                           k->bound[i]->scalar, k->hysteresis->scalar);
            return;
        }
    }
    if (limits->has_bound[low] && limits->has_bound[high] &&
        is_less(limits->bound[low], limits->bound[high]) &&
        is_less(limits->back[high], limits->back[low])) {
        document_fault(reader->document, k->hysteresis,
                       "hysteresis %s: no value would clear both %s %s and %s %s (expected at most "
                       "half of what is between them)",
                       k->hysteresis->scalar, bound_names[low], k->bound[low]->scalar,
                       bound_names[high], k->bound[high]->scalar);
    }
}

static void need_beside(struct config_reader *reader, const struct node *node, const char *what,
                        bool there, const char *expected)
{
    if (node && !there) {
        document_fault(reader->document, node, "%s %s: applies to nothing (expected %s beside it)",
                       what, node->scalar, expected);
    }
}

static void check_company(struct config_reader *reader, const struct node *node,
                          const struct limit_nodes *k)
{
    static const char bounds[] = "min, max, warning_min or warning_max";
    bool bounded = false;
    for (int i = 0; i < BOUND_COUNT; i++) {
        bounded = bounded || k->bound[i];
    }
    need_beside(reader, k->hysteresis, "hysteresis", bounded, bounds);
    need_beside(reader, k->decision, "decision", bounded, bounds);
    need_beside(reader, k->delay, "delay", bounded || k->rate,
                "min, max, warning_min, warning_max or rate");
    if (!node->first) {
        document_fault(reader->document, node,
                       "limits of %s: none (expected min, max, warning_min, warning_max, rate, "
                       "frozen, silence, completeness or check_energy)",
                       node->key);
    }
}

// --- of one quantity, of an instrument

static void read_limits(struct config_reader *reader, const struct node *node,
                        const struct config_instrument *instrument, struct config_limits *limits)
{
    struct limit_nodes k = {0};
    const struct document_key keys[] = {
        {"min", false, NODE_SCALAR, &k.bound[BOUND_MIN]},
        {"max", false, NODE_SCALAR, &k.bound[BOUND_MAX]},
        {"warning_min", false, NODE_SCALAR, &k.bound[BOUND_WARNING_MIN]},
        {"warning_max", false, NODE_SCALAR, &k.bound[BOUND_WARNING_MAX]},
        {"hysteresis", false, NODE_SCALAR, &k.hysteresis},
        {"decision", false, NODE_SCALAR, &k.decision},
        {"delay", false, NODE_SCALAR, &k.delay},
        {"rate", false, NODE_SCALAR, &k.rate},
        {"frozen", false, NODE_SCALAR, &k.frozen},
        {"silence", false, NODE_SCALAR, &k.silence},
        {"completeness", false, NODE_MAPPING, &k.completeness},
        {"check_energy", false, NODE_MAPPING, &k.check_energy}};
    bool good =
        document_read_keys(reader->document, node, "limits", keys, sizeof keys / sizeof keys[0]);
    read_values(reader, &k, instrument, limits);
    if (good) { // otherwise what is missing may be what was misspelt
        check_company(reader, node, &k);
    }
    check_order(reader, &k, limits);
    find_back(reader, &k, limits);
}

void config_read_limits(struct config_reader *reader, const struct node *mapping,
                        struct config_instrument *instrument)
{
    instrument->limits = config_take(reader, (instrument->quantity_count + 1) *
                                                 sizeof(const struct config_limits *));
    for (const struct node *node = mapping->first; node; node = node->next) {
        struct config_limits *limits = config_take(reader, sizeof *limits);
        if (!limits || !instrument->limits) {
            return;
        }
        size_t slot =
            instrument->driver ? config_find_slot(reader, node, "limits", instrument) : SIZE_MAX;
        read_limits(reader, node, instrument, limits);
        if (slot != SIZE_MAX) {
            instrument->limits[slot] = limits;
        }
    }
}
