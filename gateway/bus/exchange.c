#include "bus/exchange.h"

#include "base/clock.h"

#include <errno.h>
#include <modbus.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BABBLE_NS         1000000000 // how long beyond late_max a line is heard out in one call
#define NETWORK_QUIET_NS  10000000   // RTU over TCP: what passes for silence
#define NAP_LEAST_NS      2000000    // shorter waits for the rest of a frame are left to poll
#define ANSWER_SLACK_NS   50000000   // an answer that has begun may be this much slower than wire
#define IDLE_UNCHECKED_NS 500000000  // a TCP connection idle for longer is looked at before use

int exchange_send(struct port *port, const struct frame_request *request)
{
    uint8_t bytes[12];
    if (!frame_function_allowed(request->function)) {
        return ERROR_REFUSED;
    }
    ssize_t sent;
    size_t length;
    if (request->tcp) {
        // modbus_send_raw_request leaves the transaction number zero in every request; with one of
        // its own in each, a second answer to the last request is not taken for one to this.
        length = frame_request_bytes(request, bytes);
        sent = send(port->fd, bytes, length, MSG_NOSIGNAL);
    } else {
        length = frame_request_body(request, bytes);
        sent = modbus_send_raw_request(port->modbus, bytes, (int)length);
        length += 2; // libmodbus adds the CRC
    }
    if (sent == (ssize_t)length) {
        return OK;
    }
    return sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK ? ERROR_CLOSED : ERROR_TIMEOUT;
}

// Reads what poll() says is there. Bytes read; 0 when there is nothing; ERROR_CLOSED, with errno 0
// when the other side closed.
static ssize_t read_some(const struct port *port, void *out, size_t room)
{
    ssize_t got = read(port->fd, out, room);
    if (got > 0) {
        return got;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    errno = got == 0 ? 0 : errno;
    return ERROR_CLOSED;
}

static void lose(struct exchange *exchange, struct port *port)
{
    exchange->outcome = EXCHANGE_LOST;
    exchange->lost_errno = errno;
    port->late_until_ns = exchange->sent_ns + port->bus->late_max_us * 1000;
    port_close(port);
}

// The two clocks at the midpoint, from one reading of each at the end and the span in between.
static void take_time(struct exchange *exchange, const struct clock *clock)
{
    exchange->ended_ns = clock_wait_ns();
    int64_t half_ns = (exchange->ended_ns - exchange->sent_ns) / 2;
    exchange->half_window_us = (half_ns + 999) / 1000;
    exchange->t_us = clock_wall_us(clock) - half_ns / 1000;
    exchange->mono_us = clock_mono_us(clock) - half_ns / 1000;
}

// Waits, by the absolute clock, until the line has been silent for 3.5 characters.
static int keep_gap(const struct port *port, struct wake *wake)
{
    int64_t until = port->quiet_ns + port->gap_ns;
    if (until <= clock_wait_ns()) {
        return OK;
    }
    if (until - clock_wait_ns() > 20 * INT64_C(1000000)) {
        return wake_sleep(wake, until); // 300 baud: long enough to be stopped in
    }
    struct timespec when = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) {
    }
    return OK;
}

// What was received while the request itself was on the wire is not an answer: dropped. Counts in
// *heard how much of it was our own request, echoed.
static int pass_request_time(struct exchange *exchange, struct port *port, struct wake *wake,
                             const uint8_t *request, size_t length, size_t *heard)
{
    int64_t end = exchange->sent_ns + (int64_t)length * port->character_ns;
    bool echo = true;
    *heard = 0;
    while (clock_wait_ns() < end) {
        int result = wake_poll(wake, port->fd, POLLIN, end);
        if (result == ERROR_TIMEOUT) {
            break;
        }
        if (result < 0) {
            return result;
        }
        // Woken after the end: whether it came before is not known, and the answer is judged
        // anyway.
        if (clock_wait_ns() >= end) {
            break;
        }
        uint8_t early[FRAME_MAX];
        ssize_t got = read_some(port, early, sizeof early);
        if (got < 0) {
            return ERROR_CLOSED;
        }
        for (ssize_t i = 0; i < got && echo; i++) {
            echo = *heard < length && early[i] == request[*heard];
            *heard += echo;
        }
    }
    port->quiet_ns = end > clock_wait_ns() ? end : clock_wait_ns();
    *heard = echo ? *heard : length;
    return OK;
}

