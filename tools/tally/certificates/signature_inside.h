// What the files that check a signature share. Private to signature_check().
#ifndef TALLY_TOOLS_SIGNATURE_INSIDE_H
#define TALLY_TOOLS_SIGNATURE_INSIDE_H

#include "certificates/signature.h"

#include <libxml/tree.h>
#include <openssl/x509.h>
#include <stdbool.h>

#define SIGNATURE_NAMESPACE        "http://www.w3.org/2000/09/xmldsig#"
#define SIGNATURE_CERTIFICATES_MAX 16   // in one signature
#define SIGNATURE_TRUSTED_MAX      1000 // certificates

void signature_say(struct signature *signature, enum signature_outcome outcome, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));
// The first child element of that name in the signature's namespace; the next of it. NULL: none.
xmlNode *signature_child(const xmlNode *node, const char *name);
xmlNode *signature_next(const xmlNode *node, const char *name);

// --- signature_form.c

// The one signature of the document that may be checked. NULL: there is none, or it is none of
// those, and `signature` says so.
xmlNode *signature_find(struct signature *signature, xmlDoc *document);

// --- signature_trust.c

// The certificates of a signature, the signer's among them; sk_X509_pop_free it. NULL: out of
// memory.
STACK_OF(X509) * signature_certificates(const xmlNode *node);
// Those of a file or a folder, or NULL with why.
STACK_OF(X509) * signature_trusted(const char *path, struct why *why);
// Whether a certificate may sign, is in order now, and leads to one that is trusted; `trusted`
// NULL: none is. Says the outcome.
void signature_judge(struct signature *signature, X509 *signer, STACK_OF(X509) * others,
                     STACK_OF(X509) * trusted);

#endif
