// The daemon's thread that keeps series.db near the ledger's end.

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "series/series.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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
    int64_t until_ns = clock_wait_ns() + builder->period_us * 1000;
    pthread_mutex_lock(&builder->lock);
    while (!builder->stopping && thread_condition_wait(&builder->wake, &builder->lock, until_ns)) {
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
    pthread_mutex_init(&builder->lock, NULL);
    thread_condition_make(&builder->wake);
    if (thread_start(&builder->thread, STACK_BYTES, run, builder)) {
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
