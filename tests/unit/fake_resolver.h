// A resolver of our own in front of the system's, for one test program: "many.test" has
// MANY_ADDRESSES, "two.test" 127.0.0.2 and then 127.0.0.1, "slow.test" is answered once the gate is
// open, and no other name in .test is known. The rest, numeric addresses above all, is the
// system's.
#ifndef TALLY_TESTS_FAKE_RESOLVER_H
#define TALLY_TESTS_FAKE_RESOLVER_H

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MANY_ADDRESSES 11

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;

static void set_gate(bool open)
{
    pthread_mutex_lock(&gate);
    gate_open = open;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
}

static void pass_gate(void)
{
    pthread_mutex_lock(&gate);
    while (!gate_open) {
        pthread_cond_wait(&gate_moved, &gate);
    }
    pthread_mutex_unlock(&gate);
}

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static const struct addrinfo numeric = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};

static int many_addresses(resolver *real, struct addrinfo **out)
{
    struct addrinfo **next = out;
    for (int i = 0; i < MANY_ADDRESSES; i++) {
        char address[32];
        snprintf(address, sizeof address, "192.0.2.%d", MANY_ADDRESSES - i); // not sorted by number
        int error = real(address, NULL, &numeric, next);
        if (error) {
            return error;
        }
        next = &(*next)->ai_next;
    }
    return 0;
}

int getaddrinfo(const char *restrict host, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (!strstr(host, ".test") || (hints && hints->ai_flags & AI_NUMERICHOST)) {
        return real(host, service, hints, out);
    }
    if (strcmp(host, "slow.test") == 0) {
        pass_gate();
        return real("192.0.2.9", NULL, &numeric, out);
    }
    if (strcmp(host, "many.test") == 0) {
        return many_addresses(real, out);
    }
    if (strcmp(host, "two.test") == 0) { // a listener on 127.0.0.1 alone is the second
        int error = real("127.0.0.2", NULL, &numeric, out);
        return error ? error : real("127.0.0.1", NULL, &numeric, &(*out)->ai_next);
    }
    return EAI_NONAME;
}

#endif
