// base/lookup: names become addresses without the caller waiting; base/thread: no signal goes
// there.
#include "base/lookup.h"
#include "base/thread.h"
#include "fake_resolver.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static bool is_over(struct lookup *lookup, int wait_ms)
{
    struct pollfd fd = {.fd = lookup_fd(lookup), .events = POLLIN};
    return poll(&fd, 1, wait_ms) == 1;
}

static struct lookup *begin(const char *host)
{
    struct lookup *lookup;
    struct why why;
    int error;
    // Those that another test let go may be under way still.
    while ((error = lookup_start(&lookup, host, &why)) == ERROR_FULL) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_int_equal(error, OK);
    return lookup;
}

static void expect_one(const char *host, const char *address, int wait_ms)
{
    struct why why;
    char addresses[LOOKUP_ADDRESSES_MAX][LOOKUP_ADDRESS_SIZE];
    size_t count = 0;
    struct lookup *lookup = begin(host);
    assert_true(is_over(lookup, wait_ms));
    for (int i = 0; i < 2; i++) { // as often as wanted
        assert_int_equal(lookup_take(lookup, addresses, &count, &why), OK);
        assert_int_equal(count, 1);
        assert_string_equal(addresses[0], address);
    }
    assert_true(is_over(lookup, 0));
    lookup_free(lookup);
}

static void numeric_address_is_there_at_once(void **state)
{
    (void)state;
    expect_one("192.0.2.7", "192.0.2.7", 0);
    expect_one("2001:db8::7", "2001:db8::7", 0);
    expect_one("2001:0db8:0::7", "2001:db8::7", 0);
}

static void addresses_keep_the_resolvers_order_up_to_the_limit(void **state)
{
    (void)state;
    struct why why;
    char addresses[LOOKUP_ADDRESSES_MAX][LOOKUP_ADDRESS_SIZE], expected[32];
    size_t count = 0;
    struct lookup *lookup = begin("many.test");
    assert_true(is_over(lookup, 10000));
    assert_int_equal(lookup_take(lookup, addresses, &count, &why), OK);
    assert_int_equal(count, LOOKUP_ADDRESSES_MAX);
    for (int i = 0; i < LOOKUP_ADDRESSES_MAX; i++) {
        snprintf(expected, sizeof expected, "192.0.2.%d", MANY_ADDRESSES - i);
        assert_string_equal(addresses[i], expected);
    }
    lookup_free(lookup);
}

static void unknown_name_is_absent_and_said(void **state)
{
    (void)state;
    struct why why;
    char addresses[LOOKUP_ADDRESSES_MAX][LOOKUP_ADDRESS_SIZE];
    size_t count = 0;
    struct lookup *lookup = begin("none.test");
    assert_true(is_over(lookup, 10000));
    assert_int_equal(lookup_take(lookup, addresses, &count, &why), ERROR_ABSENT);
    assert_string_equal(why.text, "host name none.test is not known: Name or service not known");
    lookup_free(lookup);
}

static void caller_never_waits_for_a_silent_name_server(void **state)
{
    (void)state;
    struct why why;
    char addresses[LOOKUP_ADDRESSES_MAX][LOOKUP_ADDRESS_SIZE];
    size_t count = 0;
    set_gate(false);
    struct lookup *given_up = begin("slow.test"), *waited_for = begin("slow.test");
    assert_int_equal(lookup_take(waited_for, addresses, &count, &why), ERROR_BUSY);
    assert_false(is_over(waited_for, 20));
    lookup_free(given_up); // the gate is shut: would never return if it waited
    set_gate(true);
    assert_true(is_over(waited_for, 10000));
    assert_int_equal(lookup_take(waited_for, addresses, &count, &why), OK);
    assert_string_equal(addresses[0], "192.0.2.9");
    lookup_free(waited_for);
}

// A thread is counted until it is over, whether or not anyone waits for it.
static void unanswered_look_ups_are_bounded(void **state)
{
    (void)state;
    struct why why;
    struct lookup *lookup = NULL;
    int started = 0, error = OK;
    set_gate(false);
    while (started <= LOOKUP_THREADS_MAX && !(error = lookup_start(&lookup, "slow.test", &why))) {
        lookup_free(lookup);
        started++;
    }
    assert_int_equal(error, ERROR_FULL);
    assert_null(lookup);
    assert_in_range(started, 1, LOOKUP_THREADS_MAX);
    assert_string_equal(why.text,
                        "host name slow.test: 64 look-ups wait for the name server already");
    expect_one("192.0.2.7", "192.0.2.7", 0); // needs no thread
    set_gate(true);
    while (lookup_start(&lookup, "slow.test", &why) == ERROR_FULL) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    lookup_free(lookup);
}

static void name_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    struct why why;
    struct lookup *lookup = (struct lookup *)state;
    char host[LOOKUP_HOST_MAX + 2];
    memset(host, 'a', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    assert_int_equal(lookup_start(&lookup, host, &why), ERROR_RANGE);
    assert_null(lookup);
    assert_non_null(strstr(why.text, "longer than 253 characters"));
    lookup = begin(host + 1);
    assert_true(is_over(lookup, 10000));
    lookup_free(lookup);
}

static void nothing_is_freed_harmlessly(void **state)
{
    (void)state;
    lookup_free(NULL);
}

static void *ask_mask(void *mask)
{
    pthread_sigmask(SIG_SETMASK, NULL, mask);
    return NULL;
}

static void thread_takes_no_signal_and_leaves_the_callers_mask(void **state)
{
    (void)state;
    pthread_t thread;
    sigset_t of_thread, before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(thread_start(&thread, 256u << 10, ask_mask, &of_thread), OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int signal = 1; signal < 32; signal++) {
        bool may = signal != SIGKILL && signal != SIGSTOP;
        assert_int_equal(sigismember(&of_thread, signal), may);
        assert_int_equal(sigismember(&after, signal), sigismember(&before, signal));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric_address_is_there_at_once),
        cmocka_unit_test(addresses_keep_the_resolvers_order_up_to_the_limit),
        cmocka_unit_test(unknown_name_is_absent_and_said),
        cmocka_unit_test(caller_never_waits_for_a_silent_name_server),
        cmocka_unit_test(unanswered_look_ups_are_bounded),
        cmocka_unit_test(name_beyond_the_limit_is_refused),
        cmocka_unit_test(nothing_is_freed_harmlessly),
        cmocka_unit_test(thread_takes_no_signal_and_leaves_the_callers_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
