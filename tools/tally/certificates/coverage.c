// tally coverage: which share of the points, and of a period's readings, is under a certificate in
// order; and what falls due next.
#include "certificates/coverage.h"

#include "certificates/calibrated.h"
#include "common/moment.h"
#include "common/show.h"
#include "common/times.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define LEDGERS_MAX 10000 // folders

// --- what is counted ----------------------------------------------------------------------------

void coverage_free(struct coverage *coverage)
{
    free(coverage->rows);
    free(coverage->dues);
    free(coverage->ended);
}

size_t coverage_row(struct coverage *coverage, const char *site, const char *kind)
{
    for (size_t i = 0; i < coverage->row_count; i++) {
        if (strcmp(coverage->rows[i].site, site) == 0 &&
            strcmp(coverage->rows[i].kind, kind) == 0) {
            return i;
        }
    }
    struct coverage_row *grown = realloc(coverage->rows, (coverage->row_count + 1) * sizeof *grown);
    if (!grown) {
        return SIZE_MAX;
    }
    coverage->rows = grown;
    struct coverage_row *row = &grown[coverage->row_count];
    *row = (struct coverage_row){.site = ""};
    snprintf(row->site, sizeof row->site, "%s", site);
    snprintf(row->kind, sizeof row->kind, "%s", kind);
    return coverage->row_count++;
}

