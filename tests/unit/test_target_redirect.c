/* The environment of a program that must not find its way to another database. */
#include <fcntl.h>
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
#include "base/buf.h"
#include "target/redirect.h"

#define URL "postgresql://postgres@/postgres?host=%2Ftmp%2Fs"
#define BEHIND "postgres@/postgres?host=%2Ftmp%2Fs"

/* The variables that are set beside those that always are, one a line, in order. */
static const char *
others(char *const *lines, MgArena *arena)
{
    static const char *const always[] = { "PGHOST=/tmp/s", "PGPORT=5432", "PGUSER=postgres",
                                          "PGDATABASE=postgres" };
    MG_CLEANUP(buf) MgBuf ret = { 0 };
    size_t n_always = 0;
    for (size_t i = 0; lines[i] != NULL; i++) {
        const char *value = strchr(lines[i], '=');
        bool is_known = value != NULL && strcmp(value + 1, URL) == 0;
        for (size_t k = 0; k < sizeof always / sizeof *always; k++) {
            n_always += strcmp(always[k], lines[i]) == 0;
            is_known = is_known || strcmp(always[k], lines[i]) == 0;
        }
        if (!is_known)
            mg_buf_format(&ret, "%s\n", lines[i]);
    }
    assert_int_equal(n_always, sizeof always / sizeof *always);
    return mg_arena_text(arena, mg_buf_text(&ret));
}

static const char *
find(char *const *lines, const char *name)
{
    const char *ret = NULL;
    for (size_t i = 0; lines[i] != NULL; i++) {
        size_t n = strlen(name);
        if (strncmp(lines[i], name, n) == 0 && lines[i][n] == '=') {
            assert_null(ret); /* once */
            ret = lines[i] + n + 1;
        }
    }
    return ret;
}

static void
test_redirect__the_environment(void **state)
{
    (void)state;
    static const char *const environment[] = {
        "HOME=/root",
        "PGHOST=prod",
        "PGHOSTADDR=10.0.0.1",
        "PGSERVICE=prod",
        "PGPASSWORD=s3cret",
        "DATABASE_URL=postgresql+asyncpg://app:s3cret@prod/shop",
        "POSTGRES_URL=mysql://app@prod/shop",
        "STAGING_URL=postgres://app:s3cret@staging/shop",
        "SHOP_DATABASE_URL=",
        "SPRING_URL=jdbc:postgresql://prod/shop",
        "ACCELERATE=prisma+postgres://accelerate.prisma-data.net/?api_key=s3cret",
        "POSTGRES_HOST=prod",
        "DOCS=see postgres://example",
        "REDIS_URL=redis://prod",
        "NOTHING",
        NULL,
    };
    MgArena arena = { 0 };
    char *const *lines = NULL;
    MgError err;
    const MgRedirect input = { .url = URL,
                               .folder = "/nowhere",
                               .environment = (char *const *)environment };
    assert_false(mg_redirect(&input, &arena, &lines, &err));
    assert_string_equal(err.message,
                        "could not read the working folder: No such file or directory");

    char folder[] = "/tmp/migrate-redirect-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const MgRedirect empty = { .url = URL,
                               .folder = folder,
                               .environment = (char *const *)environment };
    assert_true(mg_redirect(&empty, &arena, &lines, &err));
    assert_string_equal(others(lines, &arena), "HOME=/root\n"
                                               "DATABASE_URL=postgresql+asyncpg://" BEHIND "\n"
                                               "STAGING_URL=postgres://" BEHIND "\n"
                                               "SPRING_URL=jdbc:postgresql://" BEHIND "\n"
                                               "POSTGRES_HOST=/tmp/s\n"
                                               "DOCS=see postgres://example\n"
                                               "REDIS_URL=redis://prod\n"
                                               "NOTHING\n");
    static const char *const plain[] = { "POSTGRES_URL", "SHOP_DATABASE_URL", "ACCELERATE",
                                         "MIGRATE_URL", "DIRECT_URL" };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        assert_string_equal(find(lines, plain[i]), URL);
    assert_int_equal(rmdir(folder), 0);
    mg_arena_release(&arena);
}

