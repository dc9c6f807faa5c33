#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "bus/exchange.h"
#include "bus/plan.h"

#include "fake_peer.h"

#include <stdlib.h>

#define TIMEOUT_US  50000
#define LATE_MAX_US 100000

// One bus with its peer, ready to be asked.
struct bench {
    struct peer peer;
    struct config_bus bus;
    struct port port;
    struct wake wake;
    struct exchange exchange;
    _Atomic int next; // enum peer_fault: what the peer does with the next request; later ones are
                      // answered well
};

static enum peer_fault once(struct peer *peer, const struct frame_request *request)
{
    (void)request;
    _Atomic int *next = peer->context;
    return (enum peer_fault)atomic_exchange(next, PEER_GOOD);
}

static void prepare(struct bench *bench, enum bus_transport transport)
{
    *bench = (struct bench){0};
    bench->bus = (struct config_bus){.name = "bench",
                                     .transport = transport,
                                     .host = "127.0.0.1",
                                     .baud = 115200,
                                     .stop_bits = 1,
                                     .parity = PARITY_EVEN,
                                     .low_latency = true,
                                     .timeout_us = TIMEOUT_US,
                                     .late_max_us = LATE_MAX_US};
    bench->peer.choose = once;
    bench->peer.context = &bench->next;
    bench->peer.tcp_frames = transport == TRANSPORT_TCP;
    bench->peer.late_us = TIMEOUT_US + 20000;
    bench->peer.late_most_us = LATE_MAX_US;
    bench->peer.exception = 4;
}

static void start(struct bench *bench)
{
    if (bench->bus.transport == TRANSPORT_RTU) {
        bench->peer.character_ns = bus_character_ns(&bench->bus);
        assert_true(peer_start_pty(&bench->peer));
        bench->bus.device = bench->peer.device;
    } else {
        assert_true(peer_start_tcp(&bench->peer));
        bench->bus.service = bench->peer.service;
    }
    assert_int_equal(wake_make(&bench->wake), OK);
    port_init(&bench->port, &bench->bus);
}

static void set_up(struct bench *bench, enum bus_transport transport)
{
    prepare(bench, transport);
    start(bench);
}

static void tear_down(struct bench *bench)
{
    port_close(&bench->port);
    wake_close(&bench->wake);
    peer_stop(&bench->peer);
    assert_int_equal(atomic_load(&bench->peer.strange), 0);
}

static enum exchange_outcome ask(struct bench *bench, uint8_t unit, uint16_t address,
                                 uint16_t count)
{
    struct frame_request request = {
        .unit = unit, .function = 3, .address = address, .count = count};
    struct why why = {""};
    if (port_open(&bench->port, &bench->wake, &why) != OK) {
        fail_msg("%s", why.text);
    }
    if (bench->port.unsettled) {
        assert_int_equal(exchange_settle(&bench->port, &bench->wake), OK);
    }
    exchange_run(&bench->exchange, &bench->port, &bench->wake, &clock_system, &request);
    if (bench->exchange.outcome == EXCHANGE_OK) {
        assert_int_equal(bench->exchange.answer.data_length, 2 * count);
        assert_true(peer_data_right(unit, address, count, bench->exchange.answer.data));
    }
    return bench->exchange.outcome;
}

static void good_answers_are_taken(enum bus_transport transport)
{
    struct bench bench;
    set_up(&bench, transport);
    for (uint16_t i = 0; i < 20; i++) {
        int64_t before = clock_wall_us(&clock_system);
        assert_int_equal(ask(&bench, (uint8_t)(1 + i % 5), (uint16_t)(100 * i), 1 + 6 * i),
                         EXCHANGE_OK);
        int64_t after = clock_wall_us(&clock_system);
        const struct exchange *done = &bench.exchange;
        assert_true(done->t_us - done->half_window_us >= before - 2);
        assert_true(done->t_us + done->half_window_us <= after + 2);
    }
    tear_down(&bench);
}

static void reads_over_rtu(void **state)
{
    (void)state;
    good_answers_are_taken(TRANSPORT_RTU);
}

static void reads_over_tcp(void **state)
{
    (void)state;
    good_answers_are_taken(TRANSPORT_TCP);
}

static void reads_rtu_over_tcp(void **state)
{
    (void)state;
    good_answers_are_taken(TRANSPORT_RTU_OVER_TCP);
}

