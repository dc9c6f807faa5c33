// A report of energy as a page to print (page.h), with pictures in SVG.
#ifndef TALLY_TOOLS_ENERGY_HTML_H
#define TALLY_TOOLS_ENERGY_HTML_H

#include "report/energy_rows.h"

void energy_html_begin(const struct energy_head *head, struct text *out);
void energy_html_write(const struct energy_head *head, const struct account *account,
                       struct text *out);

#endif
