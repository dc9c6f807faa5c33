#include "daemon/replacement.h"

#include "base/log.h"
#include "bus/plan.h"
#include "measure/counting.h"

#include <string.h>

static void log_faults(const struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        log_error("%s", faults->lines[i]);
    }
    log_error("%zu fault%s in the configuration", faults->count + faults->dropped,
              faults->count + faults->dropped == 1 ? "" : "s");
}

struct config *replacement_load(const char *path, const char *drivers, struct why *why)
{
    struct config *config = NULL;
    struct faults faults = {0};
    if (config_load(&config, path, drivers, &faults) == OK) {
        plan_check(config, &faults, NULL);
        counting_check(config, &faults);
        if (!faults.count) {
            faults_free(&faults);
            return config;
        }
    }
    log_faults(&faults);
    why_set(why, ERROR_INPUT, "%s", faults.count ? faults.lines[0] : "cannot be read");
    config_free(config);
    faults_free(&faults);
    return NULL;
}

// What a running daemon cannot change; says which, or NULL.
static const char *needs_restart(const struct config *old, const struct config *new)
{
    if (strcmp(old->site.code, new->site.code) != 0 ||
        strcmp(old->gateway.name, new->gateway.name) != 0) {
        return "site.code and gateway.name name the log: a new one takes another gateway.data and "
               "a restart";
    }
    if (strcmp(old->gateway.key, new->gateway.key) != 0) {
        return "gateway.key signs the log: restart to begin a new one with another key";
    }
    if (strcmp(old->gateway.data, new->gateway.data) != 0 ||
        strcmp(old->gateway.control, new->gateway.control) != 0) {
        return "gateway.data and gateway.control cannot change while running: restart";
    }
    return NULL;
}

// Why no acquisition may be stopped now, or NULL. Blocks that wait for the disk are those of the
// recorder that is running; it must not be ended before they are stored.
static const char *ledger_hinders(struct ledger *ledger)
{
    struct ledger_status status;
    ledger_status(ledger, &status);
    return status.full                       ? "the disk is full"
           : status.failed || status.damaged ? "the ledger cannot be written now"
                                             : NULL;
}

// The same file and the same drivers.
static bool is_unchanged(const struct config *old, const struct config *new)
{
    if (memcmp(&old->hash, &new->hash, sizeof old->hash) != 0 ||
        old->driver_count != new->driver_count) {
        return false;
    }
    for (size_t i = 0; i < old->driver_count; i++) {
        const struct driver *was = old->drivers[i], *is = new->drivers[i];
        if (memcmp(&was->hash, &is->hash, sizeof was->hash) != 0) {
            return false;
        }
    }
    return true;
}

const char *replacement_hindrance(const struct config *old, const struct config *new,
                                  struct ledger *ledger)
{
    const char *hindrance = needs_restart(old, new);
    hindrance = hindrance ? hindrance : ledger_hinders(ledger);
    return !hindrance && is_unchanged(old, new) ? "" : hindrance;
}
