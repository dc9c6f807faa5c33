// tally watch: what is read now, as a screen that follows it, or as lines where there is no screen.
#include "common/answer.h"
#include "live/alarm_table.h"

#include "base/clock.h"
#include "common/show.h"
#include "live/screen.h"
#include "live/terminal.h"
#include "tally.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX (16u << 20)
#define PERIOD_MS  1000

struct watch {
    const char *control;
    int64_t updates; // to make; 0: until stopped
    struct text raw;
    cJSON *status, *latest; // NULL when no daemon answered
    struct why why;
    int64_t *printed_us; // of each point, in order: the last reading that a line was written for
    size_t printed_count;
};

static void ask(struct watch *watch)
{
    cJSON_Delete(watch->status);
    cJSON_Delete(watch->latest);
    watch->latest = NULL;
    int error = answer_get(watch->control, "status", &watch->raw, &watch->status, &watch->why);
    if (!error) {
        error = answer_get(watch->control, "latest", &watch->raw, &watch->latest, &watch->why);
    }
    if (error) {
        cJSON_Delete(watch->status);
        watch->status = NULL;
    } else {
        const char *zone = answer_string(watch->status, "time_zone");
        show_set_zone(*zone ? zone : "UTC");
    }
}

// --- lines

// The number of the last reading written of point `index`, which is at first none.
static int64_t *printed(struct watch *watch, size_t index)
{
    if (index >= watch->printed_count) {
        size_t count = index + 256;
        int64_t *more = realloc(watch->printed_us, count * sizeof *more);
        if (!more) {
            return NULL;
        }
        memset(more + watch->printed_count, 0, (count - watch->printed_count) * sizeof *more);
        watch->printed_us = more;
        watch->printed_count = count;
    }
    return &watch->printed_us[index];
}

static void print_point(const cJSON *status, const char *instrument, const cJSON *point)
{
    struct text out = text_make(2048);
    show_append_local(&out, screen_point_time(point));
    text_append_string(&out, "  ");
    show_append_clean(&out, instrument, SIZE_MAX);
    text_append_string(&out, ".");
    show_append_clean(&out, screen_point_name(point), SIZE_MAX);
    text_append_string(&out, "  ");
    screen_append_value(&out, point);
    text_append_string(&out, " ");
    show_append_clean(&out, screen_point_unit(point), SIZE_MAX);
    uint32_t flags = screen_point_flags(point);
    text_append_string(&out, flags ? "  " : "");
    show_append_flags(&out, flags, " ");
    struct text raised = text_make(512);
    alarm_table_append_point(&raised, status, instrument, screen_point_name(point));
    if (raised.length) {
        text_append_format(&out, "  %s", raised.data);
    }
    text_free(&raised);
    text_append_string(&out, "\n");
    fwrite(out.data, 1, out.failed ? 0 : out.length, stdout);
    text_free(&out);
}

// A line for each reading that is new since the last time.
static void print_lines(struct watch *watch)
{
    size_t index = 0;
    const cJSON *instrument, *point;
    if (!watch->latest) {
        fprintf(stderr, "tally watch: %s\n", watch->why.text);
        return;
    }
    cJSON_ArrayForEach(instrument, answer_member(watch->latest, "instruments"))
    {
        cJSON_ArrayForEach(point, answer_member(instrument, "points"))
        {
            int64_t *last_us = printed(watch, index++), t_us = screen_point_time(point);
            if (last_us && t_us && *last_us != t_us) {
                *last_us = t_us;
                print_point(watch->status, answer_string(instrument, "name"), point);
            }
        }
    }
    fflush(stdout);
}

static int watch_lines(struct watch *watch)
{
    bool ever = false;
    for (int64_t i = 0; !watch->updates || i < watch->updates; i++) {
        if (i) {
            usleep(PERIOD_MS * 1000);
        }
        ask(watch);
        ever |= watch->status != NULL;
        print_lines(watch);
        if (ferror(stdout)) {
            break;
        }
    }
    return ever ? EXIT_GOOD : EXIT_FINDING;
}

