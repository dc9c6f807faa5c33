// A scripted instrument for tests of the bus: speaks Modbus RTU on a pty or RTU or TCP framing on a
// TCP port, and misbehaves as told. Each register holds its unit and address, so that a value taken
// for another register's is seen.
//
// A thread of its own. Not for the daemon.
#ifndef TALLY_TESTS_FAKE_PEER_H
#define TALLY_TESTS_FAKE_PEER_H

#include "bus/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum peer_fault {
    PEER_GOOD,
    PEER_SILENT,
    PEER_LATE,  // answers, `late_us` after the request
    PEER_NOISE, // three bytes, then the answer
    PEER_WRONG_UNIT,
    PEER_WRONG_LENGTH, // one register too many
    PEER_WRONG_FUNCTION,
    PEER_BAD_CRC,
    PEER_HALF,
    PEER_BYTES,     // the answer byte by byte
    PEER_ECHO,      // the request, at once, then the answer
    PEER_ECHO_LATE, // the request and the answer together
    PEER_TWICE,     // the answer two times
    PEER_EXCEPTION, // `exception`
    PEER_RESET,     // TCP: closes instead of answering
};

#define PEER_ANSWERS 2048

struct peer {
    bool tcp_frames; // else RTU
    bool pty;
    int64_t character_ns;          // pty: the wire time of a character
    int64_t late_us, late_most_us; // late answers beyond late_most_us are not given at all
    uint8_t exception;
    // What to do with this request; NULL: PEER_GOOD. Called from the peer's thread.
    enum peer_fault (*choose)(struct peer *peer, const struct frame_request *request);
    void *context;

    char device[64];  // the pty's other side
    char service[8];  // the TCP port's digits
    int listener, fd; // fd: the pty's master, or the connection
    int keep;         // pty: keeps it alive while nobody has it open
    pthread_t thread;
    atomic_bool stopping;
    atomic_int requests, connections, strange;
    // Since before the last write: what comes sooner after it than a gap came too soon, however
    // late this thread hears of its write's end.
    int64_t wrote_ns;
    // By request, modulo: when its answer had been written; INT64_MAX while it is, 0 if not.
    _Atomic int64_t answers_ns[PEER_ANSWERS];
    _Atomic int64_t least_gap_ns;
};

static inline int64_t peer_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void peer_sleep_until(int64_t when_ns)
{
    struct timespec when = {when_ns / 1000000000, when_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) {
    }
}

static inline uint16_t peer_register(uint8_t unit, uint16_t address)
{
    return (uint16_t)(unit << 12 | (address & 0x0FFF));
}

// Whether the data are those of these registers of that unit.
static inline bool peer_data_right(uint8_t unit, uint16_t address, uint16_t count,
                                   const uint8_t *data)
{
    for (uint16_t i = 0; i < count; i++) {
        uint16_t value = peer_register(unit, (uint16_t)(address + i));
        if (data[2 * i] != value >> 8 || data[2 * i + 1] != (value & 0xFF)) {
            return false;
        }
    }
    return true;
}

static inline void peer_write(struct peer *peer, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        peer->wrote_ns = peer_now_ns();
        ssize_t wrote = peer->pty ? write(peer->fd, bytes, length)
                                  : send(peer->fd, bytes, length, MSG_NOSIGNAL);
        if (wrote <= 0) {
            return;
        }
        bytes += wrote;
        length -= (size_t)wrote;
    }
}

// Header or CRC around a body of unit, function and data.
static inline size_t peer_frame(const struct peer *peer, const struct frame_request *request,
                                const uint8_t *body, size_t length, uint8_t *out)
{
    if (peer->tcp_frames) {
        const uint8_t header[6] = {(uint8_t)(request->transaction >> 8),
                                   (uint8_t)request->transaction,
                                   0,
                                   0,
                                   0,
                                   (uint8_t)length};
        memcpy(out, header, 6);
        memcpy(out + 6, body, length);
        return length + 6;
    }
    memcpy(out, body, length);
    uint16_t crc = frame_crc(out, length);
    out[length] = (uint8_t)crc;
    out[length + 1] = (uint8_t)(crc >> 8);
    return length + 2;
}

