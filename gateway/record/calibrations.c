#include "record/calibrations.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// A register that only grows: what is measured is its difference.
static bool counts_up(const struct driver_quantity *quantity)
{
    return strcmp(quantity->kind, "energy") == 0 || strcmp(quantity->kind, "volume") == 0;
}

// Rectangular within a digit (GUM F.2.2.1).
static double resolution_part(const struct driver_quantity *quantity)
{
    return quantity->has_resolution ? fabs(decimal_to_double(quantity->resolution)) / sqrt(12) : 0;
}

static void note_used(struct calibrations *calibrations, const struct shelf_entry *entry)
{
    for (size_t i = 0; i < calibrations->used_count; i++) {
        if (calibrations->used[i].entry == entry) {
            return;
        }
    }
    calibrations->used[calibrations->used_count++].entry = entry;
}

// The quantity as its certificate has it, in memory of the arena. NULL: there is none.
static const struct certificate_quantity *keep(void **arena,
                                               const struct certificate_quantity *quantity)
{
    size_t bytes = quantity->point_count * sizeof *quantity->points;
    struct certificate_quantity *kept = arena_take(arena, sizeof *kept);
    struct certificate_point *points = arena_take(arena, bytes);
    if (!kept || !points) {
        return NULL;
    }
    if (bytes) {
        memcpy(points, quantity->points, bytes);
    }
    *kept = *quantity;
    kept->points = points;
    return kept;
}

static int calibrate(struct calibrations *calibrations, const struct shelf *shelf,
                     const struct config_instrument *instrument,
                     const struct driver_quantity *quantity, struct calibration *calibration)
{
    const struct correction_parts parts = {.resolution = resolution_part(quantity)};
    const struct shelf_wanted wanted = {instrument->serial, quantity->name, quantity->unit};
    const struct certificate_quantity *kept = NULL;
    struct certificate_quantity found;
    calibration->overdue_us = INT64_MAX;
    calibration->entry = shelf ? shelf_find(shelf, &wanted, &found) : NULL;
    if (calibration->entry) {
        kept = keep(&calibrations->arena, &found);
        certificate_quantity_free(&found);
        if (!kept) {
            return ERROR_MEMORY;
        }
        note_used(calibrations, calibration->entry);
        calibration->overdue_us = shelf_overdue_us(&calibration->entry->certificate);
    }
    calibration->correction = correction_make(kept, counts_up(quantity), &parts);
    return OK;
}

static int fill(struct calibrations *calibrations, const struct config *config,
                const struct shelf *shelf)
{
    void **arena = &calibrations->arena;
    size_t room = shelf ? shelf->count : 0;
    calibrations->of = arena_take(arena, config->instrument_count * sizeof *calibrations->of);
    calibrations->used = arena_take(arena, room * sizeof *calibrations->used);
    if (!calibrations->of || !calibrations->used) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        struct calibration *of =
            arena_take(arena, instrument->quantity_count * sizeof *of);
        calibrations->of[i] = of;
        if (!of) {
            return ERROR_MEMORY;
        }
        for (size_t slot = 0; slot < instrument->quantity_count; slot++) {
            if (calibrate(calibrations, shelf, instrument, instrument->quantities[slot],
                          &of[slot])) {
                return ERROR_MEMORY;
            }
        }
    }
    return OK;
}

int calibrations_make(struct calibrations **out, const struct config *config,
                      const struct shelf *shelf, struct why *why)
{
    struct calibrations *calibrations = calloc(1, sizeof *calibrations);
    *out = NULL;
    if (!calibrations || fill(calibrations, config, shelf)) {
        calibrations_free(calibrations);
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    *out = calibrations;
    return OK;
}

void calibrations_free(struct calibrations *calibrations)
{
    if (calibrations) {
        arena_free(&calibrations->arena);
        free(calibrations);
    }
}
