// sign FOLDER: what a signed log costs, in CPU: the hash of a block of 100 readings, and a
// checkpoint of the whole log in FOLDER (its root and a signature). Prints microseconds of each.
#include "ident/key.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TIMES 200

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    struct ledger_reader *reader;
    struct signing_key *key;
    struct why why = {""};
    char path[4096];
    uint64_t first, size;
    if (argc != 2) {
        fputs("usage: sign FOLDER\n", stderr);
        return 2;
    }
    snprintf(path, sizeof path, "%s/bench-%ld.key", argv[1], (long)getpid());
    int error = ledger_reader_open(&reader, argv[1], &why);
    error = error ? error : ledger_reader_extent(reader, &first, &size, &why);
    error = error ? error : signing_key_make(path, &why);
    error = error ? error : signing_key_load(&key, path, &why);
    unlink(path);
    struct text block = text_make(BLOCK_BYTES_MAX);
    error = error ? error : ledger_reader_block(reader, size - 1, &block, &why);
    if (error) {
        fprintf(stderr, "sign: %s\n", why.text);
        return 1;
    }
    double began = cpu_us();
    for (int i = 0; i < TIMES; i++) {
        struct digest leaf = block_leaf(block.data, block.length);
        block.data[0] = (char)(block.data[0] ^ (leaf.bytes[0] & 1));
    }
    double hash_us = (cpu_us() - began) / TIMES;
    began = cpu_us();
    for (int i = 0; i < TIMES; i++) {
        struct digest root;
        uint8_t signature[SIGNATURE_MAX];
        size_t length;
        // Another size each time, as the log grows by a minute.
        if (ledger_reader_root(reader, size - (uint64_t)(TIMES - i) * 60 % size, &root, &why) ||
            signing_key_sign(key, root.bytes, sizeof root.bytes, signature, &length, &why)) {
            fprintf(stderr, "sign: %s\n", why.text);
            return 1;
        }
    }
    printf("%.3f %.3f\n", hash_us, (cpu_us() - began) / TIMES);
    return 0;
}
