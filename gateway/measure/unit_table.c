// The table of units and prefixes of unit_table.h.
#include "measure/unit_table.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// Exponents of m, kg, s, A, K, mol, cd, rad.
#define BY(...)                                                                                    \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define ACTIVE   .power = UNIT_POWER_ACTIVE
#define APPARENT .power = UNIT_POWER_APPARENT
#define REACTIVE .power = UNIT_POWER_REACTIVE
#define IS(...)                                                                                    \
    {                                                                                              \
        .exponents = BY(__VA_ARGS__), .factor = 1                                                  \
    }
#define NUMBER(places)                                                                             \
    {                                                                                              \
        .factor = 1, .decade = (places)                                                            \
    }
#define ENERGY .exponents = BY(2, 1, -2)
#define POWER  .exponents = BY(2, 1, -3)
#define PI     3.14159265358979323846

const struct unit_name unit_names[] = {
    {"metre", "m", true, IS(1)},
    {"gram", "g", true, {.exponents = BY(0, 1), .factor = 1, .decade = -3}},
    {"second", "s", true, IS(0, 0, 1)},
    {"ampere", "A", true, IS(0, 0, 0, 1)},
    {"kelvin", "K", true, IS(0, 0, 0, 0, 1)},
    {"mole", "mol", true, IS(0, 0, 0, 0, 0, 1)},
    {"candela", "cd", true, IS(0, 0, 0, 0, 0, 0, 1)},
    {"one", "1", false, NUMBER(0)},
    {"percent", "%", false, NUMBER(-2)},
    {NULL, "‰", false, NUMBER(-3)},
    {"ppm", "ppm", false, NUMBER(-6)},
    {NULL, "ppb", false, NUMBER(-9)},
    {"degreecelsius", "°C", true, {.exponents = BY(0, 0, 0, 0, 1), .factor = 1, .offset = 273.15}},
    {"degreeCelsius", "℃", true, {.exponents = BY(0, 0, 0, 0, 1), .factor = 1, .offset = 273.15}},
    {"radian", "rad", true, IS(0, 0, 0, 0, 0, 0, 0, 1)},
    {"steradian", "sr", true, IS(0, 0, 0, 0, 0, 0, 0, 2)},
    {"degree", "°", false, {.exponents = BY(0, 0, 0, 0, 0, 0, 0, 1), .factor = PI / 180}},
    {"arcminute", "′", false, {.exponents = BY(0, 0, 0, 0, 0, 0, 0, 1), .factor = PI / 10800}},
    {"arcsecond", "″", false, {.exponents = BY(0, 0, 0, 0, 0, 0, 0, 1), .factor = PI / 648000}},
    {"hertz", "Hz", true, IS(0, 0, -1)},
    {"newton", "N", true, IS(1, 1, -2)},
    {"pascal", "Pa", true, IS(-1, 1, -2)},
    {"joule", "J", true, {ENERGY, ACTIVE, .factor = 1}},
    {"watt", "W", true, {POWER, ACTIVE, .factor = 1}},
    {NULL, "VA", true, {POWER, APPARENT, .factor = 1}},
    {NULL, "var", true, {POWER, REACTIVE, .factor = 1}},
    {NULL, "Wh", true, {ENERGY, ACTIVE, .factor = 36, .decade = 2}},
    {NULL, "VAh", true, {ENERGY, APPARENT, .factor = 36, .decade = 2}},
    {NULL, "varh", true, {ENERGY, REACTIVE, .factor = 36, .decade = 2}},
    {"coulomb", "C", true, IS(0, 0, 1, 1)},
    {NULL, "Ah", true, {.exponents = BY(0, 0, 1, 1), .factor = 36, .decade = 2}},
    {"volt", "V", true, IS(2, 1, -3, -1)},
    {"farad", "F", true, IS(-2, -1, 4, 2)},
    {"ohm", "\u03a9", true, IS(2, 1, -3, -2)}, // the Greek letter
    {NULL, "\u2126", true, IS(2, 1, -3, -2)},  // the sign of old character sets
    {"siemens", "S", true, IS(-2, -1, 3, 2)},
    {"weber", "Wb", true, IS(2, 1, -2, -1)},
    {"tesla", "T", true, IS(0, 1, -2, -1)},
    {"henry", "H", true, IS(2, 1, -2, -2)},
    {"lumen", "lm", true, IS(0, 0, 0, 0, 0, 0, 1, 2)},
    {"lux", "lx", true, IS(-2, 0, 0, 0, 0, 0, 1, 2)},
    {"becquerel", "Bq", true, IS(0, 0, -1)},
    {"gray", "Gy", true, IS(2, 0, -2)},
    {"sievert", "Sv", true, IS(2, 0, -2)},
    {"katal", "kat", true, IS(0, 0, -1, 0, 0, 1)},
    {"minute", "min", false, {.exponents = BY(0, 0, 1), .factor = 6, .decade = 1}},
    {"hour", "h", false, {.exponents = BY(0, 0, 1), .factor = 36, .decade = 2}},
    {"day", "d", false, {.exponents = BY(0, 0, 1), .factor = 864, .decade = 2}},
    {"hectare", "ha", false, {.exponents = BY(2), .factor = 1, .decade = 4}},
    {"litre", "L", true, {.exponents = BY(3), .factor = 1, .decade = -3}},
    {NULL, "l", true, {.exponents = BY(3), .factor = 1, .decade = -3}},
    {"tonne", "t", true, {.exponents = BY(0, 1), .factor = 1, .decade = 3}},
    {"bar", "bar", true, {.exponents = BY(-1, 1, -2), .factor = 1, .decade = 5}},
    {"mmHg", "mmHg", false, {.exponents = BY(-1, 1, -2), .factor = 133.322387415}},
    {"electronvolt", "eV", true, {ENERGY, .factor = 1.602176634, .decade = -19}},
    {"angstrom", "Å", false, {.exponents = BY(1), .factor = 1, .decade = -10}},
    {"nauticalmile", NULL, false, {.exponents = BY(1), .factor = 1852}},
    {"knot", NULL, false, {.exponents = BY(1, 0, -1), .factor = 1852 / 3600.0}},
};
const size_t unit_name_count = COUNT_OF(unit_names);

