// A relay that makes a TCP peer far away: what comes in goes on after DELAY_MS, in either
// direction. For machines whose kernel has no netem. It delays bytes, not packets: acknowledgements
// of TCP itself do not wait, so that only the round trips of the protocol above are made longer.
//
// far PORT DELAY_MS listens on a free port of 127.0.0.1, prints it, and passes connections on to
// PORT. Ends on SIGTERM.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE_MAX 65536
#define PIECES    4096 // under way in one direction; then reading waits

struct piece {
    int64_t due_us;
    size_t length;
    uint8_t bytes[];
};

struct way { // one direction of one connection
    int from, to;
    int64_t delay_us;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct piece *pieces[PIECES]; // NULL: the end
    size_t first, count;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void put(struct way *way, struct piece *piece)
{
    pthread_mutex_lock(&way->lock);
    while (way->count == PIECES) {
        pthread_cond_wait(&way->changed, &way->lock);
    }
    way->pieces[(way->first + way->count++) % PIECES] = piece;
    pthread_cond_broadcast(&way->changed);
    pthread_mutex_unlock(&way->lock);
}

static struct piece *take(struct way *way)
{
    pthread_mutex_lock(&way->lock);
    while (way->count == 0) {
        pthread_cond_wait(&way->changed, &way->lock);
    }
    struct piece *piece = way->pieces[way->first];
    way->first = (way->first + 1) % PIECES;
    way->count--;
    pthread_cond_broadcast(&way->changed);
    pthread_mutex_unlock(&way->lock);
    return piece;
}

static void *receive(void *argument)
{
    struct way *way = argument;
    for (;;) {
        struct piece *piece = malloc(sizeof *piece + PIECE_MAX);
        ssize_t got = piece ? recv(way->from, piece->bytes, PIECE_MAX, 0) : -1;
        if (got <= 0) {
            free(piece);
            put(way, NULL);
            return NULL;
        }
        piece->due_us = now_us() + way->delay_us;
        piece->length = (size_t)got;
        put(way, piece);
    }
}

static void *forward(void *argument)
{
    struct way *way = argument;
    struct piece *piece;
    bool open = true;
    while ((piece = take(way)) != NULL) {
        int64_t wait_us = piece->due_us - now_us();
        if (wait_us > 0) {
            nanosleep(&(struct timespec){.tv_sec = wait_us / 1000000,
                                         .tv_nsec = wait_us % 1000000 * 1000},
                      NULL);
        }
        for (size_t done = 0; open && done < piece->length;) {
            ssize_t sent = send(way->to, piece->bytes + done, piece->length - done, MSG_NOSIGNAL);
            open = sent > 0;
            done += open ? (size_t)sent : 0;
        }
        free(piece);
    }
    shutdown(way->to, SHUT_WR);
    return NULL; // a bench's connections are few: the way stays until the end
}

static bool start_way(int from, int to, int64_t delay_us)
{
    struct way *way = calloc(1, sizeof *way);
    pthread_t thread;
    if (!way) {
        return false;
    }
    way->from = from;
    way->to = to;
    way->delay_us = delay_us;
    pthread_mutex_init(&way->lock, NULL);
    pthread_cond_init(&way->changed, NULL);
    setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return pthread_create(&thread, NULL, receive, way) == 0 && pthread_detach(thread) == 0 &&
           pthread_create(&thread, NULL, forward, way) == 0 && pthread_detach(thread) == 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: far PORT DELAY_MS\n");
        return 2;
    }
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in there = here;
    socklen_t length = sizeof here;
    there.sin_port = htons((uint16_t)atoi(argv[1]));
    int64_t delay_us = (int64_t)(atof(argv[2]) * 1000);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&here, length) || listen(listener, 16) ||
        getsockname(listener, (struct sockaddr *)&here, &length)) {
        perror("far");
        return 1;
    }
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    for (;;) {
        int near = accept(listener, NULL, NULL), far = socket(AF_INET, SOCK_STREAM, 0);
        if (near < 0 || far < 0 || connect(far, (struct sockaddr *)&there, sizeof there) ||
            !start_way(near, far, delay_us) || !start_way(far, near, delay_us)) {
            close(near);
            close(far);
        }
    }
}
