#include "uplink/tls.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 160 // of a certificate, in a message

struct tls {
    SSL_CTX *context;
    char host[256];
    bool host_is_address;
    const char *ca, *certificate;
    int64_t not_before_s, not_after_s; // of our own certificate
    char fault[TLS_FAULT_MAX];
};

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm;
    return time && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void format_seconds(int64_t seconds, char out[32])
{
    clock_format_utc(seconds * 1000000, out);
    memcpy(out + 19, "Z", 2); // whole seconds
}

static void subject_of(const X509_NAME *name, char *out, size_t size)
{
    X509_NAME_oneline(name, out, (int)size);
}

// Appends one name to a list "a, b"; leaves out what does not fit.
static void append_name(char *out, size_t size, const char *name, size_t length)
{
    size_t used = strlen(out);
    const char *comma = used ? ", " : "";
    if (used + strlen(comma) + length < size) {
        snprintf(out + used, size - used, "%s%.*s", comma, (int)length, name);
    }
}

static void append_address(char *out, size_t size, const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN];
    int length = ASN1_STRING_length(address);
    int family = length == 4 ? AF_INET : length == 16 ? AF_INET6 : 0;
    if (family && inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof text)) {
        append_name(out, size, text, strlen(text));
    }
}

// The names that a certificate is for: its subjectAltName, or its subject when it has none.
static void names_of(X509 *certificate, char *out, size_t size)
{
    out[0] = '\0';
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            append_name(out, size, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                        (size_t)ASN1_STRING_length(name->d.dNSName));
        } else if (name->type == GEN_IPADD) {
            append_address(out, size, name->d.iPAddress);
        }
    }
    GENERAL_NAMES_free(names);
    if (!out[0]) {
        subject_of(X509_get_subject_name(certificate), out, size);
    }
}

static void describe_validity(struct tls *tls, X509 *certificate, int depth, bool expired)
{
    char when[32], subject[NAMES_MAX];
    const ASN1_TIME *time =
        expired ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate);
    format_seconds(seconds_of(time), when);
    const char *verb = expired ? "has expired" : "is not valid yet";
    const char *edge = expired ? "not after" : "not before";
    if (depth == 0) {
        snprintf(tls->fault, sizeof tls->fault, "broker's certificate %s (%s %s)", verb, edge,
                 when);
    } else {
        subject_of(X509_get_subject_name(certificate), subject, sizeof subject);
        snprintf(tls->fault, sizeof tls->fault,
                 "certificate of the broker's authority %s %s (%s "
                 "%s)",
                 subject, verb, edge, when);
    }
}

static void describe_refusal(struct tls *tls, X509 *certificate, int error, int depth)
{
    char names[NAMES_MAX] = "";
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        describe_validity(tls, certificate, depth, error == X509_V_ERR_CERT_HAS_EXPIRED);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        names_of(certificate, names, sizeof names);
        snprintf(tls->fault, sizeof tls->fault,
                 "broker's host name does not match (asked for %.64s, certificate is for %s)",
                 tls->host, names);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        subject_of(X509_get_issuer_name(certificate), names, sizeof names);
        snprintf(
            tls->fault, sizeof tls->fault,
            "broker's certificate is signed by an unknown authority (%s is not in the ca file)",
            names);
        break;
    default:
        snprintf(tls->fault, sizeof tls->fault, "broker's certificate is refused: %s",
                 X509_verify_cert_error_string(error));
    }
}

static struct tls *tls_of(const SSL *ssl)
{
    return ssl ? SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)) : NULL;
}

