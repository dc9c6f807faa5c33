#include "record/definitions.h"

#include "base/version.h"

#include <stdlib.h>
#include <string.h>

#define DEFINITIONS_BYTES_MAX (16u << 20)
#define POINT_BYTES_MAX       8192

// One point: what it is in JSON, without its number.
struct point {
    uint32_t number;
    char *json;
};

struct maker {
    const struct config *config;
    struct calibrations *calibrations;
    struct ledger *ledger;
    struct definitions *definitions;
    struct point *points;
    size_t point_count;
    struct digest *files; // drivers, certificates, configuration, the definitions themselves
    size_t file_count;
};

static void append_key_string(struct text *out, const char *key, const char *string)
{
    text_append_format(out, ",\"%s\":", key);
    text_append_json(out, string ? string : "");
}

static void append_key_decimal(struct text *out, const char *key, struct decimal decimal)
{
    text_append_format(out, ",\"%s\":\"", key);
    value_append_plain(out, &(struct value){.kind = VALUE_DECIMAL, .decimal = decimal});
    text_append_string(out, "\"");
}

static void append_key_hash(struct text *out, const char *key, const struct digest *hash)
{
    text_append_format(out, ",\"%s\":\"", key);
    text_append_hex(out, hash->bytes, DIGEST_SIZE);
    text_append_string(out, "\"");
}

// The product of the transformer ratios that the quantity is multiplied with.
static int ratio_of(const struct config_instrument *instrument,
                    const struct driver_quantity *quantity, struct decimal *ratio)
{
    static const struct decimal one = {1, false, 0};
    return decimal_multiply(quantity->ratio_pt ? instrument->ratio_pt : one,
                            quantity->ratio_ct ? instrument->ratio_ct : one, ratio);
}

// `,"slope":{"half_width":"0.5","per_us":60000000`; the caller closes it.
static void append_rate(struct text *out, const char *key, struct decimal change, int64_t per_us)
{
    text_append_format(out, ",\"%s\":{\"half_width\":\"", key);
    value_append_plain(out, &(struct value){.kind = VALUE_DECIMAL, .decimal = change});
    text_append_format(out, "\",\"per_us\":%lld", (long long)per_us);
}

static void append_influences(struct text *out, const struct config_uncertainty *declared)
{
    for (size_t i = 0; i < declared->influence_count; i++) {
        const struct config_influence *influence = &declared->influences[i];
        text_append_string(out, i ? ",{\"name\":" : ",\"influences\":[{\"name\":");
        text_append_json(out, influence->name);
        append_key_decimal(out, influence->is_standard ? "standard_uncertainty" : "half_width",
                           influence->value);
        append_key_string(out, "source", influence->source);
        text_append_string(out, "}");
    }
    text_append_string(out, declared->influence_count ? "]" : "");
}

// What is declared beside the certificate; since when it drifts is the certificate's.
static void append_declared(struct text *out, const struct config_uncertainty *declared,
                            const struct certificate *certificate)
{
    char day[CERTIFICATE_DATE_SIZE];
    if (declared->drift.magnitude) {
        append_rate(out, "drift", declared->drift, declared->drift_per_us);
        certificate_format_date(certificate->performed, day);
        append_key_string(out, "since", day);
        text_append_string(out, "}");
    }
    append_influences(out, declared);
    if (declared->slope.magnitude) {
        append_rate(out, "slope", declared->slope, declared->slope_per_us);
        text_append_string(out, "}");
    }
    if (declared->refresh_us) {
        text_append_format(out, ",\"refresh_us\":%lld", (long long)declared->refresh_us);
    }
}

// The certificate, how it is applied, and the coverage factor of the U that comes of it.
static void append_calibration(struct text *out, const struct calibration *calibration)
{
    const struct correction *correction = &calibration->correction;
    if (calibration->entry) {
        append_key_hash(out, "certificate", &calibration->entry->certificate->hash);
    } else {
        text_append_string(out, ",\"certificate\":null");
    }
    append_key_string(out, "correction", correction_mode_name(correction->mode));
    if (calibration->entry) {
        text_append_string(out, ",\"k\":\"");
        value_append_double(out, correction->k);
        text_append_string(out, "\"");
    }
    if (calibration->entry && calibration->overdue_us != INT64_MAX) {
        char day[CERTIFICATE_DATE_SIZE];
        certificate_format_date(shelf_last_day(calibration->entry->certificate), day);
        append_key_string(out, "due", day);
    }
    if (calibration->entry && calibration->declared) {
        append_declared(out, calibration->declared, calibration->entry->certificate);
    }
}

