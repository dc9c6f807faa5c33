// tally certificate add: checks a certificate against the configuration, puts it into the data
// folder, and has the daemon take it.
#include "certificates/certificate.h"

#include "common/answer.h"
#include "common/outfile.h"
#include "measure/dcc.h"
#include "measure/paper.h"
#include "record/calibrations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// --- whose it is --------------------------------------------------------------------------------

static int no_instrument(const struct certificate *certificate, const char *path,
                         const struct config *config)
{
    fprintf(stderr, "%s: no instrument with the serial number %s is configured in %s", path,
            certificate->serial, config->path);
    const char *between = "; those are ";
    for (size_t i = 0; i < config->instrument_count; i++) {
        if (config->instruments[i].serial[0]) {
            fprintf(stderr, "%s%s (%s)", between, config->instruments[i].serial,
                    config->instruments[i].name);
            between = ", ";
        }
    }
    fputc('\n', stderr);
    return EXIT_FINDING;
}

// The instrument that bears one of its serial numbers, and *out, the certificate in that
// instrument's names and units; or why there is none, on standard error.
static int match(const struct certificate *certificate, const char *path,
                 const struct config *config, const struct config_instrument **instrument,
                 struct certificate **out)
{
    struct faults faults = {0};
    *out = NULL;
    *instrument = NULL;
    for (size_t i = 0; i < config->instrument_count; i++) {
        if (certificate_bears(certificate, config->instruments[i].serial)) {
            *instrument = &config->instruments[i];
        }
    }
    if (!*instrument) {
        return no_instrument(certificate, path, config);
    }
    if (calibrations_fit(certificate, path, *instrument, out, &faults) != OK) {
        return faults_print(&faults);
    }
    faults_free(&faults);
    return EXIT_GOOD;
}

// --- dates --------------------------------------------------------------------------------------

// Asks on a terminal until there is a date or an empty line. False at the end of the input.
static bool ask(const char *what, char *line, size_t size)
{
    int64_t day;
    for (;;) {
        printf("%s (a date as 2027-03-01, or nothing): ", what);
        fflush(stdout);
        if (!fgets(line, (int)size, stdin)) {
            return false;
        }
        line[strcspn(line, "\n")] = '\0';
        if (!line[0] || certificate_parse_date(line, &day) == OK) {
            return true;
        }
        printf("'%s' is no date\n", line);
    }
}

// A date that the certificate lacks, from the option or the terminal. False: there is none, and the
// command ends.
static bool complete(const struct command *command, const char *what, const char *option,
                     const char *given, bool may_lack, int64_t *date)
{
    char line[64] = "";
    if (*date != CERTIFICATE_NO_DATE) {
        if (given) {
            fprintf(stderr, "%s: %s: the certificate itself has that date\n", command->name,
                    option);
        }
        return !given;
    }
    if (!given && !may_lack) {
        if (!isatty(STDIN_FILENO)) {
            command_misused(command, "the certificate has no date when it is due: give --due DATE "
                                     "or --no-due");
            return false;
        }
        if (!ask(what, line, sizeof line)) {
            return false;
        }
        given = line[0] ? line : NULL;
    }
    if (given && certificate_parse_date(given, date) != OK) {
        return false;
    }
    return true;
}

// --- into the folder ----------------------------------------------------------------------------

int certificate_write_file(const char *path, const void *bytes, size_t length, struct why *why)
{
    struct outfile file;
    int error = outfile_open(&file, path, why);
    if (!error && fwrite(bytes, 1, length, file.to) != length) {
        error = why_set(why, ERROR_SYSTEM, "cannot write %s: %s", path, strerror(errno));
    }
    return outfile_close(&file, error, why);
}

// The file first: what was read of it makes it a certificate.
static int put(const char *folder, const struct certificate_source *source,
               const struct certificate *read, char path[PATH_MAX], struct why *why)
{
    char hex[DIGEST_HEX], beside[PATH_MAX + sizeof SHELF_READ];
    struct text bytes = text_make(CERTIFICATE_BYTES_MAX);
    if (mkdir(folder, 0750) != 0 && errno != EEXIST) {
        return why_set(why, ERROR_SYSTEM, "cannot make %s: %s", folder, strerror(errno));
    }
    text_format_hex(source->certificate->hash.bytes, DIGEST_SIZE, hex);
    snprintf(path, PATH_MAX, "%s/%.16s.%s", folder, hex,
             dcc_is_xml(source->bytes.data, source->bytes.length) ? "xml" : "yaml");
    snprintf(beside, sizeof beside, "%s" SHELF_READ, path);
    paper_write(&bytes, read);
    int error = bytes.failed
                    ? why_set(why, ERROR_MEMORY, "out of memory")
                    : certificate_write_file(path, source->bytes.data, source->bytes.length, why);
    error = error ? error : certificate_write_file(beside, bytes.data, bytes.length, why);
    text_free(&bytes);
    return error;
}

