#include "daemon/orders.h"

#include "base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOOK_S 1

void orders_begin(struct orders *orders)
{
    *orders = (struct orders){.reload = false};
    sigemptyset(&orders->signals);
    sigaddset(&orders->signals, SIGTERM);
    sigaddset(&orders->signals, SIGINT);
    sigaddset(&orders->signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &orders->signals, NULL);
}

// Takes one signal, if one comes within that time.
static void take(struct orders *orders, const struct timespec *wait)
{
    int signal = sigtimedwait(&orders->signals, NULL, wait);
    orders->reload = orders->reload || signal == SIGHUP;
    orders->stop = orders->stop || (signal > 0 && signal != SIGHUP);
}

enum order orders_next(struct orders *orders)
{
    if (!orders->reload && !orders->stop) {
        take(orders, &(struct timespec){.tv_sec = LOOK_S});
    }
    if (orders->stop) {
        return ORDER_STOP;
    }
    enum order order = orders->reload ? ORDER_RELOAD : ORDER_NONE;
    orders->reload = false;
    return order;
}

bool orders_stop_meanwhile(struct orders *orders)
{
    take(orders, &(struct timespec){.tv_sec = LOOK_S});
    return orders->stop;
}

// One datagram to the socket named in the environment: sd_notify(3) gives this form as stable.
void orders_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length) <
            0) {
            log_warning("cannot notify systemd: %s", strerror(errno));
        }
        close(fd);
    }
}
