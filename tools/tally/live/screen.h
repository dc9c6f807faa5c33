// The live screen of `tally watch`, as bytes for a terminal: head, instruments with their points,
// uplinks at the foot. Makes the bytes; writes nothing, asks nothing.
#ifndef TALLY_TOOLS_SCREEN_H
#define TALLY_TOOLS_SCREEN_H

#include "base/text.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdint.h>

struct screen {
    int rows, columns; // of the terminal
    long top;          // first body line shown; kept within the body by screen_draw
    size_t page;       // body lines that fit
    struct text frame; // what to write: a whole screen
    struct text body;
    size_t body_lines;
    int64_t rate_readings, rate_us; // of the status before, for the rate
    double rate;
};

void screen_init(struct screen *screen);
void screen_free(struct screen *screen);
// Makes the frame of these answers ("status" and "latest"; NULL when no daemon answered: then `why`
// says so).
void screen_draw(struct screen *screen, const cJSON *status, const cJSON *latest, const char *why);

// Members of a point in "latest": [name, unit, indication, t_us, half_window_us, flags].
const char *screen_point_name(const cJSON *point);
const char *screen_point_unit(const cJSON *point);
int64_t screen_point_time(const cJSON *point); // 0: no reading yet
uint32_t screen_point_flags(const cJSON *point);
void screen_append_value(struct text *out, const cJSON *point);

#endif
