#include "control.h"

#include "base/clock.h"
#include "base/local_socket.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL_REPLY_MAX (4u << 20)

struct client {
    int fd; // -1: free
    size_t length;
    bool overlong; // the line so far is too long; refused at its end
    char line[CONTROL_LINE_MAX];
};

struct control {
    struct lab *lab;
    char *path; // NULL: no socket
    int listener;
    struct client clients[CONTROL_CLIENTS_MAX];
};

// ---- orders

static bool target_matches(const struct lab_instrument *instrument, const char *target)
{
    char unit[8];
    snprintf(unit, sizeof unit, "%d", instrument->unit);
    return strcmp(target, "all") == 0 || strcmp(target, unit) == 0 ||
           strcmp(target, instrument->name) == 0;
}

static void vanish(struct lab *lab, const struct lab_instrument *instrument,
                   const struct fault *fault)
{
    struct lab_line *line = &lab->lines[instrument->line];
    atomic_store(&line->gone_ns, clock_wait_ns() + fault->argument * 1000000000 + 1);
    eventfd_write(line->wake, 1);
}

static void order_fault(struct lab *lab, char *rest, struct text *reply)
{
    char *words = NULL;
    const char *target = strtok_r(rest, " \t", &words);
    struct fault fault;
    struct why why;
    if (target == NULL || fault_parse(words == NULL ? "" : words, &fault, &why) != OK) {
        text_append_format(reply, "error: %s\n",
                           target == NULL ? "fault UNIT KIND is expected" : why.text);
        return;
    }
    size_t matched = 0;
    for (size_t i = 0; i < lab->instrument_count; i++) {
        struct lab_instrument *instrument = &lab->instruments[i];
        if (!target_matches(instrument, target)) {
            continue;
        }
        matched++;
        if (fault.kind == FAULT_VANISH) {
            vanish(lab, instrument, &fault);
        } else {
            fault_slot_set(&instrument->faults, &fault, clock_wait_ns());
        }
    }
    if (matched == 0) {
        text_append_format(reply, "error: no instrument '%s' here\n", target);
    } else {
        text_append_format(reply, "ok %zu\n", matched);
    }
}

static void append_fault(struct text *out, struct lab_instrument *instrument)
{
    struct fault fault = fault_slot_look(&instrument->faults, clock_wait_ns());
    if (fault.kind == FAULT_NONE) {
        text_append_string(out, "none");
        return;
    }
    text_append_string(out, fault_name(fault.kind));
    if (fault.argument != 0) {
        text_append_format(out, " %" PRId64, fault.argument);
    }
    if (fault.count > 0) {
        text_append_format(out, " count %" PRId64, fault.count);
    }
    if (fault.for_ns > 0) {
        text_append_format(out, " for %g", (double)fault.for_ns * 1e-9);
    }
}

static void order_status(struct lab *lab, struct text *reply)
{
    for (size_t i = 0; i < lab->instrument_count; i++) {
        struct lab_instrument *instrument = &lab->instruments[i];
        text_append_format(reply, "%-24s unit %-3d %-24s %-28s requests %-8" PRIu64 " fault ",
                           instrument->name, instrument->unit, instrument->driver->id,
                           lab->lines[instrument->line].address, stats_get(&instrument->requests));
        append_fault(reply, instrument);
        text_append_string(reply, "\n");
    }
    text_append_string(reply, ".\n");
}

static void append_timing(struct text *out, struct lab_line *line)
{
    struct stats_timing timing = stats_timing(&line->stats);
    int64_t gap_ns = line->baud > 19200 ? 1750000 : lab_character_ns(line) * 7 / 2;
    int64_t total_ns = timing.last_ns - timing.first_ns;
    // Between n exchanges there are n - 1 gaps.
    int64_t ideal_gap_ns = timing.exchanges > 0 ? gap_ns * (int64_t)(timing.exchanges - 1) : 0;
    int64_t ideal_ns = timing.busy_ns + timing.turn_ns + ideal_gap_ns;
    text_append_format(out,
                       ",\"baud\":%d,\"character_us\":%.3f,\"gap_required_us\":%.1f,"
                       "\"gap_min_us\":",
                       line->baud, (double)lab_character_ns(line) * 1e-3, (double)gap_ns * 1e-3);
    if (timing.gap_min_ns == INT64_MAX) {
        text_append_string(out, "null");
    } else {
        text_append_format(out, "%.1f", (double)timing.gap_min_ns * 1e-3);
    }
    text_append_format(out,
                       ",\"gaps\":%" PRIu64 ",\"gap_violations\":%" PRIu64 ",\"exchanges\":%" PRIu64
                       ",\"busy_us\":%.1f,\"turn_us\":%.1f,\"gap_ideal_us\":%.1f,\"total_us\":%.1f,"
                       "\"line_use\":",
                       timing.gaps, timing.gap_violations, timing.exchanges,
                       (double)timing.busy_ns * 1e-3, (double)timing.turn_ns * 1e-3,
                       (double)ideal_gap_ns * 1e-3, (double)total_ns * 1e-3);
    if (timing.exchanges == 0 || total_ns <= 0) {
        text_append_string(out, "null");
    } else {
        text_append_format(out, "%.5f", (double)ideal_ns / (double)total_ns);
    }
}

