// Fuzzes the reader of driver files, and decoding with whatever it let through: no file may crash
// either, and a file that was read must decode any registers within bounds.
#include "record/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void remove_folder(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/x.yaml", folder);
    unlink(path);
    rmdir(folder);
}

// driver_load reads a file: one in memory, where there is such a place.
static const char *file_path(void)
{
    static char path[128];
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "%s/tally-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        if (!mkdtemp(folder)) {
            abort();
        }
        atexit(remove_folder);
        snprintf(path, sizeof path, "%s/x.yaml", folder);
    }
    return path;
}

// Registers and ratios from the input's own bytes.
static void decode_all(const struct driver *driver, const uint8_t *data, size_t size)
{
    static const struct decode_ratios ratios = {{100, false, 0}, {375, false, -1}};
    for (size_t i = 0; i < driver->quantity_count; i++) {
        const struct driver_quantity *q = &driver->quantities[i];
        unsigned first = q->address, end = first + q->count;
        if (q->has_scale_register) {
            first = q->scale_register < first ? q->scale_register : first;
            end = q->scale_register + 1u > end ? q->scale_register + 1u : end;
        }
        uint8_t wire[250], raw[READING_RAW_MAX], back[2 * VALUE_STRING_MAX];
        for (size_t k = 0; k < sizeof wire; k++) {
            wire[k] = data[(i * 31 + k) % size];
        }
        struct value value;
        uint16_t raw_length;
        decode_quantity(q, &ratios, wire, (uint16_t)first, (uint16_t)(end - first), &value, raw,
                        &raw_length);
        struct text text = text_make(1000);
        value_append_json(&text, &value);
        text_free(&text);
        decode_encode(q, &ratios, 0, value_to_double(&value), back);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *file = fopen(file_path(), "w");
    if (!file) {
        abort();
    }
    fwrite(data, 1, size, file);
    fclose(file);
    struct faults faults = {0};
    struct driver *driver;
    if (driver_load(&driver, folder, "x", &faults) == 0) {
        decode_all(driver, data, size);
        driver_free(driver);
    } else if (faults.count == 0) {
        abort(); // refused without a word
    }
    faults_free(&faults);
    return 0;
}
