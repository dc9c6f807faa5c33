#include "energy_corrected.h"

#include "energy_words.h"

#include "measure/rounding.h"

#include <string.h>

const char *const energy_corrected_headings[ENERGY_CORRECTED_CELLS] = {">corrected", ">U",
                                                                       ">not corrected"};

const struct corrected_figure *energy_corrected_of(const struct account *account, size_t interval)
{
    return account->corrected.any && account->energy.intervals[interval].state == ENERGY_COMPLETE
               ? &account->corrected.intervals[interval]
               : NULL;
}

static struct exact rest_of(const struct corrected_figure *figure)
{
    struct exact rest = figure->outside;
    exact_add(&rest, &figure->unknown);
    return rest;
}

// Value and U rounded to two digits of U; `times` as large.
static void append_value(struct text *out, const struct corrected_figure *figure, double times,
                         bool uncertainty)
{
    double expanded = times * corrected_uncertainty(figure);
    double number = uncertainty ? expanded : times * figure->energy;
    if (expanded > 0) {
        rounding_append(out, number, rounding_place(expanded));
    } else {
        text_append_format(out, "%.10g", number);
    }
}

void energy_corrected_cell(struct text *out, size_t cell, const struct corrected_figure *figure)
{
    if (!figure) {
        return;
    }
    if (cell < 2 && figure->shares) {
        append_value(out, figure, 1, cell == 1);
    } else if (cell < 2) {
        text_append_string(out, "—");
    } else {
        struct exact rest = rest_of(figure);
        if (exact_sign(&rest) || figure->outside_us) {
            exact_append(out, &rest);
        }
    }
}

static void append_rest(struct text *out, const struct account *account,
                        const struct corrected_figure *figure)
{
    if (figure->outside_us) {
        text_append_string(out, "; ");
        exact_append(out, &figure->outside);
        text_append_format(out, " %s in ", account->unit);
        show_append_duration(out, figure->outside_us);
        text_append_string(out, " at loads outside the calibrated range, as indicated");
    }
    if (exact_sign(&figure->unknown)) {
        text_append_string(out, "; ");
        exact_append(out, &figure->unknown);
        text_append_format(out, " %s without a certificate, as indicated", account->unit);
    }
}

void energy_corrected_append(struct text *out, const struct account *account,
                             const struct corrected_figure *figure, const struct exact *energy,
                             bool hourly)
{
    char demand[40];
    const char *unit = hourly ? energy_unit_an_hour(account->unit, demand) : account->unit;
    struct exact of = *energy, rest = rest_of(figure);
    exact_subtract(&of, &rest);
    if (figure->shares) {
        append_value(out, figure, hourly ? 4 : 1, false);
        text_append_format(out, " %s, U = ", unit);
        append_value(out, figure, hourly ? 4 : 1, true);
        text_append_format(out, " %s (k = %.3g), of ", unit, figure->k);
        exact_append(out, &of);
        text_append_format(out, " %s", account->unit);
    } else {
        text_append_string(out, "none");
    }
    append_rest(out, account, figure);
}

void energy_corrected_append_note(struct text *out, const struct account *account)
{
    text_append_string(out, "U is of the certificates in force when the blocks were written, and "
                            "of the registers' resolution; it excludes ");
    text_append_string(out, account->corrected.transformers
                                ? "the current and voltage transformers, which have no certificate "
                                  "here"
                                : "current and voltage transformers");
}

static void append_number(struct text *out, double number)
{
    value_append_double(out, number);
}

void energy_corrected_append_csv(struct text *out, const struct corrected_figure *figure)
{
    if (figure && figure->shares) {
        text_append_string(out, ",");
        append_number(out, figure->energy);
        text_append_string(out, ",");
        append_number(out, corrected_uncertainty(figure));
        text_append_string(out, ",");
        append_number(out, figure->k);
    } else {
        text_append_string(out, ",,,");
    }
    text_append_string(out, ",");
    if (figure) {
        exact_append(out, &figure->outside);
    }
    text_append_string(out, ",");
    if (figure) {
        exact_append(out, &figure->unknown);
    }
}

void energy_corrected_append_json(struct text *out, const struct corrected_figure *figure)
{
    if (!figure) {
        return;
    }
    text_append_string(out, ",\"corrected\":{\"energy\":");
    if (figure->shares) {
        append_number(out, figure->energy);
        text_append_string(out, ",\"uncertainty\":");
        append_number(out, corrected_uncertainty(figure));
        text_append_string(out, ",\"k\":");
        append_number(out, figure->k);
    } else {
        text_append_string(out, "null,\"uncertainty\":null,\"k\":null");
    }
    text_append_string(out, ",\"outside_range\":");
    exact_append_json(out, &figure->outside);
    text_append_string(out, ",\"outside_range_us\":");
    text_append_int(out, figure->outside_us);
    text_append_string(out, ",\"uncertified\":");
    exact_append_json(out, &figure->unknown);
    text_append_string(out, "}");
}
