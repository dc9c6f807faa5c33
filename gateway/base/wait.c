// Without fortification: with it, and with 64-bit time on a 32-bit machine, the headers of glibc
// 2.36 (Debian 12 on armhf) call the ppoll that takes 32-bit times, which reads a wait of no time.
#undef _FORTIFY_SOURCE
#include "base/wait.h"

#include <time.h>

int wait_for(struct pollfd *polled, nfds_t count, int64_t for_ns)
{
    int64_t left = for_ns > 0 ? for_ns : 0;
    struct timespec timeout = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
    return ppoll(polled, count, for_ns == INT64_MAX ? NULL : &timeout, NULL);
}
