// The EVP interface allocates and looks up its algorithm at each use, which costs more than hashing
// a Merkle node; the plain SHA256_* functions do not. OpenSSL 3 marks them deprecated and keeps
// them.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <openssl/sha.h>

struct digest digest_of(const void *head, size_t head_length, const void *body, size_t body_length)
{
    struct digest digest;
    SHA256_CTX context;
    SHA256_Init(&context);
    if (head_length) {
        SHA256_Update(&context, head, head_length);
    }
    if (body_length) {
        SHA256_Update(&context, body, body_length);
    }
    SHA256_Final(digest.bytes, &context);
    return digest;
}
