// A bus as a port to the outside: a serial line, or a TCP connection. Opens, sets up and closes it,
// by libmodbus; sends and receives nothing.
//
// Belongs to one worker thread. Waits are short or end when the worker is asked to stop.
#ifndef TALLY_BUS_PORT_H
#define TALLY_BUS_PORT_H

#include "base/error.h"
#include "bus/wake.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define PORT_CONNECT_US 3000000 // time allowed to look up a host and connect
// RTU over TCP: how the line behind the other end runs is not known; its gap is no shorter than the
// shortest on any line (Modbus over Serial Line V1.02 §2.5.1.1).
#define PORT_NETWORK_GAP_NS 1750000

struct _modbus; // libmodbus's modbus_t

struct port {
    const struct config_bus *bus;
    struct _modbus *modbus; // NULL while closed
    int fd;                 // its descriptor; -1 while closed
    int64_t character_ns;   // time of one character on the wire; 0 on TCP
    int64_t gap_ns;         // silence between frames; 0 where frames are TCP frames
    int64_t quiet_ns;       // when the last byte was sent, seen or due to be sent
    bool unsettled;         // an exchange failed: exchange_settle before the next
    // RTU frames: until when an answer to an earlier request may still come. Outlives a closing.
    int64_t late_until_ns;
    uint16_t transaction; // TCP: of the last request
};

// A closed port. `bus` is borrowed. What was asked on it before is not known: RTU frames are sent
// when `late_max` has passed.
void port_init(struct port *port, const struct config_bus *bus);
// Whether frames are RTU frames (on a serial line or within TCP).
static inline bool port_is_rtu(const struct port *port)
{
    return port->bus->transport != TRANSPORT_TCP;
}
static inline bool port_is_open(const struct port *port)
{
    return port->fd >= 0;
}
// 0; ERROR_CLOSED or ERROR_TIMEOUT with why; ERROR_STOPPED. Harmless when open.
int port_open(struct port *port, struct wake *wake, struct why *why);
void port_close(struct port *port);

#endif
