// Writing that is on the disk when it returns: bytes, and the names of files in a folder.
//
// Stateless; from any thread. May take as long as the disk does.
#ifndef TALLY_BASE_DURABLE_H
#define TALLY_BASE_DURABLE_H

#include <stddef.h>

// All of the bytes at the descriptor's place, and fsync. 0; ERROR_FULL or ERROR_SYSTEM with errno,
// and part of them may be there.
int durable_write(int fd, const void *bytes, size_t length);
// Which names are in a folder; and in the folder that `path` is in. 0 or ERROR_SYSTEM with errno.
int durable_folder(const char *folder);
int durable_name(const char *path);

#endif
