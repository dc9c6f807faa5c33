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

int64_t clock_wait_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
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

// Reads numbers by a form in which each 'd' is a digit of the current number, 'n' begins the next
// and anything else must stand there. sscanf's %2d would take blanks and signs too. The length
// read, or 0.
static size_t parse_numbers(const char *text, const char *form, int *numbers)
{
    const char *start = text;
    for (*numbers = 0; *form; form++) {
        if (*form == 'n') {
            *++numbers = 0;
            continue;
        }
        if (*form == 'd' ? (*text < '0' || *text > '9') : *text != *form) {
            return 0;
        }
        if (*form == 'd') {
            *numbers = *numbers * 10 + (*text - '0');
        }
        text++;
    }
    return (size_t)(text - start);
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
    int at[2];
    *offset_s = 0;
    if (strcmp(p, "Z") == 0) {
        return OK;
    }
    if ((*p != '+' && *p != '-') || !parse_numbers(p + 1, "dd:ndd", at) || p[6] || at[0] > 23 ||
        at[1] > 59) {
        return ERROR_INPUT;
    }
    *offset_s = (at[0] * 60 + at[1]) * 60 * (*p == '-' ? -1 : 1);
    return OK;
}

int clock_parse_utc(const char *text, int64_t *wall_us)
{
    int date[3], time[3] = {0}, offset_s = 0, fraction = 0;
    if (!parse_numbers(text, "dddd-ndd-ndd", date)) {
        return ERROR_INPUT;
    }
    const char *p = text + 10;
    if (*p) {
        if ((*p != 'T' && *p != ' ') || !parse_numbers(p + 1, "dd:ndd:ndd", time)) {
            return ERROR_INPUT;
        }
        p += 9;
        fraction = parse_fraction(&p);
        if (fraction < 0 || parse_zone(p, &offset_s) != OK) {
            return ERROR_INPUT;
        }
    }
    struct tm t = {.tm_year = date[0] - 1900,
                   .tm_mon = date[1] - 1,
                   .tm_mday = date[2],
                   .tm_hour = time[0],
                   .tm_min = time[1],
                   .tm_sec = time[2]};
    const struct tm asked = t;
    time_t seconds = timegm(&t); // moves what does not exist (30 February) to what does
    if (t.tm_mday != asked.tm_mday || t.tm_mon != asked.tm_mon || t.tm_hour != asked.tm_hour ||
        t.tm_min != asked.tm_min || t.tm_sec != asked.tm_sec) {
        return ERROR_INPUT;
    }
    *wall_us = ((int64_t)seconds - offset_s) * 1000000 + fraction;
    return OK;
}
