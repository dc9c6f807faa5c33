#include "measure/load.h"

#include "measure/correction.h"

#include <math.h>

struct load_curve load_curve_make(const struct certificate_quantity *quantity, double resolution)
{
    bool verified = quantity && quantity->point_count == 0;
    bool known = quantity && (verified || quantity->by_load);
    const struct correction_parts none = {.resolution = 0};
    return (struct load_curve){.quantity = known ? quantity : NULL,
                               .resolution = resolution,
                               .k = correction_make(known ? quantity : NULL, true, &none).k};
}

static struct load_share verified_share(const struct certificate_quantity *quantity, double energy,
                                        double load)
{
    return (struct load_share){.state = LOAD_CORRECTED,
                               .load = load,
                               .corrected = energy,
                               .weight = 1,
                               .uncertainty = quantity->mpe_relative * fabs(energy) / sqrt(3),
                               .permissible = true};
}

struct load_share load_share_of(const struct load_curve *curve, double energy, double hours)
{
    const struct certificate_quantity *quantity = curve->quantity;
    struct load_share share = {.state = LOAD_UNKNOWN, .load = hours > 0 ? energy / hours : NAN};
    double error, uncertainty;
    if (!quantity) {
        return share;
    }
    if (quantity->point_count == 0) {
        return verified_share(quantity, energy, share.load);
    }
    share.state = LOAD_OUTSIDE;
    if (!isfinite(share.load) ||
        !correction_interpolate(quantity, share.load, &error, &uncertainty) || !(error > -1)) {
        return share;
    }
    share.state = LOAD_CORRECTED;
    share.weight = 1 / (1 + error);
    share.corrected = energy * share.weight;
    share.uncertainty = fabs(energy) * share.weight * share.weight * uncertainty;
    return share;
}

// Goes on from a reading to one that counts by `weight`.
static void go_on(struct load_sum *sum, double weight)
{
    double step = sum->open - weight;
    sum->variance += step * step;
    sum->open = weight;
}

void load_sum_add(struct load_sum *sum, const struct load_curve *curve,
                  const struct load_share *share, bool joined)
{
    if (!joined) {
        go_on(sum, 0);
    }
    go_on(sum, share->weight * curve->resolution);
    if (share->state != LOAD_CORRECTED) {
        return;
    }
    sum->count++;
    sum->corrected += share->corrected;
    sum->k = fmax(sum->k, curve->k);
    if (share->permissible) {
        sum->permissible += share->uncertainty;
        sum->least = fmax(sum->least, curve->quantity->mpe_absolute / sqrt(3));
    } else {
        sum->calibration += share->uncertainty;
    }
}

void load_sum_end(struct load_sum *sum)
{
    go_on(sum, 0);
    sum->permissible = fmax(sum->permissible, sum->least);
    sum->least = 0;
}

void load_sum_add_end(struct load_sum *sum, double load, double bound_hours, double distance_hours)
{
    double bound = load * bound_hours, distance = load * distance_hours;
    sum->time += bound * bound / 3;
    sum->variance += distance * distance / 3;
}

double load_sum_uncertainty(const struct load_sum *sum)
{
    return sqrt(sum->calibration * sum->calibration + sum->permissible * sum->permissible +
                sum->time + sum->variance);
}
