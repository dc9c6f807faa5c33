#include "series/total.h"

#include <math.h>

// high + low += value (Knuth's exact sum of two, then renormalised).
static void add_double(struct total *total, double value)
{
    double sum = total->high + value;
    double part = sum - total->high;
    double error = (total->high - (sum - part)) + (value - part);
    error += total->low;
    total->high = sum + error;
    total->low = error - (total->high - sum);
}

// value × 10^exponent, with the error of the one rounding.
static void add_scaled(struct total *total, double value, int exponent)
{
    double power = number_power(exponent < 0 ? -exponent : exponent);
    if (exponent < 0) {
        double quotient = value / power;
        add_double(total, quotient);
        add_double(total, fma(-quotient, power, value) / power);
    } else {
        double product = value * power;
        add_double(total, product);
        add_double(total, fma(value, power, -product));
    }
}

static void add_inexactly(struct total *total, int64_t mantissa, int exponent)
{
    int64_t low = mantissa & 0xffffffff; // both halves are exact doubles
    add_scaled(total, (double)(mantissa - low), exponent);
    add_scaled(total, (double)low, exponent);
}

static void add_decimal(struct total *total, int64_t mantissa, int exponent)
{
    if (!mantissa) {
        return;
    }
    if (exponent > total->exponent && number_shift_exact(&mantissa, exponent - total->exponent)) {
        exponent = total->exponent;
    }
    if (exponent < total->exponent &&
        number_shift_exact(&total->mantissa, total->exponent - exponent)) {
        total->exponent = exponent;
    }
    if (exponent > total->exponent) { // too coarse for the scale that there is
        add_inexactly(total, mantissa, exponent);
        return;
    }
    int64_t sum;
    if (exponent < total->exponent || __builtin_add_overflow(total->mantissa, mantissa, &sum)) {
        add_inexactly(total, total->mantissa, total->exponent);
        sum = mantissa;
    }
    total->mantissa = sum;
    total->exponent = exponent;
}

void total_add(struct total *total, struct number number)
{
    if (number.kind == NUMBER_DECIMAL) {
        add_decimal(total, number.mantissa, number.exponent);
    } else if (number.kind == NUMBER_DOUBLE) {
        add_double(total, number.real);
    }
}

void total_merge(struct total *into, const struct total *from)
{
    add_decimal(into, from->mantissa, from->exponent);
    if (from->high != 0) {
        add_double(into, from->high);
        add_double(into, from->low);
    }
}

double total_mean(const struct total *total, uint64_t count)
{
    struct total all = {.high = total->high, .low = total->low};
    add_inexactly(&all, total->mantissa, total->exponent);
    double quotient = all.high / (double)count;
    double rest = fma(-quotient, (double)count, all.high) + all.low;
    return quotient + rest / (double)count;
}
