#include "common/outfile.h"

#include "base/durable.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Those by which people and service managers end a program.
static const int endings[] = {SIGINT, SIGTERM, SIGHUP};
#define ENDINGS (sizeof endings / sizeof endings[0])

// The file under way, for the signal handler: there is nowhere else it could find it.
static const char *volatile under_way;

// The signal is blocked until this returns, and then ends the program as it would have.
static void remove_part(int signal)
{
    if (under_way) {
        unlink(under_way);
    }
    raise(signal);
}

static void block_endings(sigset_t *before)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ENDINGS; i++) {
        sigaddset(&set, endings[i]);
    }
    sigprocmask(SIG_BLOCK, &set, before);
}

// A signal that is ignored (nohup) stays so.
static void catch_endings(void)
{
    for (size_t i = 0; i < ENDINGS; i++) {
        struct sigaction action;
        if (sigaction(endings[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
            action = (struct sigaction){.sa_handler = remove_part, .sa_flags = SA_RESETHAND};
            sigaction(endings[i], &action, NULL);
        }
    }
}

static int fail(const char *path, struct why *why)
{
    return why_set(why, errno == ENOSPC ? ERROR_FULL : ERROR_SYSTEM, "cannot write %s: %s", path,
                   strerror(errno));
}

int outfile_open(struct outfile *file, const char *path, struct why *why)
{
    *file = (struct outfile){.path = path};
    if (snprintf(file->part, sizeof file->part, "%s.XXXXXX", path) >= (int)sizeof file->part) {
        return why_set(why, ERROR_RANGE, "a path that is too long");
    }
    sigset_t before;
    block_endings(&before);
    int fd = mkstemp(file->part);
    if (fd >= 0) {
        under_way = file->part;
        catch_endings();
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (fd < 0) {
        return fail(path, why);
    }
    // mkstemp makes it 0600; it gets what any new file would.
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) == 0) {
        file->to = fdopen(fd, "wb");
    }
    if (!file->to) {
        fail(path, why);
        close(fd);
        unlink(file->part);
        under_way = NULL;
        return ERROR_SYSTEM;
    }
    return OK;
}

int outfile_close(struct outfile *file, int error, struct why *why)
{
    if (!file->to) {
        return error;
    }
    if (!error && (fflush(file->to) || fsync(fileno(file->to)))) {
        error = fail(file->path, why);
    }
    if (fclose(file->to) && !error) {
        error = fail(file->path, why);
    }
    if (!error && (rename(file->part, file->path) || durable_name(file->path))) {
        error = fail(file->path, why);
    }
    if (error) {
        unlink(file->part);
    }
    under_way = NULL;
    return error;
}
