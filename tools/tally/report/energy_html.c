#include "report/energy_html.h"

#include "common/page.h"
#include "common/show.h"
#include "report/energy_corrected.h"
#include "report/energy_words.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define WORDS_MAX 65536
#define WIDTH     960.0 // of a picture
#define HEIGHT    160.0
#define LEFT      64 // room for figures …
#define TOP       16 // … the unit …
#define BOTTOM    24 // … and dates
#define LABELS    8  // dates, at most

// As show_append_local, without thousandths where there are none.
static void append_moment(struct text *out, int64_t t_us)
{
    struct text words = text_make(64);
    show_append_local(&words, t_us);
    const char *none = words.data ? strstr(words.data, ".000 ") : NULL;
    if (none) {
        text_append(out, words.data, (size_t)(none - words.data));
        text_append_string(out, none + 4);
    } else {
        text_append_string(out, words.data ? words.data : "");
    }
    text_free(&words);
}

// A paragraph for each.
static void append_logs(const struct logs *logs, struct text *out)
{
    struct text lines = text_make(WORDS_MAX);
    logs_append(&lines, logs);
    for (char *line = lines.length ? lines.data : NULL, *end; line && (end = strchr(line, '\n'));
         line = end + 1) {
        *end = '\0';
        text_append_string(out, "<p>");
        page_append_word(out, line);
        text_append_string(out, "</p>\n");
    }
    text_free(&lines);
}

void energy_html_begin(const struct energy_head *head, struct text *out)
{
    const struct calendar *calendar = head->calendar;
    struct text standing = text_make(WORDS_MAX);
    energy_append_standing(&standing, head->covered);
    page_begin(out, "Energy");
    text_append_string(out, "<h1>Energy by ");
    text_append_string(out, interval_word(head->every));
    text_append_string(out, "</h1>\n<p>");
    if (head->site_name) {
        page_append_word(out, head->site_name);
        text_append_format(out, ", %s</p>\n<p>", head->site_code);
    }
    append_moment(out, calendar->boundaries[0]);
    text_append_string(out, " to ");
    append_moment(out, calendar->boundaries[calendar->count]);
    text_append_string(out, " (");
    page_append_word(out, head->time_zone);
    text_append_string(out, ")</p>\n<p id=\"standing\">");
    page_append_escaped(out, standing.data);
    text_append_string(out, "</p>\n");
    append_logs(head->logs, out);
    text_append_string(out, "<p>log ");
    page_append_word(out, head->origin);
    text_append_string(out, "</p>\n");
    if (head->table) {
        text_append_string(out, "<p>energy table ");
        text_append_hex(out, head->table->hash.bytes, DIGEST_SIZE);
        text_append_string(out, "</p>\n");
    }
    text_free(&standing);
}

// --- the picture
// ----------------------------------------------------------------------------------

struct extent {
    double low, high; // 0 is among them
};

static struct extent find_extent(const struct energy *energy)
{
    struct extent extent = {0, 0};
    for (size_t i = 0; i < energy->interval_count; i++) {
        double number = energy->intervals[i].state == ENERGY_COMPLETE
                            ? exact_to_double(&energy->intervals[i].energy)
                            : 0;
        extent.low = fmin(extent.low, number);
        extent.high = fmax(extent.high, number);
    }
    if (extent.high <= extent.low) {
        extent.high = extent.low + 1;
    }
    return extent;
}

// 1, 2 or 5 times a power of ten: some four of them make the whole.
static double step_of(double whole)
{
    double power = pow(10, floor(log10(whole / 4))), times = whole / 4 / power;
    return power * (times > 5 ? 10 : times > 2 ? 5 : times > 1 ? 2 : 1);
}

