#include "certificates/budget.h"

#include "common/show.h"
#include "measure/rounding.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double percent_of(const struct budget *budget, const struct budget_part *part)
{
    return 100 * part->u * part->u / (budget->combined * budget->combined);
}

// --- for people

static void table_part(struct show_table *table, const struct budget *budget,
                       const struct budget_part *part)
{
    const char *unit = budget->quantity->unit;
    show_table_add(table, part->name);
    if (!part->known) {
        for (int i = 0; i < 6; i++) {
            show_table_add(table, "\xe2\x80\x94");
        }
        show_table_add(table, part->source);
        return;
    }
    show_table_add_format(table, "%.4g %s", part->value, part->of_time ? "s" : unit);
    show_table_add(table, part->distribution);
    show_table_add_format(table, "%.4g", part->divisor);
    if (part->of_time) {
        show_table_add_format(table, "%.3g %s/s", part->sensitivity, unit);
    } else {
        show_table_add(table, "1");
    }
    show_table_add_format(table, "%.4g", part->u);
    show_table_add_format(table, "%.1f%%", percent_of(budget, part));
    show_table_add_format(table, "%s%s", part->source,
                          part->in_readings ? "" : "; not in U of readings");
}

static void table_parts(const struct budget *budget, struct text *out)
{
    static const char *const headings[] = {"part",         ">value", "distribution", ">divisor",
                                           ">sensitivity", ">u",     ">of u²",       "from"};
    struct show_table table = show_table_make(8, headings);
    for (size_t i = 0; i < budget->count; i++) {
        table_part(&table, budget, &budget->parts[i]);
    }
    show_table_append(&table, out);
    show_table_free(&table);
}

static void append_undeclared(const struct budget *budget, struct text *out)
{
    size_t known = 0, undeclared = 0;
    for (size_t i = 0; i < budget->count; i++) {
        const struct budget_part *part = &budget->parts[i];
        known += part->u > 0;
        if (strcmp(part->source, "not declared") == 0) {
            text_append_string(out, undeclared++ ? ", " : "undeclared    ");
            text_append_string(out, part->name);
        }
    }
    if (undeclared) {
        text_append_string(out, known == 1 ? "; calibration only\n" : "\n");
    }
}

// U by the k of readings, and by the degrees of freedom.
static void append_coverage(const struct budget *budget, struct text *out)
{
    const char *unit = budget->quantity->unit;
    text_append_format(out, "combined      u = %.4g %s; of it in readings %.4g %s\n",
                       budget->combined, unit, budget->in_readings, unit);
    text_append_format(out,
                       "k of readings %.4g, the greatest of the certificate's points and at least "
                       "2: one number, never too small\n",
                       budget->k);
    if (isinf(budget->freedom)) {
        text_append_string(out, "freedom       \xe2\x88\x9e degrees, of the calibration too (its k "
                                "is no more than 2): k = 2 for 95.45 %\n");
        return;
    }
    text_append_format(out,
                       "freedom       %.3g degrees of the calibration, by its k, taken for 95.45 "
                       "%%; effective %.3g: k = %.3f, U = %.4g %s\n",
                       budget->freedom, budget->effective, budget->coverage,
                       budget->coverage * budget->combined, unit);
}

static void append_slope(const struct budget *budget, struct text *out)
{
    const struct config_uncertainty *declared = budget->calibration->declared;
    const struct budget_slope *slope = &budget->slope;
    if (declared && declared->slope.magnitude) {
        text_append_string(out, "slope         declared\n");
    } else if (!isnan(slope->per_s)) {
        text_append_format(out, "slope         the greatest over a minute, of %zu readings from ",
                           slope->readings);
        show_append_local(out, slope->from_us);
        text_append_string(out, " to ");
        show_append_local(out, slope->to_us);
        text_append_string(out, "\n");
    }
}

