// bus/connect: a name server or a host that does not answer holds no worker beyond its time, and
// none that is told to stop.
#include "bus/connect.h"

#include "base/clock.h"
#include "fake_resolver.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

struct bench {
    struct wake wake;
    struct why why;
    int listener; // on 127.0.0.1
    char service[8];
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(b->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(b->listener, 4), 0);
    assert_int_equal(getsockname(b->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(b->service, sizeof b->service, "%d", ntohs(address.sin_port));
    assert_int_equal(wake_make(&b->wake), OK);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    set_gate(true);
    wake_close(&b->wake);
    close(b->listener);
    free(b);
    return 0;
}

static int connect_to(struct bench *b, const char *host, int64_t patience_ms, int *fd)
{
    return connect_tcp(fd, host, b->service, &b->wake, clock_wait_ns() + patience_ms * MS, &b->why);
}

static void first_address_that_answers_is_taken(void **state)
{
    struct bench *b = *state;
    int fd = -1;
    assert_int_equal(connect_to(b, "two.test", 10000, &fd), OK); // 127.0.0.2 refuses
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &size), 0);
    assert_int_equal(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK);
    close(fd);
}

static void unknown_name_is_said(void **state)
{
    struct bench *b = *state;
    int fd = -1;
    assert_int_equal(connect_to(b, "none.test", 10000, &fd), ERROR_CLOSED);
    assert_non_null(strstr(b->why.text, "host name none.test is not known"));
    assert_int_equal(fd, -1);
}

static void silent_name_server_takes_no_more_than_the_time_given(void **state)
{
    struct bench *b = *state;
    int fd = -1;
    set_gate(false);
    int64_t before = clock_wait_ns();
    assert_int_equal(connect_to(b, "slow.test", 50, &fd), ERROR_CLOSED);
    assert_true(clock_wait_ns() - before >= 50 * MS);
    assert_string_equal(b->why.text, "no answer from the name server for host name slow.test");
}

static void *stop_soon(void *wake)
{
    nanosleep(&(struct timespec){.tv_nsec = 20 * MS}, NULL);
    wake_stop(wake);
    return NULL;
}

static void stopping_does_not_wait_for_a_name_server(void **state)
{
    struct bench *b = *state;
    int fd = -1;
    pthread_t thread;
    set_gate(false); // shut for the whole test: only the stop can end this
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &b->wake), 0);
    assert_int_equal(connect_to(b, "slow.test", 3600000, &fd), ERROR_STOPPED);
    pthread_join(thread, NULL);
}

static void nudge_does_not_end_a_look_up(void **state)
{
    struct bench *b = *state;
    int fd = -1;
    set_gate(false);
    wake_nudge(&b->wake);
    assert_int_equal(connect_to(b, "slow.test", 50, &fd), ERROR_CLOSED);
    assert_non_null(strstr(b->why.text, "no answer from the name server"));
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(first_address_that_answers_is_taken),
        WITH_BENCH(unknown_name_is_said),
        WITH_BENCH(silent_name_server_takes_no_more_than_the_time_given),
        WITH_BENCH(stopping_does_not_wait_for_a_name_server),
        WITH_BENCH(nudge_does_not_end_a_look_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
