#include "record/calibrations.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

// A certificate of one instrument, in the names and units of its driver.
struct fitted {
    const struct shelf_entry *entry;
    struct certificate *certificate;
};

struct making {
    struct calibrations *calibrations;
    const struct shelf *shelf;
    struct faults *faults;
    struct fitted *fitted; // of the instrument that is looked at; room for the whole shelf
    size_t fitted_count;
};

// Rectangular within a digit (GUM F.2.2.1).
static double resolution_part(const struct driver_quantity *quantity)
{
    return quantity->has_resolution ? fabs(decimal_to_double(quantity->resolution)) / sqrt(12) : 0;
}

// --- the certificates of one instrument

static void forget_fitted(struct making *making)
{
    for (size_t i = 0; i < making->fitted_count; i++) {
        certificate_free(making->fitted[i].certificate);
    }
    making->fitted_count = 0;
}

int calibrations_fit(const struct certificate *certificate, const char *name,
                     const struct config_instrument *instrument, struct certificate **out,
                     struct faults *faults)
{
    const struct driver *driver = instrument->driver;
    struct certificate_target *targets = calloc(driver->quantity_count + 1, sizeof *targets);
    *out = NULL;
    if (!targets) {
        return ERROR_MEMORY;
    }
    for (size_t i = 0; i < driver->quantity_count; i++) {
        const struct driver_quantity *quantity = &driver->quantities[i];
        targets[i] =
            (struct certificate_target){quantity->name, quantity->unit, driver_counts_up(quantity)};
    }
    int error = certificate_fits(certificate, name, instrument->serial, targets,
                                 driver->quantity_count, out, faults);
    free(targets);
    return error;
}

// Those of the shelf that bear its serial number and speak of what its driver has.
static int fit(struct making *making, const struct config_instrument *instrument)
{
    for (size_t i = 0; i < making->shelf->count; i++) {
        const struct shelf_entry *entry = &making->shelf->entries[i];
        struct fitted *fitted = &making->fitted[making->fitted_count];
        if (!certificate_bears(entry->certificate, instrument->serial)) {
            continue;
        }
        int error = calibrations_fit(entry->certificate, entry->name, instrument,
                                     &fitted->certificate, making->faults);
        if (error == ERROR_MEMORY) {
            return error;
        }
        if (error == OK) {
            fitted->entry = entry;
            making->fitted_count++;
        }
    }
    return OK;
}

static const struct certificate_quantity *speaks_of(const struct certificate *certificate,
                                                    const char *name)
{
    for (size_t i = 0; i < certificate->quantity_count; i++) {
        if (strcmp(certificate->quantities[i].name, name) == 0) {
            return &certificate->quantities[i];
        }
    }
    return NULL;
}

// Whether it was performed later than the other, or came later in the shelf; of one day
// one that has ended gives way.
static bool is_later(const struct fitted *one, const struct fitted *other)
{
    int64_t day = one->certificate->performed, of_other = other->certificate->performed;
    return day != of_other ? day > of_other : !one->entry->ended || other->entry->ended;
}

// Of several the one performed last; the shelf is in order of hashes, so that it is always the same
// one.
static const struct fitted *choose(const struct making *making, const char *name)
{
    const struct fitted *chosen = NULL;
    for (size_t i = 0; i < making->fitted_count; i++) {
        const struct fitted *fitted = &making->fitted[i];
        if (speaks_of(fitted->certificate, name) && (!chosen || is_later(fitted, chosen))) {
            chosen = fitted;
        }
    }
    return chosen;
}

// --- one point

static void note_used(struct calibrations *calibrations, const struct shelf_entry *entry)
{
    for (size_t i = 0; i < calibrations->used_count; i++) {
        if (calibrations->used[i].entry == entry) {
            return;
        }
    }
    calibrations->used[calibrations->used_count++].entry = entry;
}

// The points in memory of the arena, those of one instrument side by side. NULL: there is none.
static struct certificate_point *keep(void **arena, const struct certificate_quantity *quantity)
{
    size_t bytes = quantity->point_count * sizeof *quantity->points;
    struct certificate_point *points = arena_take(arena, bytes);
    if (points && bytes) {
        memcpy(points, quantity->points, bytes);
    }
    return points;
}

// A change in a time as the half-width of a rectangular distribution: its standard uncertainty for
// each µs.
static double per_us(struct decimal change, int64_t in_us)
{
    return change.magnitude ? decimal_to_double(change) / (double)in_us / sqrt(3) : 0;
}

