#include "bus/wake.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wake_make(struct wake *wake)
{
    atomic_init(&wake->finishing, false);
    atomic_init(&wake->stopping, false);
    wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wake->fd < 0 ? ERROR_SYSTEM : OK;
}

void wake_close(struct wake *wake)
{
    if (wake->fd >= 0) {
        close(wake->fd);
        wake->fd = -1;
    }
}

void wake_nudge(struct wake *wake)
{
    uint64_t one = 1;
    // Fails only when the counter is full: then it is readable anyway.
    (void)!write(wake->fd, &one, sizeof one);
}

void wake_finish(struct wake *wake)
{
    atomic_store(&wake->finishing, true);
    wake_nudge(wake);
}

void wake_stop(struct wake *wake)
{
    atomic_store(&wake->stopping, true);
    wake_nudge(wake);
}

// One wait. 1 when polled[0] shows something, 2 on a nudge, 0 at the deadline, ERROR_STOPPED.
static int wait_once(struct wake *wake, struct pollfd *polled, nfds_t count, int64_t deadline_ns)
{
    int ready = wait_for(polled, count, deadline_ns - clock_wait_ns());
    if (ready == 0) {
        return wake_stopping(wake) ? ERROR_STOPPED : 0;
    }
    if (ready < 0) {
        return 2; // EINTR: look again
    }
    if (polled[count - 1].revents) {
        uint64_t nudges;
        (void)!read(wake->fd, &nudges, sizeof nudges);
        if (wake_stopping(wake)) {
            return ERROR_STOPPED;
        }
    }
    return count == 2 && polled[0].revents ? 1 : 2;
}

int wake_until(struct wake *wake, int64_t deadline_ns)
{
    struct pollfd polled = {.fd = wake->fd, .events = POLLIN};
    int result = wait_once(wake, &polled, 1, deadline_ns);
    return result < 0 ? result : OK;
}

int wake_sleep(struct wake *wake, int64_t deadline_ns)
{
    struct pollfd polled = {.fd = wake->fd, .events = POLLIN};
    int result;
    do {
        result = wait_once(wake, &polled, 1, deadline_ns);
    } while (result > 0);
    return result;
}

int wake_poll(struct wake *wake, int fd, short events, int64_t deadline_ns)
{
    struct pollfd polled[2] = {{.fd = fd, .events = events}, {.fd = wake->fd, .events = POLLIN}};
    int result;
    do {
        result = wait_once(wake, polled, 2, deadline_ns);
    } while (result == 2);
    return result == 0 ? ERROR_TIMEOUT : result;
}
