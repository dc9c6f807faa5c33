// tally coverage: which share of the points, and of a period's readings, is under a certificate in
// order; and what falls due next.
#include "calibrated.h"

#include "base/clock.h"
#include "ledger/ledger.h"
#include "moment.h"
#include "show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 32
#define DAY_US    INT64_C(86400000000)
#define PLAN_DAYS 90

// Of one kind of quantity ("voltage"), and of all.
struct share {
    const char *kind;
    uint64_t points, covered; // now
};

struct coverage {
    const struct command *command;
    struct place place;
    const char *from, *to;
    bool json;
    int64_t from_us, to_us, now_us;
    struct share kinds[KINDS_MAX], all;
    size_t kind_count;
    uint64_t readings, covered; // of the period
};

// --- now

static struct share *share_of(struct coverage *coverage, const char *kind)
{
    for (size_t i = 0; i < coverage->kind_count; i++) {
        if (strcmp(coverage->kinds[i].kind, kind) == 0) {
            return &coverage->kinds[i];
        }
    }
    if (coverage->kind_count == KINDS_MAX) {
        return &coverage->kinds[KINDS_MAX - 1];
    }
    coverage->kinds[coverage->kind_count].kind = kind;
    return &coverage->kinds[coverage->kind_count++];
}

static void count_points(struct coverage *coverage, const struct calibrations *calibrations)
{
    const struct config *config = coverage->place.config;
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        for (size_t slot = 0; slot < instrument->quantity_count; slot++) {
            const struct driver_quantity *quantity = instrument->quantities[slot];
            const struct calibration *calibration = &calibrations->of[i][slot];
            bool covered = calibration->entry && coverage->now_us < calibration->overdue_us;
            if (quantity->type == TYPE_STRING) {
                continue; // a text is not measured
            }
            struct share *shares[] = {share_of(coverage, quantity->kind), &coverage->all};
            for (size_t s = 0; s < 2; s++) {
                shares[s]->points++;
                shares[s]->covered += covered;
            }
        }
    }
}

// --- over a period

static void count_block(struct coverage *coverage, const struct block_view *view)
{
    for (size_t i = 0; i < view->reading_count; i++) {
        const struct block_reading *reading = &view->readings[i];
        if (reading->t_us >= coverage->from_us && reading->t_us < coverage->to_us &&
            reading->indication[0] != '"') {
            coverage->readings++;
            coverage->covered +=
                !(reading->flags & (FLAG_NO_CERTIFICATE | FLAG_CALIBRATION_OVERDUE));
        }
    }
}

static int count_readings(struct coverage *coverage, struct why *why)
{
    struct ledger_reader *reader;
    struct block_view view = {0};
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    uint64_t n = 0;
    int error = ledger_reader_open(&reader, coverage->place.ledger, why);
    if (error) {
        text_free(&bytes);
        return error;
    }
    for (; (error = ledger_reader_next_in_time(reader, coverage->from_us, coverage->to_us, &n,
                                               why)) == OK;
         n++) {
        error = ledger_reader_block(reader, n, &bytes, why);
        error = error ? error : block_parse(&view, bytes.data, bytes.length, why);
        if (error) {
            break;
        }
        count_block(coverage, &view);
    }
    block_view_free(&view);
    text_free(&bytes);
    ledger_reader_close(reader);
    return error == ERROR_ABSENT ? OK : error;
}

// --- the plan

static int by_day(const void *a, const void *b)
{
    const struct calibrations_used *one = a, *other = b;
    int64_t x = shelf_last_day(one->entry->certificate),
            y = shelf_last_day(other->entry->certificate);
    return (x > y) - (x < y);
}

// Days from today until the last day of a certificate.
static int64_t days_left(const struct coverage *coverage, const struct certificate *certificate)
{
    return shelf_last_day(certificate) - coverage->now_us / DAY_US;
}

static const char *window_of(int64_t days)
{
    return days < 0 ? "overdue" : days <= 30 ? "30 days" : days <= 60 ? "60 days" : "90 days";
}

static bool is_in_plan(const struct coverage *coverage, const struct certificate *certificate)
{
    return shelf_last_day(certificate) != CERTIFICATE_NO_DATE &&
           days_left(coverage, certificate) <= PLAN_DAYS;
}

// --- what is said

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_table(const struct coverage *coverage, const struct calibrations *calibrations)
{
    static const char *const headings[] = {"kind", ">points", ">covered", ">share"};
    static const char *const plan_headings[] = {"within", "serial", "number", "last day", ">days"};
    struct show_table table = show_table_make(4, headings),
                      plan = show_table_make(5, plan_headings);
    struct text out = text_make(4u << 20);
    for (size_t i = 0; i <= coverage->kind_count; i++) {
        const struct share *share = i < coverage->kind_count ? &coverage->kinds[i] : &coverage->all;
        show_table_add(&table, i < coverage->kind_count ? share->kind : "all");
        show_table_add_format(&table, "%" PRIu64, share->points);
        show_table_add_format(&table, "%" PRIu64, share->covered);
        show_table_add_format(&table, "%.1f%%", percent(share->covered, share->points));
    }
    show_table_append(&table, &out);
    if (coverage->from || coverage->to) {
        text_append_format(
            &out, "\nreadings     %" PRIu64 " of %" PRIu64 " under one in order, %.1f%%\n",
            coverage->covered, coverage->readings, percent(coverage->covered, coverage->readings));
    }
    for (size_t i = 0; i < calibrations->used_count; i++) {
        const struct certificate *certificate = calibrations->used[i].entry->certificate;
        char day[CERTIFICATE_DATE_SIZE];
        if (is_in_plan(coverage, certificate)) {
            certificate_format_date(shelf_last_day(certificate), day);
            show_table_add(&plan, window_of(days_left(coverage, certificate)));
            show_table_add(&plan, certificate->serial);
            show_table_add(&plan, certificate->id);
            show_table_add(&plan, day);
            show_table_add_format(&plan, "%" PRId64, days_left(coverage, certificate));
        }
    }
    if (plan.count) {
        text_append_string(&out, "\n");
        show_table_append(&plan, &out);
    }
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
    show_table_free(&plan);
    show_table_free(&table);
}

