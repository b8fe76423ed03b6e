/* Tables of files and rows in compact words, for what is planned from them. */
#ifndef MG_TEST_CASES_H
#define MG_TEST_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"

typedef struct Case {
    const char *name, *files, *rows, *wish, *expect;
} Case;

/* The next word of *text, or NULL; its part behind "/" goes to *ret_flags. */
static const char *
next_word(MgArena *arena, const char **text, const char **ret_flags)
{
    *text += strspn(*text, " ");
    size_t size = strcspn(*text, " ");
    if (size == 0)
        return NULL;
    char *word = mg_arena_text_n(arena, *text, size);
    char *slash = strchr(word, '/');
    *text += size;
    *ret_flags = slash == NULL ? "" : slash + 1;
    if (slash != NULL)
        *slash = '\0';
    return word;
}

/* "1_name" or "R__name" to version and name; without a name a version is called "m". */
static void
split_label(MgArena *arena, const char *word, const char **ret_version, const char **ret_name)
{
    if (strncmp(word, "R__", 3) == 0) {
        *ret_version = NULL;
        *ret_name = word + 3;
        return;
    }
    const char *score = strchr(word, '_');
    size_t size = score != NULL ? (size_t)(score - word) : strlen(word);
    *ret_version = mg_arena_text_n(arena, word, size);
    *ret_name = score != NULL ? score + 1 : "m";
}

/* "=K" among the flags, else the version, else the name. */
static const char *
content_of(MgArena *arena, const char *flags, const char *version, const char *name)
{
    const char *equals = strchr(flags, '=');
    if (equals != NULL)
        return mg_arena_text_n(arena, equals + 1, 1);
    return version != NULL ? version : name;
}

/* What a case comes to, by show, is what it expects. */
static void
check_cases(const Case *cases, size_t n, const char *(*show)(MgArena *arena, const Case *row))
{
    int n_wrong = 0;
    for (size_t i = 0; i < n; i++) {
        MgArena arena = { 0 };
        const char *got = show(&arena, &cases[i]);
        if (strcmp(got, cases[i].expect) != 0) {
            print_error("%s\n  want %s\n  got  %s\n", cases[i].name, cases[i].expect, got);
            n_wrong++;
        }
        mg_arena_release(&arena);
    }
    assert_int_equal(n_wrong, 0);
}

#define CHECK(cases, show) check_cases(cases, sizeof(cases) / sizeof *(cases), show)

#endif
