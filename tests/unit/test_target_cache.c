/* The cache folder: made, found, and left alone when others can reach into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/cache.h"

typedef struct Fixture {
    MgArena arena;
    char root[64];
    char home[96], xdg[128];
    char *environment[3];
} Fixture;

static void
begin(Fixture *fixture)
{
    *fixture = (Fixture){ .root = "/tmp/migrate-cache-XXXXXX" };
    assert_non_null(mkdtemp(fixture->root));
    snprintf(fixture->home, sizeof fixture->home, "HOME=%s", fixture->root);
    fixture->environment[0] = fixture->home;
}

/* NAME below the root; "" is the root. */
static const char *
path(Fixture *fixture, const char *name)
{
    return mg_arena_format(&fixture->arena, "%s%s", fixture->root, name);
}

static void
end(Fixture *fixture)
{
    static const char *const names[] = { "/.cache/migrate", "/.cache", "/cache/migrate", "/cache",
                                         "/file" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)remove(path(fixture, names[i]));
    assert_int_equal(rmdir(fixture->root), 0);
    mg_arena_release(&fixture->arena);
}

static void
set_xdg(Fixture *fixture, const char *value)
{
    snprintf(fixture->xdg, sizeof fixture->xdg, "XDG_CACHE_HOME=%s", value);
    fixture->environment[1] = fixture->xdg;
}

static void
check(Fixture *fixture, const char *expect)
{
    const char *found = mg_cache_folder(fixture->environment, &fixture->arena);
    if (expect == NULL)
        assert_null(found);
    else
        assert_string_equal(found, path(fixture, expect));
}

static void
test_target_cache__is_made(void **state)
{
    (void)state;
    Fixture fixture;
    struct stat found;
    begin(&fixture);
    check(&fixture, "/.cache/migrate");
    assert_int_equal(stat(path(&fixture, "/.cache/migrate"), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    check(&fixture, "/.cache/migrate");
    set_xdg(&fixture, path(&fixture, "/cache"));
    check(&fixture, "/cache/migrate");
    set_xdg(&fixture, "relative"); /* is to be ignored */
    check(&fixture, "/.cache/migrate");
    end(&fixture);
}

static void
test_target_cache__others_can_write(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    check(&fixture, "/.cache/migrate");
    assert_int_equal(chmod(path(&fixture, "/.cache/migrate"), 0770), 0);
    check(&fixture, NULL);
    assert_int_equal(chmod(path(&fixture, "/.cache/migrate"), 0755), 0);
    check(&fixture, "/.cache/migrate");
    assert_int_equal(chmod(path(&fixture, "/.cache"), 0707), 0);
    check(&fixture, NULL);
    end(&fixture);
}

static void
test_target_cache__is_no_folder(void **state)
{
    (void)state;
    Fixture fixture;
    begin(&fixture);
    FILE *file = fopen(path(&fixture, "/file"), "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    set_xdg(&fixture, path(&fixture, "/file"));
    check(&fixture, NULL);
    set_xdg(&fixture, path(&fixture, "/missing/cache"));
    check(&fixture, NULL);
    fixture.environment[1] = NULL;
    for (size_t i = 0; i < 3; i++) {
        static const char *const homes[] = { "HOME=relative", "HOME=/nowhere/at/all", NULL };
        fixture.environment[0] = (char *)(uintptr_t)homes[i];
        check(&fixture, NULL);
    }
    end(&fixture);
}

/* Only root can give a folder away. */
static void
test_target_cache__of_another_user(void **state)
{
    (void)state;
    static const char *const names[] = { "/.cache/migrate", "/.cache", "" };
    if (geteuid() != 0)
        return;
    Fixture fixture;
    begin(&fixture);
    check(&fixture, "/.cache/migrate");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(chown(path(&fixture, names[i]), 65534, 65534), 0);
        check(&fixture, NULL);
        assert_int_equal(chown(path(&fixture, names[i]), 0, 0), 0);
    }
    end(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_cache__is_made),
        cmocka_unit_test(test_target_cache__others_can_write),
        cmocka_unit_test(test_target_cache__is_no_folder),
        cmocka_unit_test(test_target_cache__of_another_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
