#include "ident/checkpoint.h"

#include "ident/base64.h"
#include "ident/lines.h"

#include <inttypes.h>
#include <string.h>

static const char proof_head[] = "c2sp.org/tlog-proof@v1";

static void write_hash(struct text *out, const struct digest *hash)
{
    base64_append(out, hash->bytes, DIGEST_SIZE);
    text_append(out, "\n", 1);
}

void checkpoint_write(struct text *out, const struct checkpoint *checkpoint)
{
    text_append_format(out, "%s\n%" PRIu64 "\n", checkpoint->origin, checkpoint->size);
    write_hash(out, &checkpoint->root);
}

int checkpoint_read_lines(struct lines *lines, struct checkpoint *checkpoint)
{
    int error = lines_next_name(lines, "", checkpoint->origin, NOTE_NAME_MAX);
    error = error ? error : lines_next_number(lines, "", &checkpoint->size);
    error = error ? error : lines_next_hash(lines, &checkpoint->root);
    return error ? error : lines_end(lines);
}

int checkpoint_read(struct checkpoint *checkpoint, const char *text, size_t length, struct why *why)
{
    struct lines lines = {.at = text, .end = text + length, .why = why};
    return checkpoint_read_lines(&lines, checkpoint);
}

int checkpoint_open(struct checkpoint *checkpoint, const void *bytes, size_t length,
                    const struct public_key *key, struct why *why)
{
    struct note note;
    int error = note_read(&note, bytes, length, why);
    error = error ? error : checkpoint_read(checkpoint, note.text, note.text_length, why);
    return error ? error : note_verify_sole(&note, checkpoint->origin, key, why);
}

void checkpoint_proof_write_as(struct text *out, const char *head, uint64_t index,
                               const struct digest *hashes, size_t count, const void *note,
                               size_t note_length)
{
    text_append_format(out, "%s\nindex %" PRIu64 "\n", head, index);
    for (size_t i = 0; i < count; i++) {
        write_hash(out, &hashes[i]);
    }
    text_append(out, "\n", 1);
    text_append(out, note, note_length);
}

void checkpoint_proof_write(struct text *out, uint64_t index, const struct digest *hashes,
                            size_t count, const void *note, size_t note_length)
{
    checkpoint_proof_write_as(out, proof_head, index, hashes, count, note, note_length);
}

int checkpoint_proof_read(struct checkpoint_proof *proof, const void *bytes, size_t length,
                          struct why *why)
{
    return checkpoint_proof_read_as(proof, proof_head, bytes, length, why);
}

int checkpoint_proof_read_as(struct checkpoint_proof *proof, const char *head, const void *bytes,
                             size_t length, struct why *why)
{
    const char *text = bytes;
    struct lines lines = {.at = text, .end = text + length, .why = why};
    struct line line;
    proof->count = 0;
    int error = lines_next_head(&lines, head);
    error = error ? error : lines_next_number(&lines, "index", &proof->index);
    while (!error && lines.at < lines.end && *lines.at != '\n') {
        if (proof->count == CHECKPOINT_PROOF_MAX) {
            lines.number++;
            return lines_fault(&lines, "at most 64 hashes, then a blank line");
        }
        error = lines_next_hash(&lines, &proof->hashes[proof->count]);
        proof->count += !error;
    }
    error = error ? error : lines_next(&lines, "a blank line, then the checkpoint", &line);
    proof->note = lines.at;
    proof->note_length = (size_t)(lines.end - lines.at);
    return error;
}
