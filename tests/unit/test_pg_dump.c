/* Which pg_dump is taken, and what is said when none fits. */
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

#include "pg/dump.h"

enum {
    N_FOLDERS = 3,
};

typedef struct Tree {
    MgArena arena;
    char root[64];
} Tree;

/* A pg_dump of a version in a folder of its own, NULL: none. */
static void
add_program(Tree *tree, int i, const char *version)
{
    const char *folder = mg_arena_format(&tree->arena, "%s/%d", tree->root, i);
    const char *path = mg_arena_format(&tree->arena, "%s/pg_dump", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    if (version == NULL)
        return;
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "#!/bin/sh\necho '%s'\n", version) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
}

static void
remove_all(Tree *tree)
{
    for (int i = 0; i < N_FOLDERS; i++) {
        (void)remove(mg_arena_format(&tree->arena, "%s/%d/pg_dump", tree->root, i));
        assert_int_equal(rmdir(mg_arena_format(&tree->arena, "%s/%d", tree->root, i)), 0);
    }
    assert_int_equal(rmdir(tree->root), 0);
    mg_arena_release(&tree->arena);
}

/* Folder 0 is in PATH, the others are usual places; the one that is taken, or the message. */
static const struct {
    const char *name, *versions[N_FOLDERS];
    int server;
    const char *expect;
} cases[] = {
    { "the same version", { "pg_dump (PostgreSQL) 15.20 (Debian 15.20-0)" }, 150004, "0" },
    { "PATH before the usual places",
      { "pg_dump (PostgreSQL) 15.2", "pg_dump (PostgreSQL) 15.20" },
      150004,
      "0" },
    { "the same version before a newer one of PATH",
      { "pg_dump (PostgreSQL) 18.1", "pg_dump (PostgreSQL) 17.3", "pg_dump (PostgreSQL) 15.1" },
      150004,
      "2" },
    { "the next newer one",
      { "pg_dump (PostgreSQL) 18.1", "pg_dump (PostgreSQL) 16.3", "pg_dump (PostgreSQL) 14.1" },
      150004,
      "1" },
    { "a beta", { "pg_dump (PostgreSQL) 19beta1" }, 180001, "0" },
    { "all are too old",
      { "pg_dump (PostgreSQL) 9.6.24", "pg_dump (PostgreSQL) 15.20 (Debian)", NULL },
      170004,
      "no pg_dump here is new enough for PostgreSQL 17: Found: 9.6.24 in {0}, 15.20 in {1}." },
    { "none",
      { NULL, NULL, NULL },
      170004,
      "could not find the program \"pg_dump\": Looked into PATH, /usr/lib/postgresql/*/bin, "
      "/usr/pgsql-*/bin and other usual places, and asked pg_config." },
    { "what says something else is none",
      { "no idea", "pg_dump (EnterpriseDB) 15", "" },
      150004,
      "could not find the program \"pg_dump\": Looked into PATH, /usr/lib/postgresql/*/bin, "
      "/usr/pgsql-*/bin and other usual places, and asked pg_config." },
};

/* Text with {0} and {1} for the programs there. */
static const char *
with_paths(Tree *tree, const char *text)
{
    MgBuf buf = { 0 };
    for (; *text != '\0'; text++) {
        if (text[0] == '{' && text[2] == '}') {
            mg_buf_format(&buf, "%s/%c/pg_dump", tree->root, text[1]);
            text += 2;
        } else {
            mg_buf_add_char(&buf, *text);
        }
    }
    const char *copy = mg_arena_text(&tree->arena, mg_buf_text(&buf));
    mg_buf_release(&buf);
    return copy;
}

static void
test_dump__finds_the_program(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Tree tree = { .root = "/tmp/migrate-dump-XXXXXX" };
        assert_non_null(mkdtemp(tree.root));
        for (int k = 0; k < N_FOLDERS; k++)
            add_program(&tree, k, cases[i].versions[k]);
        char *environment[] = { mg_arena_format(&tree.arena, "PATH=%s/0", tree.root), NULL };
        const char *places[] = { mg_arena_format(&tree.arena, "%s/[12]", tree.root), NULL };
        const char *found = NULL;
        MgError err;
        const char *seen;
        if (mg_dump_find(environment, places, cases[i].server, &tree.arena, &found, &err)) {
            seen = mg_arena_text_n(&tree.arena, found + strlen(tree.root) + 1, 1);
        } else {
            seen = mg_arena_format(&tree.arena, "%s: %s", err.message, err.detail);
            assert_int_equal(err.code, MG_E_NO_POSTGRES);
            assert_string_equal(err.hint[0],
                                mg_arena_format(&tree.arena,
                                                "Install version %d of PostgreSQL's client "
                                                "programs, or a later one: apt-get install "
                                                "postgresql-client-%d, brew install libpq.",
                                                cases[i].server / 10000, cases[i].server / 10000));
        }
        if (strcmp(seen, with_paths(&tree, cases[i].expect)) != 0)
            print_message("# %s\n", cases[i].name);
        assert_string_equal(seen, with_paths(&tree, cases[i].expect));
        remove_all(&tree);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump__finds_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
