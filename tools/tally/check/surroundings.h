// What a configuration is good for on this machine: the data folder with its ledger, the uplinks'
// certificate files, the program that alarms run. Warnings, not faults: the file may be checked
// elsewhere than where it is used.
#ifndef TALLY_TOOLS_SURROUNDINGS_H
#define TALLY_TOOLS_SURROUNDINGS_H

#include "config/config.h"

// Adds a line for each thing that the daemon would stumble over, in the form of a fault. Changes
// nothing and connects to nothing.
void surroundings_check(const struct config *config, struct faults *warnings);

#endif
