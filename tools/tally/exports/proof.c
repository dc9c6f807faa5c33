// tally proof: that one block is in the signed log, as a C2SP tlog-proof.
#include "common/outfile.h"
#include "tally.h"

#include "archive/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct request {
    struct place place;
    const char *output;
    uint64_t n;
};

static int make_proof(const struct request *request, struct text *proof, struct why *why)
{
    struct ledger_reader *reader = NULL;
    struct text note = text_make(LEDGER_NOTE_MAX);
    uint64_t size;
    int error = ledger_reader_open(&reader, request->place.ledger, why);
    error = error ? error : ledger_reader_note(reader, LEDGER_CHECKPOINT, "", &note, &size, why);
    if (error == ERROR_ABSENT) {
        why_set(why, error,
                "this log is not signed: `tally key init` makes the gateway's key, and the daemon "
                "then signs within a minute");
    }
    error = error ? error : export_prove(reader, request->n, &note, proof, why);
    text_free(&note);
    ledger_reader_close(reader);
    return error;
}

static int perform(const struct request *request)
{
    struct why why = {""};
    struct text proof = text_make(EXPORT_PROOF_MAX);
    struct outfile file = {0};
    int error = make_proof(request, &proof, &why);
    if (!error && request->output) {
        error = outfile_open(&file, request->output, &why);
    }
    if (!error) {
        FILE *to = request->output ? file.to : stdout;
        if (fwrite(proof.data, 1, proof.length, to) != proof.length) {
            error = why_set(&why, ERROR_SYSTEM, "cannot write: %s", strerror(errno));
        }
        error = outfile_close(&file, error, &why);
    }
    if (error) {
        fprintf(stderr, "tally proof: %s\n", why.text);
    }
    text_free(&proof);
    return error ? EXIT_FINDING : EXIT_GOOD;
}

static bool read_number(const char *text, uint64_t *n)
{
    char *end;
    *n = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && *n <= INT64_MAX;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {0};
    int status;
    for (int option;
         (option = command_option(command, argc, argv, &request.place, &status)) != 0;) {
        if (option != 'o') {
            return status;
        }
        request.output = optarg;
    }
    if (optind + 1 != argc || !read_number(argv[optind], &request.n)) {
        return command_misused(command, "of which block? give its number");
    }
    status = place_find(&request.place);
    status = status == EXIT_GOOD ? perform(&request) : status;
    place_free(&request.place);
    return status;
}

const struct command command_proof = {
    .name = "tally proof",
    .summary = "the proof that a block is in the signed log",
    .letters = "c:o:h",
    .arguments = 1,
    .options = (const struct option[]){{"config", required_argument, NULL, PLACE_CONFIG},
                                       {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                       {"ledger", required_argument, NULL, PLACE_LEDGER},
                                       {"output", required_argument, NULL, 'o'},
                                       {"help", no_argument, NULL, 'h'},
                                       {NULL, 0, NULL, 0}},
    .usage = "usage: tally proof N [-c FILE | --ledger DIR] [-o FILE]\n"
             "\n"
             "Prints the proof (c2sp.org/tlog-proof) that block N is in the log that the last\n"
             "checkpoint signs. docs/AUDIT.md says how to check it by hand.\n"
             "\n"
             "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
             "                     /etc/tally/tally.yaml\n"
             "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
             "      --ledger DIR   the ledger's folder, with no configuration\n"
             "  -o, --output FILE  into this file, instead of standard output\n"
             "  -h, --help         print this\n",
    .run = run};
