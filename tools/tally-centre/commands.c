// check, key, accept, revoke, keys.
#include "commands.h"

#include "base/clock.h"
#include "ident/base64.h"
#include "ident/key.h"
#include "ident/note.h"
#include "uplink/tls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// --- how they are called ------------------------------------------------------------------------

// What a person gives for the record: something, and one line.
static bool is_line(const char *text, size_t room)
{
    size_t length = text ? strlen(text) : 0;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return length >= 1 && length < room;
}

static int accept_arguments(const struct command_line *line)
{
    if (line->word_count != 2 || !is_line(line->by, DATABASE_BY_MAX)) {
        return command_misused("accept LOG --by NAME: which log, and who accepts it");
    }
    return !line->fingerprint != !line->key
               ? EXIT_GOOD
               : command_misused("accept: either the fingerprint that was compared "
                                 "(--fingerprint), or the key that was handed over (--key)");
}

int command_arguments(const struct command_line *line)
{
    const char *name = line->words[0];
    bool accepts = strcmp(name, "accept") == 0, revokes = strcmp(name, "revoke") == 0;
    if ((!accepts && (line->fingerprint || line->key)) || (!accepts && !revokes && line->by) ||
        (!revokes && line->reason) || (line->json && strcmp(name, "status") != 0)) {
        return command_misused("%s does not take that option", name);
    }
    if (accepts) {
        return accept_arguments(line);
    }
    if (revokes) {
        return line->word_count == 2 && is_line(line->by, DATABASE_BY_MAX) &&
                       is_line(line->reason, DATABASE_TEXT_MAX)
                   ? EXIT_GOOD
                   : command_misused("revoke LOG --by NAME --reason TEXT");
    }
    if (strcmp(name, "key") == 0) {
        return line->word_count == 2 &&
                       (strcmp(line->words[1], "init") == 0 || strcmp(line->words[1], "show") == 0)
                   ? EXIT_GOOD
                   : command_misused("key init, or key show");
    }
    return line->word_count == 1 ? EXIT_GOOD : command_misused("what is '%s' for?", line->words[1]);
}

// --- check, key ---------------------------------------------------------------------------------

int command_check(const struct settings *settings, const struct command_line *line)
{
    const struct tls_files files = {.host = settings->host,
                                    .ca = settings->ca,
                                    .certificate = settings->certificate,
                                    .key = settings->client_key};
    struct tls *tls = NULL;
    struct signing_key *key = NULL;
    struct why why = {""};
    int findings = 0;
    char expired[TLS_FAULT_MAX] = "";
    if (tls_open(&tls, &files, &why) != OK) {
        findings += command_failed("%s", why.text);
    } else {
        tls_check_own(tls, clock_wall_us(&clock_system) / 1000000, expired);
    }
    if (expired[0]) {
        findings += command_failed("%s", expired);
    }
    int error = signing_key_load(&key, settings->key, &why);
    if (error) {
        findings +=
            error == ERROR_ABSENT
                ? command_failed("%s: no key yet; `tally-centre key init` makes it", settings->key)
                : command_failed("%s", why.text);
    }
    tls_free(tls);
    signing_key_free(key);
    if (!findings) {
        printf("%s: good: centre %s, broker %s port %d, data in %s\n", line->config, settings->name,
               settings->host, settings->port, settings->data);
    }
    return findings ? EXIT_FINDING : EXIT_GOOD;
}

static void print_key(const struct settings *settings, const struct public_key *key)
{
    char print[PUBLIC_KEY_FINGERPRINT];
    struct text text = text_make(4096);
    public_key_write_pem(key, &text);
    note_key_write(&text, settings->name, key);
    public_key_fingerprint(key, print);
    printf("%s\n\nfingerprint %s\n", text.data ? text.data : "", print);
    text_free(&text);
}

int command_key(const struct settings *settings, const struct command_line *line)
{
    struct signing_key *key;
    struct why why = {""};
    if (strcmp(line->words[1], "init") == 0) {
        if (mkdir(settings->data, 0750) != 0 && errno != EEXIST) {
            return command_failed("cannot make %s: %s", settings->data, strerror(errno));
        }
        if (signing_key_make(settings->key, &why) != OK) {
            return command_failed("%s", why.text);
        }
    }
    if (signing_key_load(&key, settings->key, &why) != OK) {
        return command_failed("%s", why.text);
    }
    print_key(settings, signing_key_public(key));
    signing_key_free(key);
    return EXIT_GOOD;
}

