#include "outfile.h"

#include "base/durable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    int fd = mkstemp(file->part);
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
    return error;
}