// The rest of a frame takes its wire time: sleep through most of it rather than wake at each byte.
static int nap(const struct port *port, struct wake *wake, size_t need)
{
    int64_t rest_ns = (int64_t)(need - 1) * port->character_ns;
    if (need < 2 || rest_ns < NAP_LEAST_NS) {
        return OK;
    }
    return wake_sleep(wake, clock_wait_ns() + rest_ns - rest_ns / 8);
}

// Judges what has been received, our own echo at its start left out.
static struct frame_answer judge(struct exchange *exchange, const struct frame_request *request,
                                 const uint8_t *sent, size_t sent_length, size_t *heard)
{
    if (!request->tcp) {
        bool undecided;
        size_t echo =
            frame_echo(sent, sent_length, *heard, exchange->bytes, exchange->length, &undecided);
        if (undecided) {
            return (struct frame_answer){.state = FRAME_MORE, .need = 1};
        }
        if (echo > 0) {
            *heard = sent_length;
            exchange->length -= echo;
            memmove(exchange->bytes, exchange->bytes + echo, exchange->length);
        }
    }
    return frame_judge(request, exchange->bytes, exchange->length);
}

// The time-out is for an answer to begin. When it has, it may take its wire time and a quarter.
static int64_t whole_by(const struct port *port, size_t need, const struct frame_request *request,
                        int64_t deadline)
{
    size_t most =
        request->function == FUNCTION_REPORT_SERVER_ID ? FRAME_MAX : 5 + 2 * (size_t)request->count;
    size_t rest = need > most ? need : most;
    int64_t by = port->quiet_ns + (int64_t)rest * port->character_ns * 5 / 4 + ANSWER_SLACK_NS;
    return by > deadline ? by : deadline;
}

// Collects bytes until they are an answer, cannot become one, or time is up. 0; ERROR_TIMEOUT;
// ERROR_CLOSED; ERROR_STOPPED.
static int receive(struct exchange *exchange, struct port *port, struct wake *wake,
                   const struct frame_request *request, int64_t begin_ns, size_t heard)
{
    uint8_t sent[12];
    size_t sent_length = frame_request_bytes(request, sent);
    int64_t deadline = begin_ns + port->bus->timeout_us * 1000;
    bool begun = false;
    exchange->answer = (struct frame_answer){.state = FRAME_MORE};
    while (exchange->answer.state == FRAME_MORE) {
        int result = wake_poll(wake, port->fd, POLLIN, deadline);
        if (result < 0) {
            return result;
        }
        ssize_t got = read_some(port, exchange->bytes + exchange->length,
                                sizeof exchange->bytes - exchange->length);
        if (got < 0) {
            return ERROR_CLOSED;
        }
        exchange->length += (size_t)got;
        exchange->answer = judge(exchange, request, sent, sent_length, &heard);
        if (!request->tcp) {
            port->quiet_ns = clock_wait_ns();
        }
        if (exchange->answer.state == FRAME_MORE && exchange->length > 0 && !request->tcp) {
            deadline = begun ? deadline : whole_by(port, exchange->answer.need, request, deadline);
            begun = true;
            if ((result = nap(port, wake, exchange->answer.need)) != OK) {
                return result;
            }
        }
    }
    return OK;
}