void budget_print_table(const struct budget *budget)
{
    const struct certificate *certificate = budget->calibration->entry->certificate;
    const char *unit = budget->quantity->unit;
    double expanded = budget->k * budget->in_readings;
    int place = rounding_place(expanded);
    struct text out = text_make(1u << 20);
    text_append_format(&out, "point         %s\nindication    %.10g %s\n", budget->point,
                       budget->indication, unit);
    text_append_format(&out, "certificate   %s of %s\nerror         %.6g %s\n", certificate->id,
                       certificate->laboratory, budget->error, unit);
    text_append_string(&out, "corrected     ");
    rounding_append(&out, budget->corrected, place);
    text_append_format(&out, " %s\nU             ", unit);
    rounding_append(&out, expanded, place);
    text_append_format(&out, " %s, k = %.3g, as in readings\n\n", unit, budget->k);
    table_parts(budget, &out);
    text_append_string(&out, "\n");
    append_coverage(budget, &out);
    append_slope(budget, &out);
    append_undeclared(budget, &out);
    if (budget->quantity->ratio_pt || budget->quantity->ratio_ct) {
        text_append_string(&out, "\nU excludes the current and voltage transformers, which have no "
                                 "certificate here.\n");
    }
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
}

// --- for programs

static void append_number(struct text *out, const char *name, double number)
{
    text_append_format(out, ",\"%s\":", name);
    if (isfinite(number)) {
        value_append_double(out, number);
    } else {
        text_append_string(out, "null");
    }
}

static void append_string(struct text *out, const char *name, const char *string)
{
    text_append_format(out, ",\"%s\":", name);
    text_append_json(out, string);
}

static void append_budget(struct text *out, const struct budget *budget)
{
    text_append_string(out, ",\"budget\":[");
    for (size_t i = 0; i < budget->count; i++) {
        const struct budget_part *part = &budget->parts[i];
        text_append_string(out, i ? ",{\"name\":" : "{\"name\":");
        text_append_json(out, part->name);
        append_string(out, "source", part->source);
        if (part->known) {
            append_number(out, "value", part->value);
            append_string(out, "unit", part->of_time ? "s" : budget->quantity->unit);
            append_string(out, "distribution", part->distribution);
            append_number(out, "divisor", part->divisor);
            append_number(out, "sensitivity", part->sensitivity);
            append_number(out, "u", part->u);
            append_number(out, "share", percent_of(budget, part) / 100);
            text_append_format(out, ",\"in_readings\":%s", part->in_readings ? "true" : "false");
        }
        text_append_string(out, "}");
    }
    text_append_string(out, "]");
}

// u of each sort of part; null where nothing is known of it. Influences stand between drift and the
// three of time.
static void append_sorts(struct text *out, const struct budget *budget)
{
    static const char *const names[] = {"calibration", "resolution", "drift", "influences", "time"};
    double squares[5] = {0};
    for (size_t i = 0; i < budget->count; i++) {
        size_t sort = i < 3 ? i : i + 3 < budget->count ? 3 : 4;
        squares[sort] += budget->parts[i].u * budget->parts[i].u;
    }
    text_append_string(out, ",\"parts\":{");
    for (size_t i = 0; i < 5; i++) {
        text_append_format(out, "%s\"%s\":", i ? "," : "", names[i]);
        if (squares[i] > 0) {
            value_append_double(out, sqrt(squares[i]));
        } else {
            text_append_string(out, "null");
        }
    }
    text_append_string(out, "}");
}

static void append_head(struct text *out, const struct budget *budget)
{
    char hex[DIGEST_HEX];
    text_format_hex(budget->calibration->entry->certificate->hash.bytes, DIGEST_SIZE, hex);
    text_append_string(out, "{\"point\":");
    text_append_json(out, budget->point);
    append_string(out, "unit", budget->quantity->unit);
    append_string(out, "certificate", hex);
}

void budget_print_json(const struct budget *budget)
{
    struct text out = text_make(1u << 20);
    append_head(&out, budget);
    append_number(&out, "indication", budget->indication);
    append_number(&out, "error", budget->error);
    append_number(&out, "corrected", budget->corrected);
    append_number(&out, "uncertainty", budget->k * budget->in_readings);
    append_number(&out, "k", budget->k);
    append_number(&out, "combined", budget->combined);
    append_number(&out, "in_readings", budget->in_readings);
    append_number(&out, "freedom", budget->freedom);
    append_number(&out, "effective_freedom", budget->effective);
    append_number(&out, "k_by_freedom", budget->coverage);
    append_number(&out, "slope_per_s", budget->slope.per_s);
    append_sorts(&out, budget);
    append_budget(&out, budget);
    text_append_string(&out, "}\n");
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
}

// --- a register that counts up

