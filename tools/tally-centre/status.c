// tally-centre status: what centre.db says of gateways, logs, faults, forks and those who wait.
#include "commands.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALE_US INT64_C(15000000) // the daemon writes every 2 s

// Everything that is shown, gathered first: few logs have claims, forks or faults.
struct view {
    const struct settings *settings;
    struct database *database;
    int64_t now_us;
    struct daemon_row daemon;
    bool ran;
    struct log_row *logs;
    size_t log_count, log_room;
    struct text out; // JSON
    bool comma;
    bool fault_head;
};

static const char *state_word(const struct log_row *row)
{
    return row->suspect                 ? "suspect"
           : row->state == LOG_ACCEPTED ? "accepted"
           : row->state == LOG_REVOKED  ? "revoked"
                                        : "waiting";
}

static uint64_t missing_blocks(const struct log_row *row)
{
    return row->gateway_size > row->held ? row->gateway_size - row->held : 0;
}

// Readings that there are, of those that were due; percent. -1: none was due.
static double completeness(const struct log_row *row)
{
    uint64_t due = row->readings + row->missed;
    return due ? 100.0 * (double)row->readings / (double)due : -1;
}

static bool is_running(const struct view *view)
{
    return view->ran && view->daemon.running && view->now_us - view->daemon.written_us < STALE_US;
}

static int take_log(void *context, const struct log_row *row)
{
    struct view *view = context;
    if (view->log_count == view->log_room) {
        size_t room = view->log_room ? 2 * view->log_room : 64;
        struct log_row *logs = realloc(view->logs, room * sizeof *logs);
        if (!logs) {
            return ERROR_MEMORY;
        }
        view->logs = logs;
        view->log_room = room;
    }
    view->logs[view->log_count++] = *row;
    return OK;
}

static void ago(int64_t now_us, int64_t then_us, char out[24])
{
    int64_t seconds = (now_us - then_us) / 1000000;
    if (then_us == 0) {
        snprintf(out, 24, "never");
    } else if (seconds < 120) {
        snprintf(out, 24, "%" PRId64 " s ago", seconds > 0 ? seconds : 0);
    } else if (seconds < 7200) {
        snprintf(out, 24, "%" PRId64 " min ago", seconds / 60);
    } else if (seconds < 172800) {
        snprintf(out, 24, "%" PRId64 " h ago", seconds / 3600);
    } else {
        snprintf(out, 24, "%" PRId64 " d ago", seconds / 86400);
    }
}

// --- for people ---------------------------------------------------------------------------------

static void print_daemon(const struct view *view)
{
    char when[24];
    printf("centre %s: ", view->settings->name);
    ago(view->now_us, view->daemon.written_us, when);
    if (!view->ran) {
        printf("has never run\n");
    } else if (!view->daemon.running) {
        printf("stopped %s\n", when);
    } else if (!is_running(view)) {
        printf("NOT running, or its disk is full: last written %s\n", when);
    } else if (view->daemon.connected) {
        printf("running, connected to %s port %d\n", view->settings->host, view->settings->port);
    } else {
        printf("running, NOT connected: %s\n", view->daemon.fault);
    }
}

static void print_logs(const struct view *view)
{
    if (!view->log_count) {
        printf("no log is known\n");
        return;
    }
    printf("%-53s %-8s %-10s %10s %10s %8s %8s %8s\n", "LOG", "STATE", "HEARD", "HELD", "RECEIPTED",
           "WAITING", "MISSING", "COMPLETE");
    for (size_t i = 0; i < view->log_count; i++) {
        const struct log_row *row = &view->logs[i];
        char when[24], share[16] = "-";
        const char *id = strrchr(row->origin, '/');
        ago(view->now_us, row->heard_us, when);
        if (completeness(row) >= 0) {
            snprintf(share, sizeof share, "%.2f%%", completeness(row));
        }
        printf("%.*s %-8s %-10s %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8s\n",
               (int)(id - row->origin) + 9, row->origin, state_word(row), when, row->held,
               row->receipted, row->unverified, missing_blocks(row), share);
        if (row->fault[0]) {
            printf("    nothing is kept at the moment: %s\n", row->fault);
        }
        if (row->state == LOG_REVOKED) {
            printf("    revoked by %s: %s\n", row->by, row->reason);
        }
    }
}

