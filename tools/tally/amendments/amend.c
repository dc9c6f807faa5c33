// tally amend: puts on record that a reading is not to be taken as it was recorded, and why; lists
// what was amended. The reading itself is never changed.
#include "tally.h"

#include "amendments/amend_find.h"
#include "amendments/amend_list.h"
#include "amendments/amendments.h"
#include "common/entry.h"
#include "common/show.h"
#include "common/statement.h"

#include "base/clock.h"
#include "ledger/ledger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX 65536

struct request {
    const struct command *command;
    struct place place;
    const char *point;   // NULL: of a list, all
    const char *at;      // NULL: list
    const char *block;   // as given; NULL: not
    const char *value;   // NULL: void, or undone
    bool voided, undone; // instead
    const char *by, *reason;
    bool json;
    // Found out:
    struct amend_sought sought;
    struct decimal decimal;
    struct naming naming;
    struct amendments amendments;
};

static int fail(const struct why *why)
{
    fprintf(stderr, "tally amend: %s\n", why->text);
    return EXIT_FINDING;
}

// --- what is to be amended ----------------------------------------------------------------------

static void append_reading(const struct request *request, const struct amend_reading *reading,
                           struct text *out)
{
    char utc[32];
    clock_format_utc(reading->t_us, utc);
    text_append_format(out, "%s of %s (", request->point, utc);
    show_append_local(out, reading->t_us);
    text_append_format(out, "), block %" PRIu64 ": ", reading->block);
    show_append_clean(out, *reading->recorded ? reading->recorded : "no number", SIZE_MAX);
    text_append_string(out, *reading->recorded ? " " : "");
    show_append_clean(out, *reading->recorded ? reading->unit : "", SIZE_MAX);
}

static int refuse_several(const struct request *request, const struct amend_found *found)
{
    struct text out = text_make(OUT_MAX);
    text_append_format(&out,
                       "tally amend: %zu readings are meant: give the time to the microsecond, or "
                       "--block\n",
                       found->count);
    for (size_t i = 0; i < found->count && i < AMEND_FOUND_MAX; i++) {
        text_append_string(&out, "  ");
        append_reading(request, &found->list[i], &out);
        text_append_string(&out, "\n");
    }
    if (found->count > AMEND_FOUND_MAX) {
        text_append_format(&out, "  … and %zu more\n", found->count - AMEND_FOUND_MAX);
    }
    fputs(out.data, stderr);
    text_free(&out);
    return EXIT_FINDING;
}

static int refuse_none(const struct request *request, const struct amend_found *found,
                       uint64_t first)
{
    const char *where = request->block ? request->block : "any block";
    if (*found->missed) {
        fprintf(stderr,
                "tally amend: %s has no reading of %s: the poll brought none (%s), and nothing "
                "that was never read can be amended\n",
                request->point, request->at, found->missed);
    } else {
        fprintf(stderr, "tally amend: %s has no reading of %s in %s%s", request->point, request->at,
                request->block ? "block " : "", where);
        if (first) {
            fprintf(stderr, "; blocks before %" PRIu64 " are kept no more", first);
        }
        fprintf(stderr, " (tally history prints the times of readings)\n");
    }
    return EXIT_FINDING;
}

// --- amending -----------------------------------------------------------------------------------

// What the amendment is to say. False, which is said: it would change nothing, or cannot be.
static bool compose(const struct request *request, const struct amend_reading *reading,
                    struct amendment *amendment)
{
    const struct amendment *before =
        amendments_find(&request->amendments, reading->block, reading->index);
    *amendment = (struct amendment){.block = reading->block,
                                    .index = reading->index,
                                    .point = reading->point,
                                    .t_us = reading->t_us,
                                    .kind = AMENDMENT_VOID,
                                    .reason = request->reason};
    memcpy(amendment->recorded, reading->recorded, sizeof amendment->recorded);
    memcpy(amendment->unit, reading->unit, sizeof amendment->unit);
    if (request->value) {
        amendment_set_value(amendment, request->decimal);
    }
    bool as_recorded = strcmp(amendment->value, amendment->recorded) == 0;
    if (request->undone || (before && as_recorded)) {
        amendment->kind = AMENDMENT_WITHDRAWN;
        amendment->value[0] = '\0';
    }
    const char *now = before ? before->value : amendment->recorded;
    const char *then =
        amendment->kind == AMENDMENT_WITHDRAWN ? amendment->recorded : amendment->value;
    if (reading->is_text) {
        fprintf(stderr, "tally amend: %s is a text: only numbers can be amended\n", request->point);
    } else if (request->undone && !before) {
        fprintf(stderr, "tally amend: it is not amended: there is nothing to undo\n");
    } else if (strcmp(now, then) == 0) {
        fprintf(stderr, "tally amend: it %s %s%s%s already: that amends nothing\n",
                before ? "is amended to" : "reads", *now ? now : "no number", *now ? " " : "",
                *now ? amendment->unit : "");
    } else {
        return true;
    }
    return false;
}

