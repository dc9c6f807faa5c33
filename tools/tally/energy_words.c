#include "energy_words.h"

#include "show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *energy_unknown_word(const struct energy_unknown *unknown)
{
    return unknown->kind == ENERGY_RESET ? "reset" : "exchange";
}

const char *energy_unit_an_hour(const char *unit, char out[40])
{
    size_t length = strlen(unit);
    bool watts = length >= 2 && strcmp(unit + length - 2, "Wh") == 0;
    snprintf(out, 40, watts ? "%.*s" : "%.*s/h", (int)(watts ? length - 1 : length), unit);
    return out;
}

void energy_append_decimal(struct text *out, struct decimal decimal)
{
    struct exact number = exact_of(decimal);
    exact_append(out, &number);
}

static void append_receipt(struct text *out, const struct covered *covered)
{
    text_append_string(out, "the receipt of ");
    show_append_clean(out, covered->head.centre, SIZE_MAX);
    text_append_string(out, " at ");
    show_append_second(out, covered->head.time_s);
    text_append_format(out, " for blocks up to %" PRIu64, covered->head.head.size - 1);
}

void energy_append_standing(struct text *out, const struct covered *covered)
{
    if (covered->final) {
        text_append_string(out, "final: ");
        append_receipt(out, covered);
        text_append_string(out, " covers it");
    } else if (!covered->over) {
        text_append_string(out, "preliminary: the time asked for is not over in this ledger");
    } else if (covered->receipted) {
        text_append_string(out, "preliminary: ");
        append_receipt(out, covered);
        text_append_string(out, " does not cover all of it");
    } else {
        text_append_string(out, "preliminary: there is no receipt");
    }
}

void energy_append_parts(struct text *out, const struct account *account)
{
    for (size_t i = 0; i < account->part_count; i++) {
        const struct energy_part *part = &account->parts[i];
        text_append_string(out, part->minus ? (i ? " − " : "− ") : i ? " + " : "");
        text_append_string(out, part->name);
    }
}

void energy_append_coefficients(struct text *out, const struct account *account)
{
    for (size_t i = 0; i < account->coefficient_count; i++) {
        const struct coefficient *coefficient = account->coefficients[i];
        text_append_string(out, i ? "; " : "");
        show_append_clean(out, coefficient->name, SIZE_MAX);
        text_append_string(out, ", ");
        energy_append_decimal(out, coefficient->factor);
        text_append_format(out, " kgce/%s, ", coefficient->unit);
        show_append_clean(out, coefficient->version, SIZE_MAX);
    }
}