// Lines with their figures, and beginnings of some intervals below.
static void append_axes(const struct energy_head *head, const struct account *account,
                        const struct extent *extent, struct text *out)
{
    double scale = HEIGHT / (extent->high - extent->low),
           each = step_of(extent->high - extent->low);
    for (double at = ceil(extent->low / each); at <= extent->high / each; at++) {
        double y = (extent->high - at * each) * scale;
        text_append_format(out,
                           "<line class=\"%s\" x1=\"0\" x2=\"%.0f\" y1=\"%.2f\" y2=\"%.2f\"/>"
                           "<text x=\"-6\" y=\"%.2f\" text-anchor=\"end\">%g</text>",
                           at == 0 ? "z" : "a", WIDTH, y, y, y + 4, at == 0 ? 0 : at * each);
    }
    text_append_format(out, "<text x=\"-6\" y=\"%d\" text-anchor=\"end\">", -TOP + 12);
    page_append_word(out, account->unit);
    text_append_string(out, "</text>");
    size_t count = account->energy.interval_count, skip = (count + LABELS - 1) / LABELS;
    bool days = head->every == INTERVAL_DAY || head->every == INTERVAL_MONTH;
    struct text words = text_make(64);
    for (size_t i = 0; i < count; i += skip) {
        text_clear(&words);
        show_append_local(&words, head->calendar->boundaries[i]);
        text_append_format(out, "<text x=\"%.2f\" y=\"%.0f\">%.*s</text>",
                           (double)i * WIDTH / (double)count, HEIGHT + 16, days ? 10 : 11,
                           words.length > 16 ? words.data + (days ? 0 : 5) : "");
    }
    text_free(&words);
}

// A bar for each interval with a figure; where there is none, the whole height in another colour.
static void append_picture(const struct energy_head *head, const struct account *account,
                           struct text *out)
{
    const struct energy *energy = &account->energy;
    struct extent extent = find_extent(energy);
    double scale = HEIGHT / (extent.high - extent.low);
    double step = WIDTH / (double)energy->interval_count, zero = extent.high * scale;
    bool gaps = energy->complete < energy->interval_count;
    text_append_format(out,
                       "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"%d %d %.0f %.0f\">",
                       -LEFT, -TOP, WIDTH + LEFT, HEIGHT + TOP + BOTTOM);
    append_axes(head, account, &extent, out);
    for (size_t i = 0; i < energy->interval_count; i++) {
        bool complete = energy->intervals[i].state == ENERGY_COMPLETE;
        double size = complete ? exact_to_double(&energy->intervals[i].energy) * scale : 0;
        double top = complete ? zero - fmax(size, 0) : 0;
        text_append_format(out,
                           "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
                           "height=\"%.2f\"/>",
                           complete ? "e" : "g", (double)i * step, top, step * 0.9,
                           complete ? fabs(size) : HEIGHT);
    }
    if (gaps) {
        text_append_format(out,
                           "<text x=\"%.0f\" y=\"%d\" text-anchor=\"end\">shaded: no figure</text>",
                           WIDTH, -TOP + 12);
    }
    text_append_string(out, "</svg>\n");
}

// --- tables
// ---------------------------------------------------------------------------------------

static void append_total(struct text *out, const char *label, const struct exact *number,
                         const char *unit, const char *more)
{
    text_append_string(out, "<tr><th>");
    page_append_word(out, label);
    text_append_string(out, "</th><td class=\"n\">");
    exact_append(out, number);
    text_append_string(out, "</td><td>");
    page_append_word(out, unit);
    text_append_string(out, "</td><td>");
    page_append_escaped(out, more);
    text_append_string(out, "</td></tr>\n");
}

static void append_uses(const struct account *account, struct text *out)
{
    const struct tariff *tariff = account->tariff;
    for (size_t i = 0; tariff && i < tariff->period_count; i++) {
        append_total(out, tariff->periods[i], &account->periods[i], account->unit, tariff->name);
    }
    if (tariff) {
        append_total(out, "in no period", &account->unassigned, account->unit, tariff->name);
    }
    if (account->coefficient_count) {
        struct text words = text_make(WORDS_MAX);
        energy_append_coefficients(&words, account);
        append_total(out, "coal equivalent", &account->coal, "kgce", words.data);
        text_free(&words);
    }
}

