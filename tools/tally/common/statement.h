// What a person states for the record: who they are, and why.
#ifndef TALLY_TOOLS_STATEMENT_H
#define TALLY_TOOLS_STATEMENT_H

#include <stdbool.h>

#define STATEMENT_REASON_MAX 300 // bytes

// The account that runs this program.
const char *statement_account(void);
// 1 to 32 letters, digits, '.', '_' and '-'.
bool statement_is_account(const char *account);
// 1 to STATEMENT_REASON_MAX bytes on one line. `reason` may be NULL.
bool statement_is_reason(const char *reason);

#endif
