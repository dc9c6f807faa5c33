#include "bus/connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOKUP_STEP_NS  50000000
#define KEEPALIVE_IDLE  10    // seconds without a byte before the first probe
#define KEEPALIVE_EVERY 5     // seconds
#define KEEPALIVE_COUNT 3     // probes unanswered: dead
#define UNACKED_MS      15000 // bytes sent and not acknowledged for so long: dead

// One look-up by the resolver's own thread. It holds pointers into this until it is done, so it
// lives on the heap and, when the resolver cannot be stopped, is left to it.
struct lookup {
    struct gaicb request;
    struct gaicb *list[1];
    struct addrinfo hints;
    char host[256], service[32];
};

static int look_up_name(struct addrinfo **out, const char *host, const char *service,
                        const struct addrinfo *hints, struct wake *wake, int64_t deadline_ns)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup || strlen(host) >= sizeof lookup->host ||
        strlen(service) >= sizeof lookup->service) {
        free(lookup);
        return EAI_MEMORY;
    }
    memcpy(lookup->host, host, strlen(host) + 1);
    memcpy(lookup->service, service, strlen(service) + 1);
    lookup->hints = *hints;
    lookup->request = (struct gaicb){
        .ar_name = lookup->host, .ar_service = lookup->service, .ar_request = &lookup->hints};
    lookup->list[0] = &lookup->request;
    int result = getaddrinfo_a(GAI_NOWAIT, lookup->list, 1, NULL);
    if (result != 0) {
        free(lookup);
        return result;
    }
    while ((result = gai_error(&lookup->request)) == EAI_INPROGRESS) {
        if (wake_now_ns() >= deadline_ns ||
            wake_sleep(wake, wake_now_ns() + LOOKUP_STEP_NS) != OK) {
            if (gai_cancel(&lookup->request) == EAI_CANCELED) {
                free(lookup);
            }
            return EAI_AGAIN;
        }
    }
    *out = lookup->request.ar_result;
    free(lookup);
    return result;
}

static int look_up(struct addrinfo **out, const char *host, const char *service, struct wake *wake,
                   int64_t deadline_ns)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    *out = NULL;
    int result = getaddrinfo(host, service, &hints, out);
    if (result != EAI_NONAME) {
        return result;
    }
    hints.ai_flags = AI_ADDRCONFIG;
    return look_up_name(out, host, service, &hints, wake, deadline_ns);
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

static int connect_address(int *out, const struct addrinfo *address, struct wake *wake,
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

int connect_tcp(int *fd, const char *host, const char *service, struct wake *wake,
                int64_t deadline_ns, struct why *why)
{
    struct addrinfo *addresses;
    int failed = look_up(&addresses, host, service, wake, deadline_ns);
    if (wake_stopping(wake)) {
        if (failed == 0) {
            freeaddrinfo(addresses);
        }
        return ERROR_STOPPED;
    }
    if (failed != 0) {
        return why_set(why, ERROR_CLOSED, "%s: %s", host, gai_strerror(failed));
    }
    int result = ERROR_CLOSED;
    for (struct addrinfo *a = addresses; a && result != OK && result != ERROR_STOPPED;
         a = a->ai_next) {
        result = connect_address(fd, a, wake, deadline_ns);
    }
    if (result != OK && result != ERROR_STOPPED) {
        why_set(why, result, "%s:%s: %s", host, service, strerror(errno));
    }
    freeaddrinfo(addresses);
    return result;
}