static int append_point(struct text *out, const struct config *config,
                        const struct config_instrument *instrument,
                        const struct driver_quantity *quantity,
                        const struct calibration *calibration)
{
    const struct driver *driver = instrument->driver;
    bool read = driver->has_serial && instrument->serial[0];
    struct decimal ratio;
    if (ratio_of(instrument, quantity, &ratio) != OK) {
        return ERROR_RANGE;
    }
    text_append_string(out, "{\"instrument\":");
    text_append_json(out, instrument->name);
    append_key_string(out, "maker", driver->maker);
    append_key_string(out, "model", driver->model);
    append_key_string(out, "serial", instrument->serial);
    append_key_string(out, "identity", read ? "read" : "declared");
    append_key_string(out, "bus", config->buses[instrument->bus].name);
    text_append_format(out, ",\"unit_address\":%d", instrument->unit);
    append_key_hash(out, "driver", &driver->hash);
    append_key_string(out, "quantity", quantity->name);
    append_key_string(out, "unit", quantity->unit);
    text_append_format(out, ",\"fc\":%d,\"address\":%d,\"count\":%d", quantity->function,
                       quantity->address, quantity->count);
    append_key_string(out, "type", register_type_name(quantity->type));
    append_key_string(out, "order", register_order_name(quantity->order, quantity->count));
    append_key_decimal(out, "scale", quantity->scale);
    append_key_decimal(out, "ratio", ratio);
    if (quantity->has_resolution) {
        append_key_decimal(out, "resolution", quantity->resolution);
    } else {
        text_append_string(out, ",\"resolution\":null");
    }
    text_append_format(out, ",\"every_us\":%lld", (long long)instrument->every_us);
    append_calibration(out, calibration);
    text_append_string(out, "}");
    return OK;
}

static int add_point(struct maker *maker, size_t instrument, size_t slot, struct why *why)
{
    const struct config_instrument *i = &maker->config->instruments[instrument];
    const struct driver_quantity *quantity = i->quantities[slot];
    struct text json = text_make(POINT_BYTES_MAX), name = text_make(256);
    struct point *point = &maker->points[maker->point_count];
    bool fresh;
    int error =
        append_point(&json, maker->config, i, quantity, &maker->calibrations->of[instrument][slot]);
    text_append_format(&name, "%s.%s", i->name, quantity->name);
    if (error) {
        why_set(why, error, "%s.%s: the product of its transformer ratios has too many digits",
                i->name, quantity->name);
    } else if (json.failed || name.failed) {
        error = why_set(why, ERROR_MEMORY, "out of memory");
    } else {
        error =
            ledger_point_number(maker->ledger, name.data, json.data, &point->number, &fresh, why);
    }
    if (error) {
        text_free(&json);
    } else {
        point->json = json.data; // freed with the maker
        maker->point_count++;
        maker->definitions->numbers[instrument][slot] = point->number;
    }
    text_free(&name);
    return error;
}

static int add_points(struct maker *maker, struct why *why)
{
    struct definitions *definitions = maker->definitions;
    const struct config *config = maker->config;
    size_t total = 0;
    for (size_t i = 0; i < config->instrument_count; i++) {
        total += config->instruments[i].quantity_count;
    }
    maker->points = calloc(total ? total : 1, sizeof *maker->points);
    definitions->numbers = calloc(config->instrument_count + 1, sizeof *definitions->numbers);
    if (!maker->points || !definitions->numbers) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    definitions->instrument_count = config->instrument_count;
    for (size_t i = 0; i < config->instrument_count; i++) {
        size_t count = config->instruments[i].quantity_count;
        definitions->numbers[i] = calloc(count ? count : 1, sizeof **definitions->numbers);
        if (!definitions->numbers[i]) {
            return why_set(why, ERROR_MEMORY, "out of memory");
        }
        for (size_t slot = 0; slot < count; slot++) {
            int error = add_point(maker, i, slot, why);
            if (error) {
                return error;
            }
        }
    }
    return OK;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct point *)a)->number, y = ((const struct point *)b)->number;
    return (x > y) - (x < y);
}

