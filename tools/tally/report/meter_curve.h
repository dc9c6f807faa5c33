// What the certificate in force for a point, by its definition, says of the register's errors: read
// from the ledger, so that anybody who has that reckons the same. One thread.
#ifndef TALLY_TOOLS_METER_CURVE_H
#define TALLY_TOOLS_METER_CURVE_H

#include "ledger/ledger.h"
#include "measure/load.h"

#include <cjson/cJSON.h>

struct meter_curve {
    struct certificate *certificate; // in the point's unit; NULL: none, or none that can be used
    struct load_curve curve;
    bool transformers; // the register counts at the secondary side of some
};

// `definition` is a point's (docs/FORMAT.md, 2); `name` the point's, for messages. A certificate
// that cannot be read, or does not say which of its results is this point's, is said on standard
// error and counts as none. 0 and *out (meter_curve_free it), or ERROR_MEMORY.
int meter_curve_read(struct meter_curve *out, struct ledger_reader *reader, const char *name,
                     const cJSON *definition);
void meter_curve_free(struct meter_curve *curve);
// Whether both say the same of a register.
bool meter_curve_is_same(const struct meter_curve *one, const struct meter_curve *other);

#endif