static void
write_file(const char *folder, const char *name, const char *text, MgArena *arena)
{
    FILE *file = fopen(mg_arena_format(arena, "%s/%s", folder, name), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void
test_redirect__what_files_would_set(void **state)
{
    (void)state;
    static const char *const names[] = { ".env", ".env.local", "prisma/.env",
                                         "prisma/schema.prisma", "notes" };
    static const char *const environment[] = { "REAL=postgres://app:s3cret@prod/shop", NULL };
    MgArena arena = { 0 };
    char *const *lines = NULL;
    MgError err;
    char folder[] = "/tmp/migrate-redirect-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(mkdir(mg_arena_format(&arena, "%s/prisma", folder), 0700), 0);
    assert_int_equal(mkdir(mg_arena_format(&arena, "%s/.envs", folder), 0700), 0);
    write_file(folder, names[0],
               "STAGING=\"postgres://app@staging/shop\"\nCOPY=${REAL}\nPGSERVICE=prod\n"
               "PGHOSTADDR=10.0.0.1\nPGHOST=prod\nPOSTGRES_HOST=prod\nCOLOUR=red\n"
               "DATABASE_URL=postgres://app@prod/shop\n",
               &arena);
    write_file(folder, names[1], "LOCAL=postgres://app@prod/shop\nSTAGING=postgres://x/y\n",
               &arena);
    write_file(folder, names[2], "BY_PRISMA=postgres://app@prod/shop\n", &arena);
    write_file(folder, names[3],
               "datasource db {\n url = env(\"PRISMA_A\")\n directUrl = env(\"PRISMA_B\")\n"
               " shadowDatabaseUrl = env(\"PRISMA_C\")\n}\n",
               &arena);
    write_file(folder, names[4], "OTHER=postgres://app@prod/shop\n", &arena);
    const MgRedirect input = { .url = URL,
                               .folder = folder,
                               .environment = (char *const *)environment };
    assert_true(mg_redirect(&input, &arena, &lines, &err));
    assert_string_equal(others(lines, &arena), "REAL=postgres://" BEHIND "\n"
                                               "DATABASE_URL=postgres://" BEHIND "\n"
                                               "POSTGRES_HOST=/tmp/s\n"
                                               "PGHOSTADDR=\n"
                                               "PGSERVICE=\n"
                                               "COPY=postgres://" BEHIND "\n"
                                               "STAGING=postgres://" BEHIND "\n"
                                               "LOCAL=postgres://" BEHIND "\n"
                                               "BY_PRISMA=postgres://" BEHIND "\n");
    static const char *const of_prisma[] = { "PRISMA_A", "PRISMA_B", "PRISMA_C" };
    for (size_t i = 0; i < sizeof of_prisma / sizeof *of_prisma; i++)
        assert_string_equal(find(lines, of_prisma[i]), URL);
    assert_null(find(lines, "OTHER"));
    assert_null(find(lines, "COLOUR"));

    /* What cannot be read whole cannot be redirected. */
    MgBuf many = { 0 };
    for (int i = 0; i < 2000; i++)
        mg_buf_format(&many, "V%d=1\n", i);
    write_file(folder, names[1], mg_buf_text(&many), &arena);
    mg_buf_release(&many);
    assert_false(mg_redirect(&input, &arena, &lines, &err));
    assert_int_equal(err.code, MG_E_SYSTEM);
    assert_string_equal(err.message, "\".env.local\" has more than 1024 variables");
    assert_string_equal(err.note, "the command was not run");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(unlink(mg_arena_format(&arena, "%s/%s", folder, names[i])), 0);
    assert_int_equal(rmdir(mg_arena_format(&arena, "%s/prisma", folder)), 0);
    assert_int_equal(rmdir(mg_arena_format(&arena, "%s/.envs", folder)), 0);
    assert_int_equal(rmdir(folder), 0);
    mg_arena_release(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redirect__the_environment),
        cmocka_unit_test(test_redirect__what_files_would_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
