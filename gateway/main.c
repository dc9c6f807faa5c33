// tallyd: the life of the daemon: start, then reload, begin anew or stop as it is told or as the
// ledger asks for, until the end.
//
// What it is made of, and the order of its parts, is in daemon/gateway.c; everything that measures,
// stores or publishes is in the modules below.
#include "base/log.h"
#include "base/notify.h"
#include "base/version.h"
#include "daemon/gateway.h"
#include "daemon/replacement.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>

static void print_usage(FILE *to)
{
    fputs("usage: tallyd -c FILE [--drivers DIR] [-v]\n"
          "\n"
          "Polls instruments over Modbus, records readings in a ledger, publishes it over MQTT and "
          "TLS.\n"
          "\n"
          "  -c, --config FILE   the configuration (tally.yaml(5))\n"
          "      --drivers DIR   where the drivers are, instead of the configuration's "
          "gateway.drivers\n"
          "  -v, --verbose       say more\n"
          "      --version       print the version and the SHA-256 of this program\n"
          "  -h, --help          print this\n"
          "\n"
          "SIGHUP reads the configuration again; a faulty one changes nothing. SIGTERM stops "
          "cleanly.\n",
          to);
}

// Reads the command line. -1 to go on, or the exit status.
static int read_arguments(int argc, char **argv, struct gateway *gateway)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"drivers", required_argument, NULL, 'd'},
        {"verbose", no_argument, NULL, 'v'},      {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "c:vh", options, NULL)) != -1;) {
        switch (option) {
        case 'c': gateway->path = optarg; break;
        case 'd': gateway->drivers = optarg; break;
        case 'v': log_set_level(LOG_LEVEL_DEBUG); break;
        case 'V': version_print("tallyd"); return 0;
        case 'h': print_usage(stdout); return 0;
        default: print_usage(stderr); return 2;
        }
    }
    if (!gateway->path || optind != argc) {
        print_usage(stderr);
        return 2;
    }
    return -1;
}

// One heap for all threads: 100 bus threads otherwise reserve 1 GB of address space. Large pieces
// are given back when they are freed: glibc would keep more and more of them.
static void set_up_memory(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

// Until it is asked to stop.
static void run(struct gateway *gateway)
{
    for (;;) {
        switch (orders_next(&gateway->orders)) {
        case ORDER_STOP: log_info("stopping"); return;
        case ORDER_RELOAD: gateway_reload(gateway); break;
        case ORDER_NONE:
            gateway_look(gateway);
            if (!gateway_is_damaged(gateway)) {
                continue;
            }
            gateway_begin_anew(gateway);
            break;
        }
        malloc_trim(0); // what it took and gave back
    }
}

int main(int argc, char **argv)
{
    struct gateway gateway = {.clock = &clock_system};
    struct why why = {""};
    int status = read_arguments(argc, argv, &gateway);
    if (status >= 0) {
        return status;
    }
    set_up_memory();
    orders_begin(&gateway.orders);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a limit of file size is then an error of write(): the disk is full

    present_init(&gateway.present, gateway.clock);
    gateway.config = replacement_load(gateway.path, gateway.drivers, &why);
    if (!gateway.config) {
        return 1;
    }
    if (gateway_start(&gateway, &why) != OK) {
        log_error("cannot start: %s", why.text);
        config_free(gateway.config);
        return 1;
    }
    log_info("tallyd %s: %zu instruments on %zu buses, %zu uplinks, log %s", version_text(),
             gateway.config->instrument_count, gateway.config->bus_count,
             gateway.config->uplink_count, ledger_origin(gateway.ledger));
    malloc_trim(0); // what starting took and gave back
    notify_state("READY=1");
    run(&gateway);
    notify_state("STOPPING=1");
    gateway_stop(&gateway);
    return 0;
}
