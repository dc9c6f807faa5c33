#include "hook/hook.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "hook/child.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREAD_STACK_BYTES (128u << 10)
#define SECOND_NS          INT64_C(1000000000)
#define WAIT_NS            (3600 * SECOND_NS)
#define DROPPED_EVERY_NS   (600 * SECOND_NS) // so often at most it is put on record
#define NICENESS           10                // what is measured goes before

struct hook {
    struct hook_options options;
    char **arguments; // owned, as one piece
    pthread_t thread;
    atomic_bool end;
    _Atomic int64_t stop_ns; // 0, or by when it must be over
    pthread_mutex_t lock;    // guards status
    struct hook_status status;

    // The thread's own.
    uint64_t place;
    bool failing;
    uint64_t dropped; // not told yet
    int64_t dropped_told_ns;
    struct child_result result;
};

static void tell(const struct hook *hook, const char *kind, const char *text)
{
    hook->options.event(hook->options.context, kind, hook->arguments[0], text);
}

// --- one run

// What it gets of our environment, and nothing else: no NOTIFY_SOCKET, with which it could speak
// for the daemon.
static const char *const passed_on[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ"};
#define PASSED_ON  (sizeof passed_on / sizeof passed_on[0])
#define EVENT_VARS 6

struct environment {
    struct text bytes;                            // each with its terminator
    size_t offsets[PASSED_ON + EVENT_VARS];       // into it
    const char *list[PASSED_ON + EVENT_VARS + 1]; // NULL-terminated
    size_t count;
};

static void add_variable(struct environment *e, const char *name, const char *value)
{
    e->offsets[e->count++] = e->bytes.length;
    text_append_format(&e->bytes, "%s=%s", name, value);
    text_append(&e->bytes, "", 1);
}

static void make_environment(struct environment *e, const struct bulletin_event *event)
{
    char number[32], time[32];
    *e = (struct environment){.bytes = text_make(64u << 10)};
    for (size_t i = 0; i < PASSED_ON; i++) {
        const char *value = getenv(passed_on[i]);
        if (value || i == 0) {
            add_variable(e, passed_on[i], value ? value : "/usr/local/bin:/usr/bin:/bin");
        }
    }
    snprintf(number, sizeof number, "%" PRIu64, event->n);
    clock_format_utc(event->t_us, time);
    add_variable(e, "TALLY_KIND", event->kind);
    add_variable(e, "TALLY_SUBJECT", event->subject);
    add_variable(e, "TALLY_TEXT", event->text);
    add_variable(e, "TALLY_TIME", time);
    add_variable(e, "TALLY_LOG", event->log);
    add_variable(e, "TALLY_BLOCK", number);
    for (size_t i = 0; i < e->count && !e->bytes.failed; i++) {
        e->list[i] = e->bytes.data + e->offsets[i];
    }
}

static int run_with(struct hook *hook, const struct text *input, const struct environment *e,
                    struct why *why)
{
    if (input->failed || e->bytes.failed) {
        return why_set(why, ERROR_MEMORY, "cannot be run: out of memory");
    }
    const struct child_options options = {.arguments = (const char *const *)hook->arguments,
                                          .environment = e->list,
                                          .input = input->data,
                                          .input_length = input->length,
                                          .timeout_ns = hook->options.timeout_us * 1000,
                                          .stop_ns = &hook->stop_ns};
    return child_run(&options, &hook->result, why);
}

static void note_result(struct hook *hook, const struct bulletin_event *event, int error,
                        const struct why *why)
{
    const struct child_result *result = &hook->result;
    if (result->output[0]) {
        log_line(error ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "hook: it wrote: %s%s", result->output,
                 result->output_more ? " …" : "");
    }
    if (error) {
        log_warning("hook: %s %s (%s of %s)", hook->arguments[0], why->text, event->kind,
                    event->subject);
    }
    if (error == ERROR_STOPPED) {
        return; // that is not its doing
    }
    pthread_mutex_lock(&hook->lock);
    hook->status.runs++;
    hook->status.failed += error != OK;
    snprintf(hook->status.fault, sizeof hook->status.fault, "%s", error ? why->text : "");
    pthread_mutex_unlock(&hook->lock);
    if (error && !hook->failing) {
        char text[WHY_MAX + BULLETIN_SUBJECT_MAX];
        snprintf(text, sizeof text, "%s (%s of %s)", why->text, event->kind, event->subject);
        tell(hook, "hook.failed", text);
    } else if (!error && hook->failing) {
        log_info("hook: %s works again", hook->arguments[0]);
        tell(hook, "hook.back", "ended with status 0");
    }
    hook->failing = error;
}

static void run_one(struct hook *hook, const struct bulletin_event *event)
{
    struct environment environment;
    struct why why = {""};
    struct text input = text_make(BULLETIN_JSON_MAX + 1);
    bulletin_append_json(&input, event);
    text_append_string(&input, "\n");
    make_environment(&environment, event);
    hook->result.output[0] = '\0';
    int error = run_with(hook, &input, &environment, &why);
    note_result(hook, event, error, &why);
    text_free(&environment.bytes);
    text_free(&input);
}

// --- one after the other

static void look_after_dropped(struct hook *hook, bool now)
{
    int64_t now_ns = clock_wait_ns();
    if (!hook->dropped ||
        (!now && hook->dropped_told_ns && now_ns - hook->dropped_told_ns < DROPPED_EVERY_NS)) {
        return;
    }
    char text[96];
    snprintf(text, sizeof text, "%" PRIu64 " events were not given to it: it is too slow",
             hook->dropped);
    log_warning("hook: %s", text);
    tell(hook, "hook.dropped", text);
    pthread_mutex_lock(&hook->lock);
    hook->status.dropped += hook->dropped;
    pthread_mutex_unlock(&hook->lock);
    hook->dropped = 0;
    hook->dropped_told_ns = now_ns;
}

static bool is_over(struct hook *hook)
{
    int64_t stop_ns = atomic_load(&hook->stop_ns);
    return stop_ns && clock_wait_ns() >= stop_ns;
}

static void *run(void *argument)
{
    struct hook *hook = argument;
    struct bulletin *bulletin = hook->options.bulletin;
    struct bulletin_event event;
    pthread_setname_np(pthread_self(), "hook");
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS); // of this thread, and what it starts
    while (!is_over(hook)) {
        if (bulletin_next(bulletin, &hook->place, &event, &hook->dropped)) {
            look_after_dropped(hook, false);
            run_one(hook, &event);
        } else if (atomic_load(&hook->end)) {
            break;
        } else {
            int64_t wait_ns = hook->dropped ? DROPPED_EVERY_NS : WAIT_NS;
            bulletin_wait(bulletin, hook->place, &hook->end, clock_wait_ns() + wait_ns);
            look_after_dropped(hook, false);
        }
    }
    look_after_dropped(hook, true);
    return NULL;
}

