// tally report: what a ledger says over periods, as enterprises report it. So far of energy.
#include "account.h"
#include "covered.h"
#include "energy_rows.h"
#include "moment.h"
#include "naming.h"
#include "show.h"
#include "tally.h"
#include "times.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX     1000
#define QUARTERS_MAX  400000  // of the time asked for: 11 years
#define INTERVALS_MAX 1000000 // of all meters together

struct report {
    const struct command *command;
    // As given:
    const char *from, *to, *table_path;
    enum rows_form form;
    enum interval every;
    const char *points[NAMES_MAX];
    size_t point_count;
    struct account_part parts[NAMES_MAX];
    size_t part_count;
    // Found out:
    const char *directory;
    struct energy_table *table;
    struct ledger_reader *reader;
    struct naming naming;
    int64_t from_us, to_us;
    struct calendar calendar;
    struct meters meters;
    struct account *accounts; // of each meter
    struct account sum;
    struct covered covered;
};

static int say(const struct report *report, int error, const struct why *why)
{
    fprintf(stderr, "%s: %s\n", report->command->name, why->text);
    return error == ERROR_RANGE ? EXIT_MISUSE : EXIT_FINDING;
}

// --- the time asked for -------------------------------------------------------------------------

static int read_times(struct report *report)
{
    return moment_read_span(report->command, report->from, report->to, report->reader != NULL,
                            &report->from_us, &report->to_us);
}

// What was not given, from what is kept.
static int find_extent(struct report *report, uint64_t first, uint64_t size, struct why *why)
{
    struct times oldest, latest;
    int error = times_of_block(report->reader, first, &oldest, why);
    error = error ? error : times_of_block(report->reader, size - 1, &latest, why);
    if (error) {
        return error;
    }
    report->calendar.kept_us = first > 0 ? oldest.begin_us : INT64_MIN;
    report->calendar.recorded_us = latest.closed_us;
    report->from_us = report->from ? report->from_us : oldest.begin_us;
    report->to_us = report->to ? report->to_us : latest.closed_us + 1;
    return report->from_us < report->to_us
               ? OK
               : why_set(why, ERROR_ABSENT, "the ledger holds nothing of that time");
}

// The intervals that meet [from, to), whole.
static int make_calendar(struct report *report, struct why *why)
{
    struct calendar *calendar = &report->calendar;
    size_t accounts = report->point_count + report->part_count + 1;
    int64_t begin = rollup_quarter_of(report->from_us), end = rollup_quarter_of(report->to_us - 1);
    if (end - begin > QUARTERS_MAX) {
        return why_set(why, ERROR_RANGE, "that is more than %d quarters of an hour", QUARTERS_MAX);
    }
    begin = interval_start(report->every, begin);
    report->meters.from = begin;
    size_t room = (size_t)(end - begin) + 2;
    calendar->boundaries = malloc(room * sizeof *calendar->boundaries);
    if (!calendar->boundaries) {
        return why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    }
    calendar->boundaries[0] = rollup_quarter_start(begin);
    for (; begin <= end; calendar->count++) {
        begin = interval_end(report->every, begin);
        calendar->boundaries[calendar->count + 1] = rollup_quarter_start(begin);
    }
    report->meters.to = begin;
    return calendar->count <= INTERVALS_MAX / accounts
               ? OK
               : why_set(why, ERROR_RANGE,
                         "that is more than %d intervals: ask for less by --from "
                         "and --to, or for fewer meters",
                         INTERVALS_MAX);
}

// --- meters -------------------------------------------------------------------------------------

static struct meter *find_meter(const struct report *report, const char *name)
{
    for (size_t i = 0; i < report->meters.count; i++) {
        if (strcmp(report->meters.list[i].name, name) == 0) {
            return &report->meters.list[i];
        }
    }
    return NULL;
}

// Opens the meter of that name, once. What is wrong is said.
static int open_meter(struct report *report, const char *name)
{
    struct why why = {""};
    uint64_t first, size;
    if (find_meter(report, name)) {
        return EXIT_GOOD;
    }
    struct meter *meter = &report->meters.list[report->meters.count++];
    meter->name = name;
    int error = meter_open(meter, report->reader, report->table, &why);
    if (error != ERROR_ABSENT) {
        return error ? say(report, error, &why) : EXIT_GOOD;
    }
    // Which says what points there are.
    struct naming naming = {.reader = report->reader, .name = name};
    naming_now(&naming, report->command->name, &first, &size);
    return EXIT_FINDING;
}