// A device closes a connection that it finds idle; that costs no reading when it is seen before the
// request is sent.
static bool closed_while_idle(const struct port *port)
{
    uint8_t byte;
    if (port->bus->transport == TRANSPORT_RTU ||
        clock_wait_ns() - port->quiet_ns < IDLE_UNCHECKED_NS) {
        return false;
    }
    ssize_t got = recv(port->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    errno = got == 0 ? 0 : errno;
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

// More may come that is no answer to the next request: the line is heard out, the connection begun
// afresh.
static void distrust(const struct exchange *exchange, struct port *port)
{
    if (!port_is_rtu(port)) {
        port_close(port);
        return;
    }
    port->unsettled = true;
    port->late_until_ns = exchange->sent_ns + port->bus->late_max_us * 1000;
}

static void fail(struct exchange *exchange, struct port *port, enum exchange_outcome outcome)
{
    exchange->outcome = outcome;
    exchange->ended_ns = clock_wait_ns();
    distrust(exchange, port);
}

// Drops what came since the last answer: nobody asked for it. Not where frames are TCP frames:
// there the transaction number tells.
static int drop_unasked(struct port *port)
{
    uint8_t unasked[FRAME_MAX];
    ssize_t got = 1;
    switch (port->bus->transport) {
    case TRANSPORT_TCP: return OK;
    // read() gives 0 on a serial port that has nothing as on one that is gone.
    case TRANSPORT_RTU: return tcflush(port->fd, TCIFLUSH) < 0 ? ERROR_CLOSED : OK;
    case TRANSPORT_RTU_OVER_TCP: break;
    }
    while (got > 0) {
        got = read_some(port, unasked, sizeof unasked);
    }
    return got < 0 ? ERROR_CLOSED : OK;
}

static void conclude(struct exchange *exchange, struct port *port, const struct clock *clock,
                     int result)
{
    if (result == ERROR_STOPPED) {
        fail(exchange, port, EXCHANGE_STOPPED);
    } else if (result == ERROR_CLOSED) {
        lose(exchange, port);
        exchange->ended_ns = clock_wait_ns();
    } else if (result != OK) {
        fail(exchange, port, EXCHANGE_TIMEOUT);
    } else if (exchange->answer.state == FRAME_COMPLETE ||
               exchange->answer.state == FRAME_EXCEPTION) {
        exchange->outcome =
            exchange->answer.state == FRAME_COMPLETE ? EXCHANGE_OK : EXCHANGE_EXCEPTION;
        take_time(exchange, clock);
        port->quiet_ns = exchange->ended_ns;
        if (exchange->length > exchange->answer.length) {
            distrust(exchange, port); // it said more than it was asked
        }
    } else {
        fail(exchange, port, EXCHANGE_DAMAGED);
    }
}

void exchange_run(struct exchange *exchange, struct port *port, struct wake *wake,
                  const struct clock *clock, struct frame_request *request)
{
    request->tcp = !port_is_rtu(port);
    request->transaction = ++port->transaction;
    exchange->length = 0;
    exchange->sent_ns = clock_wait_ns();
    exchange->unsent = closed_while_idle(port);
    if (exchange->unsent) {
        lose(exchange, port);
        exchange->ended_ns = exchange->sent_ns;
        return;
    }
    int result = keep_gap(port, wake);
    size_t heard = 0;
    if (result == OK) {
        result = drop_unasked(port);
    }
    if (result == OK) {
        exchange->sent_ns = clock_wait_ns();
        result = exchange_send(port, request);
    }
    int64_t begin_ns = exchange->sent_ns;
    if (result == OK && port->character_ns > 0) {
        uint8_t sent[12];
        size_t length = frame_request_bytes(request, sent);
        begin_ns += (int64_t)length * port->character_ns;
        result = pass_request_time(exchange, port, wake, sent, length, &heard);
    }
    if (result == OK) {
        result = receive(exchange, port, wake, request, begin_ns, heard);
    }
    conclude(exchange, port, clock, result);
}

int exchange_settle(struct port *port, struct wake *wake)
{
    int64_t silence = port->bus->transport == TRANSPORT_RTU ? port->gap_ns : NETWORK_QUIET_NS;
    int64_t now = clock_wait_ns();
    int64_t give_up = (port->late_until_ns > now ? port->late_until_ns : now) + BABBLE_NS;
    // Bytes may wait unread since some time that we cannot know.
    port->quiet_ns = port->quiet_ns > now ? port->quiet_ns : now;
    while (port->unsettled) {
        int64_t quiet_at = port->quiet_ns + silence;
        int64_t until = quiet_at > port->late_until_ns ? quiet_at : port->late_until_ns;
        int result = wake_poll(wake, port->fd, POLLIN, until);
        if (result == ERROR_TIMEOUT) {
            port->unsettled = false;
            return OK;
        }
        if (result < 0) {
            return result;
        }
        uint8_t discarded[FRAME_MAX];
        if (read_some(port, discarded, sizeof discarded) < 0) {
            port_close(port);
            return ERROR_CLOSED;
        }
        port->quiet_ns = clock_wait_ns();
        if (port->quiet_ns > give_up) {
            return ERROR_BUSY;
        }
    }
    return OK;
}
