// Roots and inclusion proofs against a tree computed by a Python script straight from the recursive
// definitions of RFC 6962 §2.1 and §2.1.1.
#include "ledger/block.h"
#include "ledger/frontier.h"
#include "ledger/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "effort.h"

#define LEAVES 70000

// levels[k][i]: hash i of level k, as full tiles of the level below give them.
struct forest {
    struct digest *levels[3];
    size_t counts[3];
};

static struct digest leaf_of(size_t i)
{
    char bytes[32];
    int length = snprintf(bytes, sizeof bytes, "leaf %zu", i);
    return block_leaf(bytes, (size_t)length);
}

static int setup(void **state)
{
    struct forest *forest = calloc(1, sizeof *forest);
    size_t count = LEAVES;
    for (int k = 0; k < 3; k++, count /= TILE_WIDTH) {
        forest->levels[k] = calloc(count ? count : 1, sizeof(struct digest));
        forest->counts[k] = count;
        for (size_t i = 0; i < count; i++) {
            forest->levels[k][i] =
                k == 0 ? leaf_of(i)
                       : merkle_root_of(&forest->levels[k - 1][i * TILE_WIDTH], TILE_WIDTH);
        }
    }
    *state = forest;
    return 0;
}

static int teardown(void **state)
{
    struct forest *forest = *state;
    for (int k = 0; k < 3; k++) {
        free(forest->levels[k]);
    }
    free(forest);
    return 0;
}

static int fetch(void *context, unsigned level, uint64_t index, struct digest *out)
{
    const struct forest *forest = context;
    assert_true(level < 3);
    assert_true(index < forest->counts[level]);
    *out = forest->levels[level][index];
    return OK;
}

static int fetch_nothing(void *context, unsigned level, uint64_t index, struct digest *out)
{
    (void)context;
    (void)level;
    (void)index;
    (void)out;
    return ERROR_ABSENT;
}

static void assert_digest(const struct digest *digest, const char *hex)
{
    char digits[DIGEST_HEX];
    text_format_hex(digest->bytes, DIGEST_SIZE, digits);
    assert_string_equal(digits, hex);
}