// "da" before "d": the longest is tried first.
const struct unit_prefix unit_prefixes[] = {
    {"deca", "da", 1},   {"hecto", "h", 2},       {"kilo", "k", 3},    {"mega", "M", 6},
    {"giga", "G", 9},    {"tera", "T", 12},       {"peta", "P", 15},   {"exa", "E", 18},
    {"zetta", "Z", 21},  {"yotta", "Y", 24},      {"ronna", "R", 27},  {"quetta", "Q", 30},
    {"deci", "d", -1},   {"centi", "c", -2},      {"milli", "m", -3},  {"micro", "\u00b5", -6},
    {"nano", "n", -9},   {"pico", "p", -12},      {"femto", "f", -15}, {"atto", "a", -18},
    {"zepto", "z", -21}, {"yocto", "y", -24},     {"ronto", "r", -27}, {"quecto", "q", -30},
    {"deka", NULL, 1},   {"micro", "\u03bc", -6}, // the sign above, the Greek letter here
};
const size_t unit_prefix_count = COUNT_OF(unit_prefixes);

static const char binary[] = "binary prefixes count bits and bytes, which are not measured here";
static const char level[] = "a logarithmic level cannot be converted by a factor";

const struct unit_refusal unit_refusals[] = {
    {"kibi", binary}, {"mebi", binary},   {"gibi", binary}, {"tebi", binary}, {"pebi", binary},
    {"exbi", binary}, {"zebi", binary},   {"yobi", binary}, {"bit", binary},  {"byte", binary},
    {"bel", level},   {"decibel", level}, {"neper", level},
};
const size_t unit_refusal_count = COUNT_OF(unit_refusals);
