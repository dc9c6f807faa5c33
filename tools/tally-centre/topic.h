// Topics below tally/1/: which log a message is about, and what of it. Pure.
#ifndef TALLY_CENTRE_TOPIC_H
#define TALLY_CENTRE_TOPIC_H

#include "base/digest.h"
#include "ledger/block.h"

#include <stdbool.h>

enum topic_kind {
    TOPIC_BLOCK,
    TOPIC_FILE,
    TOPIC_DEFINITIONS,
    TOPIC_CHECKPOINT,
    TOPIC_HELLO,
    TOPIC_STATUS,
};

#define TOPIC_GATEWAY_MAX 51  // 18 + 1 + 32
#define TOPIC_MAX         160 // tally/1/ + origin + /file/ + 64 digits, and the terminator

struct topic {
    enum topic_kind kind;
    char origin[BLOCK_ORIGIN_MAX + 1];
    char gateway[TOPIC_GATEWAY_MAX + 1]; // <site>/<name>
    struct digest file;                  // TOPIC_FILE
};

// OK; or ERROR_INPUT when it is of another form: then `gateway` is "" or, where those two parts are
// of theirs, names who it came from.
int topic_read(struct topic *topic, const char *text);
// Whether it is <site code>/<name>/<32 hex digits>, as FORMAT §1 has it.
bool topic_is_origin(const char *origin);
// "tally/1/<origin>/<last>".
void topic_write(char out[TOPIC_MAX], const char *origin, const char *last);

#endif
