// tally-centre: the testing centre's half of each stick; this file finds what is meant, and starts
// and stops the daemon.
#include "centre.h"
#include "commands.h"

#include "base/log.h"
#include "base/notify.h"
#include "base/version.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DESCRIPTORS_A_LEDGER 8

static const struct command {
    const char *name;
    int (*run)(const struct settings *settings, const struct command_line *line);
} commands[] = {{"check", command_check},   {"key", command_key},   {"accept", command_accept},
                {"revoke", command_revoke}, {"keys", command_keys}, {"status", command_status}};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_usage(FILE *to)
{
    fputs("usage: tally-centre -c FILE [-v]\n"
          "       tally-centre COMMAND [-c FILE] [OPTION]...\n"
          "\n"
          "Receives the logs of gateways from an MQTT broker, keeps them, and signs for what it "
          "holds.\n"
          "\n"
          "  (no command)       run\n"
          "  check              every fault of the configuration\n"
          "  key init           make the key that signs receipts; key show prints its public half\n"
          "  status [--json]    gateways and logs, completeness, faults, suspects, who waits\n"
          "  accept LOG --by NAME (--fingerprint F | --key FILE)\n"
          "                     from now on LOG is receipted: its key has been compared\n"
          "  revoke LOG --by NAME --reason TEXT\n"
          "                     from now on nothing of LOG is taken\n"
          "  keys               the signed list of the logs' keys\n"
          "\n"
          "  -c, --config FILE  the configuration; for a command otherwise centre.yaml in this\n"
          "                     folder, then /etc/tally/centre.yaml\n"
          "  -v, --verbose      say more\n"
          "      --version      print the version and the SHA-256 of this program\n"
          "  -h, --help         print this\n"
          "\n"
          "Exit status: 0 good, 1 a finding, 2 misuse. tally-centre(8) has more.\n",
          to);
}

static void print_message(const char *format, va_list arguments)
{
    fputs("tally-centre: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int command_misused(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
    fputs("`tally-centre --help` says more.\n", stderr);
    return EXIT_MISUSE;
}

int command_failed(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
    return EXIT_FINDING;
}

// -1 to go on, or the exit status.
static int read_arguments(int argc, char **argv, struct command_line *line)
{
    enum { BY = 256, FINGERPRINT, KEY, REASON, JSON, VERSION };
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"by", required_argument, NULL, BY},
                                            {"fingerprint", required_argument, NULL, FINGERPRINT},
                                            {"key", required_argument, NULL, KEY},
                                            {"reason", required_argument, NULL, REASON},
                                            {"json", no_argument, NULL, JSON},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"version", no_argument, NULL, VERSION},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "c:vh", options, NULL)) != -1;) {
        switch (option) {
        case 'c': line->config = optarg; break;
        case BY: line->by = optarg; break;
        case FINGERPRINT: line->fingerprint = optarg; break;
        case KEY: line->key = optarg; break;
        case REASON: line->reason = optarg; break;
        case JSON: line->json = true; break;
        case 'v': line->verbose = true; break;
        case VERSION: version_print("tally-centre"); return EXIT_GOOD;
        case 'h': print_usage(stdout); return EXIT_GOOD;
        default: return command_misused("what was meant?");
        }
    }
    for (; optind < argc; optind++) {
        if (line->word_count == (int)(sizeof line->words / sizeof line->words[0])) {
            return command_misused("what is '%s' for?", argv[optind]);
        }
        line->words[line->word_count++] = argv[optind];
    }
    return -1;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
    }
    const char *nearest = document_nearest(name, names, COMMANDS);
    return nearest ? command_misused("there is no command '%s'; did you mean '%s'?", name, nearest)
                   : command_misused("there is no command '%s'", name);
}

static int print_faults(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        fprintf(stderr, "%s\n", faults->lines[i]);
    }
    size_t count = faults->count + faults->dropped;
    fprintf(stderr, "%zu fault%s\n", count, count == 1 ? "" : "s");
    faults_free(faults);
    return EXIT_FINDING;
}

// Each open ledger takes some descriptors, and a city has many.
static void raise_limits(const struct settings *settings)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)settings->limits.open_ledgers * DESCRIPTORS_A_LEDGER + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) {
        log_warning("%llu descriptors may be open, and `open_ledgers: %lld` may need %llu",
                    (unsigned long long)limit.rlim_cur, (long long)settings->limits.open_ledgers,
                    (unsigned long long)wanted);
    }
}

static int run_daemon(const struct settings *settings)
{
    struct centre centre;
    struct why why = {""};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a limit of file size is then an error of write(): the disk is full
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    raise_limits(settings);
    int stop = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (stop < 0) {
        return command_failed("cannot wait for signals");
    }
    if (centre_open(&centre, settings, &clock_system, &why) != OK) {
        log_error("cannot start: %s", why.text);
        close(stop);
        return EXIT_FINDING;
    }
    log_info("tally-centre %s: %s, %zu logs of %zu gateways known", version_text(), settings->name,
             centre.roster.log_count, centre.roster.gateway_count - 1);
    notify_state("READY=1");
    centre_run(&centre, stop);
    log_info("stopping");
    notify_state("STOPPING=1");
    centre_close(&centre);
    close(stop);
    return EXIT_GOOD;
}

int main(int argc, char **argv)
{
    struct command_line line = {.config = NULL};
    struct faults faults = {0};
    struct settings *settings;
    int status = read_arguments(argc, argv, &line);
    if (status >= 0) {
        return status;
    }
    const struct command *command = line.word_count ? find_command(line.words[0]) : NULL;
    if (line.word_count && !command) {
        return unknown_command(line.words[0]);
    }
    if (!command && !line.config) {
        print_usage(stderr);
        return EXIT_MISUSE;
    }
    status = command ? command_arguments(&line) : EXIT_GOOD;
    if (status != EXIT_GOOD) {
        return status;
    }
    if (!line.config) {
        line.config = access("centre.yaml", F_OK) == 0 ? "centre.yaml" : "/etc/tally/centre.yaml";
    }
    if (line.verbose) {
        log_set_level(LOG_LEVEL_DEBUG);
    }
    if (settings_load(&settings, line.config, &faults) != OK) {
        return print_faults(&faults);
    }
    faults_free(&faults);
    status = command ? command->run(settings, &line) : run_daemon(settings);
    settings_free(settings);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return command_failed("cannot write all of the output");
    }
    return status;
}
