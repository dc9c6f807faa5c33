#include "certificates/signature_inside.h"

#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// First, as it has the types of the rest.
#include <xmlsec/xmlsec.h>

#include <xmlsec/errors.h>
#include <xmlsec/openssl/app.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmltree.h>

void signature_say(struct signature *signature, enum signature_outcome outcome, const char *format,
                   ...)
{
    static const char *const words[] = {[SIGNATURE_NONE] = "",
                                        [SIGNATURE_VERIFIED] = "verified: ",
                                        [SIGNATURE_UNVERIFIED] = "not verified: ",
                                        [SIGNATURE_WRONG] = "wrong: "};
    size_t length = strlen(words[outcome]);
    va_list arguments;
    signature->outcome = outcome;
    memcpy(signature->text, words[outcome], length + 1);
    va_start(arguments, format);
    vsnprintf(signature->text + length, sizeof signature->text - length, format, arguments);
    va_end(arguments);
}

static void be_silent(void *context, const char *format, ...)
{
    (void)context;
    (void)format;
}

// Once in a process.
static bool begin(void)
{
    static enum { NOT_YET, GOOD, BAD } state;
    if (state == NOT_YET) {
        xmlSetGenericErrorFunc(NULL, be_silent);
        xmlSecErrorsSetCallback(NULL);
        state = xmlSecInit() >= 0 && xmlSecCheckVersion() == 1 && xmlSecOpenSSLAppInit(NULL) >= 0 &&
                        xmlSecOpenSSLInit() >= 0
                    ? GOOD
                    : BAD;
        xmlSecErrorsSetCallback(NULL);
    }
    return state == GOOD;
}

// What signature_form.c lets through, and no more.
static bool allow(xmlSecDSigCtxPtr context)
{
    const xmlSecTransformId canonical[] = {
        xmlSecTransformInclC14NId,   xmlSecTransformInclC14NWithCommentsId,
        xmlSecTransformInclC14N11Id, xmlSecTransformInclC14N11WithCommentsId,
        xmlSecTransformExclC14NId,   xmlSecTransformExclC14NWithCommentsId};
    const xmlSecTransformId references[] = {
        xmlSecTransformEnvelopedId, xmlSecOpenSSLTransformSha256Id, xmlSecOpenSSLTransformSha384Id,
        xmlSecOpenSSLTransformSha512Id};
    const xmlSecTransformId signers[] = {
        xmlSecOpenSSLTransformRsaSha256Id,   xmlSecOpenSSLTransformRsaSha384Id,
        xmlSecOpenSSLTransformRsaSha512Id,   xmlSecOpenSSLTransformEcdsaSha256Id,
        xmlSecOpenSSLTransformEcdsaSha384Id, xmlSecOpenSSLTransformEcdsaSha512Id};
    bool good = true;
    for (size_t i = 0; i < sizeof canonical / sizeof canonical[0]; i++) {
        good = good && xmlSecDSigCtxEnableReferenceTransform(context, canonical[i]) >= 0 &&
               xmlSecDSigCtxEnableSignatureTransform(context, canonical[i]) >= 0;
    }
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        good = good && xmlSecDSigCtxEnableReferenceTransform(context, references[i]) >= 0;
    }
    for (size_t i = 0; i < sizeof signers / sizeof signers[0]; i++) {
        good = good && xmlSecDSigCtxEnableSignatureTransform(context, signers[i]) >= 0;
    }
    context->enabledReferenceUris =
        xmlSecTransformUriTypeEmpty | xmlSecTransformUriTypeSameDocument;
    return good;
}

// The key of a certificate, whose reference the context takes.
static xmlSecKeyPtr key_of(X509 *certificate)
{
    EVP_PKEY *pair = X509_get_pubkey(certificate);
    xmlSecKeyDataPtr value = pair ? xmlSecOpenSSLEvpKeyAdopt(pair) : NULL;
    xmlSecKeyPtr key = value ? xmlSecKeyCreate() : NULL;
    if (key && xmlSecKeySetValue(key, value) >= 0) {
        return key;
    }
    if (key) {
        xmlSecKeyDestroy(key);
    }
    if (value) {
        xmlSecKeyDataDestroy(value);
    } else {
        EVP_PKEY_free(pair);
    }
    return NULL;
}

enum by_key { KEY_GOOD, KEY_BAD, KEY_UNFIT };

// Whether this certificate's key made the signature of the document as it is. A key of another kind
// than the signature's is unfit.
static enum by_key try_key(xmlNode *node, X509 *certificate)
{
    xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(NULL);
    enum by_key result = KEY_UNFIT;
    if (context && allow(context)) {
        context->signKey = key_of(certificate);
        if (context->signKey && xmlSecDSigCtxVerify(context, node) >= 0) {
            result = context->status == xmlSecDSigStatusSucceeded ? KEY_GOOD : KEY_BAD;
        }
    }
    if (context) {
        xmlSecDSigCtxDestroy(context);
    }
    return result;
}

// By each of its certificates in turn: the first need not be the signer's.
static void check_node(struct signature *signature, xmlNode *node, STACK_OF(X509) * trusted)
{
    static const xmlChar *const ids[] = {(const xmlChar *)"Id", NULL};
    STACK_OF(X509) *certificates = signature_certificates(node);
    bool bad = false;
    xmlSecAddIDs(node->doc, node, (const xmlChar **)(uintptr_t)ids);
    for (int i = 0; i < sk_X509_num(certificates) && !signature->text[0]; i++) {
        enum by_key result = try_key(node, sk_X509_value(certificates, i));
        bad = bad || result == KEY_BAD;
        if (result == KEY_GOOD) {
            signature_judge(signature, sk_X509_value(certificates, i), certificates, trusted);
        }
    }
    if (!signature->text[0]) {
        if (bad) {
            signature_say(signature, SIGNATURE_WRONG, "the file is not as it was signed");
        } else {
            signature_say(signature, SIGNATURE_UNVERIFIED, "%s",
                          sk_X509_num(certificates) > 0
                              ? "it cannot be checked with the certificates in it"
                              : "no certificate of the signer in it");
        }
    }
    sk_X509_pop_free(certificates, X509_free);
}

int signature_check(struct signature *signature, const void *bytes, size_t length,
                    const char *trusted, struct why *why)
{
    STACK_OF(X509) *list = NULL;
    *signature = (struct signature){.outcome = SIGNATURE_NONE};
    if (!begin()) {
        return why_set(why, ERROR_MEMORY, "the library for signatures does not start");
    }
    xmlDoc *document = xmlReadMemory(bytes, (int)length, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_BIG_LINES | XML_PARSE_NOERROR |
                                         XML_PARSE_NOWARNING);
    if (!document) {
        return why_set(why, ERROR_MEMORY, "no XML, or no memory");
    }
    xmlNode *node = signature_find(signature, document);
    int error = OK;
    if (node && trusted) {
        list = signature_trusted(trusted, why);
        error = list ? OK : ERROR_INPUT;
    }
    if (node && !error) {
        check_node(signature, node, list);
    }
    sk_X509_pop_free(list, X509_free);
    xmlFreeDoc(document);
    return error;
}
