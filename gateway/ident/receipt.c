#include "ident/receipt.h"

#include "ident/base64.h"
#include "ident/lines.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_MAX 1024

static const char hello_head[] = "tally-hello/v1";
static const char receipt_head[] = "tally-receipt/v1";
static const char resume_head[] = "tally-resume/v1";

static int next_nonce(struct lines *lines, bool may_be_none, char nonce[NONCE_HEX])
{
    const char *expected =
        may_be_none ? "nonce, and 32 hexadecimal digits or -" : "nonce, and 32 hexadecimal digits";
    struct line line;
    uint8_t bytes[16];
    int error = lines_next_of(lines, "nonce", expected, &line);
    if (error) {
        return error;
    }
    bool none = may_be_none && line.length == 1 && line.bytes[0] == '-';
    if (!none &&
        (line.length != NONCE_HEX - 1 || text_parse_hex(line.bytes, bytes, sizeof bytes))) {
        return lines_fault(lines, expected);
    }
    memcpy(nonce, line.bytes, line.length);
    nonce[line.length] = '\0';
    return OK;
}

void hello_write(struct text *out, const struct hello *hello)
{
    text_append_format(out, "%s\nnonce %s\nkey ", hello_head, hello->nonce);
    base64_append(out, hello->key.der, sizeof hello->key.der);
    text_append_format(out, "\nfirst %" PRIu64 "\n%s\n%" PRIu64 "\n", hello->first, hello->origin,
                       hello->size);
}

static int next_key(struct lines *lines, struct public_key *key)
{
    static const char expected[] = "key, and 91 bytes of DER in base64: a key on P-256";
    uint8_t der[PUBLIC_KEY_DER];
    struct line line;
    size_t length;
    int error = lines_next_of(lines, "key", expected, &line);
    if (error) {
        return error;
    }
    return base64_read(line.bytes, line.length, der, sizeof der, &length) == OK &&
                   length == sizeof der && public_key_read_der(key, der, length, NULL) == OK
               ? OK
               : lines_fault(lines, expected);
}

int hello_read(struct hello *hello, const void *bytes, size_t length, struct why *why)
{
    const char *text = bytes;
    struct lines lines = {.at = text, .end = text + length, .why = why};
    int error = lines_next_head(&lines, hello_head);
    error = error ? error : next_nonce(&lines, false, hello->nonce);
    error = error ? error : next_key(&lines, &hello->key);
    error = error ? error : lines_next_number(&lines, "first", &hello->first);
    error = error ? error : lines_next_name(&lines, "", hello->origin, NOTE_NAME_MAX);
    error = error ? error : lines_next_number(&lines, "", &hello->size);
    if (!error && hello->first > hello->size) {
        error = lines_fault(&lines, "a size that is not below first");
    }
    return error ? error : lines_end(&lines);
}

// The lines that receipt and resume begin with.
static void write_opening(struct text *out, const char *head, const char *centre, int64_t time_s,
                          const char *nonce, uint64_t from)
{
    text_append_format(out, "%s\ncentre %s\ntime %" PRId64 "\nnonce %s\nfrom %" PRIu64 "\n", head,
                       centre, time_s, nonce, from);
}

static int read_opening(struct lines *lines, const char *head, char *centre, int64_t *time_s,
                        bool nonce_may_be_none, char *nonce, uint64_t *from)
{
    uint64_t seconds;
    int error = lines_next_head(lines, head);
    error = error ? error : lines_next_name(lines, "centre", centre, NOTE_NAME_MAX);
    error = error ? error : lines_next_number(lines, "time", &seconds);
    error = error ? error : next_nonce(lines, nonce_may_be_none, nonce);
    error = error ? error : lines_next_number(lines, "from", from);
    if (!error) {
        *time_s = (int64_t)seconds;
    }
    return error;
}

// The signature under the stated name, alone; and the name wanted, where one is.
static int verify(const struct note *note, const char *centre, const char *name,
                  const struct public_key *key, struct why *why)
{
    if (name && strcmp(name, centre) != 0) {
        return why_set(why, ERROR_ABSENT, "of the centre %s; expected %s", centre, name);
    }
    return note_verify_sole(note, centre, key, why);
}

int receipt_sign(struct text *out, const struct receipt *receipt, struct signing_key *key,
                 struct why *why)
{
    struct text text = text_make(TEXT_MAX);
    write_opening(&text, receipt_head, receipt->centre, receipt->time_s, receipt->nonce,
                  receipt->from);
    checkpoint_write(&text, &receipt->head);
    int error = text.failed ? why_set(why, ERROR_MEMORY, "no room for a receipt")
                            : note_sign(out, text.data, text.length, receipt->centre, key, why);
    text_free(&text);
    return error;
}

int receipt_read(struct receipt *receipt, struct note *note, const void *bytes, size_t length,
                 struct why *why)
{
    int error = note_read(note, bytes, length, why);
    if (error) {
        return error;
    }
    struct lines lines = {.at = note->text, .end = note->text + note->text_length, .why = why};
    error = read_opening(&lines, receipt_head, receipt->centre, &receipt->time_s, true,
                         receipt->nonce, &receipt->from);
    error = error ? error : checkpoint_read_lines(&lines, &receipt->head);
    if (!error && receipt->from > receipt->head.size) {
        error = why_set(why, ERROR_INPUT, "from is above the size");
    }
    return error;
}

int receipt_verify(const struct receipt *receipt, const struct note *note, const char *name,
                   const struct public_key *key, struct why *why)
{
    return verify(note, receipt->centre, name, key, why);
}

int receipt_open(struct receipt *receipt, const void *bytes, size_t length, const char *name,
                 const struct public_key *key, struct why *why)
{
    struct note note;
    int error = receipt_read(receipt, &note, bytes, length, why);
    return error ? error : verify(&note, receipt->centre, name, key, why);
}

int resume_sign(struct text *out, const struct resume *resume, struct signing_key *key,
                struct why *why)
{
    struct text text = text_make(TEXT_MAX);
    write_opening(&text, resume_head, resume->centre, resume->time_s, resume->nonce, resume->from);
    text_append_format(&text, "%s\n", resume->origin);
    int error = text.failed ? why_set(why, ERROR_MEMORY, "no room for a resume note")
                            : note_sign(out, text.data, text.length, resume->centre, key, why);
    text_free(&text);
    return error;
}

int resume_open(struct resume *resume, const void *bytes, size_t length, const char *name,
                const struct public_key *key, struct why *why)
{
    struct note note;
    int error = note_read(&note, bytes, length, why);
    if (error) {
        return error;
    }
    struct lines lines = {.at = note.text, .end = note.text + note.text_length, .why = why};
    error = read_opening(&lines, resume_head, resume->centre, &resume->time_s, false, resume->nonce,
                         &resume->from);
    error = error ? error : lines_next_name(&lines, "", resume->origin, NOTE_NAME_MAX);
    error = error ? error : lines_end(&lines);
    return error ? error : verify(&note, resume->centre, name, key, why);
}