static void append_share(struct text *out, const struct share *share)
{
    text_append_format(out, "{\"points\":%" PRIu64 ",\"covered\":%" PRIu64 "}", share->points,
                       share->covered);
}

static void print_json(const struct coverage *coverage, const struct calibrations *calibrations)
{
    struct text out = text_make(4u << 20);
    bool first = true;
    text_append_string(&out, "{\"all\":");
    append_share(&out, &coverage->all);
    text_append_string(&out, ",\"kinds\":{");
    for (size_t i = 0; i < coverage->kind_count; i++) {
        text_append_string(&out, i ? "," : "");
        text_append_json(&out, coverage->kinds[i].kind);
        text_append_string(&out, ":");
        append_share(&out, &coverage->kinds[i]);
    }
    text_append_string(&out, "}");
    if (coverage->from || coverage->to) {
        text_append_format(&out, ",\"readings\":%" PRIu64 ",\"readings_covered\":%" PRIu64,
                           coverage->readings, coverage->covered);
    }
    text_append_string(&out, ",\"due\":[");
    for (size_t i = 0; i < calibrations->used_count; i++) {
        const struct certificate *certificate = calibrations->used[i].entry->certificate;
        char day[CERTIFICATE_DATE_SIZE];
        if (!is_in_plan(coverage, certificate)) {
            continue;
        }
        certificate_format_date(shelf_last_day(certificate), day);
        text_append_string(&out, first ? "{\"serial\":" : ",{\"serial\":");
        text_append_json(&out, certificate->serial);
        text_append_string(&out, ",\"number\":");
        text_append_json(&out, certificate->id);
        text_append_format(&out, ",\"last_day\":\"%s\",\"days\":%" PRId64 "}", day,
                           days_left(coverage, certificate));
        first = false;
    }
    text_append_string(&out, "]}\n");
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
}

static int perform(struct coverage *coverage)
{
    struct calibrated calibrated;
    struct why why = {""};
    int status = calibrated_open(&calibrated, coverage->command, &coverage->place);
    if (status == EXIT_GOOD) {
        coverage->now_us = clock_wall_us(&clock_system);
        count_points(coverage, calibrated.calibrations);
        qsort(calibrated.calibrations->used, calibrated.calibrations->used_count,
              sizeof *calibrated.calibrations->used, by_day);
        if ((coverage->from || coverage->to) && count_readings(coverage, &why) != OK) {
            fprintf(stderr, "%s: %s\n", coverage->command->name, why.text);
            status = EXIT_FINDING;
        }
    }
    if (status == EXIT_GOOD && coverage->json) {
        print_json(coverage, calibrated.calibrations);
    } else if (status == EXIT_GOOD) {
        print_table(coverage, calibrated.calibrations);
    }
    calibrated_close(&calibrated);
    return status;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"from", required_argument, NULL, 'f'},
                                        {"to", required_argument, NULL, 't'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct coverage coverage = {.command = command};
    int option, status;
    while ((option = command_option(command, argc, argv, &coverage.place, &status)) > 0) {
        switch (option) {
        case 'f': coverage.from = optarg; break;
        case 't': coverage.to = optarg; break;
        case 'j': coverage.json = true; break;
        }
    }
    if (option < 0) {
        return status;
    }
    status = place_find(&coverage.place);
    if (status == EXIT_GOOD) {
        show_set_zone(coverage.place.config->site.time_zone);
        status = moment_read_span(command, coverage.from, coverage.to, true, &coverage.from_us,
                                  &coverage.to_us);
    }
    status = status == EXIT_GOOD ? perform(&coverage) : status;
    place_free(&coverage.place);
    return status;
}

const struct command command_coverage = {
    .name = "tally coverage",
    .summary = "what is under a certificate in order, and what falls due",
    .usage =
        "usage: tally coverage [--from T] [--to T] [--json] [-c FILE]\n"
        "\n"
        "Prints by kind of quantity how many points are under a certificate that is in order now,\n"
        "with a period also how many of its readings were, as recorded; and which certificates\n"
        "are overdue or fall due within 30, 60 and 90 days.\n"
        "\n"
        "      --from T       the period, from then on; T as for `tally history`\n"
        "      --to T         before then\n"
        "      --json         for programs\n"
        "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
        "                     /etc/tally/tally.yaml\n"
        "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
        "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = 0,
    .run = run};
