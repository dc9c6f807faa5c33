#include "control/control.h"

#include "base/clock.h"
#include "base/local_socket.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 8
#define REQUEST_MAX     2048
#define ANSWER_MAX      (8u << 20) // 20,000 points at "latest" are about 2 MiB
#define PATIENCE_MS     5000       // for a whole request, and for a reader to take some bytes
#define CLIENT_MS       10000      // for a whole answer

struct connection {
    int fd;              // -1: this place is free
    uid_t user;          // of the process at the other side
    int64_t deadline_ms; // monotonic: closed when nothing has come, or gone, by then
    char request[REQUEST_MAX + 1];
    size_t length;      // bytes in `request`
    struct text answer; // being sent; length 0: none
    size_t sent;
};

struct control {
    char *path;
    int listener, wake;
    pthread_t thread;
    control_answer *answer;
    void *context;
    struct connection connections[CONNECTIONS_MAX];
};

static void connection_close(struct connection *connection)
{
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    text_free(&connection->answer);
    *connection = (struct connection){.fd = -1, .answer = text_make(ANSWER_MAX)};
}

static void connection_accept(struct control *control)
{
    int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        close(fd);
        return;
    }
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &control->connections[i];
        if (connection->fd < 0) {
            connection->fd = fd;
            connection->user = peer.uid;
            connection->deadline_ms = clock_wait_ms() + PATIENCE_MS;
            return;
        }
    }
    close(fd);
}

// Sends what the socket takes now. False: the connection is to be closed.
static bool connection_send(struct connection *connection)
{
    while (connection->sent < connection->answer.length) {
        ssize_t sent = send(connection->fd, connection->answer.data + connection->sent,
                            connection->answer.length - connection->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errno == EAGAIN;
        }
        connection->sent += (size_t)sent;
        connection->deadline_ms = clock_wait_ms() + PATIENCE_MS;
    }
    // The memory goes back: an answer may be large and the next one far away.
    text_free(&connection->answer);
    connection->sent = 0;
    return true;
}

// Takes the first whole line of what has come, if there is one, and makes its answer. False: not a
// request.
static bool connection_answer(struct control *control, struct connection *connection)
{
    char *end = memchr(connection->request, '\n', connection->length);
    if (!end) {
        return connection->length <= REQUEST_MAX;
    }
    size_t used = (size_t)(end - connection->request) + 1;
    *end = '\0';
    if (strlen(connection->request) + 1 != used) {
        return false;
    }
    text_clear(&connection->answer);
    control->answer(control->context, connection->user, connection->request, &connection->answer);
    text_append(&connection->answer, "\n", 1);
    if (connection->answer.failed) {
        text_clear(&connection->answer);
        text_append_string(&connection->answer, "{\"error\":\"the answer is too long\"}\n");
    }
    memmove(connection->request, connection->request + used, connection->length - used);
    connection->length -= used;
    connection->sent = 0;
    return true;
}

// Reads more of a request. False: closed by the other side, or more than a request.
static bool connection_receive(struct connection *connection)
{
    size_t room = sizeof connection->request - connection->length;
    ssize_t got = recv(connection->fd, connection->request + connection->length, room, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    connection->length += (size_t)got;
    return got > 0;
}

static bool connection_serve(struct control *control, struct connection *connection, short events)
{
    if ((events & POLLIN) && !connection_receive(connection)) {
        return false;
    }
    if ((events & (POLLERR | POLLNVAL)) || ((events & POLLHUP) && !(events & POLLIN))) {
        return false;
    }
    for (;;) {
        if (connection->answer.length && !connection_send(connection)) {
            return false;
        }
        if (connection->answer.length) {
            return true;
        }
        if (!connection_answer(control, connection)) {
            return false;
        }
        if (!connection->answer.length) {
            return true;
        }
        connection->deadline_ms = clock_wait_ms() + PATIENCE_MS;
    }
}

// What to wait for: polls[0] wakes, polls[1] is the listener (deaf while all places are taken),
// then one for each place. Returns how long in milliseconds; -1: for ever.
static int control_expect(struct control *control, struct pollfd polls[CONNECTIONS_MAX + 2])
{
    int64_t now = clock_wait_ms(), wait = -1;
    bool room = false;
    polls[0] = (struct pollfd){.fd = control->wake, .events = POLLIN};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &control->connections[i];
        polls[i + 2] = (struct pollfd){.fd = connection->fd,
                                       .events = connection->answer.length ? POLLOUT : POLLIN};
        if (connection->fd < 0) {
            room = true;
            continue;
        }
        int64_t left = connection->deadline_ms > now ? connection->deadline_ms - now : 0;
        wait = wait < 0 || left < wait ? left : wait;
    }
    polls[1] = (struct pollfd){.fd = room ? control->listener : -1, .events = POLLIN};
    return (int)wait;
}