static void the_gap_between_frames_is_kept(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, TRANSPORT_RTU);
    bench.bus.timeout_us = 10000000; // a peer that gets no processor breaks no gap
    for (int i = 0; i < 50; i++) {
        assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_OK);
    }
    assert_true(atomic_load(&bench.peer.least_gap_ns) >= bus_gap_ns(&bench.bus));
    tear_down(&bench);
}

// After each fault, another register of the same unit, with an answer of the same length: what is
// left of the fault must not be taken for it. `expected` is the faulty exchange's outcome.
static void fault_then_good(enum bus_transport transport, enum peer_fault fault,
                            enum exchange_outcome expected)
{
    struct bench bench;
    set_up(&bench, transport);
    for (uint16_t i = 0; i < 2; i++) {
        assert_int_equal(ask(&bench, 3, 10, 4), EXCHANGE_OK);
        bench.next = fault;
        assert_int_equal(ask(&bench, 3, (uint16_t)(200 + i), 4), expected);
        assert_int_equal(ask(&bench, 3, (uint16_t)(600 + i), 4), EXCHANGE_OK);
    }
    tear_down(&bench);
}

static const struct {
    enum peer_fault fault;
    enum exchange_outcome rtu, tcp;
} outcomes[] = {
    {PEER_SILENT, EXCHANGE_TIMEOUT, EXCHANGE_TIMEOUT},
    {PEER_LATE, EXCHANGE_TIMEOUT, EXCHANGE_TIMEOUT},
    {PEER_NOISE, EXCHANGE_DAMAGED, EXCHANGE_DAMAGED},
    {PEER_WRONG_UNIT, EXCHANGE_DAMAGED, EXCHANGE_DAMAGED},
    {PEER_WRONG_LENGTH, EXCHANGE_DAMAGED, EXCHANGE_DAMAGED},
    {PEER_WRONG_FUNCTION, EXCHANGE_DAMAGED, EXCHANGE_DAMAGED},
    {PEER_HALF, EXCHANGE_TIMEOUT, EXCHANGE_TIMEOUT},
    {PEER_EXCEPTION, EXCHANGE_EXCEPTION, EXCHANGE_EXCEPTION},
    {PEER_TWICE, EXCHANGE_OK, EXCHANGE_OK},
    {PEER_BYTES, EXCHANGE_OK, EXCHANGE_OK},
};

static void no_fault_on_a_serial_line_reaches_the_next_exchange(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        fault_then_good(TRANSPORT_RTU, outcomes[i].fault, outcomes[i].rtu);
    }
    fault_then_good(TRANSPORT_RTU, PEER_BAD_CRC, EXCHANGE_DAMAGED);
}

static void no_fault_on_rtu_over_tcp_reaches_the_next_exchange(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        fault_then_good(TRANSPORT_RTU_OVER_TCP, outcomes[i].fault, outcomes[i].rtu);
    }
    fault_then_good(TRANSPORT_RTU_OVER_TCP, PEER_BAD_CRC, EXCHANGE_DAMAGED);
}

static void no_fault_on_tcp_reaches_the_next_exchange(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        if (outcomes[i].fault != PEER_TWICE) {
            fault_then_good(TRANSPORT_TCP, outcomes[i].fault, outcomes[i].tcp);
        }
    }
}

// Its transaction number is the last one's.
static void a_second_answer_on_tcp_is_not_taken_for_the_next(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, TRANSPORT_TCP);
    for (uint16_t i = 0; i < 5; i++) {
        bench.next = PEER_TWICE;
        assert_int_equal(ask(&bench, 3, 10, 4), EXCHANGE_OK);
        usleep(5000);
        enum exchange_outcome outcome = ask(&bench, 3, (uint16_t)(600 + i), 4);
        assert_true(outcome == EXCHANGE_OK || outcome == EXCHANGE_DAMAGED);
        assert_int_equal(ask(&bench, 3, (uint16_t)(700 + i), 4), EXCHANGE_OK);
    }
    tear_down(&bench);
}

static void an_echo_of_the_request_is_passed_over(void **state)
{
    (void)state;
    fault_then_good(TRANSPORT_RTU, PEER_ECHO, EXCHANGE_OK);
    fault_then_good(TRANSPORT_RTU, PEER_ECHO_LATE, EXCHANGE_OK);
}

