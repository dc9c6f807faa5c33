#include "base/lookup.h"

#include "base/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (256u << 10)

// Shared by the caller and the look-up's thread; freed by the one that leaves last.
struct lookup {
    pthread_mutex_t lock;
    int holders;
    bool over;
    int fd;
    char host[LOOKUP_HOST_MAX + 1];
    int error; // of getaddrinfo
    size_t count;
    char addresses[LOOKUP_ADDRESSES_MAX][LOOKUP_ADDRESS_SIZE];
};

static atomic_int threads;

static void let_go(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    bool last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->lock);
    if (last) {
        close(lookup->fd);
        pthread_mutex_destroy(&lookup->lock);
        free(lookup);
    }
}

// Writes a numeric address. Left to getnameinfo are scoped ones: it takes 2.3 KB of stack, and each
// bus would keep a page more for it.
static bool write_address(const struct addrinfo *from, char out[LOOKUP_ADDRESS_SIZE])
{
    const struct sockaddr_in *v4 = (const void *)from->ai_addr;
    const struct sockaddr_in6 *v6 = (const void *)from->ai_addr;
    if (from->ai_family == AF_INET) {
        return inet_ntop(AF_INET, &v4->sin_addr, out, LOOKUP_ADDRESS_SIZE);
    }
    if (from->ai_family == AF_INET6 && v6->sin6_scope_id == 0) {
        return inet_ntop(AF_INET6, &v6->sin6_addr, out, LOOKUP_ADDRESS_SIZE);
    }
    return getnameinfo(from->ai_addr, from->ai_addrlen, out, LOOKUP_ADDRESS_SIZE, NULL, 0,
                       NI_NUMERICHOST) == 0;
}

static void keep_addresses(struct lookup *lookup, const struct addrinfo *list)
{
    for (; list && lookup->count < LOOKUP_ADDRESSES_MAX; list = list->ai_next) {
        lookup->count += write_address(list, lookup->addresses[lookup->count]);
    }
}

// Asks the resolver, and keeps what it answers. `flags` of getaddrinfo. What getaddrinfo returned.
static int ask(struct lookup *lookup, int flags)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(lookup->host, NULL, &hints, &list);
    pthread_mutex_lock(&lookup->lock);
    lookup->error = error;
    keep_addresses(lookup, error ? NULL : list);
    pthread_mutex_unlock(&lookup->lock);
    if (!error) {
        freeaddrinfo(list);
    }
    return error;
}

static void set_over(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    lookup->over = true;
    pthread_mutex_unlock(&lookup->lock);
    eventfd_write(lookup->fd, 1);
}

static void *look_up(void *argument)
{
    struct lookup *lookup = argument;
    ask(lookup, 0);
    set_over(lookup);
    let_go(lookup);
    atomic_fetch_sub(&threads, 1);
    return NULL;
}

static int start_thread(struct lookup *lookup, struct why *why)
{
    pthread_t thread;
    if (atomic_fetch_add(&threads, 1) >= LOOKUP_THREADS_MAX) {
        atomic_fetch_sub(&threads, 1);
        return why_set(why, ERROR_FULL,
                       "host name %s: %d look-ups wait for the name server already", lookup->host,
                       LOOKUP_THREADS_MAX);
    }
    lookup->holders = 2;
    int error = thread_start(&thread, STACK_BYTES, look_up, lookup);
    if (error) {
        lookup->holders = 1;
        atomic_fetch_sub(&threads, 1);
        return why_set(why, error, "host name %s: no thread to look it up: %s", lookup->host,
                       strerror(errno));
    }
    pthread_detach(thread);
    return OK;
}

int lookup_start(struct lookup **out, const char *host, struct why *why)
{
    *out = NULL;
    size_t length = strlen(host);
    if (length > LOOKUP_HOST_MAX) {
        return why_set(why, ERROR_RANGE, "host name %.40s…: longer than %d characters", host,
                       LOOKUP_HOST_MAX);
    }
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lookup->fd < 0) {
        free(lookup);
        return why_set(why, ERROR_SYSTEM, "host name %s: no eventfd: %s", host, strerror(errno));
    }
    pthread_mutex_init(&lookup->lock, NULL);
    memcpy(lookup->host, host, length + 1);
    lookup->holders = 1;
    if (ask(lookup, AI_NUMERICHOST) != EAI_NONAME) {
        set_over(lookup);
        *out = lookup;
        return OK;
    }
    int error = start_thread(lookup, why);
    if (error) {
        let_go(lookup);
        return error;
    }
    *out = lookup;
    return OK;
}

int lookup_fd(const struct lookup *lookup)
{
    return lookup->fd;
}

int lookup_take(struct lookup *lookup, char addresses[][LOOKUP_ADDRESS_SIZE], size_t *count,
                struct why *why)
{
    int error = OK;
    pthread_mutex_lock(&lookup->lock);
    if (!lookup->over) {
        error = ERROR_BUSY;
    } else if (lookup->count == 0) {
        error = why_set(why, ERROR_ABSENT, "host name %s is not known: %s", lookup->host,
                        lookup->error ? gai_strerror(lookup->error) : "it has no address");
    } else {
        memcpy(addresses, lookup->addresses, lookup->count * LOOKUP_ADDRESS_SIZE);
        *count = lookup->count;
    }
    pthread_mutex_unlock(&lookup->lock);
    return error;
}

void lookup_free(struct lookup *lookup)
{
    if (lookup) {
        let_go(lookup);
    }
}
