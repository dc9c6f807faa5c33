#include "tcp.h"

#include "answer.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_IN_MAX      4096
#define TCP_OUT_MAX     16384
#define TCP_EVENTS_MAX  64
#define TCP_PENDING_MAX 1024
#define TCP_STALE_NS    50000000 // RTU over TCP: a part of a frame older than this is dropped
#define TCP_RETRY_NS    1000000000

struct connection {
    int fd; // -1: closed
    uint32_t generation;
    struct lab_line *line;
    bool waits_for_room; // EPOLLOUT is asked for, and nothing is read
    int64_t last_ns;     // when the latest bytes came; RTU over TCP
    size_t in_length, out_length;
    uint8_t in[TCP_IN_MAX], out[TCP_OUT_MAX];
};

struct pending {
    int64_t due_ns;
    size_t connection;
    uint32_t generation;
    struct answer answer;
};

struct tcp {
    struct lab *lab;
    pthread_t thread;
    int epoll, wake;
    int listeners[LAB_LINES_MAX]; // by line; -1: none, or gone
    struct connection *connections[TCP_CONNECTIONS_MAX];
    size_t pending_count;
    struct pending pending[TCP_PENDING_MAX];
};

// What an epoll event belongs to: the kind in the top bits, then a generation and an index.
enum event_kind { EVENT_WAKE, EVENT_LISTENER, EVENT_CONNECTION };

static uint64_t event_key(enum event_kind kind, uint32_t generation, size_t index)
{
    return (uint64_t)kind << 56 | (uint64_t)(generation & 0xffffff) << 32 | (uint32_t)index;
}

static bool epoll_set(const struct tcp *tcp, int operation, int fd, uint32_t events, uint64_t key)
{
    struct epoll_event event = {.events = events, .data.u64 = key};
    return epoll_ctl(tcp->epoll, operation, fd, &event) == 0;
}

// ---- listening

static void format_address(int fd, char *out, size_t size)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char host[64] = "?", service[16] = "?";
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
        getnameinfo((struct sockaddr *)&address, length, host, sizeof host, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    }
    bool colons = strchr(host, ':') != NULL;
    snprintf(out, size, colons ? "[%s]:%s" : "%s:%s", host, service);
}

