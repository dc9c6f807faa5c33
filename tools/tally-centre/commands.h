// The commands of tally-centre beside the daemon itself: how they are called, and what they share.
#ifndef TALLY_CENTRE_COMMANDS_H
#define TALLY_CENTRE_COMMANDS_H

#include "database.h"
#include "settings.h"

// Exit statuses, of every command.
enum { EXIT_GOOD = 0, EXIT_FINDING = 1, EXIT_MISUSE = 2 };

// What the command line said beside the command.
struct command_line {
    const char *config;      // -c
    const char *by;          // --by
    const char *fingerprint; // --fingerprint
    const char *key;         // --key
    const char *reason;      // --reason
    bool json;               // --json
    bool verbose;            // -v
    const char *words[4];    // the arguments that are no options
    int word_count;
};

// Prints to standard error what is wrong with how the command was called; returns EXIT_MISUSE.
int command_misused(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Prints why it does not do; returns EXIT_FINDING.
int command_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Whether the command is called as it should be: nothing is looked at before that is known.
// EXIT_GOOD, or EXIT_MISUSE, said.
int command_arguments(const struct command_line *line);

// Each is called with arguments that are good, and returns an exit status.
int command_check(const struct settings *settings, const struct command_line *line);
int command_key(const struct settings *settings, const struct command_line *line);
int command_accept(const struct settings *settings, const struct command_line *line);
int command_revoke(const struct settings *settings, const struct command_line *line);
int command_keys(const struct settings *settings, const struct command_line *line);
int command_status(const struct settings *settings, const struct command_line *line);

#endif