// Judges nothing itself: keeps the first reason, and the verdict as it is.
static int on_verify(int good, X509_STORE_CTX *store)
{
    struct tls *tls =
        tls_of(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (!good && tls && certificate && !tls->fault[0]) {
        describe_refusal(tls, certificate, X509_STORE_CTX_get_error(store),
                         X509_STORE_CTX_get_error_depth(store));
    }
    return good;
}

// Whether an alert (RFC 8446 6.2) speaks of the certificate that we presented.
static bool alert_is_about_us(int alert)
{
    switch (alert) {
    case SSL3_AD_BAD_CERTIFICATE:
    case SSL3_AD_UNSUPPORTED_CERTIFICATE:
    case SSL3_AD_CERTIFICATE_REVOKED:
    case SSL3_AD_CERTIFICATE_EXPIRED:
    case SSL3_AD_CERTIFICATE_UNKNOWN:
    case TLS1_AD_UNKNOWN_CA:
    case TLS1_AD_ACCESS_DENIED:
    case TLS13_AD_CERTIFICATE_REQUIRED: return true;
    default: return false;
    }
}

static void on_alert(struct tls *tls, int alert)
{
    if ((alert & 0xff) == SSL3_AD_CLOSE_NOTIFY || tls->fault[0]) {
        return;
    }
    snprintf(tls->fault, sizeof tls->fault, "%s: %s",
             alert_is_about_us(alert & 0xff) ? "the broker refuses our certificate"
                                             : "the broker ended TLS",
             SSL_alert_desc_string_long(alert));
}

// libmosquitto connects to an address that we resolved and would name that address in SNI; before
// the first message is made, the name that was asked for is put in its place (RFC 6066 3: never an
// address).
static void on_info(const SSL *ssl, int where, int value)
{
    struct tls *tls = tls_of(ssl);
    if (where == SSL_CB_HANDSHAKE_START && SSL_in_before(ssl)) {
        SSL_set_tlsext_host_name((SSL *)ssl, tls->host_is_address ? NULL : tls->host);
    } else if (where == SSL_CB_READ_ALERT) {
        on_alert(tls, value);
    }
}

// An encrypted key must not make the daemon ask on the terminal.
static int on_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static const char *openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "malformed";
}

static int check_readable(const char *what, const char *path, struct why *why)
{
    if (access(path, R_OK) == 0) {
        return OK;
    }
    return why_set(why, ERROR_INPUT, "%s %s: cannot be read: %s", what, path, strerror(errno));
}

static int load_files(struct tls *tls, const struct tls_files *files, struct why *why)
{
    if (check_readable("ca", files->ca, why) ||
        check_readable("certificate", files->certificate, why) ||
        check_readable("key", files->key, why)) {
        return ERROR_INPUT;
    }
    if (SSL_CTX_load_verify_file(tls->context, files->ca) != 1) {
        return why_set(why, ERROR_INPUT, "ca %s: not a PEM certificate: %s", files->ca,
                       openssl_reason());
    }
    if (SSL_CTX_use_certificate_chain_file(tls->context, files->certificate) != 1) {
        return why_set(why, ERROR_INPUT, "certificate %s: not a PEM certificate: %s",
                       files->certificate, openssl_reason());
    }
    if (SSL_CTX_use_PrivateKey_file(tls->context, files->key, SSL_FILETYPE_PEM) != 1) {
        bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
        return other ? why_set(why, ERROR_INPUT, "key %s does not belong to certificate %s",
                               files->key, files->certificate)
                     : why_set(why, ERROR_INPUT, "key %s: not a PEM key without a password: %s",
                               files->key, openssl_reason());
    }
    if (SSL_CTX_check_private_key(tls->context) != 1) {
        return why_set(why, ERROR_INPUT, "key %s does not belong to certificate %s", files->key,
                       files->certificate);
    }
    const X509 *own = SSL_CTX_get0_certificate(tls->context);
    tls->not_before_s = seconds_of(X509_get0_notBefore(own));
    tls->not_after_s = seconds_of(X509_get0_notAfter(own));
    return OK;
}

static int set_rules(struct tls *tls)
{
    X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(tls->context);
    // An authority below the root may be trusted as it is, without the root.
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int set = tls->host_is_address ? X509_VERIFY_PARAM_set1_ip_asc(rules, tls->host)
                                   : X509_VERIFY_PARAM_set1_host(rules, tls->host, 0);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, on_verify);
    SSL_CTX_set_info_callback(tls->context, on_info);
    SSL_CTX_set_app_data(tls->context, tls);
    SSL_CTX_set_default_passwd_cb(tls->context, on_password);
    SSL_CTX_set_mode(tls->context, SSL_MODE_RELEASE_BUFFERS);
    return set == 1 && SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) == 1
               ? OK
               : ERROR_INPUT;
}

