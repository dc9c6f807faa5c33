// tally certificate: which words it takes.
#include "certificates/certificate.h"

#include "common/statement.h"

#include <string.h>

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"due", required_argument, NULL, 'd'},
                                        {"no-due", no_argument, NULL, 'n'},
                                        {"valid-until", required_argument, NULL, 'v'},
                                        {"quantity", required_argument, NULL, 'q'},
                                        {"svg", required_argument, NULL, 's'},
                                        {"trusted", required_argument, NULL, 'T'},
                                        {"signed", no_argument, NULL, 'S'},
                                        {"at", required_argument, NULL, 'a'},
                                        {"reason", required_argument, NULL, 'r'},
                                        {"by", required_argument, NULL, 'b'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

// Whether a date that was given is one; else it is said.
static bool is_date(const struct command *command, const char *option, const char *text)
{
    int64_t day;
    if (!text || certificate_parse_date(text, &day) == OK) {
        return true;
    }
    command_misused(command, "%s %s: expected a date, as 2027-03-01", option, text);
    return false;
}

static int perform(struct certificate_request *request, const char *word)
{
    if (strcmp(word, "add") == 0) {
        return certificate_add(request);
    }
    if (strcmp(word, "end") == 0) {
        return certificate_end(request);
    }
    return strcmp(word, "list") == 0 ? certificate_list(request) : certificate_show(request);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct certificate_request request = {.command = command};
    int option, status;
    while ((option = command_option(command, argc, argv, &request.place, &status)) > 0) {
        switch (option) {
        case 'd': request.due = optarg; break;
        case 'n': request.no_due = true; break;
        case 'v': request.valid_until = optarg; break;
        case 's': request.svg = optarg; break;
        case 'T': request.trusted = optarg; break;
        case 'S': request.signed_only = true; break;
        case 'a': request.at = optarg; break;
        case 'r': request.reason = optarg; break;
        case 'b': request.by = optarg; break;
        case 'q':
            if (!text_is_name(optarg, 32) || request.quantity_count == CERTIFICATE_QUANTITIES_MAX) {
                return command_misused(command, "--quantity %s: expected a name as dew-point",
                                       optarg);
            }
            request.quantities[request.quantity_count++] = optarg;
            break;
        }
    }
    if (option < 0) {
        return status;
    }
    const char *word = optind < argc ? argv[optind] : "";
    bool adds = strcmp(word, "add") == 0, shows = strcmp(word, "show") == 0,
         ends = strcmp(word, "end") == 0;
    if (!adds && !shows && !ends && strcmp(word, "list") != 0) {
        return command_misused(command, "expected add, list, show or end");
    }
    if (argc - optind != (adds || shows || ends ? 2 : 1)) {
        return command_misused(command, adds || shows ? "of which file?"
                                        : ends        ? "which certificate?"
                                                      : "list takes no file");
    }
    if (ends && !(request.at && statement_is_reason(request.reason))) {
        return command_misused(
            command,
            "end: expected --at, when it was adjusted or repaired, and --reason, "
            "in 1 to %d bytes on one line",
            STATEMENT_REASON_MAX);
    }
    if (request.by && !statement_is_account(request.by)) {
        return command_misused(command, "--by: '%s' is no account", request.by);
    }
    if ((!ends && (request.at || request.reason || request.by)) ||
        (!adds && (request.signed_only || (request.trusted && !shows))) ||
        (!adds &&
         (request.due || request.no_due || request.valid_until || request.quantity_count)) ||
        (request.svg && !shows)) {
        return command_misused(command, "dates and --quantity go with add, --svg with show, --at, "
                                        "--reason and --by with end");
    }
    if (request.due && request.no_due) {
        return command_misused(command, "--due or --no-due, not both");
    }
    if (!is_date(command, "--due", request.due) ||
        !is_date(command, "--valid-until", request.valid_until)) {
        return EXIT_MISUSE;
    }
    request.file = argv[optind + 1];
    status = perform(&request, word);
    place_free(&request.place);
    return status;
}

const struct command command_certificate = {
    .name = "tally certificate",
    .summary = "take in, list, show and end certificates",
    .usage =
        "usage: tally certificate add FILE [--due DATE | --no-due] [--valid-until DATE]\n"
        "                             [--quantity NAME]... [--trusted PATH] [--signed] [-c FILE]\n"
        "       tally certificate list [-c FILE]\n"
        "       tally certificate show FILE [--trusted PATH] [--svg FILE]\n"
        "       tally certificate end CERT --at T --reason TEXT [--by ACCOUNT] [-c FILE]\n"
        "\n"
        "A certificate is a DCC (XML) or a paper one copied into YAML. `add` checks that it is of\n"
        "an instrument that is configured, shows what it says, puts it into the data folder, and\n"
        "has the daemon take it, which puts it on record. Readings are corrected by it from then\n"
        "on, those before stay as they are. Of several the one performed last is in force.\n"
        "An adjustment or a repair ends it: from `end` on, which the running daemon puts on\n"
        "record, readings have no certificate until a later one is added. CERT is its file, its\n"
        "number, or the first digits of its SHA-256.\n"
        "\n"
        "      --due DATE     when the next calibration is due, where the certificate does not "
        "say\n"
        "      --no-due       it is never due\n"
        "      --valid-until DATE\n"
        "                     when its legal validity ends, likewise\n"
        "      --quantity NAME\n"
        "                     of which quantity of the driver it is, where it does not say and "
        "the\n"
        "                     unit leaves a doubt; again for the next such one\n"
        "      --trusted PATH a file or folder of certificates (PEM) of those whose signatures "
        "are\n"
        "                     trusted, or who issued theirs; otherwise gateway.trusted_signers\n"
        "      --signed       take it only if it is signed by one of them\n"
        "      --svg FILE     draw the errors\n"
        "      --at T         when the instrument was adjusted or repaired; T as for `tally "
        "history`\n"
        "      --reason TEXT  what was done; it goes into the ledger\n"
        "      --by ACCOUNT   who says so; otherwise the account that runs this\n"
        "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
        "                     /etc/tally/tally.yaml\n"
        "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
        "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = 2,
    .run = run};
