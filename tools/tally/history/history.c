// tally history: the readings of one point, block by block from the ledger, or as bins or by
// intervals of the calendar from the series. Memory does not grow with the range.
#include "amendments/rollup_amended.h"
#include "common/moment.h"
#include "common/naming.h"
#include "common/show.h"
#include "common/times.h"
#include "history/intervals.h"
#include "history/rows.h"
#include "tally.h"

#include "base/clock.h"
#include "ledger/ledger.h"
#include "series/series.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BINS_MAX 100000

struct history {
    const char *point, *from, *to; // as given; NULL when not
    enum rows_form form;
    uint64_t limit; // 0: none
    size_t bins;    // 0: none
    enum interval every;
    // Found out:
    const char *directory;
    int64_t from_us, to_us;
    struct ledger_reader *reader;
    struct naming naming;
    struct text bytes;
    struct block_view view;
    struct rows rows;
    struct rows_amended amended;
    char run[33];      // of the block before
    uint64_t left_out; // damaged blocks
};

static bool is_ours(const struct history *history, uint32_t point, int64_t t_us)
{
    return point == history->naming.number && t_us >= history->from_us && t_us < history->to_us;
}

static bool at_limit(const struct history *history)
{
    return history->limit && history->rows.readings + history->rows.missed >= history->limit;
}

// Readings and misses stand in lists of their own, each in the order of recording: they are merged
// by time.
static void write_block(struct history *history)
{
    const struct block_view *view = &history->view;
    size_t r = 0, m = 0;
    while (!at_limit(history)) {
        while (r < view->reading_count &&
               !is_ours(history, view->readings[r].point, view->readings[r].t_us)) {
            r++;
        }
        while (m < view->missed_count &&
               !is_ours(history, view->missed[m].point, view->missed[m].t_us)) {
            m++;
        }
        bool reading = r < view->reading_count, miss = m < view->missed_count;
        if (!reading && !miss) {
            return;
        }
        if (reading && (!miss || view->readings[r].t_us <= view->missed[m].t_us)) {
            rows_reading(&history->rows, &view->readings[r], history->naming.unit, view->n, r);
            r++;
        } else {
            rows_miss(&history->rows, &view->missed[m++], view->n);
        }
    }
}

// Reads block n into the view. ERROR_DAMAGED or ERROR_INPUT: it is said, counted and left out.
static int read_block(struct history *history, uint64_t n)
{
    struct why why = {""};
    int error = ledger_reader_block(history->reader, n, &history->bytes, &why);
    if (!error) {
        error = block_parse(&history->view, history->bytes.data, history->bytes.length, &why);
    }
    if (!error) {
        error = naming_find(&history->naming, &history->view.definitions, &why);
    }
    if (error && error != ERROR_ABSENT) {
        fprintf(stderr, "tally history: block %" PRIu64 " is left out: %s\n", n, why.text);
        history->left_out++;
    }
    return error;
}

static int write_rows(struct history *history)
{
    struct why why = {""};
    uint64_t n = 0;
    int error;
    rows_begin(&history->rows, history->form, stdout, history->point, &history->amended);
    for (; (error = ledger_reader_next_in_time(history->reader, history->from_us, history->to_us,
                                               &n, &why)) == OK;
         n++) {
        if (read_block(history, n) == OK) {
            if (history->run[0] && strcmp(history->run, history->view.run) != 0) {
                rows_restart(&history->rows, n);
            }
            memcpy(history->run, history->view.run, sizeof history->run);
            if (history->naming.found) {
                write_block(history);
            }
        }
        if (at_limit(history) || ferror(stdout)) {
            break;
        }
    }
    rows_end(&history->rows);
    if (error && error != ERROR_ABSENT) {
        fprintf(stderr, "tally history: %s\n", why.text);
        return EXIT_FINDING;
    }
    return history->left_out ? EXIT_FINDING : EXIT_GOOD;
}

// Minimum and maximum, or that there is none.
static void append_extremes(const struct history *history, bool any, double minimum, double maximum,
                            struct text *out)
{
    const char *none = history->form == ROWS_JSON ? "null" : history->form == ROWS_CSV ? "" : "—";
    const char *between = history->form == ROWS_JSON  ? ",\"maximum\":"
                          : history->form == ROWS_CSV ? ","
                                                      : "  ";
    for (int i = 0; i < 2; i++) {
        double number = i ? maximum : minimum;
        text_append_string(out, i ? between : "");
        if (any && isfinite(number)) {
            value_append_double(out, number);
        } else {
            text_append_string(out, none);
        }
    }
}

