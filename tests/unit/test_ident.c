// Keys, notes, checkpoints, receipts: against RFC 6979's own vector, and every way in which a note
// can be of another form. Agreement with other implementations is tests/system/test_ident.py's.
#include "ident/base64.h"
#include "ident/checkpoint.h"
#include "ident/key.h"
#include "ident/note.h"
#include "ident/receipt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN "91350100M000100Y43/gw-01/5f0c2a9d4be84f31a7c06d1e93b25f70"

// RFC 6979 A.2.5: the private key x = C9AF…6721 on P-256, as openssl writes it.
static const char rfc_key[] = "-----BEGIN EC PRIVATE KEY-----\n"
                              "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
                              "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
                              "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
                              "-----END EC PRIVATE KEY-----\n";

struct world {
    char folder[64];
    struct signing_key *key, *other;
};

static char *path_in(const struct world *world, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    strcpy(world->folder, "/tmp/tally-ident-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    struct why why = {""};
    assert_int_equal(signing_key_make(path_in(world, "one"), &why), OK);
    assert_int_equal(signing_key_load(&world->key, path_in(world, "one"), &why), OK);
    assert_int_equal(signing_key_make(path_in(world, "two"), &why), OK);
    assert_int_equal(signing_key_load(&world->other, path_in(world, "two"), &why), OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    signing_key_free(world->key);
    signing_key_free(world->other);
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", world->folder);
    assert_int_equal(system(command), 0);
    free(world);
    return 0;
}

// --- keys -----------------------------------------------------------------------------------

static void signatures_are_those_of_rfc_6979(void **state)
{
    struct world *world = *state;
    static const char r[] = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716";
    static const char s[] = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
    char *path = path_in(world, "rfc");
    write_file(path, rfc_key, 0600);
    struct signing_key *key;
    struct why why = {""};
    assert_int_equal(signing_key_load(&key, path, &why), OK);
    uint8_t signature[SIGNATURE_MAX];
    size_t length;
    assert_int_equal(signing_key_sign(key, "sample", 6, signature, &length, &why), OK);
    char hex[2 * SIGNATURE_MAX + 1], wanted[2 * SIGNATURE_MAX + 1];
    text_format_hex(signature, length, hex);
    snprintf(wanted, sizeof wanted, "3046022100%s022100%s", r, s);
    assert_string_equal(hex, wanted);
    signing_key_free(key);
}

static void a_signature_verifies_only_as_it_is(void **state)
{
    struct world *world = *state;
    const struct public_key *key = signing_key_public(world->key);
    uint8_t signature[SIGNATURE_MAX + 1] = {0};
    size_t length;
    // Signatures come in several lengths: enough messages to see more than one.
    for (int i = 0; i < 8; i++) {
        char message[16];
        size_t size = (size_t)snprintf(message, sizeof message, "message %d", i);
        assert_int_equal(signing_key_sign(world->key, message, size, signature, &length, NULL), OK);
        assert_int_equal(public_key_verify(key, message, size, signature, length), OK);
        assert_int_equal(
            public_key_verify(signing_key_public(world->other), message, size, signature, length),
            ERROR_REFUSED);
        assert_int_equal(public_key_verify(key, message, size - 1, signature, length),
                         ERROR_REFUSED);
        assert_int_equal(public_key_verify(key, message, size, signature, length - 1),
                         ERROR_REFUSED);
        assert_int_equal(public_key_verify(key, message, size, signature, length + 1),
                         ERROR_REFUSED);
        assert_int_equal(public_key_verify(key, message, size, signature, 0), ERROR_REFUSED);
    }
    for (size_t bit = 0; bit < length * 8; bit++) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(public_key_verify(key, "message 7", 9, signature, length), ERROR_REFUSED);
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void a_signature_in_another_form_of_der_is_refused(void **state)
{
    struct world *world = *state;
    uint8_t signature[SIGNATURE_MAX], longer[SIGNATURE_MAX + 2];
    size_t length;
    for (int i = 0;; i++) {
        char message[16];
        size_t size = (size_t)snprintf(message, sizeof message, "m %d", i);
        assert_int_equal(signing_key_sign(world->key, message, size, signature, &length, NULL), OK);
        if (length == SIGNATURE_MAX) {
            continue;
        }
        // A zero in front of s: the same numbers.
        size_t s = 2 + 2 + (size_t)signature[3];
        if (signature[s + 1] == 33) {
            continue;
        }
        memcpy(longer, signature, s + 2);
        longer[s + 2] = 0;
        memcpy(longer + s + 3, signature + s + 2, length - s - 2);
        longer[1]++;
        longer[s + 1]++;
        assert_int_equal(
            public_key_verify(signing_key_public(world->key), message, size, longer, length + 1),
            ERROR_REFUSED);
        return;
    }
}

static void a_key_file_is_made_once_and_for_its_owner(void **state)
{
    struct world *world = *state;
    struct why why = {""};
    char *path = path_in(world, "one");
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(signing_key_make(path, &why), ERROR_BUSY);
    assert_non_null(strstr(why.text, "there is a key already"));
    struct stat later;
    assert_int_equal(stat(path, &later), 0);
    assert_int_equal(status.st_ino, later.st_ino);

    struct signing_key *key;
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(signing_key_load(&key, path, &why), ERROR_REFUSED);
    assert_non_null(strstr(why.text, "mode 0640"));
    assert_null(key);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(signing_key_load(&key, path_in(world, "none"), &why), ERROR_ABSENT);
    assert_int_equal(signing_key_make(path_in(world, "no/such/folder"), &why), ERROR_SYSTEM);
}

static void what_is_no_p256_key_is_refused(void **state)
{
    struct world *world = *state;
    struct signing_key *key;
    struct why why = {""};
    char *path = path_in(world, "bad");
    write_file(path, "junk\n", 0600);
    assert_int_equal(signing_key_load(&key, path, &why), ERROR_INPUT);
    // secp384r1
    write_file(path,
               "-----BEGIN EC PRIVATE KEY-----\n"
               "MIGkAgEBBDBrmtNEVO1DFyhTDTzMB+4yCPPoLwIN8ek5yP8C0Txa8aFvvXbbOINC\n"
               "-----END EC PRIVATE KEY-----\n",
               0600);
    assert_int_equal(signing_key_load(&key, path, &why), ERROR_INPUT);
    char command[256];
    snprintf(command, sizeof command, "openssl ecparam -name secp384r1 -genkey -noout -out %s",
             path);
    assert_int_equal(system(command), 0);
    assert_int_equal(signing_key_load(&key, path, &why), ERROR_INPUT);
    assert_non_null(strstr(why.text, "P-256"));
}

static void public_keys_go_out_and_come_back(void **state)
{
    struct world *world = *state;
    const struct public_key *key = signing_key_public(world->key);
    struct public_key back;
    struct why why = {""};
    struct text text = text_make(4096);
    public_key_write_pem(key, &text);
    assert_int_equal(public_key_read_pem(&back, text.data, text.length, &why), OK);
    assert_memory_equal(&back, key, sizeof back);
    text_clear(&text);
    note_key_write(&text, ORIGIN, key);
    char name[NOTE_NAME_MAX + 1];
    memset(&back, 0, sizeof back);
    assert_int_equal(note_key_read(text.data, text.length, name, &back, &why), OK);
    assert_memory_equal(&back, key, sizeof back);
    assert_string_equal(name, ORIGIN);
    for (size_t i = strlen(ORIGIN); i < text.length; i++) {
        text.data[i] ^= 1;
        assert_int_not_equal(note_key_read(text.data, text.length, name, &back, &why), OK);
        text.data[i] ^= 1;
    }
    char fingerprint[PUBLIC_KEY_FINGERPRINT];
    public_key_fingerprint(key, fingerprint);
    assert_int_equal(strlen(fingerprint), PUBLIC_KEY_FINGERPRINT - 1);
    text_free(&text);
}

static void a_request_names_whom_it_is_for(void **state)
{
    struct world *world = *state;
    struct why why = {""};
    struct text text = text_make(4096);
    assert_int_equal(signing_key_request(world->other, "91350100M000100Y43/gw-01", &text, &why),
                     OK);
    assert_non_null(strstr(text.data, "BEGIN CERTIFICATE REQUEST"));
    assert_int_equal(signing_key_request(world->other, "a,O=b", &text, &why), ERROR_INPUT);
    assert_int_equal(signing_key_request(world->other, "", &text, &why), ERROR_INPUT);
    text_free(&text);
}

// --- base64 ---------------------------------------------------------------------------------

static void base64_has_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *digits;
        int error;
    } rows[] = {
        {"", OK},
        {"AA==", OK},
        {"AAA=", OK},
        {"AAAA", OK},
        {"/+8=", OK},
        {"AB==", ERROR_INPUT},
        {"AAB=", ERROR_INPUT},
        {"AA=", ERROR_INPUT},
        {"AA", ERROR_INPUT},
        {"A===", ERROR_INPUT},
        {"AA==AA==", ERROR_INPUT},
        {" AAA", ERROR_INPUT},
        {"AA\n=", ERROR_INPUT},
        {"-_8=", ERROR_INPUT},
        {"AAAA\r\n\r\n", ERROR_INPUT},
        {"AAAAAAAAAAAA", ERROR_RANGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[8];
        size_t length;
        int error =
            base64_read(rows[i].digits, strlen(rows[i].digits), bytes, sizeof bytes, &length);
        if (error != rows[i].error) {
            fail_msg("\"%s\": %d, expected %d", rows[i].digits, error, rows[i].error);
        }
        struct text back = text_make(64);
        if (!error) {
            base64_append(&back, bytes, length);
            assert_string_equal(back.length ? back.data : "", rows[i].digits);
        }
        text_free(&back);
    }
}

// --- notes ----------------------------------------------------------------------------------

static void sign_text(struct world *world, const char *text, struct text *out)
{
    assert_int_equal(note_sign(out, text, strlen(text), ORIGIN, world->key, NULL), OK);
}

static int open_note(const char *bytes, size_t length, struct note *note)
{
    static struct why why;
    return note_read(note, bytes, length, &why);
}

static void a_note_is_read_and_verified(void **state)
{
    struct world *world = *state;
    struct text text = text_make(4096);
    struct note note;
    sign_text(world,
              "first\n\nsecond \xc2\xb0"
              "C\n",
              &text);
    assert_int_equal(open_note(text.data, text.length, &note), OK);
    assert_int_equal(note.count, 1);
    assert_int_equal(note.text_length, strlen("first\n\nsecond \xc2\xb0"
                                              "C\n"));
    const struct public_key *key = signing_key_public(world->key);
    const struct public_key *other = signing_key_public(world->other);
    assert_int_equal(note_verify(&note, ORIGIN, key, NULL), OK);
    assert_int_equal(note_verify(&note, "another", key, NULL), ERROR_ABSENT);
    assert_int_equal(note_verify(&note, ORIGIN, other, NULL), ERROR_ABSENT);
    text_free(&text);
}

static void signatures_of_others_are_passed_over_but_not_in_what_is_kept(void **state)
{
    struct world *world = *state;
    struct text text = text_make(4096), second = text_make(4096);
    struct note note;
    sign_text(world, "text\n", &text);
    assert_int_equal(note_sign(&second, "text\n", 5, "witness", world->other, NULL), OK);
    const char *line = strstr(second.data, "\n\n") + 2;
    text_append_string(&text, line);
    assert_int_equal(open_note(text.data, text.length, &note), OK);
    assert_int_equal(note.count, 2);
    const struct public_key *key = signing_key_public(world->key);
    assert_int_equal(note_verify(&note, ORIGIN, key, NULL), OK);
    assert_int_equal(note_verify_sole(&note, ORIGIN, key, NULL), ERROR_REFUSED);
    // The same line again.
    text_append_string(&text, line);
    assert_int_equal(open_note(text.data, text.length, &note), ERROR_INPUT);
    text_free(&text);
    text_free(&second);
}

static void a_note_of_another_form_is_refused(void **state)
{
    static const char *const notes[] = {
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        "text\n\n\xe2\x80\x94 name AAAAAAA=",           // no newline
        "text\n\n\xe2\x80\x94 name AAAAAA==\n",         // an identifier and nothing behind it
        "text\n\n- name AAAAAAA=\n",                    // another dash
        "text\n\n\xe2\x80\x94name AAAAAAA=\n",          // no blank
        "text\n\n\xe2\x80\x94  AAAAAAA=\n",             // no name
        "text\n\n\xe2\x80\x94 na+me AAAAAAA=\n",        // plus
        "text\n\n\xe2\x80\x94 name AAAAAAA=\n\n",       // a blank line behind
        "text\n\n\xe2\x80\x94 name AAAAAAA= \n",        // a blank behind
        "text\n\n\xe2\x80\x94 name AAAAAAB=\n",         // unused bits
        "te\txt\n\n\xe2\x80\x94 name AAAAAAA=\n",       // a control character
        "te\xc0\x80xt\n\n\xe2\x80\x94 name AAAAAAA=\n", // overlong
        "te\xffxt\n\n\xe2\x80\x94 name AAAAAAA=\n",     // no UTF-8
        "text\r\n\r\n\xe2\x80\x94 name AAAAAAA=\r\n",
    };
    (void)state;
    struct note note;
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        if (open_note(notes[i], strlen(notes[i]), &note) != ERROR_INPUT) {
            fail_msg("note %zu was taken", i);
        }
    }
    const char good[] = "text\n\n\xe2\x80\x94 name AAAAAAA=\n";
    assert_int_equal(open_note(good, strlen(good), &note), OK);
}

static void a_note_has_a_greatest_size(void **state)
{
    (void)state;
    struct note note;
    char *bytes = malloc(NOTE_BYTES_MAX + 1);
    memset(bytes, 'a', NOTE_BYTES_MAX + 1);
    assert_int_equal(open_note(bytes, NOTE_BYTES_MAX + 1, &note), ERROR_RANGE);
    free(bytes);
    struct text text = text_make(NOTE_BYTES_MAX);
    text_append_string(&text, "text\n\n");
    for (int i = 0; i < NOTE_SIGNATURES_MAX; i++) {
        text_append_format(&text, "\xe2\x80\x94 name%d AAAAAAA=\n", i);
    }
    assert_int_equal(open_note(text.data, text.length, &note), OK);
    text_append_string(&text, "\xe2\x80\x94 more AAAAAAA=\n");
    assert_int_equal(open_note(text.data, text.length, &note), ERROR_RANGE);
    text_free(&text);
}

static void what_is_no_text_of_a_note_is_not_signed(void **state)
{
    struct world *world = *state;
    static const char *const texts[] = {"",        "no newline", "\n",    "blank at the end\n\n",
                                        "\nblank", "tab\t\n",    "\xff\n"};
    struct text out = text_make(4096);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(note_sign(&out, texts[i], strlen(texts[i]), ORIGIN, world->key, NULL),
                         ERROR_INPUT);
        assert_int_equal(out.length, 0);
    }
    assert_int_equal(note_sign(&out, "a\n", 2, "two words", world->key, NULL), ERROR_INPUT);
    text_free(&out);
}

