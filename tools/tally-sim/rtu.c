#include "rtu.h"

#include "answer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define RTU_RECEIVE_MAX 1024
#define RTU_PENDING_MAX 16
#define RTU_WRITE_NS    300000 // bytes of a shorter time are written a few at once
#define RTU_WRITE_BYTES 8
#define RTU_BEHIND_NS   2000000 // an answer due longer ago than this starts now
#define RTU_STACK_BYTES (256 * 1024)

struct pending {
    int64_t due_ns;
    int64_t busy_ns; // of its request, for the statistics
    struct answer answer;
};

struct rtu {
    struct lab *lab;
    struct lab_line *line;
    pthread_t thread;
    int pty, hold; // the master's side; the slave's, held open so that a client may come and go
    char name[64]; // of the slave
    int64_t character_ns, gap_ns;
    uint8_t received[RTU_RECEIVE_MAX];
    size_t received_length;
    int64_t first_ns, last_ns; // when the first and the latest byte of `received` came
    int64_t line_end_ns;       // when the latest frame ended; 0: none yet
    size_t pending_count;
    struct pending pending[RTU_PENDING_MAX];
};

static const struct {
    int baud;
    speed_t speed;
} speeds[] = {
    {300, B300},       {600, B600},       {1200, B1200},     {2400, B2400},   {4800, B4800},
    {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600}, {115200, B115200},
    {230400, B230400}, {460800, B460800}, {921600, B921600},
};

static speed_t speed_of(int baud)
{
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].baud == baud) {
            return speeds[i].speed;
        }
    }
    return B0;
}

// ---- the pty and its link

static void pty_close(struct rtu *rtu)
{
    char target[sizeof rtu->name];
    ssize_t length = readlink(rtu->line->path, target, sizeof target - 1);
    if (length > 0 && (size_t)length == strlen(rtu->name) &&
        memcmp(target, rtu->name, (size_t)length) == 0) {
        unlink(rtu->line->path);
    }
    if (rtu->hold >= 0) {
        close(rtu->hold);
    }
    if (rtu->pty >= 0) {
        close(rtu->pty);
    }
    rtu->hold = rtu->pty = -1;
}

// Only a link to a pty, left by an earlier lab, is replaced: never a real port.
static int pty_link(struct rtu *rtu, struct why *why)
{
    const char *path = rtu->line->path;
    struct stat there;
    char target[64] = "", temporary[PATH_MAX];
    if (lstat(path, &there) == 0) {
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        if (!S_ISLNK(there.st_mode) || strncmp(target, "/dev/pts/", 9) != 0) {
            return why_set(why, ERROR_REFUSED, "%s is there already and is no link to a pty", path);
        }
    }
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    unlink(temporary);
    if (symlink(rtu->name, temporary) != 0 || rename(temporary, path) != 0) {
        int saved = errno;
        unlink(temporary);
        return why_set(why, ERROR_SYSTEM, "%s: cannot make the link: %s", path, strerror(saved));
    }
    return OK;
}

