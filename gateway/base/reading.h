// One reading: a point at one time, from raw registers to corrected value. The structure that the
// stages hand on; DESIGN §2 has the words.
#ifndef TALLY_BASE_READING_H
#define TALLY_BASE_READING_H

#include "base/value.h"

#include <stdint.h>

// Why a reading is to be looked at twice. Bits; recorded in each reading; never renumbered
// (docs/FORMAT.md).
enum reading_flag {
    FLAG_CLOCK_UNSYNCHRONISED = 1 << 0,
    FLAG_LEAP_SECOND = 1 << 1, // taken within a second of one
    FLAG_NO_CERTIFICATE = 1 << 2,
    FLAG_CALIBRATION_OVERDUE = 1 << 3,
    FLAG_OUTSIDE_CALIBRATED_RANGE = 1 << 4,
    FLAG_OUTSIDE_INSTRUMENT_RANGE = 1 << 5,
    FLAG_INSTRUMENT_FAULT =
        1 << 6, // the instrument's own status says so, or it gave NaN or a "not available" value
    FLAG_IDENTITY_MISMATCH = 1 << 7,
    FLAG_LIMIT_EXCEEDED = 1 << 8,
    FLAG_INEXACT =
        1 << 9, // the indication does not fit an exact decimal and was rounded to a double
};

#define READING_RAW_MAX 128 // bytes: a 62-register string and a scale factor

struct reading {
    uint32_t point;
    int64_t t_us;           // wall clock, UTC: midpoint of request and answer
    int64_t half_window_us; // half the time from sending the request to the answer's end
    const uint8_t
        *raw; // registers as on the wire (high byte of each first); borrowed from the sample
    uint16_t raw_length; // bytes; even
    struct value indication;
    struct value corrected;            // VALUE_NONE where no certificate applies
    struct value expanded_uncertainty; // VALUE_NONE likewise
    uint32_t flags;                    // enum reading_flag
};

// Why a reading is absent. The word goes into the block.
enum miss {
    MISS_TIMEOUT,   // "timeout": no answer, or not a whole one, in time
    MISS_DAMAGED,   // "damaged": CRC, length, unit or function of the answer is wrong
    MISS_EXCEPTION, // "exception-<code>": the instrument refused; `detail` is the Modbus exception
                    // code
    MISS_DISCONNECTED, // "disconnected": the port or connection is not there
    MISS_QUARANTINED,  // "quarantined": not asked, because the instrument has been silent
    MISS_OVERRUN,      // "overrun": not asked in time, because the bus or the ledger was behind
    MISS_STOPPED, // "stopped": not asked, because polling stood still: a reload, a new log, the end
};

// Writes the word (at most 31 characters and a terminator).
void miss_format(enum miss miss, int detail, char out[32]);

#endif
