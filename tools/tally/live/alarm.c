// tally alarm: which limits are raised, and that a person has seen them.
#include "tally.h"

#include "common/answer.h"
#include "common/show.h"
#include "common/statement.h"
#include "live/alarm_table.h"

#include <string.h>

#define ANSWER_MAX (16u << 20)
#define POINT_MAX  65

struct request {
    const char *point;       // NULL: list
    const char *by, *reason; // of an acknowledgement
    bool json;
};

static void print_list(const cJSON *answer)
{
    struct text out = text_make(ANSWER_MAX);
    const char *zone = answer_string(answer, "time_zone");
    show_set_zone(*zone ? zone : "UTC");
    alarm_table_append(&out, answer);
    if (!out.length) {
        text_append_string(&out, "no limit is raised\n");
    }
    fwrite(out.data, 1, out.failed ? 0 : out.length, stdout);
    text_free(&out);
}

// The request on the control socket.
static void write_request(const struct request *request, char *words, size_t size)
{
    const char *own = statement_account(), *by = request->by ? request->by : own;
    if (!request->point) {
        snprintf(words, size, "alarms");
    } else if (strcmp(by, own) == 0) {
        snprintf(words, size, "acknowledge %s %s %s", request->point, by, request->reason);
    } else {
        snprintf(words, size, "acknowledge %s %s %s (said from the account %s)", request->point, by,
                 request->reason, own);
    }
}

static int ask(const struct place *place, const struct request *request)
{
    char words[512];
    struct text raw = text_make(ANSWER_MAX);
    struct why why = {""};
    cJSON *answer = NULL;
    write_request(request, words, sizeof words);
    int error = answer_get(place->control, words, &raw, &answer, &why);
    if (error) {
        fprintf(stderr, "tally alarm: %s\n",
                error == ERROR_ABSENT ? "no daemon runs on that gateway" : why.text);
    } else if (request->point) {
        printf("acknowledged %s: %s\n", request->point, answer_string(answer, "limits"));
    } else if (request->json) {
        printf("%s\n", raw.data);
    } else {
        print_list(answer);
    }
    cJSON_Delete(answer);
    text_free(&raw);
    return error ? EXIT_FINDING : EXIT_GOOD;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"control", required_argument, NULL, PLACE_CONTROL},
                                        {"by", required_argument, NULL, 'b'},
                                        {"reason", required_argument, NULL, 'r'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static bool is_point(const char *point)
{
    const char *dot = strchr(point, '.');
    char instrument[33];
    if (!dot || dot - point > 32 || strlen(point) > POINT_MAX) {
        return false;
    }
    snprintf(instrument, sizeof instrument, "%.*s", (int)(dot - point), point);
    return text_is_name(instrument, 32) && text_is_name(dot + 1, 32);
}

// What is wrong with the words of the command line, or NULL.
static const char *check_words(struct request *request, char **words, int count)
{
    if (count == 1 && strcmp(words[0], "list") == 0) {
        return request->by || request->reason ? "list takes no --by and no --reason" : NULL;
    }
    if (count != 2 || strcmp(words[0], "acknowledge") != 0) {
        return "expected list, or acknowledge and a point";
    }
    request->point = words[1];
    if (request->json) {
        return "acknowledge takes no --json";
    }
    if (!is_point(request->point)) {
        return "expected a point as INSTRUMENT.QUANTITY";
    }
    if (request->by && !statement_is_account(request->by)) {
        return "--by: expected an account, 1 to 32 letters, digits, '.', '_' and '-'";
    }
    return statement_is_reason(request->reason)
               ? NULL
               : "--reason: expected why, in 1 to 300 bytes on one line";
}

static int run(const struct command *command, int argc, char **argv)
{
    struct place place = {0};
    struct request request = {0};
    int option, status;
    while ((option = command_option(command, argc, argv, &place, &status)) > 0) {
        switch (option) {
        case 'b': request.by = optarg; break;
        case 'r': request.reason = optarg; break;
        default: request.json = true; break;
        }
    }
    if (option < 0) {
        return status;
    }
    const char *wrong = check_words(&request, argv + optind, argc - optind);
    if (wrong) {
        return command_misused(command, "%s", wrong);
    }
    status = place_find(&place);
    if (status == EXIT_GOOD) {
        status = ask(&place, &request);
    }
    place_free(&place);
    return status;
}

const struct command command_alarm = {
    .name = "tally alarm",
    .summary = "limits that are raised; that a person has seen them",
    .usage =
        "usage: tally alarm list [--json] [-c FILE | --control PATH]\n"
        "       tally alarm acknowledge POINT --reason TEXT [--by ACCOUNT] [-c FILE | --control "
        "PATH]\n"
        "\n"
        "Asks the running daemon which limits are raised, or puts on record that a person has\n"
        "seen those of POINT (INSTRUMENT.QUANTITY), and what they say of it. What is acknowledged\n"
        "stays raised until the readings clear it; raised again, it is to be acknowledged again.\n"
        "\n"
        "      --by ACCOUNT   who has seen it; otherwise the account that runs the command, which\n"
        "                     is recorded in any case\n"
        "      --reason TEXT  what they say of it; it goes into the ledger\n"
        "      --json         the daemon's own answer: one line of JSON (docs/STATUS.md)\n"
        "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
        "                     /etc/tally/tally.yaml\n"
        "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
        "      --control PATH the daemon's control socket, with no configuration\n"
        "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = 2,
    .run = run};
