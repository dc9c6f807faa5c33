// The centre's configuration, centre.yaml, read and checked whole: every fault is reported with its
// place, and nothing is taken from a file that has one.
//
// Opens nothing. Immutable after loading.
#ifndef TALLY_CENTRE_SETTINGS_H
#define TALLY_CENTRE_SETTINGS_H

#include "config/document.h"

#include <stddef.h>
#include <stdint.h>

struct settings_limits {
    int64_t log_memory;   // bytes of unverified blocks and unfinished files of one log
    int64_t all_memory;   // of all logs
    int64_t rate;         // bytes a second taken from one gateway
    int64_t log_size;     // bytes on the disk of one log
    int64_t waiting_size; // the same, of a log that nobody has accepted
    int64_t waiting_logs; // of one gateway, not accepted
    int64_t gateways;
    int64_t open_ledgers;
};

struct settings {
    const char *name;     // under which receipts are signed
    const char *data;     // folder
    const char *key;      // <data>/centre.key by default
    const char *database; // <data>/centre.db
    const char *logs;     // <data>/logs
    const char *host;
    int port;
    const char *ca, *certificate, *client_key;
    struct settings_limits limits;
    struct config *carrier; // owns the document and the strings
};

// 0 and *out (settings_free it), or ERROR_INPUT with every fault in `faults` and *out NULL.
int settings_load(struct settings **out, const char *path, struct faults *faults);
void settings_free(struct settings *settings);

#endif