// Of the bin's readings as amended, when some are.
static void append_amended(const struct history *history, size_t amended,
                           const struct rollup *rollup, struct text *out)
{
    static const char *const nothing[] = {
        [ROWS_TABLE] = "", [ROWS_CSV] = ",0,,,", [ROWS_JSON] = ",\"amended\":null"};
    if (!amended) {
        text_append_string(out, nothing[history->form]);
        return;
    }
    switch (history->form) {
    case ROWS_TABLE:
        text_append_format(out, "  as amended, %zu of them: %" PRIu64 "  ", amended, rollup->count);
        break;
    case ROWS_CSV: text_append_format(out, ",%zu,%" PRIu64 ",", amended, rollup->count); break;
    case ROWS_JSON:
        text_append_format(out, ",\"amended\":{\"readings\":%zu,\"count\":%" PRIu64 ",\"minimum\":",
                           amended, rollup->count);
        break;
    }
    append_extremes(history, rollup->count > 0, number_to_double(rollup->minimum),
                    number_to_double(rollup->maximum), out);
    text_append_string(out, history->form == ROWS_JSON ? "}" : "");
}

static int write_bin(const struct history *history, const struct series_bin *bin, int64_t to_us,
                     bool first, struct why *why)
{
    const struct naming *naming = &history->naming;
    const struct amendments *amendments = &history->amended.amendments;
    struct rollup as_amended = {0};
    char utc[32];
    size_t amended =
        amendments_count(amendments, naming->numbers, naming->number_count, bin->from_us, to_us);
    int error = amended
                    ? rollup_as_amended(history->reader, amendments, naming->numbers,
                                        naming->number_count, bin->from_us, to_us, &as_amended, why)
                    : OK;
    struct text out = text_make(1024);
    clock_format_utc(bin->from_us, utc);
    if (history->form == ROWS_JSON) {
        text_append_format(
            &out, "%s\n{\"from_us\":%" PRId64 ",\"from\":\"%s\",\"count\":%" PRIu64 ",\"minimum\":",
            first ? "" : ",", bin->from_us, utc, bin->count);
    } else {
        text_append_string(&out, history->form == ROWS_CSV ? utc : "");
        text_append_string(&out, history->form == ROWS_CSV ? "," : "");
        show_append_local(&out, bin->from_us);
        text_append_format(&out, history->form == ROWS_CSV ? ",%" PRIu64 "," : "  %9" PRIu64 "  ",
                           bin->count);
    }
    append_extremes(history, bin->count > 0, bin->minimum, bin->maximum, &out);
    append_amended(history, amended, &as_amended, &out);
    text_append_string(&out, history->form == ROWS_JSON  ? "}"
                             : history->form == ROWS_CSV ? "\r\n"
                                                         : "\n");
    fwrite(out.data, 1, out.length, stdout);
    text_free(&out);
    return error;
}

static int write_bins(const struct history *history, const struct series_bin *bins, struct why *why)
{
    int error = OK;
    switch (history->form) {
    case ROWS_TABLE: printf("%-30s  %9s  %s\n", "from", "count", "minimum  maximum"); break;
    case ROWS_CSV:
        fputs("from_utc,from_local,count,minimum,maximum,amended,amended_count,amended_minimum,"
              "amended_maximum\r\n",
              stdout);
        break;
    case ROWS_JSON: fputs("[", stdout); break;
    }
    for (size_t i = 0; !error && i < history->bins; i++) {
        int64_t to_us = i + 1 < history->bins ? bins[i + 1].from_us : history->to_us;
        error = write_bin(history, &bins[i], to_us, i == 0, why);
    }
    fputs(history->form == ROWS_JSON ? "\n]\n" : "", stdout);
    return error;
}

static void add_bins(struct series_bin *sum, const struct series_bin *part, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sum[i].from_us = part[i].from_us;
        if (part[i].count) {
            sum[i].minimum = sum[i].count ? fmin(sum[i].minimum, part[i].minimum) : part[i].minimum;
            sum[i].maximum = sum[i].count ? fmax(sum[i].maximum, part[i].maximum) : part[i].maximum;
            sum[i].count += part[i].count;
        }
    }
}

// The bins of every number that the point has had, put together.
static int sum_bins(struct history *history, struct series *series, struct series_bin *sum,
                    struct series_bin *part, struct why *why)
{
    int error = OK;
    for (size_t i = 0; i < history->naming.number_count && !error; i++) {
        error = series_bins(series, history->reader, history->naming.numbers[i], history->from_us,
                            history->to_us, part, history->bins, why);
        if (!error) {
            add_bins(sum, part, history->bins);
        }
    }
    return error;
}

