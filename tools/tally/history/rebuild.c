// tally rebuild: deletes the series, a projection, and builds it again from the blocks.
#include "common/progress.h"
#include "tally.h"

#include "control/control.h"
#include "ledger/ledger.h"
#include "series/series.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STEP_BLOCKS 256

// Whether a daemon has the ledger: it holds a lock on <ledger>/lock. The lock is looked at once
// only, because a look can make a daemon that starts at that very moment give up.
static bool ledger_is_held(const char *directory)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lock", directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

static bool daemon_answers(const char *control)
{
    struct text out = text_make(1u << 20);
    bool answers = control_ask(control, "status", &out, NULL) != ERROR_ABSENT;
    text_free(&out);
    return answers;
}

static int delete_series(const char *directory, struct why *why)
{
    static const char *const names[] = {"series.db-wal", "series.db-shm", "series.db"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        if (unlink(path) < 0 && errno != ENOENT) {
            return why_set(why, ERROR_SYSTEM, "cannot delete %s: %s", path, strerror(errno));
        }
    }
    return OK;
}

// Builds until nothing is left. *count: the blocks taken in.
static int build(const struct place *place, struct series *series, struct ledger_reader *reader,
                 uint64_t *count, struct why *why)
{
    uint64_t first, size;
    struct progress progress;
    bool more = true;
    progress_begin(&progress);
    int error = ledger_reader_extent(reader, &first, &size, why);
    while (!error && more) {
        error = series_update(series, reader, STEP_BLOCKS, &more, why);
        *count = more && *count + STEP_BLOCKS < size - first ? *count + STEP_BLOCKS : size - first;
        if (!progress_tell(&progress, *count, size - first)) {
            continue;
        }
        if (!error && more && daemon_answers(place->control)) {
            error = why_set(why, ERROR_BUSY,
                            "a daemon was started meanwhile; it builds what is left itself");
        }
    }
    progress_end(&progress);
    return error ? error : series_flush(series, why);
}

static int rebuild(const struct place *place)
{
    struct why why = {""};
    struct ledger_reader *reader = NULL;
    struct series *series = NULL;
    uint64_t count = 0;
    if (ledger_is_held(place->ledger) || daemon_answers(place->control)) {
        fprintf(stderr,
                "tally rebuild: a daemon runs on %s and writes the series itself: stop it first\n",
                place->ledger);
        return EXIT_FINDING;
    }
    int error = ledger_reader_open(&reader, place->ledger, &why);
    if (!error) {
        error = delete_series(place->ledger, &why);
    }
    if (!error) {
        error = series_open(&series, place->ledger, true, &why);
    }
    if (!error) {
        error = build(place, series, reader, &count, &why);
    }
    series_close(series);
    ledger_reader_close(reader);
    if (error) {
        fprintf(stderr, "tally rebuild: %s\n", why.text);
        return EXIT_FINDING;
    }
    printf("series rebuilt from %" PRIu64 " blocks\n", count);
    return EXIT_GOOD;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"ledger", required_argument, NULL, PLACE_LEDGER},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct place place = {0};
    int status;
    if (command_option(command, argc, argv, &place, &status) < 0) {
        return status;
    }
    status = place_find(&place);
    if (status == EXIT_GOOD) {
        status = rebuild(&place);
    }
    place_free(&place);
    return status;
}

const struct command command_rebuild = {
    .name = "tally rebuild",
    .summary = "build the series again from the blocks",
    .usage = "usage: tally rebuild [-c FILE | --ledger DIR]\n"
             "\n"
             "Deletes the series (minimum, maximum and roll-ups per point, in series.db), a\n"
             "projection of the ledger, and builds it again from the blocks. Refuses while a\n"
             "daemon runs on the ledger. No block is touched.\n"
             "\n"
             "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
             "                     /etc/tally/tally.yaml\n"
             "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
             "      --ledger DIR   the ledger's folder, with no configuration\n"
             "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .run = run};
