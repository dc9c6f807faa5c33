// The uplink when there is no broker: what is at fault is named, and stopping waits for nobody.
//
// What it does with one is in tests/system/test_uplink.py. Certificates come from
// tools/make-certificates: run it from the top of the tree.
#include "ledger_bench.h"

#include "fake_resolver.h"
#include "uplink/uplink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#define PATIENCE 15.0 // seconds for anything to happen; nothing is timed against it

struct bench {
    struct ledger_bench *ledger;
    char folder[96]; // of the certificates
    char ca[128], certificate[128], key[128];
    struct config config;
    struct config_uplink settings;
    struct uplink *uplink;
    pthread_mutex_t lock; // guards events
    char events[8192];    // "kind: text\n"
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static int listen_somewhere(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static void on_event(void *context, const char *kind, const char *subject, const char *text)
{
    struct bench *b = context;
    assert_string_equal(subject, "city");
    pthread_mutex_lock(&b->lock);
    size_t used = strlen(b->events);
    snprintf(b->events + used, sizeof b->events - used, "%s: %s\n", kind, text);
    pthread_mutex_unlock(&b->lock);
}

static bool happened(struct bench *b, const char *text)
{
    pthread_mutex_lock(&b->lock);
    bool found = strstr(b->events, text) != NULL;
    pthread_mutex_unlock(&b->lock);
    return found;
}

static void wait_event(struct bench *b, const char *text)
{
    for (double until = now_s() + PATIENCE; !happened(b, text); nap(10)) {
        if (now_s() > until) {
            fail_msg("no event \"%s\" in:\n%s", text, b->events);
        }
    }
}

static void start(struct bench *b)
{
    struct uplink_hooks hooks = {.event = on_event, .context = b};
    assert_int_equal(uplink_start(&b->uplink, &b->config, &b->settings, b->ledger->ledger, NULL,
                                  &clock_system, &hooks, &b->ledger->why),
                     OK);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct sockaddr_in nobody;
    char command[160];
    void *ledger;
    bench_setup(&ledger);
    b->ledger = ledger;
    bench_open(b->ledger);
    pthread_mutex_init(&b->lock, NULL);
    snprintf(b->folder, sizeof b->folder, "%s/certificates", b->ledger->directory);
    snprintf(command, sizeof command, "tools/make-certificates %s", b->folder);
    assert_int_equal(system(command), 0);
    snprintf(b->ca, sizeof b->ca, "%s/ca.pem", b->folder);
    snprintf(b->certificate, sizeof b->certificate, "%s/gw-01.pem", b->folder);
    snprintf(b->key, sizeof b->key, "%s/gw-01.key", b->folder);
    close(listen_somewhere(&nobody));
    b->config.gateway.data = b->ledger->directory;
    b->config.gateway.name = GATEWAY;
    b->settings = (struct config_uplink){.name = "city",
                                         .host = "127.0.0.1",
                                         .port = ntohs(nobody.sin_port),
                                         .ca = b->ca,
                                         .certificate = b->certificate,
                                         .key = b->key,
                                         .reconnect_min_us = 100000,
                                         .reconnect_max_us = 500000};
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    void *ledger = b->ledger;
    uplink_stop(b->uplink);
    pthread_mutex_destroy(&b->lock);
    int failed = bench_teardown(&ledger);
    free(b);
    return failed;
}

static void key_of_another_certificate_is_named(void **state)
{
    struct bench *b = *state;
    snprintf(b->key, sizeof b->key, "%s/centre.key", b->folder);
    start(b);
    wait_event(b, "centre.key does not belong to certificate");
}

static void missing_file_is_named(void **state)
{
    struct bench *b = *state;
    assert_int_equal(unlink(b->ca), 0);
    start(b);
    wait_event(b, "ca.pem: cannot be read: No such file or directory");
}

static void missing_broker_is_named(void **state)
{
    struct bench *b = *state;
    start(b);
    wait_event(b, "uplink.unreachable: broker cannot be reached at 127.0.0.1");
    wait_event(b, "Connection refused");
    struct uplink_status status;
    uplink_status(b->uplink, &status);
    assert_false(status.connected);
    assert_non_null(strstr(status.last_fault, "Connection refused"));
}

static void every_address_of_a_name_is_tried(void **state)
{
    struct bench *b = *state;
    b->settings.host = "two.test";
    start(b);
    wait_event(b, "uplink.unreachable: broker cannot be reached at 127.0.0.1"); // the second
    assert_false(happened(b, "127.0.0.2"));
}

static void unknown_host_is_named(void **state)
{
    struct bench *b = *state;
    b->settings.host = "none.test";
    start(b);
    wait_event(b, "uplink.unreachable: host name none.test is not known");
}

static void stop_at_once(struct bench *b)
{
    nap(300);
    double before = now_s();
    uplink_stop(b->uplink);
    b->uplink = NULL;
    assert_true(now_s() - before < 2.0);
}

static void stopping_does_not_wait_for_an_unanswered_connection(void **state)
{
    struct bench *b = *state;
    struct sockaddr_in address;
    int fillers[8], listener = listen_somewhere(&address);
    assert_int_equal(listen(listener, 0), 0);
    for (int i = 0; i < 8; i++) { // until a listener that accepts nothing answers no more
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    b->settings.port = ntohs(address.sin_port);
    start(b);
    stop_at_once(b);
    for (int i = 0; i < 8; i++) {
        close(fillers[i]);
    }
    close(listener);
}

static void stopping_does_not_wait_for_a_name_server(void **state)
{
    struct bench *b = *state;
    b->settings.host = "slow.test";
    set_gate(false);
    start(b);
    stop_at_once(b);
    set_gate(true);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(key_of_another_certificate_is_named),
        WITH_BENCH(missing_file_is_named),
        WITH_BENCH(missing_broker_is_named),
        WITH_BENCH(every_address_of_a_name_is_tried),
        WITH_BENCH(unknown_host_is_named),
        WITH_BENCH(stopping_does_not_wait_for_an_unanswered_connection),
        WITH_BENCH(stopping_does_not_wait_for_a_name_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
