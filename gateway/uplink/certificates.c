#include "uplink/certificates.h"

#include <stdio.h>

#define SECOND_US INT64_C(1000000)
#define LOOK_US   SECOND_US

void certificates_begin(struct certificates *certificates, const struct config_uplink *settings,
                        const struct clock *clock, struct notices *notices)
{
    *certificates = (struct certificates){.files = {.host = settings->host,
                                                    .ca = settings->ca,
                                                    .certificate = settings->certificate,
                                                    .key = settings->key},
                                          .clock = clock,
                                          .notices = notices};
}

void certificates_end(struct certificates *certificates)
{
    tls_free(certificates->fresh);
    tls_free(certificates->tls);
    certificates->fresh = certificates->tls = NULL;
}

struct tls *certificates_use(struct certificates *certificates)
{
    struct why why;
    char fault[TLS_FAULT_MAX];
    if (certificates->fresh) {
        tls_free(certificates->tls);
        certificates->tls = certificates->fresh;
        certificates->fresh = NULL;
    }
    if (!certificates->tls) {
        tls_stamp(&certificates->files, &certificates->loaded);
        certificates->watched = certificates->loaded;
        if (tls_open(&certificates->tls, &certificates->files, &why)) {
            notices_fault(certificates->notices, "uplink.certificate-fault", why.text);
            return NULL;
        }
    }
    tls_check_own(certificates->tls, clock_wall_us(certificates->clock) / SECOND_US, fault);
    if (fault[0]) {
        notices_fault(certificates->notices, "uplink.certificate-fault", fault);
    }
    return certificates->tls;
}

static bool read_anew(struct certificates *certificates)
{
    struct tls *fresh;
    struct why why;
    if (tls_open(&fresh, &certificates->files, &why)) {
        char text[WHY_MAX + 64];
        snprintf(text, sizeof text, "%s%s", why.text,
                 certificates->tls ? "; the certificate read before stays in use" : "");
        notices_change(certificates->notices, "uplink.certificate-fault", text);
        return false;
    }
    char when[32], text[128];
    clock_format_utc(tls_not_after_s(fresh) * SECOND_US, when);
    snprintf(text, sizeof text, "certificate files read again; ours is valid until %.10s", when);
    notices_tell(certificates->notices, "uplink.certificate", text);
    tls_free(certificates->fresh);
    certificates->fresh = fresh;
    return true;
}

bool certificates_look(struct certificates *certificates)
{
    struct tls_stamp stamp;
    int64_t now_us = clock_mono_us(certificates->clock);
    if (now_us - certificates->looked_us < LOOK_US) {
        return false;
    }
    certificates->looked_us = now_us;
    tls_stamp(&certificates->files, &stamp);
    bool settled = tls_stamp_equal(&stamp, &certificates->watched);
    certificates->watched = stamp;
    if (!settled || tls_stamp_equal(&stamp, &certificates->loaded)) {
        return false;
    }
    certificates->loaded = stamp;
    return read_anew(certificates);
}
