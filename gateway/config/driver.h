// A driver: what is known of an instrument model, read from one YAML file in drivers/. Data, not
// code.
//
// docs/DRIVERS.md is the guide to the file. A driver is immutable after loading and may be read by
// any thread.
#ifndef TALLY_CONFIG_DRIVER_H
#define TALLY_CONFIG_DRIVER_H

#include "base/digest.h"
#include "base/value.h"
#include "config/document.h"

#include <stdbool.h>
#include <stdint.h>

enum register_type {
    TYPE_UINT16,
    TYPE_INT16,
    TYPE_UINT32,
    TYPE_INT32,
    TYPE_UINT64,
    TYPE_INT64,
    TYPE_FLOAT32,
    TYPE_FLOAT64,
    TYPE_BCD16,
    TYPE_BCD32,
    TYPE_BCD64,  // packed, 4 bits a digit; a digit above 9 is "no number"
    TYPE_BITS,   // (register(s) & mask) >> shift, unsigned, of 1 register
    TYPE_STRING, // two bytes a register, trailing zero bytes and spaces cut
};

// Order of bytes on the wire, against the value's own from its most significant byte A: registers
// come in this order and bytes within them too.
enum register_order {
    ORDER_BIG,       // ABCD…: high word first, high byte first (Modbus's own)
    ORDER_LOW_WORD,  // CDAB (of 64 bits: GHEFCDAB)
    ORDER_BYTE_SWAP, // BADC (BADCFEHG)
    ORDER_LITTLE,    // DCBA (HGFEDCBA)
};

#define DRIVER_SENTINELS_MAX 8

struct driver_quantity {
    const char *name; // [a-z0-9-]{1,32}, unique in the driver: "active-energy-import"
    const char *unit; // as shown: "kWh", "V", "°C", "1" for none
    const char *obis; // "1-0:1.8.0", or NULL
    uint8_t function; // 3 (holding) or 4 (input); 1 and 2 for coils and discrete inputs with
                      // TYPE_BITS are not supported yet
    uint16_t address; // 0-based, as on the wire
    uint16_t count;   // registers; follows from the type (string: stated)
    enum register_type type;
    enum register_order order;
    struct decimal scale;    // indication = number × scale × ratio × 10^scale-factor register
    bool ratio_pt, ratio_ct; // × the instrument's configured transformer ratios
    bool has_scale_register; // SunSpec: an int16 power of ten; read in the same request as the
                             // value. 0x8000 is "not available".
    uint16_t scale_register;
    bool has_resolution;
    struct decimal resolution; // of the indication, in `unit`
    bool has_range;
    struct decimal range_min, range_max; // of the instrument, in `unit`
    uint16_t mask;                       // TYPE_BITS
    uint8_t shift;
    uint8_t sentinel_count;
    uint64_t sentinels[DRIVER_SENTINELS_MAX]; // "not available": the number's bits, most
                                              // significant byte first, after ordering (so
                                              // 0x7FC00000 for a float32 NaN)
    // NaN and infinity are "not available" in any float, sentinel or not.
    const char *kind; // for tally-sim and displays: "voltage", "current", "power", "energy",
                      // "frequency", "temperature", "humidity", "pressure", "ratio", "flow",
                      // "volume", "mass", "angle", "other"
    double typical;   // for tally-sim: a plausible value in `unit`; 0 when not stated
};

// A register whose bits say that the instrument is at fault: at fault when (register & mask) != ok.
// Its readings get FLAG_INSTRUMENT_FAULT.
struct driver_status {
    uint8_t function;
    uint16_t address;
    uint16_t mask, ok;
};

struct driver {
    const char *id; // the file's name without ".yaml": "eastron-sdm630"
    const char *maker, *model, *source;
    struct digest hash; // of the file's bytes
    const char *bytes;  // the file's bytes: kept in the ledger as a content-addressed file
    size_t length;
    uint16_t max_registers; // in one request; 1 to 125, 125 by default
    uint16_t max_gap; // registers that nobody asked for and that may be read through to join two
                      // ranges; 0 where the instrument refuses. 16 by default.
    int64_t min_interval_us; // between the end of an answer and the next request to this unit; 0 by
                             // default
    bool has_serial;         // identity: the register(s) that hold the serial number
    struct driver_quantity serial;
    bool report_id; // function 17 (report server id) is answered
    size_t status_count;
    const struct driver_status *statuses;
    size_t quantity_count;
    const struct driver_quantity *quantities;
    struct document document; // owns all strings above
    void *arena;
};

// Loads `<directory>/<id>.yaml`. 0 and *out (driver_free it), or ERROR_INPUT with every fault in
// `faults`, *out NULL.
int driver_load(struct driver **out, const char *directory, const char *id, struct faults *faults);
void driver_free(struct driver *driver);
const struct driver_quantity *driver_quantity(const struct driver *driver, const char *name);
// Whether its register only grows, so that what is measured is its difference: energy, volume.
bool driver_counts_up(const struct driver_quantity *quantity);
// Ids of all drivers in a directory, sorted; for suggestions. NULL and 0 when there are none. The
// caller frees them with driver_list_free.
char **driver_list(const char *directory, size_t *count);
void driver_list_free(char **ids, size_t count);
// "uint16" …, "ABCD" … as the file and the definitions write them. 64-bit types use eight letters.
const char *register_type_name(enum register_type type);
const char *register_order_name(enum register_order order, uint16_t count);

#endif