static void say(const struct request *request, const struct amend_reading *reading,
                const struct amendment *amendment, uint64_t n)
{
    struct text out = text_make(OUT_MAX);
    append_reading(request, reading, &out);
    text_append_string(&out, amendment->kind == AMENDMENT_VALUE  ? ", amended to "
                             : amendment->kind == AMENDMENT_VOID ? ", "
                                                                 : ", holds ");
    amendment_append_outcome(amendment, &out);
    text_append_format(&out, ": on record in block %" PRIu64 "\n", n);
    fputs(out.data, stdout);
    text_free(&out);
}

static int put(const struct request *request, const struct amend_reading *reading)
{
    struct why why = {""};
    struct amendment amendment;
    struct text body = text_make(ENTRY_BODY_MAX + 1);
    uint64_t n = 0;
    if (!compose(request, reading, &amendment)) {
        text_free(&body);
        return EXIT_FINDING;
    }
    int error = amendment_write(&amendment, &body);
    error = error ? why_set(&why, error, "the record has no form for this time or unit")
                  : entry_put(&request->place, AMENDMENT_KIND, request->by, request->point,
                              body.data, &n, &why);
    if (!error) {
        say(request, reading, &amendment, n);
    }
    text_free(&body);
    return error ? fail(&why) : EXIT_GOOD;
}

static int amend(struct request *request, uint64_t first)
{
    struct why why = {""};
    struct amend_found found;
    if (amend_parse_time(request->at, &request->sought.from_us, &request->sought.to_us) != OK) {
        return EXIT_MISUSE; // it was good before the zone was known
    }
    request->sought.naming = &request->naming;
    int error = amend_find(&request->sought, &found, &why);
    error = error ? error : amendments_load(&request->amendments, request->naming.reader, &why);
    if (error) {
        return fail(&why);
    }
    return found.count == 1  ? put(request, &found.list[0])
           : found.count > 1 ? refuse_several(request, &found)
                             : refuse_none(request, &found, first);
}

// --- listing ------------------------------------------------------------------------------------

static int list(struct request *request)
{
    struct why why = {""};
    int error = amendments_load(&request->amendments, request->naming.reader, &why);
    if (error) {
        return fail(&why);
    }
    amend_list_print(&request->amendments, request->point, request->json);
    return amendments_say_faults(&request->amendments, request->command->name) ? EXIT_FINDING
                                                                               : EXIT_GOOD;
}

// --- the command line ---------------------------------------------------------------------------

static bool read_block(struct request *request)
{
    char *end;
    if (!request->block) {
        return true;
    }
    request->sought.has_block = true;
    request->sought.block = strtoull(request->block, &end, 10);
    return *request->block >= '0' && *request->block <= '9' && !*end;
}

// What is wrong with a request to amend, or NULL.
static const char *check_amendment(struct request *request)
{
    int outcomes = (request->value != NULL) + request->voided + request->undone;
    int64_t from_us, to_us;
    if (request->json) {
        return "--json is of a list";
    }
    if (!request->at) {
        return "of which time? give --at TIME, as tally history prints it";
    }
    if (amend_parse_time(request->at, &from_us, &to_us) != OK) {
        return "--at: not the time of a reading (2026-11-24T05:39:36.120034Z, \"2026-11-24 "
               "13:39:36.120 +08:00\")";
    }
    if (!read_block(request)) {
        return "--block: expected the number of a block";
    }
    if (outcomes != 1) {
        return "amended to what? give one of --value NUMBER, --void and --undo";
    }
    if (request->value && decimal_parse(request->value, &request->decimal) != OK) {
        return "--value: expected a decimal number in the reading's unit, as 228.4";
    }
    if (request->by && !statement_is_account(request->by)) {
        return "--by: expected an account, 1 to 32 letters, digits, '.', '_' and '-'";
    }
    return statement_is_reason(request->reason)
               ? NULL
               : "--reason: expected why, in 1 to 300 bytes on one line";
}

