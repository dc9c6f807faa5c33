// tally coverage: the table, for people, and JSON.
#include "certificates/coverage.h"

#include "base/clock.h"
#include "common/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_DAYS 90
#define OUT_MAX   (4u << 20)

static int by_site(const void *a, const void *b)
{
    const struct coverage_row *one = a, *other = b;
    int order = strcmp(one->site, other->site);
    return order ? order : strcmp(one->kind, other->kind);
}

static int by_day(const void *a, const void *b)
{
    const struct coverage_due *one = a, *other = b;
    int order = (one->day > other->day) - (one->day < other->day);
    return order ? order : strcmp(one->serial, other->serial);
}

static void add(struct coverage_count *sum, const struct coverage_count *part)
{
    sum->points += part->points;
    sum->covered += part->covered;
    sum->readings += part->readings;
    sum->readings_covered += part->readings_covered;
}

static struct coverage_count sum_of(const struct coverage *coverage, const char *site)
{
    struct coverage_count sum = {0};
    for (size_t i = 0; i < coverage->row_count; i++) {
        if (!site || strcmp(coverage->rows[i].site, site) == 0) {
            add(&sum, &coverage->rows[i].count);
        }
    }
    return sum;
}

static bool is_first_of_site(const struct coverage *coverage, size_t i)
{
    return i == 0 || strcmp(coverage->rows[i - 1].site, coverage->rows[i].site) != 0;
}

// Days from today until the last day.
static int64_t days_left(const struct coverage *coverage, const struct coverage_due *due)
{
    return due->day - coverage->now_us / COVERAGE_DAY_US;
}

static const char *window_of(int64_t days)
{
    return days < 0 ? "overdue" : days <= 30 ? "30 days" : days <= 60 ? "60 days" : "90 days";
}

// --- for people ---------------------------------------------------------------------------------

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void add_row(const struct coverage *coverage, struct show_table *table, const char *site,
                    const char *kind, const struct coverage_count *count)
{
    show_table_add(table, site);
    show_table_add(table, kind);
    show_table_add_format(table, "%" PRIu64, count->points);
    show_table_add_format(table, "%" PRIu64, count->covered);
    show_table_add_format(table, "%.1f%%", percent(count->covered, count->points));
    if (coverage_has_period(coverage)) {
        show_table_add_format(table, "%" PRIu64, count->readings);
        show_table_add_format(table, "%" PRIu64, count->readings_covered);
        show_table_add_format(table, "%.1f%%", percent(count->readings_covered, count->readings));
    }
}

static void append_shares(const struct coverage *coverage, struct text *out)
{
    static const char *const headings[] = {"site",   "kind",      ">points",  ">covered",
                                           ">share", ">readings", ">covered", ">share"};
    struct show_table table = show_table_make(coverage_has_period(coverage) ? 8 : 5, headings);
    size_t sites = 0;
    for (size_t i = 0; i < coverage->row_count; i++) {
        const struct coverage_row *row = &coverage->rows[i];
        bool last = i + 1 == coverage->row_count || is_first_of_site(coverage, i + 1);
        sites += is_first_of_site(coverage, i);
        add_row(coverage, &table, row->site, row->kind, &row->count);
        if (last) {
            struct coverage_count sum = sum_of(coverage, row->site);
            add_row(coverage, &table, row->site, "all", &sum);
        }
    }
    if (sites != 1) {
        struct coverage_count sum = sum_of(coverage, NULL);
        add_row(coverage, &table, "all", "all", &sum);
    }
    show_table_append(&table, out);
    show_table_free(&table);
}

static void append_plan(const struct coverage *coverage, struct text *out)
{
    static const char *const headings[] = {"within", "site",     "serial",
                                           "number", "last day", ">days"};
    struct show_table table = show_table_make(6, headings);
    for (size_t i = 0; i < coverage->due_count; i++) {
        const struct coverage_due *due = &coverage->dues[i];
        int64_t days = days_left(coverage, due);
        char day[CERTIFICATE_DATE_SIZE];
        if (days > PLAN_DAYS) {
            continue;
        }
        certificate_format_date(due->day, day);
        show_table_add(&table, window_of(days));
        show_table_add(&table, due->site);
        show_table_add(&table, due->serial);
        show_table_add(&table, due->number);
        show_table_add(&table, day);
        show_table_add_format(&table, "%" PRId64, days);
    }
    if (table.count) {
        text_append_string(out, "\n");
        show_table_append(&table, out);
    }
    show_table_free(&table);
}

static void print_table(const struct coverage *coverage)
{
    struct text out = text_make(OUT_MAX);
    append_shares(coverage, &out);
    append_plan(coverage, &out);
    for (size_t i = 0; i < coverage->ended_count; i++) {
        const struct coverage_ended *ended = &coverage->ended[i];
        text_append_format(&out, "%s%s: none since ", i ? "" : "\n", ended->point);
        show_append_local(&out, ended->at_us);
        text_append_format(&out, ", when %s ended\n", ended->number);
    }
    fwrite(out.data ? out.data : "", 1, out.length, stdout);
    text_free(&out);
}

