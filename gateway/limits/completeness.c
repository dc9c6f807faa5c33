#include "limits/completeness.h"

#define WHOLE_PPM 1000000
#define RING      (COMPLETENESS_PARTS + 1)

void completeness_compile(const struct config_completeness *completeness,
                          struct completeness_rule *rule)
{
    *rule = (struct completeness_rule){.part_us = completeness->over_us / COMPLETENESS_PARTS,
                                       .below_ppm = completeness->below_ppm,
                                       .back_ppm =
                                           completeness->below_ppm + completeness->hysteresis_ppm};
}

void completeness_begin(const struct completeness_rule *rule, struct completeness_state *state,
                        int64_t mono_us)
{
    *state = (struct completeness_state){.part_end_us = mono_us + rule->part_us};
}

static int judge(const struct completeness_rule *rule, struct completeness_state *state)
{
    uint64_t due = 0, taken = 0;
    for (unsigned i = 0; i < RING; i++) {
        due += i == state->place ? 0 : state->due[i];
        taken += i == state->place ? 0 : state->taken[i];
    }
    if (!due || state->full < COMPLETENESS_PARTS) {
        return 0;
    }
    state->window_due = due;
    state->window_taken = taken;
    uint64_t limit_ppm = (uint64_t)(state->raised ? rule->back_ppm : rule->below_ppm);
    bool below = taken * WHOLE_PPM < limit_ppm * due;
    int change = below - state->raised;
    state->raised = below;
    return change;
}

static int end_parts(const struct completeness_rule *rule, struct completeness_state *state,
                     int64_t mono_us)
{
    for (unsigned i = 0; mono_us >= state->part_end_us; i++) {
        if (i == RING) { // the machine slept, say: there is nothing left of the window
            state->part_end_us = mono_us + rule->part_us;
            break;
        }
        state->place = (state->place + 1) % RING;
        state->due[state->place] = state->taken[state->place] = 0;
        state->full += state->full < COMPLETENESS_PARTS;
        state->part_end_us += rule->part_us;
    }
    return judge(rule, state);
}

int completeness_take(const struct completeness_rule *rule, struct completeness_state *state,
                      bool taken, int64_t mono_us)
{
    int change = mono_us >= state->part_end_us ? end_parts(rule, state, mono_us) : 0;
    state->due[state->place]++;
    state->taken[state->place] += taken;
    return change;
}
