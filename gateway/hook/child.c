#include "hook/child.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MIN_MS 2 // how often it is seen whether it has ended: seldomer as it lasts
#define LOOK_MAX_MS 50
#define MS_NS       INT64_C(1000000)
#define OOM_SCORE   "500" // of 1000; the daemon's is -500 under systemd

struct child {
    const struct child_options *options;
    struct child_result *result;
    size_t output_length;
    int input_fd, output_fd; // its ends, until it runs; then `output_fd` is ours
    pid_t pid;
};

// --- starting

// Reads from [0], writes to [1].
static int make_pipes(struct child *child, int *ours, struct why *why)
{
    int in[2], out[2];
    const struct child_options *o = child->options;
    assert(o->input_length <= CHILD_INPUT_MAX);
    if (pipe2(in, O_CLOEXEC) != 0) {
        return why_set(why, ERROR_SYSTEM, "no pipe: %s", strerror(errno));
    }
    // All at once: a pipe has room for it.
    bool written = write(in[1], o->input, o->input_length) == (ssize_t)o->input_length;
    close(in[1]);
    if (!written || pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        return why_set(why, ERROR_SYSTEM, "no pipe: %s", strerror(errno));
    }
    child->input_fd = in[0];
    child->output_fd = out[1];
    *ours = out[0];
    (void)fcntl(*ours, F_SETFL, O_NONBLOCK);
    return OK;
}

static int set_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    int failed = posix_spawnattr_setsigmask(attributes, &none);
    failed = failed ? failed : posix_spawnattr_setsigdefault(attributes, &all);
    failed = failed ? failed : posix_spawnattr_setpgroup(attributes, 0);
    return failed ? failed
                  : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
                                                             POSIX_SPAWN_SETSIGDEF |
                                                             POSIX_SPAWN_SETPGROUP);
}

static int set_descriptors(posix_spawn_file_actions_t *actions, const struct child *child)
{
    int failed = posix_spawn_file_actions_adddup2(actions, child->input_fd, STDIN_FILENO);
    failed = failed ? failed
                    : posix_spawn_file_actions_adddup2(actions, child->output_fd, STDOUT_FILENO);
    failed = failed ? failed
                    : posix_spawn_file_actions_adddup2(actions, child->output_fd, STDERR_FILENO);
    return failed ? failed : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
}

// Otherwise it would have the daemon's: the last that the kernel ends. Where it may not be said it
// stays so.
static void be_ended_first(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t written = write(fd, OOM_SCORE, strlen(OOM_SCORE));
        (void)written;
        close(fd);
    }
}

static int start(struct child *child, struct why *why)
{
    const struct child_options *o = child->options;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int ours = -1;
    int error = make_pipes(child, &ours, why);
    if (error) {
        return error;
    }
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    int failed = set_signals(&attributes);
    failed = failed ? failed : set_descriptors(&actions, child);
    failed = failed ? failed
                    : posix_spawn(&child->pid, o->arguments[0], &actions, &attributes,
                                  (char *const *)o->arguments, (char *const *)o->environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(child->input_fd);
    close(child->output_fd);
    child->output_fd = ours;
    if (failed) {
        close(ours);
        return why_set(why, ERROR_SYSTEM, "cannot be run: %s", strerror(failed));
    }
    be_ended_first(child->pid);
    return OK;
}

// --- while it runs

static void keep(struct child *child, const char *bytes, size_t length)
{
    struct child_result *result = child->result;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (child->output_length == CHILD_OUTPUT_MAX) {
            result->output_more += length - i;
            return;
        }
        result->output[child->output_length++] = (char)(c < ' ' || c == 0x7f ? ' ' : c);
    }
}

// All that is there now. At the end of it `output_fd` becomes -1.
static void hear(struct child *child)
{
    char bytes[512];
    ssize_t length;
    while (child->output_fd >= 0 && (length = read(child->output_fd, bytes, sizeof bytes)) != 0) {
        if (length < 0) {
            return; // nothing now
        }
        keep(child, bytes, (size_t)length);
    }
    if (child->output_fd >= 0) {
        close(child->output_fd);
        child->output_fd = -1;
    }
}

// Whether it has ended; it is not reaped yet, so that its group's number stays its own.
static bool has_ended(const struct child *child)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid != 0;
}

// OK when it has ended, or whose time is up.
static int wait_for_end(struct child *child)
{
    const struct child_options *o = child->options;
    int64_t end_ns = clock_wait_ns() + o->timeout_ns;
    for (int look_ms = LOOK_MIN_MS; !has_ended(child); look_ms = look_ms * 3 / 2) {
        int64_t now_ns = clock_wait_ns(), stop_ns = atomic_load(o->stop_ns);
        if (now_ns >= end_ns || (stop_ns && now_ns >= stop_ns)) {
            return now_ns >= end_ns ? ERROR_TIMEOUT : ERROR_STOPPED;
        }
        look_ms = look_ms < LOOK_MAX_MS ? look_ms : LOOK_MAX_MS;
        int64_t left_ms = (end_ns - now_ns) / MS_NS + 1;
        struct pollfd fd = {.fd = child->output_fd, .events = POLLIN};
        poll(&fd, 1, left_ms < look_ms ? (int)left_ms : look_ms);
        hear(child);
    }
    return OK;
}

static int judge(int error, int status, const struct child *child, struct why *why)
{
    if (error == ERROR_TIMEOUT) {
        return why_set(why, error, "did not end within %.0f s, and was killed",
                       (double)child->options->timeout_ns / 1e9);
    }
    if (error) {
        return why_set(why, error, "was killed because the daemon stops, or reloads");
    }
    if (WIFSIGNALED(status)) {
        return why_set(why, ERROR_REFUSED, "ended by signal %d", WTERMSIG(status));
    }
    return WEXITSTATUS(status)
               ? why_set(why, ERROR_REFUSED, "ended with status %d", WEXITSTATUS(status))
               : OK;
}

// The last byte may be of a character that was cut.
static void end_output(struct child *child)
{
    struct child_result *result = child->result;
    while (child->output_length && result->output[child->output_length - 1] == ' ') {
        child->output_length--;
    }
    result->output[child->output_length] = '\0';
}

int child_run(const struct child_options *options, struct child_result *result, struct why *why)
{
    struct child child = {.options = options, .result = result};
    int status = 0;
    *result = (struct child_result){.output_more = 0};
    int error = start(&child, why);
    if (error) {
        return error;
    }
    error = wait_for_end(&child);
    kill(-child.pid, SIGKILL); // what it left, too
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    hear(&child);
    if (child.output_fd >= 0) {
        close(child.output_fd); // somebody who has left the group still holds it
    }
    end_output(&child);
    return judge(error, status, &child, why);
}
