// hook: a program of the user's is run for each event within its bounds, and what goes wrong with
// it is said once.
#include "base/clock.h"
#include "hook/child.h"
#include "hook/hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define ORIGIN "91350100M000100Y43/gw-01/5f0c2a9d4be84f31a7c06d1e93b25f70"
#define S_NS   INT64_C(1000000000)

// --- one run

static _Atomic int64_t never;

static int run_with(const char *script, const char *input, int64_t timeout_ns,
                    const _Atomic int64_t *stop_ns, struct child_result *result, struct why *why)
{
    const char *const arguments[] = {"/bin/sh", "-c", script, NULL};
    const char *const environment[] = {"PATH=/usr/bin:/bin", "WORD=two words", NULL};
    const struct child_options options = {.arguments = arguments,
                                          .environment = environment,
                                          .input = input,
                                          .input_length = strlen(input),
                                          .timeout_ns = timeout_ns,
                                          .stop_ns = stop_ns};
    why->text[0] = '\0';
    return child_run(&options, result, why);
}

static int run_script(const char *script, const char *input, struct child_result *result,
                      struct why *why)
{
    return run_with(script, input, 20 * S_NS, &never, result, why);
}

static void program_gets_input_environment_and_nothing_else(void **state)
{
    (void)state;
    struct child_result result;
    struct why why;
    int fd = open("/dev/null", O_RDONLY); // without O_CLOEXEC, as a library may
    assert_true(fd > 2);
    assert_int_equal(setenv("SECRET", "x", 1), 0);
    assert_int_equal(run_script("read line; echo \"$line/$WORD/$SECRET/$#\" >&2; ls /proc/self/fd",
                                "a line\n", &result, &why),
                     OK);
    close(fd);
    // 3 is of `ls` itself.
    assert_string_equal(result.output, "a line/two words//0 0 1 2 3");
    assert_int_equal(result.output_more, 0);
}

static void signals_are_default_and_the_group_its_own(void **state)
{
    (void)state;
    struct child_result result;
    struct why why;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // as a thread of the daemon has it
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    int error =
        run_script("grep -E 'Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f1,5 /proc/$$/stat", "",
                   &result, &why);
    signal(SIGPIPE, old);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(error, OK);
    unsigned long blocked, ignored;
    int pid, group;
    assert_int_equal(
        sscanf(result.output, "SigBlk: %lx SigIgn: %lx %d %d", &blocked, &ignored, &pid, &group),
        4);
    // Beyond 31 are glibc's own, which posix_spawn has ignored until a program uses threads, and an
    // emulator's.
    assert_int_equal((blocked | ignored) & 0x7fffffff, 0);
    assert_int_equal(pid, group);
    assert_int_not_equal(group, getpgrp());
}

static void status_and_signal_are_said(void **state)
{
    (void)state;
    struct child_result result;
    struct why why;
    assert_int_equal(run_script("echo no; exit 3", "x", &result, &why), ERROR_REFUSED);
    assert_string_equal(why.text, "ended with status 3");
    assert_string_equal(result.output, "no");
    assert_int_equal(run_script("kill -TERM $$", "x", &result, &why), ERROR_REFUSED);
    assert_string_equal(why.text, "ended by signal 15");
}

static void program_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct child_result result;
    struct why why;
    const char *const none[] = {NULL}, *const arguments[] = {"/nonexistent/hook", NULL};
    const struct child_options options = {.arguments = arguments,
                                          .environment = none,
                                          .input = "",
                                          .timeout_ns = S_NS,
                                          .stop_ns = &never};
    int error = child_run(&options, &result, &why);
    if (error == ERROR_REFUSED) { // of an emulator, whose vfork is a fork
        assert_string_equal(why.text, "ended with status 127");
        return;
    }
    assert_int_equal(error, ERROR_SYSTEM);
    assert_string_equal(why.text, "cannot be run: No such file or directory");
}

// The process that wrote its number into the output.
static pid_t pid_in(const char *output)
{
    return (pid_t)strtol(output, NULL, 10);
}

static void assert_gone(pid_t pid)
{
    assert_true(pid > 1);
    for (int i = 0; i < 500 && kill(pid, 0) == 0; i++) { // init reaps it
        char path[64], state = 0;
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        FILE *file = fopen(path, "re");
        if (file) {
            bool read = fscanf(file, "%*d %*s %c", &state) == 1;
            fclose(file);
            state = read ? state : 'Z';
        }
        if (state == 'Z') {
            return;
        }
        usleep(10000);
    }
    assert_int_equal(kill(pid, 0), -1);
}

static void time_that_is_up_ends_all_of_it(void **state)
{
    (void)state;
    struct child_result result;
    struct why why;
    int64_t begun_ns = clock_wait_ns();
    assert_int_equal(
        run_with("trap '' TERM; sleep 100 & echo $!; wait", "", S_NS / 5, &never, &result, &why),
        ERROR_TIMEOUT);
    assert_true(clock_wait_ns() - begun_ns < 3 * S_NS);
    assert_string_equal(why.text, "did not end within 0 s, and was killed");
    assert_gone(pid_in(result.output));
}

