#include "ident/note.h"

#include "ident/base64.h"

#include <stdio.h>
#include <string.h>

#define DASH        "\xe2\x80\x94 " // em dash, blank
#define DASH_LENGTH 4
#define TYPE_ECDSA  0x02
#define SIGNED_MAX  8192 // bytes of an identifier and a signature, whatever the algorithm

bool note_name_is_valid(const char *name, size_t length)
{
    if (length == 0 || length > NOTE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (name[i] < '!' || name[i] > '~' || name[i] == '+') {
            return false;
        }
    }
    return true;
}

// The offset of the first byte that a note cannot have, or `length`.
static size_t first_foreign(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t step = bytes[at] == '\n'          ? 1
                      : (uint8_t)bytes[at] < ' ' ? 0
                                                 : text_utf8_length(bytes + at, length - at);
        if (step == 0) {
            break;
        }
        at += step;
    }
    return at;
}

static size_t line_of(const char *bytes, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++) {
        line += bytes[i] == '\n';
    }
    return line;
}

int note_sign(struct text *out, const char *text, size_t length, const char *name,
              struct signing_key *key, struct why *why)
{
    if (length == 0 || text[length - 1] != '\n' || first_foreign(text, length) != length ||
        text[0] == '\n' || (length > 1 && text[length - 2] == '\n')) {
        return why_set(why, ERROR_INPUT, "not the text of a note");
    }
    if (!note_name_is_valid(name, strlen(name))) {
        return why_set(why, ERROR_INPUT, "\"%.64s\" is no name for a signature", name);
    }
    uint8_t bytes[PUBLIC_KEY_ID + SIGNATURE_MAX];
    size_t signature_length;
    public_key_id(signing_key_public(key), bytes);
    int error = signing_key_sign(key, text, length, bytes + PUBLIC_KEY_ID, &signature_length, why);
    if (error) {
        return error;
    }
    size_t before = out->length;
    text_append(out, text, length);
    text_append_format(out, "\n" DASH "%s ", name);
    base64_append(out, bytes, PUBLIC_KEY_ID + signature_length);
    text_append(out, "\n", 1);
    if (out->failed) {
        out->length = before;
        return why_set(why, ERROR_MEMORY, "no room for a note");
    }
    return OK;
}

// Where the signature lines begin: behind the last blank line. 0 when there is none.
static size_t signatures_from(const char *bytes, size_t length)
{
    for (size_t at = length; at >= 2; at--) {
        if (bytes[at - 1] == '\n' && bytes[at - 2] == '\n') {
            return at;
        }
    }
    return 0;
}

// One line without its newline: dash, name, blank, base64. False when it is of another form.
static bool read_signature(const char *line, size_t length, struct note_signature *signature)
{
    if (length < DASH_LENGTH || memcmp(line, DASH, DASH_LENGTH) != 0) {
        return false;
    }
    const char *name = line + DASH_LENGTH, *end = line + length;
    const char *blank = memchr(name, ' ', (size_t)(end - name));
    if (!blank || !note_name_is_valid(name, (size_t)(blank - name))) {
        return false;
    }
    uint8_t bytes[SIGNED_MAX];
    size_t count;
    const char *digits = blank + 1;
    if (base64_read(digits, (size_t)(end - digits), bytes, sizeof bytes, &count) ||
        count <= PUBLIC_KEY_ID) {
        return false;
    }
    *signature = (struct note_signature){.name = name,
                                         .name_length = (size_t)(blank - name),
                                         .digits = digits,
                                         .digit_count = (size_t)(end - digits)};
    memcpy(signature->id, bytes, PUBLIC_KEY_ID);
    return true;
}

static bool is_same_signer(const struct note_signature *a, const struct note_signature *b)
{
    return a->name_length == b->name_length && memcmp(a->name, b->name, a->name_length) == 0 &&
           memcmp(a->id, b->id, PUBLIC_KEY_ID) == 0;
}

static int add_signature(struct note *note, const char *line, size_t length, size_t line_number,
                         struct why *why)
{
    if (note->count == NOTE_SIGNATURES_MAX) {
        return why_set(why, ERROR_RANGE, "line %zu: more than %d signatures", line_number,
                       NOTE_SIGNATURES_MAX);
    }
    struct note_signature *signature = &note->signatures[note->count];
    if (!read_signature(line, length, signature)) {
        return why_set(why, ERROR_INPUT,
                       "line %zu: expected a signature: em dash, name, canonical base64",
                       line_number);
    }
    for (size_t i = 0; i < note->count; i++) {
        if (is_same_signer(&note->signatures[i], signature)) {
            return why_set(why, ERROR_INPUT, "line %zu: a second signature by the same key",
                           line_number);
        }
    }
    note->count++;
    return OK;
}

int note_read(struct note *note, const void *bytes, size_t length, struct why *why)
{
    *note = (struct note){.text = bytes};
    const char *text = bytes;
    if (length > NOTE_BYTES_MAX) {
        return why_set(why, ERROR_RANGE, "a note of %zu bytes; at most %u are taken", length,
                       NOTE_BYTES_MAX);
    }
    size_t foreign = first_foreign(text, length);
    if (foreign < length) {
        return why_set(why, ERROR_INPUT, "line %zu: byte %02x has no place in a note",
                       line_of(text, foreign), (unsigned)(uint8_t)text[foreign]);
    }
    if (length == 0 || text[length - 1] != '\n') {
        return why_set(why, ERROR_INPUT, "the last line has no end");
    }
    size_t at = signatures_from(text, length);
    if (at < 3) {
        return why_set(why, ERROR_INPUT, "expected a text, a blank line, and signatures");
    }
    note->text_length = at - 1;
    for (size_t line = line_of(text, at); at < length; line++) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t width = (size_t)(end - text) - at;
        int error = add_signature(note, text + at, width, line, why);
        if (error) {
            return error;
        }
        at += width + 1;
    }
    return note->count ? OK : why_set(why, ERROR_INPUT, "no signature");
}

