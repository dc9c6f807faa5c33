#include "base/clock.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_wall_us(const struct clock *clock)
{
    (void)clock;
    return read_us(CLOCK_REALTIME);
}

static int64_t system_mono_us(const struct clock *clock)
{
    (void)clock;
    return read_us(CLOCK_BOOTTIME);
}

static void system_state(const struct clock *clock, struct clock_state *state)
{
    (void)clock;
    struct timex t = {.modes = 0};
    int condition = adjtimex(&t);
    state->synchronised = condition >= 0 && condition != TIME_ERROR && !(t.status & STA_UNSYNC);
    state->error_us = condition >= 0 && t.maxerror > 0 ? t.maxerror : 0;
    state->leap = condition == TIME_INS ? 1 : condition == TIME_DEL ? -1 : 0;
}

const struct clock clock_system = {
    .wall_us = system_wall_us, .mono_us = system_mono_us, .state = system_state};

void clock_format_utc(int64_t wall_us, char out[32])
{
    int64_t seconds = wall_us / 1000000, rest = wall_us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    time_t when = (time_t)seconds;
    struct tm t;
    gmtime_r(&when, &t);
    snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", (t.tm_year + 1900) % 10000,
             t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, (int)rest);
}

// Whether text begins in this form, in which 'd' is a digit and anything else itself. sscanf's %2d
// would also take blanks and signs.
static bool has_form(const char *text, const char *form)
{
    for (; *form; text++, form++) {
        if (*form == 'd' ? (*text < '0' || *text > '9') : *text != *form) {
            return false;
        }
    }
    return true;
}

// Reads a fraction ".123" at *p, if there is one, as microseconds, and moves *p behind it. -1 when
// there are no digits or too many.
static int parse_fraction(const char **p)
{
    if (**p != '.') {
        return 0;
    }
    int value = 0, digits = 0;
    for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, digits++) {
        value = digits < 6 ? value * 10 + (**p - '0') : value;
    }
    if (digits < 1 || digits > 6) {
        return -1;
    }
    for (; digits < 6; digits++) {
        value *= 10;
    }
    return value;
}

// Reads "Z" or "+08:00" at p, which must end the text; the offset in seconds to subtract.
static int parse_zone(const char *p, int *offset_s)
{
    int hours, minutes;
    if (strcmp(p, "Z") == 0) {
        *offset_s = 0;
        return OK;
    }
    if ((*p != '+' && *p != '-') || !has_form(p + 1, "dd:dd") || p[6] ||
        sscanf(p + 1, "%2d:%2d", &hours, &minutes) != 2 || hours > 23 || minutes > 59) {
        return ERROR_INPUT;
    }
    *offset_s = (hours * 60 + minutes) * 60 * (*p == '-' ? -1 : 1);
    return OK;
}

int clock_parse_utc(const char *text, int64_t *wall_us)
{
    struct tm t = {0};
    int offset_s = 0, fraction = 0;
    if (!has_form(text, "dddd-dd-dd") ||
        sscanf(text, "%4d-%2d-%2d", &t.tm_year, &t.tm_mon, &t.tm_mday) != 3) {
        return ERROR_INPUT;
    }
    const char *p = text + 10;
    if (*p) {
        if ((*p != 'T' && *p != ' ') || !has_form(p + 1, "dd:dd:dd") ||
            sscanf(p + 1, "%2d:%2d:%2d", &t.tm_hour, &t.tm_min, &t.tm_sec) != 3) {
            return ERROR_INPUT;
        }
        p += 9;
        fraction = parse_fraction(&p);
        if (fraction < 0 || parse_zone(p, &offset_s) != OK) {
            return ERROR_INPUT;
        }
    }
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    struct tm asked = t;
    time_t seconds = timegm(&t);
    if (t.tm_mday != asked.tm_mday || t.tm_mon != asked.tm_mon || t.tm_hour != asked.tm_hour ||
        t.tm_min != asked.tm_min || t.tm_sec != asked.tm_sec) {
        return ERROR_INPUT;
    }
    *wall_us = ((int64_t)seconds - offset_s) * 1000000 + fraction;
    return OK;
}
