// tally report: what a ledger says over periods, as enterprises report it. So far of energy.
#include "common/moment.h"
#include "common/naming.h"
#include "common/show.h"
#include "common/statement.h"
#include "common/times.h"
#include "report/account.h"
#include "report/covered.h"
#include "report/energy_amended.h"
#include "report/energy_groups.h"
#include "report/energy_issue.h"
#include "report/energy_out.h"
#include "report/logs.h"
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX     1000
#define QUARTERS_MAX  400000  // of the time asked for: 11 years
#define INTERVALS_MAX 1000000 // of all meters together

// Several registers that are one meter.
struct sum {
    struct energy_meter meter;
    struct account account;
    bool has_amended; // a part is amended
    struct account amended;
    char *amended_name;
};

struct report {
    const struct command *command;
    // As given:
    const char *from, *to, *table_path, *output;
    enum rows_form form;
    bool html, xlsx; // instead
    bool issue;      // put it on record …
    const char *by;  // … by that account
    enum interval every;
    const char *points[NAMES_MAX];
    size_t point_count;
    struct energy_part parts[NAMES_MAX]; // of the sum that has no name
    size_t part_count;
    const char *names[NAMES_MAX]; // of sums: groups of the configuration, meters of the table
    size_t name_count;
    bool of_table;                             // some are said to be of the table
    bool of_site;                              // those of the site, too
    const char *key_paths[CONFIG_UPLINKS_MAX]; // of centres
    size_t key_count;
    // Found out:
    struct trusted_key keys[CONFIG_UPLINKS_MAX];
    const struct place *place;
    const char *directory;
    const struct config *config; // NULL: not read
    struct energy_table *table;
    struct energy_groups groups;
    struct ledger_reader *reader;
    struct series *series;
    struct naming naming;
    int64_t from_us, to_us;
    struct calendar calendar;
    size_t meters_most; // that there can be
    struct logs logs;
    struct meters meters;
    struct account *accounts; // of each meter
    struct energy_amended amended;
    struct sum *sums;
    size_t sum_count;
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
    if (logs_begin(&report->logs) < oldest.begin_us) {
        oldest.begin_us = logs_begin(&report->logs);
        report->calendar.kept_us = first == 0 ? logs_kept(&report->logs) : report->calendar.kept_us;
    }
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
    size_t accounts = report->meters_most + report->sum_count;
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
    int error = meter_open(meter, report->logs.read, report->logs.read_count, report->table, &why);
    if (error != ERROR_ABSENT) {
        return error ? say(report, error, &why) : EXIT_GOOD;
    }
    // Which says what points there are.
    struct naming naming = {.reader = report->reader, .name = name};
    naming_now(&naming, report->command->name, &first, &size);
    return EXIT_FINDING;
}

static int check_units(const struct report *report, const struct energy_meter *sum)
{
    const struct meter *first = find_meter(report, sum->parts[0].name);
    for (size_t i = 1; i < sum->part_count; i++) {
        const struct meter *other = find_meter(report, sum->parts[i].name);
        if (first && other && strcmp(first->unit, other->unit) != 0) {
            struct why why;
            why_set(&why, ERROR_REFUSED, "%s is in '%s' and %s in '%s': nothing adds them up",
                    first->name, first->unit, other->name, other->unit);
            return say(report, ERROR_REFUSED, &why);
        }
    }
    return EXIT_GOOD;
}

static int open_sum(struct report *report, const struct energy_meter *sum)
{
    int status = EXIT_GOOD;
    for (size_t i = 0; status == EXIT_GOOD && i < sum->part_count; i++) {
        status = open_meter(report, sum->parts[i].name);
    }
    return status == EXIT_GOOD ? check_units(report, sum) : status;
}

static int open_meters(struct report *report)
{
    int status = EXIT_GOOD;
    report->meters.list = calloc(report->meters_most, sizeof *report->meters.list);
    if (!report->meters.list) {
        return say(report, ERROR_MEMORY, &(struct why){"out of memory"});
    }
    for (size_t i = 0; status == EXIT_GOOD && i < report->point_count; i++) {
        status = open_meter(report, report->points[i]);
    }
    for (size_t i = 0; status == EXIT_GOOD && i < report->sum_count; i++) {
        status = open_sum(report, &report->sums[i].meter);
    }
    return status;
}