static int print_claim(void *context, const struct claim_row *row)
{
    char print[PUBLIC_KEY_FINGERPRINT];
    (void)context;
    public_key_fingerprint(&row->key, print);
    printf("    %s\n", print);
    return OK;
}

static int print_waiting(struct view *view, struct why *why)
{
    int error = OK;
    bool head = false;
    for (size_t i = 0; error == OK && i < view->log_count; i++) {
        const struct log_row *row = &view->logs[i];
        if (row->state != LOG_WAITING || row->suspect) {
            continue;
        }
        if (!head) {
            printf("\nwaiting for somebody to compare the fingerprint (tally-centre accept):\n");
            head = true;
        }
        printf("  %s\n", row->origin);
        error = database_each_claim(view->database, row->origin, print_claim, NULL, why);
    }
    return error;
}

static int print_suspect(void *context, const struct suspect_row *row)
{
    char when[32];
    (void)context;
    clock_format_utc(row->at_us, when);
    printf("\nSUSPECT %s\n  %s: %s\n  Nothing of it is receipted any more. The two signed notes:\n"
           "%s\n%s",
           row->origin, when, row->text, row->one, row->other);
    return OK;
}

static int print_fault(void *context, const struct fault_row *row)
{
    struct view *view = context;
    char when[24];
    ago(view->now_us, row->last_us, when);
    if (!view->fault_head) {
        view->fault_head = true;
        printf("\nfaults:\n");
    }
    printf("  %-29s %-14s %8" PRIu64 "  %s: %s\n",
           row->gateway[0] ? row->gateway : "(nobody known)", fault_name(row->fault), row->count,
           when, row->text);
    return OK;
}

static int print_all(struct view *view, struct why *why)
{
    print_daemon(view);
    print_logs(view);
    int error = print_waiting(view, why);
    error = error ? error : database_each_suspect(view->database, NULL, print_suspect, view, why);
    return error ? error : database_each_fault(view->database, print_fault, view, why);
}

// --- for programs -------------------------------------------------------------------------------

static void key_string(struct view *view, const char *key, const char *value)
{
    text_append_format(&view->out, "%s\"%s\":", view->comma ? "," : "", key);
    text_append_json(&view->out, value);
    view->comma = true;
}

static void key_number(struct view *view, const char *key, int64_t value)
{
    text_append_format(&view->out, "%s\"%s\":%" PRId64, view->comma ? "," : "", key, value);
    view->comma = true;
}

static void key_bool(struct view *view, const char *key, bool value)
{
    text_append_format(&view->out, "%s\"%s\":%s", view->comma ? "," : "", key,
                       value ? "true" : "false");
    view->comma = true;
}

static void key_time(struct view *view, const char *key, int64_t wall_us)
{
    char when[32] = "";
    if (wall_us) {
        clock_format_utc(wall_us, when);
    }
    key_string(view, key, when);
}

static void open_list(struct view *view, const char *key)
{
    text_append_format(&view->out, "%s\"%s\":[", view->comma ? "," : "", key);
    view->comma = false;
}

static void close_list(struct view *view)
{
    text_append_string(&view->out, "]");
    view->comma = true;
}

static void open_item(struct view *view)
{
    text_append_string(&view->out, view->comma ? ",{" : "{");
    view->comma = false;
}

static void close_item(struct view *view)
{
    text_append_string(&view->out, "}");
    view->comma = true;
}

static int json_claim(void *context, const struct claim_row *row)
{
    struct view *view = context;
    char print[PUBLIC_KEY_FINGERPRINT];
    public_key_fingerprint(&row->key, print);
    open_item(view);
    key_string(view, "fingerprint", print);
    key_time(view, "first", row->first_us);
    key_time(view, "last", row->last_us);
    close_item(view);
    return OK;
}

