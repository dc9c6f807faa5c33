#include "report/energy_xlsx.h"

#include "common/outfile.h"
#include "common/show.h"
#include "report/energy_corrected.h"
#include "report/energy_words.h"
#include "report/energy_xlsx_totals.h"
#include "report/zip_whole.h"

#include "base/version.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define WORDS_MAX  65536
#define CHARTS_MAX 200
#define CHART_ROWS 20 // that a chart takes

enum {
    METER,
    FROM,
    TO,
    FROM_WORDS,
    ENERGY,
    UNIT,
    STATE,
    NOTE,
    CORRECTED,
    UNCERTAINTY,
    COVERAGE,
    OUTSIDE,
    UNCERTIFIED,
    COLUMNS
};

// --- intervals

static void put_corrected(struct sheet *sheet, const struct corrected_figure *figure)
{
    if (figure && figure->shares) {
        sheet_double(sheet, CORRECTED, figure->energy);
        sheet_double(sheet, UNCERTAINTY, corrected_uncertainty(figure));
        sheet_double(sheet, COVERAGE, figure->k);
    }
    if (figure) {
        sheet_exact(sheet, OUTSIDE, &corrected_rest(figure)->outside);
        sheet_exact(sheet, UNCERTIFIED, &corrected_rest(figure)->unknown);
    }
}

static void put_interval(struct sheet *sheet, const struct energy_head *head,
                         const struct account *account, size_t i, struct text *words)
{
    const struct energy_interval *interval = &account->energy.intervals[i];
    sheet_text(sheet, METER, account->name ? account->name : account->title);
    sheet_moment(sheet, FROM, head->calendar->boundaries[i]);
    sheet_moment(sheet, TO, head->calendar->boundaries[i + 1]);
    text_clear(words);
    show_append_local(words, head->calendar->boundaries[i]);
    sheet_text(sheet, FROM_WORDS, words->data);
    text_clear(words);
    energy_append_flags(words, interval, " ");
    if (interval->state == ENERGY_COMPLETE && !sheet_exact(sheet, ENERGY, &interval->energy)) {
        text_append_string(words, words->length ? "; " ENERGY_XLSX_TEXT : ENERGY_XLSX_TEXT);
    }
    sheet_text(sheet, UNIT, account->unit);
    sheet_text(sheet, STATE, account_state(account, i, head->calendar));
    sheet_text(sheet, NOTE, words->length ? words->data : NULL);
    put_corrected(sheet, energy_corrected_of(account, i));
    sheet->row++;
}

static struct sheet put_intervals(lxw_workbook *workbook, const struct sheet_styles *styles,
                                  const struct energy_head *head,
                                  const struct account *const *accounts, size_t count)
{
    static const char *const headings[COLUMNS] = {"meter",
                                                  "from",
                                                  "to",
                                                  "from, with the offset from UTC",
                                                  "energy",
                                                  "unit",
                                                  "state",
                                                  "note",
                                                  "corrected",
                                                  "U",
                                                  "k",
                                                  "outside the calibrated range",
                                                  "without a certificate"};
    static const double widths[COLUMNS] = {32, 20, 20, 32, 18, 8, 12, 40, 18, 18, 6, 18, 18};
    struct text words = text_make(WORDS_MAX);
    struct sheet sheet = sheet_add(workbook, styles, "Intervals", headings, widths, COLUMNS);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < accounts[i]->energy.interval_count; j++) {
            put_interval(&sheet, head, accounts[i], j, &words);
        }
    }
    if (!sheet.error) {
        sheet.error = worksheet_autofilter(sheet.to, 0, 0, sheet.row - 1, COLUMNS - 1);
    }
    text_free(&words);
    sheet_end(&sheet);
    return sheet;
}

// --- charts

