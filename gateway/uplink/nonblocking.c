#include "uplink/nonblocking.h"

#include <mosquitto.h>
#include <openssl/ssl.h>
#include <poll.h>

// libmosquitto's own wish to write stays set throughout a handshake, which would make poll return
// at once each time: until TLS is up, only reading moves it on.
short nonblocking_events(struct mosquitto *mosquitto, bool in_tls)
{
    return !in_tls && mosquitto_want_write(mosquitto) ? POLLIN | POLLOUT : POLLIN;
}

int nonblocking_step(struct mosquitto *mosquitto, bool *in_tls, short revents)
{
    int rc = 0;
    if (*in_tls || (revents & (POLLIN | POLLHUP | POLLERR))) {
        rc = mosquitto_loop_read(mosquitto, 1);
    }
    if (rc == 0 && *in_tls && mosquitto_socket(mosquitto) >= 0) {
        const SSL *ssl = mosquitto_ssl_get(mosquitto);
        *in_tls = !ssl || !SSL_is_init_finished(ssl);
        if (*in_tls && (revents & (POLLHUP | POLLERR))) {
            return MOSQ_ERR_CONN_LOST; // libmosquitto would wait for ever
        }
    }
    if (rc == 0 && !*in_tls && mosquitto_socket(mosquitto) >= 0 &&
        mosquitto_want_write(mosquitto)) {
        rc = mosquitto_loop_write(mosquitto, 1);
    }
    return rc;
}
