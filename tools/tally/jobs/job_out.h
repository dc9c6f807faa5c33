// A report of sections and tables, for people: as text, or as a page to print (page.h).
#ifndef TALLY_TOOLS_JOB_OUT_H
#define TALLY_TOOLS_JOB_OUT_H

#include "base/digest.h"
#include "base/text.h"
#include "common/show.h"

#include <stdio.h>

struct job_out {
    bool html;
    FILE *to;
    bool failed; // something had no room
};

void job_out_begin(const struct job_out *out, const char *title);
void job_out_end(const struct job_out *out);
void job_out_heading(struct job_out *out, const char *words);
// A paragraph.
void job_out_line(struct job_out *out, const char *words);
// Writes the table, nothing when it has no row, and takes the rows out of it.
void job_out_table(struct job_out *out, struct show_table *table);

// Cells: what `text` holds, which is taken out of it; a local time; a number; a hash.
void job_cell_text(struct show_table *table, struct text *text);
void job_cell_time(struct show_table *table, int64_t t_us);
void job_cell_number(struct show_table *table, uint64_t number);
void job_cell_hash(struct show_table *table, const struct digest *hash);

#endif
