// The gateway's configuration, tally.yaml, read and checked whole: every fault is reported with its
// place, and nothing is taken from a file that has one.
//
// Does not open ports, sockets or the ledger. Immutable after loading; any thread may read it.
#ifndef TALLY_CONFIG_CONFIG_H
#define TALLY_CONFIG_CONFIG_H

#include "base/digest.h"
#include "config/document.h"
#include "config/driver.h"
#include "ident/note.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_BUSES_MAX       256
#define CONFIG_INSTRUMENTS_MAX 2048
#define CONFIG_POINTS_MAX      20000
#define CONFIG_UPLINKS_MAX     8
#define CONFIG_HOOK_MAX        32 // words of its command line
#define CONFIG_GROUPS_MAX      256
#define CONFIG_GROUP_PARTS_MAX 1000

enum bus_transport { TRANSPORT_RTU, TRANSPORT_TCP, TRANSPORT_RTU_OVER_TCP };
enum bus_parity { PARITY_NONE, PARITY_EVEN, PARITY_ODD };
enum bus_direction {
    DIRECTION_AUTO,
    DIRECTION_KERNEL
}; // RS-485 sender enable: the hardware's own, or TIOCSRS485

struct config_bus {
    const char *name;
    enum bus_transport transport;
    const char *device;  // RTU: "/dev/ttyS1"
    const char *host;    // TCP: a name or address
    const char *service; // TCP: the port's digits
    int baud, stop_bits; // RTU: 300 to 921600; 1 or 2
    enum bus_parity parity;
    enum bus_direction direction;
    bool low_latency;    // RTU: ask the port for ASYNC_LOW_LATENCY where it has it; yes by default
    int64_t timeout_us;  // for an answer to begin, after the request's wire time; 500 ms by default
                         // (`timeout`)
    int64_t late_max_us; // after a failed exchange, and at the start, the line is drained until
                         // this has passed (`late_max`); 1 s by default
    int line, column;    // in the file
};

// Bounds of a quantity, in ascending order: beyond min and max is an alarm, beyond the two between
// them a warning.
enum config_bound {
    BOUND_MIN,
    BOUND_WARNING_MIN,
    BOUND_WARNING_MAX,
    BOUND_MAX,
};
#define BOUND_COUNT 4

enum limit_decision {
    DECISION_SIMPLE,  // simple acceptance: the value itself is compared
    DECISION_GUARDED, // guarded acceptance (JCGM 106, 8.3.2): the value with its U on either side
};

// The share of readings that were due; judged over_us / CONFIG_WINDOW_PARTS apart.
#define CONFIG_WINDOW_PARTS 24
struct config_completeness {
    int32_t below_ppm, hysteresis_ppm; // millionths
    int64_t over_us;                   // at least CONFIG_WINDOW_PARTS times `every`; 0: none
};

// Which power a register of energy counts.
enum energy_counts { COUNTS_POSITIVE, COUNTS_NEGATIVE, COUNTS_BOTH };

// What a register counted against what another quantity of the same instrument says it should.
struct config_energy_check {
    size_t power;       // of the instrument's quantities
    int32_t within_ppm; // of the greater of the two
    int64_t over_us;    // of each window, at least CONFIG_WINDOW_PARTS times `every`; 0: none
    int64_t gap_us;     // the longest between two readings of the power; by default four times
                        // `every`, and at least 10 s
    enum energy_counts counts; // positive by default
    bool has_floor;
    struct decimal floor; // in the register's unit: below it nothing is judged; by default 2 of
                          // its steps / within
    int line, column;     // in the file, of the power's name
};

// What one point is watched for; docs/man/tally.yaml.5 says what each means. In its quantity's
// unit.
struct config_limits {
    bool has_bound[BOUND_COUNT];
    struct decimal bound[BOUND_COUNT];
    struct decimal back[BOUND_COUNT]; // where it clears: the bound, less the hysteresis inwards
    struct decimal hysteresis;        // 0 by default
    enum limit_decision decision;     // simple by default
    int64_t delay_us;                 // of bounds and rate; 0 by default
    struct decimal rate;              // change in rate_per_us; 0: none
    int64_t rate_per_us;              // 1 s, 1 min, 1 h, 1 d or 1 y
    int64_t frozen_us, silence_us;    // 0: none
    struct config_completeness completeness;
    struct config_energy_check energy;
};

// What is declared of one point's uncertainty beside its certificate; docs/man/tally.yaml.5 says
// what each means. In its quantity's unit.
struct config_influence {
    const char *name, *source;
    struct decimal value; // > 0: the half-width of a rectangular distribution, or
    bool is_standard;     // a standard uncertainty
};
#define CONFIG_INFLUENCES_MAX 8

struct config_uncertainty {
    struct decimal drift; // half-width that grows by so much in drift_per_us; 0: not declared
    int64_t drift_per_us; // 1 s, 1 min, 1 h, 1 d or 1 y (365.25 d)
    struct decimal slope; // how fast the quantity changes at most; likewise
    int64_t slope_per_us;
    int64_t refresh_us; // how old a register's value may be when it is read; likewise
    struct config_influence *influences;
    size_t influence_count;
};

