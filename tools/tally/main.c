// tally: the commands that look at a gateway; this file finds the one that is meant.
#include "tally.h"

#include "base/version.h"
#include "config/document.h"

#include <locale.h>
#include <stdarg.h>
#include <string.h>

static const struct command *const commands[] = {
    &command_check,  &command_status,  &command_watch,       &command_alarm,  &command_history,
    &command_report, &command_rebuild, &command_key,         &command_uplink, &command_export,
    &command_proof,  &command_verify,  &command_certificate, &command_budget, &command_coverage,
    &command_impact, &command_amend,   &command_job};
#define COMMANDS (sizeof commands / sizeof commands[0])

static const char *short_name(const struct command *command)
{
    return strrchr(command->name, ' ') + 1;
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, short_name(commands[i])) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static void print_overview(FILE *to)
{
    fputs("usage: tally COMMAND [OPTION]...\n\n", to);
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(to, "  %-11s %s\n", short_name(commands[i]), commands[i]->summary);
    }
    fputs("\n"
          "  help [COMMAND]   print this, or what COMMAND takes (also: tally COMMAND --help)\n"
          "  --version        print the version and the SHA-256 of this program\n"
          "\n"
          "Exit status: 0 good, 1 a finding, 2 misuse. tally(1) has more.\n",
          to);
}

int command_help(const struct command *command)
{
    fputs(command->usage, stdout);
    return EXIT_GOOD;
}

int command_misused(const struct command *command, const char *format, ...)
{
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        fprintf(stderr, "%s: ", command->name);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
    }
    fprintf(stderr, "%.*s\n`%s --help` says more.\n", (int)strcspn(command->usage, "\n"),
            command->usage, command->name);
    return EXIT_MISUSE;
}

int command_option(const struct command *command, int argc, char **argv, struct place *place,
                   int *status)
{
    for (int option;
         (option = getopt_long(argc, argv, command->letters, command->options, NULL)) != -1;) {
        if (option == 'h') {
            *status = command_help(command);
            return -1;
        }
        if (option == '?') {
            *status = command_misused(command, NULL);
            return -1;
        }
        if (!place_take(place, option, optarg)) {
            return option;
        }
    }
    if (argc - optind > command->arguments) {
        *status = command_misused(command, "what is '%s' for?", argv[optind + command->arguments]);
        return -1;
    }
    return 0;
}

static int unknown(const char *name)
{
    const char *names[COMMANDS + 1] = {"help"};
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i + 1] = short_name(commands[i]);
    }
    const char *nearest = document_nearest(name, names, COMMANDS + 1);
    fprintf(stderr, "tally: there is no command '%s'", name);
    if (nearest) {
        fprintf(stderr, "; did you mean '%s'?", nearest);
    }
    fputs("\n`tally help` lists the commands.\n", stderr);
    return EXIT_MISUSE;
}

static int help(const char *name)
{
    if (!name) {
        print_overview(stdout);
        return EXIT_GOOD;
    }
    const struct command *command = find(name);
    return command ? command_help(command) : unknown(name);
}

int main(int argc, char **argv)
{
    // Only for the width of characters: numbers are written the same everywhere.
    if (!setlocale(LC_CTYPE, "") || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_MISUSE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        version_print("tally");
        return EXIT_GOOD;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        return help(argv[2]);
    }
    const struct command *command = find(argv[1]);
    if (!command) {
        return unknown(argv[1]);
    }
    char name[32];
    snprintf(name, sizeof name, "%s", command->name);
    argv[1] = name; // as getopt names the program in its messages
    int status = command->run(command, argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: cannot write all of the output\n", command->name);
        return EXIT_FINDING;
    }
    return status;
}