// What is wrong with the words of the command line, or NULL.
static const char *check(struct request *request, char **words, int count)
{
    if (count >= 1 && strcmp(words[0], "list") == 0) {
        request->point = count > 1 ? words[1] : NULL;
        bool other = request->at || request->block || request->value || request->voided ||
                     request->undone || request->by || request->reason;
        return other ? "list takes a point, --json, and where the ledger is" : NULL;
    }
    if (count != 1) {
        return "expected list, or the point whose reading is to be amended";
    }
    request->point = words[0];
    return check_amendment(request);
}

static int perform(struct request *request)
{
    struct why why = {""};
    uint64_t first, size;
    if (!request->place.ledger) {
        return command_misused(request->command, "where is the ledger? give --config or --ledger");
    }
    if (ledger_reader_open(&request->naming.reader, request->place.ledger, &why)) {
        return fail(&why);
    }
    request->naming.name = request->point;
    int status = naming_now(&request->naming, request->command->name, &first, &size) ? EXIT_FINDING
                 : request->at ? amend(request, first)
                               : list(request);
    amendments_free(&request->amendments);
    ledger_reader_close(request->naming.reader);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.command = command};
    int option, status;
    while ((option = command_option(command, argc, argv, &request.place, &status)) > 0) {
        switch (option) {
        case 'a': request.at = optarg; break;
        case 'B': request.block = optarg; break;
        case 'v': request.value = optarg; break;
        case 'V': request.voided = true; break;
        case 'u': request.undone = true; break;
        case 'b': request.by = optarg; break;
        case 'r': request.reason = optarg; break;
        default: request.json = true; break;
        }
    }
    if (option < 0) {
        return status;
    }
    const char *wrong = check(&request, argv + optind, argc - optind);
    if (wrong) {
        return command_misused(command, "%s", wrong);
    }
    status = place_find(&request.place);
    status = status == EXIT_GOOD ? perform(&request) : status;
    place_free(&request.place);
    return status;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"ledger", required_argument, NULL, PLACE_LEDGER},
                                        {"at", required_argument, NULL, 'a'},
                                        {"block", required_argument, NULL, 'B'},
                                        {"value", required_argument, NULL, 'v'},
                                        {"void", no_argument, NULL, 'V'},
                                        {"undo", no_argument, NULL, 'u'},
                                        {"by", required_argument, NULL, 'b'},
                                        {"reason", required_argument, NULL, 'r'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

const struct command command_amend = {
    .name = "tally amend",
    .summary = "puts an amended value of a reading on record, beside the recorded one; lists them",
    .usage =
        "usage: tally amend POINT --at TIME [--block N] (--value V | --void | --undo)\n"
        "                   --reason TEXT [--by ACCOUNT] [-c FILE | --ledger DIR]\n"
        "       tally amend list [POINT] [--json] [-c FILE | --ledger DIR]\n"
        "\n"
        "Has the running daemon put on record what the indication of one reading of POINT\n"
        "(INSTRUMENT.QUANTITY) is amended to. The reading stays as it was recorded; history and\n"
        "reports show both. Of several amendments of a reading the last holds. `list` shows all,\n"
        "of a gateway's ledger or a centre's half of it.\n"
        "\n"
        "      --at TIME      the reading's, as tally history prints it; to as many digits as\n"
        "                     tell it from the others\n"
        "      --block N      … in this block\n"
        "      --value V      the amended value: a decimal in the unit of the point\n"
        "      --void         it has no value\n"
        "      --undo         what was recorded holds again\n"
        "      --reason TEXT  why; it goes into the ledger\n"
        "      --by ACCOUNT   who amends it; otherwise the account that runs the command, which "
        "is\n"
        "                     recorded in any case\n"
        "      --json         the list as JSON: an array, an element a line\n"
        "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
        "                     /etc/tally/tally.yaml\n"
        "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
        "      --ledger DIR   the ledger's folder, with no configuration\n"
        "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = 2,
    .run = run};