struct config_instrument {
    const char *name;
    size_t bus;   // index into buses
    uint8_t unit; // 1 to 247; 0 to 255 on TCP
    const struct driver *driver;
    const char *serial;   // as declared; "" when not
    const char *location; // where it is, for reports, which read it from the file on record; or ""
    int64_t every_us;     // 20 ms to 1 day; 0 (`0s`): as fast as the bus goes
    bool align;           // polls at multiples of `every` since midnight UTC of the epoch
    struct decimal ratio_pt, ratio_ct;
    size_t quantity_count;
    const struct driver_quantity *
        *quantities; // those polled: all of the driver's, or the list given (`quantities: […]`)
    const struct config_limits *
        *limits; // of quantities[i]: limits[i], or NULL; NULL altogether where none has any
    const struct config_uncertainty **uncertainty; // likewise
    int line, column;
};

// A register of a group.
struct config_part {
    const char *point; // "main-meter.active-energy-import": configured, and counts up
    bool minus;
};

// Registers that are reported as one meter: a group, a site, what is left when sub-meters are taken
// away. For reports; the daemon takes no notice.
struct config_group {
    const char *name;
    struct config_part *parts; // with those of the groups that it names; each once
    size_t part_count;         // at least 1
    const char *unit;          // of all of them
    const char *kind;          // "electricity", "gas", "water", "heat" …; NULL when not stated
    bool site;                 // all that the site uses of this kind: one group for each kind
    bool independent; // what its meters' calibrations leave uncertain has nothing in common
    int line;
};

struct config_uplink {
    const char *name;
    const char *host;
    int port;                           // 8883 by default
    const char *ca, *certificate, *key; // paths, resolved against the configuration file's folder
    bool has_centre; // `receipts` names the file of a centre's public key, `centre`: its receipts
                     // count. Otherwise an acknowledgement by the broker does.
    struct trusted_key centre;
    int64_t resend_us; // with receipts: without one for so long, send again (`resend_after`);
                       // 10 min by default
    bool required;     // holds back pruning
    bool no_subscribers_accept;
    bool compress; // publish zstd, content type "application/vnd.tally.block+zstd"; no by default
    int64_t drain_rate; // blocks a second at most while a backlog is sent; 0: no limit. 1000 by
                        // default.
    int64_t reconnect_min_us, reconnect_max_us; // jittered between; 200 ms and 30 s by default
    int line, column;
};

struct config {
    const char *path;
    struct document document; // owns strings
    struct digest hash;       // of the file's bytes
    struct {
        const char *name, *code, *time_zone;
    } site;
    struct {
        const char *name;
        const char *data;          // the ledger's folder
        const char *drivers;       // folder of drivers
        const char *control;       // path of the control socket; "<data>/control" by default
        int64_t block_interval_us; // 10 s by default; 100 ms to 1 h
        int block_readings;        // 1 to 1000, 1000 by default
        bool prompt;
        const char *trusted_signers;    // file or folder of their certificates, for tools; or NULL
        const char *key;                // of the log, that signs it; "<data>/log.key" by default
        int64_t checkpoint_interval_us; // 60 s by default; 1 s to 1 h
        int64_t keep_us;    // retention by age, 0: by size only (`keep`); 3 years by default
        int64_t keep_bytes; // retention by size (`keep_size`); 0: no limit
    } gateway;
    struct {
        const char *const *hook; // program and arguments, NULL-terminated; NULL: none
        int64_t timeout_us;      // after which it is killed; 30 s by default
    } alarms;
    size_t bus_count, instrument_count, uplink_count, driver_count;
    struct config_bus *buses;
    struct config_instrument *instruments;
    struct config_uplink *uplinks;
    size_t group_count;
    struct config_group *groups;
    struct driver **drivers; // those used, each once; owned
    void *arena;
};

// Reads and checks. 0 and *out (config_free it), or ERROR_INPUT with every fault in `faults` and
// *out NULL. `drivers_directory` overrides gateway.drivers when not NULL.
int config_load(struct config **out, const char *path, const char *drivers_directory,
                struct faults *faults);
void config_free(struct config *config);

// As the file has them: "min", "warning_min" …; "simple", "guarded".
const char *config_bound_name(enum config_bound bound);
const char *config_decision_name(enum limit_decision decision);
// "positive", "negative", "both".
const char *config_counts_name(enum energy_counts counts);
// "s", "min", "h", "d" or "y".
const char *config_rate_unit(int64_t rate_per_us);

// GB 32100-2015: 18 characters of its alphabet of 31, weights 3^(i-1) mod 31, check character. 0;
// ERROR_INPUT (form) or ERROR_RANGE (check character; *expected is what it should be).
int config_check_credit_code(const char *code, char *expected);

#endif