// --- screen

// Moves the first line shown; false for a key that ends the screen.
static bool obey(enum key key, struct screen *screen)
{
    long page = screen->page > 1 ? (long)screen->page - 1 : 1;
    switch (key) {
    case KEY_QUIT:
    case KEY_SIGNAL: return false;
    case KEY_UP: screen->top -= 1; break;
    case KEY_DOWN: screen->top += 1; break;
    case KEY_PAGE_UP: screen->top -= page; break;
    case KEY_PAGE_DOWN: screen->top += page; break;
    case KEY_HOME: screen->top = 0; break;
    case KEY_END: screen->top = LONG_MAX / 2; break;
    default: break;
    }
    return true;
}

static void redraw(struct watch *watch, struct screen *screen, const struct terminal *terminal)
{
    screen->rows = terminal->rows;
    screen->columns = terminal->columns;
    screen_draw(screen, watch->status, watch->latest, watch->why.text);
    terminal_draw(&screen->frame);
}

static int watch_screen(struct watch *watch, struct terminal *terminal)
{
    struct screen screen;
    int64_t next_ms = clock_wait_ms(), left = watch->updates;
    screen_init(&screen);
    for (bool on = true; on;) {
        if (clock_wait_ms() >= next_ms) {
            next_ms = clock_wait_ms() + PERIOD_MS;
            ask(watch);
            redraw(watch, &screen, terminal);
            if (watch->updates && left-- <= 1) {
                break;
            }
        }
        enum key key = terminal_key(terminal, (int)(next_ms - clock_wait_ms()));
        on = obey(key, &screen);
        if (on && key != KEY_NONE) {
            redraw(watch, &screen, terminal);
        }
    }
    screen_free(&screen);
    terminal_close(terminal);
    if (terminal->signal) { // end as if nothing had been in its way
        signal(terminal->signal, SIG_DFL);
        raise(terminal->signal);
    }
    return EXIT_GOOD;
}

static int watch_place(const struct place *place, int64_t updates)
{
    struct watch watch = {
        .control = place->control, .updates = updates, .raw = text_make(ANSWER_MAX)};
    struct terminal terminal;
    int status =
        terminal_open(&terminal) == OK ? watch_screen(&watch, &terminal) : watch_lines(&watch);
    cJSON_Delete(watch.status);
    cJSON_Delete(watch.latest);
    text_free(&watch.raw);
    free(watch.printed_us);
    return status;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"control", required_argument, NULL, PLACE_CONTROL},
                                        {"updates", required_argument, NULL, 'n'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct place place = {0};
    int64_t updates = 0;
    int option, status;
    while ((option = command_option(command, argc, argv, &place, &status)) > 0) {
        char *end;
        updates = strtol(optarg, &end, 10); // --updates, the only one of its own
        if (*end || updates < 1) {
            return command_misused(command, "--updates %s: not a number from 1", optarg);
        }
    }
    if (option < 0) {
        return status;
    }
    status = place_find(&place);
    if (status == EXIT_GOOD) {
        status = watch_place(&place, updates);
    }
    place_free(&place);
    return status;
}

const struct command command_watch = {
    .name = "tally watch",
    .summary = "every reading as it comes, on a live screen",
    .usage =
        "usage: tally watch [-c FILE | --control PATH] [-n N]\n"
        "\n"
        "Shows each instrument with the latest reading of its points, silent instruments set off,\n"
        "and the uplinks at the foot, once a second. Keys: arrows, Page Up, Page Down, Home, End "
        "to\n"
        "move, q to end. Where the output is no terminal: a line for each reading that is new.\n"
        "\n"
        "  -c, --config FILE    the configuration; otherwise tally.yaml in this folder, then\n"
        "                       /etc/tally/tally.yaml\n"
        "      --drivers DIR    where the drivers are, instead of gateway.drivers\n"
        "      --control PATH   the daemon's control socket, with no configuration\n"
        "  -n, --updates N      end after N updates\n"
        "  -h, --help           print this\n",
    .letters = "c:n:h",
    .options = options,
    .run = run};
