// A job in words: what its report and its list have in common. Writes to struct text.
#ifndef TALLY_TOOLS_JOB_WORDS_H
#define TALLY_TOOLS_JOB_WORDS_H

#include "jobs/job_collect.h"
#include "jobs/job_proof.h"

// Whether no reading of it can come any more, and good receipts of all required centres cover it;
// of one centre, where none is required.
bool job_is_final(const struct job_report *report, const struct job_proof *proof);
// "final: city-centre held all of it by 2026-…", "preliminary: it runs"; then what is missing.
void job_append_standing(struct text *out, const struct job_report *report,
                         const struct job_proof *proof);
// "good", "unknown", "false".
const char *job_signature_word(enum job_signature signature);
// "oven, chamber-2"
void job_append_instruments(struct text *out, const struct job *job);
// Its local time, or "—" when it still runs.
void job_append_stop(struct text *out, const struct job *job);
// A certificate's last day, "": none.
void job_certificate_last_day(const struct job_certificate *certificate,
                              char out[CERTIFICATE_DATE_SIZE]);

#endif
