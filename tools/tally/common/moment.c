#include "common/moment.h"

#include "tally.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int parse_before_now(const char *text, int64_t now_us, int64_t *out_us)
{
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {{"s", 1000000},
                 {"min", 60000000},
                 {"h", 3600000000},
                 {"d", 86400 * 1000000LL},
                 {"w", 7 * 86400 * 1000000LL}};
    char *end;
    if (text[1] < '0' || text[1] > '9') {
        return ERROR_INPUT;
    }
    long number = strtol(text + 1, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0 && number <= 1000000) {
            *out_us = now_us - number * units[i].us;
            return OK;
        }
    }
    return ERROR_INPUT;
}

static int parse_local(const char *text, int64_t *out_us)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
                                        "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm t = {.tm_isdst = -1};
        const char *end = strptime(text, forms[i], &t);
        if (!end || *end || strlen(text) < 10) {
            continue;
        }
        struct tm asked = t;
        time_t seconds = mktime(&t);
        // mktime takes 31 February for 3 March; we do not.
        if (t.tm_mday != asked.tm_mday || t.tm_mon != asked.tm_mon) {
            return ERROR_INPUT;
        }
        *out_us = (int64_t)seconds * 1000000;
        return OK;
    }
    return ERROR_INPUT;
}

int moment_parse(const char *text, int64_t now_us, int64_t *out_us)
{
    if (strcmp(text, "now") == 0) {
        *out_us = now_us;
        return OK;
    }
    if (text[0] == '-') {
        return parse_before_now(text, now_us, out_us);
    }
    return parse_local(text, out_us) == OK ? OK : clock_parse_utc(text, out_us);
}

bool moment_is_local(const char *text)
{
    int64_t us;
    return text && parse_local(text, &us) == OK;
}

static int read_one(const struct command *command, const char *option, const char *text,
                    int64_t *out_us)
{
    if (!text || moment_parse(text, clock_wall_us(&clock_system), out_us) == OK) {
        return EXIT_GOOD;
    }
    return command_misused(command,
                           "%s %s: not a time (2026-11-24, 2026-11-24T08:00:00+08:00, -1h, now)",
                           option, text);
}

int moment_read_span(const struct command *command, const char *from, const char *to, bool zoned,
                     int64_t *from_us, int64_t *to_us)
{
    *from_us = INT64_MIN;
    *to_us = INT64_MAX;
    int status = read_one(command, "--from", from, from_us);
    status = status != EXIT_GOOD ? status : read_one(command, "--to", to, to_us);
    bool alike = moment_is_local(from) == moment_is_local(to);
    if (status == EXIT_GOOD && *from_us >= *to_us && (alike || zoned)) {
        return command_misused(command, "--from is not before --to");
    }
    return status;
}