static int read_meters(struct report *report, struct why *why)
{
    report->meters.logs = report->logs.read;
    report->meters.log_count = report->logs.read_count;
    report->meters.command = report->command->name;
    return meters_read(&report->meters, why);
}

// --- accounts -----------------------------------------------------------------------------------

// As recorded, or with those of its parts as amended that are.
static int make_sum(const struct report *report, const struct energy_meter *meter, bool amended,
                    struct account *account)
{
    const struct account **parts = calloc(meter->part_count + 1, sizeof(const struct account *));
    if (!parts) {
        return ERROR_MEMORY;
    }
    int error =
        account_begin(account, &report->calendar, meter->name, meter->parts, meter->part_count);
    account->kind = meter->kind;
    for (size_t i = 0; !error && i < meter->part_count; i++) {
        size_t place = (size_t)(find_meter(report, meter->parts[i].name) - report->meters.list);
        const struct account *other = amended ? energy_amended_find(&report->amended, place) : NULL;
        parts[i] = other ? other : &report->accounts[place];
        account_add(account, parts[i], meter->parts[i].minus, &report->calendar);
    }
    if (!error) {
        account_end(account, &report->calendar);
        error = corrected_sum(account, parts, meter->independent, &report->calendar);
    }
    free(parts);
    return error ? error : account_use(account, report->table, &report->calendar);
}

// A sum with an amended part, as amended.
static int amend_sum(const struct report *report, struct sum *sum)
{
    size_t readings = 0;
    for (size_t i = 0; i < sum->meter.part_count; i++) {
        const struct meter *part = find_meter(report, sum->meter.parts[i].name);
        const struct account *other =
            energy_amended_find(&report->amended, (size_t)(part - report->meters.list));
        sum->has_amended = sum->has_amended || other;
        readings += other ? other->amended : 0;
    }
    if (!sum->has_amended) {
        return OK;
    }
    int error = make_sum(report, &sum->meter, true, &sum->amended);
    return error ? error : energy_amended_name(&sum->amended, readings, &sum->amended_name);
}

static int make_accounts(struct report *report, struct why *why)
{
    bool keep = report->sum_count || (report->table && report->table->tariff);
    report->accounts = calloc(report->meters.count, sizeof *report->accounts);
    int error = report->accounts ? OK : ERROR_MEMORY;
    for (size_t i = 0; !error && i < report->meters.count; i++) {
        struct account *account = &report->accounts[i];
        error = account_make(account, &report->meters.list[i], &report->calendar, keep);
        error = error ? error : account_use(account, report->table, &report->calendar);
    }
    error = error ? error
                  : energy_amended_make(&report->amended, &report->meters, report->table,
                                        &report->calendar, keep, why);
    for (size_t i = 0; !error && i < report->sum_count; i++) {
        error = make_sum(report, &report->sums[i].meter, false, &report->sums[i].account);
        error = error ? error : amend_sum(report, &report->sums[i]);
    }
    return error;
}

static const char *form_word(const struct report *report)
{
    return report->xlsx                ? "xlsx"
           : report->html              ? "html"
           : report->form == ROWS_JSON ? "json"
           : report->form == ROWS_CSV  ? "csv"
                                       : "text";
}

