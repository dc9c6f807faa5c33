// Which software this is: the version, and the SHA-256 of the running program's own file (software
// identification, OIML D 31 §5.1.1).
#ifndef TALLY_BASE_VERSION_H
#define TALLY_BASE_VERSION_H

#include "base/digest.h"

// The version as built: a tag, or the commit. Static.
const char *version_text(void);
// SHA-256 of the file that this process runs (/proc/self/exe); all zero when it cannot be read.
struct digest version_program_hash(void);
// Prints "<program> <version>" and the hash on two lines to standard output.
void version_print(const char *program);

#endif