static void append_line(struct text *out, struct lab_line *line)
{
    static const char *const kinds[] = {"rtu", "tcp", "rtu-over-tcp"};
    const struct stats *stats = &line->stats;
    text_append_format(out, "{\"kind\":\"%s\",\"address\":", kinds[line->transport]);
    text_append_json(out, line->address);
    const struct {
        const char *name;
        const atomic_uint_fast64_t *count;
    } counts[] = {
        {"requests", &stats->requests},       {"answers", &stats->answers},
        {"exceptions", &stats->exceptions},   {"others", &stats->others},
        {"garbage", &stats->garbage},         {"write_attempts", &stats->write_attempts},
        {"wrong_speed", &stats->wrong_speed}, {"collisions", &stats->collisions},
        {"connections", &stats->connections},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        text_append_format(out, ",\"%s\":%" PRIu64, counts[i].name, stats_get(counts[i].count));
    }
    if (line->transport == TRANSPORT_RTU) {
        append_timing(out, line);
    }
    text_append_string(out, "}");
}

static void order_stats(struct lab *lab, struct text *reply)
{
    uint64_t writes = 0;
    for (size_t i = 0; i < lab->line_count; i++) {
        writes += stats_get(&lab->lines[i].stats.write_attempts);
    }
    text_append_format(reply, "{\"write_attempts\":%" PRIu64 ",\"lines\":[", writes);
    for (size_t i = 0; i < lab->line_count; i++) {
        text_append_string(reply, i > 0 ? "," : "");
        append_line(reply, &lab->lines[i]);
    }
    text_append_string(reply, "],\"instruments\":[");
    for (size_t i = 0; i < lab->instrument_count; i++) {
        struct lab_instrument *instrument = &lab->instruments[i];
        text_append_string(reply, i > 0 ? ",{\"name\":" : "{\"name\":");
        text_append_json(reply, instrument->name);
        text_append_format(reply,
                           ",\"unit\":%d,\"line\":%zu,\"driver\":\"%s\",\"requests\":%" PRIu64
                           ",\"faults_done\":%" PRIu64 ",\"fault\":\"",
                           instrument->unit, instrument->line, instrument->driver->id,
                           stats_get(&instrument->requests), stats_get(&instrument->faults.done));
        append_fault(reply, instrument);
        text_append_string(reply, "\"}");
    }
    text_append_string(reply, "]}\n");
}

static void stats_reset_all(struct lab *lab)
{
    for (size_t i = 0; i < lab->line_count; i++) {
        stats_reset(&lab->lines[i].stats);
    }
    for (size_t i = 0; i < lab->instrument_count; i++) {
        atomic_store(&lab->instruments[i].requests, 0);
        atomic_store(&lab->instruments[i].faults.done, 0);
    }
}

static void order_obey(struct lab *lab, char *line, struct text *reply)
{
    char *rest = NULL;
    const char *word = strtok_r(line, " \t\r", &rest);
    if (word == NULL) {
        text_append_string(reply, "error: an order is expected; see help\n");
    } else if (strcmp(word, "fault") == 0) {
        order_fault(lab, rest, reply);
    } else if (strcmp(word, "status") == 0) {
        order_status(lab, reply);
    } else if (strcmp(word, "stats") == 0) {
        order_stats(lab, reply);
        const char *more = strtok_r(NULL, " \t\r", &rest);
        if (more != NULL && strcmp(more, "reset") == 0) {
            stats_reset_all(lab);
        }
    } else if (strcmp(word, "help") == 0) {
        text_append_string(reply, fault_grammar);
        text_append_string(reply, ".\n");
    } else {
        text_append_format(reply, "error: '%.40s': no such order; see help\n", word);
    }
}

// ---- the socket