static int json_log(struct view *view, const struct log_row *row, struct why *why)
{
    char print[PUBLIC_KEY_FINGERPRINT] = "";
    if (row->keyed) {
        public_key_fingerprint(&row->key, print);
    }
    open_item(view);
    key_string(view, "log", row->origin);
    key_string(view, "state", state_word(row));
    key_string(view, "fingerprint", print);
    key_string(view, "by", row->by);
    key_time(view, "decided", row->decided_us);
    key_string(view, "reason", row->reason);
    key_time(view, "first_heard", row->first_us);
    key_time(view, "heard", row->heard_us);
    if (row->online >= 0) {
        key_bool(view, "online", row->online);
    }
    key_number(view, "held_from", (int64_t)row->held_first);
    key_number(view, "held", (int64_t)row->held);
    key_number(view, "receipted", (int64_t)row->receipted);
    key_time(view, "receipt_signed", row->receipt_us);
    key_number(view, "unverified", (int64_t)row->unverified);
    key_number(view, "gateway_first", (int64_t)row->gateway_first);
    key_number(view, "gateway_size", (int64_t)row->gateway_size);
    key_number(view, "missing", (int64_t)missing_blocks(row));
    key_number(view, "readings", (int64_t)row->readings);
    key_number(view, "missed", (int64_t)row->missed);
    key_string(view, "fault", row->fault);
    open_list(view, "claims");
    int error = row->state == LOG_WAITING
                    ? database_each_claim(view->database, row->origin, json_claim, view, why)
                    : OK;
    close_list(view);
    close_item(view);
    return error;
}

static int json_suspect(void *context, const struct suspect_row *row)
{
    struct view *view = context;
    open_item(view);
    key_string(view, "log", row->origin);
    key_time(view, "found", row->at_us);
    key_string(view, "text", row->text);
    open_list(view, "notes");
    text_append_json(&view->out, row->one);
    text_append_string(&view->out, ",");
    text_append_json(&view->out, row->other);
    close_list(view);
    close_item(view);
    return OK;
}

static int json_fault(void *context, const struct fault_row *row)
{
    struct view *view = context;
    open_item(view);
    key_string(view, "gateway", row->gateway);
    key_string(view, "fault", fault_name(row->fault));
    key_string(view, "meaning", fault_meaning(row->fault));
    key_number(view, "count", (int64_t)row->count);
    key_time(view, "last", row->last_us);
    key_string(view, "log", row->origin);
    key_string(view, "text", row->text);
    close_item(view);
    return OK;
}

static int json_all(struct view *view, struct why *why)
{
    int error = OK;
    view->out = text_make(256u << 20);
    open_item(view);
    key_string(view, "centre", view->settings->name);
    key_bool(view, "running", is_running(view));
    key_bool(view, "connected", is_running(view) && view->daemon.connected);
    key_string(view, "broker_fault", view->daemon.fault);
    key_time(view, "started", view->daemon.started_us);
    key_time(view, "written", view->daemon.written_us);
    open_list(view, "logs");
    for (size_t i = 0; error == OK && i < view->log_count; i++) {
        error = json_log(view, &view->logs[i], why);
    }
    close_list(view);
    open_list(view, "suspects");
    error = error ? error : database_each_suspect(view->database, NULL, json_suspect, view, why);
    close_list(view);
    open_list(view, "faults");
    error = error ? error : database_each_fault(view->database, json_fault, view, why);
    close_list(view);
    close_item(view);
    if (!error && view->out.failed) {
        error = why_set(why, ERROR_MEMORY, "out of memory");
    }
    if (!error) {
        printf("%s\n", view->out.data);
    }
    text_free(&view->out);
    return error;
}

int command_status(const struct settings *settings, const struct command_line *line)
{
    struct view view = {.settings = settings, .now_us = clock_wall_us(&clock_system)};
    struct why why = {""};
    if (database_open(&view.database, settings->database, false, &why) != OK) {
        return command_failed("%s", why.text);
    }
    view.ran = database_daemon(view.database, &view.daemon, &why) == OK;
    int error = database_each_log(view.database, take_log, &view, &why);
    if (!error) {
        error = line->json ? json_all(&view, &why) : print_all(&view, &why);
    }
    free(view.logs);
    database_close(view.database);
    return error ? command_failed("%s", why.text) : EXIT_GOOD;
}
