// How long the disk lasts at the rate at which the ledger grows, and the alarm when that is short.
#include "ledger/inside.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define WINDOW_US   (INT64_C(86400) * 1000000) // the rate is that of the last one or two of these
#define SURE_BYTES  (INT64_C(4) << 20)         // a WAL alone may take so much at first
#define SURE_SHARE  8                          // or growth by that part of what is free
#define SURE_US     (INT64_C(6) * 3600 * 1000000)
#define ALARM_HOURS 72.0
#define CLEAR_HOURS 96.0
#define US_PER_HOUR 3.6e9

int64_t ledger_file_bytes(const struct ledger *ledger)
{
    static const char *const names[] = {STORE_FILE, STORE_FILE "-wal"};
    int64_t bytes = 0;
    for (size_t i = 0; i < 2; i++) {
        char path[PATH_MAX + 32];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", ledger->directory, names[i]);
        bytes += stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    }
    return bytes;
}

void room_begin(struct ledger *ledger)
{
    for (size_t i = 0; i < 2; i++) {
        ledger->room[i].bytes = ledger_file_bytes(ledger);
        ledger->room[i].mono_us = clock_mono_us(ledger->clock);
    }
}

void room_measure(struct ledger *ledger, int64_t *bytes, int64_t *free_bytes, double *hours)
{
    struct statvfs fs;
    int64_t now_us = clock_mono_us(ledger->clock);
    *bytes = ledger_file_bytes(ledger);
    *free_bytes =
        statvfs(ledger->directory, &fs) == 0 ? (int64_t)fs.f_bavail * (int64_t)fs.f_frsize : 0;
    *hours = INFINITY;
    pthread_mutex_lock(&ledger->looking);
    int64_t grown = *bytes - ledger->room[0].bytes;
    int64_t took_us = now_us - ledger->room[0].mono_us;
    if (now_us - ledger->room[1].mono_us >= WINDOW_US) {
        ledger->room[0] = ledger->room[1];
        ledger->room[1].bytes = *bytes;
        ledger->room[1].mono_us = now_us;
    }
    pthread_mutex_unlock(&ledger->looking);
    bool sure = grown >= SURE_BYTES || grown >= *free_bytes / SURE_SHARE || took_us >= SURE_US;
    if (sure && grown > 0 && took_us > 0) {
        *hours = (double)*free_bytes * (double)took_us / US_PER_HOUR / (double)grown;
    }
}

int ledger_judge_room(struct ledger *ledger, double *hours)
{
    int64_t bytes, free_bytes;
    room_measure(ledger, &bytes, &free_bytes, hours);
    pthread_mutex_lock(&ledger->looking);
    bool was = ledger->filling;
    ledger->filling = was ? *hours < CLEAR_HOURS : *hours < ALARM_HOURS;
    int change = ledger->filling - was;
    pthread_mutex_unlock(&ledger->looking);
    return change;
}
