#include "tally.h"

#include <string.h>
#include <unistd.h>

#define SYSTEM_PATH "/etc/tally/tally.yaml"

bool place_take(struct place *place, int option, const char *argument)
{
    switch (option) {
    case PLACE_CONFIG: place->path = argument; return true;
    case PLACE_DRIVERS: place->drivers = argument; return true;
    case PLACE_LEDGER: place->ledger = argument; return true;
    case PLACE_CONTROL: place->control = argument; return true;
    default: return false;
    }
}

int faults_print(struct faults *faults)
{
    size_t total = faults->count + faults->dropped;
    for (size_t i = 0; i < faults->count; i++) {
        fprintf(stderr, "%s\n", faults->lines[i]);
    }
    if (faults->dropped) {
        fprintf(stderr, "… and %zu more\n", faults->dropped);
    }
    fprintf(stderr, "%zu fault%s\n", total, total == 1 ? "" : "s");
    faults_free(faults);
    return EXIT_FINDING;
}

int place_find(struct place *place)
{
    if (!place->path && (place->ledger || place->control)) {
        if (!place->control) {
            snprintf(place->control_path, sizeof place->control_path, "%s/control", place->ledger);
            place->control = place->control_path;
        }
        return EXIT_GOOD;
    }
    if (!place->path) {
        place->path = access("tally.yaml", F_OK) == 0 ? "tally.yaml" : SYSTEM_PATH;
    }
    struct faults faults = {0};
    if (config_load(&place->config, place->path, place->drivers, &faults) != OK) {
        return faults_print(&faults);
    }
    faults_free(&faults);
    if (!place->ledger) {
        place->ledger = place->config->gateway.data;
    }
    if (!place->control) {
        place->control = place->config->gateway.control;
    }
    return EXIT_GOOD;
}

void place_free(struct place *place)
{
    config_free(place->config);
    place->config = NULL;
}
