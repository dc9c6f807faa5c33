#include "ident/key.h"

#include "base/durable.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_csr.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What stands before the point in every P-256 SubjectPublicKeyInfo (RFC 5480 §2: id-ecPublicKey,
// secp256r1, bit string of 66 bytes, uncompressed).
static const uint8_t spki_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

struct signing_key {
    mbedtls_pk_context pk;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random; // blinding only: signatures are deterministic
    struct public_key public;
};

static int mbed_fault(struct why *why, int error, const char *what, int code)
{
    char said[128];
    mbedtls_strerror(code, said, sizeof said);
    return why_set(why, error, "%s: %s", what, said);
}

static int public_of(mbedtls_pk_context *pk, struct public_key *key)
{
    uint8_t der[256];
    int length = mbedtls_pk_write_pubkey_der(pk, der, sizeof der);
    if (length != PUBLIC_KEY_DER) {
        return ERROR_INPUT;
    }
    // Mbed TLS writes backwards from the buffer's end.
    memcpy(key->der, der + sizeof der - PUBLIC_KEY_DER, PUBLIC_KEY_DER);
    return memcmp(key->der, spki_head, sizeof spki_head) == 0 ? OK : ERROR_INPUT;
}

// A file of at most KEY_FILE_MAX bytes, terminated. *length is without the terminator.
static int read_file(int fd, const char *path, char bytes[KEY_FILE_MAX + 1], size_t *length,
                     struct why *why)
{
    *length = 0;
    for (;;) {
        ssize_t got = read(fd, bytes + *length, KEY_FILE_MAX + 1 - *length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return why_set(why, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
        }
        if (got == 0) {
            bytes[*length] = '\0';
            return OK;
        }
        *length += (size_t)got;
        if (*length > KEY_FILE_MAX) {
            return why_set(why, ERROR_RANGE, "%s: more than %d bytes; expected one key in PEM",
                           path, KEY_FILE_MAX);
        }
    }
}

// --- public keys ----------------------------------------------------------------------------

static int read_public(struct public_key *key, const void *bytes, size_t length, struct why *why)
{
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    int code = mbedtls_pk_parse_public_key(&pk, bytes, length);
    int error = OK;
    if (code) {
        error = mbed_fault(why, ERROR_INPUT, "not a public key", code);
    } else if (public_of(&pk, key)) {
        error = why_set(why, ERROR_INPUT, "a public key of another kind; expected ECDSA on P-256");
    }
    mbedtls_pk_free(&pk);
    return error;
}

int public_key_read_pem(struct public_key *key, const char *pem, size_t length, struct why *why)
{
    char bytes[KEY_FILE_MAX + 1];
    if (length > KEY_FILE_MAX) {
        return why_set(why, ERROR_INPUT, "more than %d bytes; expected one public key in PEM",
                       KEY_FILE_MAX);
    }
    memcpy(bytes, pem, length);
    bytes[length] = '\0';
    if (!strstr(bytes, "-----BEGIN PUBLIC KEY-----")) {
        return why_set(why, ERROR_INPUT, "no public key; expected \"-----BEGIN PUBLIC KEY-----\"");
    }
    return read_public(key, bytes, length + 1, why); // in PEM the terminator counts
}

int public_key_read_der(struct public_key *key, const void *der, size_t length, struct why *why)
{
    int error = read_public(key, der, length, why);
    if (!error && (length != PUBLIC_KEY_DER || memcmp(key->der, der, length) != 0)) {
        return why_set(why, ERROR_INPUT, "a public key in another form of DER");
    }
    return error;
}

int key_file_read(const char *path, char bytes[KEY_FILE_MAX + 1], size_t *length, struct why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return why_set(why, errno == ENOENT ? ERROR_ABSENT : ERROR_SYSTEM, "%s: %s", path,
                       strerror(errno));
    }
    int error = read_file(fd, path, bytes, length, why);
    close(fd);
    return error;
}

void public_key_write_pem(const struct public_key *key, struct text *out)
{
    uint8_t pem[PUBLIC_KEY_PEM_MAX];
    size_t length = 0;
    int code =
        mbedtls_pem_write_buffer("-----BEGIN PUBLIC KEY-----\n", "-----END PUBLIC KEY-----\n",
                                 key->der, sizeof key->der, pem, sizeof pem, &length);
    if (code) {
        out->failed = true;
        return;
    }
    text_append(out, pem, length - 1);
}

void public_key_id(const struct public_key *key, uint8_t id[PUBLIC_KEY_ID])
{
    struct digest digest = digest_of(key->der, sizeof key->der, NULL, 0);
    memcpy(id, digest.bytes, PUBLIC_KEY_ID);
}

void public_key_fingerprint(const struct public_key *key, char out[PUBLIC_KEY_FINGERPRINT])
{
    struct digest digest = digest_of(key->der, sizeof key->der, NULL, 0);
    char *at = out;
    for (int i = 0; i < DIGEST_SIZE; i += 2) {
        text_format_hex(digest.bytes + i, 2, at);
        at[4] = ' ';
        at += 5;
    }
    at[-1] = '\0';
}