static void *control_run(void *context)
{
    struct control *control = context;
    struct pollfd polls[CONNECTIONS_MAX + 2];
    for (;;) {
        int ready = poll(polls, CONNECTIONS_MAX + 2, control_expect(control, polls));
        if (ready < 0) {
            continue;
        }
        if (polls[0].revents) {
            return NULL;
        }
        int64_t now = clock_wait_ms();
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            struct connection *connection = &control->connections[i];
            if (connection->fd < 0) {
                continue;
            }
            bool keep = polls[i + 2].revents
                            ? connection_serve(control, connection, polls[i + 2].revents)
                            : now < connection->deadline_ms;
            if (!keep) {
                connection_close(connection);
            }
        }
        if (polls[1].revents) {
            connection_accept(control);
        }
    }
}

int control_start(struct control **out, const char *path, control_answer *answer, void *context,
                  struct why *why)
{
    *out = NULL;
    struct control *control = calloc(1, sizeof *control);
    if (!control) {
        return why_set(why, ERROR_MEMORY, "control socket: no memory");
    }
    control->answer = answer;
    control->context = context;
    control->listener = -1;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        control->connections[i] = (struct connection){.fd = -1, .answer = text_make(ANSWER_MAX)};
    }
    int error = ERROR_MEMORY;
    control->wake = eventfd(0, EFD_CLOEXEC);
    control->path = strdup(path);
    if (control->wake < 0 || !control->path) {
        why_set(why, error, "control socket: no memory or descriptors");
        goto free_control;
    }
    struct why reason;
    error = local_socket_listen(&control->listener, path, 0660, CONNECTIONS_MAX, &reason);
    if (error == ERROR_BUSY) {
        why_set(why, error, "control socket %s: another daemon listens there", path);
        goto free_control;
    }
    if (error) {
        why_set(why, error, "control socket %s", reason.text);
        goto free_control;
    }
    if (pthread_create(&control->thread, NULL, control_run, control) != 0) {
        error = why_set(why, ERROR_SYSTEM, "control socket: cannot start a thread");
        unlink(path);
        goto free_control;
    }
    *out = control;
    return OK;

free_control:
    if (control->listener >= 0) {
        close(control->listener);
    }
    if (control->wake >= 0) {
        close(control->wake);
    }
    free(control->path);
    free(control);
    return error;
}

void control_stop(struct control *control)
{
    if (!control) {
        return;
    }
    uint64_t one = 1;
    while (write(control->wake, &one, sizeof one) < 0 && errno == EINTR) {
    }
    pthread_join(control->thread, NULL);
    unlink(control->path);
    close(control->listener);
    close(control->wake);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        connection_close(&control->connections[i]);
    }
    free(control->path);
    free(control);
}

// --- client

static int client_read_line(int fd, struct text *out, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - clock_wait_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&wait, 1, (int)left) == 0) {
            return ERROR_TIMEOUT;
        }
        char bytes[16384];
        ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? ERROR_SYSTEM : ERROR_CLOSED;
        }
        bool ended = bytes[got - 1] == '\n';
        text_append(out, bytes, (size_t)got - ended);
        if (out->failed || ended) {
            return out->failed ? ERROR_RANGE : OK;
        }
    }
}

int control_ask(const char *path, const char *request, struct text *out, struct why *why)
{
    int fd;
    struct why reason;
    int error = local_socket_connect(&fd, path, &reason);
    if (error == ERROR_ABSENT) {
        return why_set(why, error, "control socket %s: no daemon listens there", path);
    }
    if (error) {
        return why_set(why, error, "control socket %s", reason.text);
    }
    char line[REQUEST_MAX + 2];
    int length = snprintf(line, sizeof line, "%s\n", request);
    text_clear(out);
    if (length < 0 || (size_t)length > REQUEST_MAX) {
        error = why_set(why, ERROR_RANGE, "control socket: the request is too long");
    } else if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length) {
        error = why_set(why, ERROR_CLOSED, "control socket %s: %s", path, strerror(errno));
    } else {
        error = client_read_line(fd, out, clock_wait_ms() + CLIENT_MS);
        if (error) {
            why_set(why, error, "control socket %s: no whole answer: %s", path, error_text(error));
        }
    }
    close(fd);
    return error;
}
