/* Where the server's programs are found, and what is said when they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "pg/scratch.h"

typedef struct Tree {
    MgArena arena;
    char root[64];
    const char *made[16]; /* removed in the opposite order */
    size_t n_made;
    const char *environment[2];
} Tree;

static const char *
add(Tree *tree, const char *name)
{
    const char *path = mg_arena_format(&tree->arena, "%s/%s", tree->root, name);
    assert_true(tree->n_made < sizeof tree->made / sizeof *tree->made);
    tree->made[tree->n_made++] = path;
    return path;
}

static void
add_folder(Tree *tree, const char *name)
{
    assert_int_equal(mkdir(add(tree, name), 0700), 0);
}

static void
add_program(Tree *tree, const char *name, const char *text)
{
    const char *path = add(tree, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
}

static void
set_up(Tree *tree)
{
    *tree = (Tree){ .root = "/tmp/migrate-programs-XXXXXX" };
    assert_non_null(mkdtemp(tree->root));
    add_folder(tree, "path");
    tree->environment[0] = mg_arena_format(&tree->arena, "PATH=%s/path", tree->root);
}

static void
tear_down(Tree *tree)
{
    for (size_t i = tree->n_made; i > 0; i--)
        assert_int_equal(remove(tree->made[i - 1]), 0);
    assert_int_equal(rmdir(tree->root), 0);
    mg_arena_release(&tree->arena);
}

/* The folder of what is found below the root, "" when nothing is. */
static const char *
found_in(Tree *tree, const char *place)
{
    const char *const places[] = { mg_arena_format(&tree->arena, "%s/%s", tree->root, place),
                                   NULL };
    MgPrograms programs;
    MgError err;
    if (!mg_programs_find((char *const *)tree->environment, places, &tree->arena, &programs, &err))
        return "";
    const char *end = strrchr(programs.postgres, '/');
    size_t begin = strlen(tree->root) + 1;
    return mg_arena_text_n(&tree->arena, programs.postgres + begin,
                           (size_t)(end - programs.postgres) - begin);
}

static void
test_scratch_template__says_that_there_is_none(void **state)
{
    (void)state;
    static const char *const none[] = { NULL };
    Tree tree;
    MgPrograms programs = { .rm = "untouched" };
    MgError err;
    set_up(&tree);
    assert_false(
        mg_programs_find((char *const *)tree.environment, none, &tree.arena, &programs, &err));
    assert_string_equal(programs.rm, "untouched");
    assert_int_equal(err.code, MG_E_NO_POSTGRES);
    assert_string_equal(err.message, "could not find the programs \"initdb\" and \"postgres\"");
    assert_string_equal(err.detail,
                        "Looked into PATH, /usr/lib/postgresql/*/bin, /usr/pgsql-*/bin and other "
                        "usual places, and asked pg_config.");
    assert_string_equal(err.hint[0], "Install the PostgreSQL server, on Debian and Ubuntu: "
                                     "apt-get install postgresql");
    assert_string_equal(err.hint[1],
                        "If it is installed somewhere else, add the folder of \"initdb\" to PATH.");
    assert_string_equal(err.note, "no server was started");
    tear_down(&tree);
}

static void
test_scratch_template__looks_in_order(void **state)
{
    (void)state;
    Tree tree;
    set_up(&tree);
    add_folder(&tree, "told");
    add_program(&tree, "told/initdb", "");
    assert_string_equal(found_in(&tree, "places/*"), "");
    /* Half of it is nothing. */
    add_program(&tree, "path/pg_config",
                mg_arena_format(&tree.arena,
                                "#!/bin/sh\n[ \"$*\" = --bindir ] && echo %s/told && echo more\n",
                                tree.root));
    assert_string_equal(found_in(&tree, "places/*"), "");
    add_program(&tree, "told/postgres", "");
    assert_string_equal(found_in(&tree, "places/*"), "told");

    add_folder(&tree, "places");
    add_folder(&tree, "places/9");
    add_program(&tree, "places/9/initdb", "");
    add_program(&tree, "places/9/postgres", "");
    assert_string_equal(found_in(&tree, "places/*"), "places/9");
    add_folder(&tree, "places/15");
    add_program(&tree, "places/15/initdb", "");
    add_program(&tree, "places/15/postgres", "");
    assert_string_equal(found_in(&tree, "places/*"), "places/15");

    add_program(&tree, "path/initdb", "");
    add_program(&tree, "path/postgres", "");
    assert_string_equal(found_in(&tree, "places/*"), "path");
    tear_down(&tree);
}

/* One that fails, and one that tells of a folder that is not there. */
static void
test_scratch_template__does_not_believe_pg_config(void **state)
{
    (void)state;
    static const char *const scripts[] = { "#!/bin/sh\necho /nowhere\n", "#!/bin/sh\nexit 1\n",
                                           "#!/bin/sh\n" };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        Tree tree;
        set_up(&tree);
        add_program(&tree, "path/pg_config", scripts[i]);
        assert_string_equal(found_in(&tree, "places/*"), "");
        tear_down(&tree);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scratch_template__says_that_there_is_none),
        cmocka_unit_test(test_scratch_template__looks_in_order),
        cmocka_unit_test(test_scratch_template__does_not_believe_pg_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
