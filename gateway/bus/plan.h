// The read plan: the points of one instrument grouped into the fewest requests, and the time that
// each takes on its line.
//
// A point's registers, its scale-factor register included, always come from one request, so that no
// value is torn. Pure; no I/O. A plan is immutable but for plan_split, which adds requests and
// keeps the old ones alive, because samples point to them.
#ifndef TALLY_BUS_PLAN_H
#define TALLY_BUS_PLAN_H

#include "base/error.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_REGISTERS_MAX 125 // Modbus Application Protocol V1.1b3 §6.3

// One read. `slots` are the indices, within the instrument's quantities, of the points that it
// serves.
struct request {
    uint8_t function;
    uint16_t address, count;
    uint16_t slot_count;
    const uint16_t *slots;
    bool is_status; // serves the driver's statuses (asked first in each poll)
    bool retired;   // split since: not asked any more. Written only by the bus worker.
};

struct plan {
    const struct config_instrument *instrument;
    size_t request_count;
    struct request **requests; // in the order they are asked, retired ones left in place
    void *arena;
};

// 0; ERROR_MEMORY; ERROR_RANGE with why when a quantity cannot be read in one request under the
// driver's limits.
int plan_make(struct plan **out, const struct config_instrument *instrument, struct why *why);
void plan_free(struct plan *plan);
// The range of request `index` was refused (ILLEGAL DATA ADDRESS): it is retired and, in its place,
// two halves are added right behind it, cut between points, where none has registers on both sides
// if there is such a place. When it served one point only, nothing is added and the point is
// remembered as refused; a request for statuses is cut likewise, between statuses. Returns the
// number of requests added (0 or 2; never needs memory). The caller asks the rest of the plan as it
// was.
size_t plan_split(struct plan *plan, size_t index);
// Whether the point was remembered as refused.
bool plan_slot_refused(const struct plan *plan, uint16_t slot);

// Bytes on the wire.
static inline size_t request_bytes(void)
{
    return 8;
}
static inline size_t answer_bytes(uint16_t count)
{
    return 5 + 2 * (size_t)count;
}
// Time of one character: start, 8 data, parity, stop bits.
int64_t bus_character_ns(const struct config_bus *bus);
// The silence required between frames: 3.5 characters, and 1.750 ms above 19200 baud (Modbus over
// Serial Line V1.02 §2.5.1.1).
int64_t bus_gap_ns(const struct config_bus *bus);
// Time that a bus needs for one request: both frames and the gaps behind them and an assumed 5 ms
// of turn-round (RTU), or 1 ms (TCP), and the driver's min_interval where that is longer than a
// gap.
int64_t plan_request_time_us(const struct request *request, const struct driver *driver,
                             const struct config_bus *bus);
// Of one poll of the instrument: its requests that are not retired.
int64_t plan_time_us(const struct plan *plan, const struct config_bus *bus);

#define PLAN_LOAD_MAX 0.90 // the rest is for time-outs, probes and identity reads

// The load of each bus: sum over its instruments of plan_time/every. Adds a fault for each bus
// above PLAN_LOAD_MAX, with the arithmetic ("bus rs485-1: load 1.32 of 0.90: main-meter 3 requests
// 412 ms / 1 s = 0.41; …"), and one for each instrument that no plan can be made for. Appends a
// table of requests and loads to `out` when not NULL.
void plan_check(const struct config *config, struct faults *faults, struct text *out);

#endif
