// Keeps a silent instrument from costing the others: after QUARANTINE_AFTER failed polls in a row
// it is asked only now and then, ever less often, so that it takes at most a twentieth of its bus.
// Pure: times and chance are passed in. Microseconds of any monotonic clock.
#ifndef TALLY_BUS_QUARANTINE_H
#define TALLY_BUS_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

#define QUARANTINE_AFTER      3         // failed polls in a row
#define QUARANTINE_SHARE      20        // one probe per so many times what it costs
#define QUARANTINE_LONGEST_US 300000000 // unless a probe's share asks for longer
#define QUARANTINE_NOBODY_US  10000000  // longest, while nobody else on the bus could be delayed

struct quarantine {
    unsigned failed; // polls in a row
    bool held;
    int64_t interval_us, probe_us; // probe_us: the next one may be sent from then on
};

// A poll failed; asking cost `cost_us` of the bus. `nobody_else`: no healthy instrument shares the
// bus. `chance` is any number, for the jitter. True when this failure begins the quarantine.
bool quarantine_failed(struct quarantine *quarantine, int64_t now_us, int64_t cost_us,
                       bool nobody_else, uint32_t chance);
// An answer came. True when that ends the quarantine.
bool quarantine_answered(struct quarantine *quarantine);
// Whether the instrument is not to be asked now.
static inline bool quarantine_holds(const struct quarantine *quarantine, int64_t now_us)
{
    return quarantine->held && now_us < quarantine->probe_us;
}

#endif