// One integer of a signature, in the one form of DER: no sign bit, no zero in front of a byte below
// 0x80. Moves *at behind it.
static bool integer_is_canonical(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    if (end - p < 3 || p[0] != 0x02 || p[1] < 1 || p[1] > 33 || end - p < 2 + p[1]) {
        return false;
    }
    const uint8_t *value = p + 2;
    *at = value + p[1];
    return !(value[0] & 0x80) && (value[0] || (p[1] > 1 && (value[1] & 0x80)));
}

// Mbed TLS reads other forms of the same numbers too; a signature has one form here, so that no
// byte of what is signed and kept can be another.
static bool signature_is_canonical(const uint8_t *signature, size_t length)
{
    if (length < 8 || length > SIGNATURE_MAX || signature[0] != 0x30 ||
        signature[1] != length - 2) {
        return false;
    }
    const uint8_t *at = signature + 2, *end = signature + length;
    bool r_is = integer_is_canonical(&at, end);
    bool s_is = r_is && integer_is_canonical(&at, end);
    return s_is && at == end;
}

int public_key_verify(const struct public_key *key, const void *message, size_t length,
                      const uint8_t *signature, size_t signature_length)
{
    if (!signature_is_canonical(signature, signature_length)) {
        return ERROR_REFUSED;
    }
    struct digest digest = digest_of(message, length, NULL, 0);
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    int code = mbedtls_pk_parse_public_key(&pk, key->der, sizeof key->der);
    if (!code) {
        code = mbedtls_pk_verify(&pk, MBEDTLS_MD_SHA256, digest.bytes, DIGEST_SIZE, signature,
                                 signature_length);
    }
    mbedtls_pk_free(&pk);
    if (code == MBEDTLS_ERR_PK_ALLOC_FAILED || code == MBEDTLS_ERR_MPI_ALLOC_FAILED) {
        return ERROR_MEMORY;
    }
    return code ? ERROR_REFUSED : OK;
}

// --- signing keys ---------------------------------------------------------------------------

static struct signing_key *key_alloc(struct why *why)
{
    struct signing_key *key = calloc(1, sizeof *key);
    if (!key) {
        why_set(why, ERROR_MEMORY, "no memory for a key");
        return NULL;
    }
    mbedtls_pk_init(&key->pk);
    mbedtls_entropy_init(&key->entropy);
    mbedtls_ctr_drbg_init(&key->random);
    int code = mbedtls_ctr_drbg_seed(&key->random, mbedtls_entropy_func, &key->entropy,
                                     (const uint8_t *)"tally key", 9);
    if (code) {
        mbed_fault(why, ERROR_SYSTEM, "no random numbers", code);
        signing_key_free(key);
        return NULL;
    }
    return key;
}

void signing_key_free(struct signing_key *key)
{
    if (!key) {
        return;
    }
    mbedtls_pk_free(&key->pk);
    mbedtls_ctr_drbg_free(&key->random);
    mbedtls_entropy_free(&key->entropy);
    mbedtls_platform_zeroize(key, sizeof *key);
    free(key);
}

// A name of its own first, then a link under the right one: link(2) never overwrites, and what it
// shows is whole.
static int keep_new(const char *path, const char *pem, struct why *why)
{
    char draft[PATH_MAX];
    int cut = snprintf(draft, sizeof draft, "%s.%ld.new", path, (long)getpid());
    if (cut < 0 || (size_t)cut >= sizeof draft) {
        return why_set(why, ERROR_INPUT, "%s: the path is too long", path);
    }
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return why_set(why, ERROR_SYSTEM, "%s: %s", draft, strerror(errno));
    }
    int error = OK;
    if (durable_write(fd, pem, strlen(pem))) {
        error = why_set(why, ERROR_SYSTEM, "%s: %s", draft, strerror(errno));
    } else if (link(draft, path)) {
        error = errno == EEXIST ? why_set(why, ERROR_BUSY,
                                          "%s: there is a key already; it stays as it is", path)
                                : why_set(why, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    }
    close(fd);
    unlink(draft);
    if (!error && durable_name(path)) {
        error = why_set(why, ERROR_SYSTEM, "the folder of %s: %s", path, strerror(errno));
    }
    return error;
}

int signing_key_make(const char *path, struct why *why)
{
    if (access(path, F_OK) == 0) {
        return why_set(why, ERROR_BUSY, "%s: there is a key already; it stays as it is", path);
    }
    struct signing_key *key = key_alloc(why);
    if (!key) {
        return ERROR_SYSTEM;
    }
    char pem[KEY_FILE_MAX];
    int code = mbedtls_pk_setup(&key->pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (!code) {
        code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key->pk),
                                   mbedtls_ctr_drbg_random, &key->random);
    }
    if (!code) {
        code = mbedtls_pk_write_key_pem(&key->pk, (uint8_t *)pem, sizeof pem);
    }
    int error =
        code ? mbed_fault(why, ERROR_SYSTEM, "making a key", code) : keep_new(path, pem, why);
    mbedtls_platform_zeroize(pem, sizeof pem);
    signing_key_free(key);
    return error;
}

