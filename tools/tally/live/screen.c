#include "live/screen.h"

#include "common/answer.h"
#include "common/show.h"
#include "live/alarm_table.h"

#include "base/value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define FRAME_MAX (4u << 20)

// Styles: never by colour alone, words say the same.
#define PLAIN   "\033[0m"
#define BOLD    "\033[1m"
#define DIM     "\033[2m"
#define ALARM   "\033[1;31m"
#define REVERSE "\033[7m"

const char *screen_point_name(const cJSON *point)
{
    const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(point, 0));
    return name ? name : "";
}

const char *screen_point_unit(const cJSON *point)
{
    const char *unit = cJSON_GetStringValue(cJSON_GetArrayItem(point, 1));
    return unit && strcmp(unit, "1") != 0 ? unit : "";
}

static double number_at(const cJSON *point, int index)
{
    const cJSON *item = cJSON_GetArrayItem(point, index);
    return cJSON_IsNumber(item) && isfinite(item->valuedouble) ? item->valuedouble : 0;
}

int64_t screen_point_time(const cJSON *point)
{
    return (int64_t)fmax(fmin(number_at(point, 3), 9e18), -9e18);
}

uint32_t screen_point_flags(const cJSON *point)
{
    return (uint32_t)fmax(fmin(number_at(point, 5), UINT32_MAX), 0);
}

void screen_append_value(struct text *out, const cJSON *point)
{
    const cJSON *value = cJSON_GetArrayItem(point, 2);
    if (cJSON_IsNumber(value) && isfinite(value->valuedouble)) {
        value_append_double(out, value->valuedouble);
    } else {
        show_append_clean(out, cJSON_IsString(value) ? value->valuestring : "—", SIZE_MAX);
    }
}

void screen_init(struct screen *screen)
{
    memset(screen, 0, sizeof *screen);
    screen->frame = text_make(FRAME_MAX);
    screen->body = text_make(FRAME_MAX);
    screen->rate = NAN;
}

void screen_free(struct screen *screen)
{
    text_free(&screen->frame);
    text_free(&screen->body);
}

// Appends a line's text, cut to the terminal's width, in a style.
static void put_line(const struct screen *screen, struct text *out, const char *style,
                     const struct text *line)
{
    text_append_string(out, style);
    show_append_clean(out, line->length ? line->data : "", (size_t)screen->columns);
    text_append_string(out, PLAIN);
}

static void add_body(struct screen *screen, const char *style, const struct text *line)
{
    put_line(screen, &screen->body, style, line);
    text_append_string(&screen->body, "\n");
    screen->body_lines++;
}

// Pads with blanks up to `width` columns, from where the cell began.
static void pad_cell(struct text *line, size_t from, size_t width)
{
    size_t used = show_width(line->length > from ? line->data + from : "");
    text_append_format(line, "%*s", used < width ? (int)(width - used) : 0, "");
}

static void add_point(struct screen *screen, struct text *line, const cJSON *status,
                      const char *instrument, const cJSON *point)
{
    int64_t now_us = answer_int(status, "time_us");
    int64_t t_us = screen_point_time(point);
    uint32_t flags = screen_point_flags(point);
    struct text value = text_make(1024);
    screen_append_value(&value, point);
    text_clear(line);
    text_append_string(line, "  ");
    text_append_string(line, screen_point_name(point));
    pad_cell(line, 0, 28);
    size_t width = show_width(value.length ? value.data : "");
    text_append_format(line, "%*s%s ", width < 14 ? (int)(14 - width) : 0, "",
                       value.length ? value.data : "");
    size_t from = line->length;
    text_append_string(line, screen_point_unit(point));
    pad_cell(line, from, 6);
    from = line->length;
    text_append_string(line, " ");
    if (t_us) {
        show_append_duration(line, now_us > t_us ? now_us - t_us : 0);
    }
    pad_cell(line, from, 10);
    text_append_string(line, " ");
    show_append_flags(line, flags, " ");
    text_append_string(line, flags ? "  " : "");
    from = line->length;
    alarm_table_append_point(line, status, instrument, screen_point_name(point));
    bool raised = line->length > from;
    add_body(screen, raised ? ALARM : !t_us ? DIM : flags ? BOLD : PLAIN, line);
    text_free(&value);
}

