// Words that a report of energy has in all its forms.
#ifndef TALLY_TOOLS_ENERGY_WORDS_H
#define TALLY_TOOLS_ENERGY_WORDS_H

#include "report/account.h"
#include "report/covered.h"

// "reset", "exchange".
const char *energy_unknown_word(const struct energy_unknown *unknown);
// What a unit an hour is called: "kW" of "kWh", else "m³/h".
const char *energy_unit_an_hour(const char *unit, char out[40]);
void energy_append_decimal(struct text *out, struct decimal decimal);
// "final: the receipt of … covers it", or why it is preliminary.
void energy_append_standing(struct text *out, const struct covered *covered);
// "city-centre 42; other-centre 40": the receipts that cover it all.
void energy_append_receipts(struct text *out, const struct covered *covered);
// "receipt": the best, or null; and "receipts": all that were looked at.
void energy_append_receipts_json(struct text *out, const struct covered *covered);
// Of an interval with a figure: "±0.4 s", how far the times of its two readings may be wrong; and
// its flags, "ambiguous" the first of them.
void energy_append_bound(struct text *out, int64_t bound_us);
void energy_append_flags(struct text *out, const struct energy_interval *interval,
                         const char *separator);
// "3 of 40 intervals are ambiguous: …" between the two, or nothing when none is.
void energy_append_ambiguous(struct text *out, const struct energy *energy, const char *before,
                             const char *behind);
// "a.energy + b.energy − c.energy".
void energy_append_parts(struct text *out, const struct account *account);
// "electricity, 0.1229 kgce/kWh, GB/T 2589-2020; …".
void energy_append_coefficients(struct text *out, const struct account *account);

#endif
