// corrections: reads lines `resolution kind count … indication` and prints the corrected value and
// U of each, or `outside`; for a test that computes them in another way (test_correction.py).
//
//   points Q N (indication error U k)×N X     a calibration of N points, resolution part Q, at X
//   mpe Q ABSOLUTE RELATIVE X                 a verification
//   declared INFLUENCE DRIFT SINCE SLOPE REFRESH T WINDOW    of all lines behind it: standard
//                                             uncertainties (of drift and slope for each µs), µs
//   loads Q N (load error U k)×N M (energy hours joined)×M
//                                             what a register counted, by a calibration at loads …
//   mpe-loads Q ABSOLUTE RELATIVE M (energy hours joined)×M     … and by a verification: the
//                                             corrected sum, U, and how much is not corrected
#include "measure/correction.h"
#include "measure/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct correction_declared declared;
static struct correction_time at;

static void print(const struct certificate_quantity *quantity, double resolution, double indication)
{
    const struct correction_parts parts = {resolution, at.t_us ? &declared : NULL};
    struct correction correction = correction_make(quantity, false, &parts);
    double value, expanded_uncertainty;
    switch (correction_apply(&correction, indication, at, &value, &expanded_uncertainty)) {
    case CORRECTED: printf("%.17g %.17g\n", value, expanded_uncertainty); break;
    case CORRECTED_OUTSIDE: puts("outside"); break;
    case CORRECTED_NOT: puts("not"); break;
    }
}

// Reads what passed, M times, and prints what it comes to.
static bool print_loads(const struct certificate_quantity *quantity, double resolution)
{
    struct load_curve curve = load_curve_make(quantity, resolution);
    struct load_sum sum = {.count = 0};
    double energy, hours, rest = 0;
    int joined;
    size_t count;
    bool good = scanf("%zu", &count) == 1;
    for (size_t i = 0; good && i < count; i++) {
        good = scanf("%lf %lf %d", &energy, &hours, &joined) == 3;
        struct load_share share = load_share_of(&curve, energy, hours);
        load_sum_add(&sum, &curve, &share, joined);
        rest += share.state == LOAD_CORRECTED ? 0 : energy;
    }
    load_sum_end(&sum);
    printf("%.17g %.17g %.17g\n", sum.corrected, sum.k * load_sum_uncertainty(&sum), rest);
    return good;
}

int main(void)
{
    static struct certificate_point points[CERTIFICATE_POINTS_MAX];
    char kind[16];
    double resolution, indication;
    while (scanf("%15s %lf", kind, &resolution) == 2) {
        if (strcmp(kind, "declared") == 0) {
            declared.influence = resolution;
            if (scanf("%lf %" SCNd64 " %lf %" SCNd64 " %" SCNd64 " %" SCNd64,
                      &declared.drift_per_us, &declared.since_us, &declared.slope_per_us,
                      &declared.refresh_us, &at.t_us, &at.half_window_us) == 6) {
                continue;
            }
        }
        bool by_load = strcmp(kind, "loads") == 0;
        struct certificate_quantity quantity = {.points = points, .by_load = by_load};
        bool good;
        if (strcmp(kind, "points") == 0 || by_load) {
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
        if (good && strstr(kind, "loads")) {
            if (!print_loads(&quantity, resolution)) {
                return 2;
            }
            continue;
        }
        if (!good || scanf("%lf", &indication) != 1) {
            fputs("corrections: a line of another form\n", stderr);
            return 2;
        }
        print(&quantity, resolution, indication);
    }
    return 0;
}
