// Prints what our Merkle tree gives, for an implementation that is not ours to compare:
//
//     root N HASH | inclusion INDEX N HASH… | consistency OLD N HASH…        (hashes in hex)
//
// for all of them up to N = 300; leaf i is the leaf hash of the decimal digits of i.
#include "ledger/merkle.h"

#include "base/error.h"
#include "base/text.h"
#include "ledger/block.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST 300

static struct digest leaves[MOST];

static int fetch(void *context, unsigned level, uint64_t index, struct digest *out)
{
    (void)context;
    // Above the leaves only full tiles are asked for, and there is one at most.
    *out = level == 0 ? leaves[index] : merkle_root_of(leaves + index * TILE_WIDTH, TILE_WIDTH);
    return level > 1 ? ERROR_RANGE : OK;
}

static void print(const struct digest *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char hex[DIGEST_HEX];
        text_format_hex(hashes[i].bytes, DIGEST_SIZE, hex);
        printf(" %s", hex);
    }
    putchar('\n');
}

static void need(int error)
{
    if (error) {
        abort();
    }
}

int main(void)
{
    struct digest hashes[MERKLE_PROOF_MAX + 1];
    size_t count;
    for (uint64_t i = 0; i < MOST; i++) {
        char digits[8];
        int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)i);
        leaves[i] = block_leaf(digits, (size_t)length);
    }
    for (uint64_t n = 0; n <= MOST; n++) {
        need(merkle_root(fetch, NULL, n, hashes));
        printf("root %llu", (unsigned long long)n);
        print(hashes, 1);
        for (uint64_t i = 0; i < n; i++) {
            need(merkle_inclusion(fetch, NULL, i, n, hashes, &count));
            printf("inclusion %llu %llu", (unsigned long long)i, (unsigned long long)n);
            print(hashes, count);
        }
        for (uint64_t old = 1; old <= n; old++) {
            need(merkle_consistency(fetch, NULL, old, n, hashes, &count));
            printf("consistency %llu %llu", (unsigned long long)old, (unsigned long long)n);
            print(hashes, count);
        }
    }
    return 0;
}
