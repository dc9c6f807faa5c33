// Who signed, and whether they are trusted: X.509 (RFC 5280) as OpenSSL has it.
#include "certificates/signature_inside.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_MAX_BYTES    80
#define SECURITY_LEVEL    2 // 112 bits: no SHA-1, RSA of 2,048 bits and more
#define CERTIFICATE_BYTES (64u << 10)

// --- those in a signature -----------------------------------------------------------------------

// White space taken out; NULL when it is no certificate.
static X509 *read_embedded(const xmlNode *node)
{
    xmlChar *content = xmlNodeGetContent(node);
    size_t length = 0;
    for (const xmlChar *from = content; from && *from; from++) {
        if (!strchr(" \t\r\n", *from)) {
            content[length++] = *from;
        }
    }
    unsigned char *der = length && length < CERTIFICATE_BYTES ? malloc(length) : NULL;
    int got = der ? EVP_DecodeBlock(der, content, (int)length) : -1;
    const unsigned char *p = der;
    X509 *certificate = got > 0 ? d2i_X509(NULL, &p, got) : NULL;
    free(der);
    xmlFree(content);
    return certificate;
}

STACK_OF(X509) * signature_certificates(const xmlNode *node)
{
    STACK_OF(X509) *list = sk_X509_new_null();
    const xmlNode *info = signature_child(node, "KeyInfo");
    for (const xmlNode *data = signature_child(info, "X509Data"); data && list;
         data = signature_next(data, "X509Data")) {
        for (const xmlNode *at = signature_child(data, "X509Certificate");
             at && sk_X509_num(list) < SIGNATURE_CERTIFICATES_MAX;
             at = signature_next(at, "X509Certificate")) {
            X509 *certificate = read_embedded(at);
            if (certificate && !sk_X509_push(list, certificate)) {
                X509_free(certificate);
            }
        }
    }
    return list;
}

// --- those trusted ------------------------------------------------------------------------------

static void read_file(STACK_OF(X509) * list, const char *path)
{
    FILE *file = fopen(path, "rbe");
    X509 *certificate;
    while (file && sk_X509_num(list) < SIGNATURE_TRUSTED_MAX &&
           (certificate = PEM_read_X509(file, NULL, NULL, NULL))) {
        if (!sk_X509_push(list, certificate)) {
            X509_free(certificate);
        }
    }
    ERR_clear_error(); // it ends with "no start line"
    if (file) {
        fclose(file);
    }
}

static void read_folder(STACK_OF(X509) * list, const char *path)
{
    char name[PATH_MAX];
    DIR *folder = opendir(path);
    const struct dirent *item;
    while (folder && (item = readdir(folder))) {
        if (item->d_name[0] != '.' &&
            snprintf(name, sizeof name, "%s/%s", path, item->d_name) < (int)sizeof name) {
            read_file(list, name);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

STACK_OF(X509) * signature_trusted(const char *path, struct why *why)
{
    struct stat st;
    STACK_OF(X509) *list = sk_X509_new_null();
    if (!list) {
        why_set(why, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    bool there = stat(path, &st) == 0;
    int fault = errno;
    if (there && S_ISDIR(st.st_mode)) {
        read_folder(list, path);
    } else if (there) {
        read_file(list, path);
    }
    if (sk_X509_num(list) == 0) {
        why_set(why, ERROR_INPUT, "%s: %s", path,
                there ? "no certificate in it (expected PEM)" : strerror(fault));
        sk_X509_free(list);
        return NULL;
    }
    return list;
}

// --- trust --------------------------------------------------------------------------------------

// Its subject, cut where it is long.
static void name_of(X509 *certificate, char out[NAME_MAX_BYTES + 1])
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    size_t length = 0;
    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                                  XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
        long size = BIO_get_mem_data(bio, &data);
        for (size_t step; size > 0 && length < (size_t)size; length += step) {
            step = text_utf8_length(data + length, (size_t)size - length);
            if (!step || length + step > NAME_MAX_BYTES) {
                break;
            }
        }
    }
    if (length) {
        memcpy(out, data, length);
    }
    out[length] = '\0';
    BIO_free(bio);
}

// X509_V_OK, or why it is not trusted.
static int verify(X509 *signer, STACK_OF(X509) * others, STACK_OF(X509) * trusted)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int result = X509_V_ERR_OUT_OF_MEM;
    for (int i = 0; store && i < sk_X509_num(trusted); i++) {
        X509_STORE_add_cert(store, sk_X509_value(trusted, i));
    }
    if (store && context && X509_STORE_CTX_init(context, store, signer, others) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
        X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
        result = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
        result = result == X509_V_OK && X509_STORE_CTX_get_error(context) != X509_V_OK
                     ? X509_STORE_CTX_get_error(context)
                     : result;
    }
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return result;
}

void signature_judge(struct signature *signature, X509 *signer, STACK_OF(X509) * others,
                     STACK_OF(X509) * trusted)
{
    char name[NAME_MAX_BYTES + 1];
    name_of(signer, name);
    if (!trusted) {
        signature_say(signature, SIGNATURE_UNVERIFIED, "signed by %s; nobody is said to be trusted",
                      name);
        return;
    }
    if (!(X509_get_key_usage(signer) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION))) {
        signature_say(signature, SIGNATURE_UNVERIFIED, "signed by %s, by a key that is not for it",
                      name);
        return;
    }
    int result = verify(signer, others, trusted);
    if (result == X509_V_OK) {
        unsigned char hash[EVP_MAX_MD_SIZE];
        char hex[17] = "";
        unsigned length = 0;
        if (X509_digest(signer, EVP_sha256(), hash, &length) == 1) {
            text_format_hex(hash, 8, hex);
        }
        signature_say(signature, SIGNATURE_VERIFIED, "signed by %s, certificate sha256 %s", name,
                      hex);
    } else {
        signature_say(signature, SIGNATURE_UNVERIFIED, "signed by %s, not trusted: %s", name,
                      X509_verify_cert_error_string(result));
    }
}
