// A Modbus TCP server for the bench, fast enough not to be what is measured: one thread, epoll,
// answers functions 3 and 4 from noise that looks like a meter's. Listens on as many free ports of
// 127.0.0.1 as it is told, prints them on one line, ends on SIGTERM. Not a simulator: no faults but
// silence (--silent PORT-INDEX).

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PORTS_MAX     1024
#define FRAME_MAX     260
#define REGISTERS_MAX 125
#define NOISE         4096

struct connection {
    int fd;
    bool listens, silent;
    size_t used;
    uint8_t bytes[4 * FRAME_MAX];
};

static uint16_t noise[NOISE];

static int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&address, &length)) {
        perror("modbus_server");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static void watch(int epoll, struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event)) {
        perror("modbus_server: epoll_ctl");
        exit(1);
    }
}

static void accept_one(int epoll, const struct connection *listener)
{
    struct connection *connection = calloc(1, sizeof *connection);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (!connection || fd < 0) {
        free(connection);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    connection->fd = fd;
    connection->silent = listener->silent;
    watch(epoll, connection);
}

// Writes the answer to one request (MBAP header and PDU) and gives its length.
static size_t answer(const uint8_t *request, uint8_t *out)
{
    static unsigned turn;
    unsigned function = request[7], count = (unsigned)request[10] << 8 | request[11];
    memcpy(out, request, 8);
    if ((function != 3 && function != 4) || count < 1 || count > REGISTERS_MAX) {
        out[5] = 3;
        out[7] = (uint8_t)(function | 0x80);
        out[8] = 1;
        return 9;
    }
    out[4] = 0;
    out[5] = (uint8_t)(3 + 2 * count);
    out[8] = (uint8_t)(2 * count);
    turn = (turn + 131) % (NOISE - REGISTERS_MAX);
    for (unsigned i = 0; i < count; i++) {
        out[9 + 2 * i] = (uint8_t)(noise[turn + i] >> 8);
        out[10 + 2 * i] = (uint8_t)noise[turn + i];
    }
    return 9 + 2 * count;
}

// False when the connection is over.
static bool serve(struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->bytes + connection->used,
                       sizeof connection->bytes - connection->used, 0);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    connection->used += (size_t)got;
    size_t done = 0;
    while (connection->used - done >= 12) { // a read request is 12 bytes
        uint8_t out[FRAME_MAX];
        size_t length = answer(connection->bytes + done, out);
        done += 12;
        if (!connection->silent && send(connection->fd, out, length, MSG_NOSIGNAL) < 0) {
            return false;
        }
    }
    memmove(connection->bytes, connection->bytes + done, connection->used - done);
    connection->used -= done;
    return true;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1, silent = -1;
    if (argc > 3 && strcmp(argv[2], "--silent") == 0) {
        silent = atoi(argv[3]);
    }
    if (count < 1 || count > PORTS_MAX) {
        fprintf(stderr, "usage: modbus_server PORTS [--silent INDEX]\n");
        return 2;
    }
    for (int i = 0; i < NOISE; i++) {
        noise[i] = (uint16_t)(2300 + rand() % 100);
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0, port; i < count; i++) {
        struct connection *listener = calloc(1, sizeof *listener);
        if (!listener) {
            return 1;
        }
        listener->fd = listen_somewhere(&port);
        listener->listens = true;
        listener->silent = i == silent;
        watch(epoll, listener);
        printf("%d%c", port, i + 1 < count ? ' ' : '\n');
    }
    fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->listens) {
                accept_one(epoll, connection);
            } else if (!serve(connection)) {
                close(connection->fd);
                free(connection);
            }
        }
    }
}
