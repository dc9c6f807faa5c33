// tally key: makes the key that signs the log, shows its public half, and asks for the TLS
// certificate of an uplink with another key.
#include "tally.h"

#include "ident/key.h"
#include "ident/note.h"
#include "ledger/ledger.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct key_request {
    const struct command *command;
    struct place place;
    const char *key;    // --key
    const char *name;   // --name
    const char *uplink; // --uplink
};

static int fail(const struct why *why)
{
    fprintf(stderr, "tally key: %s\n", why->text);
    return EXIT_FINDING;
}

static void print_fingerprint(const struct public_key *key)
{
    char fingerprint[PUBLIC_KEY_FINGERPRINT];
    public_key_fingerprint(key, fingerprint);
    printf("fingerprint  %.39s\n             %s\n", fingerprint, fingerprint + 40);
}

// --- init

static int init(struct key_request *request)
{
    const char *path = request->key ? request->key : request->place.config->gateway.key;
    struct signing_key *key;
    struct why why = {""};
    if (signing_key_make(path, &why) || signing_key_load(&key, path, &why)) {
        return fail(&why);
    }
    printf("made         %s\n", path);
    print_fingerprint(signing_key_public(key));
    printf("It signs this log as long as the log lives: it is not to be copied, and if it is lost "
           "a new log\nbegins. `tally key show` prints what others need to check signatures.\n");
    signing_key_free(key);
    return EXIT_GOOD;
}

// --- show

// The public key that the ledger notes, for who may not read the private one.
static int key_of_ledger(struct ledger_reader *reader, struct public_key *key, struct why *why)
{
    struct text der = text_make(LEDGER_NOTE_MAX);
    uint64_t size;
    int error = ledger_reader_note(reader, LEDGER_KEY, "", &der, &size, why);
    error = error ? error : public_key_read_der(key, der.data, der.length, why);
    text_free(&der);
    return error;
}

static int key_of_file(const char *path, struct public_key *key, struct why *why)
{
    struct signing_key *private;
    int error = signing_key_load(&private, path, why);
    if (!error) {
        *key = *signing_key_public(private);
        signing_key_free(private);
    }
    return error;
}

static int print_key(const struct public_key *key, const char *name)
{
    struct text text = text_make(4096);
    public_key_write_pem(key, &text);
    if (name) {
        text_append_string(&text, "\n");
        note_key_write(&text, name, key);
        text_append_string(&text, "\n");
    }
    if (!text.failed) {
        printf("%s\n", text.data);
        print_fingerprint(key);
    }
    int status = text.failed ? EXIT_FINDING : EXIT_GOOD;
    text_free(&text);
    return status;
}

static int show(struct key_request *request)
{
    struct ledger_reader *reader = NULL;
    struct public_key key;
    struct why why = {""};
    const char *path = request->key            ? request->key
                       : request->place.config ? request->place.config->gateway.key
                                               : NULL;
    if (request->place.ledger) {
        // Not there before the daemon's first start; then there is no name to sign under yet.
        ledger_reader_open(&reader, request->place.ledger, &why);
    }
    int error = reader ? key_of_ledger(reader, &key, &why) : ERROR_ABSENT;
    if (error && path) {
        error = key_of_file(path, &key, &why);
    }
    const char *name = request->name ? request->name : reader ? ledger_reader_origin(reader) : NULL;
    int status = error ? fail(&why) : print_key(&key, name);
    if (!error && !name) {
        printf("The line for verifiers carries the log's name, which the daemon's first start "
               "gives.\n");
    }
    ledger_reader_close(reader);
    return status;
}

// --- csr

static const struct config_uplink *find_uplink(const struct key_request *request)
{
    const struct config *config = request->place.config;
    for (size_t i = 0; i < config->uplink_count; i++) {
        if (!request->uplink || strcmp(config->uplinks[i].name, request->uplink) == 0) {
            return &config->uplinks[i];
        }
    }
    return NULL;
}

static bool is_same_file(const char *a, const char *b)
{
    char one[PATH_MAX], other[PATH_MAX];
    return realpath(a, one) && realpath(b, other) && strcmp(one, other) == 0;
}