// In the order asked for, each as recorded and then, where it is, as amended.
static int write_all(const struct report *report, struct why *why)
{
    const struct config *config = report->config;
    struct energy_head head = {.form = report->form,
                               .site_name = config ? config->site.name : NULL,
                               .site_code = config ? config->site.code : NULL,
                               .html = report->html,
                               .origin = ledger_reader_origin(report->reader),
                               .time_zone = report->naming.time_zone,
                               .every = report->every,
                               .calendar = &report->calendar,
                               .covered = &report->covered,
                               .logs = &report->logs,
                               .table = report->table};
    size_t count = 0;
    const struct account **accounts =
        calloc(2 * (report->point_count + report->sum_count), sizeof(const struct account *));
    if (!accounts) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < report->point_count; i++) {
        size_t place = (size_t)(find_meter(report, report->points[i]) - report->meters.list);
        accounts[count++] = &report->accounts[place];
        accounts[count] = energy_amended_find(&report->amended, place);
        count += accounts[count] != NULL;
    }
    for (size_t i = 0; i < report->sum_count; i++) {
        accounts[count++] = &report->sums[i].account;
        accounts[count] = report->sums[i].has_amended ? &report->sums[i].amended : NULL;
        count += accounts[count] != NULL;
    }
    int error = energy_out_write(&head, report->xlsx, accounts, count, report->output, why);
    if (!error && report->issue) {
        error = energy_issue(report->place, report->by, &head, form_word(report), accounts, count,
                             report->output, why);
    }
    free(accounts);
    return error;
}

// --- the command --------------------------------------------------------------------------------

// The centres of the configuration's uplinks, and those whose keys were given.
static int find_covered(struct report *report, struct why *why)
{
    struct covered_key keys[2 * CONFIG_UPLINKS_MAX];
    const struct config *config = report->config;
    const struct calendar *calendar = &report->calendar;
    int64_t margin_us = 60000000; // a boundary's reading may lie so far beyond it
    size_t count = 0;
    for (size_t i = 0; config && i < config->uplink_count; i++) {
        const struct config_uplink *uplink = &config->uplinks[i];
        if (uplink->has_centre) {
            keys[count++] = (struct covered_key){uplink->name, &uplink->centre, uplink->required};
        }
    }
    for (size_t i = 0; i < report->key_count; i++) {
        int error = trusted_key_load(&report->keys[i], report->key_paths[i], why);
        if (error) {
            return error;
        }
        keys[count++] = (struct covered_key){NULL, &report->keys[i], true};
    }
    int64_t from_us = calendar->boundaries[0] - margin_us;
    int64_t to_us = calendar->boundaries[calendar->count] + margin_us;
    int error =
        covered_find(report->reader, from_us, to_us, false, keys, count, &report->covered, why);
    for (size_t i = 0; !error && i < report->logs.count; i++) {
        struct older_log *log = &report->logs.list[i];
        if (log->asked && log->reader) {
            error =
                covered_find(log->reader, from_us, to_us, true, keys, count, &log->covered, why);
        }
    }
    return error;
}

// Once its meters are open.
static int reckon_and_write(struct report *report)
{
    struct why why = {""};
    int error = read_meters(report, &why);
    error = error ? error : find_covered(report, &why);
    logs_judge(&report->logs, report->calendar.boundaries[0], &report->covered);
    error = error ? error : make_accounts(report, &why);
    uint64_t amended_n;
    if (!error && energy_amended_last(&report->amended, &amended_n)) {
        covered_need(&report->covered, amended_n, "the last amendment");
    }
    error = error ? error : write_all(report, &why);
    if (error && !why.text[0]) {
        why_set(&why, error, "%s", error_text(error));
    }
    return error ? say(report, error, &why) : report->meters.left_out ? EXIT_FINDING : EXIT_GOOD;
}

// Also those that hold what passed over an edge of the time asked for.
static int use_logs(struct report *report, struct why *why)
{
    int64_t reach_us = METER_REACH_QUARTERS * ROLLUP_QUARTER_US;
    const struct calendar *calendar = &report->calendar;
    int error = series_open(&report->series, report->directory, false, why);
    const struct meter_log current = {report->reader, report->series};
    logs_use(&report->logs, calendar->boundaries[0] - reach_us,
             calendar->boundaries[calendar->count] + reach_us, &current);
    return error;
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
    int error = logs_find(&report->logs, report->directory, &why);
    error = error ? error : find_extent(report, first, size, &why);
    error = error ? error : make_calendar(report, &why);
    error = error ? error : use_logs(report, &why);
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
    for (size_t i = 0; i < report->sum_count; i++) {
        account_free(&report->sums[i].account);
        account_free(&report->sums[i].amended);
        free(report->sums[i].amended_name);
    }
    energy_amended_free(&report->amended);
    free(report->sums);
    free(report->accounts);
    free(report->meters.list);
    free(report->calendar.boundaries);
    logs_free(&report->logs);
    series_close(report->series);
    energy_groups_free(&report->groups);
    energy_table_free(report->table);
    ledger_reader_close(report->reader);
}

