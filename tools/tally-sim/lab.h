// The lab: its lines and the instruments on them, as read from a lab file or made to match a
// gateway's configuration. Opens nothing.
//
// Built by one thread; afterwards the descriptions are read-only, an instrument's image belongs to
// the thread of its line, and fault slots, statistics and orders may be used by any thread.
#ifndef TALLY_SIM_LAB_H
#define TALLY_SIM_LAB_H

#include "config/config.h"
#include "fault.h"
#include "image.h"
#include "stats.h"

#define LAB_LINES_MAX       CONFIG_BUSES_MAX
#define LAB_INSTRUMENTS_MAX CONFIG_INSTRUMENTS_MAX

struct lab_instrument {
    char *name;   // owned
    char *serial; // owned
    uint8_t unit;
    size_t line; // index into lines
    const struct driver *driver;
    struct model *model;
    struct image *image;
    struct fault_slot faults;
    atomic_uint_fast64_t requests;
};

struct lab_line {
    enum bus_transport transport;
    char *path;           // RTU: where the symbolic link to the pty goes; owned
    char *host, *service; // TCP; owned. `service` may be "0".
    int baud, stop_bits;
    enum bus_parity parity;
    int64_t turn_ns; // RTU: from the end of a request to the start of its answer
    struct lab_instrument *units[256];
    struct stats stats;
    char address[160];           // what is served, once it is open: "127.0.0.1:40213", "/dev/pts/3"
    atomic_int_fast64_t gone_ns; // the line is to be gone until then (CLOCK_MONOTONIC); 0: no order
    int wake;                    // eventfd of the thread that serves the line; set by it
};

struct lab_options {
    const char *drivers; // folder; NULL: what the file says, or "drivers"
    int64_t turn_ms;     // for lines that do not say; 0 by default
    bool pattern;        // every instrument in IMAGE_PATTERN
    bool has_seed;
    uint64_t seed;
};

struct lab {
    struct lab_line *lines;
    struct lab_instrument *instruments;
    size_t line_count, instrument_count;
    char *control; // path of the control socket, or NULL; owned
    uint64_t seed;
    int64_t refresh_ns;
    double start_s; // the lab's local time at `start_mono_ns`, in s since 1970
    int64_t start_mono_ns;
    atomic_bool stopping;
    struct driver **drivers; // owned; those that `config` does not own
    size_t driver_count;
    struct config *config; // owned; NULL when read from a lab file
};

// 0 and *out (lab_free it), or ERROR_INPUT with every fault of the file in `faults`, or
// ERROR_MEMORY.
int lab_load(struct lab **out, const char *path, const struct lab_options *options,
             struct faults *faults);
// The lab that matches a tally.yaml: each TCP bus listens at its address, each RTU device path
// becomes a link to a pty.
int lab_load_from(struct lab **out, const char *path, const struct lab_options *options,
                  struct faults *faults);
void lab_free(struct lab *lab);

double lab_time_s(const struct lab *lab, int64_t mono_ns);
int64_t lab_character_ns(const struct lab_line *line);

#endif
