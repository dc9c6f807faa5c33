#include "bus/port.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/connect.h"
#include "bus/plan.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <modbus.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

void port_init(struct port *port, const struct config_bus *bus)
{
    *port = (struct port){.bus = bus, .fd = -1};
    if (bus->transport == TRANSPORT_RTU) {
        port->character_ns = bus_character_ns(bus);
        port->gap_ns = bus_gap_ns(bus);
    } else if (bus->transport == TRANSPORT_RTU_OVER_TCP) {
        port->gap_ns = PORT_NETWORK_GAP_NS;
    }
    port->late_until_ns = clock_wait_ns() + bus->late_max_us * 1000;
}

// The kernel turns the sender on and off around each frame. Where the port's driver cannot, the
// adapter may do so itself: the bus is tried, and the message says why it might be mute.
static void set_direction(struct port *port)
{
    if (port->bus->direction == DIRECTION_KERNEL &&
        modbus_rtu_set_serial_mode(port->modbus, MODBUS_RTU_RS485) < 0) {
        log_warning("bus %s: %s has no RS-485 direction control in its driver (%s); going on "
                    "without",
                    port->bus->name, port->bus->device, strerror(errno));
    }
}

// Asks the driver to hand on bytes at once instead of after some milliseconds. Ptys and many
// drivers have no such mode: then there is nothing to ask for.
static void set_low_latency(const struct port *port)
{
    struct serial_struct serial;
    if (port->bus->low_latency && ioctl(port->fd, TIOCGSERIAL, &serial) == 0) {
        serial.flags |= ASYNC_LOW_LATENCY;
        (void)ioctl(port->fd, TIOCSSERIAL, &serial);
    }
}

// libmodbus takes a rate that it does not know for 9600 and says nothing: look at what was set.
static bool rate_is_set(const struct port *port)
{
    static const struct {
        int baud;
        speed_t speed;
    } rates[] = {{300, B300},       {600, B600},       {1200, B1200},     {2400, B2400},
                 {4800, B4800},     {9600, B9600},     {19200, B19200},   {38400, B38400},
                 {57600, B57600},   {115200, B115200}, {230400, B230400}, {460800, B460800},
                 {500000, B500000}, {576000, B576000}, {921600, B921600}};
    struct termios set;
    if (tcgetattr(port->fd, &set) < 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        if (rates[i].baud == port->bus->baud) {
            return cfgetospeed(&set) == rates[i].speed;
        }
    }
    return false;
}

static int open_serial(struct port *port, struct why *why)
{
    static const char parities[] = {'N', 'E', 'O'};
    const struct config_bus *bus = port->bus;
    port->modbus = modbus_new_rtu(bus->device, bus->baud, parities[bus->parity], 8, bus->stop_bits);
    if (!port->modbus) {
        return why_set(why, ERROR_MEMORY, "%s: %s", bus->device, strerror(errno));
    }
    if (modbus_connect(port->modbus) < 0) {
        return why_set(why, ERROR_CLOSED, "%s: %s", bus->device, strerror(errno));
    }
    port->fd = modbus_get_socket(port->modbus);
    (void)fcntl(port->fd, F_SETFD, FD_CLOEXEC);
    if (!rate_is_set(port)) {
        return why_set(why, ERROR_CLOSED, "%s: cannot run at %d baud", bus->device, bus->baud);
    }
    (void)ioctl(port->fd, TIOCEXCL);
    set_direction(port);
    set_low_latency(port);
    (void)tcflush(port->fd, TCIFLUSH);
    return OK;
}

static int open_network(struct port *port, struct wake *wake, struct why *why)
{
    const struct config_bus *bus = port->bus;
    // The context only frames requests: connecting is ours, because modbus_connect can block and
    // cannot be told to stop.
    port->modbus = bus->transport == TRANSPORT_TCP ? modbus_new_tcp(NULL, 0)
                                                   : modbus_new_rtu("tcp", 9600, 'N', 8, 1);
    if (!port->modbus) {
        return why_set(why, ERROR_MEMORY, "%s", strerror(errno));
    }
    int result = connect_tcp(&port->fd, bus->host, bus->service, wake,
                             clock_wait_ns() + PORT_CONNECT_US * INT64_C(1000), why);
    if (result == OK) {
        modbus_set_socket(port->modbus, port->fd);
    }
    return result;
}

int port_open(struct port *port, struct wake *wake, struct why *why)
{
    if (port_is_open(port)) {
        return OK;
    }
    int result = port->bus->transport == TRANSPORT_RTU ? open_serial(port, why)
                                                       : open_network(port, wake, why);
    if (result != OK) {
        port_close(port);
        return result;
    }
    // A line may still bring the answer to what was asked before it was closed, also by way of
    // another connection: hear it out first.
    port->quiet_ns = clock_wait_ns();
    port->unsettled = port_is_rtu(port);
    return OK;
}

void port_close(struct port *port)
{
    if (port->modbus) {
        if (port->fd >= 0) {
            modbus_close(port->modbus);
        }
        modbus_free(port->modbus);
    }
    port->modbus = NULL;
    port->fd = -1;
    port->unsettled = false;
}
