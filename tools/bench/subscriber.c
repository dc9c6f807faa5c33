// The bench's subscriber: takes blocks from the broker over TLS, counts them and their readings,
// and how old each reading is when it arrives (one machine, one clock).
//
// subscriber HOST PORT CA CERTIFICATE KEY [--count-only]. One line of JSON on standard output when
// the first block comes ("first"), whenever blocks come again after 5 seconds without
// ("again"), and for each line read on standard input: "reset" begins the latencies anew, "report"
// tells the totals. Ends at the end of standard input. --count-only does not take blocks apart.

#include "base/clock.h"
#include "ledger/block.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUCKET_US 20
#define BUCKETS   1000000 // 20 s
#define BLOCKS    (1u << 24)
#define QUIET_US  5000000
#define RETRY_MS  20

struct account {
    bool count_only, connected, subscribed;
    uint8_t *seen; // by n
    uint64_t blocks, repeats, readings, missed, highest, bytes, faults, out_of_order;
    int64_t first_us, last_us;
    uint64_t latencies;
    uint32_t *age;
    struct block_view view;
};

static void say(const char *what, int64_t us, uint64_t n)
{
    printf("{\"event\": \"%s\", \"us\": %lld, \"n\": %llu}\n", what, (long long)us,
           (unsigned long long)n);
    fflush(stdout);
}

// The block's number alone, from its text.
static bool find_number(const char *payload, int length, uint64_t *n)
{
    const char *at = memmem(payload, (size_t)(length < 300 ? length : 300), "\",\"n\":", 6);
    *n = at ? strtoull(at + 6, NULL, 10) : 0;
    return at != NULL;
}

static void add_ages(struct account *account, int64_t now_us)
{
    for (size_t i = 0; i < account->view.reading_count; i++) {
        int64_t age = (now_us - account->view.readings[i].t_us) / BUCKET_US;
        account->age[age < 0 ? 0 : age < BUCKETS ? age : BUCKETS - 1]++;
        account->latencies++;
    }
}

static void on_message(struct mosquitto *mosquitto, void *context,
                       const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)properties;
    struct account *account = context;
    int64_t now_us = clock_wall_us(&clock_system);
    uint64_t n;
    if (!find_number(message->payload, message->payloadlen, &n) || n >= BLOCKS) {
        account->faults++;
        return;
    }
    if (!account->first_us) {
        account->first_us = now_us;
        say("first", now_us, n);
    } else if (now_us - account->last_us > QUIET_US) {
        say("again", now_us, n);
    }
    account->last_us = now_us;
    if (account->seen[n]) {
        account->repeats++;
        return;
    }
    account->seen[n] = 1;
    account->out_of_order += account->blocks && n < account->highest;
    account->highest = n > account->highest ? n : account->highest;
    account->blocks++;
    account->bytes += (uint64_t)message->payloadlen;
    if (account->count_only) {
        return;
    }
    struct why why;
    if (block_parse(&account->view, message->payload, (size_t)message->payloadlen, &why)) {
        fprintf(stderr, "subscriber: %s\n", why.text);
        account->faults++;
        return;
    }
    account->readings += account->view.reading_count;
    account->missed += account->view.missed_count;
    add_ages(account, now_us);
}

static void on_connect(struct mosquitto *mosquitto, void *context, int code, int flags,
                       const mosquitto_property *properties)
{
    (void)flags;
    (void)properties;
    struct account *account = context;
    account->connected = code == 0;
    if (code == 0) {
        int on = 1;
        setsockopt(mosquitto_socket(mosquitto), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        mosquitto_subscribe_v5(mosquitto, NULL, "tally/1/+/+/+/block", 1, 0, NULL);
    }
}

static void on_subscribe(struct mosquitto *mosquitto, void *context, int id, int count,
                         const int *granted, const mosquitto_property *properties)
{
    (void)mosquitto;
    (void)id;
    (void)count;
    (void)granted;
    (void)properties;
    ((struct account *)context)->subscribed = true;
    say("subscribed", clock_wall_us(&clock_system), 0);
}

static double share_ms(const struct account *account, double share)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += account->age[i];
        if (seen && (double)seen >= share * (double)account->latencies) {
            return (double)(i + 1) * BUCKET_US / 1e3;
        }
    }
    return 0;
}

