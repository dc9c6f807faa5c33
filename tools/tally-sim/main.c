// tally-sim: a virtual lab of Modbus instruments, from the gateway's own driver files, on
// pseudo-terminals and TCP.

#include "base/log.h"
#include "base/version.h"
#include "control.h"
#include "rtu.h"
#include "tcp.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum exit_code { EXIT_GOOD = 0, EXIT_FINDING = 1, EXIT_MISUSE = 2 };

struct arguments {
    const char *lab, *from, *control, *tell;
    struct lab_options options;
};

static const char usage[] =
    "usage: tally-sim [options] LAB.yaml\n"
    "       tally-sim [options] --from TALLY.yaml\n"
    "       tally-sim --tell SOCKET ORDER...\n"
    "\n"
    "A virtual lab of Modbus instruments on pseudo-terminals and TCP. Prints what it serves, then\n"
    "\"ready\"; ends on SIGTERM or SIGINT.\n"
    "\n"
    "  --from FILE     the lab that matches a gateway's configuration: each TCP bus listens on "
    "its\n"
    "                  address, each RTU device path becomes a link to a pty\n"
    "  --drivers DIR   folder of the driver files\n"
    "  --control PATH  listen for orders on this Unix socket\n"
    "  --seed N        values follow from this number (1)\n"
    "  --turn-ms N     RTU: time from a request to its answer, where the file does not say (0)\n"
    "  --pattern       every register holds unit * 4951 + address, modulo 65536\n"
    "  --tell SOCKET   send an order to a running lab, print its reply\n"
    "  --version, --help\n"
    "\n"
    "Orders, one line of text each:\n";

static bool parse_number(const char *text, int64_t max, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *out = number;
    return end != text && *end == '\0' && errno == 0 && number >= 0 && number <= max;
}

enum long_option {
    OPTION_FROM = 256,
    OPTION_DRIVERS,
    OPTION_CONTROL,
    OPTION_SEED,
    OPTION_TURN,
    OPTION_PATTERN,
    OPTION_TELL,
    OPTION_VERSION,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"from", required_argument, NULL, OPTION_FROM},
    {"drivers", required_argument, NULL, OPTION_DRIVERS},
    {"control", required_argument, NULL, OPTION_CONTROL},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"turn-ms", required_argument, NULL, OPTION_TURN},
    {"pattern", no_argument, NULL, OPTION_PATTERN},
    {"tell", required_argument, NULL, OPTION_TELL},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static bool take_option(struct arguments *arguments, int option)
{
    int64_t number = 0;
    switch (option) {
    case OPTION_FROM: arguments->from = optarg; return true;
    case OPTION_DRIVERS: arguments->options.drivers = optarg; return true;
    case OPTION_CONTROL: arguments->control = optarg; return true;
    case OPTION_TELL: arguments->tell = optarg; return true;
    case OPTION_PATTERN: arguments->options.pattern = true; return true;
    case OPTION_SEED:
        arguments->options.has_seed = parse_number(optarg, INT64_MAX, &number);
        arguments->options.seed = (uint64_t)number;
        return arguments->options.has_seed;
    case OPTION_TURN: return parse_number(optarg, 60000, &arguments->options.turn_ms);
    case OPTION_VERSION: version_print("tally-sim"); exit(EXIT_GOOD);
    case OPTION_HELP: printf("%s%s", usage, fault_grammar); exit(EXIT_GOOD);
    default: return false;
    }
}

static bool parse_arguments(int argc, char **argv, struct arguments *arguments)
{
    int option;
    // "+": what follows --tell SOCKET is the order's own.
    while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
        if (!take_option(arguments, option)) {
            return false;
        }
    }
    if (arguments->tell != NULL) {
        return optind < argc;
    }
    if (arguments->from == NULL && optind + 1 == argc) {
        arguments->lab = argv[optind];
        return true;
    }
    return arguments->from != NULL && optind == argc;
}

