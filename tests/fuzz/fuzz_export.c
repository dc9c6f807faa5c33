// Fuzzes the reader and the check of exports. An input that begins with "r" is an archive as it is;
// any other is taken for entries, from which a canonical archive is made, so that what is behind
// the headers' sums and the hashes in names is reached too:
//
//     kind (1 byte: which entry, modulo 6), length (2 bytes, low first), contents; again and again
//
// Whatever is read whole must be the bytes that writing its entries gives.
#include "archive/export.h"
#include "archive/ustar.h"
#include "archive/verify.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void put_hashed(FILE *to, const char *kind, const uint8_t *bytes, size_t length)
{
    char name[USTAR_NAME_MAX + 1], hex[DIGEST_HEX];
    struct digest hash = digest_of(NULL, 0, bytes, length);
    text_format_hex(hash.bytes, DIGEST_SIZE, hex);
    snprintf(name, sizeof name, "%s%s", kind, hex);
    ustar_put(to, name, bytes, length, NULL);
}

static void put_entry(FILE *to, unsigned kind, const uint8_t *bytes, size_t length,
                      unsigned *receipts, unsigned *blocks)
{
    char name[USTAR_NAME_MAX + 1];
    switch (kind % 6) {
    case 0: ustar_put(to, EXPORT_README, export_readme, strlen(export_readme), NULL); break;
    case 1: ustar_put(to, EXPORT_PROOF, bytes, length, NULL); break;
    case 2:
        snprintf(name, sizeof name, EXPORT_RECEIPTS "%u", ++*receipts);
        ustar_put(to, name, bytes, length, NULL);
        break;
    case 3: put_hashed(to, EXPORT_DEFINITIONS, bytes, length); break;
    case 4: put_hashed(to, EXPORT_FILES, bytes, length); break;
    default:
        snprintf(name, sizeof name, EXPORT_BLOCKS "%020u.jsonl", 256 * (*blocks)++);
        ustar_put(to, name, bytes, length, NULL);
    }
}

static void make_archive(FILE *to, const uint8_t *bytes, size_t length)
{
    unsigned receipts = 0, blocks = 0;
    put_entry(to, 0, NULL, 0, &receipts, &blocks);
    while (length >= 3) {
        size_t size = (size_t)bytes[1] | (size_t)bytes[2] << 8;
        size = size < length - 3 ? size : length - 3;
        put_entry(to, bytes[0], bytes + 3, size, &receipts, &blocks);
        bytes += 3 + size;
        length -= 3 + size;
    }
    ustar_finish(to, NULL);
}

// Reads the entries of an archive, and writes them again.
static void expect_one_form(char *archive, size_t size)
{
    char *again = NULL;
    size_t again_size = 0;
    struct ustar ustar;
    struct why why;
    struct text contents = text_make(1u << 20);
    FILE *from = fmemopen(archive, size, "rb"), *to = open_memstream(&again, &again_size);
    int error;
    ustar_begin(&ustar, from);
    while ((error = ustar_next(&ustar, &why)) == OK && !ustar.ended) {
        text_clear(&contents);
        error = ustar_take(&ustar, &contents, 1u << 20, &why);
        if (error) {
            break;
        }
        ustar_put(to, ustar.name, contents.data ? contents.data : "", contents.length, &why);
    }
    ustar_finish(to, &why);
    fclose(from);
    fclose(to);
    if (!error && (again_size != size || memcmp(again, archive, size) != 0)) {
        abort();
    }
    free(again);
    text_free(&contents);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct anchors nobody = {0};
    char *archive = NULL;
    size_t size = 0;
    struct verdict verdict;
    struct why why;
    FILE *to = open_memstream(&archive, &size);
    if (length && bytes[0] == 'r') {
        fwrite(bytes + 1, 1, length - 1, to);
    } else {
        make_archive(to, bytes, length);
    }
    fclose(to);
    if (size) {
        FILE *from = fmemopen(archive, size, "rb");
        // Without a key nothing is trusted, whatever it is.
        if (verify_export(&verdict, from, &nobody, NULL, NULL, &why) == OK &&
            verdict.trusted_from < verdict.trusted_end) {
            abort();
        }
        fclose(from);
        expect_one_form(archive, size);
    }
    free(archive);
    return 0;
}