// What is declared, in memory of the arena. NULL: there is none.
static struct correction_declared *declare(void **arena, const struct config_uncertainty *from,
                                           const struct certificate *certificate)
{
    struct correction_declared *declared = arena_take(arena, sizeof *declared);
    double square = 0;
    if (!declared) {
        return NULL;
    }
    for (size_t i = 0; i < from->influence_count; i++) {
        double value = decimal_to_double(from->influences[i].value);
        square += from->influences[i].is_standard ? value * value : value * value / 3;
    }
    *declared =
        (struct correction_declared){.influence = sqrt(square),
                                     .drift_per_us = per_us(from->drift, from->drift_per_us),
                                     .since_us = certificate->performed * DAY_US,
                                     .slope_per_us = per_us(from->slope, from->slope_per_us),
                                     .refresh_us = from->refresh_us};
    return declared;
}

static int calibrate(struct making *making, const struct config_instrument *instrument, size_t slot,
                     struct calibration *calibration)
{
    const struct driver_quantity *quantity = instrument->quantities[slot];
    const struct config_uncertainty *uncertainty =
        instrument->uncertainty ? instrument->uncertainty[slot] : NULL;
    struct correction_parts parts = {.resolution = resolution_part(quantity)};
    const struct fitted *chosen = choose(making, quantity->name);
    calibration->overdue_us = INT64_MAX;
    if (chosen && chosen->entry->ended) {
        calibration->ended = chosen->entry;
        chosen = NULL;
    }
    if (!chosen) {
        calibration->correction = correction_make(NULL, driver_counts_up(quantity), &parts);
        return OK;
    }
    void **arena = &making->calibrations->arena;
    const struct certificate *certificate = chosen->entry->certificate;
    const struct certificate_quantity *speaks = speaks_of(chosen->certificate, quantity->name);
    if (uncertainty) {
        calibration->declared = uncertainty;
        parts.declared = declare(arena, uncertainty, certificate);
    }
    note_used(making->calibrations, chosen->entry);
    calibration->entry = chosen->entry;
    calibration->overdue_us = shelf_overdue_us(certificate);
    calibration->correction = correction_make(speaks, driver_counts_up(quantity), &parts);
    calibration->correction.points = keep(arena, speaks);
    return calibration->correction.points && (parts.declared || !uncertainty) ? OK : ERROR_MEMORY;
}

// --- all

static int calibrate_instrument(struct making *making, const struct config_instrument *instrument,
                                struct calibration *of)
{
    int error = instrument->serial[0] ? fit(making, instrument) : OK;
    for (size_t slot = 0; error == OK && slot < instrument->quantity_count; slot++) {
        error = calibrate(making, instrument, slot, &of[slot]);
    }
    forget_fitted(making);
    return error;
}

static int fill(struct making *making, const struct config *config)
{
    struct calibrations *calibrations = making->calibrations;
    void **arena = &calibrations->arena;
    calibrations->of = arena_take(arena, config->instrument_count * sizeof(void *));
    calibrations->used = arena_take(arena, making->shelf->count * sizeof *calibrations->used);
    making->fitted = calloc(making->shelf->count + 1, sizeof *making->fitted);
    int error = calibrations->of && calibrations->used && making->fitted ? OK : ERROR_MEMORY;
    for (size_t i = 0; error == OK && i < config->instrument_count; i++) {
        const struct config_instrument *instrument = &config->instruments[i];
        struct calibration *of = arena_take(arena, instrument->quantity_count * sizeof *of);
        calibrations->of[i] = of;
        error = of ? calibrate_instrument(making, instrument, of) : ERROR_MEMORY;
    }
    free(making->fitted);
    return error;
}

int calibrations_make(struct calibrations **out, const struct config *config,
                      const struct shelf *shelf, struct faults *faults, struct why *why)
{
    struct making making = {
        .calibrations = calloc(1, sizeof *making.calibrations), .shelf = shelf, .faults = faults};
    *out = NULL;
    if (!making.calibrations || fill(&making, config)) {
        calibrations_free(making.calibrations);
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    *out = making.calibrations;
    return OK;
}

void calibrations_free(struct calibrations *calibrations)
{
    if (calibrations) {
        arena_free(&calibrations->arena);
        free(calibrations);
    }
}
