// tally job: ties a stretch of readings to an item or an order, and reports it.
#include "jobs/job.h"

#include "common/moment.h"
#include "common/statement.h"

#include <string.h>

enum action { START, STOP, LIST, REPORT, ACTIONS };

// Options that an action takes, by their letters.
static const struct {
    const char *name, *options;
    bool needs_code;
    int (*perform)(const struct job_request *request);
} actions[ACTIONS] = {
    [START] = {"start", "Jiodpb", false, job_start},
    [STOP] = {"stop", "rnb", true, job_stop},
    [LIST] = {"list", "iodftj", false, job_list},
    [REPORT] = {"report", "jvHaekOIb", true, job_report},
};

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"ledger", required_argument, NULL, PLACE_LEDGER},
                                        {"control", required_argument, NULL, PLACE_CONTROL},
                                        {"job", required_argument, NULL, 'J'},
                                        {"instrument", required_argument, NULL, 'd'},
                                        {"item", required_argument, NULL, 'i'},
                                        {"order", required_argument, NULL, 'o' + 256},
                                        {"operator", required_argument, NULL, 'p'},
                                        {"by", required_argument, NULL, 'b'},
                                        {"result", required_argument, NULL, 'r'},
                                        {"note", required_argument, NULL, 'n'},
                                        {"from", required_argument, NULL, 'f'},
                                        {"to", required_argument, NULL, 't'},
                                        {"readings", no_argument, NULL, 'a'},
                                        {"centre-key", required_argument, NULL, 'k'},
                                        {"export", required_argument, NULL, 'e'},
                                        {"output", required_argument, NULL, 'o'},
                                        {"issue", no_argument, NULL, 'I'},
                                        {"csv", no_argument, NULL, 'v'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"html", no_argument, NULL, 'H'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

// One more of an option that may be given often.
static int add(const struct job_request *request, const char *name, const char **list, size_t max,
               size_t *count)
{
    if (*count == max) {
        return command_misused(request->command, "more than %zu of --%s", max, name);
    }
    list[(*count)++] = optarg;
    return EXIT_GOOD;
}

static const char *name_of(int option)
{
    const struct option *known = options;
    while (known->name && known->val != option) {
        known++;
    }
    return known->name ? known->name : "";
}

static int take(struct job_request *request, int option)
{
    const struct {
        int option;
        const char **out;
    } words[] = {{'J', &request->code},        {'i', &request->item},  {'o' + 256, &request->order},
                 {'p', &request->operated_by}, {'b', &request->by},    {'r', &request->result},
                 {'n', &request->note},        {'f', &request->from},  {'t', &request->to},
                 {'e', &request->export},      {'o', &request->output}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].option == option) {
            *words[i].out = optarg;
            return EXIT_GOOD;
        }
    }
    switch (option) {
    case 'd':
        return add(request, "instrument", request->instruments, JOB_INSTRUMENTS_MAX,
                   &request->instrument_count);
    case 'k':
        return add(request, "centre-key", request->centres, BOUNDS_CENTRES_MAX,
                   &request->centre_count);
    case 'a': request->form.readings = true; break;
    case 'I': request->issue = true; break;
    case 'v': request->form.csv = true; break;
    case 'j': request->form.json = true; break;
    default: request->form.html = true; break;
    }
    return EXIT_GOOD;
}

// --- what belongs together ----------------------------------------------------------------------

// What is wrong with the words that are to go on record, or NULL.
static const char *check_statement(const struct job_request *request)
{
    const char *const words[] = {request->item, request->order, request->operated_by,
                                 request->result, request->note};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i] && !job_words_are_valid(words[i])) {
            return "--item, --order, --operator, --result, --note: expected 1 to 200 bytes of text "
                   "that can be seen, without blanks at its ends";
        }
    }
    if (request->by && !statement_is_account(request->by)) {
        return "--by: expected an account, 1 to 32 letters, digits, '.', '_' and '-'";
    }
    if (request->code && !job_code_is_valid(request->code)) {
        return "expected a job's code: 1 to 64 bytes of text that can be seen, without blanks, "
               "quotes and backslashes, and not beginning with '-'";
    }
    return NULL;
}

static const char *check_start(const struct job_request *request)
{
    if (!request->instrument_count) {
        return "on which instrument? give --instrument NAME";
    }
    for (size_t i = 0; i < request->instrument_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(request->instruments[i], request->instruments[k]) == 0) {
                return "the same --instrument twice";
            }
        }
    }
    return request->item || request->order ? NULL : "of what? give --item or --order";
}

static const char *check_report(const struct job_request *request)
{
    const struct job_form *form = &request->form;
    if (form->csv + form->json + form->html > 1) {
        return "--csv, --json and --html exclude each other";
    }
    if (request->issue && !request->output) {
        return "--issue: which file is issued? give -o FILE";
    }
    return request->by && !request->issue ? "--by is for --issue" : NULL;
}

static const char *check(const struct job_request *request, enum action action)
{
    const char *wrong = check_statement(request);
    if (!wrong && action == START) {
        wrong = check_start(request);
    }
    return !wrong && action == REPORT ? check_report(request) : wrong;
}

// --- the command line ---------------------------------------------------------------------------

static int find_action(const char *word, enum action *action)
{
    for (int i = 0; i < ACTIONS; i++) {
        if (word && strcmp(word, actions[i].name) == 0) {
            *action = (enum action)i;
            return EXIT_GOOD;
        }
    }
    return EXIT_MISUSE;
}