// Of the rows from `row` on.
static lxw_error put_chart(lxw_workbook *workbook, struct sheet *sheet,
                           const struct account *account, lxw_row_t row)
{
    lxw_chart *chart = workbook_add_chart(workbook, LXW_CHART_COLUMN);
    lxw_chart_series *series = chart ? chart_add_series(chart, NULL, NULL) : NULL;
    lxw_row_t last = row + (lxw_row_t)account->energy.interval_count - 1;
    if (!series) {
        return LXW_ERROR_MEMORY_MALLOC_FAILED;
    }
    chart_series_set_categories(series, "Intervals", row, FROM_WORDS, last, FROM_WORDS);
    chart_series_set_values(series, "Intervals", row, ENERGY, last, ENERGY);
    chart_series_set_name(series, account->unit);
    chart_title_set_name(chart, account->name ? account->name : account->title);
    chart_axis_set_name(chart->y_axis, account->unit);
    chart_legend_set_position(chart, LXW_CHART_LEGEND_NONE);
    chart_set_series_gap(chart, 20);
    lxw_chart_options options = {.x_scale = 2, .y_scale = 1.3};
    lxw_error error = worksheet_insert_chart_opt(sheet->to, sheet->row, 0, chart, &options);
    sheet->row += CHART_ROWS;
    return error;
}

static lxw_error put_charts(lxw_workbook *workbook, const struct sheet_styles *styles,
                            const struct account *const *accounts, size_t count)
{
    static const double widths[] = {10};
    struct sheet sheet = sheet_add(workbook, styles, "Charts", NULL, widths, 1);
    lxw_row_t row = 1; // under the headings
    for (size_t i = 0; i < count && i < CHARTS_MAX && !sheet.error; i++) {
        sheet.error = put_chart(workbook, &sheet, accounts[i], row);
        row += (lxw_row_t)accounts[i]->energy.interval_count;
    }
    return sheet.error;
}

// --- where it comes from

static void put_source(struct sheet *sheet, const char *what, const char *words)
{
    if (!words) {
        return;
    }
    sheet_text(sheet, 0, what);
    sheet_text(sheet, 1, words);
    sheet->row++;
}

static void put_moment(struct sheet *sheet, const char *what, int64_t t_us)
{
    sheet_text(sheet, 0, what);
    sheet_moment(sheet, 1, t_us);
    sheet->row++;
}

static void put_receipt(struct sheet *sheet, const struct covered_receipt *receipt,
                        struct text *words)
{
    put_source(sheet, "receipt of", receipt->centre[0] ? receipt->centre : receipt->uplink);
    if (receipt->state == COVERED_SHORT || receipt->state == COVERED_WHOLE) {
        text_clear(words);
        show_append_second(words, receipt->head.time_s);
        put_source(sheet, "  of time", words->data);
        text_clear(words);
        text_append_format(words, "%" PRIu64 " to %" PRIu64, receipt->head.from,
                           receipt->head.head.size - 1);
        put_source(sheet, "  of blocks", words->data);
    }
    put_source(sheet, "  says",
               receipt->state == COVERED_WHOLE ? "covers it all; its signature verifies"
                                               : receipt->why);
}

static lxw_error put_sources(lxw_workbook *workbook, const struct sheet_styles *styles,
                             const struct energy_head *head, size_t count)
{
    static const double widths[] = {28, 100};
    const struct covered *covered = head->covered;
    const struct calendar *calendar = head->calendar;
    struct sheet sheet = sheet_add(workbook, styles, "Source", NULL, widths, 2);
    struct text words = text_make(WORDS_MAX);
    text_append_format(&words, "energy by %s", interval_word(head->every));
    put_source(&sheet, "report", words.data);
    put_moment(&sheet, "from", calendar->boundaries[0]);
    put_moment(&sheet, "to", calendar->boundaries[calendar->count]);
    put_source(&sheet, "time zone", head->time_zone);
    put_source(&sheet, "state", covered->final ? "final" : "preliminary");
    text_clear(&words);
    energy_append_standing(&words, covered);
    put_source(&sheet, "standing", words.data);
    put_source(&sheet, "site", head->site_name);
    put_source(&sheet, "code of the site", head->site_code);
    put_source(&sheet, "log", head->origin);
    text_clear(&words);
    logs_append(&words, head->logs);
    for (char *line = words.length ? words.data : NULL, *end; line && (end = strchr(line, '\n'));
         line = end + 1) {
        *end = '\0';
        put_source(&sheet, "and before it", line);
    }
    text_clear(&words);
    text_append_format(&words, "%" PRIu64 " to %" PRIu64, covered->first, covered->size - 1);
    put_source(&sheet, "blocks", words.data);
    for (size_t i = 0; i < covered->receipt_count; i++) {
        put_receipt(&sheet, &covered->receipts[i], &words);
    }
    text_clear(&words);
    if (head->table) {
        text_append_hex(&words, head->table->hash.bytes, DIGEST_SIZE);
    }
    put_source(&sheet, "energy table, SHA-256", head->table ? words.data : "none");
    put_source(&sheet, "numbers", "exact; one of more than 15 digits is text");
    if (count > CHARTS_MAX) {
        text_clear(&words);
        text_append_format(&words, "of the first %d of %zu meters", CHARTS_MAX, count);
        put_source(&sheet, "charts", words.data);
    }
    put_source(&sheet, "made by tally", version_text());
    struct digest program = version_program_hash();
    text_clear(&words);
    text_append_hex(&words, program.bytes, DIGEST_SIZE);
    put_source(&sheet, "its program, SHA-256", words.data);
    text_free(&words);
    sheet_end(&sheet);
    return sheet.error;
}

