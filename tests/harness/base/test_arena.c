#include "harness/base/arena.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* AddressSanitizer's malloc would end the process itself before xmalloc can. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

Test(arena, memory_is_zeroed_aligned_and_apart)
{
    struct arena a;
    arena_init(&a);
    unsigned char *blocks[300];
    for (int i = 0; i < 300; i++) {
        /* Sizes from 0 past a chunk, so that some begin a chunk of their own. */
        size_t n_bytes = (size_t)i * (size_t)i;
        blocks[i] = arena_alloc(&a, n_bytes);
        cr_assert_eq((uintptr_t)blocks[i] % 64, 0);
        for (size_t k = 0; k < n_bytes; k++)
            cr_assert_eq(blocks[i][k], 0);
        memset(blocks[i], i & 255, n_bytes);
    }
    for (int i = 0; i < 300; i++)
        for (size_t k = 0; k < (size_t)i * (size_t)i; k++)
            cr_assert_eq(blocks[i][k], i & 255);
    arena_release(&a);
    cr_assert_eq(a.used_bytes, 0);
    arena_release(&a);
}

Test(arena, used_bytes_count_what_was_handed_out)
{
    struct arena a = {0};
    arena_alloc(&a, 1);
    cr_assert_eq(a.used_bytes, 64);
    arena_array(&a, 3, 64);
    cr_assert_eq(a.used_bytes, 256);
    arena_release(&a);
}

Test(arena, strings)
{
    struct arena a = {0};
    cr_assert_str_eq(arena_strdup(&a, "abc"), "abc");
    cr_assert_str_eq(arena_strndup(&a, "abcdef", 2), "ab");
    cr_assert_str_eq(arena_strndup(&a, NULL, 0), "");
    cr_assert_str_eq(arena_printf(&a, "%s-%d", "x", 12), "x-12");
    arena_release(&a);
}

Test(arena, a_product_that_overflows_dies, .signal = SIGABRT)
{
    struct arena a = {0};
    arena_array(&a, SIZE_MAX / 2, 3);
}

Test(arena, more_than_the_machine_has_dies, .signal = SIGABRT)
{
    free(xmalloc(SIZE_MAX / 4));
}

Test(arena, growing_keeps_the_bytes)
{
    char *p = xmalloc(4);
    memcpy(p, "abc", 4);
    p = xrealloc(p, 100000);
    cr_assert_str_eq(p, "abc");
    free(p);
}
