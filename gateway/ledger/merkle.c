#include "ledger/merkle.h"

#include "base/error.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define TILE_HEIGHT 8 // 2^8 = TILE_WIDTH

struct digest merkle_node(const struct digest *left, const struct digest *right)
{
    uint8_t bytes[1 + 2 * DIGEST_SIZE];
    bytes[0] = 1;
    memcpy(bytes + 1, left->bytes, DIGEST_SIZE);
    memcpy(bytes + 1 + DIGEST_SIZE, right->bytes, DIGEST_SIZE);
    return digest_of(bytes, sizeof bytes, NULL, 0);
}

// The largest power of two below n, for n >= 2 (RFC 6962 §2.1's k).
static uint64_t split_of(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

struct digest merkle_root_of(const struct digest *hashes, size_t count)
{
    assert(count <= TILE_WIDTH);
    if (count == 0) {
        return digest_of(NULL, 0, NULL, 0);
    }
    // Row by row: neighbours are joined, an odd last one moves up as it is; which is the same tree
    // as RFC 6962's, without recursion.
    struct digest row[TILE_WIDTH];
    memcpy(row, hashes, count * sizeof *row);
    while (count > 1) {
        for (size_t i = 0; i + 1 < count; i += 2) {
            row[i / 2] = merkle_node(&row[i], &row[i + 1]);
        }
        if (count % 2) {
            row[count / 2] = row[count - 1];
        }
        count = (count + 1) / 2;
    }
    return row[0];
}

// Root of the complete subtree of 2^height leaves that begins at leaf `lo`, a multiple of its size.
static int complete_root(merkle_fetch *fetch, void *context, uint64_t lo, unsigned height,
                         struct digest *root)
{
    unsigned level = height / TILE_HEIGHT;
    size_t count = (size_t)1 << (height % TILE_HEIGHT);
    uint64_t index = lo >> (level * TILE_HEIGHT);
    struct digest hashes[TILE_WIDTH / 2];
    for (size_t i = 0; i < count; i++) {
        int error = fetch(context, level, index + i, &hashes[i]);
        if (error) {
            return error;
        }
    }
    *root = merkle_root_of(hashes, count);
    return OK;
}

// Root of the leaves [lo, hi), where lo is a multiple of the least power of two not below hi - lo.
// Complete subtrees from the right, the smallest first, each joined to what is right of it.
static int range_root(merkle_fetch *fetch, void *context, uint64_t lo, uint64_t hi,
                      struct digest *root)
{
    bool begun = false;
    uint64_t end = hi;
    for (unsigned height = 0; end > lo; height++) {
        uint64_t width = UINT64_C(1) << height;
        if (!((end - lo) & width)) {
            continue;
        }
        end -= width;
        struct digest left;
        int error = complete_root(fetch, context, end, height, &left);
        if (error) {
            return error;
        }
        *root = begun ? merkle_node(&left, root) : left;
        begun = true;
    }
    return OK;
}

int merkle_root(merkle_fetch *fetch, void *context, uint64_t size, struct digest *root)
{
    if (size == 0) {
        *root = merkle_root_of(NULL, 0);
        return OK;
    }
    return range_root(fetch, context, 0, size, root);
}

// The way down from the root of [0, size) to a subtree, and the roots beside it.
struct descent {
    uint64_t lo, hi; // where it has come to
    struct digest beside[MERKLE_PROOF_MAX + 1];
    size_t depth;
};

// One step down, to the half in which leaf `last` is.
static int step_down(merkle_fetch *fetch, void *context, struct descent *descent, uint64_t last)
{
    uint64_t middle = descent->lo + split_of(descent->hi - descent->lo);
    struct digest *beside = &descent->beside[descent->depth++];
    if (last < middle) {
        uint64_t end = descent->hi;
        descent->hi = middle;
        return range_root(fetch, context, middle, end, beside);
    }
    uint64_t begin = descent->lo;
    descent->lo = middle;
    return range_root(fetch, context, begin, middle, beside);
}

// A proof goes upward.
static void write_proof(const struct descent *descent, struct digest *proof, size_t *count)
{
    for (size_t i = 0; i < descent->depth; i++) {
        proof[i] = descent->beside[descent->depth - 1 - i];
    }
    *count = descent->depth;
}

int merkle_inclusion(merkle_fetch *fetch, void *context, uint64_t index, uint64_t size,
                     struct digest proof[MERKLE_PROOF_MAX], size_t *count)
{
    if (index >= size) {
        return ERROR_ABSENT;
    }
    struct descent descent = {.hi = size};
    while (descent.hi - descent.lo > 1) {
        int error = step_down(fetch, context, &descent, index);
        if (error) {
            return error;
        }
    }
    write_proof(&descent, proof, count);
    return OK;
}

int merkle_consistency(merkle_fetch *fetch, void *context, uint64_t old_size, uint64_t size,
                       struct digest proof[MERKLE_PROOF_MAX + 1], size_t *count)
{
    if (old_size == 0 || old_size > size) {
        return ERROR_ABSENT;
    }
    // Down to the subtree at whose end the old log ended.
    struct descent descent = {.hi = size};
    while (descent.hi != old_size) {
        int error = step_down(fetch, context, &descent, old_size - 1);
        if (error) {
            return error;
        }
    }
    // Its root is the old root itself, which the reader has, when it begins at the first leaf.
    if (descent.lo != 0) {
        int error =
            range_root(fetch, context, descent.lo, descent.hi, &descent.beside[descent.depth++]);
        if (error) {
            return error;
        }
    }
    write_proof(&descent, proof, count);
    return OK;
}

// Up from node `at` of a row whose last node is `last` (RFC 9162 §2.1.3.2 and §2.1.4.2): joins the
// proof to *hash, and what stands on the left to *old (may be NULL) too. Whether it ends at the
// root.
static bool climb(uint64_t at, uint64_t last, const struct digest *proof, size_t count,
                  struct digest *hash, struct digest *old)
{
    for (size_t i = 0; i < count; i++) {
        if (last == 0) {
            return false;
        }
        if ((at & 1) || at == last) {
            *hash = merkle_node(&proof[i], hash);
            if (old) {
                *old = merkle_node(&proof[i], old);
            }
            while (!(at & 1) && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            *hash = merkle_node(hash, &proof[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0;
}

int merkle_check_inclusion(const struct digest *leaf, uint64_t index, uint64_t size,
                           const struct digest *proof, size_t count, const struct digest *root)
{
    if (index >= size) {
        return ERROR_INPUT;
    }
    struct digest hash = *leaf;
    return climb(index, size - 1, proof, count, &hash, NULL) && digest_equal(&hash, root)
               ? OK
               : ERROR_INPUT;
}

int merkle_check_consistency(uint64_t old_size, uint64_t size, const struct digest *proof,
                             size_t count, const struct digest *old_root, const struct digest *root)
{
    if (old_size == 0 || old_size > size) {
        return ERROR_INPUT;
    }
    if (old_size == size) {
        return count == 0 && digest_equal(old_root, root) ? OK : ERROR_INPUT;
    }
    uint64_t at = old_size - 1, last = size - 1;
    while (at & 1) {
        at >>= 1;
        last >>= 1;
    }
    // Where the old log was a complete tree, the proof leaves out its root.
    struct digest first = *old_root;
    if (old_size & (old_size - 1)) {
        if (count == 0) {
            return ERROR_INPUT;
        }
        first = *proof++;
        count--;
    }
    struct digest hash = first, old = first;
    return climb(at, last, proof, count, &hash, &old) && digest_equal(&old, old_root) &&
                   digest_equal(&hash, root)
               ? OK
               : ERROR_INPUT;
}
