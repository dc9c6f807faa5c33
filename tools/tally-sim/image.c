#include "image.h"

#include <stdlib.h>
#include <string.h>

// A stretch of registers that can be read through.
struct range {
    uint8_t function;
    uint32_t first, end; // registers [first, end)
    uint8_t *bytes;      // 2 * (end - first)
};

struct image {
    struct image_options options;
    bool filled;
    int64_t filled_ns;
    uint8_t *bytes;
    size_t range_count;
    struct range ranges[]; // sorted by function and first
};

static int range_compare(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    if (a->function != b->function) {
        return a->function < b->function ? -1 : 1;
    }
    return a->first < b->first ? -1 : a->first > b->first;
}

static void range_add(struct image *image, uint8_t function, uint32_t first, uint32_t count)
{
    image->ranges[image->range_count++] =
        (struct range){.function = function, .first = first, .end = first + count};
}

static void image_collect(struct image *image)
{
    const struct driver *driver = image->options.driver;
    for (size_t i = 0; i < driver->quantity_count; i++) {
        const struct driver_quantity *quantity = &driver->quantities[i];
        range_add(image, quantity->function, quantity->address, quantity->count);
        if (quantity->has_scale_register) {
            range_add(image, quantity->function, quantity->scale_register, 1);
        }
    }
    for (size_t i = 0; i < driver->status_count; i++) {
        range_add(image, driver->statuses[i].function, driver->statuses[i].address, 1);
    }
    if (driver->has_serial) {
        range_add(image, driver->serial.function, driver->serial.address, driver->serial.count);
    }
}

// Sorts the ranges and joins those that touch, overlap, or leave a hole that may be read through.
static void image_join(struct image *image)
{
    qsort(image->ranges, image->range_count, sizeof image->ranges[0], range_compare);
    size_t kept = 0;
    for (size_t i = 0; i < image->range_count; i++) {
        struct range *last = kept > 0 ? &image->ranges[kept - 1] : NULL;
        const struct range *next = &image->ranges[i];
        if (last != NULL && last->function == next->function &&
            next->first <= last->end + image->options.driver->max_gap) {
            last->end = next->end > last->end ? next->end : last->end;
        } else {
            image->ranges[kept++] = *next;
        }
    }
    image->range_count = kept;
}

