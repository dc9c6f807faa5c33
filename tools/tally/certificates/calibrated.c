#include "certificates/calibrated.h"

#include <limits.h>

int calibrated_open(struct calibrated *calibrated, const struct command *command,
                    const struct place *place)
{
    char folder[PATH_MAX];
    struct faults faults = {0};
    struct why why = {""};
    *calibrated = (struct calibrated){.calibrations = NULL};
    snprintf(folder, sizeof folder, "%s/%s", place->ledger, SHELF_FOLDER);
    int error = shelf_load(&calibrated->shelf, folder, &faults, &why);
    error = error ? error
                  : calibrations_make(&calibrated->calibrations, place->config, &calibrated->shelf,
                                      &faults, &why);
    for (size_t i = 0; i < faults.count; i++) {
        fprintf(stderr, "%s\n", faults.lines[i]);
    }
    faults_free(&faults);
    if (error) {
        fprintf(stderr, "%s: %s: %s\n", command->name, folder, why.text);
        return EXIT_FINDING;
    }
    return EXIT_GOOD;
}

void calibrated_close(struct calibrated *calibrated)
{
    calibrations_free(calibrated->calibrations);
    shelf_free(&calibrated->shelf);
}
