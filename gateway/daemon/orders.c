#include "daemon/orders.h"

#include <time.h>

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