static int tell(const struct arguments *arguments, char **words)
{
    struct text order = text_make(CONTROL_LINE_MAX - 1);
    for (; *words != NULL; words++) {
        text_append_string(&order, order.length > 0 ? " " : "");
        text_append_string(&order, *words);
    }
    int code = EXIT_MISUSE;
    if (order.failed || strchr(order.data, '\n') != NULL) {
        fprintf(stderr, "tally-sim: an order is one line of at most %d bytes\n",
                CONTROL_LINE_MAX - 1);
    } else {
        code = control_tell(arguments->tell, order.data);
    }
    text_free(&order);
    return code;
}

static int load(struct lab **lab, const struct arguments *arguments)
{
    struct faults faults = {0};
    int status = arguments->from != NULL
                     ? lab_load_from(lab, arguments->from, &arguments->options, &faults)
                     : lab_load(lab, arguments->lab, &arguments->options, &faults);
    for (size_t i = 0; i < faults.count; i++) {
        fprintf(stderr, "%s\n", faults.lines[i]);
    }
    if (status != OK && faults.count == 0) {
        fprintf(stderr, "tally-sim: %s\n", error_text(status));
    }
    faults_free(&faults);
    return status;
}

static void print_lines(const struct lab *lab)
{
    static const char parity[] = "NEO";
    for (size_t i = 0; i < lab->line_count; i++) {
        const struct lab_line *line = &lab->lines[i];
        if (line->transport == TRANSPORT_RTU) {
            printf("rtu %s %d 8%c%d units", line->address, line->baud, parity[line->parity],
                   line->stop_bits);
        } else {
            printf("%s %s units", line->transport == TRANSPORT_TCP ? "tcp" : "rtu-over-tcp",
                   line->address);
        }
        for (int unit = 0; unit < 256; unit++) {
            if (line->units[unit] != NULL) {
                printf(" %d", unit);
            }
        }
        printf("\n");
    }
    printf("ready\n");
    fflush(stdout);
}

static int block_signals(void)
{
    sigset_t ends;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    return signalfd(-1, &ends, SFD_CLOEXEC);
}

struct servers {
    struct rtu *rtus[LAB_LINES_MAX];
    struct tcp *tcp;
};

static int servers_start(struct servers *servers, struct lab *lab, struct why *why)
{
    int status = tcp_start(&servers->tcp, lab, why);
    for (size_t i = 0; i < lab->line_count && status == OK; i++) {
        if (lab->lines[i].transport == TRANSPORT_RTU) {
            status = rtu_start(&servers->rtus[i], lab, &lab->lines[i], why);
        }
    }
    return status;
}

static void servers_stop(struct servers *servers, struct lab *lab)
{
    atomic_store(&lab->stopping, true);
    for (size_t i = 0; i < lab->line_count; i++) {
        if (lab->lines[i].wake >= 0) {
            eventfd_write(lab->lines[i].wake, 1);
        }
    }
    for (size_t i = 0; i < lab->line_count; i++) {
        rtu_stop(servers->rtus[i]);
    }
    tcp_stop(servers->tcp);
}

static int serve(struct lab *lab, const char *control_path, int signal_fd)
{
    struct servers servers = {0};
    struct control *control = NULL;
    struct why why;
    int status = control_open(&control, lab, control_path, &why);
    if (status == OK) {
        status = servers_start(&servers, lab, &why);
    }
    if (status == OK) {
        print_lines(lab);
        control_run(control, signal_fd);
    } else {
        log_error("%s", why.text);
    }
    servers_stop(&servers, lab);
    control_close(control);
    return status == OK ? EXIT_GOOD : EXIT_FINDING;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    if (!parse_arguments(argc, argv, &arguments)) {
        fputs(usage, stderr);
        fputs(fault_grammar, stderr);
        return EXIT_MISUSE;
    }
    if (arguments.tell != NULL) {
        return tell(&arguments, argv + optind);
    }
    int signal_fd = block_signals();
    struct lab *lab = NULL;
    if (load(&lab, &arguments) != OK) {
        return EXIT_FINDING;
    }
    int code = serve(lab, arguments.control != NULL ? arguments.control : lab->control, signal_fd);
    lab_free(lab);
    close(signal_fd);
    return code;
}
