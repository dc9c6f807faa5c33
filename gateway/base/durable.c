#include "base/durable.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int durable_write(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t done = write(fd, at, length);
        if (done < 0 && errno != EINTR) {
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERROR_FULL : ERROR_SYSTEM;
        }
        at += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return fsync(fd) == 0 ? OK : ERROR_SYSTEM;
}

int durable_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ERROR_SYSTEM;
    }
    int failed = fsync(fd), number = errno;
    close(fd);
    errno = number;
    // EINVAL: a file system that cannot do that has no more to give.
    return failed && number != EINVAL ? ERROR_SYSTEM : OK;
}

int durable_name(const char *path)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
        errno = ENAMETOOLONG;
        return ERROR_SYSTEM;
    }
    return durable_folder(dirname(copy));
}