static void add_instrument(struct screen *screen, struct text *line, const cJSON *status,
                           const cJSON *instrument, const cJSON *points)
{
    int64_t now_us = answer_int(status, "time_us");
    const char *state = answer_string(instrument, "state");
    int64_t last_us = answer_int(instrument, "last_us");
    bool silent = strcmp(state, "silent") == 0, wrong = strcmp(state, "mismatch") == 0;
    text_clear(line);
    text_append_string(line, answer_string(instrument, "name"));
    pad_cell(line, 0, 26);
    text_append_format(line, "  %s", silent ? "SILENT" : wrong ? "WRONG SERIAL" : state);
    if (last_us) {
        text_append_string(line, silent ? " for " : ", last ");
        show_append_duration(line, now_us > last_us ? now_us - last_us : 0);
    }
    const char *fault = answer_string(instrument, "fault");
    text_append_format(line, "%s%s   %s unit %" PRId64 ", polled ", *fault ? "  " : "", fault,
                       answer_string(instrument, "bus"), answer_int(instrument, "unit"));
    text_append_string(line, answer_int(instrument, "every_us") ? "every " : "");
    show_append_every(line, answer_int(instrument, "every_us"));
    if (last_us) {
        text_append_string(line, ", round trip ");
        show_append_duration(line, answer_int(instrument, "round_trip_us"));
    }
    add_body(screen, silent || wrong ? ALARM : BOLD, line);
    const cJSON *point;
    cJSON_ArrayForEach(point, points)
    {
        add_point(screen, line, status, answer_string(instrument, "name"), point);
    }
}

// The points of an instrument in "latest", by name: the two answers may differ by a reload.
static const cJSON *find_points(const cJSON *latest, const char *name)
{
    const cJSON *instrument;
    cJSON_ArrayForEach(instrument, answer_member(latest, "instruments"))
    {
        if (strcmp(answer_string(instrument, "name"), name) == 0) {
            return answer_member(instrument, "points");
        }
    }
    return NULL;
}

static void make_body(struct screen *screen, const cJSON *status, const cJSON *latest)
{
    struct text line = text_make(8192);
    const cJSON *instrument;
    text_clear(&screen->body);
    screen->body_lines = 0;
    cJSON_ArrayForEach(instrument, answer_member(status, "instruments"))
    {
        add_instrument(screen, &line, status, instrument,
                       find_points(latest, answer_string(instrument, "name")));
    }
    text_free(&line);
}

// Readings a second, between this status and the one before.
static void update_rate(struct screen *screen, const cJSON *status)
{
    int64_t readings = answer_int(answer_member(status, "recorder"), "readings");
    int64_t now_us = answer_int(status, "time_us");
    if (now_us == screen->rate_us) {
        return;
    }
    if (screen->rate_us && now_us > screen->rate_us && readings >= screen->rate_readings) {
        double rate =
            (double)(readings - screen->rate_readings) * 1e6 / (double)(now_us - screen->rate_us);
        screen->rate = isnan(screen->rate) ? rate : 0.8 * screen->rate + 0.2 * rate;
    }
    screen->rate_readings = readings;
    screen->rate_us = now_us;
}

static void put_head(struct screen *screen, struct text *line, const cJSON *status)
{
    const cJSON *clock = answer_member(status, "clock"), *ledger = answer_member(status, "ledger");
    text_clear(line);
    text_append_format(line, "%s / %s   ", answer_string(status, "site"),
                       answer_string(status, "gateway"));
    show_append_local(line, answer_int(status, "time_us"));
    text_append_format(line, "   clock %s   silent: %" PRId64 "   alarms: %" PRId64,
                       answer_string(clock, "state"), answer_int(status, "instruments_silent"),
                       answer_int(status, "alarms_raised"));
    pad_cell(line, 0, (size_t)screen->columns);
    put_line(screen, &screen->frame, REVERSE, line);
    text_append_string(&screen->frame, "\033[K\r\n");
    text_clear(line);
    text_append_format(line, "%" PRId64 " readings recorded, %" PRId64 " missed",
                       answer_int(answer_member(status, "recorder"), "readings"),
                       answer_int(answer_member(status, "recorder"), "missed"));
    if (!isnan(screen->rate)) {
        text_append_format(line, ", %.3g a second", screen->rate);
    }
    text_append_format(line, "   ledger: %" PRId64 " blocks, ",
                       answer_int(ledger, "size") - answer_int(ledger, "first"));
    show_append_size(line, answer_int(ledger, "bytes"));
    bool trouble = answer_true(ledger, "full") || answer_true(ledger, "failed");
    text_append_format(line, "%s%s", trouble ? "   " : "",
                       trouble ? answer_string(ledger, "fault") : "");
    if (answer_true(ledger, "filling") && !trouble) {
        trouble = true;
        text_append_string(line, "   DISK FILLS UP: full in ");
        show_append_duration(line, (int64_t)(answer_number(ledger, "hours_to_full") * 3600e6));
    }
    put_line(screen, &screen->frame, trouble ? ALARM : PLAIN, line);
    text_append_string(&screen->frame, "\033[K\r\n");
}