static void table_loads(const struct budget *budget, struct text *out)
{
    const struct correction *correction = &budget->calibration->correction;
    const char *unit = budget->quantity->unit;
    static const char *const headings[] = {">load", ">error", ">U", ">k", ">u"};
    struct show_table table = show_table_make(5, headings);
    for (size_t i = 0; i < correction->point_count; i++) {
        const struct certificate_point *point = &correction->points[i];
        show_table_add_format(&table, "%.6g %s/h", point->indication, unit);
        show_table_add_format(&table, "%.4g%%", 100 * point->error);
        show_table_add_format(&table, "%.3g%%", 100 * point->expanded_uncertainty);
        show_table_add_format(&table, "%.3g", point->coverage_factor);
        show_table_add_format(&table, "%.3g%%",
                              100 * point->expanded_uncertainty / point->coverage_factor);
    }
    show_table_append(&table, out);
    show_table_free(&table);
    text_append_format(
        out,
        "\nerror and u of the energy that passed at a load, between points in straight lines and "
        "never beyond them;\nthrough all that the meter counted u is fully correlated; k = %.3g\n",
        correction->k);
}

static void append_verified(const struct budget *budget, struct text *out)
{
    const struct correction *correction = &budget->calibration->correction;
    if (correction->mpe_relative > 0) {
        text_append_format(out,
                           "u             %.3g%% of the energy: MPE %.3g%% / \xe2\x88\x9a"
                           "3, rectangular\n",
                           100 * correction->mpe_relative / sqrt(3),
                           100 * correction->mpe_relative);
    }
    if (correction->mpe_absolute > 0) {
        text_append_format(out,
                           "u             at least %.3g %s: MPE %.3g %s / \xe2\x88\x9a"
                           "3, rectangular\n",
                           correction->mpe_absolute / sqrt(3), budget->quantity->unit,
                           correction->mpe_absolute, budget->quantity->unit);
    }
    text_append_format(out, "U             k = %.3g times that; no error is stated\n",
                       correction->k);
}

static void table_energy(const struct budget *budget, struct text *out)
{
    const struct driver_quantity *quantity = budget->quantity;
    const struct correction *correction = &budget->calibration->correction;
    const struct certificate *certificate = budget->calibration->entry->certificate;
    text_append_format(out, "point         %s, a register that counts up\n", budget->point);
    text_append_format(out, "certificate   %s of %s\n", certificate->id, certificate->laboratory);
    if (correction->point_count == 0) {
        append_verified(budget, out);
    } else if (correction->by_load) {
        text_append_string(out, "\n");
        table_loads(budget, out);
    } else {
        text_append_string(out,
                           "errors of the register, not by load: they say nothing of energy\n");
    }
    if (quantity->has_resolution) {
        double u = fabs(decimal_to_double(quantity->resolution)) / sqrt(12);
        text_append_format(out,
                           "resolution    u = %.3g %s for each of the two readings of an interval, "
                           "independent (driver %s)\n",
                           u, quantity->unit, budget->instrument->driver->id);
    } else {
        text_append_string(out, "resolution    not declared\n");
    }
    text_append_string(out, "time          the readings' windows, the clock's error and the "
                            "distance from a boundary, times the load: by tally report energy\n");
    if (quantity->ratio_pt || quantity->ratio_ct) {
        text_append_string(out, "\nU excludes the current and voltage transformers, which have no "
                                "certificate here.\n");
    }
}

static void json_energy(const struct budget *budget, struct text *out)
{
    const struct correction *correction = &budget->calibration->correction;
    append_head(out, budget);
    append_number(out, "k", correction->k);
    text_append_string(out, ",\"loads\":[");
    for (size_t i = 0; correction->by_load && i < correction->point_count; i++) {
        const struct certificate_point *point = &correction->points[i];
        text_append_string(out, i ? ",{\"load\":" : "{\"load\":");
        value_append_double(out, point->indication);
        append_number(out, "error", point->error);
        append_number(out, "uncertainty", point->expanded_uncertainty);
        append_number(out, "k", point->coverage_factor);
        append_number(out, "u", point->expanded_uncertainty / point->coverage_factor);
        text_append_string(out, "}");
    }
    text_append_string(out, "]");
    if (correction->point_count == 0) {
        append_number(out, "u_relative", correction->mpe_relative / sqrt(3));
        append_number(out, "u_least", correction->mpe_absolute / sqrt(3));
    }
    text_append_string(out, "}\n");
}

void budget_print_loads(const struct budget *budget, bool json)
{
    struct text out = text_make(1u << 20);
    if (json) {
        json_energy(budget, &out);
    } else {
        table_energy(budget, &out);
    }
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
}
