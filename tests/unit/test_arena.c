// base/arena: memory that is zeroed, aligned, apart from other pieces, and given back at once.
#include "base/arena.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    void *arena = NULL;
    unsigned char *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        size_t size = i * 131 % 1000;
        pieces[i] = arena_take(&arena, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++) {
            assert_int_equal(pieces[i][k], 0);
        }
        memset(pieces[i], (int)(i % 255 + 1), size);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < i * 131 % 1000; k++) {
            assert_int_equal(pieces[i][k], i % 255 + 1);
        }
    }
    arena_free(&arena);
    assert_null(arena);
    arena_free(&arena);
}

static void a_large_piece_leaves_the_room_in_use(void **state)
{
    (void)state;
    void *arena = NULL;
    char *small = arena_take(&arena, 1), *large = arena_take(&arena, 100000);
    memset(large, 1, 100000);
    assert_ptr_equal(arena_take(&arena, 1), small + _Alignof(max_align_t));
    arena_free(&arena);
}

// A plan is an arena, and there are as many as instruments.
static void a_small_arena_takes_little_memory(void **state)
{
    (void)state;
    void *arena = NULL;
    assert_non_null(arena_take(&arena, 1500));
    assert_in_range(malloc_usable_size(arena), 1500, 3000);
    arena_free(&arena);
}

static void texts_are_copied_and_formatted(void **state)
{
    (void)state;
    void *arena = NULL;
    assert_string_equal(arena_copy(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_copy(&arena, NULL, 0), "");
    assert_string_equal(arena_format(&arena, "%s/%d", "x", 7), "x/7");
    assert_null(arena_take(&arena, SIZE_MAX));
    assert_null(arena_copy(&arena, "", SIZE_MAX));
    assert_null(arena_take(&arena, ARENA_PIECE_MAX + 1));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(a_large_piece_leaves_the_room_in_use),
        cmocka_unit_test(a_small_arena_takes_little_memory),
        cmocka_unit_test(texts_are_copied_and_formatted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
