// What a report of energy says, in each of its forms, of corrected energy and its uncertainty
// (corrected.h); nothing where no certificate speaks of an account.
#ifndef TALLY_TOOLS_ENERGY_CORRECTED_H
#define TALLY_TOOLS_ENERGY_CORRECTED_H

#include "common/show.h"
#include "report/account.h"

// That of an interval that has a figure; NULL.
const struct corrected_figure *energy_corrected_of(const struct account *account, size_t interval);

// Three cells: corrected, U, and what is not corrected.
#define ENERGY_CORRECTED_CELLS 3
extern const char *const energy_corrected_headings[ENERGY_CORRECTED_CELLS];
void energy_corrected_cell(struct text *out, size_t cell, const struct corrected_figure *figure);
// "97.10 kWh, U = 0.21 kWh (k = 2), of 97 kWh; 3 kWh in 2.5 h at loads outside the calibrated
// range, as indicated; 1 kWh without a certificate, as indicated". `hourly` gives demand in place
// of the energy of a quarter of an hour.
void energy_corrected_append(struct text *out, const struct account *account,
                             const struct corrected_figure *figure, const struct exact *energy,
                             bool hourly);
// What U leaves out, as a sentence.
void energy_corrected_append_note(struct text *out, const struct account *account);
// The fields behind those that each row has. NULL: empty ones.
#define ENERGY_CORRECTED_FIELDS "corrected,uncertainty,k,outside_range,uncertified"
void energy_corrected_append_csv(struct text *out, const struct corrected_figure *figure);
// ,"corrected":{…}; nothing for NULL.
void energy_corrected_append_json(struct text *out, const struct corrected_figure *figure);

#endif
