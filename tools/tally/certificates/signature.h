// The XML signature of a digital calibration certificate (XMLDSig core, W3C 2013): whether the file
// is as it was signed, and whether who signed it is trusted.
//
// Over libxmlsec and OpenSSL. Only one signature that covers all of the file is looked at: directly
// in the root, one reference to the whole document with nothing taken out of it but the signature,
// others only to what lies within the signature (XAdES); RSA or ECDSA with SHA-256, -384 or -512.
// Nothing is fetched, nor is it asked whether a certificate was revoked. One thread.
#ifndef TALLY_TOOLS_SIGNATURE_H
#define TALLY_TOOLS_SIGNATURE_H

#include "base/error.h"

#include <stddef.h>

#define SIGNATURE_TEXT_MAX 200 // bytes

enum signature_outcome {
    SIGNATURE_NONE,
    SIGNATURE_VERIFIED,   // the file is as it was signed, and the signer's certificate is in order
                          // now and is trusted, or issued under one that is
    SIGNATURE_UNVERIFIED, // anything else: `text` says what
    SIGNATURE_WRONG,      // the file is not as it was signed
};

struct signature {
    enum signature_outcome outcome;
    char text[SIGNATURE_TEXT_MAX + 1]; // one line; "" when there is none
};

// `bytes` is XML that dcc_read took, so without a DOCTYPE. `trusted`: a file of certificates (PEM),
// or a folder of such files, of signers or of those who issued theirs; NULL: nobody is. 0; or
// ERROR_INPUT with why when `trusted` cannot be read or has none; ERROR_MEMORY.
int signature_check(struct signature *signature, const void *bytes, size_t length,
                    const char *trusted, struct why *why);

#endif
