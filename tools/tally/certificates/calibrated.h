// A gateway's configuration with the certificates of its data folder, as the daemon would take them
// now.
#ifndef TALLY_TOOLS_CALIBRATED_H
#define TALLY_TOOLS_CALIBRATED_H

#include "tally.h"

#include "record/calibrations.h"

struct calibrated {
    struct shelf shelf;
    struct calibrations *calibrations;
};

// After place_find with a configuration. What is no certificate, or fits no driver, is said on
// standard error and left out. Returns an exit status.
int calibrated_open(struct calibrated *calibrated, const struct command *command,
                    const struct place *place);
void calibrated_close(struct calibrated *calibrated);

#endif
