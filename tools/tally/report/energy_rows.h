// A report of energy as it is written: tables for people, CSV (RFC 4180) or JSON for
// programs, a page to print.
#ifndef TALLY_TOOLS_ENERGY_ROWS_H
#define TALLY_TOOLS_ENERGY_ROWS_H

#include "history/interval.h"
#include "history/rows.h"
#include "report/account.h"
#include "report/covered.h"
#include "report/logs.h"

struct energy_head {
    enum rows_form form;
    bool html;                         // instead of `form`
    const char *site_name, *site_code; // NULL: the configuration was not read
    const char *origin;                // of the log
    const char *time_zone;
    enum interval every;
    const struct calendar *calendar;
    const struct covered *covered;
    const struct logs *logs;
    const struct energy_table *table; // NULL: none
    FILE *to;
};

// 0 or ERROR_MEMORY.
int energy_rows_begin(const struct energy_head *head);
int energy_rows_write(const struct energy_head *head, const struct account *account, bool first);
void energy_rows_end(const struct energy_head *head);

#endif
