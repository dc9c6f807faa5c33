// tally export: a stretch of a ledger as one file, with all that is needed to check it; or its
// readings as CSV.
#include "exports/export.h"

#include "amendments/amendments.h"
#include "common/moment.h"
#include "common/naming.h"
#include "common/outfile.h"
#include "common/progress.h"
#include "common/show.h"
#include "tally.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define SAID_MAX 65536

struct request {
    const struct command *command;
    struct place place;
    const char *point, *from, *to, *output, *format;
    bool amendments; // the blocks reach to those of their readings
    // Found out:
    struct ledger_reader *reader;
    uint64_t log_first, log_size;
    int64_t from_us, to_us;
};

static int fail(const struct why *why)
{
    fprintf(stderr, "tally export: %s\n", why->text);
    return EXIT_FINDING;
}

// --- the archive

// Amendments of readings in blocks [first, end) that stand in later ones: how many, and up to which
// block.
static int find_amendments(const struct request *request, uint64_t first, uint64_t end,
                           size_t *count, uint64_t *last, struct why *why)
{
    struct amendments amendments;
    int error = amendments_load(&amendments, request->reader, why);
    *count = 0;
    for (size_t i = 0; !error && i < amendments.amending; i++) {
        const struct amended *one = &amendments.list[i];
        if (one->what.block >= first && one->what.block < end && one->n >= end) {
            *last = *count == 0 || one->n > *last ? one->n : *last;
            ++*count;
        }
    }
    amendments_free(&amendments);
    return error;
}

// The blocks asked for. What is not signed yet is left out when no end was asked for.
static int find_blocks(struct request *request, uint64_t *first, uint64_t *end, struct why *why)
{
    struct text note = text_make(LEDGER_NOTE_MAX);
    uint64_t size = 0;
    int error = OK;
    *first = request->log_first;
    *end = request->log_size;
    if (request->from || request->to) {
        error = export_span(request->reader, request->from_us, request->to_us, first, end, why);
    }
    if (!error && !request->to &&
        ledger_reader_note(request->reader, LEDGER_CHECKPOINT, "", &note, &size, NULL) == OK &&
        size < *end && size > *first) {
        fprintf(stderr,
                "tally export: blocks from %" PRIu64 " on are left out: they are not signed yet\n",
                size);
        *end = size;
    }
    text_free(&note);
    return error;
}

static void say(const struct request *request, const struct export_notes *notes, uint64_t asked,
                uint64_t first, uint64_t end, const struct export_written *written)
{
    printf("%s: blocks %" PRIu64 " to %" PRIu64 " of %s, %" PRIu64
           " readings, %zu definitions, %zu files\n",
           request->output, first, end - 1, ledger_reader_origin(request->reader),
           written->readings, written->definitions, written->files);
    if (first < asked) {
        printf("the first %" PRIu64 " blocks are in it for the receipts in them: the others are "
               "later\n",
               asked - first);
    }
    struct text out = text_make(SAID_MAX);
    for (size_t i = 0; i < notes->count; i++) {
        text_append_string(&out, "with the receipt of ");
        show_append_clean(&out, notes->receipts[i].receipt.centre, SIZE_MAX);
        text_append_string(&out, ", ");
        show_append_second(&out, notes->receipts[i].receipt.time_s);
        text_append_format(&out, ", for blocks up to %" PRIu64 "\n", notes->receipts[i].last);
    }
    fwrite(out.data ? out.data : "", 1, out.length, stdout);
    text_free(&out);
    if (notes->count == 0) {
        printf("without a receipt: none covers these blocks yet\n");
    }
    if (request->point) {
        printf("blocks are whole: besides %s they hold what else was recorded then\n",
               request->point);
    }
}

static int write_archive(struct request *request, uint64_t asked, uint64_t end, struct why *why)
{
    struct export_notes notes;
    struct export_written written;
    struct progress progress;
    struct export_progress tell = {progress_callback, &progress};
    struct outfile file = {0};
    uint64_t first = asked;
    int error = export_notes_find(&notes, request->reader, &first, end, why);
    error = error ? error : outfile_open(&file, request->output, why);
    if (!error) {
        progress_begin(&progress);
        error = export_write(request->reader, &notes, first, end, file.to, &tell, &written, why);
        progress_end(&progress);
        error = outfile_close(&file, error, why);
    }
    if (!error) {
        say(request, &notes, asked, first, end, &written);
    }
    export_notes_free(&notes);
    return error;
}

static int export_archive(struct request *request)
{
    struct why why = {""};
    uint64_t first, end, last = 0;
    size_t later = 0;
    int error = find_blocks(request, &first, &end, &why);
    error = error ? error : find_amendments(request, first, end, &later, &last, &why);
    if (!error && later && request->amendments) {
        end = last + 1;
    }
    error = error ? error : write_archive(request, first, end, &why);
    if (!error && later && !request->amendments) {
        printf("%zu amendment%s of readings in it %s in later blocks, up to %" PRIu64
               ": --amendments takes them in\n",
               later, later == 1 ? "" : "s", later == 1 ? "is" : "are", last);
    }
    return error ? fail(&why) : EXIT_GOOD;
}

