// The registers of one instrument, as its driver file lays them out: what a read request gets.
//
// Registers that the driver does not define are refused, except where they lie in a hole no wider
// than the driver's max_gap, as on the instrument itself. Values are worked out when somebody asks,
// at most once in `refresh_ns`, and all of one refresh belong to one moment. One thread per image.
#ifndef TALLY_SIM_IMAGE_H
#define TALLY_SIM_IMAGE_H

#include "model.h"
#include "record/decode.h"

enum image_mode {
    IMAGE_PLAUSIBLE,
    // Every register holds image_pattern(unit, address), for tests that no value is ever taken for
    // another; serial, status and scale-factor registers are as in IMAGE_PLAUSIBLE.
    IMAGE_PATTERN,
};

enum image_exception { EXCEPTION_FUNCTION = 1, EXCEPTION_ADDRESS = 2, EXCEPTION_COUNT = 3 };

struct image;

struct image_options {
    const struct driver *driver; // borrowed
    struct model *model;         // borrowed
    struct decode_ratios ratios;
    const char *serial; // "" when it has none
    enum image_mode mode;
    uint8_t unit;
    int64_t refresh_ns;
};

// NULL when there is no memory.
struct image *image_make(const struct image_options *options);
void image_free(struct image *image);
// Copies 2*count bytes to `out`. 0, or the exception that the instrument answers. `mono_ns` decides
// about the refresh, `t_s` is the lab's time (model.h).
int image_read(struct image *image, uint8_t function, uint16_t address, uint16_t count,
               int64_t mono_ns, double t_s, uint8_t *out);

// For one unit different at every address, for one address different at every unit; two units meet
// only where their addresses are a multiple of 4951 apart.
static inline uint16_t image_pattern(uint8_t unit, uint16_t address)
{
    return (uint16_t)(unit * 4951u + address);
}

#endif
