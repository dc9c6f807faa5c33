// What the commands of `tally` share: how they are called, their exit statuses, and how they are
// told which gateway is meant.
//
// The program has one thread. It changes nothing of a gateway, but for `tally rebuild`, which
// replaces the series, a projection.
#ifndef TALLY_TOOLS_TALLY_H
#define TALLY_TOOLS_TALLY_H

#include "base/error.h"
#include "config/config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

// Exit statuses, of every command.
enum { EXIT_GOOD = 0, EXIT_FINDING = 1, EXIT_MISUSE = 2 };

struct command {
    const char *name; // "tally check"
    const char *summary;
    const char *usage;            // what --help prints
    const char *letters;          // its short options, as getopt takes them
    const struct option *options; // its long ones
    int arguments;                // how many words it takes beside, at most: from argv[optind] on
    int (*run)(const struct command *command, int argc, char **argv); // returns an exit status
};

extern const struct command command_check, command_status, command_watch, command_history,
    command_report, command_rebuild, command_certificate, command_budget, command_coverage,
    command_key, command_uplink, command_impact, command_amend, command_export, command_proof,
    command_verify, command_alarm, command_job;

// Prints the usage to standard output; returns EXIT_GOOD.
int command_help(const struct command *command);
// Prints what is wrong (when not NULL) and the first line of the usage to standard error; returns
// EXIT_MISUSE.
int command_misused(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct place;
// Reads the command line as far as the next option of the command's own, which is returned, with
// its argument in getopt's `optarg`; those of place are taken on the way. 0 when all is read. -1
// when the command ends here, with *status: help was asked for, or misuse, which is said.
int command_option(const struct command *command, int argc, char **argv, struct place *place,
                   int *status);

// Which gateway: by its configuration, or by its ledger's folder or control socket alone.
struct place {
    const char *path;    // -c, --config
    const char *drivers; // --drivers
    const char
        *ledger; // --ledger, or the configuration's gateway.data; NULL when only a socket is known
    const char *control;   // --control, or the configuration's, or <ledger>/control
    struct config *config; // NULL when not read
    char control_path[4096];
};

// The long options that place_take knows, for a table of struct option, and their short form.
#define PLACE_CONFIG  'c'
#define PLACE_DRIVERS 'D'
#define PLACE_LEDGER  'L'
#define PLACE_CONTROL 'C'

// Takes one option; false when it is none of place's.
bool place_take(struct place *place, int option, const char *argument);
// Fills in what was not given, reading the configuration where it is needed: tally.yaml in this
// folder, else /etc/tally/tally.yaml. Returns EXIT_GOOD, or EXIT_FINDING with the faults on
// standard error.
int place_find(struct place *place);
void place_free(struct place *place);

// Prints each fault on a line and "N faults" last, to standard error; frees them. Returns
// EXIT_FINDING.
int faults_print(struct faults *faults);

#endif
