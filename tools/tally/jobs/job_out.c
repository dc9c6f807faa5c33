#include "jobs/job_out.h"

#include "common/page.h"

#include <inttypes.h>

#define OUT_MAX (64u << 20)

static void put(const struct job_out *out, struct text *text)
{
    fwrite(text->data ? text->data : "", 1, text->length, out->to);
    text_free(text);
}

void job_out_begin(const struct job_out *out, const char *title)
{
    struct text text = text_make(OUT_MAX);
    if (out->html) {
        page_begin(&text, title);
        text_append_string(&text, "<h1>");
        page_append_word(&text, title);
        text_append_string(&text, "</h1>\n");
    } else {
        show_append_clean(&text, title, SIZE_MAX);
        text_append_string(&text, "\n");
    }
    put(out, &text);
}

void job_out_end(const struct job_out *out)
{
    struct text text = text_make(OUT_MAX);
    if (out->html) {
        page_end(&text);
    }
    put(out, &text);
}

static void put_words(const struct job_out *out, const char *tag, const char *words)
{
    struct text text = text_make(OUT_MAX);
    if (out->html) {
        text_append_format(&text, "<%s>", tag);
        page_append_word(&text, words);
        text_append_format(&text, "</%s>\n", tag);
    } else {
        show_append_clean(&text, words, SIZE_MAX);
        text_append_string(&text, "\n");
    }
    put(out, &text);
}

void job_out_heading(struct job_out *out, const char *words)
{
    if (!out->html) {
        fputc('\n', out->to);
    }
    put_words(out, "h2", words);
}

void job_out_line(struct job_out *out, const char *words)
{
    put_words(out, "p", words);
}

void job_out_table(struct job_out *out, struct show_table *table)
{
    struct text text = text_make(OUT_MAX);
    if (table->count && out->html) {
        page_append_table(&text, table);
    } else if (table->count) {
        show_table_append(table, &text);
    }
    out->failed = out->failed || text.failed || table->cells.failed;
    put(out, &text);
    text_clear(&table->cells);
    table->count = 0;
}

// A cell of what `text` holds, which is taken out of it.
void job_cell_text(struct show_table *table, struct text *text)
{
    show_table_add(table, text->length ? text->data : "");
    text_clear(text);
}

void job_cell_time(struct show_table *table, int64_t t_us)
{
    struct text text = text_make(64);
    show_append_local(&text, t_us);
    job_cell_text(table, &text);
    text_free(&text);
}

void job_cell_number(struct show_table *table, uint64_t number)
{
    show_table_add_format(table, "%" PRIu64, number);
}

void job_cell_hash(struct show_table *table, const struct digest *hash)
{
    char hex[DIGEST_HEX];
    text_format_hex(hash->bytes, DIGEST_SIZE, hex);
    show_table_add(table, hex);
}
