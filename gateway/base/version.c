#include "base/version.h"

#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *version_text(void)
{
    return TALLY_VERSION;
}

struct digest version_program_hash(void)
{
    struct digest hash = {{0}};
    struct stat status;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return hash;
    }
    if (fstat(fd, &status) == 0 && status.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            hash = digest_of(bytes, (size_t)status.st_size, NULL, 0);
            munmap(bytes, (size_t)status.st_size);
        }
    }
    close(fd);
    return hash;
}

void version_print(const char *program)
{
    struct digest hash = version_program_hash();
    char hex[DIGEST_HEX];
    text_format_hex(hash.bytes, sizeof hash.bytes, hex);
    printf("%s %s\nsha256 %s\n", program, version_text(), hex);
}
