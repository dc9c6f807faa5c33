#include "jobs/job_stretch.h"

#include <string.h>

void job_stretch_begin(struct job_stretch *stretch, const struct job *job)
{
    *stretch = (struct job_stretch){.job = job};
}

static bool is_kind(const struct block_event *event, const char *kind)
{
    return event->kind_length == strlen(kind) && memcmp(event->kind, kind, event->kind_length) == 0;
}

// Whether the clock was set in this block, or between it and the one before; of the block of the
// start, behind the start.
static bool was_set(const struct job_stretch *stretch, const struct block_view *view)
{
    const struct job_end *start = &stretch->job->start;
    for (size_t i = view->n == start->n ? start->index : 0; i < view->event_count; i++) {
        if (is_kind(&view->events[i], "clock.stepped")) {
            return true;
        }
    }
    return stretch->begun && view->closed_us < stretch->closed_us;
}

// A block behind that of the job's end.
static bool may_hold_late(const struct job_stretch *stretch, const struct block_view *view,
                          bool set)
{
    return !set && strcmp(view->run, stretch->end_run) == 0 &&
           view->mono_us[1] <= stretch->end_mono_us + JOB_STRETCH_LATE_US;
}

bool job_stretch_take(struct job_stretch *stretch, const struct block_view *view)
{
    const struct job *job = stretch->job;
    bool set = was_set(stretch, view);
    stretch->inside = job->runs || view->n <= job->stop.n;
    if (!stretch->inside && !may_hold_late(stretch, view, set)) {
        stretch->settled = true;
        return false;
    }
    stretch->sets += stretch->inside && set;
    stretch->set = stretch->set || set;
    stretch->lower = view->n <= job->start.n || !stretch->set;
    stretch->upper = !job->runs && view->n >= job->stop.n;
    if (!job->runs && view->n == job->stop.n) {
        memcpy(stretch->end_run, view->run, sizeof stretch->end_run);
        stretch->end_mono_us = view->mono_us[1];
    }
    stretch->begun = true;
    stretch->closed_us = view->closed_us;
    return true;
}

bool job_stretch_holds(const struct job_stretch *stretch, int64_t t_us)
{
    return (!stretch->lower || t_us >= stretch->job->start.t_us) &&
           (!stretch->upper || t_us < stretch->job->stop.t_us);
}