static int listen_at(const struct addrinfo *address)
{
    int one = 1;
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, 128) == 0) {
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int line_listen(struct tcp *tcp, size_t index, struct why *why)
{
    struct lab_line *line = &tcp->lab->lines[index];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int failed = getaddrinfo(line->host, line->service, &hints, &list);
    if (failed != 0) {
        return why_set(why, ERROR_SYSTEM, "%s: %s", line->host, gai_strerror(failed));
    }
    int fd = -1;
    for (struct addrinfo *address = list; address != NULL && fd < 0; address = address->ai_next) {
        fd = listen_at(address);
    }
    freeaddrinfo(list);
    if (fd < 0 ||
        !epoll_set(tcp, EPOLL_CTL_ADD, fd, EPOLLIN, event_key(EVENT_LISTENER, 0, index))) {
        int saved = errno;
        if (fd >= 0) {
            close(fd);
        }
        return why_set(why, ERROR_SYSTEM, "cannot listen on %s port %s: %s", line->host,
                       line->service, strerror(saved));
    }
    tcp->listeners[index] = fd;
    if (line->address[0] == '\0') {
        // Kept, so that a line that vanishes comes back at the same port.
        format_address(fd, line->address, sizeof line->address);
        char *service = strdup(strrchr(line->address, ':') + 1);
        if (service != NULL) {
            free(line->service);
            line->service = service;
        }
    }
    return OK;
}

static void accept_one(struct tcp *tcp, size_t index)
{
    int fd = accept4(tcp->listeners[index], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    size_t slot = 0;
    while (slot < TCP_CONNECTIONS_MAX && tcp->connections[slot] != NULL &&
           tcp->connections[slot]->fd >= 0) {
        slot++;
    }
    if (slot < TCP_CONNECTIONS_MAX && tcp->connections[slot] == NULL) {
        tcp->connections[slot] = calloc(1, sizeof(struct connection));
    }
    if (slot == TCP_CONNECTIONS_MAX || tcp->connections[slot] == NULL) {
        close(fd);
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *connection = tcp->connections[slot];
    connection->generation++;
    connection->fd = fd;
    connection->line = &tcp->lab->lines[index];
    connection->in_length = connection->out_length = 0;
    connection->waits_for_room = false;
    stats_add(&connection->line->stats.connections);
    if (!epoll_set(tcp, EPOLL_CTL_ADD, fd, EPOLLIN,
                   event_key(EVENT_CONNECTION, connection->generation, slot))) {
        close(fd);
        connection->fd = -1;
    }
}

// ---- answers

static void connection_close(struct connection *connection, bool reset)
{
    if (connection->fd < 0) {
        return;
    }
    if (reset) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(connection->fd);
    connection->fd = -1;
}

static void connection_flush(struct connection *connection)
{
    size_t sent = 0;
    while (connection->fd >= 0 && sent < connection->out_length) {
        ssize_t length = send(connection->fd, connection->out + sent, connection->out_length - sent,
                              MSG_NOSIGNAL);
        if (length < 0 && errno == EAGAIN) {
            break;
        }
        if (length <= 0) {
            connection_close(connection, false);
            return;
        }
        sent += (size_t)length;
    }
    connection->out_length -= sent;
    memmove(connection->out, connection->out + sent, connection->out_length);
}

static bool connection_has_room(struct connection *connection)
{
    if (connection->out_length + ANSWER_MAX > TCP_OUT_MAX) {
        connection_flush(connection);
    }
    return connection->fd >= 0 && connection->out_length + ANSWER_MAX <= TCP_OUT_MAX;
}

static void connection_put(struct connection *connection, const struct answer *answer)
{
    memcpy(connection->out + connection->out_length, answer->bytes, answer->length);
    connection->out_length += answer->length;
}

static void serve(struct tcp *tcp, size_t slot, uint16_t transaction, uint8_t unit,
                  const uint8_t *pdu, size_t length, int64_t now_ns)
{
    struct connection *connection = tcp->connections[slot];
    struct answer answer;
    answer_make(tcp->lab, connection->line, unit, transaction, pdu, length, now_ns, &answer);
    if (answer.reset) {
        connection_close(connection, true);
    } else if (answer.delay_ns == 0) {
        connection_put(connection, &answer);
    } else if (answer.length > 0 && tcp->pending_count < TCP_PENDING_MAX) {
        tcp->pending[tcp->pending_count++] = (struct pending){
            .due_ns = now_ns + answer.delay_ns,
            .connection = slot,
            .generation = connection->generation,
            .answer = answer,
        };
    }
}

// ---- requests

// The bytes that the first request takes, 0 when it is not whole yet, -1 when this is no Modbus.
static int take_tcp(struct tcp *tcp, size_t slot, const uint8_t *bytes, size_t length,
                    int64_t now_ns)
{
    if (length < 7) {
        return 0;
    }
    size_t rest = (size_t)(bytes[4] << 8 | bytes[5]);
    if (bytes[2] != 0 || bytes[3] != 0 || rest < 2 || rest > FRAME_PDU_MAX + 1) {
        return -1;
    }
    if (length < 6 + rest) {
        return 0;
    }
    serve(tcp, slot, (uint16_t)(bytes[0] << 8 | bytes[1]), bytes[6], bytes + 7, rest - 1, now_ns);
    return (int)(6 + rest);
}

static int take_rtu(struct tcp *tcp, size_t slot, const uint8_t *bytes, size_t length,
                    int64_t now_ns)
{
    int expected = frame_request_length(bytes, length);
    size_t whole = expected < 0 ? length : (size_t)expected;
    if (whole == 0 || whole > length) {
        return 0;
    }
    if (whole > FRAME_RTU_MAX || !frame_crc_good(bytes, whole)) {
        stats_add(&tcp->connections[slot]->line->stats.garbage);
        return (int)length; // nothing tells where the next frame begins: all of it goes
    }
    serve(tcp, slot, 0, bytes[0], bytes + 1, whole - 3, now_ns);
    return (int)whole;
}

static void connection_work(struct tcp *tcp, size_t slot, int64_t now_ns)
{
    struct connection *connection = tcp->connections[slot];
    bool tcp_frames = connection->line->transport == TRANSPORT_TCP;
    size_t taken = 0;
    while (connection_has_room(connection) && taken < connection->in_length) {
        const uint8_t *bytes = connection->in + taken;
        size_t length = connection->in_length - taken;
        int used = tcp_frames ? take_tcp(tcp, slot, bytes, length, now_ns)
                              : take_rtu(tcp, slot, bytes, length, now_ns);
        if (used < 0) {
            stats_add(&connection->line->stats.garbage);
            connection_close(connection, false);
        }
        if (used <= 0) {
            break;
        }
        taken += (size_t)used;
    }
    connection->in_length -= taken;
    memmove(connection->in, connection->in + taken, connection->in_length);
    connection_flush(connection);
}

// A master that does not read its answers is not read from either, until it does.
static void connection_watch(struct tcp *tcp, size_t slot)
{
    struct connection *connection = tcp->connections[slot];
    bool waits = connection->out_length > 0;
    if (connection->fd >= 0 && waits != connection->waits_for_room) {
        connection->waits_for_room = waits;
        epoll_set(tcp, EPOLL_CTL_MOD, connection->fd, waits ? EPOLLOUT : EPOLLIN,
                  event_key(EVENT_CONNECTION, connection->generation, slot));
    }
}

static void connection_event(struct tcp *tcp, size_t slot, uint32_t events)
{
    struct connection *connection = tcp->connections[slot];
    int64_t now_ns = clock_wait_ns();
    if (events & EPOLLIN) {
        if (connection->line->transport == TRANSPORT_RTU_OVER_TCP && connection->in_length > 0 &&
            now_ns - connection->last_ns > TCP_STALE_NS) {
            stats_add(&connection->line->stats.garbage);
            connection->in_length = 0;
        }
        ssize_t length = recv(connection->fd, connection->in + connection->in_length,
                              TCP_IN_MAX - connection->in_length, 0);
        if (length == 0 || (length < 0 && errno != EAGAIN)) {
            connection_close(connection, false);
            return;
        }
        connection->in_length += length > 0 ? (size_t)length : 0;
        connection->last_ns = now_ns;
    } else if (!(events & EPOLLOUT)) {
        connection_close(connection, false);
        return;
    }
    connection_work(tcp, slot, now_ns);
    connection_watch(tcp, slot);
}

// ---- what has its time

static void send_due(struct tcp *tcp, int64_t now_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < tcp->pending_count; i++) {
        struct pending *pending = &tcp->pending[i];
        struct connection *connection = tcp->connections[pending->connection];
        if (pending->due_ns > now_ns) {
            tcp->pending[kept++] = *pending;
        } else if (connection->fd >= 0 && connection->generation == pending->generation &&
                   connection_has_room(connection)) {
            connection_put(connection, &pending->answer);
            connection_flush(connection);
            connection_watch(tcp, pending->connection);
        }
    }
    tcp->pending_count = kept;
}

static void line_leave(struct tcp *tcp, size_t index)
{
    close(tcp->listeners[index]);
    tcp->listeners[index] = -1;
    for (size_t slot = 0; slot < TCP_CONNECTIONS_MAX; slot++) {
        struct connection *connection = tcp->connections[slot];
        if (connection != NULL && connection->line == &tcp->lab->lines[index]) {
            connection_close(connection, true);
        }
    }
}

// Lines that are to vanish go, those whose time is over come back. Returns when to look again.
static int64_t lines_come_and_go(struct tcp *tcp, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < tcp->lab->line_count; i++) {
        struct lab_line *line = &tcp->lab->lines[i];
        int64_t until_ns = atomic_load(&line->gone_ns);
        struct why why;
        if (until_ns == 0 || line->transport == TRANSPORT_RTU) {
            continue;
        }
        if (tcp->listeners[i] >= 0) {
            line_leave(tcp, i);
        }
        if (until_ns <= now_ns && line_listen(tcp, i, &why) == OK) {
            atomic_compare_exchange_strong(&line->gone_ns, &until_ns, 0);
            continue;
        }
        int64_t look_ns = until_ns <= now_ns ? now_ns + TCP_RETRY_NS : until_ns;
        next_ns = look_ns < next_ns ? look_ns : next_ns;
    }
    return next_ns;
}

static int wait_ms(const struct tcp *tcp, int64_t next_ns, int64_t now_ns)
{
    for (size_t i = 0; i < tcp->pending_count; i++) {
        next_ns = tcp->pending[i].due_ns < next_ns ? tcp->pending[i].due_ns : next_ns;
    }
    if (next_ns == INT64_MAX) {
        return -1;
    }
    int64_t left_ms = (next_ns - now_ns + 999999) / 1000000;
    return left_ms < 0 ? 0 : left_ms > 3600000 ? 3600000 : (int)left_ms;
}

static void handle_event(struct tcp *tcp, const struct epoll_event *event)
{
    enum event_kind kind = (enum event_kind)(event->data.u64 >> 56);
    uint32_t generation = (uint32_t)(event->data.u64 >> 32) & 0xffffff;
    size_t index = (uint32_t)event->data.u64;
    if (kind == EVENT_WAKE) {
        eventfd_t woken;
        eventfd_read(tcp->wake, &woken);
    } else if (kind == EVENT_LISTENER) {
        if (tcp->listeners[index] >= 0) {
            accept_one(tcp, index);
        }
    } else if (tcp->connections[index]->fd >= 0 &&
               (tcp->connections[index]->generation & 0xffffff) == generation) {
        connection_event(tcp, index, event->events);
    }
}

static void *tcp_run(void *context)
{
    struct tcp *tcp = context;
    struct epoll_event events[TCP_EVENTS_MAX];
    int64_t next_ns = INT64_MAX;
    while (!atomic_load(&tcp->lab->stopping)) {
        int timeout = -1;
        if (tcp->pending_count > 0 || next_ns != INT64_MAX) {
            timeout = wait_ms(tcp, next_ns, clock_wait_ns());
        }
        int count = epoll_wait(tcp->epoll, events, TCP_EVENTS_MAX, timeout);
        bool woken = count == 0;
        for (int i = 0; i < count; i++) {
            woken = woken || events[i].data.u64 == event_key(EVENT_WAKE, 0, 0);
            handle_event(tcp, &events[i]);
        }
        if (tcp->pending_count > 0) {
            send_due(tcp, clock_wait_ns());
        }
        if (woken || next_ns != INT64_MAX) {
            next_ns = lines_come_and_go(tcp, clock_wait_ns());
        }
    }
    return NULL;
}

// ---- start and stop

static void tcp_free(struct tcp *tcp)
{
    for (size_t i = 0; i < TCP_CONNECTIONS_MAX; i++) {
        if (tcp->connections[i] != NULL) {
            connection_close(tcp->connections[i], false);
            free(tcp->connections[i]);
        }
    }
    for (size_t i = 0; i < tcp->lab->line_count; i++) {
        if (tcp->listeners[i] >= 0) {
            close(tcp->listeners[i]);
        }
        if (tcp->lab->lines[i].transport != TRANSPORT_RTU) {
            tcp->lab->lines[i].wake = -1;
        }
    }
    if (tcp->epoll >= 0) {
        close(tcp->epoll);
    }
    if (tcp->wake >= 0) {
        close(tcp->wake);
    }
    free(tcp);
}

static int tcp_open(struct tcp *tcp, struct why *why)
{
    tcp->epoll = epoll_create1(EPOLL_CLOEXEC);
    tcp->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (tcp->epoll < 0 || tcp->wake < 0 ||
        !epoll_set(tcp, EPOLL_CTL_ADD, tcp->wake, EPOLLIN, event_key(EVENT_WAKE, 0, 0))) {
        return why_set(why, ERROR_SYSTEM, "epoll: %s", strerror(errno));
    }
    for (size_t i = 0; i < tcp->lab->line_count; i++) {
        struct lab_line *line = &tcp->lab->lines[i];
        if (line->transport == TRANSPORT_RTU) {
            continue;
        }
        line->wake = tcp->wake;
        int status = line_listen(tcp, i, why);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

int tcp_start(struct tcp **out, struct lab *lab, struct why *why)
{
    size_t lines = 0;
    *out = NULL;
    for (size_t i = 0; i < lab->line_count; i++) {
        lines += lab->lines[i].transport != TRANSPORT_RTU;
    }
    if (lines == 0) {
        return OK;
    }
    struct tcp *tcp = calloc(1, sizeof *tcp);
    if (tcp == NULL) {
        return why_set(why, ERROR_MEMORY, "no memory");
    }
    tcp->lab = lab;
    memset(tcp->listeners, 0xff, sizeof tcp->listeners);
    int status = tcp_open(tcp, why);
    if (status == OK) {
        int failed = pthread_create(&tcp->thread, NULL, tcp_run, tcp);
        if (failed != 0) {
            status = why_set(why, ERROR_SYSTEM, "cannot start a thread: %s", strerror(failed));
        }
    }
    if (status != OK) {
        tcp_free(tcp);
        return status;
    }
    *out = tcp;
    return OK;
}

void tcp_stop(struct tcp *tcp)
{
    if (tcp != NULL) {
        pthread_join(tcp->thread, NULL);
        tcp_free(tcp);
    }
}
