// Whether SQLite's write-ahead log still holds all that was committed to it. Internal to
// gateway/ledger.
//
// SQLite takes a damaged WAL for one that ends before the damage, and says nothing: blocks that
// were acknowledged would be gone, and others would get their numbers. So the WAL is looked at
// before it is opened. (Format: sqlite.org/fileformat2.html §4 and sqlite.org/walformat.html.)
#ifndef TALLY_LEDGER_WAL_CHECK_H
#define TALLY_LEDGER_WAL_CHECK_H

#include "base/error.h"

// 0, also when there is no WAL; ERROR_DAMAGED when committed frames are lost; ERROR_MEMORY. While
// nobody has the database open.
int wal_check(const char *directory, struct why *why);

#endif