// --- checkpoints, proofs, receipts ----------------------------------------------------------

static struct checkpoint sample_checkpoint(void)
{
    struct checkpoint checkpoint = {.origin = ORIGIN, .size = 20852163};
    for (int i = 0; i < DIGEST_SIZE; i++) {
        checkpoint.root.bytes[i] = (uint8_t)(i * 7);
    }
    return checkpoint;
}

static void sign_checkpoint(struct world *world, struct text *out)
{
    struct checkpoint checkpoint = sample_checkpoint();
    struct text text = text_make(1024);
    checkpoint_write(&text, &checkpoint);
    assert_int_equal(note_sign(out, text.data, text.length, ORIGIN, world->key, NULL), OK);
    text_free(&text);
}

static void any_bit_of_a_checkpoint_counts(void **state)
{
    struct world *world = *state;
    const struct public_key *key = signing_key_public(world->key);
    struct text note = text_make(4096);
    struct checkpoint wanted = sample_checkpoint(), got;
    struct why why = {""};
    sign_checkpoint(world, &note);
    assert_int_equal(checkpoint_open(&got, note.data, note.length, key, &why), OK);
    assert_string_equal(got.origin, wanted.origin);
    assert_int_equal(got.size, wanted.size);
    assert_memory_equal(&got.root, &wanted.root, sizeof got.root);
    for (size_t bit = 0; bit < note.length * 8; bit++) {
        note.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(checkpoint_open(&got, note.data, note.length, key, &why), OK);
        note.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t length = 0; length < note.length; length++) {
        assert_int_not_equal(checkpoint_open(&got, note.data, length, key, &why), OK);
    }
    text_free(&note);
}

