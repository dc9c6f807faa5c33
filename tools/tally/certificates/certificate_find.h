// Which certificate of a gateway's folder a person means.
#ifndef TALLY_TOOLS_CERTIFICATE_FIND_H
#define TALLY_TOOLS_CERTIFICATE_FIND_H

#include "measure/shelf.h"

// By its file, wherever that lies; by its number; or by the first digits of the file's SHA-256, six
// at least. NULL with why when there is none, or more than one.
const struct shelf_entry *certificate_find(const struct shelf *shelf, const char *word,
                                           struct why *why);

#endif