static void append_corrected_total(struct text *out, const char *label,
                                   const struct account *account,
                                   const struct corrected_figure *figure,
                                   const struct exact *energy, bool hourly)
{
    struct text words = text_make(WORDS_MAX);
    energy_corrected_append(&words, account, figure, energy, hourly);
    text_append_format(out, "<tr><th>%s</th><td colspan=\"3\">", label);
    page_append_word(out, words.data);
    text_append_string(out, "</td></tr>\n");
    text_free(&words);
}

static void append_corrected(const struct account *account, struct text *out)
{
    const struct corrected *corrected = &account->corrected;
    struct text words = text_make(WORDS_MAX);
    if (corrected->any) {
        append_corrected_total(out, "energy, corrected", account, &corrected->total,
                               &account->energy.allocated, false);
        energy_corrected_append_note(&words, account);
    }
    if (corrected->any && account->has_demand) {
        append_corrected_total(out, "most demand, corrected", account, &corrected->demand,
                               &account->demand, true);
    }
    if (corrected->any) {
        text_append_string(out, "<tr><th></th><td colspan=\"3\">");
        page_append_escaped(out, words.data);
        text_append_string(out, "</td></tr>\n");
    }
    text_free(&words);
}

static void append_totals(const struct account *account, struct text *out)
{
    const struct energy *energy = &account->energy;
    struct text words = text_make(WORDS_MAX);
    char unit[40];
    text_append_string(out, "<table class=\"totals\">\n");
    text_append_format(&words, "%zu of %zu intervals", energy->complete, energy->interval_count);
    energy_append_ambiguous(&words, energy, "; ", "");
    append_total(out, "energy", &energy->allocated, account->unit, words.data);
    append_total(out, "unallocated", &energy->unallocated, account->unit,
                 exact_sign(&energy->crossing) ? "some of it beyond the time asked for" : "");
    append_total(out, "registers", &energy->registered, account->unit,
                 energy->unknown_count ? "= energy + unallocated; what is unknown is in neither"
                                       : "= energy + unallocated");
    text_clear(&words);
    if (account->has_demand) {
        text_append_string(&words, "in the 15 min from ");
        show_append_local(&words, account->demand_us);
        text_append_string(&words, account->demand_ambiguous ? ", ambiguous" : "");
        append_total(out, "most demand", &account->demand_mean,
                     energy_unit_an_hour(account->unit, unit), words.data);
    }
    append_corrected(account, out);
    append_uses(account, out);
    text_append_format(out,
                       "</table>\n<p>%" PRIu64 " readings, %" PRIu64 " polls missed, %" PRIu64
                       " answers without a number, %" PRIu64
                       " readings of another meter not used, %zu quarters of an hour not used "
                       "because the clock was set</p>\n",
                       account->taken, account->missed, account->none, account->mismatched,
                       account->disordered);
    text_free(&words);
}

static void begin_row(struct text *out, int64_t from_us, int64_t to_us)
{
    text_append_string(out, "<tr><td>");
    append_moment(out, from_us);
    text_append_string(out, "</td><td>");
    append_moment(out, to_us);
    text_append_string(out, "</td><td class=\"n\">");
}

static void end_row(struct text *out, const char *state, const char *more)
{
    text_append_string(out, "</td><td>");
    text_append_string(out, state);
    text_append_string(out, "</td><td>");
    page_append_escaped(out, more);
    text_append_string(out, "</td></tr>\n");
}

// The figures of an interval behind its energy; empty cells for NULL.
static void append_corrected_cells(const struct account *account,
                                   const struct corrected_figure *figure, struct text *out)
{
    for (size_t i = 0; account->corrected.any && i < ENERGY_CORRECTED_CELLS; i++) {
        text_append_string(out, "</td><td class=\"n\">");
        energy_corrected_cell(out, i, figure);
    }
}

