// corrections: reads lines `resolution kind count … indication` and prints the corrected value and
// U of each, or `outside`; for a test that computes them in another way (test_correction.py).
//
//   points Q N (indication error U k)×N X     a calibration of N points, resolution part Q, at X
//   mpe Q ABSOLUTE RELATIVE X                 a verification
#include "measure/correction.h"

#include <stdio.h>
#include <string.h>

static void print(const struct certificate_quantity *quantity, double resolution, double indication)
{
    const struct correction_parts parts = {.resolution = resolution};
    struct correction correction = correction_make(quantity, false, &parts);
    double value, expanded_uncertainty;
    switch (correction_apply(&correction, indication, &value, &expanded_uncertainty)) {
    case CORRECTED: printf("%.17g %.17g\n", value, expanded_uncertainty); break;
    case CORRECTED_OUTSIDE: puts("outside"); break;
    case CORRECTED_NOT: puts("not"); break;
    }
}

int main(void)
{
    static struct certificate_point points[CERTIFICATE_POINTS_MAX];
    char kind[16];
    double resolution, indication;
    while (scanf("%15s %lf", kind, &resolution) == 2) {
        struct certificate_quantity quantity = {.points = points};
        bool good;
        if (strcmp(kind, "points") == 0) {
            good = scanf("%zu", &quantity.point_count) == 1 &&
                   quantity.point_count <= CERTIFICATE_POINTS_MAX;
            for (size_t i = 0; good && i < quantity.point_count; i++) {
                struct certificate_point *p = &points[i];
                good = scanf("%lf %lf %lf %lf", &p->indication, &p->error, &p->expanded_uncertainty,
                             &p->coverage_factor) == 4;
            }
        } else {
            good = scanf("%lf %lf", &quantity.mpe_absolute, &quantity.mpe_relative) == 2;
        }
        if (!good || scanf("%lf", &indication) != 1) {
            fputs("corrections: a line of another form\n", stderr);
            return 2;
        }
        print(&quantity, resolution, indication);
    }
    return 0;
}
