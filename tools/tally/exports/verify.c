// tally verify: whether an export, a ledger or two exports are as they were signed.
#include "common/progress.h"
#include "common/show.h"
#include "exports/findings.h"
#include "tally.h"

#include "archive/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX      (1u << 20)
#define RECEIPTS_MAX 32

struct request {
    const struct command *command;
    struct place place;
    const char *gateway; // --gateway-key
    const char *centres[BOUNDS_CENTRES_MAX];
    size_t centre_count;
    const char *receipts[RECEIPTS_MAX];
    size_t receipt_count;
    bool json;
    // Read:
    struct trusted_key gateway_key, centre_keys[BOUNDS_CENTRES_MAX];
    struct text receipt_notes[RECEIPTS_MAX];
    struct anchors anchors;
};

static int fail(const struct why *why)
{
    fprintf(stderr, "tally verify: %s\n", why->text);
    return EXIT_FINDING;
}

static int read_receipt(const char *path, struct text *note, struct why *why)
{
    char bytes[KEY_FILE_MAX + 1];
    size_t length;
    int error = key_file_read(path, bytes, &length, why);
    *note = text_make(NOTE_BYTES_MAX);
    if (!error) {
        text_append(note, bytes, length);
    }
    return error;
}

static int read_anchors(struct request *request, struct why *why)
{
    int error =
        request->gateway ? trusted_key_load(&request->gateway_key, request->gateway, why) : OK;
    for (size_t i = 0; i < request->centre_count && !error; i++) {
        error = trusted_key_load(&request->centre_keys[i], request->centres[i], why);
    }
    for (size_t i = 0; i < request->receipt_count && !error; i++) {
        error = read_receipt(request->receipts[i], &request->receipt_notes[i], why);
    }
    request->anchors = (struct anchors){.gateway = request->gateway ? &request->gateway_key : NULL,
                                        .centres = request->centre_keys,
                                        .centre_count = request->centre_count,
                                        .receipts = request->receipt_notes,
                                        .receipt_count = request->receipt_count};
    return error;
}

static int open_file(const char *path, FILE **out, struct why *why)
{
    *out = fopen(path, "rb");
    return *out ? OK : why_set(why, ERROR_SYSTEM, "cannot read %s: %s", path, strerror(errno));
}

// Prints what was found; EXIT_GOOD or EXIT_FINDING.
static int print(struct text *out, bool good)
{
    if (out->failed || fwrite(out->data, 1, out->length, stdout) != out->length || fflush(stdout)) {
        fprintf(stderr, "tally verify: cannot write what was found\n");
        good = false;
    }
    text_free(out);
    return good ? EXIT_GOOD : EXIT_FINDING;
}

static int print_verdict(const struct request *request, const char *name,
                         const struct verdict *verdict)
{
    struct text out = text_make(OUT_MAX);
    bool good = request->json ? findings_append_json(&out, name, verdict)
                              : findings_append(&out, name, verdict);
    text_append_string(&out, request->json ? "\n" : "");
    return print(&out, good);
}

static int verify_one(struct request *request, const char *path)
{
    struct why why = {""};
    struct verdict verdict;
    struct progress progress;
    FILE *from;
    if (open_file(path, &from, &why)) {
        return fail(&why);
    }
    progress_begin(&progress);
    int error =
        verify_export(&verdict, from, &request->anchors, progress_callback, &progress, &why);
    progress_end(&progress);
    fclose(from);
    return error ? fail(&why) : print_verdict(request, path, &verdict);
}

static int verify_place(struct request *request)
{
    struct why why = {""};
    struct verdict verdict;
    struct progress progress;
    struct ledger_reader *reader;
    if (ledger_reader_open(&reader, request->place.ledger, &why)) {
        return fail(&why);
    }
    progress_begin(&progress);
    int error =
        verify_ledger(&verdict, reader, &request->anchors, progress_callback, &progress, &why);
    progress_end(&progress);
    ledger_reader_close(reader);
    return error ? fail(&why) : print_verdict(request, request->place.ledger, &verdict);
}

// --- two of them

static void append_comparison(struct text *out, const char *const names[2],
                              const struct comparison *comparison)
{
    if (!comparison->same_log) {
        text_append_string(out, "they are not of one log: there is nothing to compare\n");
    } else if (comparison->differ) {
        text_append_format(out, "they differ: block %" PRIu64 " is not the same in both\n",
                           comparison->first_difference);
    } else if (comparison->from == comparison->to) {
        text_append_string(out, "they have no block in common\n");
    } else {
        text_append_format(out, "they agree on blocks %" PRIu64 " to %" PRIu64 "\n",
                           comparison->from, comparison->to - 1);
    }
    if (comparison->contradiction) {
        text_append_string(out, "the gateway has signed both, and they cannot both be true:\n");
        for (int i = 0; i < 2; i++) {
            text_append_string(out, "\n--- ");
            show_append_clean(out, names[i], SIZE_MAX);
            text_append_string(out, "\n");
            text_append(out, comparison->notes[i].data, comparison->notes[i].length);
        }
    }
}

static void append_comparison_json(struct text *out, const struct comparison *comparison)
{
    text_append_format(out, ",\"same_log\":%s,\"common\":[%" PRIu64 ",%" PRIu64 "]",
                       comparison->same_log ? "true" : "false", comparison->from, comparison->to);
    text_append_string(out, ",\"first_difference\":");
    if (comparison->differ) {
        text_append_format(out, "%" PRIu64, comparison->first_difference);
    } else {
        text_append_string(out, "null");
    }
    text_append_string(out, ",\"contradiction\":[");
    for (int i = 0; i < 2 && comparison->contradiction; i++) {
        text_append_string(out, i ? "," : "");
        text_append_json(out, comparison->notes[i].data);
    }
    text_append_string(out, "]");
}