static void append_bound(const struct energy_interval *interval, struct text *out)
{
    text_append_string(out, "</td><td class=\"n\">");
    if (interval && interval->state == ENERGY_COMPLETE) {
        energy_append_bound(out, interval->bound_us);
    }
}

static void append_unknowns(const struct account *account, struct text *out)
{
    const struct energy *energy = &account->energy;
    struct text words = text_make(WORDS_MAX);
    for (size_t i = 0; i < energy->unknown_count; i++) {
        const struct energy_unknown *unknown = &energy->unknowns[i];
        text_clear(&words);
        text_append_format(&words, "%s: from ", energy_unknown_word(unknown));
        energy_append_decimal(&words, unknown->closing);
        text_append_string(&words, " to ");
        energy_append_decimal(&words, unknown->opening);
        text_append_string(&words, " ");
        show_append_clean(&words, account->unit, SIZE_MAX);
        begin_row(out, unknown->from_us, unknown->to_us);
        text_append_string(out, "—");
        append_corrected_cells(account, NULL, out);
        append_bound(NULL, out);
        end_row(out, "unknown", words.data);
    }
    text_free(&words);
}

static void append_rows(const struct energy_head *head, const struct account *account,
                        struct text *out)
{
    const struct energy *energy = &account->energy;
    struct text words = text_make(WORDS_MAX);
    text_append_string(out, "<table class=\"rows\"><thead><tr><th>from</th><th>to</th>"
                            "<th class=\"n\">energy, ");
    page_append_word(out, account->unit);
    for (size_t i = 0; account->corrected.any && i < ENERGY_CORRECTED_CELLS; i++) {
        text_append_format(out, "</th><th class=\"n\">%s", energy_corrected_headings[i] + 1);
    }
    text_append_string(
        out, "</th><th class=\"n\">time</th><th>state</th><th></th></tr></thead><tbody>\n");
    for (size_t i = 0; i < energy->interval_count; i++) {
        begin_row(out, head->calendar->boundaries[i], head->calendar->boundaries[i + 1]);
        if (energy->intervals[i].state == ENERGY_COMPLETE) {
            exact_append(out, &energy->intervals[i].energy);
        } else {
            text_append_string(out, "—");
        }
        append_corrected_cells(account, energy_corrected_of(account, i), out);
        append_bound(&energy->intervals[i], out);
        text_clear(&words);
        energy_append_flags(&words, &energy->intervals[i], " ");
        end_row(out, account_state(account, i, head->calendar), words.length ? words.data : "");
    }
    for (size_t i = 0; i < energy->span_count; i++) {
        begin_row(out, energy->spans[i].from_us, energy->spans[i].to_us);
        exact_append(out, &energy->spans[i].energy);
        append_corrected_cells(account, NULL, out);
        append_bound(NULL, out);
        end_row(out, "unallocated",
                energy->spans[i].crosses ? "reaches beyond the time asked for" : "");
    }
    append_unknowns(account, out);
    text_append_string(out, "</tbody></table>\n");
    text_free(&words);
}

void energy_html_write(const struct energy_head *head, const struct account *account,
                       struct text *out)
{
    text_append_format(out, account->kind ? "<h2>%s: " : "<h2>", account->kind);
    page_append_word(out, account->name ? account->name : account->title);
    text_append_string(out, "</h2>\n");
    if (!account->name) {
        struct text words = text_make(WORDS_MAX);
        energy_append_parts(&words, account);
        text_append_string(out, "<p>= ");
        page_append_escaped(out, words.failed ? "…" : words.data);
        text_append_string(out, "</p>\n");
        text_free(&words);
    }
    append_picture(head, account, out);
    append_totals(account, out);
    append_rows(head, account, out);
}
