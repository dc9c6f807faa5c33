// Whether each XML file in a ZIP is whole: ends with its root's end tag. libxlsxwriter does not
// look whether its temporary files could be written, so what it made on a full disk is looked at
// before it is handed out.
#ifndef TALLY_TOOLS_ZIP_WHOLE_H
#define TALLY_TOOLS_ZIP_WHOLE_H

#include "base/error.h"

#include <stdio.h>

// 0; ERROR_DAMAGED with which file is not whole, or that it is no ZIP; ERROR_SYSTEM, ERROR_MEMORY.
int zip_whole(FILE *zip, struct why *why);

#endif