static int pty_open(struct rtu *rtu, struct why *why)
{
    struct termios raw;
    rtu->hold = -1;
    rtu->pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (rtu->pty < 0 || grantpt(rtu->pty) != 0 || unlockpt(rtu->pty) != 0 ||
        ptsname_r(rtu->pty, rtu->name, sizeof rtu->name) != 0) {
        goto failed;
    }
    rtu->hold = open(rtu->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (rtu->hold < 0 || tcgetattr(rtu->hold, &raw) != 0) {
        goto failed;
    }
    cfmakeraw(&raw);
    cfsetspeed(&raw, speed_of(rtu->line->baud));
    if (tcsetattr(rtu->hold, TCSANOW, &raw) != 0) {
        goto failed;
    }
    int status = pty_link(rtu, why);
    if (status != OK) {
        pty_close(rtu);
        return status;
    }
    stats_add(&rtu->line->stats.connections);
    return OK;
failed:
    why_set(why, ERROR_SYSTEM, "cannot open a pty: %s", strerror(errno));
    pty_close(rtu);
    return ERROR_SYSTEM;
}

// A master that set the port to another speed would read and send nonsense on a real line.
static bool pty_speed_right(const struct rtu *rtu)
{
    struct termios now;
    return tcgetattr(rtu->pty, &now) != 0 || cfgetospeed(&now) == speed_of(rtu->line->baud);
}

// A pty has no parity, and tcsetattr(3) fails with EINVAL when that is all there is to change: so
// it would for a master that opens the port anew after it was killed. HUPCL, which every master
// clears and nothing here obeys, is set again, so that there always is something to change.
static void pty_leave_change(const struct rtu *rtu)
{
    struct termios now;
    if (tcgetattr(rtu->pty, &now) == 0 && !(now.c_cflag & HUPCL)) {
        now.c_cflag |= HUPCL;
        tcsetattr(rtu->hold, TCSANOW, &now);
    }
}

// ---- time

static void sleep_until(int64_t when_ns)
{
    struct timespec when = {.tv_sec = when_ns / 1000000000, .tv_nsec = when_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) {
    }
}

static bool rtu_stopping(const struct rtu *rtu)
{
    return atomic_load(&rtu->lab->stopping);
}

static bool rtu_readable(const struct rtu *rtu)
{
    struct pollfd fd = {.fd = rtu->pty, .events = POLLIN};
    return poll(&fd, 1, 0) > 0 && (fd.revents & POLLIN);
}

// ---- what the master sends

static void note_gap(struct rtu *rtu, int64_t now_ns)
{
    struct stats *stats = &rtu->line->stats;
    pthread_mutex_lock(&stats->lock);
    struct stats_timing *timing = &stats->timing;
    if (timing->first_ns == 0) {
        timing->first_ns = now_ns;
    } else if (rtu->line_end_ns != 0) {
        int64_t gap = now_ns - rtu->line_end_ns;
        timing->gaps++;
        timing->gap_min_ns = gap < timing->gap_min_ns ? gap : timing->gap_min_ns;
        timing->gap_violations += gap < rtu->gap_ns;
    }
    pthread_mutex_unlock(&stats->lock);
}

static void rtu_receive(struct rtu *rtu)
{
    uint8_t bytes[RTU_RECEIVE_MAX];
    ssize_t length = read(rtu->pty, bytes, sizeof bytes);
    int64_t now_ns = clock_wait_ns();
    if (length <= 0) {
        return;
    }
    if (rtu->received_length == 0) {
        rtu->first_ns = now_ns;
        note_gap(rtu, now_ns);
    }
    rtu->last_ns = now_ns;
    // Of a flood only so much is kept that it is seen to be no frame.
    size_t room = sizeof rtu->received - rtu->received_length;
    size_t kept = (size_t)length < room ? (size_t)length : room;
    memcpy(rtu->received + rtu->received_length, bytes, kept);
    rtu->received_length += kept;
}

static int64_t wire_end_ns(const struct rtu *rtu)
{
    return rtu->first_ns + (int64_t)rtu->received_length * rtu->character_ns;
}

static bool received_whole(const struct rtu *rtu)
{
    int length = frame_request_length(rtu->received, rtu->received_length);
    return length > 0 && (size_t)length == rtu->received_length;
}

// When the bytes so far can be judged: a whole frame when its wire time has passed, anything else
// after 3.5 characters of silence.
static int64_t judge_at_ns(const struct rtu *rtu)
{
    int64_t end_ns = wire_end_ns(rtu);
    if (received_whole(rtu)) {
        return end_ns;
    }
    return (end_ns > rtu->last_ns ? end_ns : rtu->last_ns) + rtu->gap_ns;
}

static void rtu_queue(struct rtu *rtu, int64_t end_ns, int64_t busy_ns, const struct answer *answer)
{
    if (rtu->pending_count == RTU_PENDING_MAX) {
        return; // more late answers than a line could hold
    }
    struct pending *pending = &rtu->pending[rtu->pending_count++];
    pending->due_ns = end_ns + rtu->line->turn_ns + answer->delay_ns;
    pending->busy_ns = busy_ns;
    pending->answer = *answer;
}

static void rtu_reset(struct rtu *rtu)
{
    struct why why;
    pty_close(rtu);
    rtu->received_length = rtu->pending_count = 0;
    rtu->line_end_ns = 0;
    if (!rtu_stopping(rtu) && pty_open(rtu, &why) != OK) {
        log_error("%s: %s; trying again in 1 s", rtu->line->path, why.text);
        atomic_store(&rtu->line->gone_ns, clock_wait_ns() + 1000000000);
        eventfd_write(rtu->line->wake, 1);
    }
}

static void rtu_judge(struct rtu *rtu)
{
    struct stats *stats = &rtu->line->stats;
    const uint8_t *frame = rtu->received;
    size_t length = rtu->received_length;
    int64_t end_ns = wire_end_ns(rtu), busy_ns = end_ns - rtu->first_ns;
    rtu->received_length = 0;
    rtu->line_end_ns = end_ns;
    if (length > FRAME_RTU_MAX || !frame_crc_good(frame, length)) {
        stats_add(&stats->garbage);
        return;
    }
    if (!pty_speed_right(rtu)) {
        stats_add(&stats->wrong_speed);
        return;
    }
    pty_leave_change(rtu);
    struct answer answer;
    if (!answer_make(rtu->lab, rtu->line, frame[0], 0, frame + 1, length - 3, end_ns, &answer)) {
        return;
    }
    if (answer.reset) {
        rtu_reset(rtu);
    } else if (answer.length > 0) {
        rtu_queue(rtu, end_ns, busy_ns, &answer);
    }
}

// ---- what the instruments send

static void note_exchange(struct rtu *rtu, const struct pending *pending, int64_t end_ns)
{
    struct stats *stats = &rtu->line->stats;
    pthread_mutex_lock(&stats->lock);
    // Not the answer to a request of before the statistics were reset: its time is not in `total`.
    if (stats->timing.first_ns != 0) {
        stats->timing.exchanges++;
        stats->timing.busy_ns +=
            pending->busy_ns + (int64_t)pending->answer.length * rtu->character_ns;
        stats->timing.turn_ns += rtu->line->turn_ns;
        stats->timing.last_ns = end_ns;
    }
    pthread_mutex_unlock(&stats->lock);
}

// Bytes that the master sends while an instrument answers are lost to both on a real line; here the
// answer goes through and they are dropped.
static void drop_collision(struct rtu *rtu)
{
    uint8_t bytes[RTU_RECEIVE_MAX];
    if (rtu_readable(rtu) && read(rtu->pty, bytes, sizeof bytes) > 0) {
        stats_add(&rtu->line->stats.collisions);
        pthread_mutex_lock(&rtu->line->stats.lock);
        rtu->line->stats.timing.gap_violations++;
        pthread_mutex_unlock(&rtu->line->stats.lock);
    }
}

static void rtu_send(struct rtu *rtu, const struct pending *pending)
{
    const struct answer *answer = &pending->answer;
    int64_t now_ns = clock_wait_ns(), start_ns = pending->due_ns;
    size_t step = (size_t)(RTU_WRITE_NS / rtu->character_ns);
    step = step < 1 ? 1 : step > RTU_WRITE_BYTES ? RTU_WRITE_BYTES : step;
    if (now_ns - start_ns > RTU_BEHIND_NS) {
        start_ns = now_ns;
    }
    for (size_t sent = 0; sent < answer->length && !rtu_stopping(rtu); sent += step) {
        size_t count = answer->length - sent < step ? answer->length - sent : step;
        sleep_until(start_ns + (int64_t)(sent + count) * rtu->character_ns);
        if (sent + count == answer->length && !answer->late) {
            drop_collision(rtu);
        }
        // Taken before the write, after which the master may already act. What a master does not
        // read when its buffer is full is lost, as on a line.
        rtu->line_end_ns = clock_wait_ns();
        ssize_t ignored = write(rtu->pty, answer->bytes + sent, count);
        (void)ignored;
    }
    note_exchange(rtu, pending, rtu->line_end_ns);
    if (answer->late && rtu_readable(rtu)) {
        rtu->line_end_ns = 0; // it is we who spoke out of turn: no gap of the master's to measure
    }
}

static size_t next_pending(const struct rtu *rtu)
{
    size_t next = 0;
    for (size_t i = 1; i < rtu->pending_count; i++) {
        if (rtu->pending[i].due_ns < rtu->pending[next].due_ns) {
            next = i;
        }
    }
    return next;
}

static void rtu_send_due(struct rtu *rtu)
{
    size_t next = next_pending(rtu);
    struct pending pending = rtu->pending[next];
    rtu->pending[next] = rtu->pending[--rtu->pending_count];
    rtu_send(rtu, &pending);
}

// ---- the thread

// The order to vanish: the line is gone until then, and comes back by itself.
static void rtu_vanish(struct rtu *rtu)
{
    int64_t until_ns = atomic_load(&rtu->line->gone_ns);
    if (until_ns == 0) {
        return;
    }
    pty_close(rtu);
    while (!rtu_stopping(rtu) && (until_ns = atomic_load(&rtu->line->gone_ns)) > clock_wait_ns()) {
        struct pollfd wake = {.fd = rtu->line->wake, .events = POLLIN};
        int64_t left_ms = (until_ns - clock_wait_ns()) / 1000000 + 1;
        poll(&wake, 1, left_ms > 0 ? (int)left_ms : 0);
        uint64_t woken;
        ssize_t ignored = read(rtu->line->wake, &woken, sizeof woken);
        (void)ignored;
    }
    atomic_compare_exchange_strong(&rtu->line->gone_ns, &until_ns, 0);
    rtu_reset(rtu);
}

static void rtu_wait(struct rtu *rtu, int64_t deadline_ns)
{
    struct pollfd fds[2] = {{.fd = rtu->pty, .events = POLLIN},
                            {.fd = rtu->line->wake, .events = POLLIN}};
    int64_t left_ns = deadline_ns == INT64_MAX ? INT64_MAX : deadline_ns - clock_wait_ns();
    int ready = wait_for(fds, 2, left_ns);
    if (ready <= 0) {
        return;
    }
    if (fds[1].revents & POLLIN) {
        uint64_t woken;
        ssize_t ignored = read(rtu->line->wake, &woken, sizeof woken);
        (void)ignored;
        rtu_vanish(rtu);
    } else if (fds[0].revents & POLLIN) {
        rtu_receive(rtu);
    } else if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) {
        // Cannot happen while the slave is held open; must not spin if it does.
        sleep_until(clock_wait_ns() + 100000000);
    }
}

