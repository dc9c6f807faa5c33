#include "ledger/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = write(fd, bytes, length);
        if (done < 0 && errno != EINTR) {
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERROR_FULL : ERROR_SYSTEM;
        }
        bytes += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return fsync(fd) == 0 ? OK : ERROR_SYSTEM;
}

int ledger_save_unstored(struct ledger *ledger, const struct ledger_block *block, struct why *why)
{
    char path[PATH_MAX + 16];
    struct text bytes = text_make(BLOCK_BYTES_MAX);
    snprintf(path, sizeof path, "%s/" LEDGER_UNSAVED, ledger->directory);
    int fd = -1;
    int error = block_unpack(block->packed, block->packed_length, block->length, &bytes, why);
    if (error == OK) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        error = fd < 0 ? ERROR_SYSTEM : write_all(fd, bytes.data, bytes.length);
        if (error) {
            why_set(why, error, "cannot write %s: %s", path, strerror(errno));
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    text_free(&bytes);
    return error;
}