// --- which log ----------------------------------------------------------------------------------

// What is known of the logs that a word of the command line may mean.
struct search {
    const char *word;
    size_t count;
    struct log_row row; // the last that was found
};

static int match(void *context, const struct log_row *row)
{
    struct search *search = context;
    if (strstr(row->origin, search->word)) {
        bool whole = strcmp(row->origin, search->word) == 0;
        search->count = whole ? 1 : search->count + 1;
        search->row = *row;
    }
    return OK;
}

// Calls `decide` with the database open, which is made when `make`.
static int with_database(const struct settings *settings, bool make,
                         const struct command_line *line,
                         int (*decide)(struct database *database, const struct command_line *line))
{
    struct database *database;
    struct why why = {""};
    if (database_open(&database, settings->database, make, &why) != OK) {
        return command_failed("%s", why.text);
    }
    int status = decide(database, line);
    database_close(database);
    return status;
}

// The log that is meant. EXIT_GOOD, or what to exit with.
static int find_log(struct database *database, const char *word, struct log_row *row)
{
    struct search search = {.word = word};
    struct why why = {""};
    if (database_each_log(database, match, &search, &why) != OK) {
        return command_failed("%s", why.text);
    }
    if (search.count > 1) {
        return command_failed("'%s' may be any of %zu logs: give more of its name", word,
                              search.count);
    }
    if (search.count == 0 && !topic_is_origin(word)) {
        return command_failed("no log is known whose name has '%s' in it; `tally-centre status` "
                              "lists them",
                              word);
    }
    *row = search.row;
    snprintf(row->origin, sizeof row->origin, "%s", search.count ? search.row.origin : word);
    return EXIT_GOOD;
}

// --- accept -------------------------------------------------------------------------------------

static bool same_print(const char *given, const struct public_key *key)
{
    char print[PUBLIC_KEY_FINGERPRINT];
    public_key_fingerprint(key, print);
    const char *own = print;
    for (;; given++, own++) {
        while (*given && strchr(" \t\r\n:", *given)) {
            given++;
        }
        while (*own == ' ') {
            own++;
        }
        char digit = *given >= 'A' && *given <= 'F' ? (char)(*given - 'A' + 'a') : *given;
        if (digit != *own || !*own) {
            return digit == *own;
        }
    }
}

struct choice {
    const char *fingerprint;
    struct public_key key;
    size_t claimed;
    bool found;
};

static int choose(void *context, const struct claim_row *row)
{
    struct choice *choice = context;
    choice->claimed++;
    if (same_print(choice->fingerprint, &row->key)) {
        choice->key = row->key;
        choice->found = true;
    }
    return OK;
}

static int print_claim(void *context, const struct claim_row *row)
{
    char print[PUBLIC_KEY_FINGERPRINT];
    (void)context;
    public_key_fingerprint(&row->key, print);
    fprintf(stderr, "  %s\n", print);
    return OK;
}

// The key with that fingerprint, of those that the log's gateway claimed.
static int key_by_fingerprint(struct database *database, const struct log_row *row,
                              const char *fingerprint, struct public_key *key)
{
    struct choice choice = {.fingerprint = fingerprint};
    struct why why = {""};
    if (database_each_claim(database, row->origin, choose, &choice, &why) != OK) {
        return command_failed("%s", why.text);
    }
    if (!choice.claimed) {
        return command_failed("%s: its gateway has not been heard yet: wait, or give --key FILE",
                              row->origin);
    }
    if (!choice.found) {
        command_failed("%s: NOT accepted: the fingerprint given is not that of a key that the "
                       "gateway claims:",
                       row->origin);
        (void)database_each_claim(database, row->origin, print_claim, NULL, NULL);
        return EXIT_FINDING;
    }
    *key = choice.key;
    return EXIT_GOOD;
}

static int key_of_file(const struct log_row *row, const char *path, struct public_key *key)
{
    struct trusted_key trusted;
    struct why why = {""};
    if (trusted_key_load(&trusted, path, &why) != OK) {
        return command_failed("%s", why.text);
    }
    if (trusted.name[0] && strcmp(trusted.name, row->origin) != 0) {
        return command_failed("%s: NOT accepted: %s is the key of %s", row->origin, path,
                              trusted.name);
    }
    *key = trusted.key;
    return EXIT_GOOD;
}

