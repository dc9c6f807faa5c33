// Times as a person gives them on a command line.
#ifndef TALLY_TOOLS_MOMENT_H
#define TALLY_TOOLS_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

// Reads RFC 3339 ("2026-11-24T08:00:00+08:00"), "now", a time before now ("-1h", "-15min", "-30s",
// "-7d"), or a date or date and time without zone ("2026-11-24", "2026-11-24T08:00"), which are
// local time (show_set_zone). 0, or ERROR_INPUT.
int moment_parse(const char *text, int64_t now_us, int64_t *out_us);
// Whether the text is a local time, which another zone would move. NULL is none.
bool moment_is_local(const char *text);

struct command;
// Reads --from and --to (NULL: not given, and INT64_MIN or INT64_MAX): [*from_us, *to_us). With
// `zoned` false the zone is not known yet, so that local times are compared with each other only.
// EXIT_GOOD, or EXIT_MISUSE, which is said.
int moment_read_span(const struct command *command, const char *from, const char *to, bool zoned,
                     int64_t *from_us, int64_t *to_us);

#endif