// --- JSON ---------------------------------------------------------------------------------------

static void append_points(struct text *out, const struct coverage_count *count)
{
    text_append_format(out, "\"points\":%" PRIu64 ",\"covered\":%" PRIu64, count->points,
                       count->covered);
}

static void append_readings(const struct coverage *coverage, struct text *out,
                            const struct coverage_count *count)
{
    if (coverage_has_period(coverage)) {
        text_append_format(out, ",\"readings\":%" PRIu64 ",\"readings_covered\":%" PRIu64,
                           count->readings, count->readings_covered);
    }
}

// Of all sites together.
static void append_kinds(const struct coverage *coverage, struct text *out)
{
    text_append_string(out, ",\"kinds\":{");
    bool any = false;
    for (size_t i = 0; i < coverage->row_count; i++) {
        struct coverage_count sum = {0};
        size_t first = SIZE_MAX;
        for (size_t k = 0; k < coverage->row_count; k++) {
            if (strcmp(coverage->rows[k].kind, coverage->rows[i].kind) == 0) {
                first = first == SIZE_MAX ? k : first;
                add(&sum, &coverage->rows[k].count);
            }
        }
        if (first == i) {
            text_append_string(out, any ? "," : "");
            text_append_json(out, coverage->rows[i].kind);
            text_append_string(out, ":{");
            append_points(out, &sum);
            text_append_string(out, "}");
            any = true;
        }
    }
    text_append_string(out, "}");
}

static void append_sites(const struct coverage *coverage, struct text *out)
{
    text_append_string(out, ",\"sites\":[");
    for (size_t i = 0; i < coverage->row_count; i++) {
        const struct coverage_row *row = &coverage->rows[i];
        bool first = is_first_of_site(coverage, i);
        if (first) {
            struct coverage_count sum = sum_of(coverage, row->site);
            text_append_string(out, i ? "}},{\"site\":" : "{\"site\":");
            text_append_json(out, row->site);
            text_append_string(out, ",");
            append_points(out, &sum);
            append_readings(coverage, out, &sum);
            text_append_string(out, ",\"kinds\":{");
        }
        text_append_string(out, first ? "" : ",");
        text_append_json(out, row->kind);
        text_append_string(out, ":{");
        append_points(out, &row->count);
        append_readings(coverage, out, &row->count);
        text_append_string(out, "}");
    }
    text_append_string(out, coverage->row_count ? "}}]" : "]");
}

static void append_dues(const struct coverage *coverage, struct text *out)
{
    bool any = false;
    text_append_string(out, ",\"due\":[");
    for (size_t i = 0; i < coverage->due_count; i++) {
        const struct coverage_due *due = &coverage->dues[i];
        int64_t days = days_left(coverage, due);
        char day[CERTIFICATE_DATE_SIZE];
        if (days > PLAN_DAYS) {
            continue;
        }
        certificate_format_date(due->day, day);
        text_append_string(out, any ? ",{\"site\":" : "{\"site\":");
        text_append_json(out, due->site);
        text_append_string(out, ",\"serial\":");
        text_append_json(out, due->serial);
        text_append_string(out, ",\"number\":");
        text_append_json(out, due->number);
        text_append_format(out, ",\"last_day\":\"%s\",\"days\":%" PRId64 ",\"within\":\"%s\"}", day,
                           days, window_of(days));
        any = true;
    }
    text_append_string(out, "]");
}

static void append_ended(const struct coverage *coverage, struct text *out)
{
    char utc[32];
    text_append_string(out, ",\"ended\":[");
    for (size_t i = 0; i < coverage->ended_count; i++) {
        const struct coverage_ended *ended = &coverage->ended[i];
        clock_format_utc(ended->at_us, utc);
        text_append_string(out, i ? ",{\"point\":" : "{\"point\":");
        text_append_json(out, ended->point);
        text_append_string(out, ",\"number\":");
        text_append_json(out, ended->number);
        text_append_format(out, ",\"ended\":\"%s\"}", utc);
    }
    text_append_string(out, "]");
}

static void print_json(const struct coverage *coverage)
{
    struct text out = text_make(OUT_MAX);
    struct coverage_count sum = sum_of(coverage, NULL);
    text_append_string(&out, "{\"all\":{");
    append_points(&out, &sum);
    text_append_string(&out, "}");
    append_kinds(coverage, &out);
    append_readings(coverage, &out, &sum);
    append_sites(coverage, &out);
    append_dues(coverage, &out);
    append_ended(coverage, &out);
    text_append_string(&out, "}\n");
    fwrite(out.data ? out.data : "", 1, out.length, stdout);
    text_free(&out);
}

void coverage_print(struct coverage *coverage)
{
    if (coverage->row_count) {
        qsort(coverage->rows, coverage->row_count, sizeof *coverage->rows, by_site);
    }
    if (coverage->due_count) {
        qsort(coverage->dues, coverage->due_count, sizeof *coverage->dues, by_day);
    }
    if (coverage->json) {
        print_json(coverage);
    } else {
        print_table(coverage);
    }
}