static int print_comparison(const struct request *request, const char *const names[2],
                            const struct comparison *comparison)
{
    struct text out = text_make(OUT_MAX);
    bool good = comparison->same_log && !comparison->differ && comparison->from < comparison->to;
    text_append_string(&out, request->json ? "{\"exports\":[" : "");
    for (int i = 0; i < 2; i++) {
        text_append_string(&out, request->json && i ? "," : "");
        bool one = request->json ? findings_append_json(&out, names[i], &comparison->verdicts[i])
                                 : findings_append(&out, names[i], &comparison->verdicts[i]);
        good = one && good;
    }
    if (request->json) {
        text_append_string(&out, "]");
        append_comparison_json(&out, comparison);
        text_append_format(&out, ",\"good\":%s}\n", good ? "true" : "false");
    } else {
        append_comparison(&out, names, comparison);
    }
    return print(&out, good);
}

static int verify_two(struct request *request, char **paths)
{
    struct why why = {""};
    FILE *from[2] = {NULL, NULL};
    const char *const names[2] = {paths[0], paths[1]};
    struct comparison comparison = {0};
    int error = open_file(paths[0], &from[0], &why);
    error = error ? error : open_file(paths[1], &from[1], &why);
    error = error ? error : verify_compare(&comparison, from, &request->anchors, &why);
    int status = error ? fail(&why) : print_comparison(request, names, &comparison);
    comparison_free(&comparison);
    for (int i = 0; i < 2; i++) {
        if (from[i]) {
            fclose(from[i]);
        }
    }
    return status;
}

// --- the command line

static int perform(struct request *request, int count, char **paths)
{
    struct why why = {""};
    if (count > 2 || (count && (request->place.path || request->place.ledger))) {
        return command_misused(request->command, "one export, two to compare, or a ledger");
    }
    if (count != 2 && !request->gateway) {
        return command_misused(request->command,
                               "whose log is it? give --gateway-key, from whoever vouches for it");
    }
    if (read_anchors(request, &why)) {
        return fail(&why);
    }
    if (count == 2) {
        return verify_two(request, paths);
    }
    if (count == 1) {
        return verify_one(request, paths[0]);
    }
    int status = place_find(&request->place);
    return status == EXIT_GOOD ? verify_place(request) : status;
}

// One more of an option that may be given often.
static int add(const struct command *command, const char **list, size_t max, size_t *count)
{
    if (*count == max) {
        return command_misused(command, "more than %zu of one option", max);
    }
    list[(*count)++] = optarg;
    return EXIT_GOOD;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.command = command};
    int status = EXIT_GOOD;
    for (int option; status == EXIT_GOOD &&
                     (option = command_option(command, argc, argv, &request.place, &status));) {
        switch (option) {
        case 'g': request.gateway = optarg; break;
        case 'e':
            status = add(command, request.centres, BOUNDS_CENTRES_MAX, &request.centre_count);
            break;
        case 'r':
            status = add(command, request.receipts, RECEIPTS_MAX, &request.receipt_count);
            break;
        case 'j': request.json = true; break;
        default: return status;
        }
    }
    if (status == EXIT_GOOD) {
        status = perform(&request, argc - optind, argv + optind);
    }
    for (size_t i = 0; i < request.receipt_count; i++) {
        text_free(&request.receipt_notes[i]);
    }
    place_free(&request.place);
    return status;
}

const struct command command_verify = {
    .name = "tally verify",
    .summary = "check an export, a ledger, or two exports against each other",
    .letters = "c:h",
    .arguments = 2,
    .options = (const struct option[]){{"config", required_argument, NULL, PLACE_CONFIG},
                                       {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                       {"ledger", required_argument, NULL, PLACE_LEDGER},
                                       {"gateway-key", required_argument, NULL, 'g'},
                                       {"centre-key", required_argument, NULL, 'e'},
                                       {"receipt", required_argument, NULL, 'r'},
                                       {"json", no_argument, NULL, 'j'},
                                       {"help", no_argument, NULL, 'h'},
                                       {NULL, 0, NULL, 0}},
    .usage =
        "usage: tally verify FILE --gateway-key KEY [--centre-key KEY]... [--receipt NOTE]...\n"
        "       tally verify -c FILE | --ledger DIR --gateway-key KEY [--centre-key KEY]...\n"
        "       tally verify FILE FILE [--gateway-key KEY] [--centre-key KEY]...\n"
        "\n"
        "Checks an export or a ledger: that every block is there and as the gateway signed it, by\n"
        "when centres held it, and which readings are timed outside that. Two exports, of two\n"
        "holders, are checked and compared. Keys come from the gateway's owner and the centre,\n"
        "never from what is checked. Exit status 1 when anything is not as it was signed.\n"
        "\n"
        "      --gateway-key KEY  a file with the gateway's public key: PEM, or a line as\n"
        "                         `tally key show` prints it\n"
        "      --centre-key KEY   likewise a centre's\n"
        "      --receipt NOTE     a receipt that is known from elsewhere\n"
        "  -c, --config FILE      the gateway's configuration, for its ledger\n"
        "      --drivers DIR      where the drivers are, instead of gateway.drivers\n"
        "      --ledger DIR       the ledger's folder, with no configuration\n"
        "      --json             one line of JSON\n"
        "  -h, --help             print this\n",
    .run = run};
