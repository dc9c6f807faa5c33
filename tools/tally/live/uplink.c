// tally uplink: lets go of an uplink that nobody will acknowledge any more, so that it holds back
// pruning no longer.
#include "tally.h"

#include "common/answer.h"
#include "common/statement.h"
#include "config/config.h"

#include <string.h>

static int release(const struct place *place, const char *uplink, const char *reason)
{
    char request[512];
    struct text raw = text_make(1u << 16);
    struct why why = {""};
    cJSON *answer = NULL;
    snprintf(request, sizeof request, "release %s %s %s", uplink, statement_account(), reason);
    int error = answer_get(place->control, request, &raw, &answer, &why);
    if (error) {
        fprintf(stderr, "tally uplink: %s\n", error == ERROR_ABSENT ? ANSWER_NO_WRITER : why.text);
    } else {
        printf("released     %s: blocks are no longer kept for it\n", uplink);
    }
    cJSON_Delete(answer);
    text_free(&raw);
    return error ? EXIT_FINDING : EXIT_GOOD;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"control", required_argument, NULL, PLACE_CONTROL},
                                        {"reason", required_argument, NULL, 'r'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct place place = {0};
    const char *reason = NULL;
    int option, status;
    while ((option = command_option(command, argc, argv, &place, &status)) > 0) {
        reason = optarg;
    }
    if (option < 0) {
        return status;
    }
    if (argc - optind != 2 || strcmp(argv[optind], "release") != 0) {
        return command_misused(command, "expected release, and the name of an uplink");
    }
    if (!text_is_name(argv[optind + 1], 32)) {
        return command_misused(command, "'%s' is no name of an uplink", argv[optind + 1]);
    }
    if (!statement_is_reason(reason)) {
        return command_misused(command, "--reason: expected why, in 1 to %d bytes on one line",
                               STATEMENT_REASON_MAX);
    }
    status = place_find(&place);
    if (status == EXIT_GOOD) {
        status = release(&place, argv[optind + 1], reason);
    }
    place_free(&place);
    return status;
}

const struct command command_uplink = {
    .name = "tally uplink",
    .summary = "let go of an uplink that is no more",
    .usage = "usage: tally uplink release NAME --reason TEXT [-c FILE | --control PATH]\n"
             "\n"
             "Blocks are no longer kept until this uplink has acknowledged them. It must not be\n"
             "configured with `required: yes` any more. The running daemon puts it on record,\n"
             "with the account that asked and the reason.\n"
             "\n"
             "      --reason TEXT  why; it goes into the ledger\n"
             "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
             "                     /etc/tally/tally.yaml\n"
             "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
             "      --control PATH the daemon's control socket, with no configuration\n"
             "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = 2,
    .run = run};
