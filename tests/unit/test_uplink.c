// The uplink against a real Mosquitto, with a real ledger; and its parts that need neither.
//
// Brokers are children of this program, on free ports of 127.0.0.1, with certificates from
// tools/make-certificates: run it from the top of the tree.
#include "ledger_bench.h"

#include "uplink/pace.h"
#include "uplink/tls.h"
#include "uplink/uplink.h"
#include "uplink/window.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define BROKER   "/usr/sbin/mosquitto"
#define PATIENCE 15.0 // seconds for anything to happen; nothing is timed against it

// --- what is common to the tests with a broker

struct bench {
    struct ledger_bench *ledger;
    char folder[96]; // certificates and the broker's files
    int port;
    pid_t broker, subscriber;
    struct config config;
    struct config_uplink settings;
    char ca[128], certificate[128], key[128], received[128];
    struct uplink *uplink;
    pthread_mutex_t lock; // guards events
    char events[8192];    // "kind: text\n"
    char *sent;           // bytes of all blocks appended
    size_t sent_length;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static pid_t run(char *const arguments[], const char *output)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    return child;
}

static void end(pid_t *child)
{
    if (*child > 0) {
        kill(*child, SIGTERM);
        waitpid(*child, NULL, 0);
        *child = 0;
    }
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_somewhere(int *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static bool port_answers(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answers = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return answers;
}

static void certificates(const char *options, ...) __attribute__((format(printf, 1, 2)));
static void certificates(const char *options, ...)
{
    char command[512] = "tools/make-certificates ";
    va_list arguments;
    va_start(arguments, options);
    vsnprintf(command + strlen(command), sizeof command - strlen(command), options, arguments);
    va_end(arguments);
    assert_int_equal(system(command), 0);
}

// Starts a broker on the bench's port with the broker's certificate in `folder`.
static void broker_start(struct bench *b, const char *folder, const char *more)
{
    char path[160], log[160];
    snprintf(path, sizeof path, "%s/broker.conf", b->folder);
    snprintf(log, sizeof log, "%s/broker.log", b->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "listener %d 127.0.0.1\ncafile %s/ca.pem\ncertfile %s/broker.pem\nkeyfile "
            "%s/broker.key\nrequire_certificate true\nuse_identity_as_username true\n"
            "allow_anonymous false\nmax_queued_messages 100000\n%s\n",
            b->port, b->folder, folder, folder, more);
    if (geteuid() == 0) {
        fputs("user root\n", file);
    }
    fclose(file);
    b->broker = run((char *[]){BROKER, "-c", path, NULL}, log);
    for (double until = now_s() + PATIENCE; !port_answers(b->port); nap()) {
        assert_true(now_s() < until);
    }
}

static size_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

// Writes all blocks, one after the other, to b->received, and an "x" or more before or between.
static void subscriber_start(struct bench *b)
{
    char port[16], certificate[160], key[160];
    snprintf(port, sizeof port, "%d", b->port);
    snprintf(certificate, sizeof certificate, "%s/centre.pem", b->folder);
    snprintf(key, sizeof key, "%s/centre.key", b->folder);
    b->subscriber = run((char *[]){"mosquitto_sub",
                                   "-h",
                                   "localhost",
                                   "-p",
                                   port,
                                   "--cafile",
                                   b->ca,
                                   "--cert",
                                   certificate,
                                   "--key",
                                   key,
                                   "-V",
                                   "5",
                                   "-q",
                                   "1",
                                   "-N",
                                   "-R",
                                   "-t",
                                   "tally/1/+/+/+/block",
                                   "-t",
                                   "tally-ready",
                                   NULL},
                        b->received);
    // It is there when it gets a message of ours.
    char command[512];
    snprintf(command, sizeof command,
             "mosquitto_pub -h localhost -p %d --cafile %s --cert %s --key %s -V 5 -q 1 -t "
             "tally-ready -m x",
             b->port, b->ca, certificate, key);
    for (double until = now_s() + PATIENCE; file_size(b->received) == 0; nap()) {
        assert_true(now_s() < until);
        assert_int_equal(system(command), 0);
    }
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
    for (double until = now_s() + PATIENCE; !happened(b, text); nap()) {
        if (now_s() > until) {
            fail_msg("no event \"%s\" in:\n%s", text, b->events);
        }
    }
}

static void wait_acknowledged(struct bench *b, uint64_t n)
{
    struct uplink_status status;
    for (double until = now_s() + PATIENCE;; nap()) {
        uplink_status(b->uplink, &status);
        if (status.acknowledged >= n) {
            return;
        }
        if (now_s() > until) {
            fail_msg("acknowledged %llu of %llu: %s\n%s", (unsigned long long)status.acknowledged,
                     (unsigned long long)n, status.last_fault, b->events);
        }
    }
}

static void append(struct bench *b, int count)
{
    for (int i = 0; i < count; i++) {
        bench_append(b->ledger, 1);
        const struct text *bytes = &b->ledger->bytes;
        b->sent = realloc(b->sent, b->sent_length + bytes->length);
        memcpy(b->sent + b->sent_length, bytes->data, bytes->length);
        b->sent_length += bytes->length;
    }
}

static char *read_received(struct bench *b)
{
    size_t size = file_size(b->received);
    char *got = calloc(1, size + 1);
    FILE *file = fopen(b->received, "r");
    size_t length = file ? fread(got, 1, size, file) : 0;
    got[length] = '\0';
    if (file) {
        fclose(file);
    }
    return got;
}

// How many bytes of what was sent have been received, in order and byte for byte; repeats of what
// came before are passed over. Anything else fails.
static size_t received_in_order(struct bench *b)
{
    size_t matched = 0;
    char *got = read_received(b);
    for (char *line = got, *newline; (newline = strchr(line, '\n')); line = newline + 1) {
        line += strspn(line, "x"); // subscriber_start's
        size_t length = (size_t)(newline + 1 - line);
        if (matched + length <= b->sent_length && memcmp(line, b->sent + matched, length) == 0) {
            matched += length;
        } else if (!memmem(b->sent, matched, line, length)) {
            fail_msg("received out of order: %.*s", (int)length, line);
        }
    }
    free(got);
    return matched;
}

static void assert_received_all(struct bench *b)
{
    size_t length = 0;
    for (double until = now_s() + PATIENCE; (length = received_in_order(b)) < b->sent_length;
         nap()) {
        if (now_s() > until) {
            fail_msg("received %zu of %zu bytes\n%s", length, b->sent_length, b->events);
        }
    }
    assert_int_equal(length, b->sent_length);
}

static void start(struct bench *b)
{
    struct uplink_hooks hooks = {.event = on_event, .context = b};
    assert_int_equal(uplink_start(&b->uplink, &b->config, &b->settings, b->ledger->ledger,
                                  &clock_system, &hooks, &b->ledger->why),
                     OK);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    void *ledger;
    signal(SIGPIPE, SIG_IGN);
    bench_setup(&ledger);
    b->ledger = ledger;
    bench_open(b->ledger);
    pthread_mutex_init(&b->lock, NULL);
    snprintf(b->folder, sizeof b->folder, "%s/broker", b->ledger->directory);
    certificates("%s", b->folder);
    snprintf(b->ca, sizeof b->ca, "%s/ca.pem", b->folder);
    snprintf(b->certificate, sizeof b->certificate, "%s/gw-01.pem", b->folder);
    snprintf(b->key, sizeof b->key, "%s/gw-01.key", b->folder);
    snprintf(b->received, sizeof b->received, "%s/received", b->folder);
    close(listen_somewhere(&b->port));
    b->config.gateway.data = b->ledger->directory;
    b->config.gateway.name = GATEWAY;
    b->settings = (struct config_uplink){.name = "city",
                                         .host = "localhost",
                                         .port = b->port,
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
    uplink_stop(b->uplink);
    end(&b->subscriber);
    end(&b->broker);
    pthread_mutex_destroy(&b->lock);
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", b->folder);
    int failed = system(command);
    void *ledger = b->ledger;
    failed |= bench_teardown(&ledger);
    free(b->sent);
    free(b);
    return failed;
}

static void need_broker(void)
{
    if (access(BROKER, X_OK) != 0) {
        print_message("skip reason:\nthe broker " BROKER " is not installed\n");
        skip();
    }
}

// --- with a broker

static void blocks_arrive_in_order_byte_for_byte(void **state)
{
    struct bench *b = *state;
    need_broker();
    broker_start(b, b->folder, "");
    subscriber_start(b);
    append(b, 500); // a backlog many windows long
    start(b);
    wait_acknowledged(b, 500);
    append(b, 20); // and what comes while it is up
    wait_acknowledged(b, 520);
    assert_received_all(b);
    struct uplink_status status;
    uplink_status(b->uplink, &status);
    assert_true(status.connected);
    assert_int_equal(status.published, 520);
    assert_int_equal(status.size, 520);
    assert_string_equal(status.last_fault, "");
}

// A broker with the certificates that the options make is refused in these words; the right one is
// then taken, and all arrives.
static void refuse_then_take(struct bench *b, const char *options, const char *words)
{
    char folder[128];
    need_broker();
    snprintf(folder, sizeof folder, "%s/wrong", b->folder);
    certificates("%s %s", options, folder);
    append(b, 3);
    broker_start(b, folder, "");
    start(b);
    wait_event(b, words);
    struct uplink_status status;
    uplink_status(b->uplink, &status);
    assert_false(status.connected);
    assert_int_equal(status.published, 0);
    assert_non_null(strstr(status.last_fault, words));
    end(&b->broker);
    broker_start(b, b->folder, "");
    subscriber_start(b);
    wait_acknowledged(b, 3);
    assert_received_all(b);
    uplink_status(b->uplink, &status);
    assert_string_equal(status.last_fault, "");
}

static void expired_broker_is_refused_and_named(void **state)
{
    struct bench *b = *state;
    char options[160];
    snprintf(options, sizeof options, "--only broker --expired --ca %s", b->folder);
    refuse_then_take(b, options, "broker's certificate has expired (not after 20");
}

static void wrong_host_is_refused_and_named(void **state)
{
    struct bench *b = *state;
    char options[160];
    snprintf(options, sizeof options, "--only broker --host elsewhere.invalid --ca %s", b->folder);
    refuse_then_take(b, options,
                     "broker's host name does not match (asked for localhost, certificate is for "
                     "elsewhere.invalid)");
}

static void wrong_address_is_refused_and_named(void **state)
{
    struct bench *b = *state;
    char options[160];
    b->settings.host = "127.0.0.1";
    snprintf(options, sizeof options, "--only broker --host 192.0.2.1 --ca %s", b->folder);
    refuse_then_take(b, options,
                     "broker's host name does not match (asked for 127.0.0.1, certificate is for "
                     "192.0.2.1)");
}

static void unknown_authority_is_refused_and_named(void **state)
{
    refuse_then_take(*state, "--authority Another",
                     "broker's certificate is signed by an unknown authority (/CN=Another is not "
                     "in the ca file)");
}

static void our_certificate_refused_by_the_broker_is_named(void **state)
{
    struct bench *b = *state;
    need_broker();
    certificates("--authority Another %s/other", b->folder);
    snprintf(b->certificate, sizeof b->certificate, "%s/other/gw-01.pem", b->folder);
    snprintf(b->key, sizeof b->key, "%s/other/gw-01.key", b->folder);
    broker_start(b, b->folder, "");
    start(b);
    wait_event(b, "uplink.refused: the broker refuses our certificate: unknown CA");
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
}

static void unknown_host_is_named(void **state)
{
    struct bench *b = *state;
    b->settings.host = "no-such-host.invalid";
    start(b);
    wait_event(b, "uplink.unreachable: host name no-such-host.invalid is not known");
}

// Connects until a listener that accepts nothing answers no more.
static int silent_listener(struct bench *b, int fillers[8])
{
    int listener = listen_somewhere(&b->settings.port);
    struct sockaddr_in address = loopback(b->settings.port);
    assert_int_equal(listen(listener, 0), 0);
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    return listener;
}

static void stopping_does_not_wait_for_an_unanswered_connection(void **state)
{
    struct bench *b = *state;
    int fillers[8];
    int listener = silent_listener(b, fillers);
    b->settings.host = "127.0.0.1";
    start(b);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    double before = now_s();
    uplink_stop(b->uplink);
    b->uplink = NULL;
    assert_true(now_s() - before < 2.0);
    for (int i = 0; i < 8; i++) {
        close(fillers[i]);
    }
    close(listener);
}

static void broker_that_goes_and_comes_back_loses_nothing(void **state)
{
    struct bench *b = *state;
    need_broker();
    broker_start(b, b->folder, "");
    start(b);
    wait_event(b, "uplink.up");
    end(&b->broker);
    wait_event(b, "uplink.down");
    append(b, 50);
    broker_start(b, b->folder, "");
    subscriber_start(b);
    wait_acknowledged(b, 50);
    assert_received_all(b);
}

static void without_subscriber_the_cursor_stays(void **state)
{
    struct bench *b = *state;
    need_broker();
    broker_start(b, b->folder, "");
    append(b, 5);
    start(b);
    wait_event(b, "uplink.no-subscribers");
    struct uplink_status status;
    uplink_status(b->uplink, &status);
    assert_int_equal(status.acknowledged, 0);
    assert_int_equal(ledger_cursor(b->ledger->ledger, "city"), 0);
    subscriber_start(b);
    wait_acknowledged(b, 5);
    assert_received_all(b);
    uplink_status(b->uplink, &status);
    assert_string_equal(status.last_fault, "");
}

static void without_subscriber_the_cursor_moves_where_that_is_accepted(void **state)
{
    struct bench *b = *state;
    need_broker();
    b->settings.no_subscribers_accept = true;
    broker_start(b, b->folder, "");
    append(b, 5);
    start(b);
    wait_acknowledged(b, 5);
    assert_false(happened(b, "uplink.no-subscribers"));
}

static void refused_block_holds_the_cursor(void **state)
{
    struct bench *b = *state;
    char path[160], line[200];
    need_broker();
    snprintf(path, sizeof path, "%s/acl", b->folder);
    FILE *file = fopen(path, "w");
    fputs("pattern write tally/1/+/%u/+/status\n", file);
    fclose(file);
    assert_int_equal(chmod(path, 0644), 0);
    snprintf(line, sizeof line, "acl_file %s", path);
    broker_start(b, b->folder, line);
    append(b, 3);
    start(b);
    wait_event(b, "uplink.rejected: the broker does not take blocks: Not authorized (0x87)");
    assert_int_equal(ledger_cursor(b->ledger->ledger, "city"), 0);
}

static void block_beyond_the_brokers_packet_is_held(void **state)
{
    struct bench *b = *state;
    need_broker();
    broker_start(b, b->folder, "max_packet_size 300");
    append(b, 1);
    start(b);
    wait_event(b, "uplink.rejected: the broker takes packets of at most 300 bytes");
    assert_int_equal(ledger_cursor(b->ledger->ledger, "city"), 0);
}

static void renewed_certificate_is_used_without_a_restart(void **state)
{
    struct bench *b = *state;
    need_broker();
    broker_start(b, b->folder, "");
    subscriber_start(b);
    start(b);
    wait_event(b, "uplink.up");
    certificates("--ca %s --only clients --days 300 %s", b->folder, b->folder);
    wait_event(b, "uplink.certificate: certificate files read again");
    append(b, 3);
    wait_acknowledged(b, 3);
    assert_received_all(b);
    assert_false(happened(b, "uplink.down"));
}

static void faulty_new_certificate_leaves_the_old_in_use(void **state)
{
    struct bench *b = *state;
    need_broker();
    broker_start(b, b->folder, "");
    subscriber_start(b);
    start(b);
    wait_event(b, "uplink.up");
    FILE *file = fopen(b->certificate, "w");
    fputs("not a certificate\n", file);
    fclose(file);
    wait_event(b, "uplink.certificate-fault: certificate ");
    append(b, 3);
    wait_acknowledged(b, 3);
    end(&b->broker);
    wait_event(b, "uplink.down");
    broker_start(b, b->folder, "");
    wait_event(b, "uplink.up");
    append(b, 1);
    for (double until = now_s() + PATIENCE; !happened(b, "uplink.no-subscribers"); nap()) {
        struct uplink_status status;
        uplink_status(b->uplink, &status);
        if (status.acknowledged == 4) {
            break;
        }
        assert_true(now_s() < until);
    }
}

// --- parts

static void window_moves_over_answers_in_order_only(void **state)
{
    (void)state;
    struct window *window = calloc(1, sizeof *window);
    struct window_item item;
    for (int i = 0; i < 3; i++) {
        window_add(window, &(struct window_item){.id = 10 + i, .n = (uint64_t)i, .bytes = 5});
    }
    assert_true(window_answer(window, 11, 0));
    assert_false(window_take(window, &item));
    assert_false(window_answer(window, 99, 0));
    assert_true(window_answer(window, 10, 0x10));
    assert_true(window_take(window, &item));
    assert_true(item.n == 0 && item.reason == 0x10);
    assert_true(window_take(window, &item));
    assert_true(item.n == 1 && item.reason == 0);
    assert_false(window_take(window, &item));
    assert_true(window->count == 1 && window->bytes == 5);
    free(window);
}

static void window_wraps_around(void **state)
{
    (void)state;
    struct window *window = calloc(1, sizeof *window);
    struct window_item item;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < SESSION_WINDOW_MAX - 300; i++) {
            window_add(window, &(struct window_item){.id = i, .bytes = 1});
            assert_true(window_answer(window, i, 0));
        }
        for (int i = 0; i < SESSION_WINDOW_MAX - 300; i++) {
            assert_true(window_take(window, &item));
            assert_int_equal(item.id, i);
        }
    }
    assert_int_equal(window->bytes, 0);
    free(window);
}

static void backoff_doubles_within_its_bounds(void **state)
{
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff, 1000, 30000, 42);
    int64_t delay = 1000;
    for (int i = 0; i < 20; i++) {
        int64_t wait = backoff_next(&backoff, INT64_MAX);
        assert_true(wait >= delay / 2 && wait <= delay);
        delay = delay * 2 > 30000 ? 30000 : delay * 2;
    }
    for (int i = 0; i < 20; i++) {
        int64_t wait = backoff_next(&backoff, 500);
        assert_true(wait >= 250 && wait <= 500);
    }
    backoff_reset(&backoff);
    assert_true(backoff_next(&backoff, INT64_MAX) <= 1000);
}