static void report(const struct account *account)
{
    printf("{\"event\": \"report\", \"blocks\": %llu, \"repeats\": %llu, \"readings\": %llu, "
           "\"missed\": %llu, \"highest\": %llu, \"bytes\": %llu, \"faults\": %llu, "
           "\"out_of_order\": %llu, \"first_us\": %lld, \"last_us\": %lld, \"latencies\": %llu, "
           "\"p50_ms\": %.2f, \"p99_ms\": %.2f, \"max_ms\": %.2f}\n",
           (unsigned long long)account->blocks, (unsigned long long)account->repeats,
           (unsigned long long)account->readings, (unsigned long long)account->missed,
           (unsigned long long)account->highest, (unsigned long long)account->bytes,
           (unsigned long long)account->faults, (unsigned long long)account->out_of_order,
           (long long)account->first_us, (long long)account->last_us,
           (unsigned long long)account->latencies, share_ms(account, 0.5), share_ms(account, 0.99),
           share_ms(account, 1));
    fflush(stdout);
}

// A command from standard input. False at its end.
static bool obey(struct account *account)
{
    char line[64];
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
    if (got <= 0) {
        return false;
    }
    line[got] = '\0';
    if (strstr(line, "reset")) {
        memset(account->age, 0, BUCKETS * sizeof *account->age);
        account->latencies = 0;
    }
    if (strstr(line, "report")) {
        report(account);
    }
    return true;
}

static void run(struct mosquitto *mosquitto, struct account *account)
{
    int64_t kept_us = clock_mono_us(&clock_system);
    for (;;) {
        int fd = mosquitto_socket(mosquitto);
        struct pollfd waits[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                  {.fd = fd, .events = POLLIN}};
        if (fd >= 0 && mosquitto_want_write(mosquitto)) {
            waits[1].events |= POLLOUT;
        }
        poll(waits, fd >= 0 ? 2 : 1, fd >= 0 ? 1000 : RETRY_MS);
        if (waits[0].revents && !obey(account)) {
            return;
        }
        if (fd < 0) {
            account->subscribed = false;
            mosquitto_reconnect(mosquitto);
            continue;
        }
        if (waits[1].revents & (POLLIN | POLLHUP | POLLERR)) {
            mosquitto_loop_read(mosquitto, 100);
        }
        mosquitto_loop_write(mosquitto, 100);
        if (clock_mono_us(&clock_system) - kept_us > 500000) {
            mosquitto_loop_misc(mosquitto);
            kept_us = clock_mono_us(&clock_system);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: subscriber HOST PORT CA CERTIFICATE KEY [--count-only]\n");
        return 2;
    }
    struct account *account = calloc(1, sizeof *account);
    account->seen = calloc(BLOCKS, 1);
    account->age = calloc(BUCKETS, sizeof *account->age);
    account->count_only = argc > 6 && strcmp(argv[6], "--count-only") == 0;
    signal(SIGPIPE, SIG_IGN);
    mosquitto_lib_init();
    struct mosquitto *mosquitto = mosquitto_new(NULL, true, account);
    mosquitto_int_option(mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(mosquitto, MOSQ_OPT_RECEIVE_MAXIMUM, 65535);
    mosquitto_tls_set(mosquitto, argv[3], NULL, argv[4], argv[5], NULL);
    mosquitto_connect_v5_callback_set(mosquitto, on_connect);
    mosquitto_subscribe_v5_callback_set(mosquitto, on_subscribe);
    mosquitto_message_v5_callback_set(mosquitto, on_message);
    int rc = mosquitto_connect_bind_v5(mosquitto, argv[1], atoi(argv[2]), 60, NULL, NULL);
    if (rc) {
        fprintf(stderr, "subscriber: %s\n", mosquitto_strerror(rc));
        return 1;
    }
    run(mosquitto, account);
    mosquitto_destroy(mosquitto);
    mosquitto_lib_cleanup();
    block_view_free(&account->view);
    free(account->age);
    free(account->seen);
    free(account);
    return 0;
}