static int write_json(struct maker *maker, struct why *why)
{
    struct text *out = &maker->definitions->json;
    struct digest software = version_program_hash();
    *out = text_make(DEFINITIONS_BYTES_MAX);
    text_append_string(out, "{\"tally-definitions\":1");
    append_key_hash(out, "software", &software);
    append_key_hash(out, "config", &maker->config->hash);
    append_key_string(out, "time_zone", maker->config->site.time_zone);
    text_append_string(out, ",\"points\":{");
    qsort(maker->points, maker->point_count, sizeof *maker->points, by_number);
    for (size_t i = 0; i < maker->point_count; i++) {
        text_append_format(out, "%s\"%u\":", i ? "," : "", maker->points[i].number);
        text_append_string(out, maker->points[i].json);
    }
    text_append_string(out, "}}\n");
    return out->failed ? why_set(why, ERROR_RANGE, "definitions beyond %u bytes, or no memory",
                                 DEFINITIONS_BYTES_MAX)
                       : OK;
}

static int put_file(struct maker *maker, const char *kind, const void *bytes, size_t length,
                    struct why *why)
{
    int error =
        ledger_put_file(maker->ledger, kind, bytes, length, &maker->files[maker->file_count], why);
    maker->file_count += error == OK;
    return error;
}

static int put_all(struct maker *maker, uint64_t from_n, struct why *why)
{
    const struct config *config = maker->config;
    struct definitions *definitions = maker->definitions;
    int error = OK;
    struct calibrations *calibrations = maker->calibrations;
    maker->files =
        calloc(config->driver_count + calibrations->used_count + 2, sizeof *maker->files);
    if (!maker->files) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; error == OK && i < config->driver_count; i++) {
        const struct driver *driver = config->drivers[i];
        error = put_file(maker, "driver", driver->bytes, driver->length, why);
    }
    for (size_t i = 0; error == OK && i < calibrations->used_count; i++) {
        struct calibrations_used *used = &calibrations->used[i];
        const struct text *bytes = &used->entry->bytes;
        used->fresh = !ledger_has_file(maker->ledger, &used->entry->certificate->hash);
        error = put_file(maker, "certificate", bytes->data, bytes->length, why);
    }
    // It names key files by path; there is no secret in it.
    error = error ? error
                  : put_file(maker, "configuration", config->document.bytes,
                             config->document.length, why);
    error = error ? error : add_points(maker, why);
    error = error ? error : write_json(maker, why);
    error = error ? error
                  : put_file(maker, "definitions", definitions->json.data, definitions->json.length,
                             why);
    if (error) {
        return error;
    }
    definitions->hash = maker->files[maker->file_count - 1];
    return ledger_put_definitions(maker->ledger, from_n, &definitions->hash, maker->files,
                                  maker->file_count, why);
}

int definitions_make(struct definitions **out, const struct config *config,
                     struct calibrations *calibrations, struct ledger *ledger, uint64_t from_n,
                     struct why *why)
{
    *out = NULL;
    struct maker maker = {.config = config, .calibrations = calibrations, .ledger = ledger};
    maker.definitions = calloc(1, sizeof *maker.definitions);
    if (!maker.definitions) {
        return why_set(why, ERROR_MEMORY, "out of memory");
    }
    int error = ledger_batch_begin(ledger, why);
    if (error == OK) {
        error = put_all(&maker, from_n, why);
        error = ledger_batch_end(ledger, error, why);
    }
    for (size_t i = 0; i < maker.point_count; i++) {
        free(maker.points[i].json);
    }
    free(maker.points);
    free(maker.files);
    if (error) {
        definitions_free(maker.definitions);
        return error;
    }
    *out = maker.definitions;
    return OK;
}

void definitions_free(struct definitions *definitions)
{
    if (definitions) {
        for (size_t i = 0; i < definitions->instrument_count; i++) {
            free(definitions->numbers[i]);
        }
        free(definitions->numbers);
        text_free(&definitions->json);
        free(definitions);
    }
}
