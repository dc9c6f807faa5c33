// Units of measurement: what a unit's text means, and one unit's numbers in another's.
//
// Two notations are read. The D-SI's, as digital calibration certificates write it (SmartCom
// D-SI, units in the style of siunitx: "\kilo\watt\hour", "\metre\second\tothe{-1}",
// "\metre\per\second"), begins with a backslash; anything else is read as people write it and our
// drivers do: "kWh", "°C", "g/m³", "N·m", "%", "1".
//
// Linear units only: a level in bel, decibel or neper has no factor, and is refused, as are bit,
// byte and the binary prefixes, which measure nothing here. Angles have a dimension of their own,
// and W, VA and var are told apart, which the SI's dimensions do not: nobody converts degrees to
// percent, or reactive energy to active.
//
// Pure functions; thread-safe.
#ifndef TALLY_MEASURE_UNIT_H
#define TALLY_MEASURE_UNIT_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define UNIT_TEXT_MAX 200 // bytes

enum unit_dimension {
    UNIT_LENGTH,
    UNIT_MASS,
    UNIT_TIME,
    UNIT_CURRENT,
    UNIT_TEMPERATURE,
    UNIT_AMOUNT,
    UNIT_LUMINOUS,
    UNIT_ANGLE,
    UNIT_DIMENSIONS,
};

// Which power, or energy, of an alternating current it is; stays with it in products and quotients
// ("kvarh").
enum unit_power {
    UNIT_POWER_UNSAID, // not one, or not said: "\volt\ampere" may be any of the three
    UNIT_POWER_ACTIVE,
    UNIT_POWER_APPARENT,
    UNIT_POWER_REACTIVE,
};

// A number x of the unit is x × factor / divisor × 10^decade + offset in coherent SI units (kelvin,
// pascal …, radian for angles).
struct unit {
    int8_t exponents[UNIT_DIMENSIONS];
    enum unit_power power;
    double factor, divisor; // > 0, small whole numbers in most units; powers of ten are apart in
    int decade;             // `decade`: so that kPa to hPa is exactly 10, and m³/h to L/s 1/3.6
    double offset;          // 273.15 for a degree Celsius that stands alone, else 0
};

// ERROR_INPUT with the place in the text (counted in characters, from 1) and what was expected.
int unit_parse(const char *text, struct unit *out, struct why *why);

// Whether numbers in the one can be given in the other.
bool unit_same_kind(const struct unit *a, const struct unit *b);
bool unit_is_number(const struct unit *unit); // of dimension one: "1", "%", "ppm", "g/kg"

// A value (a temperature: 0 °C is 273.15 K), and a difference, an error or an uncertainty (1 °C is
// 1 K). Only between units of the same kind.
double unit_convert(const struct unit *from, const struct unit *to, double value);
double unit_convert_difference(const struct unit *from, const struct unit *to, double difference);

// `unit` per hour: the load at which a register in it counts ("kWh": "kW").
struct unit unit_per_hour(const struct unit *unit);

#endif
