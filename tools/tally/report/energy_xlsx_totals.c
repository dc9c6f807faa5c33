#include "report/energy_xlsx_totals.h"

#include "common/show.h"
#include "report/energy_corrected.h"
#include "report/energy_words.h"

#include <inttypes.h>
#include <string.h>

#define WORDS_MAX 65536

enum { METER, WHAT, AMOUNT, UNIT, FROM, TO, NOTE, COLUMNS };

static const char *const headings[COLUMNS] = {"meter", "what", "amount", "unit",
                                              "from",  "to",   "note"};
static const double widths[COLUMNS] = {32, 22, 18, 8, 20, 20, 60};

// A sheet at work, and whose rows these are.
struct totals {
    struct sheet sheet;
    const struct energy_head *head;
    const struct account *account;
    struct text words; // of the note
};

// --- one row

static void begin(struct totals *totals, const char *what)
{
    const struct account *account = totals->account;
    sheet_text(&totals->sheet, METER, account->name ? account->name : account->title);
    sheet_text(&totals->sheet, WHAT, what);
    text_clear(&totals->words);
}

static void amount(struct totals *totals, const struct exact *number, const char *unit)
{
    if (!sheet_exact(&totals->sheet, AMOUNT, number)) {
        text_append_string(&totals->words, ENERGY_XLSX_TEXT);
    }
    sheet_text(&totals->sheet, UNIT, unit);
}

static void stretch(struct totals *totals, int64_t from_us, int64_t to_us)
{
    sheet_moment(&totals->sheet, FROM, from_us);
    sheet_moment(&totals->sheet, TO, to_us);
}

static void whole(struct totals *totals)
{
    const struct calendar *calendar = totals->head->calendar;
    stretch(totals, calendar->boundaries[0], calendar->boundaries[calendar->count]);
}

static void say(struct totals *totals, const char *words)
{
    text_append_string(&totals->words, totals->words.length && *words ? "; " : "");
    text_append_string(&totals->words, words);
}

static void end(struct totals *totals)
{
    sheet_text(&totals->sheet, NOTE, totals->words.length ? totals->words.data : NULL);
    totals->sheet.row++;
}

static void put_total(struct totals *totals, const char *what, const struct exact *number,
                      const char *unit, const char *note)
{
    begin(totals, what);
    amount(totals, number, unit);
    whole(totals);
    say(totals, note);
    end(totals);
}

static void put_count(struct totals *totals, const char *what, uint64_t number)
{
    struct exact exact = exact_of((struct decimal){number, false, 0});
    put_total(totals, what, &exact, "", "");
}

// --- rows of an account

// In words, U with it, since one number would be read without.
static void put_corrected(struct totals *totals, const char *what,
                          const struct corrected_figure *figure, const struct exact *energy,
                          bool hourly)
{
    const struct account *account = totals->account;
    begin(totals, what);
    energy_corrected_append(&totals->words, account, figure, energy, hourly);
    text_append_string(&totals->words, "; ");
    energy_corrected_append_note(&totals->words, account);
    end(totals);
}

static void put_sums(struct totals *totals)
{
    const struct account *account = totals->account;
    const struct energy *energy = &account->energy;
    char words[80];
    if (!account->name) {
        begin(totals, account->kind ? account->kind : "sum of");
        energy_append_parts(&totals->words, account);
        end(totals);
    }
    snprintf(words, sizeof words, "in %zu of %zu intervals", energy->complete,
             energy->interval_count);
    begin(totals, "energy");
    amount(totals, &energy->allocated, account->unit);
    whole(totals);
    say(totals, words);
    energy_append_ambiguous(&totals->words, energy, "; ", "");
    end(totals);
    if (account->corrected.any) {
        put_corrected(totals, "energy, corrected", &account->corrected.total, &energy->allocated,
                      false);
    }
    put_total(totals, "unallocated", &energy->unallocated, account->unit, "");
    if (exact_sign(&energy->crossing)) {
        put_total(totals, "of it, crossing", &energy->crossing, account->unit,
                  "in spans that reach beyond the time asked for");
    }
    put_total(totals, "registers", &energy->registered, account->unit,
              energy->unknown_count ? "= energy + unallocated; what is unknown is in neither"
                                    : "= energy + unallocated");
}

static void put_demand(struct totals *totals)
{
    const struct account *account = totals->account;
    char unit[40];
    begin(totals, "maximum demand");
    if (account->has_demand) {
        amount(totals, &account->demand_mean, energy_unit_an_hour(account->unit, unit));
        stretch(totals, account->demand_us, account->demand_us + ROLLUP_QUARTER_US);
        say(totals, account->demand_ambiguous ? "ambiguous" : "");
    } else {
        say(totals, "none: no quarter of an hour is complete");
    }
    end(totals);
    if (account->has_demand && account->corrected.any) {
        put_corrected(totals, "maximum demand, corrected", &account->corrected.demand,
                      &account->demand, true);
    }
}