int note_verify(const struct note *note, const char *name, const struct public_key *key,
                struct why *why)
{
    struct note_signature wanted = {.name = name, .name_length = strlen(name)};
    public_key_id(key, wanted.id);
    for (size_t i = 0; i < note->count; i++) {
        const struct note_signature *signature = &note->signatures[i];
        if (!is_same_signer(signature, &wanted)) {
            continue;
        }
        uint8_t bytes[PUBLIC_KEY_ID + SIGNATURE_MAX];
        size_t count = 0;
        int error =
            base64_read(signature->digits, signature->digit_count, bytes, sizeof bytes, &count);
        if (!error) {
            error = public_key_verify(key, note->text, note->text_length, bytes + PUBLIC_KEY_ID,
                                      count - PUBLIC_KEY_ID);
        }
        if (error == ERROR_MEMORY) {
            return why_set(why, error, "no memory to verify a signature");
        }
        return error ? why_set(why, ERROR_REFUSED, "the signature of %s does not verify", name)
                     : OK;
    }
    return why_set(why, ERROR_ABSENT,
                   "not signed by %s with the key %02x%02x%02x%02x (the first is %.*s with "
                   "%02x%02x%02x%02x)",
                   name, wanted.id[0], wanted.id[1], wanted.id[2], wanted.id[3],
                   (int)note->signatures[0].name_length, note->signatures[0].name,
                   note->signatures[0].id[0], note->signatures[0].id[1], note->signatures[0].id[2],
                   note->signatures[0].id[3]);
}

int note_verify_sole(const struct note *note, const char *name, const struct public_key *key,
                     struct why *why)
{
    int error = note_verify(note, name, key, why);
    if (!error && note->count != 1) {
        return why_set(why, ERROR_REFUSED, "%zu signatures; expected that of %s alone", note->count,
                       name);
    }
    return error;
}

void note_key_write(struct text *out, const char *name, const struct public_key *key)
{
    uint8_t id[PUBLIC_KEY_ID], typed[1 + PUBLIC_KEY_DER] = {TYPE_ECDSA};
    public_key_id(key, id);
    memcpy(typed + 1, key->der, PUBLIC_KEY_DER);
    text_append_format(out, "%s+", name);
    text_append_hex(out, id, sizeof id);
    text_append(out, "+", 1);
    base64_append(out, typed, sizeof typed);
}

int note_key_read(const char *line, size_t length, char name[NOTE_NAME_MAX + 1],
                  struct public_key *key, struct why *why)
{
    const char *end = line + length, *plus = memchr(line, '+', length);
    if (!plus || !note_name_is_valid(line, (size_t)(plus - line)) ||
        end - plus < 2 + 2 * PUBLIC_KEY_ID || plus[1 + 2 * PUBLIC_KEY_ID] != '+') {
        return why_set(why, ERROR_INPUT, "expected <name>+<8 hexadecimal digits>+<base64>");
    }
    uint8_t id[PUBLIC_KEY_ID], own_id[PUBLIC_KEY_ID], typed[1 + PUBLIC_KEY_DER];
    size_t count;
    const char *digits = plus + 2 + 2 * PUBLIC_KEY_ID;
    if (text_parse_hex(plus + 1, id, sizeof id) ||
        base64_read(digits, (size_t)(end - digits), typed, sizeof typed, &count) ||
        count != sizeof typed || typed[0] != TYPE_ECDSA) {
        return why_set(why, ERROR_INPUT,
                       "not a key of type 0x02: expected ECDSA on P-256, %d bytes of DER",
                       PUBLIC_KEY_DER);
    }
    struct public_key read;
    int error = public_key_read_der(&read, typed + 1, PUBLIC_KEY_DER, why);
    if (error) {
        return error;
    }
    public_key_id(&read, own_id);
    if (memcmp(id, own_id, sizeof id) != 0) {
        return why_set(why, ERROR_INPUT, "the identifier is not that of the key");
    }
    memcpy(name, line, (size_t)(plus - line));
    name[plus - line] = '\0';
    *key = read;
    return OK;
}

int trusted_key_load(struct trusted_key *trusted, const char *path, struct why *why)
{
    char bytes[KEY_FILE_MAX + 1];
    size_t length;
    int error = key_file_read(path, bytes, &length, why);
    if (error) {
        return error;
    }
    struct why particulars = {""};
    trusted->name[0] = '\0';
    if (strstr(bytes, "-----BEGIN")) {
        error = public_key_read_pem(&trusted->key, bytes, length, &particulars);
    } else {
        while (length && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r')) {
            length--;
        }
        error = note_key_read(bytes, length, trusted->name, &trusted->key, &particulars);
    }
    return error ? why_set(why, error, "%s: %s", path, particulars.text) : OK;
}
