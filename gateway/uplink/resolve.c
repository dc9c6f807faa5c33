#include "uplink/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RESOLVE_STACK_BYTES (256u << 10)

// Shared by the caller and the look-up's thread; freed by the one that leaves last.
struct resolve {
    pthread_mutex_t lock;
    int holders;
    bool over;
    int fd;
    char host[256];
    int error; // of getaddrinfo
    size_t count;
    char addresses[RESOLVE_ADDRESSES_MAX][RESOLVE_ADDRESS_SIZE];
};

static void let_go(struct resolve *resolve)
{
    pthread_mutex_lock(&resolve->lock);
    bool last = --resolve->holders == 0;
    pthread_mutex_unlock(&resolve->lock);
    if (last) {
        close(resolve->fd);
        pthread_mutex_destroy(&resolve->lock);
        free(resolve);
    }
}

static void keep_addresses(struct resolve *resolve, const struct addrinfo *list)
{
    for (; list && resolve->count < RESOLVE_ADDRESSES_MAX; list = list->ai_next) {
        if (getnameinfo(list->ai_addr, list->ai_addrlen, resolve->addresses[resolve->count],
                        RESOLVE_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0) {
            resolve->count++;
        }
    }
}

static void *look_up(void *argument)
{
    struct resolve *resolve = argument;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(resolve->host, NULL, &hints, &list);
    pthread_mutex_lock(&resolve->lock);
    resolve->error = error;
    keep_addresses(resolve, error ? NULL : list);
    resolve->over = true;
    pthread_mutex_unlock(&resolve->lock);
    if (!error) {
        freeaddrinfo(list);
    }
    eventfd_write(resolve->fd, 1);
    let_go(resolve);
    return NULL;
}

// A thread that takes no signal: those are for main.
static int start_thread(struct resolve *resolve)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, RESOLVE_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attributes, look_up, resolve);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    errno = error;
    return error ? ERROR_SYSTEM : OK;
}

int resolve_start(struct resolve **out, const char *host)
{
    *out = NULL;
    struct resolve *resolve = calloc(1, sizeof *resolve);
    if (!resolve) {
        return ERROR_MEMORY;
    }
    resolve->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (resolve->fd < 0) {
        free(resolve);
        return ERROR_SYSTEM;
    }
    pthread_mutex_init(&resolve->lock, NULL);
    snprintf(resolve->host, sizeof resolve->host, "%s", host);
    resolve->holders = 2;
    int error = start_thread(resolve);
    if (error) {
        resolve->holders = 1;
        let_go(resolve);
        return error;
    }
    *out = resolve;
    return OK;
}

int resolve_fd(const struct resolve *resolve)
{
    return resolve->fd;
}

int resolve_take(struct resolve *resolve, char addresses[][RESOLVE_ADDRESS_SIZE], size_t *count,
                 struct why *why)
{
    int error = OK;
    pthread_mutex_lock(&resolve->lock);
    if (!resolve->over) {
        error = ERROR_BUSY;
    } else if (resolve->count == 0) {
        error = why_set(why, ERROR_ABSENT, "host name %.120s is not known: %s", resolve->host,
                        resolve->error ? gai_strerror(resolve->error) : "it has no address");
    } else {
        memcpy(addresses, resolve->addresses, resolve->count * RESOLVE_ADDRESS_SIZE);
        *count = resolve->count;
    }
    pthread_mutex_unlock(&resolve->lock);
    return error;
}

void resolve_free(struct resolve *resolve)
{
    if (resolve) {
        let_go(resolve);
    }
}
