// From registers on the wire to an indication. Pure functions; no state; thread-safe.
#ifndef TALLY_RECORD_DECODE_H
#define TALLY_RECORD_DECODE_H

#include "base/reading.h"
#include "config/driver.h"

// Transformer ratios of an instrument, 1 where it has none.
struct decode_ratios {
    struct decimal pt, ct;
};

// Decodes a quantity from the registers [address, address + count) that `wire` holds (2*count
// bytes, as on the wire). Writes value, and its raw registers (value registers, then the
// scale-factor register if there is one) to raw (READING_RAW_MAX bytes), with *raw_length. Returns
// flags (enum reading_flag): FLAG_INSTRUMENT_FAULT when it is NaN, infinite, a sentinel or bad BCD
// (the value is then VALUE_NONE), FLAG_OUTSIDE_INSTRUMENT_RANGE beyond the driver's range,
// FLAG_INEXACT. Asserts that the quantity's registers lie within.
uint32_t decode_quantity(const struct driver_quantity *quantity, const struct decode_ratios *ratios,
                         const uint8_t *wire, uint16_t address, uint16_t count, struct value *value,
                         uint8_t *raw, uint16_t *raw_length);

// Whether the status register in these registers says "at fault".
bool decode_status(const struct driver_status *status, const uint8_t *wire, uint16_t address,
                   uint16_t count);

// The reverse, for tally-sim and golden images: writes `number` (in the quantity's unit; rounded to
// what the registers can hold, saturated at their ends) to `out` (2*quantity->count bytes, as on
// the wire). The scale-factor register is taken as given. NaN becomes "not available": the first
// sentinel, a quiet NaN or a bad BCD digit, or 0 where the registers have no such thing. A string
// gets the number's decimal digits.
void decode_encode(const struct driver_quantity *quantity, const struct decode_ratios *ratios,
                   int scale_factor, double number, uint8_t *out);

#endif