static int parse_private(struct signing_key *key, const char *pem, size_t length)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_parse_key(&key->pk, (const uint8_t *)pem, length + 1, NULL, 0,
                                mbedtls_ctr_drbg_random, &key->random);
#else
    return mbedtls_pk_parse_key(&key->pk, (const uint8_t *)pem, length + 1, NULL, 0);
#endif
}

static int check_file(int fd, const char *path, struct why *why)
{
    struct stat status;
    if (fstat(fd, &status)) {
        return why_set(why, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode) || (status.st_mode & 0077)) {
        return why_set(why, ERROR_REFUSED,
                       "%s: mode %04o lets others at the key; expected 0600 (chmod 600 %s)", path,
                       (unsigned)(status.st_mode & 07777), path);
    }
    return OK;
}

int signing_key_load(struct signing_key **out, const char *path, struct why *why)
{
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return why_set(why, errno == ENOENT ? ERROR_ABSENT : ERROR_SYSTEM, "%s: %s", path,
                       strerror(errno));
    }
    char pem[KEY_FILE_MAX + 1];
    size_t length = 0;
    int error = check_file(fd, path, why);
    if (!error) {
        error = read_file(fd, path, pem, &length, why);
    }
    close(fd);
    struct signing_key *key = error ? NULL : key_alloc(why);
    if (!key) {
        error = error ? error : ERROR_SYSTEM;
        goto wipe;
    }
    int code = parse_private(key, pem, length);
    if (code) {
        char what[PATH_MAX];
        snprintf(what, sizeof what, "%s: not a private key without passphrase in PEM", path);
        error = mbed_fault(why, ERROR_INPUT, what, code);
    } else if (public_of(&key->pk, &key->public)) {
        error =
            why_set(why, ERROR_INPUT, "%s: a key of another kind; expected ECDSA on P-256", path);
    }
    if (error) {
        signing_key_free(key);
    } else {
        *out = key;
    }
wipe:
    mbedtls_platform_zeroize(pem, sizeof pem);
    return error;
}

const struct public_key *signing_key_public(const struct signing_key *key)
{
    return &key->public;
}

int signing_key_sign(struct signing_key *key, const void *message, size_t length,
                     uint8_t signature[SIGNATURE_MAX], size_t *signature_length, struct why *why)
{
    struct digest digest = digest_of(message, length, NULL, 0);
    uint8_t bytes[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t written = 0;
#if MBEDTLS_VERSION_MAJOR >= 3
    int code = mbedtls_pk_sign(&key->pk, MBEDTLS_MD_SHA256, digest.bytes, DIGEST_SIZE, bytes,
                               sizeof bytes, &written, mbedtls_ctr_drbg_random, &key->random);
#else
    int code = mbedtls_pk_sign(&key->pk, MBEDTLS_MD_SHA256, digest.bytes, DIGEST_SIZE, bytes,
                               &written, mbedtls_ctr_drbg_random, &key->random);
#endif
    if (code || written > SIGNATURE_MAX) {
        return mbed_fault(why, ERROR_SYSTEM, "signing", code);
    }
    memcpy(signature, bytes, written);
    *signature_length = written;
    return OK;
}

static bool common_name_is_plain(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > 64 || strpbrk(name, ",=+\"\\<>#;")) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((uint8_t)name[i] < ' ' || name[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

int signing_key_request(struct signing_key *key, const char *common_name, struct text *out,
                        struct why *why)
{
    if (!common_name_is_plain(common_name)) {
        return why_set(why, ERROR_INPUT,
                       "common name \"%.64s\": expected 1 to 64 bytes without , = + \" \\ < > # ;",
                       common_name);
    }
    char subject[80];
    snprintf(subject, sizeof subject, "CN=%s", common_name);
    uint8_t pem[2048];
    mbedtls_x509write_csr request;
    mbedtls_x509write_csr_init(&request);
    mbedtls_x509write_csr_set_md_alg(&request, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&request, &key->pk);
    int code = mbedtls_x509write_csr_set_subject_name(&request, subject);
    if (!code) {
        code = mbedtls_x509write_csr_pem(&request, pem, sizeof pem, mbedtls_ctr_drbg_random,
                                         &key->random);
    }
    mbedtls_x509write_csr_free(&request);
    if (code) {
        return mbed_fault(why, ERROR_SYSTEM, "writing the request", code);
    }
    text_append_string(out, (const char *)pem);
    return out->failed ? ERROR_MEMORY : OK;
}