static inline size_t peer_answer(const struct peer *peer, const struct frame_request *request,
                                 enum peer_fault fault, uint8_t *out)
{
    uint8_t body[260];
    uint16_t count = (uint16_t)(request->count + (fault == PEER_WRONG_LENGTH));
    body[0] = (uint8_t)(request->unit + (fault == PEER_WRONG_UNIT));
    body[1] = (uint8_t)(request->function ^ (fault == PEER_WRONG_FUNCTION ? 7 : 0));
    if (fault == PEER_EXCEPTION) {
        body[1] |= 0x80;
        body[2] = peer->exception;
        return peer_frame(peer, request, body, 3, out);
    }
    if (request->function == FUNCTION_REPORT_SERVER_ID) {
        memcpy(body + 2, "\x06PEER-\xFF", 7);
        return peer_frame(peer, request, body, 9, out);
    }
    body[2] = (uint8_t)(2 * count);
    for (uint16_t i = 0; i < count; i++) {
        uint16_t value = peer_register(request->unit, (uint16_t)(request->address + i));
        body[3 + 2 * i] = (uint8_t)(value >> 8);
        body[4 + 2 * i] = (uint8_t)value;
    }
    return peer_frame(peer, request, body, 3 + 2 * (size_t)count, out);
}

static inline void peer_say(struct peer *peer, enum peer_fault fault, const uint8_t *asked,
                            size_t asked_length, const uint8_t *bytes, size_t length)
{
    if (fault == PEER_NOISE) {
        peer_write(peer, (const uint8_t *)"\x55\x00\x13", 3);
    }
    if (fault == PEER_ECHO_LATE) {
        peer_write(peer, asked, asked_length);
    }
    if (fault == PEER_BYTES) {
        for (size_t i = 0; i < length; i++) {
            peer_write(peer, bytes + i, 1);
            peer_sleep_until(peer_now_ns() + 200000);
        }
        return;
    }
    if (fault == PEER_TWICE && !peer->tcp_frames) {
        // At once: an RTU answer that came again later would be like any other answer.
        uint8_t twice[600];
        memcpy(twice, bytes, length);
        memcpy(twice + length, bytes, length);
        peer_write(peer, twice, 2 * length);
        return;
    }
    peer_write(peer, bytes, fault == PEER_HALF ? length / 2 : length);
    if (fault == PEER_TWICE) {
        peer_write(peer, bytes, length);
    }
}

static inline void peer_serve(struct peer *peer, const struct frame_request *request,
                              const uint8_t *asked, size_t asked_length, int64_t asked_ns)
{
    uint8_t bytes[300];
    int n = atomic_load(&peer->requests) - 1;
    _Atomic int64_t *answered_ns = &peer->answers_ns[n % PEER_ANSWERS];
    atomic_store(answered_ns, 0);
    enum peer_fault fault = peer->choose ? peer->choose(peer, request) : PEER_GOOD;
    size_t length = peer_answer(peer, request, fault, bytes);
    if (fault == PEER_BAD_CRC) {
        bytes[length - 1] ^= 0x40;
    }
    if (fault == PEER_ECHO) {
        peer_write(peer, asked, asked_length);
    }
    if (fault == PEER_RESET) {
        shutdown(peer->fd, SHUT_RDWR);
        return;
    }
    // The request's own time on the wire, and the silence that ends it.
    int64_t when_ns = asked_ns + (int64_t)(asked_length * 2 + 7) * peer->character_ns / 2;
    if (fault == PEER_LATE) {
        when_ns = asked_ns + peer->late_us * 1000;
    }
    peer_sleep_until(when_ns);
    if (fault == PEER_SILENT ||
        (fault == PEER_LATE && peer_now_ns() > asked_ns + peer->late_most_us * 1000)) {
        return;
    }
    atomic_store(answered_ns, INT64_MAX);
    peer_say(peer, fault, asked, asked_length, bytes, length);
    atomic_store(answered_ns, peer_now_ns());
}

// The request at the start of `bytes`: its length; 0 when it is not whole yet.
static inline size_t peer_parse(const struct peer *peer, const uint8_t *bytes, size_t length,
                                struct frame_request *request)
{
    size_t head = peer->tcp_frames ? 6 : 0, tail = peer->tcp_frames ? 0 : 2;
    if (length < head + 2) {
        return 0;
    }
    const uint8_t *body = bytes + head;
    size_t whole = head + (body[1] == FUNCTION_REPORT_SERVER_ID ? 2 : 6) + tail;
    if (length < whole) {
        return 0;
    }
    *request = (struct frame_request){.unit = body[0],
                                      .function = body[1],
                                      .tcp = peer->tcp_frames,
                                      .transaction = (uint16_t)(bytes[0] << 8 | bytes[1])};
    if (body[1] != FUNCTION_REPORT_SERVER_ID) {
        request->address = (uint16_t)(body[2] << 8 | body[3]);
        request->count = (uint16_t)(body[4] << 8 | body[5]);
    }
    return whole;
}

