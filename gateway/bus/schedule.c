#include "bus/schedule.h"

static int64_t own_time(const struct schedule *schedule, struct schedule_now now)
{
    return schedule->align ? now.wall_us : now.mono_us;
}

// The first multiple of `every` after `time`, which may be before the epoch.
static int64_t next_multiple(int64_t time, int64_t every)
{
    int64_t rest = time % every;
    return time - rest + (rest < 0 ? 0 : every);
}

static void set_due(struct schedule *schedule, int64_t due_us, struct schedule_now now)
{
    schedule->due_us = due_us;
    schedule->offset_us = now.wall_us - now.mono_us;
}

static bool stepped(const struct schedule *schedule, struct schedule_now now)
{
    int64_t change = now.wall_us - now.mono_us - schedule->offset_us;
    return change > SCHEDULE_STEP_US || change < -SCHEDULE_STEP_US;
}

void schedule_start(struct schedule *schedule, bool align, int64_t every_us, int64_t phase_us,
                    struct schedule_now now)
{
    schedule->every_us = every_us;
    schedule->align = align && every_us > 0;
    schedule->begun = schedule->align;
    if (schedule->align) {
        set_due(schedule, next_multiple(now.wall_us, every_us), now);
    } else {
        // The first poll is at once, in the place of the one before the phase's.
        set_due(schedule, now.mono_us + (phase_us > 0 ? phase_us - every_us : 0), now);
    }
}

int64_t schedule_wait_us(struct schedule *schedule, struct schedule_now now)
{
    // A clock that was set moves the times of the day. Slewing does too, but only over long
    // intervals, and a due time that has come stays due.
    if (schedule->align && stepped(schedule, now) &&
        (schedule->due_us > now.wall_us || now.wall_us - schedule->due_us >= schedule->every_us)) {
        set_due(schedule, next_multiple(now.wall_us, schedule->every_us), now);
    }
    return schedule->due_us - own_time(schedule, now);
}

struct schedule_poll schedule_take(struct schedule *schedule, struct schedule_now now)
{
    int64_t offset = now.wall_us - now.mono_us;
    if (schedule->every_us <= 0) {
        set_due(schedule, now.mono_us, now);
        return (struct schedule_poll){.due_wall_us = now.wall_us};
    }
    int64_t late = own_time(schedule, now) - schedule->due_us;
    int64_t missed = late > 0 ? late / schedule->every_us : 0;
    int64_t to_wall = schedule->align ? 0 : offset;
    struct schedule_poll poll = {.missed = (uint64_t)missed,
                                 .first_wall_us = schedule->due_us + to_wall};
    int64_t due = schedule->due_us + missed * schedule->every_us;
    poll.due_wall_us = schedule->begun ? due + to_wall : now.wall_us;
    schedule->begun = true;
    set_due(schedule, due + schedule->every_us, now);
    return poll;
}

void schedule_give_back(struct schedule *schedule)
{
    schedule->due_us -= schedule->every_us;
}