// --- the file

// Ends the workbook in any case.
static lxw_error fill(lxw_workbook *workbook, const struct energy_head *head,
                      const struct account *const *accounts, size_t count)
{
    struct sheet_styles styles = {workbook_add_format(workbook), workbook_add_format(workbook)};
    lxw_error error = styles.head && styles.moment ? LXW_NO_ERROR : LXW_ERROR_MEMORY_MALLOC_FAILED;
    if (!error) {
        format_set_bold(styles.head);
        format_set_bottom(styles.head, LXW_BORDER_THIN);
        format_set_num_format(styles.moment, "yyyy-mm-dd hh:mm:ss");
        format_set_align(styles.moment, LXW_ALIGN_LEFT);
        error = energy_xlsx_totals(workbook, &styles, head, accounts, count).error;
    }
    error = error ? error : put_intervals(workbook, &styles, head, accounts, count).error;
    error = error ? error : put_charts(workbook, &styles, accounts, count);
    error = error ? error : put_sources(workbook, &styles, head, count);
    if (error) {
        lxw_workbook_free(workbook);
        return error;
    }
    // What it holds may be made again: the same bytes.
    lxw_doc_properties properties = {.title = "Energy",
                                     .created = (time_t)(head->calendar->recorded_us / 1000000)};
    workbook_set_properties(workbook, &properties);
    return workbook_close(workbook);
}

// What libxlsxwriter does not see: that its temporary files had no room.
static int look_at(const char *part, struct why *why)
{
    struct why found = {""};
    FILE *zip = fopen(part, "rb");
    int error = zip ? zip_whole(zip, &found)
                    : why_set(&found, ERROR_SYSTEM, "cannot be read again: %s", strerror(errno));
    if (zip) {
        fclose(zip);
    }
    return error ? why_set(why, error, "%s; is there room for temporary files?", found.text) : OK;
}

int energy_xlsx_write(const struct energy_head *head, const struct account *const *accounts,
                      size_t count, const char *path, struct why *why)
{
    struct outfile file;
    int error = outfile_open(&file, path, why);
    if (error) {
        return error;
    }
    lxw_workbook_options options = {.constant_memory = LXW_TRUE};
    lxw_workbook *workbook = workbook_new_opt(file.part, &options);
    lxw_error problem =
        workbook ? fill(workbook, head, accounts, count) : LXW_ERROR_MEMORY_MALLOC_FAILED;
    if (problem == LXW_ERROR_MEMORY_MALLOC_FAILED) {
        error = why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    } else if (problem) {
        error = why_set(why, ERROR_SYSTEM, "cannot write %s: %s", path, lxw_strerror(problem));
    } else {
        struct why found = {""};
        error = look_at(file.part, &found);
        error = error ? why_set(why, error, "cannot write %s: %s", path, found.text) : OK;
    }
    return outfile_close(&file, error, why);
}