int tls_open(struct tls **out, const struct tls_files *files, struct why *why)
{
    unsigned char address[sizeof(struct in6_addr)];
    int error = ERROR_MEMORY;
    *out = NULL;
    struct tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        return why_set(why, error, "out of memory");
    }
    snprintf(tls->host, sizeof tls->host, "%s", files->host);
    tls->host_is_address =
        inet_pton(AF_INET, tls->host, address) == 1 || inet_pton(AF_INET6, tls->host, address) == 1;
    tls->ca = files->ca;
    tls->certificate = files->certificate;
    ERR_clear_error();
    tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls->context) {
        why_set(why, error, "TLS cannot be set up: %s", openssl_reason());
        goto failed;
    }
    error = set_rules(tls);
    if (error) {
        why_set(why, error, "%s: not a host name or address", tls->host);
        goto failed;
    }
    error = load_files(tls, files, why);
    if (error) {
        goto failed;
    }
    *out = tls;
    return OK;
failed:
    ERR_clear_error();
    tls_free(tls);
    return error;
}

void tls_free(struct tls *tls)
{
    if (tls) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

SSL_CTX *tls_context(struct tls *tls)
{
    return tls->context;
}

int64_t tls_not_after_s(const struct tls *tls)
{
    return tls->not_after_s;
}

void tls_check_own(const struct tls *tls, int64_t now_s, char out[TLS_FAULT_MAX])
{
    char when[32];
    out[0] = '\0';
    if (now_s > tls->not_after_s) {
        format_seconds(tls->not_after_s, when);
        snprintf(out, TLS_FAULT_MAX, "our certificate %.120s has expired (not after %s)",
                 tls->certificate, when);
    } else if (now_s < tls->not_before_s) {
        format_seconds(tls->not_before_s, when);
        snprintf(out, TLS_FAULT_MAX, "our certificate %.120s is not valid yet (not before %s)",
                 tls->certificate, when);
    }
}

void tls_check_ca(const struct tls *tls, int64_t now_s, char out[TLS_FAULT_MAX])
{
    const STACK_OF(X509_OBJECT) *all =
        X509_STORE_get0_objects(SSL_CTX_get_cert_store(tls->context));
    out[0] = '\0';
    for (int i = 0; !out[0] && i < sk_X509_OBJECT_num(all); i++) {
        const X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
        int64_t begin_s = ca ? seconds_of(X509_get0_notBefore(ca)) : now_s;
        int64_t end_s = ca ? seconds_of(X509_get0_notAfter(ca)) : now_s;
        if (now_s > end_s || now_s < begin_s) {
            char when[32], subject[NAMES_MAX];
            bool expired = now_s > end_s;
            format_seconds(expired ? end_s : begin_s, when);
            subject_of(X509_get_subject_name(ca), subject, sizeof subject);
            snprintf(out, TLS_FAULT_MAX, "ca: the authority %.100s %s (not %s %s)", subject,
                     expired ? "has expired" : "is not valid yet", expired ? "after" : "before",
                     when);
        }
    }
}

const char *tls_fault(const struct tls *tls)
{
    return tls->fault;
}

void tls_begin(struct tls *tls)
{
    tls->fault[0] = '\0';
}

void tls_stamp(const struct tls_files *files, struct tls_stamp *stamp)
{
    const char *const paths[3] = {files->ca, files->certificate, files->key};
    memset(stamp, 0, sizeof *stamp);
    for (int i = 0; i < 3; i++) {
        struct stat s;
        if (stat(paths[i], &s) == 0) {
            stamp->file[i].device = (uint64_t)s.st_dev;
            stamp->file[i].inode = (uint64_t)s.st_ino;
            stamp->file[i].size = (uint64_t)s.st_size;
            stamp->file[i].modified_ns = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
        }
    }
}

bool tls_stamp_equal(const struct tls_stamp *a, const struct tls_stamp *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}
