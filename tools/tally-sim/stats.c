#include "stats.h"

void stats_init(struct stats *stats)
{
    pthread_mutex_init(&stats->lock, NULL);
    stats->timing.gap_min_ns = INT64_MAX;
}

void stats_free(struct stats *stats)
{
    pthread_mutex_destroy(&stats->lock);
}

void stats_reset(struct stats *stats)
{
    atomic_uint_fast64_t *counts[] = {
        &stats->requests,   &stats->answers,     &stats->exceptions,
        &stats->others,     &stats->garbage,     &stats->wrong_speed,
        &stats->collisions, &stats->connections, &stats->write_attempts,
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        atomic_store(counts[i], 0);
    }
    pthread_mutex_lock(&stats->lock);
    stats->timing = (struct stats_timing){.gap_min_ns = INT64_MAX};
    pthread_mutex_unlock(&stats->lock);
}

struct stats_timing stats_timing(struct stats *stats)
{
    pthread_mutex_lock(&stats->lock);
    struct stats_timing timing = stats->timing;
    pthread_mutex_unlock(&stats->lock);
    return timing;
}
