#include "check/check_limits.h"

#include "common/show.h"

static void add_decimal(struct show_table *table, bool there, struct decimal number)
{
    struct text text = text_make(64);
    value_append_plain(
        &text, &(struct value){.kind = there ? VALUE_DECIMAL : VALUE_NONE, .decimal = number});
    show_table_add(table, text.data ? text.data : "");
    text_free(&text);
}

static void add_span(struct show_table *table, int64_t us)
{
    struct text text = text_make(64);
    if (us) {
        show_append_duration(&text, us);
    } else {
        text_append_string(&text, "—");
    }
    show_table_add(table, text.data ? text.data : "");
    text_free(&text);
}

static void add_rate(struct show_table *table, const struct config_limits *limits)
{
    struct text text = text_make(96);
    value_append_plain(&text,
                       &(struct value){.kind = limits->rate.magnitude ? VALUE_DECIMAL : VALUE_NONE,
                                       .decimal = limits->rate});
    if (limits->rate.magnitude) {
        text_append_format(&text, "/%s", config_rate_unit(limits->rate_per_us));
    }
    show_table_add(table, text.data ? text.data : "");
    text_free(&text);
}

static void add_percent(struct show_table *table, int32_t ppm)
{
    const struct decimal percent = {(uint64_t)ppm, false, -4};
    struct text text = text_make(64);
    value_append_plain(&text, &(struct value){.kind = VALUE_DECIMAL, .decimal = percent});
    show_table_add_format(table, "%s%%", text.data ? text.data : "");
    text_free(&text);
}

static void add_limits(struct show_table *table, const struct config_instrument *instrument,
                       size_t slot)
{
    const struct config_limits *limits = instrument->limits[slot];
    bool bounded = false;
    for (int i = 0; i < BOUND_COUNT; i++) {
        bounded = bounded || limits->has_bound[i];
    }
    if (!bounded && !limits->rate.magnitude && !limits->frozen_us && !limits->silence_us) {
        return; // those of a time alone
    }
    show_table_add_format(table, "%s.%s", instrument->name, instrument->quantities[slot]->name);
    show_table_add(table, instrument->quantities[slot]->unit);
    for (int i = 0; i < BOUND_COUNT; i++) {
        add_decimal(table, limits->has_bound[i], limits->bound[i]);
    }
    add_decimal(table, bounded, limits->hysteresis);
    add_span(table, limits->delay_us);
    add_rate(table, limits);
    add_span(table, limits->frozen_us);
    add_span(table, limits->silence_us);
    show_table_add(table, bounded ? config_decision_name(limits->decision) : "—");
}

static void add_completeness(struct show_table *table, const struct config_instrument *instrument,
                             size_t slot)
{
    const struct config_completeness *completeness = &instrument->limits[slot]->completeness;
    if (completeness->over_us) {
        show_table_add_format(table, "%s.%s", instrument->name, instrument->quantities[slot]->name);
        add_percent(table, completeness->below_ppm);
        add_span(table, completeness->over_us);
        add_percent(table, completeness->hysteresis_ppm);
    }
}

static void add_energy_check(struct show_table *table, const struct config_instrument *instrument,
                             size_t slot)
{
    const struct config_energy_check *check = &instrument->limits[slot]->energy;
    if (check->over_us) {
        show_table_add_format(table, "%s.%s", instrument->name, instrument->quantities[slot]->name);
        show_table_add(table, instrument->quantities[slot]->unit);
        show_table_add(table, instrument->quantities[check->power]->name);
        show_table_add(table, config_counts_name(check->counts));
        add_percent(table, check->within_ppm);
        add_span(table, check->over_us);
        add_span(table, check->gap_us);
        add_decimal(table, check->has_floor, check->floor);
    }
}

// Each point that has limits.
static size_t add_each(struct show_table *table, const struct config *config,
                       void (*add)(struct show_table *table,
                                   const struct config_instrument *instrument, size_t slot))
{
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        for (size_t slot = 0; instrument->limits && slot < instrument->quantity_count; slot++) {
            if (instrument->limits[slot]) {
                add(table, instrument, slot);
            }
        }
    }
    return table->count;
}

void check_limits_append(struct text *out, const struct config *config)
{
    static const char *const headings[] = {"limits of",    "unit",    ">min",        ">warning_min",
                                           ">warning_max", ">max",    ">hysteresis", ">delay",
                                           ">rate",        ">frozen", ">silence",    "decision"};
    static const char *const energies[] = {"energy checked of", "unit",  "by",   "counts",
                                           ">within",           ">over", ">gap", ">floor"};
    static const char *const windows[] = {"completeness of", ">below", ">over", ">hysteresis"};
    struct show_table table = show_table_make(12, headings),
                      completeness = show_table_make(4, windows);
    struct show_table energy = show_table_make(8, energies);
    if (add_each(&table, config, add_limits)) {
        show_table_append(&table, out);
    }
    if (add_each(&completeness, config, add_completeness)) {
        show_table_append(&completeness, out);
    }
    if (add_each(&energy, config, add_energy_check)) {
        show_table_append(&energy, out);
    }
    show_table_free(&energy);
    show_table_free(&table);
    show_table_free(&completeness);
}
