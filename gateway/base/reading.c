#include "base/reading.h"

#include <stdio.h>

void miss_format(enum miss miss, int detail, char out[32])
{
    static const char *const words[] = {
        [MISS_TIMEOUT] = "timeout",         [MISS_DAMAGED] = "damaged",
        [MISS_EXCEPTION] = "exception",     [MISS_DISCONNECTED] = "disconnected",
        [MISS_QUARANTINED] = "quarantined", [MISS_OVERRUN] = "overrun",
        [MISS_STOPPED] = "stopped"};
    if (miss == MISS_EXCEPTION) {
        snprintf(out, 32, "exception-%d", detail);
    } else {
        snprintf(out, 32, "%s", words[miss]);
    }
}