static void *rtu_run(void *context)
{
    struct rtu *rtu = context;
    // Real instruments do not share the machine's processor with the gateway: where it is allowed,
    // this thread, which needs next to nothing of it, does not wait for one.
    struct sched_param priority = {.sched_priority = 1};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority);
    prctl(PR_SET_TIMERSLACK, 1);
    while (!rtu_stopping(rtu)) {
        int64_t send_ns = INT64_MAX, judge_ns = INT64_MAX;
        if (rtu->pending_count > 0) {
            send_ns = rtu->pending[next_pending(rtu)].due_ns;
        }
        if (rtu->received_length > 0) {
            judge_ns = judge_at_ns(rtu);
        }
        int64_t deadline_ns = send_ns < judge_ns ? send_ns : judge_ns;
        if (clock_wait_ns() < deadline_ns) {
            rtu_wait(rtu, deadline_ns);
        } else if (send_ns <= judge_ns) {
            rtu_send_due(rtu);
        } else if (rtu_readable(rtu)) {
            rtu_receive(rtu); // more of it: not judged yet
        } else {
            rtu_judge(rtu);
        }
    }
    return NULL;
}

int rtu_start(struct rtu **out, struct lab *lab, struct lab_line *line, struct why *why)
{
    *out = NULL;
    if (speed_of(line->baud) == B0) {
        return why_set(why, ERROR_RANGE, "%s: baud %d is not a rate of a serial port", line->path,
                       line->baud);
    }
    struct rtu *rtu = calloc(1, sizeof *rtu);
    if (rtu == NULL) {
        return why_set(why, ERROR_MEMORY, "no memory");
    }
    rtu->lab = lab;
    rtu->line = line;
    rtu->character_ns = lab_character_ns(line);
    rtu->gap_ns = line->baud > 19200 ? 1750000 : rtu->character_ns * 7 / 2;
    int status = ERROR_SYSTEM;
    line->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (line->wake < 0) {
        why_set(why, status, "eventfd: %s", strerror(errno));
        goto free_rtu;
    }
    status = pty_open(rtu, why);
    if (status != OK) {
        goto close_wake;
    }
    snprintf(line->address, sizeof line->address, "%s", line->path);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, RTU_STACK_BYTES);
    int failed = pthread_create(&rtu->thread, &attributes, rtu_run, rtu);
    pthread_attr_destroy(&attributes);
    if (failed != 0) {
        status = why_set(why, ERROR_SYSTEM, "cannot start a thread: %s", strerror(failed));
        goto close_pty;
    }
    *out = rtu;
    return OK;
close_pty:
    pty_close(rtu);
close_wake:
    close(line->wake);
    line->wake = -1;
free_rtu:
    free(rtu);
    return status;
}

void rtu_stop(struct rtu *rtu)
{
    if (rtu == NULL) {
        return;
    }
    pthread_join(rtu->thread, NULL);
    pty_close(rtu);
    close(rtu->line->wake);
    rtu->line->wake = -1;
    free(rtu);
}
