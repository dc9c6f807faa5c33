// A picture of what a certificate says of a quantity: the error against the indication, with its
// band of U; for a terminal, and as SVG.
#ifndef TALLY_TOOLS_CURVE_H
#define TALLY_TOOLS_CURVE_H

#include "measure/certificate.h"

#include <stdio.h>

// Both draw nothing for a quantity with fewer than two points. `unit` is how people write it.
void curve_print(FILE *to, const struct certificate_quantity *quantity, const char *unit);
// One drawing, whole: `<svg …>…</svg>`. Texts are escaped.
void curve_svg(FILE *to, const struct certificate_quantity *quantity, const char *title,
               const char *unit);

#endif