static void noise_before_the_request_is_dropped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, TRANSPORT_RTU);
    assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(write(bench.peer.fd, "\x01\x03\x04\xAA\xBB", 5), 5);
        usleep(3000);
        assert_int_equal(ask(&bench, 1, 9, 2), EXCHANGE_OK);
    }
    tear_down(&bench);
}

static void a_function_that_writes_is_never_sent(void **state)
{
    (void)state;
    const enum bus_transport transports[] = {TRANSPORT_RTU, TRANSPORT_TCP, TRANSPORT_RTU_OVER_TCP};
    for (size_t t = 0; t < 3; t++) {
        struct bench bench;
        set_up(&bench, transports[t]);
        assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_OK);
        int before = atomic_load(&bench.peer.requests);
        for (int function = 0; function < 256; function++) {
            if (!frame_function_allowed((uint8_t)function)) {
                struct frame_request request = {.unit = 1,
                                                .function = (uint8_t)function,
                                                .address = 1,
                                                .count = 1,
                                                .tcp = transports[t] == TRANSPORT_TCP};
                assert_int_equal(exchange_send(&bench.port, &request), ERROR_REFUSED);
            }
        }
        usleep(20000);
        assert_int_equal(atomic_load(&bench.peer.requests), before);
        assert_int_equal(ask(&bench, 1, 8, 2), EXCHANGE_OK);
        tear_down(&bench);
    }
}

static void a_pty_that_vanishes_is_lost_and_can_be_opened_again(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, TRANSPORT_RTU);
    assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_OK);
    peer_stop(&bench.peer);
    struct frame_request request = {.unit = 1, .function = 3, .address = 7, .count = 2};
    exchange_run(&bench.exchange, &bench.port, &bench.wake, &clock_system, &request);
    assert_int_equal(bench.exchange.outcome, EXCHANGE_LOST);
    assert_false(port_is_open(&bench.port));
    struct why why;
    assert_int_equal(port_open(&bench.port, &bench.wake, &why), ERROR_CLOSED);
    assert_true(peer_start_pty(&bench.peer));
    bench.bus.device = bench.peer.device;
    assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_OK);
    tear_down(&bench);
}

static void a_reset_connection_is_lost_and_can_be_opened_again(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, TRANSPORT_TCP);
    bench.next = PEER_RESET;
    assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_LOST);
    assert_false(bench.exchange.unsent);
    assert_false(port_is_open(&bench.port));
    assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_OK);
    tear_down(&bench);
}

static void a_connection_closed_while_idle_is_seen_before_sending(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, TRANSPORT_TCP);
    assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_OK);
    shutdown(bench.peer.fd, SHUT_RDWR);
    usleep(600000);
    assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_LOST);
    assert_true(bench.exchange.unsent);
    assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_OK);
    tear_down(&bench);
}

static void *stop_soon(void *context)
{
    usleep(50000);
    wake_stop(context);
    return NULL;
}

static void a_stop_ends_a_wait_for_an_answer(void **state)
{
    (void)state;
    struct bench bench;
    pthread_t thread;
    set_up(&bench, TRANSPORT_TCP);
    bench.bus.timeout_us = 60000000;
    bench.next = PEER_SILENT;
    pthread_create(&thread, NULL, stop_soon, &bench.wake);
    assert_int_equal(ask(&bench, 1, 7, 2), EXCHANGE_STOPPED);
    pthread_join(thread, NULL);
    tear_down(&bench);
}

// A listener whose queue is full leaves further SYNs unanswered.
static void a_stop_ends_a_wait_for_a_connection(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fill[8];
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 0), 0);
    getsockname(listener, (struct sockaddr *)&address, &size);
    for (size_t i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fill[i], (struct sockaddr *)&address, size);
    }
    char service[8];
    snprintf(service, sizeof service, "%d", ntohs(address.sin_port));
    struct config_bus bus = {
        .name = "mute", .transport = TRANSPORT_TCP, .host = "127.0.0.1", .service = service};
    struct port port;
    struct wake wake;
    struct why why;
    pthread_t thread;
    assert_int_equal(wake_make(&wake), OK);
    port_init(&port, &bus);
    int64_t before = clock_wait_ns();
    pthread_create(&thread, NULL, stop_soon, &wake);
    assert_int_equal(port_open(&port, &wake, &why), ERROR_STOPPED);
    assert_true(clock_wait_ns() - before < PORT_CONNECT_US * INT64_C(1000));
    pthread_join(thread, NULL);
    wake_close(&wake);
    for (size_t i = 0; i < 8; i++) {
        close(fill[i]);
    }
    close(listener);
}