static int control_listen(struct control *control, const char *path, struct why *why)
{
    int error = local_socket_listen(&control->listener, path, 0660, 16, why);
    if (error) {
        return error == ERROR_BUSY ? why_set(why, error, "%s: a lab is running there", path)
                                   : error;
    }
    control->path = strdup(path);
    return control->path == NULL ? why_set(why, ERROR_MEMORY, "no memory") : OK;
}

int control_open(struct control **out, struct lab *lab, const char *path, struct why *why)
{
    *out = NULL;
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        return why_set(why, ERROR_MEMORY, "no memory");
    }
    control->lab = lab;
    control->listener = -1;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        control->clients[i].fd = -1;
    }
    int status = path == NULL ? OK : control_listen(control, path, why);
    if (status != OK) {
        control_close(control);
        return status;
    }
    *out = control;
    return OK;
}

void control_close(struct control *control)
{
    if (control == NULL) {
        return;
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i].fd >= 0) {
            close(control->clients[i].fd);
        }
    }
    if (control->listener >= 0) {
        close(control->listener);
    }
    if (control->path != NULL) {
        unlink(control->path);
    }
    free(control->path);
    free(control);
}

static void client_accept(struct control *control)
{
    int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    // A reply that nobody reads must not hold up the lab.
    struct timeval patience = {.tv_sec = 2};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i].fd < 0) {
            control->clients[i] = (struct client){.fd = fd};
            return;
        }
    }
    close(fd);
}

static bool send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static bool client_obey(struct control *control, struct client *client)
{
    struct text reply = text_make(CONTROL_REPLY_MAX);
    if (client->overlong) {
        text_append_string(&reply, "error: the order is too long\n");
    } else {
        order_obey(control->lab, client->line, &reply);
    }
    bool sent = !reply.failed && send_all(client->fd, reply.data, reply.length);
    text_free(&reply);
    client->length = 0;
    client->overlong = false;
    return sent;
}

static void client_read(struct control *control, struct client *client)
{
    char bytes[CONTROL_LINE_MAX];
    ssize_t length = recv(client->fd, bytes, sizeof bytes, 0);
    bool good = length > 0;
    for (ssize_t i = 0; i < length && good; i++) {
        if (bytes[i] == '\n') {
            client->line[client->length] = '\0';
            good = client_obey(control, client);
        } else if (client->length + 1 < sizeof client->line && bytes[i] != '\0') {
            client->line[client->length++] = bytes[i];
        } else {
            client->overlong = true;
        }
    }
    if (!good) {
        close(client->fd);
        client->fd = -1;
    }
}

void control_run(struct control *control, int signal_fd)
{
    struct pollfd fds[CONTROL_CLIENTS_MAX + 2];
    for (;;) {
        fds[0] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = control->listener, .events = POLLIN};
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
            fds[i + 2] = (struct pollfd){.fd = control->clients[i].fd, .events = POLLIN};
        }
        if (poll(fds, CONTROL_CLIENTS_MAX + 2, -1) < 0) {
            continue;
        }
        if (fds[0].revents != 0) {
            return;
        }
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
            if (fds[i + 2].revents != 0) {
                client_read(control, &control->clients[i]);
            }
        }
        if (fds[1].revents & POLLIN) {
            client_accept(control);
        }
    }
}

// ---- the other end

// Replies are one line, but for those of status and help, which end with a line of one dot.
static int print_reply(int fd, bool many)
{
    FILE *stream = fdopen(fd, "r");
    char *line = NULL;
    size_t size = 0;
    int code = 2;
    while (stream != NULL && getline(&line, &size, stream) > 0) {
        if (many && strcmp(line, ".\n") == 0) {
            break;
        }
        fputs(line, stdout);
        code = strncmp(line, "error:", 6) == 0 ? 1 : 0;
        if (!many || code == 1) {
            break;
        }
    }
    free(line);
    if (stream != NULL) {
        fclose(stream);
    } else {
        close(fd);
    }
    return code;
}

int control_tell(const char *path, const char *order)
{
    struct why why;
    int fd;
    if (local_socket_connect(&fd, path, &why) != OK) {
        fprintf(stderr, "tally-sim: %s\n", why.text);
        return 2;
    }
    if (!send_all(fd, order, strlen(order)) || !send_all(fd, "\n", 1)) {
        fprintf(stderr, "tally-sim: %s: %s\n", path, strerror(errno));
        close(fd);
        return 2;
    }
    return print_reply(fd, strncmp(order, "status", 6) == 0 || strncmp(order, "help", 4) == 0);
}
