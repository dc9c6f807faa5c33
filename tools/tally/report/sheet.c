#include "report/sheet.h"

#include "common/show.h"

#include <stdlib.h>
#include <time.h>

#define TEXT_MAX   32000 // bytes; a cell holds 32,767 characters
#define YEAR_FIRST 1900  // that a cell's date can have

static void note(struct sheet *sheet, lxw_error error)
{
    sheet->error = sheet->error ? sheet->error : error;
}

struct sheet sheet_add(lxw_workbook *workbook, const struct sheet_styles *styles, const char *name,
                       const char *const *headings, const double *widths, size_t columns)
{
    struct sheet sheet = {.to = workbook_add_worksheet(workbook, name), .styles = styles};
    if (!sheet.to) {
        sheet.error = LXW_ERROR_MEMORY_MALLOC_FAILED;
        return sheet;
    }
    for (size_t i = 0; i < columns; i++) {
        lxw_col_t column = (lxw_col_t)i;
        note(&sheet, worksheet_set_column(sheet.to, column, column, widths[i], NULL));
        if (headings) {
            note(&sheet, worksheet_write_string(sheet.to, 0, column, headings[i], styles->head));
        }
    }
    if (headings) {
        worksheet_freeze_panes(sheet.to, 1, 0);
        worksheet_repeat_rows(sheet.to, 0, 0);
        sheet.row = 1;
    }
    worksheet_set_landscape(sheet.to);
    worksheet_set_paper(sheet.to, 9); // A4
    worksheet_fit_to_pages(sheet.to, 1, 0);
    return sheet;
}

void sheet_end(struct sheet *sheet)
{
    FILE *rows = sheet->to ? sheet->to->optimize_tmpfile : NULL;
    if (rows && (fflush(rows) || ferror(rows))) {
        note(sheet, LXW_ERROR_CREATING_TMPFILE);
    }
}

void sheet_text(struct sheet *sheet, lxw_col_t column, const char *string)
{
    if (sheet->error || !string || !*string) {
        return;
    }
    struct text clean = text_make(TEXT_MAX);
    show_append_clean(&clean, string, SIZE_MAX);
    note(sheet, clean.data ? worksheet_write_string(sheet->to, sheet->row, column, clean.data, NULL)
                           : LXW_ERROR_MEMORY_MALLOC_FAILED);
    text_free(&clean);
}

bool sheet_exact(struct sheet *sheet, lxw_col_t column, const struct exact *number)
{
    struct text digits = text_make(1024);
    exact_append_json(&digits, number);
    bool few = !digits.failed && digits.data[0] != '"';
    if (sheet->error) {
        text_free(&digits);
        return few;
    }
    if (few) {
        note(sheet, worksheet_write_number(sheet->to, sheet->row, column, strtod(digits.data, NULL),
                                           NULL));
    } else {
        text_clear(&digits);
        exact_append(&digits, number);
        sheet_text(sheet, column, digits.data);
    }
    text_free(&digits);
    return few;
}

void sheet_double(struct sheet *sheet, lxw_col_t column, double number)
{
    if (!sheet->error) {
        note(sheet, worksheet_write_number(sheet->to, sheet->row, column, number, NULL));
    }
}

bool sheet_decimal(struct sheet *sheet, lxw_col_t column, struct decimal number)
{
    struct exact exact = exact_of(number);
    return sheet_exact(sheet, column, &exact);
}

void sheet_moment(struct sheet *sheet, lxw_col_t column, int64_t t_us)
{
    int64_t rest = ((t_us % 1000000) + 1000000) % 1000000;
    time_t seconds = (time_t)((t_us - rest) / 1000000);
    struct tm t;
    localtime_r(&seconds, &t);
    if (t.tm_year + 1900 < YEAR_FIRST) {
        struct text words = text_make(64);
        show_append_local(&words, t_us);
        sheet_text(sheet, column, words.data);
        text_free(&words);
        return;
    }
    lxw_datetime moment = {.year = t.tm_year + 1900,
                           .month = t.tm_mon + 1,
                           .day = t.tm_mday,
                           .hour = t.tm_hour,
                           .min = t.tm_min,
                           .sec = t.tm_sec + (double)rest / 1e6};
    if (!sheet->error) {
        note(sheet, worksheet_write_datetime(sheet->to, sheet->row, column, &moment,
                                             sheet->styles->moment));
    }
}