static void put_uplink(struct screen *screen, struct text *line, const cJSON *uplink)
{
    int64_t size = answer_int(uplink, "size"), acknowledged = answer_int(uplink, "acknowledged");
    bool connected = answer_true(uplink, "connected");
    const char *fault = answer_string(uplink, "fault");
    text_clear(line);
    text_append_format(
        line,
        "uplink %s  %s  acknowledged %" PRId64 " of %" PRId64 "  behind by %" PRId64 " block%s",
        answer_string(uplink, "name"), connected ? "connected" : "NOT CONNECTED", acknowledged,
        size, size - acknowledged, size - acknowledged == 1 ? "" : "s");
    text_append_format(line, "%s%s", *fault ? "  " : "", fault);
    put_line(screen, &screen->frame, connected && !*fault ? PLAIN : ALARM, line);
    text_append_string(&screen->frame, "\033[K\r\n");
}

// The body lines that are in view, the rest of the room left blank.
static void put_body(struct screen *screen)
{
    long most = screen->body_lines > screen->page ? (long)(screen->body_lines - screen->page) : 0;
    screen->top = screen->top > most ? most : screen->top < 0 ? 0 : screen->top;
    const char *line = screen->body.length ? screen->body.data : "";
    for (long i = 0; i < screen->top; i++) {
        line = strchr(line, '\n') + 1;
    }
    for (size_t i = 0; i < screen->page; i++) {
        size_t length = strcspn(line, "\n");
        text_append(&screen->frame, line, length);
        text_append_string(&screen->frame, "\033[K\r\n");
        line += length + (line[length] == '\n');
    }
}

static void put_keys(struct screen *screen, struct text *line)
{
    size_t last = (size_t)screen->top + screen->page;
    text_clear(line);
    text_append_format(line, "q quit  arrows, pages move   lines %ld-%zu of %zu",
                       screen->body_lines ? screen->top + 1 : 0,
                       last < screen->body_lines ? last : screen->body_lines, screen->body_lines);
    put_line(screen, &screen->frame, DIM, line);
    text_append_string(&screen->frame, "\033[K");
}

void screen_draw(struct screen *screen, const cJSON *status, const cJSON *latest, const char *why)
{
    struct text line = text_make(8192);
    const cJSON *uplinks = answer_member(status, "uplinks"), *uplink;
    int room = screen->rows - 3; // head, keys
    int foot = cJSON_GetArraySize(uplinks);
    foot = foot < room - 1 ? foot : room > 1 ? room - 1 : 0;
    screen->page = room > foot ? (size_t)(room - foot) : 0;
    text_clear(&screen->frame);
    text_append_string(&screen->frame, "\033[H");
    if (!status || screen->rows < 3) {
        text_append_format(&line, status ? "too low a window" : "not running: %s", why);
        put_line(screen, &screen->frame, ALARM, &line);
        text_append_string(&screen->frame, "\033[J");
        text_free(&line);
        return;
    }
    update_rate(screen, status);
    make_body(screen, status, latest);
    put_head(screen, &line, status);
    put_body(screen);
    cJSON_ArrayForEach(uplink, uplinks)
    {
        if (foot-- > 0) {
            put_uplink(screen, &line, uplink);
        }
    }
    put_keys(screen, &line);
    text_append_string(&screen->frame, "\033[J");
    text_free(&line);
}