static int open_meters(struct report *report)
{
    int status = EXIT_GOOD;
    report->meters.list =
        calloc(report->point_count + report->part_count, sizeof *report->meters.list);
    if (!report->meters.list) {
        return say(report, ERROR_MEMORY, &(struct why){"out of memory"});
    }
    for (size_t i = 0; status == EXIT_GOOD && i < report->point_count; i++) {
        status = open_meter(report, report->points[i]);
    }
    for (size_t i = 0; status == EXIT_GOOD && i < report->part_count; i++) {
        status = open_meter(report, report->parts[i].name);
    }
    for (size_t i = 1; status == EXIT_GOOD && i < report->part_count; i++) {
        const struct meter *first = find_meter(report, report->parts[0].name);
        const struct meter *other = find_meter(report, report->parts[i].name);
        if (first && other && strcmp(first->unit, other->unit) != 0) {
            struct why why;
            why_set(&why, ERROR_REFUSED, "%s is in '%s' and %s in '%s': nothing adds them up",
                    first->name, first->unit, other->name, other->unit);
            status = say(report, ERROR_REFUSED, &why);
        }
    }
    return status;
}

static int read_meters(struct report *report, struct why *why)
{
    report->meters.reader = report->reader;
    report->meters.command = report->command->name;
    int error = series_open(&report->meters.series, report->directory, false, why);
    error = error ? error : meters_read(&report->meters, why);
    series_close(report->meters.series);
    return error;
}

// --- accounts -----------------------------------------------------------------------------------

static int make_accounts(struct report *report)
{
    bool sum = report->part_count > 0;
    bool keep = sum || (report->table && report->table->tariff);
    report->accounts = calloc(report->meters.count, sizeof *report->accounts);
    int error = report->accounts ? OK : ERROR_MEMORY;
    for (size_t i = 0; !error && i < report->meters.count; i++) {
        error =
            account_make(&report->accounts[i], &report->meters.list[i], &report->calendar, keep);
        error = error ? error : account_use(&report->accounts[i], report->table, &report->calendar);
    }
    if (error || !sum) {
        return error;
    }
    error = account_begin(&report->sum, &report->calendar, report->parts, report->part_count);
    for (size_t i = 0; !error && i < report->part_count; i++) {
        const struct meter *meter = find_meter(report, report->parts[i].name);
        account_add(&report->sum, &report->accounts[meter - report->meters.list],
                    report->parts[i].minus, &report->calendar);
    }
    if (!error) {
        account_end(&report->sum, &report->calendar);
        error = account_use(&report->sum, report->table, &report->calendar);
    }
    return error;
}

static int write_all(const struct report *report)
{
    const struct energy_head head = {.form = report->form,
                                     .origin = ledger_reader_origin(report->reader),
                                     .time_zone = report->naming.time_zone,
                                     .every = report->every,
                                     .calendar = &report->calendar,
                                     .covered = &report->covered,
                                     .table = report->table,
                                     .to = stdout};
    int error = energy_rows_begin(&head);
    for (size_t i = 0; !error && i < report->point_count; i++) {
        const struct meter *meter = find_meter(report, report->points[i]);
        error = energy_rows_write(&head, &report->accounts[meter - report->meters.list], i == 0);
    }
    if (!error && report->part_count) {
        error = energy_rows_write(&head, &report->sum, report->point_count == 0);
    }
    if (!error) {
        energy_rows_end(&head);
    }
    return error;
}

// --- the command --------------------------------------------------------------------------------

// Once its meters are open.
static int reckon_and_write(struct report *report)
{
    struct why why = {""};
    int error = read_meters(report, &why);
    int64_t margin_us = 60000000; // a boundary's reading may lie so far beyond it
    error = error ? error
                  : covered_find(report->reader, report->calendar.boundaries[0] - margin_us,
                                 report->calendar.boundaries[report->calendar.count] + margin_us,
                                 &report->covered, &why);
    error = error ? error : make_accounts(report);
    error = error ? error : write_all(report);
    if (error && !why.text[0]) {
        why_set(&why, error, "%s", error_text(error));
    }
    return error ? say(report, error, &why) : report->meters.left_out ? EXIT_FINDING : EXIT_GOOD;
}

static int report_energy(struct report *report)
{
    struct why why = {""};
    uint64_t first, size;
    if (naming_now(&report->naming, report->command->name, &first, &size) != OK) {
        return EXIT_FINDING;
    }
    int status = read_times(report);
    if (status != EXIT_GOOD) {
        return status;
    }
    int error = find_extent(report, first, size, &why);
    error = error ? error : make_calendar(report, &why);
    if (error) {
        return say(report, error, &why);
    }
    status = open_meters(report);
    return status == EXIT_GOOD ? reckon_and_write(report) : status;
}

static void free_report(struct report *report)
{
    for (size_t i = 0; i < report->meters.count; i++) {
        meter_free(&report->meters.list[i]);
    }
    for (size_t i = 0; report->accounts && i < report->meters.count; i++) {
        account_free(&report->accounts[i]);
    }
    account_free(&report->sum);
    free(report->accounts);
    free(report->meters.list);
    free(report->calendar.boundaries);
    energy_table_free(report->table);
    ledger_reader_close(report->reader);
}

