#include "report/energy_words.h"

#include "common/show.h"

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

// "city-centre at 2026-11-24T05:39:36Z for blocks up to 41".
static void append_receipt(struct text *out, const struct covered_receipt *receipt)
{
    show_append_clean(out, receipt->centre, SIZE_MAX);
    text_append_string(out, " at ");
    show_append_second(out, receipt->head.time_s);
    text_append_format(out, " for blocks up to %" PRIu64, receipt->head.head.size - 1);
}

static void append_final(struct text *out, const struct covered *covered)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < covered->receipt_count; i++) {
        count += covered->receipts[i].state == COVERED_WHOLE;
    }
    text_append_string(out, count == 1 ? "final: the receipt of " : "final: the receipts of ");
    for (size_t i = 0; i < covered->receipt_count; i++) {
        if (covered->receipts[i].state == COVERED_WHOLE) {
            text_append_string(out, at == 0 ? "" : at + 1 == count ? " and of " : ", of ");
            append_receipt(out, &covered->receipts[i]);
            at++;
        }
    }
    text_append_string(out, count == 1 ? " covers it" : " cover it");
}

// Why it is not whole.
static void append_lack(struct text *out, const struct covered_receipt *receipt)
{
    const char *whose = receipt->centre[0] ? receipt->centre : receipt->uplink;
    text_append_string(out,
                       receipt->state == COVERED_ABSENT ? "no receipt of " : "the receipt of ");
    if (receipt->state == COVERED_SHORT) {
        append_receipt(out, receipt);
    } else {
        text_append_string(out, receipt->centre[0]   ? ""
                                : receipt->uplink[0] ? "the centre of uplink "
                                                     : "a centre whose key was given");
        show_append_clean(out, whose, SIZE_MAX);
    }
    text_append_string(out, receipt->state == COVERED_UNVERIFIED ? " does not count: " : ": ");
    show_append_clean(out, receipt->why, SIZE_MAX);
}

void energy_append_standing(struct text *out, const struct covered *covered)
{
    if (covered->final) {
        append_final(out, covered);
        return;
    }
    text_append_string(out, "preliminary: ");
    if (!covered->over) {
        text_append_string(out, "the time asked for is not over in this ledger");
        return;
    }
    bool needed = false, any = covered->before[0];
    show_append_clean(out, covered->before, SIZE_MAX);
    for (size_t i = 0; i < covered->receipt_count; i++) {
        needed = needed || covered->receipts[i].needed;
    }
    for (size_t i = 0; i < covered->receipt_count; i++) {
        const struct covered_receipt *receipt = &covered->receipts[i];
        if (receipt->state != COVERED_WHOLE && (receipt->needed || !needed)) {
            text_append_string(out, any ? "; " : "");
            append_lack(out, receipt);
            any = true;
        }
    }
    text_append_string(out, any ? "" : "there is no receipt");
}

void energy_append_receipts(struct text *out, const struct covered *covered)
{
    bool any = false;
    for (size_t i = 0; i < covered->receipt_count; i++) {
        if (covered->receipts[i].state == COVERED_WHOLE) {
            text_append_string(out, any ? "; " : "");
            show_append_clean(out, covered->receipts[i].centre, SIZE_MAX);
            text_append_format(out, " %" PRIu64, covered->receipts[i].head.head.size);
            any = true;
        }
    }
}

static void append_receipt_json(struct text *out, const struct covered_receipt *receipt)
{
    static const char *const states[] = {"absent", "unverified", "short", "whole"};
    text_append_string(out, "{\"uplink\":");
    text_append_json(out, receipt->uplink);
    text_append_string(out, ",\"centre\":");
    text_append_json(out, receipt->centre);
    text_append_format(out, ",\"required\":%s,\"state\":\"%s\"", receipt->needed ? "true" : "false",
                       states[receipt->state]);
    if (receipt->state != COVERED_ABSENT) {
        text_append_format(out, ",\"time_s\":%" PRId64 ",\"from\":%" PRIu64 ",\"size\":%" PRIu64,
                           receipt->head.time_s, receipt->head.from, receipt->head.head.size);
    }
    text_append_string(out, ",\"why\":");
    text_append_json(out, receipt->why);
    text_append_string(out, "}");
}

void energy_append_receipts_json(struct text *out, const struct covered *covered)
{
    const struct covered_receipt *best = covered->best;
    text_append_string(out, "\"receipt\":");
    if (best) {
        text_append_string(out, "{\"centre\":");
        text_append_json(out, best->centre);
        text_append_string(out, ",\"uplink\":");
        text_append_json(out, best->uplink);
        text_append_format(out, ",\"time_s\":%" PRId64 ",\"size\":%" PRIu64 "}", best->head.time_s,
                           best->head.head.size);
    } else {
        text_append_string(out, "null");
    }
    text_append_string(out, ",\"receipts\":[");
    for (size_t i = 0; i < covered->receipt_count; i++) {
        text_append_string(out, i ? "," : "");
        append_receipt_json(out, &covered->receipts[i]);
    }
    text_append_string(out, "]");
}

void energy_append_bound(struct text *out, int64_t bound_us)
{
    text_append_string(out, bound_us == INT64_MAX ? "" : "±");
    if (bound_us == INT64_MAX) {
        text_append_string(out, "unknown");
    } else {
        show_append_duration(out, bound_us);
    }
}

void energy_append_flags(struct text *out, const struct energy_interval *interval,
                         const char *separator)
{
    if (interval->ambiguous) {
        text_append_string(out, "ambiguous");
        text_append_string(out, interval->flags ? separator : "");
    }
    show_append_flags(out, interval->flags, separator);
}

void energy_append_ambiguous(struct text *out, const struct energy *energy, const char *before,
                             const char *behind)
{
    if (energy->ambiguous) {
        text_append_format(
            out,
            "%s%zu of %zu are ambiguous: the clock was not synchronised, or may have "
            "been too wrong, at a reading next to a boundary%s",
            before, energy->ambiguous, energy->complete, behind);
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