static void what_it_leaves_behind_is_ended_and_not_waited_for(void **state)
{
    (void)state;
    struct child_result result;
    struct why why;
    int64_t begun_ns = clock_wait_ns();
    assert_int_equal(run_script("sleep 100 & echo $!", "", &result, &why), OK);
    assert_true(clock_wait_ns() - begun_ns < 5 * S_NS);
    assert_gone(pid_in(result.output));
}

static void stop_ends_it_before_its_time(void **state)
{
    (void)state;
    struct child_result result;
    struct why why;
    _Atomic int64_t stop_ns = clock_wait_ns() + S_NS / 10;
    int64_t begun_ns = clock_wait_ns();
    assert_int_equal(run_with("sleep 100", "", 100 * S_NS, &stop_ns, &result, &why), ERROR_STOPPED);
    assert_true(clock_wait_ns() - begun_ns < 3 * S_NS);
}

static void input_that_is_not_read_and_much_output_hold_nothing_up(void **state)
{
    (void)state;
    struct child_result result;
    struct why why;
    static char input[CHILD_INPUT_MAX + 1];
    memset(input, 'x', CHILD_INPUT_MAX);
    assert_int_equal(run_script("head -c 1000000 /dev/zero | tr '\\0' a; printf '\\033[1m'", input,
                                &result, &why),
                     OK);
    assert_int_equal(strlen(result.output), CHILD_OUTPUT_MAX);
    assert_int_equal(result.output_more, 1000000 + 4 - CHILD_OUTPUT_MAX);
}

// --- the thread

struct told {
    pthread_mutex_t lock;
    char lines[2048]; // "kind text\n"
};

static struct told told = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_event(void *context, const char *kind, const char *subject, const char *text)
{
    assert_ptr_equal(context, &told);
    assert_string_equal(subject, "/bin/sh");
    pthread_mutex_lock(&told.lock);
    size_t used = strlen(told.lines);
    snprintf(told.lines + used, sizeof told.lines - used, "%s %s\n", kind, text);
    pthread_mutex_unlock(&told.lock);
}

struct bench {
    struct bulletin *bulletin;
    struct hook *hook;
    uint64_t n;
    char file[64]; // what the script appends to
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->bulletin = bulletin_make();
    bulletin_begin(b->bulletin, ORIGIN);
    snprintf(b->file, sizeof b->file, "/tmp/tally-hook-XXXXXX");
    close(mkstemp(b->file));
    told.lines[0] = '\0';
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    hook_stop(b->hook);
    bulletin_free(b->bulletin);
    unlink(b->file);
    free(b);
    return 0;
}

static void start(struct bench *b, const char *script, int64_t timeout_us)
{
    struct why why = {""};
    const char *const arguments[] = {"/bin/sh", "-c", script, b->file, NULL};
    const struct hook_options options = {.arguments = arguments,
                                         .timeout_us = timeout_us,
                                         .bulletin = b->bulletin,
                                         .event = on_event,
                                         .context = &told};
    assert_int_equal(hook_start(&b->hook, &options, &why), OK);
}

static void post(struct bench *b, const char *text)
{
    bulletin_post(b->bulletin, 1795498776000000, "limit.raised", "meter.voltage", text);
    bulletin_close(b->bulletin, bulletin_end(b->bulletin), b->n, 1, false);
    bulletin_durable(b->bulletin, ++b->n);
}

static void read_file(const struct bench *b, char *out, size_t size)
{
    int fd = open(b->file, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, out, size - 1);
    out[length > 0 ? length : 0] = '\0';
    close(fd);
}

static void await_file(const struct bench *b, const char *expected)
{
    char found[4096] = "";
    for (int i = 0; i < 1000 && strcmp(found, expected) != 0; i++) {
        usleep(10000);
        read_file(b, found, sizeof found);
    }
    assert_string_equal(found, expected);
}

static void await_told(const char *expected)
{
    bool same = false;
    for (int i = 0; i < 1000 && !same; i++) {
        usleep(10000);
        pthread_mutex_lock(&told.lock);
        same = strcmp(told.lines, expected) == 0;
        pthread_mutex_unlock(&told.lock);
    }
    assert_string_equal(told.lines, expected);
}

