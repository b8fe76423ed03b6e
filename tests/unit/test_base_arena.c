/* The arena: alignment, zeroes, marks, growth. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void
test_arena__memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    for (size_t size = 0; size < 3000; size += 7) {
        MgArenaMark mark = mg_arena_mark(&arena);
        unsigned char *memory = mg_arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xFF, size);
        /* Every other one is given back, so that used memory comes again. */
        if (size % 2 == 0)
            mg_arena_reset(&arena, mark);
    }
    mg_arena_release(&arena);
    assert_null(arena.block);
}

static void
test_arena__big_blocks(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    char *small = mg_arena_text(&arena, "small");
    char *big = mg_arena_alloc(&arena, 5 << 20);
    memset(big, 'x', 5 << 20);
    char *behind = mg_arena_text(&arena, "behind");
    for (int i = 0; i < 100; i++)
        memset(mg_arena_alloc(&arena, 100000), 'y', 100000);
    assert_string_equal(small, "small");
    assert_string_equal(behind, "behind");
    assert_int_equal(big[(5 << 20) - 1], 'x');
    mg_arena_release(&arena);
}

static void
test_arena__marks(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgArenaMark empty = mg_arena_mark(&arena);
    char *kept = mg_arena_text(&arena, "kept");
    MgArenaMark mark = mg_arena_mark(&arena);
    const char *first = mg_arena_text(&arena, "first");
    (void)mg_arena_alloc(&arena, 1 << 20);
    mg_arena_reset(&arena, mark);
    assert_ptr_equal(mg_arena_text(&arena, "again"), first);
    assert_string_equal(kept, "kept");
    mg_arena_reset(&arena, empty);
    assert_null(arena.block);
}

static void
test_arena__texts(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    assert_null(mg_arena_text(&arena, NULL));
    assert_string_equal(mg_arena_text_n(&arena, "abcdef", 3), "abc");
    assert_string_equal(mg_arena_text_n(&arena, NULL, 0), "");
    assert_string_equal(mg_arena_format(&arena, "%s-%04d", "a", 7), "a-0007");
    mg_arena_release(&arena);
}

/* Texts stand side by side; what comes behind them is aligned and zeroed all the same. */
static void
test_arena__behind_texts(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    char expect[8];
    for (int i = 0; i < 3000; i++) {
        MgArenaMark mark = mg_arena_mark(&arena);
        memset(mg_arena_alloc(&arena, 64), 0xFF, 64);
        mg_arena_reset(&arena, mark);
        const char *plain = mg_arena_text_n(&arena, "abcdefg", (size_t)i % 7);
        const char *formatted = mg_arena_format(&arena, "%d", i);
        const int64_t *number = MG_NEW_IN(&arena, int64_t);
        assert_int_equal((uintptr_t)number % alignof(max_align_t), 0);
        assert_true(*number == 0);
        assert_int_equal(strlen(plain), i % 7);
        (void)snprintf(expect, sizeof expect, "%d", i);
        assert_string_equal(formatted, expect);
    }
    mg_arena_release(&arena);
}

/* Also those that do not fit into what is left of a block, or into any. */
static void
test_arena__long_formats(void **state)
{
    (void)state;
    for (int width = 4000; width < 4200; width++) {
        MgArena arena = { 0 };
        (void)mg_arena_text(&arena, "first");
        const char *text = mg_arena_format(&arena, "%0*d", width, 7);
        assert_int_equal(strlen(text), width);
        assert_int_equal(text[width - 1], '7');
        assert_string_equal(mg_arena_text(&arena, "behind"), "behind");
        assert_int_equal(text[width - 1], '7');
        mg_arena_release(&arena);
    }
}

static void
test_arena__push_grows(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    struct {
        int *items;
        size_t n, cap;
    } array = { 0 };
    for (int i = 0; i < 1000; i++)
        MG_PUSH(&arena, &array, i * 3);
    assert_int_equal(array.n, 1000);
    assert_int_equal(array.cap, 1024);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(array.items[i], i * 3);
    mg_arena_release(&arena);
}

static void
test_arena__array(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    int64_t *numbers = mg_arena_alloc_array(&arena, 10, sizeof *numbers);
    assert_int_equal(numbers[9], 0);
    assert_non_null(mg_arena_alloc_array(&arena, 0, 8));
    assert_non_null(mg_arena_alloc_array(&arena, 8, 0));
    mg_arena_release(&arena);
}

static char released[8];

static void
note_release(void *payload)
{
    released[strlen(released)] = *(const char *)payload;
}

/* The newest first, each once, and before the memory is gone that it was noted in. */
static void
test_arena__deferred(void **state)
{
    (void)state;
    char one[] = "1", two[] = "2", three[] = "3";
    MgArena arena = { 0 };
    mg_arena_defer(&arena, note_release, one);
    MgArenaMark mark = mg_arena_mark(&arena);
    mg_arena_defer(&arena, note_release, two);
    (void)mg_arena_alloc(&arena, 100000);
    mg_arena_defer(&arena, note_release, three);
    assert_string_equal(released, "");
    mg_arena_reset(&arena, mark);
    assert_string_equal(released, "32");
    mg_arena_reset(&arena, mark);
    mg_arena_release(&arena);
    assert_string_equal(released, "321");
    mg_arena_release(&arena);
    assert_string_equal(released, "321");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena__memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_arena__big_blocks),
        cmocka_unit_test(test_arena__marks),
        cmocka_unit_test(test_arena__texts),
        cmocka_unit_test(test_arena__behind_texts),
        cmocka_unit_test(test_arena__long_formats),
        cmocka_unit_test(test_arena__push_grows),
        cmocka_unit_test(test_arena__array),
        cmocka_unit_test(test_arena__deferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