// --- start and stop

// One piece: the list, and behind it the words.
static char **copy_arguments(const char *const *arguments)
{
    size_t count = 0, bytes = 0;
    for (; arguments[count]; count++) {
        bytes += strlen(arguments[count]) + 1;
    }
    char **copy = malloc((count + 1) * sizeof *copy + bytes);
    char *words = copy ? (char *)(copy + count + 1) : NULL;
    for (size_t i = 0; copy && i <= count; i++) {
        copy[i] = i < count ? words : NULL;
        if (copy[i]) {
            size_t length = strlen(arguments[i]) + 1;
            memcpy(words, arguments[i], length);
            words += length;
        }
    }
    return copy;
}

int hook_start(struct hook **out, const struct hook_options *options, struct why *why)
{
    *out = NULL;
    struct hook *hook = calloc(1, sizeof *hook);
    char **arguments = hook ? copy_arguments(options->arguments) : NULL;
    if (!arguments) {
        free(hook);
        return why_set(why, ERROR_MEMORY, "hook: out of memory");
    }
    hook->options = *options;
    hook->options.arguments = NULL;
    hook->arguments = arguments;
    hook->place = options->from;
    pthread_mutex_init(&hook->lock, NULL);
    if (thread_start(&hook->thread, THREAD_STACK_BYTES, run, hook) != OK) {
        pthread_mutex_destroy(&hook->lock);
        free(arguments);
        free(hook);
        return why_set(why, ERROR_SYSTEM, "hook: no thread: %m");
    }
    *out = hook;
    return OK;
}

bool hook_is(const struct hook *hook, const char *const *arguments, int64_t timeout_us)
{
    size_t i = 0;
    while (hook->arguments[i] && arguments[i] && strcmp(hook->arguments[i], arguments[i]) == 0) {
        i++;
    }
    return !hook->arguments[i] && !arguments[i] && hook->options.timeout_us == timeout_us;
}

void hook_end_soon(struct hook *hook)
{
    if (hook && !atomic_load(&hook->end)) {
        atomic_store(&hook->stop_ns, clock_wait_ns() + HOOK_STOP_US * INT64_C(1000));
        atomic_store(&hook->end, true);
        bulletin_wake(hook->options.bulletin);
    }
}

uint64_t hook_stop(struct hook *hook)
{
    if (!hook) {
        return 0;
    }
    hook_end_soon(hook);
    pthread_join(hook->thread, NULL);
    uint64_t place = hook->place, ready = bulletin_ready(hook->options.bulletin);
    if (ready > place) {
        log_warning("hook: %" PRIu64 " events were not given to it any more", ready - place);
    }
    pthread_mutex_destroy(&hook->lock);
    free(hook->arguments);
    free(hook);
    return place;
}

const char *hook_program(const struct hook *hook)
{
    return hook->arguments[0];
}

void hook_status(struct hook *hook, struct hook_status *out)
{
    pthread_mutex_lock(&hook->lock);
    *out = hook->status;
    pthread_mutex_unlock(&hook->lock);
}