static int write_series(struct history *history)
{
    struct why why = {""};
    struct series *series = NULL;
    struct series_bin *sum = calloc(history->bins, sizeof *sum);
    struct series_bin *part = calloc(history->bins, sizeof *part);
    int error = sum && part ? OK : why_set(&why, ERROR_MEMORY, "no memory for the bins");
    if (!error) {
        error = series_open(&series, history->directory, false, &why);
    }
    if (!error) {
        error = sum_bins(history, series, sum, part, &why);
    }
    error = error || !sum ? error : write_bins(history, sum, &why);
    if (error) {
        fprintf(stderr, "tally history: %s\n", why.text);
    }
    series_close(series);
    free(part);
    free(sum);
    return error ? EXIT_FINDING : EXIT_GOOD;
}

// What cannot be read is said.
static int find_times(struct history *history, uint64_t n, struct times *times)
{
    struct why why = {""};
    int error = times_of_block(history->reader, n, times, &why);
    if (error) {
        fprintf(stderr, "tally history: block %" PRIu64 ": %s\n", n, why.text);
    }
    return error;
}

// What is kept, in time: from the first reading of the first block to the closing of the last.
static int find_extent(struct history *history, uint64_t first, uint64_t last)
{
    struct times times;
    int error = history->from ? OK : find_times(history, first, &times);
    if (!error && !history->from) {
        history->from_us = times.begin_us;
    }
    error = error || history->to ? error : find_times(history, last, &times);
    if (!error && !history->to) {
        history->to_us = times.closed_us + 1;
    }
    return error;
}

static int write_intervals(struct history *history, uint64_t first, uint64_t last)
{
    struct why why = {""};
    struct intervals intervals = {.directory = history->directory,
                                  .name = history->point,
                                  .reader = history->reader,
                                  .numbers = history->naming.numbers,
                                  .number_count = history->naming.number_count,
                                  .amendments = &history->amended.amendments,
                                  .interval = history->every,
                                  .form = history->form,
                                  .from_us = history->from_us,
                                  .to_us = history->to_us};
    struct times oldest = {.begin_us = INT64_MIN}, latest;
    if ((first > 0 && find_times(history, first, &oldest)) || find_times(history, last, &latest)) {
        return EXIT_FINDING;
    }
    intervals.kept_us = oldest.begin_us;
    intervals.recorded_us = latest.closed_us;
    int error = intervals_write(&intervals, &why);
    if (error) {
        fprintf(stderr, "tally history: %s\n", why.text);
    }
    return !error ? EXIT_GOOD : error == ERROR_RANGE ? EXIT_MISUSE : EXIT_FINDING;
}

// Once before the ledger is opened, so that misuse comes first; once again when its zone is known.
static int read_times(const struct command *command, struct history *history)
{
    return moment_read_span(command, history->from, history->to, history->reader != NULL,
                            &history->from_us, &history->to_us);
}

static int write_history(const struct command *command, struct history *history)
{
    struct why why = {""};
    uint64_t first, size;
    if (naming_now(&history->naming, command->name, &first, &size) != OK) {
        return EXIT_FINDING;
    }
    int status = read_times(command, history);
    if (status != EXIT_GOOD) {
        return status;
    }
    if (rows_amended_load(&history->amended, history->reader, history->point, command->name,
                          &why)) {
        fprintf(stderr, "tally history: %s\n", why.text);
        return EXIT_FINDING;
    }
    if (!history->bins && !history->every) {
        return write_rows(history);
    }
    if (find_extent(history, first, size - 1) != OK) {
        return EXIT_FINDING;
    }
    return history->every ? write_intervals(history, first, size - 1) : write_series(history);
}

static int open_and_write(const struct command *command, struct history *history,
                          const struct place *place)
{
    struct why why = {""};
    history->directory = place->ledger;
    if (ledger_reader_open(&history->reader, place->ledger, &why) != OK) {
        fprintf(stderr, "tally history: %s\n", why.text);
        return EXIT_FINDING;
    }
    history->naming = (struct naming){.reader = history->reader, .name = history->point};
    history->bytes = text_make(BLOCK_BYTES_MAX);
    int status = write_history(command, history);
    rows_amended_free(&history->amended);
    block_view_free(&history->view);
    text_free(&history->bytes);
    ledger_reader_close(history->reader);
    return status;
}