static void a_refused_connection_and_a_missing_device_say_why(void **state)
{
    (void)state;
    struct wake wake;
    struct why why;
    struct port port;
    struct config_bus bus = {.name = "none",
                             .transport = TRANSPORT_RTU,
                             .device = "/dev/does-not-exist",
                             .baud = 9600,
                             .stop_bits = 1};
    assert_int_equal(wake_make(&wake), OK);
    port_init(&port, &bus);
    assert_int_equal(port_open(&port, &wake, &why), ERROR_CLOSED);
    assert_non_null(strstr(why.text, "/dev/does-not-exist: No such file"));
    bus.transport = TRANSPORT_TCP;
    bus.host = "127.0.0.1";
    bus.service = "1";
    port_init(&port, &bus);
    assert_int_equal(port_open(&port, &wake, &why), ERROR_CLOSED);
    assert_non_null(strstr(why.text, "127.0.0.1:1: Connection refused"));
    wake_close(&wake);
}

static void a_rate_that_the_port_cannot_do_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    struct why why;
    set_up(&bench, TRANSPORT_RTU);
    bench.bus.baud = 9601;
    assert_int_equal(port_open(&bench.port, &bench.wake, &why), ERROR_CLOSED);
    assert_non_null(strstr(why.text, "9601"));
    bench.bus.baud = 115200;
    tear_down(&bench);
}

// The property that all of this is for.
// A machine without time for the peer makes good answers late: then it takes more exchanges.
enum { EXCHANGES = 2000, EXCHANGES_MAX = 10000, GOOD = 1000 };

struct chance {
    uint32_t state;
    int faults, asked;
    bool is_good[EXCHANGES_MAX]; // what the peer was to do
};

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) % below;
}

static enum peer_fault at_random(struct peer *peer, const struct frame_request *request)
{
    static const enum peer_fault faults[] = {
        PEER_SILENT,  PEER_LATE,         PEER_LATE, PEER_LATE,      PEER_NOISE, PEER_WRONG_UNIT,
        PEER_BAD_CRC, PEER_WRONG_LENGTH, PEER_HALF, PEER_EXCEPTION, PEER_ECHO,  PEER_TWICE};
    (void)request;
    struct chance *chance = peer->context;
    bool good = draw(&chance->state, 100) >= 20;
    chance->is_good[chance->asked++] = good;
    if (good) {
        return PEER_GOOD;
    }
    chance->faults++;
    peer->late_us = 6000 + draw(&chance->state, 12000);
    return faults[draw(&chance->state, sizeof faults / sizeof faults[0])];
}

// What was asked, and when it went out.
struct asked {
    struct frame_request request;
    int64_t sent_ns;
};

// Whether these data are the peer's answer to an exchange before this one that it gave, on a
// machine that had no time for it, later than `late_max`: the limit that is stated.
static bool peer_was_too_late(struct bench *bench, const struct asked *asked, int exchange)
{
    for (int i = exchange > PEER_ANSWERS / 2 ? exchange - PEER_ANSWERS / 2 : 0; i < exchange; i++) {
        const struct frame_request *request = &asked[i].request;
        int64_t answered = atomic_load(&bench->peer.answers_ns[i % PEER_ANSWERS]);
        answered = answered == INT64_MAX ? clock_wait_ns() : answered;
        if (answered - asked[i].sent_ns > bench->bus.late_max_us * 1000 &&
            request->count == asked[exchange].request.count &&
            peer_data_right(request->unit, request->address, request->count,
                            bench->exchange.answer.data)) {
            return true;
        }
    }
    return false;
}

// Whether the peer had answered within half of the time-out.
static bool peer_was_in_time(struct bench *bench, int64_t sent_ns, int exchange)
{
    int64_t answered = atomic_load(&bench->peer.answers_ns[exchange % PEER_ANSWERS]);
    return answered >= sent_ns && answered - sent_ns < bench->bus.timeout_us * 500;
}