void certificate_tell(const struct place *place)
{
    struct text raw = text_make(1u << 16);
    struct why why = {""};
    cJSON *answer = NULL;
    int error = answer_get(place->control, "reload", &raw, &answer, &why);
    if (error == ERROR_ABSENT) {
        puts("no daemon runs: it will take it when it starts");
    } else if (error) {
        printf("the daemon could not be told (%s): send it SIGHUP\n", why.text);
    } else {
        puts("the daemon takes it now, and puts it on record");
    }
    cJSON_Delete(answer);
    text_free(&raw);
}

static int take(struct certificate_request *request, const struct certificate_source *source,
                const struct certificate *read)
{
    char folder[PATH_MAX], path[PATH_MAX];
    struct why why = {""};
    snprintf(folder, sizeof folder, "%s/%s", request->place.ledger, SHELF_FOLDER);
    if (put(folder, source, read, path, &why) != OK) {
        fprintf(stderr, "tally certificate: %s\n", why.text);
        return EXIT_FINDING;
    }
    printf("\nadded        %s\n", path);
    certificate_tell(&request->place);
    return EXIT_GOOD;
}

static void give_name(struct certificate_quantity *quantity,
                      const struct certificate_request *request, size_t *given)
{
    if (!quantity->name[0] && *given < request->quantity_count) {
        snprintf(quantity->name, sizeof quantity->name, "%s", request->quantities[(*given)++]);
    }
}

// Gives the names of --quantity to the quantities that have none, those as found last.
static int give_names(const struct certificate_request *request, struct certificate *certificate)
{
    size_t given = 0;
    for (size_t i = 0; i < certificate->quantity_count; i++) {
        give_name(&certificate->quantities[i], request, &given);
    }
    for (size_t i = 0; i < certificate->as_found_count; i++) {
        give_name(&certificate->as_found[i], request, &given);
    }
    return given == request->quantity_count
               ? EXIT_GOOD
               : command_misused(request->command,
                                 "--quantity: the certificate has %zu without a name", given);
}

static int check_and_take(struct certificate_request *request, struct certificate_source *source)
{
    const struct config_instrument *instrument;
    struct certificate *fitted;
    if (give_names(request, source->certificate) != EXIT_GOOD) {
        return EXIT_MISUSE;
    }
    int status =
        match(source->certificate, request->file, request->place.config, &instrument, &fitted);
    if (status != EXIT_GOOD) {
        return status;
    }
    printf("instrument   %s\n", instrument->name);
    certificate_print(fitted);
    if (!complete(request->command, "when is the next calibration due?", "--due", request->due,
                  request->no_due || fitted->valid_until != CERTIFICATE_NO_DATE ||
                      request->valid_until,
                  &fitted->due) ||
        !complete(request->command, "until when is it valid?", "--valid-until",
                  request->valid_until, true, &fitted->valid_until)) {
        certificate_free(fitted);
        return EXIT_MISUSE;
    }
    status = take(request, source, fitted);
    certificate_free(fitted);
    return status;
}

int certificate_add(struct certificate_request *request)
{
    struct certificate_source source;
    int status = place_find(&request->place);
    if (status != EXIT_GOOD) {
        return status;
    }
    const char *trusted =
        request->trusted ? request->trusted : request->place.config->gateway.trusted_signers;
    status = certificate_source_read(&source, request->file, trusted);
    if (status == EXIT_GOOD && request->signed_only && !source.verified) {
        fprintf(stderr, "%s: its signature is %s\n", request->file,
                source.certificate->signature[0] ? source.certificate->signature
                                                 : "not there (--signed)");
        status = EXIT_FINDING;
    }
    status = status == EXIT_GOOD ? check_and_take(request, &source) : status;
    certificate_source_free(&source);
    return status;
}
