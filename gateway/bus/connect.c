#include "bus/connect.h"

#include "base/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_IDLE  10    // seconds without a byte before the first probe
#define KEEPALIVE_EVERY 5     // seconds
#define KEEPALIVE_COUNT 3     // probes unanswered: dead
#define UNACKED_MS      15000 // bytes sent and not acknowledged for so long: dead

// The host's addresses, in the order to be tried. 0; ERROR_CLOSED with why; ERROR_STOPPED.
static int look_up(char addresses[][LOOKUP_ADDRESS_SIZE], size_t *count, const char *host,
                   struct wake *wake, int64_t deadline_ns, struct why *why)
{
    struct lookup *lookup;
    int result = lookup_start(&lookup, host, why);
    if (result != OK) {
        return ERROR_CLOSED;
    }
    result = wake_poll(wake, lookup_fd(lookup), POLLIN, deadline_ns);
    if (result == ERROR_TIMEOUT) {
        why_set(why, result, "no answer from the name server for host name %s", host);
    } else if (result != ERROR_STOPPED) {
        result = lookup_take(lookup, addresses, count, why);
    }
    lookup_free(lookup);
    return result == OK || result == ERROR_STOPPED ? result : ERROR_CLOSED;
}

static void set_options(int fd)
{
    const int yes = 1, idle = KEEPALIVE_IDLE, every = KEEPALIVE_EVERY, count = KEEPALIVE_COUNT;
    const unsigned unacked = UNACKED_MS;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof unacked);
}

static int connect_socket(int *out, const struct addrinfo *address, struct wake *wake,
                          int64_t deadline_ns)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ERROR_SYSTEM;
    }
    set_options(fd);
    int result = OK;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
        result = errno == EINPROGRESS ? wake_poll(wake, fd, POLLOUT, deadline_ns) : ERROR_CLOSED;
        int error = errno;
        socklen_t size = sizeof error;
        if (result == 1) {
            (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
            result = error == 0 ? OK : ERROR_CLOSED;
        }
        errno = result == ERROR_TIMEOUT ? ETIMEDOUT : error;
    }
    if (result != OK) {
        int error = errno;
        close(fd);
        errno = error;
        return result;
    }
    *out = fd;
    return OK;
}

// One numeric address. 0, or an error with errno; ERROR_STOPPED.
static int connect_address(int *fd, const char *address, const char *service, struct wake *wake,
                           int64_t deadline_ns)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *socket_address;
    int failed = getaddrinfo(address, service, &hints, &socket_address);
    if (failed != 0) {
        errno = failed == EAI_SYSTEM ? errno : EADDRNOTAVAIL;
        return ERROR_CLOSED;
    }
    int result = connect_socket(fd, socket_address, wake, deadline_ns);
    freeaddrinfo(socket_address);
    return result;
}

static int connect_first(int *fd, char addresses[][LOOKUP_ADDRESS_SIZE], const char *host,
                         const char *service, struct wake *wake, int64_t deadline_ns,
                         struct why *why)
{
    size_t count;
    int result = look_up(addresses, &count, host, wake, deadline_ns, why);
    if (result != OK) {
        return result;
    }
    result = ERROR_CLOSED;
    for (size_t i = 0; i < count && result != OK && result != ERROR_STOPPED; i++) {
        result = connect_address(fd, addresses[i], service, wake, deadline_ns);
    }
    if (result != OK && result != ERROR_STOPPED) {
        why_set(why, result, "%s:%s: %s", host, service, strerror(errno));
    }
    return result;
}

// The addresses are not on the stack, where they would cost each bus a page for good, because
// getaddrinfo goes 2 KB deeper.
int connect_tcp(int *fd, const char *host, const char *service, struct wake *wake,
                int64_t deadline_ns, struct why *why)
{
    char(*addresses)[LOOKUP_ADDRESS_SIZE] = calloc(LOOKUP_ADDRESSES_MAX, sizeof *addresses);
    if (!addresses) {
        return why_set(why, ERROR_CLOSED, "%s:%s: out of memory", host, service);
    }
    int result = connect_first(fd, addresses, host, service, wake, deadline_ns, why);
    free(addresses);
    return result;
}