struct coverage_due *coverage_add_due(struct coverage *coverage, const char *site,
                                      const char *serial, const char *number, int64_t day)
{
    for (size_t i = 0; i < coverage->due_count; i++) {
        struct coverage_due *due = &coverage->dues[i];
        if (strcmp(due->serial, serial) == 0 && strcmp(due->number, number) == 0 &&
            strcmp(due->site, site) == 0) {
            return due;
        }
    }
    struct coverage_due *grown = realloc(coverage->dues, (coverage->due_count + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    coverage->dues = grown;
    struct coverage_due *due = &grown[coverage->due_count++];
    *due = (struct coverage_due){.day = day};
    snprintf(due->site, sizeof due->site, "%s", site);
    snprintf(due->serial, sizeof due->serial, "%s", serial);
    snprintf(due->number, sizeof due->number, "%s", number);
    return due;
}

struct coverage_ended *coverage_add_ended(struct coverage *coverage)
{
    struct coverage_ended *grown =
        realloc(coverage->ended, (coverage->ended_count + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    coverage->ended = grown;
    grown[coverage->ended_count] = (struct coverage_ended){.at_us = 0};
    return &grown[coverage->ended_count++];
}

// --- a gateway, as it is configured -------------------------------------------------------------

static bool count_point(struct coverage *coverage, const struct config_instrument *instrument,
                        const struct driver_quantity *quantity,
                        const struct calibration *calibration)
{
    size_t row = coverage_row(coverage, coverage->place.config->site.code, quantity->kind);
    if (row == SIZE_MAX) {
        return false;
    }
    coverage->rows[row].count.points++;
    coverage->rows[row].count.covered +=
        calibration->entry && coverage->now_us < calibration->overdue_us;
    if (calibration->ended) {
        struct coverage_ended *ended = coverage_add_ended(coverage);
        if (!ended) {
            return false;
        }
        snprintf(ended->point, sizeof ended->point, "%s.%s", instrument->name, quantity->name);
        snprintf(ended->number, sizeof ended->number, "%s", calibration->ended->certificate->id);
        ended->at_us = calibration->ended->ended->at_us;
    }
    return true;
}

static bool count_points(struct coverage *coverage, const struct calibrations *calibrations)
{
    const struct config *config = coverage->place.config;
    bool good = true;
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        for (size_t slot = 0; good && slot < instrument->quantity_count; slot++) {
            const struct driver_quantity *quantity = instrument->quantities[slot];
            good = quantity->type == TYPE_STRING || // a text is not measured
                   count_point(coverage, instrument, quantity, &calibrations->of[i][slot]);
        }
    }
    for (size_t i = 0; good && i < calibrations->used_count; i++) {
        const struct certificate *certificate = calibrations->used[i].entry->certificate;
        int64_t day = shelf_last_day(certificate);
        good = day == CERTIFICATE_NO_DATE ||
               coverage_add_due(coverage, config->site.code, certificate->serial, certificate->id,
                                day);
    }
    return good;
}

static int say(const struct coverage *coverage, const char *folder, const struct why *why)
{
    fprintf(stderr, "%s: %s: %s\n", coverage->command->name, folder, why->text);
    return EXIT_FINDING;
}

static int look_at_gateway(struct coverage *coverage)
{
    struct calibrated calibrated;
    struct ledger_reader *reader;
    struct why why = {"out of memory"};
    int status = calibrated_open(&calibrated, coverage->command, &coverage->place);
    if (status == EXIT_GOOD && !count_points(coverage, calibrated.calibrations)) {
        status = say(coverage, coverage->place.ledger, &why);
    }
    calibrated_close(&calibrated);
    if (status != EXIT_GOOD || !coverage_has_period(coverage)) {
        return status;
    }
    int error = ledger_reader_open(&reader, coverage->place.ledger, &why);
    if (!error) {
        error = coverage_read_ledger(coverage, reader, false, &why);
        ledger_reader_close(reader);
    }
    return error ? say(coverage, coverage->place.ledger, &why) : EXIT_GOOD;
}

// --- ledgers alone ------------------------------------------------------------------------------

struct folder {
    const char *path;
    char gateway[BLOCK_ORIGIN_MAX + 1]; // the origin without the log's own id
    int64_t closed_us;                  // of its last block
};

// Whether it is the log that its gateway writes now, of those there are.
static bool is_latest(const struct folder *folders, size_t count, size_t i)
{
    for (size_t k = 0; k < count; k++) {
        if (k != i && strcmp(folders[k].gateway, folders[i].gateway) == 0 &&
            (folders[k].closed_us > folders[i].closed_us ||
             (folders[k].closed_us == folders[i].closed_us && k < i))) {
            return false;
        }
    }
    return true;
}

static int look_into(struct folder *folder, struct why *why)
{
    struct ledger_reader *reader;
    uint64_t first, size;
    struct times times = {.closed_us = INT64_MIN};
    int error = ledger_reader_open(&reader, folder->path, why);
    if (error) {
        return error;
    }
    const char *origin = ledger_reader_origin(reader), *end = strrchr(origin, '/');
    snprintf(folder->gateway, sizeof folder->gateway, "%.*s",
             (int)(end ? (size_t)(end - origin) : strlen(origin)), origin);
    error = ledger_reader_extent(reader, &first, &size, why);
    if (!error && first < size) {
        error = times_of_block(reader, size - 1, &times, why);
    }
    folder->closed_us = times.closed_us;
    ledger_reader_close(reader);
    return error;
}

static int count_folder(struct coverage *coverage, const struct folder *folder, bool now,
                        struct why *why)
{
    struct ledger_reader *reader;
    int error = ledger_reader_open(&reader, folder->path, why);
    if (!error) {
        error = coverage_read_ledger(coverage, reader, now, why);
        ledger_reader_close(reader);
    }
    return error;
}

static int look_at_ledgers(struct coverage *coverage, char **paths, size_t count)
{
    struct folder *folders = calloc(count, sizeof *folders);
    struct why why = {"out of memory"};
    int error = folders ? OK : ERROR_MEMORY;
    size_t at = 0;
    for (size_t i = 0; !error && i < count; i++) {
        at = i;
        folders[i].path = paths[i];
        error = look_into(&folders[i], &why);
    }
    for (size_t i = 0; !error && i < count; i++) {
        at = i;
        error = count_folder(coverage, &folders[i], is_latest(folders, count, i), &why);
    }
    free(folders);
    return error ? say(coverage, paths[at], &why) : EXIT_GOOD;
}

// --- the command --------------------------------------------------------------------------------

static int perform(struct coverage *coverage, char **paths, size_t count)
{
    int status = count ? EXIT_GOOD : place_find(&coverage->place);
    if (status != EXIT_GOOD) {
        return status;
    }
    show_set_zone(count ? "UTC" : coverage->place.config->site.time_zone);
    status = moment_read_span(coverage->command, coverage->from, coverage->to, true,
                              &coverage->from_us, &coverage->to_us);
    if (status != EXIT_GOOD) {
        return status;
    }
    coverage->now_us = clock_wall_us(&clock_system);
    status = count ? look_at_ledgers(coverage, paths, count) : look_at_gateway(coverage);
    if (status == EXIT_GOOD) {
        coverage_print(coverage);
    }
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
    size_t count = (size_t)(argc - optind);
    if (count && (coverage.place.path || coverage.place.drivers)) {
        return command_misused(command, "ledgers are looked at without a configuration");
    }
    status = moment_read_span(command, coverage.from, coverage.to, false, &coverage.from_us,
                              &coverage.to_us);
    status = status == EXIT_GOOD ? perform(&coverage, argv + optind, count) : status;
    coverage_free(&coverage);
    place_free(&coverage.place);
    return status;
}

const struct command command_coverage = {
    .name = "tally coverage",
    .summary = "what is under a certificate in order, and what falls due",
    .usage =
        "usage: tally coverage [--from T] [--to T] [--json] [-c FILE | DIR...]\n"
        "\n"
        "Prints by site and kind of quantity how many points are under a certificate that is in\n"
        "order now, with a period also how many of its readings were, as recorded; which\n"
        "certificates are overdue or fall due within 30, 60 and 90 days; and which points have\n"
        "none since theirs has ended. DIR is the folder of a ledger, a gateway's or a centre's\n"
        "half of one: of several sites all at once, as their latest blocks say.\n"
        "\n"
        "      --from T       the period, from then on; T as for `tally history`; with DIR a time\n"
        "                     without zone is UTC\n"
        "      --to T         before then\n"
        "      --json         for programs\n"
        "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
        "                     /etc/tally/tally.yaml\n"
        "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
        "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = LEDGERS_MAX,
    .run = run};
