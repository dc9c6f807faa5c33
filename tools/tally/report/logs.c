#include "report/logs.h"

#include "common/show.h"
#include "common/times.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "set-aside-"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct older_log *)a)->folder, ((const struct older_log *)b)->folder);
}

// "set-aside-20261124T053936Z": when that was; INT64_MAX when the name does not say.
static int64_t time_of(const char *folder)
{
    const char *digits = folder + sizeof HEAD - 1;
    char utc[32];
    int64_t t_us;
    if (strlen(digits) < 16) {
        return INT64_MAX;
    }
    snprintf(utc, sizeof utc, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", digits, digits + 4, digits + 6,
             digits + 9, digits + 11, digits + 13);
    return clock_parse_utc(utc, &t_us) == OK ? t_us : INT64_MAX;
}

// What it holds. False: nothing at all.
static bool look_at(struct older_log *log, const char *directory)
{
    char path[PATH_MAX];
    struct why why = {""};
    struct times first, last;
    snprintf(path, sizeof path, "%s/%s", directory, log->folder);
    log->begin_us = INT64_MIN;
    log->ended_us = time_of(log->folder);
    int error = ledger_reader_open_aside(&log->reader, path, &why);
    error = error ? error : ledger_reader_extent(log->reader, &log->first, &log->size, &why);
    if (error) {
        snprintf(log->why, sizeof log->why, "%s", why.text);
        ledger_reader_close(log->reader);
        log->reader = NULL;
        return true;
    }
    if (log->first == log->size) {
        return false;
    }
    if (times_of_block(log->reader, log->first, &first, &why) == OK) {
        log->begin_us = first.begin_us;
    }
    if (times_of_block(log->reader, log->size - 1, &last, &why) == OK) {
        log->ended_us = last.closed_us;
    }
    return true;
}

// The first is left out for one more.
static struct older_log *take(struct logs *logs, const char *name)
{
    if (logs->count == LOGS_MAX) {
        qsort(logs->list, logs->count, sizeof *logs->list, by_name);
        memmove(logs->list, logs->list + 1, (LOGS_MAX - 1) * sizeof *logs->list);
        logs->count--;
        logs->left_out++;
    }
    struct older_log *log = &logs->list[logs->count++];
    *log = (struct older_log){.size = 0};
    snprintf(log->folder, sizeof log->folder, "%s", name);
    return log;
}

int logs_find(struct logs *logs, const char *directory, struct why *why)
{
    size_t kept = 0;
    *logs = (struct logs){.count = 0};
    DIR *folder = opendir(directory);
    if (!folder) {
        return why_set(why, ERROR_SYSTEM, "cannot read %s: %s", directory, strerror(errno));
    }
    for (const struct dirent *item; (item = readdir(folder));) {
        if (strncmp(item->d_name, HEAD, sizeof HEAD - 1) == 0) {
            take(logs, item->d_name);
        }
    }
    closedir(folder);
    qsort(logs->list, logs->count, sizeof *logs->list, by_name);
    for (size_t i = 0; i < logs->count; i++) {
        struct older_log log = logs->list[i];
        if (look_at(&log, directory)) {
            logs->list[kept++] = log;
        } else {
            ledger_reader_close(log.reader);
        }
    }
    logs->count = kept;
    return OK;
}

int64_t logs_begin(const struct logs *logs)
{
    int64_t begin_us = INT64_MAX;
    for (size_t i = 0; i < logs->count; i++) {
        const struct older_log *log = &logs->list[i];
        if (log->reader && log->begin_us != INT64_MIN && log->begin_us < begin_us) {
            begin_us = log->begin_us;
        }
    }
    return begin_us;
}

void logs_use(struct logs *logs, int64_t from_us, int64_t to_us, const struct meter_log *current)
{
    for (size_t i = 0; i < logs->count; i++) {
        struct older_log *log = &logs->list[i];
        log->asked = log->begin_us < to_us && log->ended_us >= from_us;
        if (log->asked && log->reader) {
            logs->read[logs->read_count++] = (struct meter_log){log->reader, NULL};
        }
    }
    logs->read[logs->read_count++] = *current;
}

int64_t logs_kept(const struct logs *logs)
{
    int64_t kept_us = INT64_MIN;
    for (size_t i = 0; i < logs->count; i++) {
        const struct older_log *log = &logs->list[i];
        if (!log->reader) {
            kept_us = log->ended_us;
        } else if (log->first > 0) {
            kept_us = log->begin_us;
        }
    }
    return kept_us;
}

void logs_judge(const struct logs *logs, int64_t from_us, struct covered *covered)
{
    for (size_t i = 0; i < logs->count && !covered->before[0]; i++) {
        const struct older_log *log = &logs->list[i];
        if (log->asked && !log->reader && log->ended_us >= from_us) {
            snprintf(covered->before, sizeof covered->before, "the log in %s cannot be read",
                     log->folder);
        } else if (log->asked && !log->covered.empty && !log->covered.final) {
            snprintf(covered->before, sizeof covered->before,
                     "no receipts that count cover what the log in %s holds of it", log->folder);
        }
    }
    covered->final = covered->final && !covered->before[0];
}

void logs_free(struct logs *logs)
{
    for (size_t i = 0; i < logs->count; i++) {
        ledger_reader_close(logs->list[i].reader);
    }
}

void logs_append(struct text *out, const struct logs *logs)
{
    for (size_t i = 0; i < logs->count; i++) {
        const struct older_log *log = &logs->list[i];
        if (log->asked && log->reader) {
            text_append_format(out, "log %s, blocks %" PRIu64 " to %" PRIu64 ", in ",
                               ledger_reader_origin(log->reader), log->first, log->size - 1);
            show_append_clean(out, log->folder, SIZE_MAX);
            text_append_string(out, "\n");
        } else if (log->asked) {
            text_append_string(out, "the log in ");
            show_append_clean(out, log->folder, SIZE_MAX);
            text_append_string(out, " cannot be read: ");
            show_append_clean(out, log->why, SIZE_MAX);
            text_append_string(out, "\n");
        }
    }
    if (logs->left_out) {
        text_append_format(out, "%zu logs before those are not read\n", logs->left_out);
    }
}

void logs_append_json(struct text *out, const struct logs *logs)
{
    bool any = false;
    text_append_string(out, "[");
    for (size_t i = 0; i < logs->count; i++) {
        const struct older_log *log = &logs->list[i];
        if (!log->asked) {
            continue;
        }
        text_append_string(out, any ? ",{\"folder\":" : "{\"folder\":");
        text_append_json(out, log->folder);
        text_append_string(out, ",\"log\":");
        if (log->reader) {
            text_append_json(out, ledger_reader_origin(log->reader));
            text_append_format(out,
                               ",\"blocks\":[%" PRIu64 ",%" PRIu64 "],\"final\":%s,\"why\":\"\"}",
                               log->first, log->size, log->covered.final ? "true" : "false");
        } else {
            text_append_string(out, "null,\"why\":");
            text_append_json(out, log->why);
            text_append_string(out, "}");
        }
        any = true;
    }
    text_append_string(out, "]");
}