static void two_gateways_do_not_come_back_together(void **state)
{
    (void)state;
    struct backoff a, b;
    backoff_init(&a, 1000000, 30000000, 1);
    backoff_init(&b, 1000000, 30000000, 2);
    int same = 0;
    for (int i = 0; i < 10; i++) {
        same += backoff_next(&a, INT64_MAX) == backoff_next(&b, INT64_MAX);
    }
    assert_true(same < 3);
}

static void rate_lets_through_what_it_says(void **state)
{
    (void)state;
    struct rate rate;
    int passed = 0;
    rate_init(&rate, 500, 0);
    for (int64_t t = 0; t < 10000000; t += 700) {
        passed += rate_take(&rate, t);
    }
    assert_in_range(passed, 4990, 5060); // and the burst of a tenth of a second
    rate_init(&rate, 0, 0);
    for (int i = 0; i < 10000; i++) {
        assert_true(rate_take(&rate, 0));
    }
}

static void slow_rate_still_passes(void **state)
{
    (void)state;
    struct rate rate;
    int passed = 0;
    rate_init(&rate, 1, 0);
    for (int64_t t = 0; t <= 10000000; t += 10000) {
        passed += rate_take(&rate, t);
    }
    assert_in_range(passed, 9, 11);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_moves_over_answers_in_order_only),
        cmocka_unit_test(window_wraps_around),
        cmocka_unit_test(backoff_doubles_within_its_bounds),
        cmocka_unit_test(two_gateways_do_not_come_back_together),
        cmocka_unit_test(rate_lets_through_what_it_says),
        cmocka_unit_test(slow_rate_still_passes),
        WITH_BENCH(blocks_arrive_in_order_byte_for_byte),
        WITH_BENCH(expired_broker_is_refused_and_named),
        WITH_BENCH(wrong_host_is_refused_and_named),
        WITH_BENCH(wrong_address_is_refused_and_named),
        WITH_BENCH(unknown_authority_is_refused_and_named),
        WITH_BENCH(our_certificate_refused_by_the_broker_is_named),
        WITH_BENCH(key_of_another_certificate_is_named),
        WITH_BENCH(missing_file_is_named),
        WITH_BENCH(missing_broker_is_named),
        WITH_BENCH(unknown_host_is_named),
        WITH_BENCH(stopping_does_not_wait_for_an_unanswered_connection),
        WITH_BENCH(broker_that_goes_and_comes_back_loses_nothing),
        WITH_BENCH(without_subscriber_the_cursor_stays),
        WITH_BENCH(without_subscriber_the_cursor_moves_where_that_is_accepted),
        WITH_BENCH(refused_block_holds_the_cursor),
        WITH_BENCH(block_beyond_the_brokers_packet_is_held),
        WITH_BENCH(renewed_certificate_is_used_without_a_restart),
        WITH_BENCH(faulty_new_certificate_leaves_the_old_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
