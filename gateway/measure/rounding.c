#include "measure/rounding.h"

#include <math.h>
#include <stdlib.h>

#define DIGITS     2
#define PLACES_MAX 17

static double rounded(double number, int place)
{
    double power = pow(10, abs(place));
    return place >= 0 ? round(number * power) / power : round(number / power) * power;
}

int rounding_place(double expanded_uncertainty)
{
    int place = DIGITS - 1 - (int)floor(log10(expanded_uncertainty));
    // 0.0996 becomes 0.100, one digit too many.
    if (rounded(expanded_uncertainty, place) >= pow(10, DIGITS - place) * (1 - 1e-12)) {
        place--;
    }
    return place > PLACES_MAX ? PLACES_MAX : place;
}

void rounding_append(struct text *text, double number, int place)
{
    double shown = rounded(number, place);
    text_append_format(text, "%.*f", place > 0 ? place : 0, shown == 0 ? 0 : shown);
}