// The options given are remembered, since which action they are for may be said behind them.
static int read_options(struct job_request *request, int argc, char **argv, char *given,
                        size_t room)
{
    int status = EXIT_GOOD, option;
    while ((option = command_option(request->command, argc, argv, &request->place, &status)) > 0) {
        size_t length = strlen(given);
        int letter = option == 'o' + 256 ? 'o' : option == 'o' ? 'O' : option;
        if (length + 1 < room && !strchr(given, letter)) {
            given[length] = (char)letter;
        }
        status = take(request, option);
        if (status != EXIT_GOOD) {
            return status;
        }
    }
    return option < 0 ? (status == EXIT_GOOD ? -1 : status) : EXIT_GOOD;
}

static int check_all(struct job_request *request, int count, char **words, const char *given,
                     enum action *action)
{
    const struct command *command = request->command;
    if (find_action(count ? words[0] : NULL, action)) {
        return command_misused(command, "expected start, stop, list or report");
    }
    for (const char *letter = given; *letter; letter++) {
        if (!strchr(actions[*action].options, *letter)) {
            int option = *letter == 'o' ? 'o' + 256 : *letter == 'O' ? 'o' : *letter;
            return command_misused(command, "%s takes no --%s", actions[*action].name,
                                   name_of(option));
        }
    }
    if (actions[*action].needs_code != (count == 2)) {
        return command_misused(
            command, actions[*action].needs_code ? "%s: which job?" : "%s takes no other word",
            actions[*action].name);
    }
    request->code = count == 2 ? words[1] : request->code;
    const char *wrong = check(request, *action);
    return wrong ? command_misused(command, "%s", wrong) : EXIT_GOOD;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct job_request request = {.command = command};
    char given[sizeof options / sizeof options[0] + 1] = "";
    enum action action = LIST;
    int64_t from_us, to_us;
    int status = read_options(&request, argc, argv, given, sizeof given);
    if (status != EXIT_GOOD) {
        return status < 0 ? EXIT_GOOD : status; // help was asked for
    }
    status = check_all(&request, argc - optind, argv + optind, given, &action);
    if (status == EXIT_GOOD) {
        status = moment_read_span(command, request.from, request.to, false, &from_us, &to_us);
    }
    status = status == EXIT_GOOD ? place_find(&request.place) : status;
    if (status == EXIT_GOOD && !request.place.ledger) {
        status = command_misused(command, "whose jobs? give -c FILE or --ledger DIR");
    }
    status = status == EXIT_GOOD ? actions[action].perform(&request) : status;
    place_free(&request.place);
    return status;
}

const struct command command_job = {
    .name = "tally job",
    .summary = "readings of an item or an order: start, stop, list, report",
    .usage =
        "usage: tally job start --instrument NAME... --item TEXT|--order TEXT [--job CODE]\n"
        "                       [--operator TEXT] [--by ACCOUNT] [-c FILE | --ledger DIR]\n"
        "       tally job stop JOB [--result TEXT] [--note TEXT] [--by ACCOUNT]\n"
        "                       [-c FILE | --ledger DIR]\n"
        "       tally job list [--instrument NAME]... [--item TEXT] [--order TEXT] [--from T]\n"
        "                       [--to T] [--json] [-c FILE | --ledger DIR]\n"
        "       tally job report JOB [--readings] [--csv | --json | --html] [-o FILE]\n"
        "                       [--centre-key KEY]... [--export FILE] [--issue [--by ACCOUNT]]\n"
        "                       [-c FILE | --ledger DIR]\n"
        "\n"
        "Ties the readings of instruments, from start to stop, to an item or an order, on record\n"
        "in the ledger. The report has what was read, missed and flagged, the limits, alarms and\n"
        "certificates then, and the blocks that prove it. It is preliminary until receipts of\n"
        "the required centres cover all of them.\n"
        "\n"
        "      --instrument NAME  an instrument of the job, as in the configuration; up to 16\n"
        "      --item TEXT        the code of the item or sample\n"
        "      --order TEXT       the work order\n"
        "      --operator TEXT    who operates\n"
        "      --job CODE         the job's code, never used before; otherwise one is made of the\n"
        "                         day and a number\n"
        "      --result TEXT      what came out\n"
        "      --note TEXT        what else there is to say\n"
        "      --by ACCOUNT       who starts, stops or issues; otherwise the account that runs "
        "the\n"
        "                         command, which is recorded in any case\n"
        "      --from T           jobs that ran then or later; T is RFC 3339, a date or a time in\n"
        "                         the site's zone, -1h (also s, min, d, w) or now\n"
        "      --to T             jobs that ran before then\n"
        "      --readings         every reading and poll missed too\n"
        "      --csv              nothing but these, as CSV (RFC 4180)\n"
        "      --json             JSON\n"
        "      --html             a page to print\n"
        "  -o, --output FILE      into this file, instead of standard output\n"
        "      --centre-key KEY   a file with a centre's public key, to verify its receipt;\n"
        "                         those of the configuration's uplinks are known\n"
        "      --export FILE      the job's blocks, as `tally export` writes them: `tally verify`\n"
        "                         checks them without the gateway\n"
        "      --issue            puts on record that the file of -o was issued, by its SHA-256\n"
        "  -c, --config FILE      the configuration; otherwise tally.yaml in this folder, then\n"
        "                         /etc/tally/tally.yaml\n"
        "      --drivers DIR      where the drivers are, instead of gateway.drivers\n"
        "      --ledger DIR       the ledger's folder, with no configuration\n"
        "      --control PATH     the daemon's control socket, instead of that in the ledger's\n"
        "                         folder\n"
        "  -h, --help             print this\n",
    .letters = "c:o:h",
    .options = options,
    .arguments = 2,
    .run = run};