static void a_checkpoint_has_one_form(void **state)
{
    (void)state;
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    static const struct {
        const char *text;
        const char *why; // NULL: taken
    } rows[] = {
        {"a/b\n20852163\n" ROOT, NULL},
        {"a/b\n0\n" ROOT, NULL},
        {"a/b\n9223372036854775807\n" ROOT, NULL},
        {"a/b\n9223372036854775808\n" ROOT, "line 2: expected a decimal number"},
        {"a/b\n99999999999999999999\n" ROOT, "line 2: expected a decimal number"},
        {"a/b\n020\n" ROOT, "line 2: expected a decimal number"},
        {"a/b\n+20\n" ROOT, "line 2: expected a decimal number"},
        {"a/b\n-1\n" ROOT, "line 2: expected a decimal number"},
        {"a/b\n\n" ROOT, "line 2: expected a decimal number"},
        {"a/b\n20 \n" ROOT, "line 2: expected a decimal number"},
        {"\n20\n" ROOT, "line 1: expected a name"},
        {"a b\n20\n" ROOT, "line 1: expected a name"},
        {"a/b\n20\nCsUY\n", "line 3: expected a hash"},
        {"a/b\n20\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", "line 3: expected a hash"},
        {"a/b\n20\n" ROOT "more\n", "line 4: expected the end"},
        {"a/b\n20\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "line 3: expected a hash"},
        {"a/b\n20\n", "line 3: expected a hash"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct checkpoint checkpoint;
        struct why why = {""};
        int error = checkpoint_read(&checkpoint, rows[i].text, strlen(rows[i].text), &why);
        assert_int_equal(error, rows[i].why ? ERROR_INPUT : OK);
        if (rows[i].why && !strstr(why.text, rows[i].why)) {
            fail_msg("row %zu: \"%s\", expected \"%s\"", i, why.text, rows[i].why);
        }
    }
}

static void a_proof_is_written_and_read(void **state)
{
    struct world *world = *state;
    struct text note = text_make(4096), text = text_make(8192), again = text_make(8192);
    struct digest hashes[3] = {{{1}}, {{2}}, {{3}}};
    struct checkpoint_proof proof;
    struct why why = {""};
    sign_checkpoint(world, &note);
    checkpoint_proof_write(&text, 73894, hashes, 3, note.data, note.length);
    assert_int_equal(checkpoint_proof_read(&proof, text.data, text.length, &why), OK);
    assert_int_equal(proof.index, 73894);
    assert_int_equal(proof.count, 3);
    assert_memory_equal(proof.hashes, hashes, sizeof hashes);
    assert_int_equal(proof.note_length, note.length);
    assert_memory_equal(proof.note, note.data, note.length);
    checkpoint_proof_write(&again, 0, hashes, 0, note.data, note.length);
    assert_int_equal(checkpoint_proof_read(&proof, again.data, again.length, &why), OK);
    assert_int_equal(proof.count, 0);
    const char extra[] = "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n";
    assert_int_equal(checkpoint_proof_read(&proof, extra, strlen(extra), &why), ERROR_INPUT);
    text_clear(&text);
    struct digest many[CHECKPOINT_PROOF_MAX + 1] = {0};
    checkpoint_proof_write(&text, 1, many, CHECKPOINT_PROOF_MAX + 1, note.data, note.length);
    assert_int_equal(checkpoint_proof_read(&proof, text.data, text.length, &why), ERROR_INPUT);
    text_free(&note);
    text_free(&text);
    text_free(&again);
}

static struct receipt sample_receipt(void)
{
    struct receipt receipt = {.centre = "fuzhou-testing-centre",
                              .time_s = 1795498776,
                              .nonce = "0123456789abcdef0123456789abcdef",
                              .from = 3,
                              .head = sample_checkpoint()};
    return receipt;
}

static void any_bit_of_a_receipt_counts(void **state)
{
    struct world *world = *state;
    const struct public_key *key = signing_key_public(world->key);
    struct receipt wanted = sample_receipt(), got;
    struct text note = text_make(4096);
    struct why why = {""};
    assert_int_equal(receipt_sign(&note, &wanted, world->key, &why), OK);
    assert_int_equal(receipt_open(&got, note.data, note.length, NULL, key, &why), OK);
    assert_string_equal(got.centre, wanted.centre);
    assert_string_equal(got.nonce, wanted.nonce);
    assert_int_equal(got.time_s, wanted.time_s);
    assert_int_equal(got.from, wanted.from);
    assert_int_equal(got.head.size, wanted.head.size);
    assert_int_equal(receipt_open(&got, note.data, note.length, "fuzhou-testing-centre", key, &why),
                     OK);
    assert_int_equal(receipt_open(&got, note.data, note.length, "another", key, &why),
                     ERROR_ABSENT);
    assert_int_equal(
        receipt_open(&got, note.data, note.length, NULL, signing_key_public(world->other), &why),
        ERROR_ABSENT);
    for (size_t bit = 0; bit < note.length * 8; bit++) {
        note.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(receipt_open(&got, note.data, note.length, NULL, key, &why), OK);
        note.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    // A resume note or a checkpoint is no receipt, though the key is right.
    struct resume resume = {.centre = "c", .time_s = 1, .from = 4, .origin = ORIGIN};
    strcpy(resume.nonce, wanted.nonce);
    struct text other = text_make(4096);
    assert_int_equal(resume_sign(&other, &resume, world->key, &why), OK);
    assert_int_equal(receipt_open(&got, other.data, other.length, NULL, key, &why), ERROR_INPUT);
    text_clear(&other);
    sign_checkpoint(world, &other);
    assert_int_equal(receipt_open(&got, other.data, other.length, NULL, key, &why), ERROR_INPUT);
    text_free(&note);
    text_free(&other);
}

static void hello_and_resume_go_out_and_come_back(void **state)
{
    struct world *world = *state;
    struct text text = text_make(4096);
    struct why why = {""};
    struct hello hello = {.first = 256, .origin = ORIGIN, .size = 1000}, heard;
    strcpy(hello.nonce, "0123456789abcdef0123456789abcdef");
    hello.key = *signing_key_public(world->key);
    hello_write(&text, &hello);
    assert_int_equal(hello_read(&heard, text.data, text.length, &why), OK);
    assert_string_equal(heard.nonce, hello.nonce);
    assert_memory_equal(&heard.key, &hello.key, sizeof hello.key);
    assert_int_equal(heard.first, 256);
    assert_int_equal(heard.size, 1000);
    for (size_t length = 0; length < text.length; length++) {
        assert_int_equal(hello_read(&heard, text.data, length, &why), ERROR_INPUT);
    }
    hello.key.der[60] ^= 1; // no point of the curve
    text_clear(&text);
    hello_write(&text, &hello);
    assert_int_equal(hello_read(&heard, text.data, text.length, &why), ERROR_INPUT);
    assert_non_null(strstr(why.text, "line 3"));
    hello.key = *signing_key_public(world->key);
    hello.first = 1001;
    text_clear(&text);
    hello_write(&text, &hello);
    assert_int_equal(hello_read(&heard, text.data, text.length, &why), ERROR_INPUT);

    struct resume resume = {.centre = "c", .time_s = 1, .from = 4, .origin = ORIGIN}, got;
    strcpy(resume.nonce, hello.nonce);
    text_clear(&text);
    assert_int_equal(resume_sign(&text, &resume, world->key, &why), OK);
    const struct public_key *key = signing_key_public(world->key);
    assert_int_equal(resume_open(&got, text.data, text.length, "c", key, &why), OK);
    assert_int_equal(got.from, 4);
    assert_string_equal(got.origin, ORIGIN);
    // Without a nonce a resume note would be good for ever.
    strcpy(resume.nonce, "-");
    text_clear(&text);
    assert_int_equal(resume_sign(&text, &resume, world->key, &why), OK);
    assert_int_equal(resume_open(&got, text.data, text.length, "c", key, &why), ERROR_INPUT);
    text_free(&text);
}

static void a_trusted_key_comes_from_either_form(void **state)
{
    struct world *world = *state;
    struct trusted_key trusted;
    struct why why = {""};
    struct text text = text_make(4096);
    char *path = path_in(world, "trusted");
    note_key_write(&text, "centre", signing_key_public(world->key));
    text_append_string(&text, "\n");
    write_file(path, text.data, 0644);
    assert_int_equal(trusted_key_load(&trusted, path, &why), OK);
    assert_string_equal(trusted.name, "centre");
    assert_memory_equal(&trusted.key, signing_key_public(world->key), sizeof trusted.key);
    text_clear(&text);
    public_key_write_pem(signing_key_public(world->key), &text);
    write_file(path, text.data, 0644);
    assert_int_equal(trusted_key_load(&trusted, path, &why), OK);
    assert_string_equal(trusted.name, "");
    // A private key is nobody's to trust.
    assert_int_equal(trusted_key_load(&trusted, path_in(world, "one"), &why), ERROR_INPUT);
    assert_int_equal(trusted_key_load(&trusted, path_in(world, "none"), &why), ERROR_ABSENT);
    text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_rfc_6979),
        cmocka_unit_test(a_signature_verifies_only_as_it_is),
        cmocka_unit_test(a_signature_in_another_form_of_der_is_refused),
        cmocka_unit_test(a_key_file_is_made_once_and_for_its_owner),
        cmocka_unit_test(what_is_no_p256_key_is_refused),
        cmocka_unit_test(public_keys_go_out_and_come_back),
        cmocka_unit_test(a_request_names_whom_it_is_for),
        cmocka_unit_test(base64_has_one_form),
        cmocka_unit_test(a_note_is_read_and_verified),
        cmocka_unit_test(signatures_of_others_are_passed_over_but_not_in_what_is_kept),
        cmocka_unit_test(a_note_of_another_form_is_refused),
        cmocka_unit_test(a_note_has_a_greatest_size),
        cmocka_unit_test(what_is_no_text_of_a_note_is_not_signed),
        cmocka_unit_test(any_bit_of_a_checkpoint_counts),
        cmocka_unit_test(a_checkpoint_has_one_form),
        cmocka_unit_test(a_proof_is_written_and_read),
        cmocka_unit_test(any_bit_of_a_receipt_counts),
        cmocka_unit_test(hello_and_resume_go_out_and_come_back),
        cmocka_unit_test(a_trusted_key_comes_from_either_form),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