// A whole number from 1 to max. False when it is none.
static bool parse_count(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    unsigned long long number = strtoull(text, &end, 10);
    *out = number;
    return !*end && number >= 1 && number <= max;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"ledger", required_argument, NULL, PLACE_LEDGER},
                                        {"point", required_argument, NULL, 'p'},
                                        {"from", required_argument, NULL, 'f'},
                                        {"to", required_argument, NULL, 't'},
                                        {"limit", required_argument, NULL, 'l'},
                                        {"bins", required_argument, NULL, 'b'},
                                        {"every", required_argument, NULL, 'e'},
                                        {"amendments", no_argument, NULL, 'a'},
                                        {"csv", no_argument, NULL, 'v'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct place place = {0};
    struct history history = {0};
    uint64_t bins = 0;
    int forms = 0, option, status;
    while ((option = command_option(command, argc, argv, &place, &status)) > 0) {
        forms += option == 'v' || option == 'j';
        switch (option) {
        case 'p': history.point = optarg; break;
        case 'f': history.from = optarg; break;
        case 't': history.to = optarg; break;
        case 'a': history.amended.detail = true; break;
        case 'v': history.form = ROWS_CSV; break;
        case 'j': history.form = ROWS_JSON; break;
        case 'l':
            if (!parse_count(optarg, UINT64_MAX, &history.limit)) {
                return command_misused(command, "--limit %s: not a number from 1", optarg);
            }
            break;
        case 'b':
            if (!parse_count(optarg, BINS_MAX, &bins)) {
                return command_misused(command, "--bins %s: not a number from 1 to %d", optarg,
                                       BINS_MAX);
            }
            history.bins = (size_t)bins;
            break;
        case 'e':
            history.every = interval_parse(optarg);
            if (!history.every || history.every == INTERVAL_MONTH) {
                return command_misused(command, "--every %s: not 15min, hour or day", optarg);
            }
            break;
        }
    }
    if (option < 0) {
        return status;
    }
    if (forms > 1 || (history.limit > 0) + (history.bins > 0) + (history.every > 0) > 1) {
        return command_misused(command, "%s exclude each other",
                               forms > 1 ? "--csv and --json" : "--limit, --bins and --every");
    }
    if (!history.point) {
        return command_misused(command, "which point? give --point INSTRUMENT.QUANTITY");
    }
    status = read_times(command, &history);
    if (status != EXIT_GOOD) {
        return status;
    }
    status = place_find(&place);
    if (status == EXIT_GOOD) {
        status = open_and_write(command, &history, &place);
    }
    place_free(&place);
    return status;
}

const struct command command_history = {
    .name = "tally history",
    .summary = "the readings of a point from the ledger, as a table, CSV or JSON",
    .usage =
        "usage: tally history [-c FILE | --ledger DIR] --point INSTRUMENT.QUANTITY [--from T]\n"
        "                     [--to T] [--limit N | --bins N | --every 15min|hour|day]\n"
        "                     [--amendments] [--csv | --json]\n"
        "\n"
        "Reads blocks of the ledger, beside a running daemon or without one, and prints what the\n"
        "point read: indication, corrected value and expanded uncertainty as they were recorded\n"
        "(— where there is none), and polls that brought nothing as gaps with their reason.\n"
        "What a reading is amended to stands beside what was recorded (tally amend).\n"
        "\n"
        "  -c, --config FILE    the configuration; otherwise tally.yaml in this folder, then\n"
        "                       /etc/tally/tally.yaml\n"
        "      --drivers DIR    where the drivers are, instead of gateway.drivers\n"
        "      --ledger DIR     the ledger's folder, with no configuration\n"
        "      --point NAME     the point, such as main-meter.active-energy-import\n"
        "      --from T         from then on; T is RFC 3339, a date or a time in the site's zone,\n"
        "                       -1h (also s, min, d, w) or now\n"
        "      --to T           before then\n"
        "      --limit N        at most N rows\n"
        "      --bins N         N equal parts of the time, each with count, minimum and maximum\n"
        "      --every WORD     15min, hour or day (of the site): a row for each, with how many\n"
        "                       readings, how many missed, minimum, maximum, mean, first, last\n"
        "      --amendments     below each amended reading who amended it, when and why\n"
        "      --csv            CSV (RFC 4180)\n"
        "      --json           JSON: an array, an element a line\n"
        "  -h, --help           print this\n",
    .letters = "c:h",
    .options = options,
    .run = run};
