#include "report/energy_rows.h"

#include "common/page.h"
#include "report/energy_forms.h"
#include "report/energy_html.h"

#define REPORT_BYTES_MAX ((size_t)256 << 20)

static int put(const struct energy_head *head, struct text *out)
{
    int error = out->failed ? ERROR_MEMORY : OK;
    if (!error) {
        fwrite(out->data, 1, out->length, head->to);
    }
    text_free(out);
    return error;
}

int energy_rows_begin(const struct energy_head *head)
{
    struct text out = text_make(REPORT_BYTES_MAX);
    if (head->html) {
        energy_html_begin(head, &out);
        return put(head, &out);
    }
    switch (head->form) {
    case ROWS_TABLE: energy_text_begin(head, &out); break;
    case ROWS_CSV: energy_csv_begin(&out); break;
    case ROWS_JSON: energy_json_begin(head, &out); break;
    }
    return put(head, &out);
}

int energy_rows_write(const struct energy_head *head, const struct account *account, bool first)
{
    struct text out = text_make(REPORT_BYTES_MAX);
    if (head->html) {
        energy_html_write(head, account, &out);
        return put(head, &out);
    }
    switch (head->form) {
    case ROWS_TABLE: energy_text_write(head, account, &out); break;
    case ROWS_CSV: energy_csv_write(head, account, &out); break;
    case ROWS_JSON: energy_json_write(head, account, &out, first); break;
    }
    return put(head, &out);
}

void energy_rows_end(const struct energy_head *head)
{
    if (head->html) {
        struct text out = text_make(REPORT_BYTES_MAX);
        page_end(&out);
        put(head, &out);
    }
    fputs(head->form == ROWS_JSON ? "\n]}\n" : "", head->to);
}