static void roots_are_those_of_rfc_6962(void **state)
{
    static const struct {
        uint64_t size;
        const char *root;
    } rows[] = {
        {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {1, "1bb97dcc21635d47e2663efdfd0a174686d98dd701352dd2cd06e8b43fd3d305"},
        {2, "fc5f6b88ff8554f75bb2f9e6f39c31b1936d44b69276edf7b1205a955b9761e3"},
        {3, "d4f92c8fbb89720eb3b55677c7d7efaddfeb10d11a1a84a0ba8f1a23337faa95"},
        {7, "5a61fc2b54f9cfa71774f2432143dd40c6cb2b11947faf65a7d3da5cb65199c8"},
        {8, "c5c2c820ed342fdda8ce896b6b9cf5b8c00a21cc4b20714cc6e5d3c05c35240b"},
        {255, "d71592a219d4067663eede247f9b54c3f9e0290682d55de09b495b07f1de41c9"},
        {256, "cf5effdb11d0927a2edf53b0e73c7837f659414e00537da5d90eb5c4c49ff274"},
        {257, "855b936aa00cb98b5114484249ad39d78a6be93623e26c01e8e487dc02184a5a"},
        {1000, "2ff33fb9d8f14f89ca306289633336a168ff3f4532e8f741a0019dcb4c1d60a1"},
        {65536, "e100ba54d69a91012fc13b7890feac78d6996a097268b6f735d17311c7402a60"},
        {65537, "689b22742cab2adeb36ba622ff2736336464858f5de4a2c02f33bf163e7dca5f"},
        {70000, "da0532ff7b2ee56f4067110fc964e9f27b5959f9527bfff3fa501aa7584deaf3"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct digest root;
        assert_int_equal(merkle_root(fetch, *state, rows[i].size, &root), OK);
        assert_digest(&root, rows[i].root);
    }
}

static void the_proof_of_a_deep_leaf_is_that_of_rfc_6962(void **state)
{
    static const char *const path[] = {
        "dd7e1bdb302488ba95f97c440940c741f64f871b6b31df22a822661b47b259ff",
        "7b37a721be2127becfbd8b003c3b13bae8321f9cd5643224f7da31afed7a681a",
        "66297e0d8a6a67b5bef1d44b953b58d5326119c24bf0fc1c8438252303b4fa29",
        "8595257df075bdf5fdf549c7d48a0681439660fc7e4c2387e4698c6c0a4197c0",
        "b25f93949f82eea41102b8d4fec1591d86426e1f0c6fdaed2dcd42343d4b915a",
        "0bf7b19de8809f192f534757cc7a723396beceaae5728b229ff5e91d4f379702",
        "42a6493a190b640d91f7fa7be5407cf77e112c8d6b8065bfa4b8076cf87e462b",
        "c866edf6ca4b1db755f84d7d2304d2e6a93b4d5992c10d6d580edd9f3ca0e7c7",
        "e100ba54d69a91012fc13b7890feac78d6996a097268b6f735d17311c7402a60",
    };
    struct digest proof[MERKLE_PROOF_MAX];
    size_t count;
    assert_int_equal(merkle_inclusion(fetch, *state, 69999, 70000, proof, &count), OK);
    assert_int_equal(count, sizeof path / sizeof *path);
    for (size_t i = 0; i < count; i++) {
        assert_digest(&proof[i], path[i]);
    }
}

static void every_leaf_of_every_small_tree_is_proved(void **state)
{
    for (uint64_t size = 1; size <= 300; size += effort_step()) {
        struct digest root;
        assert_int_equal(merkle_root(fetch, *state, size, &root), OK);
        for (uint64_t i = 0; i < size; i++) {
            struct digest proof[MERKLE_PROOF_MAX], leaf = leaf_of(i);
            size_t count;
            assert_int_equal(merkle_inclusion(fetch, *state, i, size, proof, &count), OK);
            assert_int_equal(merkle_check_inclusion(&leaf, i, size, proof, count, &root), OK);
        }
    }
}

static void a_proof_that_is_off_by_anything_is_refused(void **state)
{
    struct digest root, proof[MERKLE_PROOF_MAX], leaf = leaf_of(77), other = leaf_of(78);
    size_t count;
    assert_int_equal(merkle_root(fetch, *state, 300, &root), OK);
    assert_int_equal(merkle_inclusion(fetch, *state, 77, 300, proof, &count), OK);
    assert_int_equal(merkle_check_inclusion(&leaf, 77, 300, proof, count, &root), OK);
    assert_int_equal(merkle_check_inclusion(&other, 77, 300, proof, count, &root), ERROR_INPUT);
    assert_int_equal(merkle_check_inclusion(&leaf, 76, 300, proof, count, &root), ERROR_INPUT);
    assert_int_equal(merkle_check_inclusion(&leaf, 77, 600, proof, count, &root), ERROR_INPUT);
    assert_int_equal(merkle_check_inclusion(&leaf, 300, 300, proof, count, &root), ERROR_INPUT);
    assert_int_equal(merkle_check_inclusion(&leaf, 77, 300, proof, count - 1, &root), ERROR_INPUT);
    for (size_t i = 0; i < count; i++) {
        proof[i].bytes[i] ^= 1;
        assert_int_equal(merkle_check_inclusion(&leaf, 77, 300, proof, count, &root), ERROR_INPUT);
        proof[i].bytes[i] ^= 1;
    }
}

static void every_small_log_is_consistent_with_every_later_one(void **state)
{
    static struct digest roots[301];
    for (uint64_t size = 0; size <= 300; size++) {
        assert_int_equal(merkle_root(fetch, *state, size, &roots[size]), OK);
    }
    for (uint64_t size = 1; size <= 300; size += effort_step()) {
        for (uint64_t old = 1; old <= size; old++) {
            struct digest proof[MERKLE_PROOF_MAX + 1];
            size_t count;
            assert_int_equal(merkle_consistency(fetch, *state, old, size, proof, &count), OK);
            assert_int_equal(
                merkle_check_consistency(old, size, proof, count, &roots[old], &roots[size]), OK);
            if (old < size) {
                assert_int_equal(
                    merkle_check_consistency(old, size, proof, count, &roots[size], &roots[size]),
                    ERROR_INPUT);
                assert_int_equal(
                    merkle_check_consistency(old, size, proof, count, &roots[old], &roots[old]),
                    ERROR_INPUT);
            }
        }
    }
}

// One bit of each hash, and one hash too many or too few.
static void every_mutant_of_a_proof_is_refused(void **state)
{
    for (uint64_t size = 1; size <= 300; size += effort_step()) {
        uint64_t old = 1 + size * 7 / 11 % size;
        struct digest proof[MERKLE_PROOF_MAX + 2] = {0}, old_root, root, leaf = leaf_of(old - 1);
        size_t count;
        merkle_root(fetch, *state, old, &old_root);
        merkle_root(fetch, *state, size, &root);
        assert_int_equal(merkle_consistency(fetch, *state, old, size, proof, &count), OK);
        for (size_t bit = 0; bit < count * DIGEST_SIZE * 8; bit++) {
            uint8_t *byte = &proof[bit / 256].bytes[bit % 256 / 8];
            *byte ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(merkle_check_consistency(old, size, proof, count, &old_root, &root),
                             ERROR_INPUT);
            *byte ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(merkle_check_consistency(old, size, proof, count + 1, &old_root, &root),
                         ERROR_INPUT);
        if (count) {
            assert_int_equal(
                merkle_check_consistency(old, size, proof, count - 1, &old_root, &root),
                ERROR_INPUT);
        }
        assert_int_equal(merkle_inclusion(fetch, *state, old - 1, size, proof, &count), OK);
        for (size_t bit = 0; bit < count * DIGEST_SIZE * 8; bit++) {
            uint8_t *byte = &proof[bit / 256].bytes[bit % 256 / 8];
            *byte ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(merkle_check_inclusion(&leaf, old - 1, size, proof, count, &root),
                             ERROR_INPUT);
            *byte ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void a_hash_that_is_not_there_is_the_callers_error(void **state)
{
    (void)state;
    struct digest root, proof[MERKLE_PROOF_MAX];
    size_t count;
    assert_int_equal(merkle_root(fetch_nothing, NULL, 5, &root), ERROR_ABSENT);
    assert_int_equal(merkle_inclusion(fetch_nothing, NULL, 1, 5, proof, &count), ERROR_ABSENT);
    assert_int_equal(merkle_inclusion(fetch_nothing, NULL, 5, 5, proof, &count), ERROR_ABSENT);
}

static void a_frontier_has_the_root_of_every_size(void **state)
{
    const struct forest *forest = *state;
    const struct digest *leaves = forest->levels[0];
    struct frontier grown = {.size = 0}, found;
    for (size_t size = 0; size <= 600; size++) {
        struct digest root, own = frontier_root(&grown), proof[MERKLE_PROOF_MAX];
        size_t count = 0;
        merkle_root(fetch, *state, size, &root);
        assert_memory_equal(&own, &root, sizeof root);
        if (size) {
            assert_int_equal(merkle_inclusion(fetch, *state, size - 1, size, proof, &count), OK);
            assert_int_equal(frontier_from_last(&found, size, &leaves[size - 1], proof, count), OK);
            assert_memory_equal(&found, &grown, sizeof found);
            assert_int_equal(frontier_from_last(&found, size, &leaves[size - 1], proof, count + 1),
                             ERROR_INPUT);
        }
        if (size < 600) {
            frontier_add(&grown, &leaves[size]);
            // Peaks that are gone are not part of what is compared.
            unsigned used = (unsigned)__builtin_popcountll(grown.size);
            memset(&grown.peaks[used], 0, (MERKLE_PROOF_MAX - used) * sizeof grown.peaks[0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_rfc_6962),
        cmocka_unit_test(the_proof_of_a_deep_leaf_is_that_of_rfc_6962),
        cmocka_unit_test(every_leaf_of_every_small_tree_is_proved),
        cmocka_unit_test(a_proof_that_is_off_by_anything_is_refused),
        cmocka_unit_test(every_small_log_is_consistent_with_every_later_one),
        cmocka_unit_test(every_mutant_of_a_proof_is_refused),
        cmocka_unit_test(a_hash_that_is_not_there_is_the_callers_error),
        cmocka_unit_test(a_frontier_has_the_root_of_every_size),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