// --- CSV

static int export_csv(struct request *request)
{
    struct why why = {""};
    struct outfile file = {0};
    uint64_t left_out = 0;
    int error = request->output ? outfile_open(&file, request->output, &why) : OK;
    if (!error) {
        error = export_write_csv(request->reader, request->point, request->from_us, request->to_us,
                                 request->output ? file.to : stdout, &left_out, &why);
        error = outfile_close(&file, error, &why);
    }
    return error ? fail(&why) : left_out ? EXIT_FINDING : EXIT_GOOD;
}

// --- the command line

static int perform(struct request *request, bool csv)
{
    struct why why = {""};
    if (ledger_reader_open(&request->reader, request->place.ledger, &why)) {
        return fail(&why);
    }
    struct naming naming = {.reader = request->reader, .name = request->point};
    if (naming_now(&naming, request->command->name, &request->log_first, &request->log_size)) {
        return EXIT_FINDING;
    }
    int status = moment_read_span(request->command, request->from, request->to, true,
                                  &request->from_us, &request->to_us);
    if (status != EXIT_GOOD) {
        return status;
    }
    return csv ? export_csv(request) : export_archive(request);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.command = command, .format = "tally"};
    int status;
    for (int option;
         (option = command_option(command, argc, argv, &request.place, &status)) != 0;) {
        switch (option) {
        case 'p': request.point = optarg; break;
        case 'f': request.from = optarg; break;
        case 't': request.to = optarg; break;
        case 'F': request.format = optarg; break;
        case 'o': request.output = optarg; break;
        case 'a': request.amendments = true; break;
        default: return status;
        }
    }
    bool csv = strcmp(request.format, "csv") == 0;
    if (!csv && strcmp(request.format, "tally") != 0) {
        return command_misused(command, "--format %s: tally or csv", request.format);
    }
    if (csv && request.amendments) {
        return command_misused(command, "--amendments: CSV has columns of them in any case");
    }
    if (!csv && !request.output) {
        return command_misused(command, "into which file? give -o FILE");
    }
    status = moment_read_span(command, request.from, request.to, false, &request.from_us,
                              &request.to_us);
    status = status == EXIT_GOOD ? place_find(&request.place) : status;
    if (status == EXIT_GOOD) {
        status = perform(&request, csv);
    }
    ledger_reader_close(request.reader);
    place_free(&request.place);
    return status;
}

const struct command command_export = {
    .name = "tally export",
    .summary = "a stretch of the ledger as one file that can be checked, or as CSV",
    .letters = "c:o:h",
    .options = (const struct option[]){{"config", required_argument, NULL, PLACE_CONFIG},
                                       {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                       {"ledger", required_argument, NULL, PLACE_LEDGER},
                                       {"point", required_argument, NULL, 'p'},
                                       {"from", required_argument, NULL, 'f'},
                                       {"to", required_argument, NULL, 't'},
                                       {"amendments", no_argument, NULL, 'a'},
                                       {"format", required_argument, NULL, 'F'},
                                       {"output", required_argument, NULL, 'o'},
                                       {"help", no_argument, NULL, 'h'},
                                       {NULL, 0, NULL, 0}},
    .usage =
        "usage: tally export [-c FILE | --ledger DIR] [--from T] [--to T] [--point NAME]\n"
        "                    [--amendments] [--format tally|csv] [-o FILE]\n"
        "\n"
        "Writes the blocks that hold readings of that time, whole and as they were recorded, with\n"
        "definitions, files, the signed checkpoint and the receipts: `tally verify` checks them,\n"
        "and so can anyone by docs/AUDIT.md. From a gateway's ledger or a centre's half of it.\n"
        "With --format csv: the readings alone, which prove nothing.\n"
        "\n"
        "  -c, --config FILE    the configuration; otherwise tally.yaml in this folder, then\n"
        "                       /etc/tally/tally.yaml\n"
        "      --drivers DIR    where the drivers are, instead of gateway.drivers\n"
        "      --ledger DIR     the ledger's folder, with no configuration\n"
        "      --from T         from then on; T is RFC 3339, a date or a time in the site's zone,\n"
        "                       -1h (also s, min, d, w) or now\n"
        "      --to T           before then; otherwise up to what is signed\n"
        "      --point NAME     of this point; blocks are whole all the same\n"
        "      --amendments     up to the last block with an amendment of a reading in it; "
        "otherwise\n"
        "                       it is said when there are such\n"
        "      --format WORD    tally (as above) or csv\n"
        "  -o, --output FILE    the file; CSV goes to standard output without it\n"
        "  -h, --help           print this\n",
    .run = run};