static int print_request(const char *path, const char *name)
{
    struct signing_key *key;
    struct why why = {""};
    struct text text = text_make(4096);
    int error = signing_key_load(&key, path, &why);
    if (error == ERROR_ABSENT) {
        error = signing_key_make(path, &why);
        error = error ? error : signing_key_load(&key, path, &why);
        if (!error) {
            fprintf(stderr, "tally key: made %s\n", path);
        }
    }
    if (!error) {
        error = signing_key_request(key, name, &text, &why);
        signing_key_free(key);
    }
    if (!error) {
        fputs(text.data, stdout);
    }
    text_free(&text);
    return error ? fail(&why) : EXIT_GOOD;
}

static int csr(struct key_request *request)
{
    char name[BLOCK_ORIGIN_MAX + 1];
    const char *path = request->key;
    if (request->place.config) {
        const struct config *config = request->place.config;
        const struct config_uplink *uplink = find_uplink(request);
        if (!uplink) {
            return command_misused(request->command, "no uplink %s in %s",
                                   request->uplink ? request->uplink : "at all",
                                   request->place.path);
        }
        path = uplink->key;
        snprintf(name, sizeof name, "%s/%s", config->site.code, config->gateway.name);
        if (is_same_file(path, config->gateway.key)) {
            fprintf(stderr, "tally key: %s signs the log: TLS needs a key of its own\n", path);
            return EXIT_FINDING;
        }
    }
    return print_request(path, request->name ? request->name : name);
}

// --- the command line

static int perform(struct key_request *request, const char *action)
{
    bool is_init = strcmp(action, "init") == 0, is_csr = strcmp(action, "csr") == 0;
    if (!is_init && !is_csr && strcmp(action, "show") != 0) {
        return command_misused(request->command, "there is no '%s': init, show or csr", action);
    }
    if (is_csr && request->key && !request->name) {
        return command_misused(request->command, "--key needs --name: whom is the request for?");
    }
    if (request->name && !note_name_is_valid(request->name, strlen(request->name))) {
        return command_misused(request->command, "--name %s: expected letters without blanks or +",
                               request->name);
    }
    if (!request->key) {
        int status = place_find(&request->place);
        if (status != EXIT_GOOD) {
            return status;
        }
        if (!request->place.config && (is_init || is_csr)) {
            return command_misused(request->command, "which gateway? give -c or --key");
        }
    }
    return is_init ? init(request) : is_csr ? csr(request) : show(request);
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"ledger", required_argument, NULL, PLACE_LEDGER},
                                        {"key", required_argument, NULL, 'k'},
                                        {"name", required_argument, NULL, 'n'},
                                        {"uplink", required_argument, NULL, 'u'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct key_request request = {.command = command};
    int option, status;
    while ((option = command_option(command, argc, argv, &request.place, &status)) > 0) {
        switch (option) {
        case 'k': request.key = optarg; break;
        case 'n': request.name = optarg; break;
        default: request.uplink = optarg; break;
        }
    }
    if (option < 0) {
        return status;
    }
    if (optind == argc) {
        return command_misused(command, "init, show or csr?");
    }
    status = perform(&request, argv[optind]);
    place_free(&request.place);
    return status;
}

const struct command command_key = {
    .name = "tally key",
    .summary = "make and show the key that signs the log",
    .usage = "usage: tally key init|show|csr [-c FILE | --ledger DIR | --key FILE] [OPTION]...\n"
             "\n"
             "init: makes the key that signs the log (gateway.key), for its owner alone; one that\n"
             "is there stays as it is. show: prints its public half: PEM, the line for verifiers\n"
             "(C2SP signed note), and a fingerprint to be compared by telephone. csr: prints a\n"
             "request (PKCS #10) for the certificate of an uplink, with that uplink's own key,\n"
             "which is made if it is not there.\n"
             "\n"
             "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
             "                     /etc/tally/tally.yaml\n"
             "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
             "      --ledger DIR   show: the key noted in that ledger\n"
             "      --key FILE     that key file, with no configuration\n"
             "      --name NAME    show: the name in the line; csr: the common name, instead of\n"
             "                     <site code>/<gateway name>\n"
             "      --uplink NAME  csr: of which uplink; otherwise the first\n"
             "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .arguments = 1,
    .run = run};