// Serves what comes in on fd until it ends.
static inline void peer_converse(struct peer *peer)
{
    uint8_t bytes[512];
    size_t length = 0;
    while (!atomic_load(&peer->stopping)) {
        struct pollfd polled = {.fd = peer->fd, .events = POLLIN};
        if (poll(&polled, 1, 20) <= 0) {
            continue;
        }
        ssize_t got = read(peer->fd, bytes + length, sizeof bytes - length);
        if (got <= 0) {
            return;
        }
        int64_t now = peer_now_ns();
        if (length == 0 && peer->wrote_ns > 0 &&
            now - peer->wrote_ns < atomic_load(&peer->least_gap_ns)) {
            atomic_store(&peer->least_gap_ns, now - peer->wrote_ns);
        }
        length += (size_t)got;
        struct frame_request request;
        size_t whole = peer_parse(peer, bytes, length, &request);
        if (whole > 0 && request.count > 125) {
            atomic_fetch_add(&peer->strange, 1); // more registers than an answer holds
            length = 0;
        } else if (whole > 0) {
            atomic_fetch_add(&peer->requests, 1);
            if (!frame_function_allowed(request.function)) {
                atomic_fetch_add(&peer->strange, 1);
            }
            peer_serve(peer, &request, bytes, whole, now);
            length -= whole;
            memmove(bytes, bytes + whole, length);
        }
    }
}

static inline void *peer_run(void *context)
{
    struct peer *peer = context;
    while (!atomic_load(&peer->stopping) && peer->pty) {
        peer_converse(peer);
    }
    while (!atomic_load(&peer->stopping)) {
        struct pollfd polled = {.fd = peer->listener, .events = POLLIN};
        if (poll(&polled, 1, 20) > 0) {
            int yes = 1;
            peer->fd = accept(peer->listener, NULL, NULL);
            setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            atomic_fetch_add(&peer->connections, 1);
            peer_converse(peer);
            close(peer->fd);
        }
    }
    return NULL;
}

static inline bool peer_start(struct peer *peer)
{
    atomic_store(&peer->stopping, false);
    atomic_store(&peer->least_gap_ns, INT64_MAX);
    peer->wrote_ns = 0;
    return pthread_create(&peer->thread, NULL, peer_run, peer) == 0;
}

static inline bool peer_start_pty(struct peer *peer)
{
    peer->pty = true;
    peer->fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (peer->fd < 0 || grantpt(peer->fd) || unlockpt(peer->fd) ||
        ptsname_r(peer->fd, peer->device, sizeof peer->device)) {
        return false;
    }
    peer->keep = open(peer->device, O_RDWR | O_NOCTTY);
    // A pty echoes unless told otherwise: the peer would hear its own answer, where the port was
    // closed, and set back to this, before it came.
    struct termios raw;
    if (peer->keep < 0 || tcgetattr(peer->keep, &raw)) {
        return false;
    }
    cfmakeraw(&raw);
    return tcsetattr(peer->keep, TCSANOW, &raw) == 0 && peer_start(peer);
}

// On the port of `service`, or on a free one when that is empty.
static inline bool peer_start_tcp(struct peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(peer->service)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int yes = 1;
    peer->fd = -1;
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(peer->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(peer->listener, (struct sockaddr *)&address, size) || listen(peer->listener, 8) ||
        getsockname(peer->listener, (struct sockaddr *)&address, &size)) {
        return false;
    }
    snprintf(peer->service, sizeof peer->service, "%d", ntohs(address.sin_port));
    return peer_start(peer);
}

// Ends the thread and takes the pty or port away.
static inline void peer_stop(struct peer *peer)
{
    atomic_store(&peer->stopping, true);
    pthread_join(peer->thread, NULL);
    if (peer->pty) {
        close(peer->fd);
        close(peer->keep);
    } else {
        close(peer->listener);
    }
}

#endif
