#include "base/local_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct address {
    struct sockaddr_un name;
    int folder; // by way of which it goes; -1 when that is not needed
};

static void let_go(const struct address *address)
{
    if (address->folder >= 0) {
        close(address->folder);
    }
}

// 0; let_go is then the caller's.
static int make_address(struct address *address, const char *path, struct why *why)
{
    *address = (struct address){.name = {.sun_family = AF_UNIX}, .folder = -1};
    if (strlen(path) < sizeof address->name.sun_path) {
        memcpy(address->name.sun_path, path, strlen(path) + 1);
        return OK;
    }
    const char *slash = strrchr(path, '/');
    char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!parent) {
        return why_set(why, ERROR_MEMORY, "%s: out of memory", path);
    }
    address->folder = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int failure = errno;
    free(parent);
    if (address->folder < 0) {
        return why_set(why, failure == ENOENT ? ERROR_ABSENT : ERROR_SYSTEM, "%s: %s", path,
                       strerror(failure));
    }
    int length = snprintf(address->name.sun_path, sizeof address->name.sun_path,
                          "/proc/self/fd/%d/%s", address->folder, slash ? slash + 1 : path);
    if ((size_t)length >= sizeof address->name.sun_path) {
        let_go(address);
        return why_set(why, ERROR_RANGE, "%s: the name is too long", path);
    }
    return OK;
}

// Whether someone listens there; a socket with a full backlog has somebody too.
static bool is_answered(const struct address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered = fd >= 0 && (connect(fd, (const struct sockaddr *)&address->name,
                                        sizeof address->name) == 0 ||
                                errno == EAGAIN);
    if (fd >= 0) {
        close(fd);
    }
    return answered;
}

// Removes a socket that was left behind when its owner was killed.
static int remove_stale(const struct address *address, const char *path, struct why *why)
{
    struct stat status;
    if (lstat(path, &status) < 0) {
        return OK;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return why_set(why, ERROR_REFUSED, "%s: there is a file of that name", path);
    }
    if (is_answered(address)) {
        return why_set(why, ERROR_BUSY, "%s: another program listens there", path);
    }
    if (unlink(path) < 0) {
        return why_set(why, ERROR_SYSTEM, "%s: cannot remove the old one: %s", path,
                       strerror(errno));
    }
    return OK;
}

static int listen_at(int *out, const struct address *address, const char *path, mode_t mode,
                     int backlog, struct why *why)
{
    int error = remove_stale(address, path, why);
    if (error) {
        return error;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // Nobody can connect before listen(), so the mode is right by the time it matters.
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address->name, sizeof address->name) < 0 ||
        chmod(path, mode) < 0 || listen(fd, backlog) < 0) {
        error = why_set(why, errno == ENOENT ? ERROR_ABSENT : ERROR_SYSTEM, "%s: %s", path,
                        strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return error;
    }
    *out = fd;
    return OK;
}

int local_socket_listen(int *out, const char *path, mode_t mode, int backlog, struct why *why)
{
    struct address address;
    *out = -1;
    int error = make_address(&address, path, why);
    if (error) {
        return error;
    }
    error = listen_at(out, &address, path, mode, backlog, why);
    let_go(&address);
    return error;
}

int local_socket_connect(int *out, const char *path, struct why *why)
{
    struct address address;
    *out = -1;
    int error = make_address(&address, path, why);
    if (error) {
        return error;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address.name, sizeof address.name) < 0) {
        bool absent = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;
        error = why_set(why, absent ? ERROR_ABSENT : ERROR_SYSTEM, "%s: %s", path,
                        absent ? "nobody listens there" : strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
    } else {
        *out = fd;
    }
    let_go(&address);
    return error;
}
