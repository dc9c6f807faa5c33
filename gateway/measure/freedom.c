#include "measure/freedom.h"

#include <math.h>

#define PROBABILITY  0.954499736103642 // within 2 standard deviations of a normal distribution
#define K_INFINITE   2.0
#define FREEDOM_MANY 1e5 // from here on it is infinite to five digits
#define STEPS        400
#define HALVINGS     60

// The share within ±t: the density, by Simpson's rule.
static double share_within(double t, double freedom)
{
    double norm = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(freedom * acos(-1));
    double sum = 0, step = t / STEPS;
    for (int i = 0; i <= STEPS; i++) {
        double x = i * step;
        double weight = i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2;
        sum += weight * exp(-(freedom + 1) / 2 * log1p(x * x / freedom));
    }
    return 2 * norm * sum * step / 3;
}

double freedom_coverage(double freedom)
{
    double low = K_INFINITE, high = 14; // 13.97 of one degree of freedom
    if (freedom >= FREEDOM_MANY) {
        return K_INFINITE;
    }
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (share_within(middle, freedom) < PROBABILITY) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

double freedom_of(double coverage_factor)
{
    double low = 0, high = log(FREEDOM_MANY);
    if (coverage_factor <= freedom_coverage(exp(high) * 0.99)) {
        return INFINITY;
    }
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (freedom_coverage(exp(middle)) > coverage_factor) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return exp(low);
}
