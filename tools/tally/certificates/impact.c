// tally impact: what an error found before an adjustment touches.
#include "certificates/impact.h"

#include "common/moment.h"
#include "common/naming.h"
#include "report/logs.h"

#include <stdlib.h>
#include <string.h>

// What each log has on record: those set aside that may hold something of the time, then the
// current one.
static int open_logs(struct impact_touched *touched, const struct impact *impact,
                     const char *command, const struct logs *logs, struct ledger_reader *reader,
                     struct why *why)
{
    int64_t from_us, to_us;
    size_t count = 0;
    int error = OK;
    impact_whole_span(impact, &from_us, &to_us);
    for (size_t i = 0; i < logs->count && !error; i++) {
        const struct older_log *log = &logs->list[i];
        if (log->ended_us < from_us || log->begin_us >= to_us) {
            continue;
        }
        if (!log->reader) {
            fprintf(stderr, "%s: the log in %s is left out: %s\n", command, log->folder, log->why);
            continue;
        }
        error = impact_touched_open(&touched[count], log->reader, log->folder, why);
        touched[count].next = &touched[count + 1];
        count++;
    }
    return error ? error : impact_touched_open(&touched[count], reader, "", why);
}

static int read_logs(struct impact *impact, const struct impact_request *request,
                     const struct logs *logs, struct ledger_reader *reader, struct why *why)
{
    struct impact_touched *touched = calloc(LOGS_MAX + 1, sizeof *touched);
    if (!touched) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    struct impact_print print = {.form = request->form, .impact = impact, .touched = touched};
    int error = open_logs(touched, impact, request->command->name, logs, reader, why);
    if (!error) {
        impact_print_head(&print);
        error = impact_read(impact, request->command->name, touched,
                            request->form == ROWS_TABLE ? NULL : impact_print_row, &print, why);
    }
    if (!error) {
        impact_print_end(&print);
    }
    for (size_t i = 0; i <= LOGS_MAX; i++) {
        impact_touched_free(&touched[i]);
    }
    free(touched);
    return error;
}

static int read_and_print(struct impact *impact, const struct impact_request *request,
                          struct ledger_reader *reader)
{
    struct naming naming = {.reader = reader};
    struct why why = {"out of memory"};
    uint64_t first, size;
    int status = naming_now(&naming, request->command->name, &first, &size) == OK
                     ? impact_find_span(impact, request)
                     : EXIT_FINDING;
    struct logs *logs = status == EXIT_GOOD ? calloc(1, sizeof *logs) : NULL;
    if (status != EXIT_GOOD) {
        return status;
    }
    int error = logs ? logs_find(logs, request->place.ledger, &why) : ERROR_MEMORY;
    error = error ? error : read_logs(impact, request, logs, reader, &why);
    if (error) {
        fprintf(stderr, "%s: %s\n", request->command->name, why.text);
    }
    if (logs) {
        logs_free(logs);
    }
    free(logs);
    return EXIT_FINDING;
}

static int look(struct impact *impact, const struct impact_request *request)
{
    struct ledger_reader *reader;
    struct why why = {""};
    int status = impact_weigh(impact, request);
    if (status != EXIT_GOOD) {
        return status;
    }
    if (!impact->touched) {
        struct impact_print print = {.form = request->form, .impact = impact};
        impact_print_head(&print);
        impact_print_end(&print);
        return EXIT_GOOD;
    }
    if (ledger_reader_open(&reader, request->place.ledger, &why) != OK) {
        fprintf(stderr, "%s: %s\n", request->command->name, why.text);
        return EXIT_FINDING;
    }
    status = read_and_print(impact, request, reader);
    ledger_reader_close(reader);
    return status;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"ledger", required_argument, NULL, PLACE_LEDGER},
                                        {"tolerance", required_argument, NULL, 'l'},
                                        {"guarded", no_argument, NULL, 'g'},
                                        {"unadjusted", no_argument, NULL, 'u'},
                                        {"from", required_argument, NULL, 'f'},
                                        {"to", required_argument, NULL, 't'},
                                        {"csv", no_argument, NULL, 'v'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct impact_request request = {.command = command};
    int forms = 0, option, status;
    while ((option = command_option(command, argc, argv, &request.place, &status)) > 0) {
        forms += option == 'v' || option == 'j';
        switch (option) {
        case 'g': request.guarded = true; break;
        case 'u': request.unadjusted = true; break;
        case 'f': request.from = optarg; break;
        case 't': request.to = optarg; break;
        case 'v': request.form = ROWS_CSV; break;
        case 'j': request.form = ROWS_JSON; break;
        case 'l':
            if (request.tolerance_count == IMPACT_SUBJECTS_MAX) {
                return command_misused(command, "--tolerance: more than %d", IMPACT_SUBJECTS_MAX);
            }
            request.tolerances[request.tolerance_count++] = optarg;
            break;
        }
    }
    if (option < 0) {
        return status;
    }
    if (optind == argc) {
        return command_misused(command, "of which certificate?");
    }
    if (forms > 1) {
        return command_misused(command, "--csv and --json exclude each other");
    }
    request.certificate = argv[optind];
    int64_t from_us, to_us;
    status = moment_read_span(command, request.from, request.to, false, &from_us, &to_us);
    status = status == EXIT_GOOD ? place_find(&request.place) : status;
    if (status == EXIT_GOOD) {
        struct impact *impact = calloc(1, sizeof *impact);
        status = impact ? look(impact, &request) : EXIT_FINDING;
        if (impact) {
            impact_free(impact);
        }
        free(impact);
    }
    place_free(&request.place);
    return status;
}

const struct command command_impact = {
    .name = "tally impact",
    .summary = "what an error found before an adjustment touches",
    .usage =
        "usage: tally impact CERT [--tolerance [QUANTITY=]NUMBER[%]]... [--guarded] "
        "[--unadjusted]\n"
        "                    [--from T] [--to T] [--csv | --json] [-c FILE | --ledger DIR]\n"
        "\n"
        "Holds what a certificate states as found before an adjustment or a repair against the\n"
        "error that is permitted. When an error is beyond it, tells which readings of that\n"
        "quantity of the instrument are touched: those from the certificate before (else the\n"
        "first) until the day on which it was found, with how far each is off; and which jobs and\n"
        "issued reports hold such readings. Within the points\n"
        "the error is interpolated, outside of them it is not known. CERT is a certificate that\n"
        "was added: its file, its number, or the first digits of its SHA-256.\n"
        "\n"
        "Exit status: 0 nothing is beyond tolerance, 1 something is, 2 misuse.\n"
        "\n"
        "      --tolerance [QUANTITY=]NUMBER[%]\n"
        "                     the error that is permitted, in the quantity's unit or as a part of\n"
        "                     the indication; otherwise what this certificate or the one before\n"
        "                     states: a tolerance or a maximum permissible error\n"
        "      --guarded      beyond when |error| > tolerance - U; otherwise |error| > tolerance\n"
        "      --unadjusted   nothing was adjusted: the results are what was found\n"
        "      --from T       touched from then on; T as for `tally history`\n"
        "      --to T         touched before then\n"
        "      --csv          each reading that is touched, as CSV (RFC 4180)\n"
        "      --json         all of it, with each reading\n"
        "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
        "                     /etc/tally/tally.yaml\n"
        "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
        "      --ledger DIR   the ledger's folder, with no configuration\n"
        "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = 1,
    .run = run};
