#include "series/bins.h"

#include <math.h>

static int64_t start_of(const struct bins *bins, size_t index)
{
    uint64_t span = (uint64_t)bins->to_us - (uint64_t)bins->from_us;
    uint64_t whole = span / bins->count, rest = span % bins->count;
    return bins->from_us +
           (int64_t)(whole * index + (rest * index + bins->count - 1) / bins->count);
}

// Of a time within [from, to).
static size_t index_of(const struct bins *bins, int64_t t_us)
{
    double share = (double)(t_us - bins->from_us) / (double)(bins->to_us - bins->from_us);
    size_t index = (size_t)(share * (double)bins->count);
    index = index >= bins->count ? bins->count - 1 : index;
    while (index > 0 && start_of(bins, index) > t_us) {
        index--;
    }
    while (index + 1 < bins->count && start_of(bins, index + 1) <= t_us) {
        index++;
    }
    return index;
}

void bins_begin(struct bins *bins, struct series_bin *array, size_t count, int64_t from_us,
                int64_t to_us)
{
    *bins = (struct bins){.bins = array, .count = count, .from_us = from_us, .to_us = to_us};
    for (size_t i = 0; i < count; i++) {
        array[i] = (struct series_bin){
            .from_us = start_of(bins, i), .minimum = INFINITY, .maximum = -INFINITY};
    }
}

void bins_add(struct bins *bins, int64_t t_us, double value)
{
    if (t_us < bins->last_from_us || t_us >= bins->last_to_us) {
        if (t_us < bins->from_us || t_us >= bins->to_us) {
            return;
        }
        bins->last = index_of(bins, t_us);
        bins->last_from_us = start_of(bins, bins->last);
        bins->last_to_us = start_of(bins, bins->last + 1);
    }
    struct series_bin *bin = &bins->bins[bins->last];
    if (isnan(value)) {
        bin->none++;
        return;
    }
    bin->count++;
    bin->minimum = value < bin->minimum ? value : bin->minimum;
    bin->maximum = value > bin->maximum ? value : bin->maximum;
}

bool bins_add_whole(struct bins *bins, const struct segment_head *head)
{
    if (head->t_hi_us < bins->from_us || head->t_lo_us >= bins->to_us) {
        return true;
    }
    if (head->t_lo_us < bins->from_us || head->t_hi_us >= bins->to_us) {
        return false;
    }
    size_t index = index_of(bins, head->t_lo_us);
    if (index + 1 < bins->count && start_of(bins, index + 1) <= head->t_hi_us) {
        return false;
    }
    struct series_bin *bin = &bins->bins[index];
    bin->count += head->count;
    bin->none += head->none;
    bin->minimum = fmin(bin->minimum, head->minimum);
    bin->maximum = fmax(bin->maximum, head->maximum);
    return true;
}

void bins_end(struct bins *bins)
{
    for (size_t i = 0; i < bins->count; i++) {
        if (!bins->bins[i].count) {
            bins->bins[i].minimum = bins->bins[i].maximum = NAN;
        }
    }
}
