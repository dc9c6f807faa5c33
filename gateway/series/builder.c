// The daemon's thread that keeps series.db near the ledger's end.

#include "base/log.h"
#include "series/series.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (256u << 10)
#define STEP_BLOCKS 32 // between two looks at whether to stop
#define NICE        10

struct series_builder {
    char directory[4096];
    int64_t period_us;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    struct series *series;
    struct ledger_reader *reader;
    int last_error; // so that a lasting fault is said once
};

static bool is_stopping(struct series_builder *builder)
{
    pthread_mutex_lock(&builder->lock);
    bool stopping = builder->stopping;
    pthread_mutex_unlock(&builder->lock);
    return stopping;
}

// Waits a period, or until stopped.
static bool wait_period(struct series_builder *builder)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += builder->period_us / 1000000;
    until.tv_nsec += builder->period_us % 1000000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&builder->lock);
    while (!builder->stopping &&
           pthread_cond_timedwait(&builder->wake, &builder->lock, &until) == 0) {
    }
    bool stopping = builder->stopping;
    pthread_mutex_unlock(&builder->lock);
    return !stopping;
}

static int update(struct series_builder *builder, struct why *why)
{
    if (!builder->reader) {
        int error = ledger_reader_open(&builder->reader, builder->directory, why);
        if (error) {
            builder->reader = NULL;
            return error;
        }
    }
    if (!builder->series) {
        int error = series_open(&builder->series, builder->directory, true, why);
        if (error) {
            return error;
        }
    }
    bool more = true;
    int error = OK;
    while (!error && more && !is_stopping(builder)) {
        error = series_update(builder->series, builder->reader, STEP_BLOCKS, &more, why);
    }
    if (error) { // the ledger may be another by now
        ledger_reader_close(builder->reader);
        builder->reader = NULL;
    }
    return error;
}

static void *run(void *argument)
{
    struct series_builder *builder = argument;
    // Readings and their way out come first. Both may fail, harmlessly.
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){.sched_priority = 0});
    while (wait_period(builder)) {
        struct why why = {.text = ""};
        int error = update(builder, &why);
        if (error && error != builder->last_error) {
            log_warning("series: %s", why.text[0] ? why.text : error_text(error));
        }
        builder->last_error = error;
    }
    series_close(builder->series);
    ledger_reader_close(builder->reader);
    return NULL;
}

static int start_thread(struct series_builder *builder)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&builder->lock, NULL);
    pthread_cond_init(&builder->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int failed = pthread_create(&builder->thread, &attributes, run, builder);
    pthread_attr_destroy(&attributes);
    return failed ? ERROR_SYSTEM : OK;
}

int series_builder_start(struct series_builder **out, const char *directory, int64_t period_us,
                         struct why *why)
{
    *out = NULL;
    struct series_builder *builder = calloc(1, sizeof *builder);
    if (!builder) {
        return why_set(why, ERROR_MEMORY, "%s", error_text(ERROR_MEMORY));
    }
    snprintf(builder->directory, sizeof builder->directory, "%s", directory);
    builder->period_us = period_us;
    if (start_thread(builder)) {
        free(builder);
        return why_set(why, ERROR_SYSTEM, "series: no thread could be started");
    }
    *out = builder;
    return OK;
}

void series_builder_stop(struct series_builder *builder)
{
    if (!builder) {
        return;
    }
    pthread_mutex_lock(&builder->lock);
    builder->stopping = true;
    pthread_cond_signal(&builder->wake);
    pthread_mutex_unlock(&builder->lock);
    pthread_join(builder->thread, NULL);
    pthread_cond_destroy(&builder->wake);
    pthread_mutex_destroy(&builder->lock);
    free(builder);
}