// The sums asked for: by name, then the one of the command line.
static int list_sums(struct report *report)
{
    struct why why = {""};
    int error = energy_groups_make(&report->groups, report->config, report->table);
    if (!error && report->of_site) {
        error = energy_groups_site(&report->groups, report->names, NAMES_MAX, &report->name_count,
                                   &why);
    }
    report->sums = calloc(report->name_count + 1, sizeof *report->sums);
    report->meters_most = report->point_count + report->part_count;
    error = error || report->sums ? error : ERROR_MEMORY;
    for (size_t i = 0; !error && i < report->name_count; i++) {
        struct energy_meter *sum = &report->sums[report->sum_count++].meter;
        error = energy_groups_find(&report->groups, report->names[i], sum, &why);
        report->meters_most += sum->part_count;
    }
    if (report->part_count && !error) {
        report->sums[report->sum_count++].meter = (struct energy_meter){
            .name = "sum", .parts = report->parts, .part_count = report->part_count};
    }
    if (error && !why.text[0]) {
        why_set(&why, error, "%s", error_text(error));
    }
    return error ? say(report, error, &why) : EXIT_GOOD;
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
    report->place = place;
    report->directory = place->ledger;
    report->config = place->config;
    int status = list_sums(report);
    int error = status == EXIT_GOOD ? ledger_reader_open(&report->reader, place->ledger, &why) : OK;
    if (error) {
        status = say(report, ERROR_ABSENT, &why);
    } else if (status == EXIT_GOOD) {
        report->naming = (struct naming){.reader = report->reader};
        status = report_energy(report);
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
                                        {"meter", required_argument, NULL, 'n'},
                                        {"site", no_argument, NULL, 's'},
                                        {"from", required_argument, NULL, 'f'},
                                        {"to", required_argument, NULL, 't'},
                                        {"every", required_argument, NULL, 'e'},
                                        {"table", required_argument, NULL, 'T'},
                                        {"centre-key", required_argument, NULL, 'k'},
                                        {"csv", no_argument, NULL, 'v'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"html", no_argument, NULL, 'H'},
                                        {"xlsx", required_argument, NULL, 'x'},
                                        {"output", required_argument, NULL, 'o'},
                                        {"issue", no_argument, NULL, 'I'},
                                        {"by", required_argument, NULL, 'b'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int take_name(struct report *report, int option, const char *name)
{
    if (report->point_count + report->part_count + report->name_count == NAMES_MAX) {
        return command_misused(report->command, "more than %d points", NAMES_MAX);
    }
    // A point's name has a dot, and no other has.
    if (option == 'p' || (option == 'w' && strchr(name, '.'))) {
        report->points[report->point_count++] = name;
    } else if (option == 'n' || option == 'w') {
        report->names[report->name_count++] = name;
        report->of_table = report->of_table || option == 'n';
    } else {
        report->parts[report->part_count++] = (struct energy_part){name, option == 'm'};
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
    case 'k':
        if (report->key_count == CONFIG_UPLINKS_MAX) {
            return command_misused(report->command, "more than %d keys", CONFIG_UPLINKS_MAX);
        }
        report->key_paths[report->key_count++] = argument;
        break;
    case 's': report->of_site = true; break;
    case 'I': report->issue = true; break;
    case 'b':
        report->by = argument;
        return statement_is_account(argument)
                   ? EXIT_GOOD
                   : command_misused(report->command, "--by: expected an account, 1 to 32 letters, "
                                                      "digits, '.', '_' and '-'");
    case 'o': report->output = argument; break;
    case 'v':
    case 'j':
    case 'H':
    case 'x':
        if (report->form != ROWS_TABLE || report->html || report->xlsx) {
            return command_misused(report->command,
                                   "--csv, --json, --html and --xlsx exclude each other");
        }
        report->form = option == 'v' ? ROWS_CSV : option == 'j' ? ROWS_JSON : ROWS_TABLE;
        report->html = option == 'H';
        report->xlsx = option == 'x';
        report->output = option == 'x' ? argument : report->output;
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
    }
    for (int i = optind + 1; !ended && status == EXIT_GOOD && i < argc; i++) {
        status = take_name(report, 'w', argv[i]);
    }
    ended = ended || status != EXIT_GOOD;
    if (!ended && !report->point_count && !report->part_count && !report->name_count &&
        !report->of_site) {
        status = command_misused(command, "of which meter? give INSTRUMENT.QUANTITY, the name of "
                                          "a group, or --site");
    } else if (!ended && report->of_table && !report->table_path) {
        status = command_misused(command, "--meter is a meter of a table: give --table FILE");
    } else if (!ended && report->issue && !report->output) {
        status = command_misused(command, "--issue: which file is issued? give -o FILE or --xlsx");
    } else if (!ended && report->by && !report->issue) {
        status = command_misused(command, "--by is for --issue");
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
        "usage: tally report energy [NAME]... [--site] [-c FILE | --ledger DIR] [--point NAME]...\n"
        "                    [--plus NAME]... [--minus NAME]... [--meter NAME]... [--from T] [--to "
        "T]\n"
        "                    [--every 15min|hour|day|month] [--table FILE] [--centre-key KEY]...\n"
        "                    [--csv | --json | --html | --xlsx FILE] [-o FILE]\n"
        "                    [--issue [--by ACCOUNT]]\n"
        "\n"
        "Prints what cumulative registers counted in each interval, between the readings nearest\n"
        "to its two boundaries. What cannot be said of one interval is unallocated, what a reset\n"
        "or an exchange has hidden is unknown, and nothing is filled in. Says the maximum demand,\n"
        "and whether receipts of the required centres cover it all (final) or not yet\n"
        "(preliminary).\n"
        "\n"
        "  -c, --config FILE    the configuration; otherwise tally.yaml in this folder, then\n"
        "                       /etc/tally/tally.yaml\n"
        "      --drivers DIR    where the drivers are, instead of gateway.drivers\n"
        "      --ledger DIR     the ledger's folder, with no configuration\n"
        "  NAME                 a register, such as main-meter.active-energy-import; or a group of "
        "the\n"
        "                       configuration, or a meter of the table\n"
        "      --site           the site's groups, a section for each kind: electricity, gas ...\n"
        "      --point NAME     a register, such as main-meter.active-energy-import; may be given\n"
        "                       several times\n"
        "      --plus NAME      a register that is added to the sum; may be given several times\n"
        "      --minus NAME     a register that is taken from the sum; may be given several times\n"
        "      --meter NAME     a meter of the table, which is a sum; may be given several times\n"
        "      --from T         from then on; T is RFC 3339, a date or a time in the site's zone,\n"
        "                       -1h (also s, min, d, w) or now\n"
        "      --to T           before then\n"
        "      --every WORD     15min, hour, day or month (of the site); day if not stated\n"
        "      --table FILE     roll-overs and exchanges of registers, sums, tariff, coal\n"
        "                       equivalent: tally-energy(5)\n"
        "      --centre-key KEY a centre whose receipt must cover it, beside those of the\n"
        "                       configuration: a file with its public key, PEM or a verifier's "
        "line\n"
        "      --csv            CSV (RFC 4180)\n"
        "      --json           JSON\n"
        "      --html           a page to print, with pictures, that needs no other file\n"
        "      --xlsx FILE      a workbook with charts, written there\n"
        "  -o, --output FILE    write it there, whole or not at all\n"
        "      --issue          put on record that this file was issued, by its SHA-256\n"
        "      --by ACCOUNT     who issues it; otherwise the account that runs this\n"
        "  -h, --help           print this\n",
    .letters = "c:ho:",
    .options = options,
    .arguments = 1 + NAMES_MAX,
    .run = run};