static void put_use(struct totals *totals)
{
    const struct account *account = totals->account;
    const struct tariff *tariff = account->tariff;
    for (size_t i = 0; tariff && i < tariff->period_count; i++) {
        put_total(totals, tariff->periods[i], &account->periods[i], account->unit, tariff->name);
    }
    if (tariff) {
        put_total(totals, "in no period", &account->unassigned, account->unit, tariff->name);
    }
    if (account->coefficient_count) {
        struct text words = text_make(WORDS_MAX);
        energy_append_coefficients(&words, account);
        put_total(totals, "coal equivalent", &account->coal, "kgce", words.data);
        text_free(&words);
        if (exact_sign(&account->unconverted)) {
            put_total(totals, "without a coefficient", &account->unconverted, account->unit, "");
        }
    }
}

static void put_lists(struct totals *totals)
{
    const struct account *account = totals->account;
    const struct energy *energy = &account->energy;
    for (size_t i = 0; i < energy->span_count; i++) {
        begin(totals, "unallocated span");
        amount(totals, &energy->spans[i].energy, account->unit);
        stretch(totals, energy->spans[i].from_us, energy->spans[i].to_us);
        say(totals, energy->spans[i].crosses ? "reaches beyond the time asked for" : "");
        end(totals);
    }
    for (size_t i = 0; i < energy->unknown_count; i++) {
        const struct energy_unknown *unknown = &energy->unknowns[i];
        begin(totals, "unknown");
        sheet_text(&totals->sheet, UNIT, account->unit);
        stretch(totals, unknown->from_us, unknown->to_us);
        text_append_format(&totals->words, "%s: from ", energy_unknown_word(unknown));
        energy_append_decimal(&totals->words, unknown->closing);
        text_append_string(&totals->words, " to ");
        energy_append_decimal(&totals->words, unknown->opening);
        end(totals);
    }
    for (size_t i = 0; i < energy->segment_count; i++) {
        const struct energy_segment *segment = &energy->segments[i];
        begin(totals, "register");
        sheet_text(&totals->sheet, UNIT, account->unit);
        stretch(totals, segment->from_us, segment->to_us);
        text_append_string(&totals->words, "from ");
        energy_append_decimal(&totals->words, segment->first);
        text_append_string(&totals->words, " to ");
        energy_append_decimal(&totals->words, segment->last);
        text_append_format(&totals->words,
                           segment->rollovers ? ", rolled over %" PRIu64 " times" : "",
                           segment->rollovers);
        end(totals);
    }
}

// Those that the table declares, in the time asked for.
static void put_exchanges(struct totals *totals)
{
    const struct energy_table *table = totals->head->table;
    const struct calendar *calendar = totals->head->calendar;
    const struct account *account = totals->account;
    for (size_t i = 0; table && account->name && i < table->exchange_count; i++) {
        const struct energy_exchange *exchange = &table->exchanges[i];
        if (strcmp(exchange->point, account->name) != 0 ||
            exchange->at_us < calendar->boundaries[0] ||
            exchange->at_us >= calendar->boundaries[calendar->count]) {
            continue;
        }
        begin(totals, "exchange");
        sheet_text(&totals->sheet, UNIT, account->unit);
        stretch(totals, exchange->at_us, exchange->at_us);
        text_append_string(&totals->words, "declared: closing reading ");
        energy_append_decimal(&totals->words, exchange->closing);
        text_append_string(&totals->words, ", opening reading ");
        energy_append_decimal(&totals->words, exchange->opening);
        end(totals);
    }
}

static void put_counts(struct totals *totals)
{
    const struct account *account = totals->account;
    put_count(totals, "readings", account->taken);
    put_count(totals, "polls missed", account->missed);
    put_count(totals, "answers without a number", account->none);
    if (account->mismatched) {
        put_count(totals, "readings of another meter, not used", account->mismatched);
    }
    if (account->disordered) {
        put_count(totals, "quarters of an hour not used, because the clock was set in them",
                  account->disordered);
    }
}

struct sheet energy_xlsx_totals(lxw_workbook *workbook, const struct sheet_styles *styles,
                                const struct energy_head *head,
                                const struct account *const *accounts, size_t count)
{
    struct totals totals = {.head = head, .words = text_make(WORDS_MAX)};
    totals.sheet = sheet_add(workbook, styles, "Totals", headings, widths, COLUMNS);
    for (size_t i = 0; i < count; i++) {
        totals.account = accounts[i];
        put_sums(&totals);
        put_demand(&totals);
        put_use(&totals);
        put_exchanges(&totals);
        put_lists(&totals);
        put_counts(&totals);
    }
    text_free(&totals.words);
    sheet_end(&totals.sheet);
    return totals.sheet;
}