static void each_event_is_given_once_in_order(void **state)
{
    struct bench *b = *state;
    start(b,
          "cat >> $0; echo \"$TALLY_KIND|$TALLY_SUBJECT|$TALLY_TEXT|$TALLY_TIME|$TALLY_LOG|"
          "$TALLY_BLOCK|$NOTIFY_SOCKET\" >> $0",
          20000000);
    assert_int_equal(setenv("NOTIFY_SOCKET", "/x", 1), 0);
    post(b, "max 242 V: $(reboot) `x` \"q\"");
    post(b, "two");
    await_file(b, "{\"tally-event\":1,\"log\":\"" ORIGIN "\",\"n\":0,\"t\":1795498776000000,"
                  "\"kind\":\"limit.raised\",\"subject\":\"meter.voltage\","
                  "\"text\":\"max 242 V: $(reboot) `x` \\\"q\\\"\"}\n"
                  "limit.raised|meter.voltage|max 242 V: $(reboot) `x` \"q\"|"
                  "2026-11-24T05:39:36.000000Z|" ORIGIN "|0|\n"
                  "{\"tally-event\":1,\"log\":\"" ORIGIN "\",\"n\":1,\"t\":1795498776000000,"
                  "\"kind\":\"limit.raised\",\"subject\":\"meter.voltage\",\"text\":\"two\"}\n"
                  "limit.raised|meter.voltage|two|2026-11-24T05:39:36.000000Z|" ORIGIN "|1|\n");
    assert_string_equal(told.lines, "");
}

static void failing_is_told_once_and_its_end_too(void **state)
{
    struct bench *b = *state;
    start(b, "read line; case \"$line\" in *good*) exit 0; esac; exit 7", 20000000);
    post(b, "good");
    post(b, "bad");
    post(b, "bad");
    post(b, "bad");
    await_told("hook.failed ended with status 7 (limit.raised of meter.voltage)\n");
    post(b, "good");
    post(b, "good");
    await_told("hook.failed ended with status 7 (limit.raised of meter.voltage)\n"
               "hook.back ended with status 0\n");
    struct hook_status status = {.runs = 0};
    for (int i = 0; i < 1000 && status.runs < 6; i++) {
        usleep(10000);
        hook_status(b->hook, &status);
    }
    assert_true(status.runs == 6 && status.failed == 3 && status.dropped == 0);
    assert_string_equal(status.fault, "");
    assert_string_equal(hook_program(b->hook), "/bin/sh");
}

static void what_gave_way_is_told_with_its_number(void **state)
{
    struct bench *b = *state;
    start(b, "read line; case \"$line\" in *first*) while [ ! -s $0 ]; do sleep 0.02; done; esac",
          20000000);
    post(b, "first");
    usleep(100000); // it is being run, and lasts until the file has something
    for (int i = 0; i < BULLETIN_EVENTS_MAX + 5; i++) {
        post(b, "x");
    }
    FILE *file = fopen(b->file, "ae");
    fputs("go\n", file);
    fclose(file);
    await_told("hook.dropped 5 events were not given to it: it is too slow\n");
}

static void stop_gives_what_is_ready_and_waits_no_longer_than_its_bound(void **state)
{
    struct bench *b = *state;
    int64_t begun_ns = clock_wait_ns();
    start(b, "echo x >> $0; read line; case \"$line\" in *slow*) sleep 100; esac", 100000000);
    post(b, "a");
    post(b, "b");
    assert_int_equal(hook_stop(b->hook), 2);
    await_file(b, "x\nx\n");
    start(b, "echo y >> $0; sleep 100", 100000000);
    await_file(b, "x\nx\ny\n"); // a hook of its own place: all is ready for it again
    uint64_t place = hook_stop(b->hook);
    b->hook = NULL;
    assert_int_equal(place, 1);
    assert_true(clock_wait_ns() - begun_ns < 6 * S_NS);
    assert_string_equal(told.lines, ""); // that it was killed is not its doing
}

static void hook_knows_what_it_was_started_with(void **state)
{
    struct bench *b = *state;
    const char *const same[] = {"/bin/sh", "-c", "true", b->file, NULL};
    const char *const less[] = {"/bin/sh", "-c", "true", NULL};
    const char *const other[] = {"/bin/sh", "-c", "false", b->file, NULL};
    start(b, "true", 5000000);
    assert_true(hook_is(b->hook, same, 5000000));
    assert_false(hook_is(b->hook, same, 5000001));
    assert_false(hook_is(b->hook, less, 5000000));
    assert_false(hook_is(b->hook, other, 5000000));
    hook_end_soon(NULL);
    assert_int_equal(hook_stop(NULL), 0);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_gets_input_environment_and_nothing_else),
        cmocka_unit_test(signals_are_default_and_the_group_its_own),
        cmocka_unit_test(status_and_signal_are_said),
        cmocka_unit_test(program_that_is_not_there_is_said),
        cmocka_unit_test(time_that_is_up_ends_all_of_it),
        cmocka_unit_test(what_it_leaves_behind_is_ended_and_not_waited_for),
        cmocka_unit_test(stop_ends_it_before_its_time),
        cmocka_unit_test(input_that_is_not_read_and_much_output_hold_nothing_up),
        WITH(each_event_is_given_once_in_order),
        WITH(failing_is_told_once_and_its_end_too),
        WITH(what_gave_way_is_told_with_its_number),
        WITH(stop_gives_what_is_ready_and_waits_no_longer_than_its_bound),
        WITH(hook_knows_what_it_was_started_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
