#include "common/page.h"

#include <assert.h>
#include <string.h>

#define WORDS_MAX 65536

void page_begin(struct text *out, const char *title)
{
    text_append_string(
        out, "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\"><head>"
             "<meta charset=\"utf-8\"/><title>");
    page_append_word(out, title);
    text_append_string(
        out,
        "</title>\n<style>"
        "body{font:14px sans-serif;margin:2em;max-width:70em}h2{page-break-before:auto;"
        "margin-top:2em}table{border-collapse:collapse;margin:1em 0}"
        "td,th{padding:.1em .8em;border-bottom:1px solid #ccc;text-align:left}"
        ".n{text-align:right;font-variant-numeric:tabular-nums}thead{display:table-header-group}"
        "tr{page-break-inside:avoid}.e{fill:#2a6f97}.g{fill:#f4c095}svg{width:100%}"
        "svg text{font:11px sans-serif;fill:#333}.a{stroke:#ccc}.z{stroke:#333}"
        "h1,h2,h2+p{break-after:avoid}svg{display:block;break-inside:avoid;break-after:avoid}"
        ".totals{break-inside:avoid}#standing{font-weight:bold}"
        "@page{size:A4;margin:15mm}"
        "@media print{body{margin:0;font-size:9px;max-width:none}"
        "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}"
        "</style></head><body>\n");
}

void page_end(struct text *out)
{
    text_append_string(out, "</body></html>\n");
}

void page_append_escaped(struct text *out, const char *clean)
{
    for (const char *at = clean ? clean : ""; *at;) {
        size_t plain = strcspn(at, "&<>\"");
        text_append(out, at, plain);
        at += plain;
        if (*at) {
            text_append_string(out, *at == '&'   ? "&amp;"
                                    : *at == '<' ? "&lt;"
                                    : *at == '>' ? "&gt;"
                                                 : "&quot;");
            at++;
        }
    }
}

void page_append_word(struct text *out, const char *string)
{
    struct text clean = text_make(WORDS_MAX);
    show_append_clean(&clean, string, SIZE_MAX);
    page_append_escaped(out, clean.data);
    text_free(&clean);
}

static void append_cell(struct text *out, const char *tag, const char *cell, bool right)
{
    text_append_format(out, right ? "<%s class=\"n\">" : "<%s>", tag);
    page_append_word(out, cell);
    text_append_format(out, "</%s>", tag);
}

void page_append_table(struct text *out, const struct show_table *table)
{
    assert(table->columns > 0 && table->columns <= SHOW_COLUMNS_MAX);
    if (table->cells.failed) {
        out->failed = true;
        return;
    }
    text_append_string(out, "<table><thead><tr>");
    for (size_t c = 0; c < table->columns; c++) {
        bool right = table->headings[c][0] == '>';
        append_cell(out, "th", table->headings[c] + right, right);
    }
    text_append_string(out, "</tr></thead><tbody>\n");
    const char *cell = table->cells.data;
    for (size_t i = 0; i < table->count; i++, cell += strlen(cell) + 1) {
        size_t c = i % table->columns;
        text_append_string(out, c == 0 ? "<tr>" : "");
        append_cell(out, "td", cell, table->headings[c][0] == '>');
        text_append_string(out, c + 1 == table->columns ? "</tr>\n" : "");
    }
    text_append_string(out, "</tbody></table>\n");
}
