#include "uplink/connection.h"

#include <poll.h>
#include <sys/eventfd.h>

#define SECOND_US    INT64_C(1000000)
#define TICK_US      SECOND_US           // keep-alive, time limits, certificate files
#define PART_US      (SECOND_US * 3 / 2) // for acknowledgements and the farewell
#define PART_SAY_US  (SECOND_US / 2)     // of that, kept for the farewell
#define PART_STEP_MS 100

struct connection {
    const struct connection_parts *parts;
    struct session *session;
    bool up;
    int64_t up_at_us, tick_us; // when it came up; of the last tick
};

static int64_t now_us(const struct connection *connection)
{
    return clock_mono_us(connection->parts->clock);
}

static int open_session(struct connection *connection, struct tls *tls, const char *address,
                        struct connection_result *result)
{
    const struct connection_parts *parts = connection->parts;
    struct session_message will = presence_will(parts->presence);
    struct session_options options = {.tls = tls,
                                      .address = address,
                                      .port = parts->settings->port,
                                      .client_id = parts->client_id,
                                      .will = &will,
                                      .now_us = now_us(connection),
                                      .acknowledged = delivery_acknowledged,
                                      .context = parts->delivery,
                                      .received = dialogue_received,
                                      .received_context = parts->dialogue};
    int error = session_open(&connection->session, &options, &result->end, &result->why);
    if (error == OK) {
        delivery_attach(parts->delivery, connection->session);
    }
    return error;
}

static int on_up(struct connection *connection, struct why *why)
{
    const struct connection_parts *parts = connection->parts;
    connection->up = true;
    connection->up_at_us = now_us(connection);
    delivery_begin(parts->delivery);
    notices_all_well(parts->notices);
    notices_connected(parts->notices, true);
    notices_tell(parts->notices, "uplink.up", "connected");
    presence_announce(parts->presence);
    herald_up(parts->herald);
    return dialogue_up(parts->dialogue, why);
}

// Waits until the connection, the ledger or the clock has something for us. What poll says of the
// connection.
static short wait_for_more(struct connection *connection, int64_t wait_us)
{
    const struct connection_parts *parts = connection->parts;
    // While nothing may be sent, new blocks need not wake us.
    bool want_blocks = connection->up && delivery_wants_blocks(parts->delivery);
    struct pollfd fds[3] = {
        {.fd = session_fd(connection->session), .events = session_events(connection->session)},
        {.fd = parts->stop->fd, .events = POLLIN},
        {.fd = want_blocks ? parts->watch_fd : -1, .events = POLLIN}};
    int ready = poll(fds, 3, (int)((wait_us + 999) / 1000));
    if (ready <= 0) {
        return 0;
    }
    if (fds[2].revents) {
        eventfd_t count;
        eventfd_read(parts->watch_fd, &count);
        delivery_look(parts->delivery);
    }
    return fds[0].revents;
}

// Once a second. True when the connection is to be replaced by one with other certificates.
static bool tick(struct connection *connection)
{
    const struct connection_parts *parts = connection->parts;
    bool renew = certificates_look(parts->certificates);
    int64_t now = now_us(connection);
    if (connection->up && now - connection->tick_us >= TICK_US) {
        connection->tick_us = now;
        delivery_look(parts->delivery);
        presence_look(parts->presence);
    }
    return renew && connection->up;
}

// Runs the open session until it ends.
static enum ending run_session(struct connection *connection, struct connection_result *result)
{
    const struct connection_parts *parts = connection->parts;
    for (;;) {
        int64_t wait_us = TICK_US;
        if (atomic_load(&parts->stop->asked)) {
            return ENDING_STOP;
        }
        if (connection->up && delivery_send(parts->delivery, &wait_us)) {
            result->end = SESSION_LOST;
            why_set(&result->why, ERROR_CLOSED, "connection lost");
            return ENDING_FAULT;
        }
        short revents = wait_for_more(connection, wait_us);
        int error = session_step(connection->session, revents, now_us(connection), &result->end,
                                 &result->why);
        if (error == OK && session_is_up(connection->session) && !connection->up) {
            error = on_up(connection, &result->why);
            result->end = SESSION_LOST;
        }
        delivery_harvest(parts->delivery);
        if (error == OK && connection->up) {
            dialogue_look(parts->dialogue);
            herald_look(parts->herald);
        }
        if (error) {
            return ENDING_FAULT;
        }
        if (tick(connection)) {
            return ENDING_RENEW;
        }
    }
}

// Says good-bye: what is under way may still be acknowledged, the status says offline (when it is
// for good), the will is taken back.
static void part(struct connection *connection, bool for_good)
{
    const struct connection_parts *parts = connection->parts;
    struct session *session = connection->session;
    int64_t deadline_us = now_us(connection) + PART_US;
    enum session_end end;
    struct why why;
    bool said = false;
    dialogue_look(parts->dialogue); // the last checkpoint
    delivery_look(parts->delivery);
    herald_look(parts->herald);
    if (for_good) {
        presence_farewell(parts->presence);
    }
    for (;;) {
        int64_t left_us = deadline_us - now_us(connection);
        if (!said && (parts->delivery->window.count == 0 || left_us < PART_SAY_US)) {
            session_disconnect(session);
            said = true;
        }
        if (left_us <= 0) {
            return;
        }
        struct pollfd fd = {.fd = session_fd(session), .events = session_events(session)};
        int64_t wait_ms = left_us / 1000 + 1;
        if (fd.fd < 0 || poll(&fd, 1, (int)(wait_ms < PART_STEP_MS ? wait_ms : PART_STEP_MS)) < 0 ||
            session_step(session, fd.revents, now_us(connection), &end, &why)) {
            return;
        }
        delivery_harvest(parts->delivery);
    }
}

void connection_run(const struct connection_parts *parts, struct tls *tls, const char *address,
                    struct connection_result *result)
{
    struct connection connection = {.parts = parts};
    *result = (struct connection_result){.ending = ENDING_FAULT};
    if (open_session(&connection, tls, address, result)) {
        return;
    }
    result->ending = run_session(&connection, result);
    if (connection.up) {
        if (result->ending != ENDING_FAULT) {
            part(&connection, result->ending == ENDING_STOP);
        }
        result->was_up = true;
        result->up_us = now_us(&connection) - connection.up_at_us;
        notices_connected(parts->notices, false);
        dialogue_down(parts->dialogue);
    }
    delivery_attach(parts->delivery, NULL);
    session_close(connection.session);
}