static void no_reading_ever_carries_the_value_of_another_register(void **state)
{
    (void)state;
    static struct asked asked[EXCHANGES_MAX];
    static bool in_time[EXCHANGES_MAX], taken[EXCHANGES_MAX];
    static struct chance chance;
    struct bench bench;
    chance.state = (uint32_t)clock_wait_ns();
    uint32_t mine = chance.state ^ 0xA5A5A5A5, seed = chance.state;
    int good = 0, made = 0, due = 0, lost = 0;
    prepare(&bench, TRANSPORT_RTU);
    bench.bus.timeout_us = 8000;
    bench.bus.late_max_us = 25000;
    bench.peer.late_most_us = 20000;
    bench.peer.choose = at_random;
    bench.peer.context = &chance;
    start(&bench);
    for (int i = 0; i < EXCHANGES || (good <= GOOD && i < EXCHANGES_MAX); i++) {
        // Few lengths, so that an answer to one request fits another.
        uint8_t unit = (uint8_t)(1 + draw(&mine, 5));
        uint16_t address = (uint16_t)draw(&mine, 4000), count = draw(&mine, 2) ? 2 : 4;
        struct frame_request request = {
            .unit = unit, .function = 3, .address = address, .count = count};
        struct why why;
        assert_int_equal(port_open(&bench.port, &bench.wake, &why), OK);
        assert_int_equal(exchange_settle(&bench.port, &bench.wake), OK);
        exchange_run(&bench.exchange, &bench.port, &bench.wake, &clock_system, &request);
        made = i + 1;
        asked[i] = (struct asked){request, bench.exchange.sent_ns};
        in_time[i] = peer_was_in_time(&bench, asked[i].sent_ns, i);
        taken[i] = bench.exchange.outcome == EXCHANGE_OK;
        if (bench.exchange.outcome == EXCHANGE_OK) {
            bool right = peer_data_right(unit, address, count, bench.exchange.answer.data);
            good += right;
            if (!right && peer_was_too_late(&bench, asked, i)) {
                bench.port.unsettled = true; // the answer to this one is still to come
                bench.port.late_until_ns = clock_wait_ns() + bench.bus.late_max_us * 1000;
            } else if (!right) {
                fail_msg("exchange %d took another register's value (seed %u)", i, seed);
            }
        }
    }
    assert_true(good > GOOD);
    tear_down(&bench);
    assert_true(chance.faults > 200);
    for (int i = 0; i < made; i++) {
        due += chance.is_good[i] && in_time[i];
        lost += chance.is_good[i] && in_time[i] && !taken[i];
    }
    print_message("%d good answers in time, %d of them not taken\n", due, lost);
    assert_true(lost * 50 <= due);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_over_rtu),
        cmocka_unit_test(reads_over_tcp),
        cmocka_unit_test(reads_rtu_over_tcp),
        cmocka_unit_test(the_gap_between_frames_is_kept),
        cmocka_unit_test(no_fault_on_a_serial_line_reaches_the_next_exchange),
        cmocka_unit_test(no_fault_on_rtu_over_tcp_reaches_the_next_exchange),
        cmocka_unit_test(no_fault_on_tcp_reaches_the_next_exchange),
        cmocka_unit_test(a_second_answer_on_tcp_is_not_taken_for_the_next),
        cmocka_unit_test(an_echo_of_the_request_is_passed_over),
        cmocka_unit_test(noise_before_the_request_is_dropped),
        cmocka_unit_test(a_function_that_writes_is_never_sent),
        cmocka_unit_test(a_pty_that_vanishes_is_lost_and_can_be_opened_again),
        cmocka_unit_test(a_reset_connection_is_lost_and_can_be_opened_again),
        cmocka_unit_test(a_connection_closed_while_idle_is_seen_before_sending),
        cmocka_unit_test(a_stop_ends_a_wait_for_an_answer),
        cmocka_unit_test(a_stop_ends_a_wait_for_a_connection),
        cmocka_unit_test(a_refused_connection_and_a_missing_device_say_why),
        cmocka_unit_test(a_rate_that_the_port_cannot_do_is_refused),
        cmocka_unit_test(no_reading_ever_carries_the_value_of_another_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
