// The limits of all points at work: each reading is compared, what is raised and cleared becomes an
// event, and what is raised now is kept for those who ask, with who acknowledged it.
//
// The comparing is limits/limits.h's. The recorder's thread feeds it; alarms_each, alarms_count and
// alarms_acknowledge may be called from any thread, as long as it lives. Nothing is allocated for a
// reading; about 600 bytes a point that has limits, and
// 600 more where completeness or energy is watched. What is raised passes over to the next
// configuration for points whose definition and limits stay as they were (alarms_make), and to no
// next start: docs/DESIGN.md says why.
#ifndef TALLY_RECORD_ALARMS_H
#define TALLY_RECORD_ALARMS_H

#include "limits/limits.h"
#include "record/definitions.h"

#define ALARM_POINT_MAX   65 // <instrument>.<quantity>
#define ALARM_ACCOUNT_MAX 32

struct alarms;

// Takes an event: time, monotonic clock, kind, subject, text, as recorder_event does.
struct alarms_sink {
    void (*event)(void *context, int64_t t_us, int64_t mono_us, const char *kind,
                  const char *subject, const char *text);
    void *context;
};

// The alarms of a configuration, which must outlive them; *out is NULL where no point has limits.
// `before`, which may be NULL, is left as it is; the recorder that fed it must have ended.
int alarms_make(struct alarms **out, const struct config *config,
                const struct definitions *definitions, const struct alarms *before, int64_t mono_us,
                struct why *why);
void alarms_free(struct alarms *alarms);
// What `before` had raised and `after` did not take over is cleared: an event each. Either may be
// NULL.
void alarms_end(const struct alarms *before, const struct alarms *after,
                const struct alarms_sink *sink, int64_t t_us, int64_t mono_us);

// That a reading comes soon: what it needs is fetched from memory meanwhile. `alarms` may be NULL.
void alarms_expect(const struct alarms *alarms, size_t instrument, size_t slot);
// A reading, all but its flags being set; returns FLAG_LIMIT_EXCEEDED or 0. `alarms` may be NULL.
uint32_t alarms_take(struct alarms *alarms, const struct alarms_sink *sink, size_t instrument,
                     size_t slot, const struct reading *reading, int64_t mono_us);
// A reading that is absent.
void alarms_miss(struct alarms *alarms, const struct alarms_sink *sink, size_t instrument,
                 size_t slot, int64_t t_us, int64_t mono_us);

// One limit that is raised. Borrowed for the call.
struct alarm {
    const char *point;
    enum limit_kind kind;
    const char *limit;       // "max 242 V", "silence 5min"
    int64_t since_us;        // wall clock of the reading (or miss) that raised it
    int64_t acknowledged_us; // 0: not yet
    const char *account;     // "" likewise
};

// Each that is raised, in the configuration's order. `each` must not call back. `alarms` may be
// NULL.
void alarms_each(struct alarms *alarms, void (*each)(void *context, const struct alarm *alarm),
                 void *context);
void alarms_count(struct alarms *alarms, size_t *raised, size_t *unacknowledged);
// Acknowledges all that is raised of a point and not acknowledged yet; appends their names to
// `limits` ("max, rate"). ERROR_ABSENT when there is nothing of the kind, or no such point: `why`
// says which.
int alarms_acknowledge(struct alarms *alarms, const char *point, const char *account, int64_t t_us,
                       struct text *limits, struct why *why);

#endif