static int open_and_report(struct report *report, const struct place *place)
{
    struct why why = {""};
    struct faults faults = {0};
    if (report->table_path &&
        energy_table_load(&report->table, report->table_path, &faults) != OK) {
        return faults_print(&faults);
    }
    faults_free(&faults);
    report->directory = place->ledger;
    int status = EXIT_FINDING;
    if (ledger_reader_open(&report->reader, place->ledger, &why) == OK) {
        report->naming = (struct naming){.reader = report->reader};
        status = report_energy(report);
    } else {
        fprintf(stderr, "%s: %s\n", report->command->name, why.text);
    }
    free_report(report);
    return status;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"ledger", required_argument, NULL, PLACE_LEDGER},
                                        {"point", required_argument, NULL, 'p'},
                                        {"plus", required_argument, NULL, 'a'},
                                        {"minus", required_argument, NULL, 'm'},
                                        {"from", required_argument, NULL, 'f'},
                                        {"to", required_argument, NULL, 't'},
                                        {"every", required_argument, NULL, 'e'},
                                        {"table", required_argument, NULL, 'T'},
                                        {"csv", no_argument, NULL, 'v'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int take_name(struct report *report, int option, const char *name)
{
    if (report->point_count + report->part_count == NAMES_MAX) {
        return command_misused(report->command, "more than %d points", NAMES_MAX);
    }
    if (option == 'p') {
        report->points[report->point_count++] = name;
    } else {
        report->parts[report->part_count++] = (struct account_part){name, option == 'm'};
    }
    return EXIT_GOOD;
}

static int take_option(struct report *report, int option, const char *argument)
{
    switch (option) {
    case 'f': report->from = argument; break;
    case 't': report->to = argument; break;
    case 'T': report->table_path = argument; break;
    case 'e':
        report->every = interval_parse(argument);
        return report->every
                   ? EXIT_GOOD
                   : command_misused(report->command, "--every %s: not 15min, hour, day or month",
                                     argument);
    case 'v':
    case 'j':
        if (report->form != ROWS_TABLE) {
            return command_misused(report->command, "--csv and --json exclude each other");
        }
        report->form = option == 'v' ? ROWS_CSV : ROWS_JSON;
        break;
    default: return take_name(report, option, argument);
    }
    return EXIT_GOOD;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct place place = {0};
    struct report *report = calloc(1, sizeof *report);
    int option, status = EXIT_GOOD;
    if (!report) {
        fprintf(stderr, "%s: out of memory\n", command->name);
        return EXIT_FINDING;
    }
    report->command = command;
    report->every = INTERVAL_DAY;
    while (status == EXIT_GOOD &&
           (option = command_option(command, argc, argv, &place, &status)) > 0) {
        status = take_option(report, option, optarg);
    }
    bool ended = status != EXIT_GOOD || option < 0;
    if (!ended && (optind == argc || strcmp(argv[optind], "energy") != 0)) {
        status = command_misused(command, "a report of what? of energy");
    } else if (!ended && !report->point_count && !report->part_count) {
        status = command_misused(command, "of which meter? give --point INSTRUMENT.QUANTITY");
    } else if (!ended) {
        status = read_times(report);
        status = status == EXIT_GOOD ? place_find(&place) : status;
        status = status == EXIT_GOOD ? open_and_report(report, &place) : status;
    }
    place_free(&place);
    free(report);
    return status;
}

const struct command command_report = {
    .name = "tally report",
    .summary = "energy of meters by 15 min, hour, day or month, with all gaps told",
    .usage =
        "usage: tally report energy [-c FILE | --ledger DIR] [--point NAME]... [--plus NAME]...\n"
        "                    [--minus NAME]... [--from T] [--to T]\n"
        "                    [--every 15min|hour|day|month] [--table FILE] [--csv | --json]\n"
        "\n"
        "Prints what cumulative registers counted in each interval, between the readings nearest\n"
        "to its two boundaries. What cannot be said of one interval is unallocated, what a reset\n"
        "or an exchange has hidden is unknown, and nothing is filled in. Says the maximum demand,\n"
        "and whether a centre's receipt covers it all (final) or not yet (preliminary).\n"
        "\n"
        "  -c, --config FILE    the configuration; otherwise tally.yaml in this folder, then\n"
        "                       /etc/tally/tally.yaml\n"
        "      --drivers DIR    where the drivers are, instead of gateway.drivers\n"
        "      --ledger DIR     the ledger's folder, with no configuration\n"
        "      --point NAME     a register, such as main-meter.active-energy-import; may be given\n"
        "                       several times\n"
        "      --plus NAME      a register that is added to the sum; may be given several times\n"
        "      --minus NAME     a register that is taken from the sum; may be given several times\n"
        "      --from T         from then on; T is RFC 3339, a date or a time in the site's zone,\n"
        "                       -1h (also s, min, d, w) or now\n"
        "      --to T           before then\n"
        "      --every WORD     15min, hour, day or month (of the site); day if not stated\n"
        "      --table FILE     roll-overs and exchanges of registers, tariff, coal equivalent:\n"
        "                       tally-energy(5)\n"
        "      --csv            CSV (RFC 4180)\n"
        "      --json           JSON\n"
        "  -h, --help           print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = 1,
    .run = run};
