// Fuzzes the reader of units, and conversions by whatever it let through: a unit that is taken has
// a usable factor, is of its own kind, and takes a number there and back.
#include "measure/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

// The text is two units with a zero byte between them.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = calloc(1, length + 2);
    struct unit a, b;
    struct why why = {""};
    expect(text);
    memcpy(text, bytes, length);
    if (unit_parse(text, &a, &why)) {
        expect(why.text[0]);
    } else {
        expect(unit_same_kind(&a, &a) && isfinite(a.factor / a.divisor) && a.factor > 0);
        expect(unit_convert(&a, &a, 1.25) == 1.25);
        struct unit load = unit_per_hour(&a);
        expect(load.exponents[UNIT_TIME] == a.exponents[UNIT_TIME] - 1);
        if (unit_parse(text + strlen(text) + 1, &b, &why) == OK && unit_same_kind(&a, &b)) {
            double there = unit_convert_difference(&a, &b, 1.25);
            double back = unit_convert_difference(&b, &a, there);
            expect(fabs(back - 1.25) <= 1e-12 || !isnormal(there));
        }
    }
    free(text);
    return 0;
}