static struct range *range_find(struct image *image, uint8_t function, uint32_t address,
                                uint32_t count)
{
    size_t low = 0, high = image->range_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct range *range = &image->ranges[middle];
        if (range->function < function || (range->function == function && range->end <= address)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    struct range *range = low < image->range_count ? &image->ranges[low] : NULL;
    bool inside = range != NULL && range->function == function && range->first <= address &&
                  address + count <= range->end;
    return inside ? range : NULL;
}

static uint8_t *image_at(struct image *image, uint8_t function, uint16_t address, uint16_t count)
{
    struct range *range = range_find(image, function, address, count);
    return range == NULL ? NULL : range->bytes + 2 * (address - range->first);
}

static void put_register(struct image *image, uint8_t function, uint16_t address, uint16_t value)
{
    uint8_t *at = image_at(image, function, address, 1);
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_string(uint8_t *out, const struct driver_quantity *quantity, const char *string)
{
    size_t length = strlen(string), room = 2 * (size_t)quantity->count;
    bool swapped = quantity->order == ORDER_BYTE_SWAP || quantity->order == ORDER_LITTLE;
    for (size_t i = 0; i < room; i++) {
        out[swapped ? i ^ 1 : i] = i < length ? (uint8_t)string[i] : 0;
    }
}

static void put_serial(struct image *image)
{
    const struct driver *driver = image->options.driver;
    const struct driver_quantity *serial = &driver->serial;
    if (!driver->has_serial) {
        return;
    }
    uint8_t *at = image_at(image, serial->function, serial->address, serial->count);
    if (serial->type == TYPE_STRING) {
        put_string(at, serial, image->options.serial);
    } else {
        struct decode_ratios ratios = {{1, false, 0}, {1, false, 0}};
        decode_encode(serial, &ratios, 0, strtod(image->options.serial, NULL), at);
    }
}

// The power of ten that this lab's instruments have in a scale-factor register: SunSpec meters show
// amperes to 10 mA and watts to 1 W.
static int scale_factor_of(const struct driver_quantity *quantity)
{
    const char *kind = quantity->kind != NULL ? quantity->kind : "other";
    bool whole = strcmp(kind, "power") == 0 || strcmp(kind, "energy") == 0;
    return whole ? 0 : strcmp(kind, "voltage") == 0 ? -1 : -2;
}

// A scale-factor register serves several quantities: the first of them decides.
static int scale_factor(const struct image *image, const struct driver_quantity *quantity)
{
    const struct driver *driver = image->options.driver;
    for (size_t i = 0; i < driver->quantity_count; i++) {
        const struct driver_quantity *other = &driver->quantities[i];
        if (other->has_scale_register && other->function == quantity->function &&
            other->scale_register == quantity->scale_register) {
            return scale_factor_of(other);
        }
    }
    return 0;
}

static void put_quantity(struct image *image, size_t index, double t_s)
{
    const struct driver_quantity *quantity = &image->options.driver->quantities[index];
    uint8_t *at = image_at(image, quantity->function, quantity->address, quantity->count);
    int factor = 0;
    if (quantity->has_scale_register) {
        factor = scale_factor(image, quantity);
        put_register(image, quantity->function, quantity->scale_register, (uint16_t)factor);
    }
    if (image->options.mode == IMAGE_PATTERN) {
        return;
    }
    if (quantity->type == TYPE_STRING) {
        put_string(at, quantity, "tally-sim");
        return;
    }
    double number = model_value(image->options.model, index, t_s);
    if (quantity->has_range) {
        double low = decimal_to_double(quantity->range_min);
        double high = decimal_to_double(quantity->range_max);
        number = number < low ? low : number > high ? high : number;
    }
    if (quantity->type == TYPE_BITS) {
        // Several quantities share the register.
        uint16_t bits = (uint16_t)((uint16_t)number << quantity->shift) & quantity->mask;
        uint16_t others = (uint16_t)((at[0] << 8 | at[1]) & ~quantity->mask);
        put_register(image, quantity->function, quantity->address, bits | others);
        return;
    }
    decode_encode(quantity, &image->options.ratios, factor, number, at);
}

static void image_fill(struct image *image, double t_s)
{
    const struct driver *driver = image->options.driver;
    for (size_t i = 0; i < driver->quantity_count; i++) {
        put_quantity(image, i, t_s);
    }
    put_serial(image);
    for (size_t i = 0; i < driver->status_count; i++) {
        const struct driver_status *status = &driver->statuses[i];
        put_register(image, status->function, status->address, status->ok);
    }
}

static void image_fill_pattern(struct image *image)
{
    for (size_t i = 0; i < image->range_count; i++) {
        struct range *range = &image->ranges[i];
        for (uint32_t at = range->first; at < range->end; at++) {
            put_register(image, range->function, (uint16_t)at,
                         image_pattern(image->options.unit, (uint16_t)at));
        }
    }
}

struct image *image_make(const struct image_options *options)
{
    const struct driver *driver = options->driver;
    size_t most = 2 * driver->quantity_count + driver->status_count + 1;
    struct image *image = calloc(1, sizeof *image + most * sizeof image->ranges[0]);
    if (image == NULL) {
        return NULL;
    }
    image->options = *options;
    image_collect(image);
    image_join(image);
    size_t registers = 0;
    for (size_t i = 0; i < image->range_count; i++) {
        registers += image->ranges[i].end - image->ranges[i].first;
    }
    image->bytes = calloc(registers + 1, 2);
    if (image->bytes == NULL) {
        free(image);
        return NULL;
    }
    uint8_t *at = image->bytes;
    for (size_t i = 0; i < image->range_count; i++) {
        image->ranges[i].bytes = at;
        at += 2 * (size_t)(image->ranges[i].end - image->ranges[i].first);
    }
    if (options->mode == IMAGE_PATTERN) {
        image_fill_pattern(image);
    }
    return image;
}

void image_free(struct image *image)
{
    if (image != NULL) {
        free(image->bytes);
        free(image);
    }
}

int image_read(struct image *image, uint8_t function, uint16_t address, uint16_t count,
               int64_t mono_ns, double t_s, uint8_t *out)
{
    if (count == 0 || count > 125 || count > image->options.driver->max_registers) {
        return EXCEPTION_COUNT;
    }
    struct range *range = range_find(image, function, address, count);
    if (range == NULL) {
        return EXCEPTION_ADDRESS;
    }
    if (!image->filled || mono_ns - image->filled_ns >= image->options.refresh_ns) {
        image_fill(image, t_s);
        image->filled = true;
        image->filled_ns = mono_ns;
    }
    memcpy(out, range->bytes + 2 * (address - range->first), 2 * (size_t)count);
    return 0;
}
