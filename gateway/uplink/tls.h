// TLS of one uplink: a context made from the certificate files, the check of the broker, and the
// exact reason of a refusal in words.
//
// libmosquitto's own messages are the same for an expired certificate and a wrong authority; here
// the verify callback keeps the difference. TLS 1.2 or newer, host name or address always checked,
// no fallback. Opens no connection. Used by the uplink's thread alone.
#ifndef TALLY_UPLINK_TLS_H
#define TALLY_UPLINK_TLS_H

#include "base/error.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#define TLS_FAULT_MAX 256

struct tls;

struct tls_files {
    const char *host; // name or address that the broker's certificate must be for
    const char *ca;   // PEM files; borrowed, must outlive the tls
    const char *certificate;
    const char *key;
};

// Reads the files. 0 and *out (tls_free it), or ERROR_INPUT with why: which file, and what is
// wrong with it (unreadable, key of another certificate, encrypted key).
int tls_open(struct tls **out, const struct tls_files *files, struct why *why);
void tls_free(struct tls *tls);
// For MOSQ_OPT_SSL_CTX. Owned by tls.
SSL_CTX *tls_context(struct tls *tls);

// Of our own certificate, POSIX seconds.
int64_t tls_not_after_s(const struct tls *tls);
// A sentence when our own certificate has expired or is not valid yet at `now_s`; "" else. The
// broker decides whether that matters.
void tls_check_own(const struct tls *tls, int64_t now_s, char out[TLS_FAULT_MAX]);

// A sentence when a certificate of the ca file has expired or is not valid yet at `now_s`; "" else.
void tls_check_ca(const struct tls *tls, int64_t now_s, char out[TLS_FAULT_MAX]);

// The reason that the handshake under way failed ("" while none is known): the broker's certificate
// as we judged it, or ours as the broker did. Forgotten by tls_begin, before each connection.
const char *tls_fault(const struct tls *tls);
void tls_begin(struct tls *tls);

// The state of the three files, to see whether they changed.
struct tls_stamp {
    struct {
        uint64_t device, inode, size;
        int64_t modified_ns;
    } file[3];
};
void tls_stamp(const struct tls_files *files, struct tls_stamp *stamp);
bool tls_stamp_equal(const struct tls_stamp *a, const struct tls_stamp *b);

#endif