static int accept_log(struct database *database, const struct command_line *line)
{
    struct log_row row = {.origin = ""};
    struct public_key key;
    struct why why = {""};
    char print[PUBLIC_KEY_FINGERPRINT];
    int status = find_log(database, line->words[1], &row);
    if (status != EXIT_GOOD) {
        return status;
    }
    if (row.suspect) {
        return command_failed("%s: NOT accepted: two checkpoints contradict each other "
                              "(`tally-centre status`)",
                              row.origin);
    }
    status = line->key ? key_of_file(&row, line->key, &key)
                       : key_by_fingerprint(database, &row, line->fingerprint, &key);
    if (status != EXIT_GOOD) {
        return status;
    }
    if (row.keyed && memcmp(&row.key, &key, sizeof key) != 0) {
        return command_failed("%s: NOT accepted: a log has one key for life, and this is another "
                              "one",
                              row.origin);
    }
    if (row.state == LOG_REVOKED) {
        return command_failed("%s: NOT accepted: it was revoked by %s (%s)", row.origin, row.by,
                              row.reason);
    }
    if (row.state == LOG_WAITING &&
        database_decide(database, row.origin, LOG_ACCEPTED, &key, line->by, "",
                        clock_wall_us(&clock_system), &why) != OK) {
        return command_failed("%s", why.text);
    }
    public_key_fingerprint(&key, print);
    printf("%s: accepted %s%s, with the key\n  %s\n", row.origin,
           row.state == LOG_ACCEPTED ? "before, by " : "by ",
           row.state == LOG_ACCEPTED ? row.by : line->by, print);
    return EXIT_GOOD;
}

int command_accept(const struct settings *settings, const struct command_line *line)
{
    return with_database(settings, true, line, accept_log);
}

// --- revoke -------------------------------------------------------------------------------------

static int revoke_log(struct database *database, const struct command_line *line)
{
    struct log_row row = {.origin = ""};
    struct why why = {""};
    int status = find_log(database, line->words[1], &row);
    if (status != EXIT_GOOD) {
        return status;
    }
    if (row.state == LOG_REVOKED) {
        return command_failed("%s: revoked before, by %s (%s)", row.origin, row.by, row.reason);
    }
    if (database_decide(database, row.origin, LOG_REVOKED, row.keyed ? &row.key : NULL, line->by,
                        line->reason, clock_wall_us(&clock_system), &why) != OK) {
        return command_failed("%s", why.text);
    }
    printf("%s: revoked by %s\n", row.origin, line->by);
    return EXIT_GOOD;
}

int command_revoke(const struct settings *settings, const struct command_line *line)
{
    return with_database(settings, false, line, revoke_log);
}

// --- keys ---------------------------------------------------------------------------------------

static int list_key(void *context, const struct log_row *row)
{
    struct text *out = context;
    if (!row->keyed) {
        return OK;
    }
    text_append_format(out, "key %s ", row->origin);
    base64_append(out, row->key.der, sizeof row->key.der);
    text_append_format(out, " %" PRIu64 " %" PRIu64 " ", row->held_first, row->held);
    if (row->state == LOG_REVOKED) {
        text_append_format(out, "%" PRId64 "\n", row->decided_us / 1000000);
    } else {
        text_append_string(out, "-\n");
    }
    return OK;
}

int command_keys(const struct settings *settings, const struct command_line *line)
{
    struct database *database;
    struct signing_key *key = NULL;
    struct why why = {""};
    struct text list = text_make(64u << 20), note = text_make(64u << 20);
    (void)line;
    if (database_open(&database, settings->database, false, &why) != OK) {
        return command_failed("%s", why.text);
    }
    int error = signing_key_load(&key, settings->key, &why);
    text_append_format(&list, "tally-keys/v1\ncentre %s\ntime %" PRId64 "\n", settings->name,
                       clock_wall_us(&clock_system) / 1000000);
    error = error ? error : database_each_log(database, list_key, &list, &why);
    error = error ? error : note_sign(&note, list.data, list.length, settings->name, key, &why);
    if (!error) {
        fwrite(note.data, 1, note.length, stdout);
    }
    text_free(&list);
    text_free(&note);
    signing_key_free(key);
    database_close(database);
    return error ? command_failed("%s", why.text) : EXIT_GOOD;
}
