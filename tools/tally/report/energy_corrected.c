#include "report/energy_corrected.h"

#include "report/energy_words.h"

#include "measure/rounding.h"

#include <float.h>
#include <math.h>
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
    struct exact rest = corrected_rest(figure)->outside;
    exact_add(&rest, &corrected_rest(figure)->unknown);
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
        if (figure->rest) {
            exact_append(out, &rest);
        }
    }
}

static void append_rest(struct text *out, const struct account *account,
                        const struct corrected_rest *rest)
{
    if (rest->outside_us) {
        text_append_string(out, "; ");
        exact_append(out, &rest->outside);
        text_append_format(out, " %s in ", account->unit);
        show_append_duration(out, rest->outside_us);
        text_append_string(out, " at loads outside the calibrated range, as indicated");
    }
    if (exact_sign(&rest->unknown)) {
        text_append_string(out, "; ");
        exact_append(out, &rest->unknown);
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
    append_rest(out, account, corrected_rest(figure));
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

// Rounded to nine digits of U, without zeros behind the last of a fraction: what is beyond is
// noise, and so it takes a third of the time that the shortest form of a double takes.
static void append_number(struct text *out, double number, int place)
{
    char digits[32];
    double scaled = place >= 0 && place <= DBL_DIG ? number * pow(10, place) : INFINITY;
    if (!(fabs(scaled) < 1e15)) {
        value_append_double(out, number);
        return;
    }
    uint64_t rest = (uint64_t)llround(fabs(scaled));
    size_t at = sizeof digits;
    bool any = false;
    for (int i = 0; i < place || rest || i == place; i++, rest /= 10) {
        if (i == place && any) {
            digits[--at] = '.';
        }
        any = any || rest % 10 || i >= place;
        if (any) {
            digits[--at] = (char)('0' + rest % 10);
        }
    }
    text_append(out, "-", signbit(scaled) && llround(scaled) != 0);
    text_append(out, digits + at, sizeof digits - at);
}

static int place_of(double uncertainty)
{
    return uncertainty > 0 ? rounding_place(uncertainty) + 7 : DBL_DIG + 1;
}

static void append_k(struct text *out, double k)
{
    if (k == 2) {
        text_append_string(out, "2");
    } else {
        value_append_double(out, k);
    }
}

// Corrected, U and k, with `between` between them.
static void append_figure(struct text *out, const struct corrected_figure *figure,
                          const char *const between[2])
{
    double uncertainty = corrected_uncertainty(figure);
    int place = place_of(uncertainty);
    append_number(out, figure->energy, place);
    text_append_string(out, between[0]);
    append_number(out, uncertainty, place);
    text_append_string(out, between[1]);
    append_k(out, figure->k);
}

void energy_corrected_append_csv(struct text *out, const struct corrected_figure *figure)
{
    static const char *const between[2] = {",", ","};
    text_append_string(out, ",");
    if (figure && figure->shares) {
        append_figure(out, figure, between);
    } else {
        text_append_string(out, ",,");
    }
    if (!figure || !figure->rest) {
        text_append_string(out, figure ? ",0,0" : ",,");
        return;
    }
    text_append_string(out, ",");
    exact_append(out, &figure->rest->outside);
    text_append_string(out, ",");
    exact_append(out, &figure->rest->unknown);
}

void energy_corrected_append_json(struct text *out, const struct corrected_figure *figure)
{
    static const char *const between[2] = {",\"uncertainty\":", ",\"k\":"};
    if (!figure) {
        return;
    }
    text_append_string(out, ",\"corrected\":{\"energy\":");
    if (figure->shares) {
        append_figure(out, figure, between);
    } else {
        text_append_string(out, "null,\"uncertainty\":null,\"k\":null");
    }
    if (!figure->rest) {
        text_append_string(out, ",\"outside_range\":0,\"outside_range_us\":0,\"uncertified\":0}");
        return;
    }
    text_append_string(out, ",\"outside_range\":");
    exact_append_json(out, &figure->rest->outside);
    text_append_string(out, ",\"outside_range_us\":");
    text_append_int(out, figure->rest->outside_us);
    text_append_string(out, ",\"uncertified\":");
    exact_append_json(out, &figure->rest->unknown);
    text_append_string(out, "}");
}
