/* Which source and which name wins, and what is said when none does or two disagree. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "target/choose.h"

enum {
    MAX_VARIABLES = 12,
};

#define NEON "postgres://app:s3cret@ep-x.aws.neon.tech/shop"
#define NEON_POOLED "postgres://app:s3cret@ep-x-pooler.aws.neon.tech/shop"
#define SUPABASE_SESSION "postgres://postgres.r:s3cret@aws-0-eu.pooler.supabase.com:5432/postgres"
#define SUPABASE_POOLED "postgres://postgres.r:s3cret@aws-0-eu.pooler.supabase.com:6543/postgres"
#define SUPABASE "postgres://postgres:s3cret@db.r.supabase.co:5432/postgres"

typedef struct ChooseCase {
    const char *title;
    MgChooseInput input; /* without folder and environment */
    const char *environment[MAX_VARIABLES];
    const char *dotenv, *schema; /* texts of files, NULL: absent */
    /* "SHOWN URL", notes behind " | ", passed over names behind " - "; or all of an error. */
    const char *expect;
} ChooseCase;

static void
write_file(const char *folder, const char *name, const char *text, size_t size_bytes)
{
    MgArena arena = { 0 };
    int fd =
        open(mg_arena_format(&arena, "%s/%s", folder, name), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size_bytes), size_bytes);
    assert_int_equal(close(fd), 0);
    mg_arena_release(&arena);
}

static void
remove_all(const char *folder)
{
    static const char *const names[] = { ".env", ".env.local", "other.env",
                                         "prisma/schema.prisma" };
    MgArena arena = { 0 };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(mg_arena_format(&arena, "%s/%s", folder, names[i]));
    (void)rmdir(mg_arena_format(&arena, "%s/.env", folder));
    (void)rmdir(mg_arena_format(&arena, "%s/prisma", folder));
    assert_int_equal(rmdir(folder), 0);
    mg_arena_release(&arena);
}

static void
make_folder(char folder[], const ChooseCase *c)
{
    MgArena arena = { 0 };
    assert_non_null(mkdtemp(folder));
    if (c->dotenv != NULL)
        write_file(folder, ".env", c->dotenv, strlen(c->dotenv));
    if (c->schema != NULL) {
        assert_int_equal(mkdir(mg_arena_format(&arena, "%s/prisma", folder), 0700), 0);
        write_file(folder, "prisma/schema.prisma", c->schema, strlen(c->schema));
    }
    mg_arena_release(&arena);
}

static void
dump_choice(const MgChoice *choice, MgBuf *ret)
{
    mg_buf_format(ret, "%s %s", choice->shown, choice->url.display);
    for (size_t i = 0; i < choice->url.n_notes; i++)
        mg_buf_format(ret, " | %s", choice->url.notes[i]);
    for (size_t i = 0; i < choice->n_passed_over; i++)
        mg_buf_format(ret, " - %s", choice->passed_over[i]);
}

static void
dump_error(const MgError *err, MgBuf *ret)
{
    const char *const parts[] = { err->place,   err->excerpt, err->detail,
                                  err->hint[0], err->hint[1], err->note };
    mg_buf_format(ret, "(%s) %s", mg_error_slug(err->code), err->message);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (*parts[i] != '\0')
            mg_buf_format(ret, "\n%s", parts[i]);
    }
}

static void
check(const ChooseCase *c)
{
    char folder[] = "/tmp/migrate-choose-XXXXXX";
    MgArena arena = { 0 };
    MgBuf text = { 0 };
    MgChoice choice = { .shown = "untouched" };
    MgError err;
    MgChooseInput input = c->input;
    make_folder(folder, c);
    input.folder = folder;
    input.environment = (char *const *)c->environment;
    if (mg_target_choose(&input, &arena, &choice, &err)) {
        dump_choice(&choice, &text);
    } else {
        assert_string_equal(choice.shown, "untouched");
        dump_error(&err, &text);
    }
    if (strcmp(mg_buf_text(&text), c->expect) != 0)
        fail_msg("%s:\n%s\nexpected:\n%s", c->title, mg_buf_text(&text), c->expect);
    assert_null(strstr(mg_buf_text(&text), "s3cret"));
    mg_buf_release(&text);
    mg_arena_release(&arena);
    remove_all(folder);
}

#define MASKED "postgres://app:***@ep-x.aws.neon.tech/shop"
#define MASKED_POOLED "postgres://app:***@ep-x-pooler.aws.neon.tech/shop"

static void
test_choose__source_first_then_name(void **state)
{
    (void)state;
    static const ChooseCase cases[] = {
        { "--url before all",
          { .url = NEON },
          { "MIGRATE_URL=m" },
          "MIGRATE_URL=m",
          NULL,
          "--url " MASKED },
        { "an origin of its own",
          { .url = NEON, .url_from = "APP_URL in app.env" },
          { 0 },
          NULL,
          NULL,
          "APP_URL in app.env " MASKED },
        { "MIGRATE_URL is compared with nothing",
          { 0 },
          { "DATABASE_URL=postgres://other/db", "MIGRATE_URL=" NEON_POOLED },
          NULL,
          NULL,
          "MIGRATE_URL " MASKED_POOLED },
        { "an empty variable is none",
          { 0 },
          { "MIGRATE_URL=", "DATABASE_URL=" NEON },
          NULL,
          NULL,
          "DATABASE_URL " MASKED },
        { "direct names before pooled ones",
          { 0 },
          { "POSTGRES_URL=" NEON_POOLED, "DATABASE_URL=" NEON_POOLED,
            "DATABASE_URL_UNPOOLED=" NEON },
          NULL,
          NULL,
          "DATABASE_URL_UNPOOLED " MASKED " - DATABASE_URL - POSTGRES_URL" },
        { "the order of direct names",
          { 0 },
          { "NETLIFY_DATABASE_URL_UNPOOLED=" NEON, "DATABASE_UNPOOLED_URL=" NEON,
            "DIRECT_DATABASE_URL=" NEON, "DIRECT_URL=" NEON, "POSTGRES_URL_NON_POOLING=" NEON,
            "DATABASE_URL_UNPOOLED=" NEON, "DATABASE_URL_DIRECT=" NEON },
          NULL,
          NULL,
          "DATABASE_URL_DIRECT " MASKED },
        { "a shell before .env",
          { 0 },
          { "DATABASE_URL=postgres://a@localhost/dev" },
          "DATABASE_URL_DIRECT=" NEON,
          NULL,
          "DATABASE_URL postgres://a@localhost/dev" },
        { "a shell's libpq variables before .env",
          { 0 },
          { "PGHOST=localhost" },
          "DATABASE_URL=" NEON,
          NULL,
          "PGHOST host=localhost" },
        { ".env",
          { 0 },
          { "PGUSER=me" },
          "A=b\nDATABASE_URL='" NEON "'\n",
          NULL,
          "DATABASE_URL in .env " MASKED },
        { ".env with libpq's variables",
          { 0 },
          { "PGUSER=me", "PGPORT=1" },
          "PGHOST=h\nPGPORT=2\nPGPASSWORD=s3cret",
          NULL,
          "PGHOST in .env user=me password=*** host=h port=2" },
        { ".env refers to the environment",
          { 0 },
          { "NAME=shop" },
          "DATABASE_URL=postgres:///${NAME}",
          NULL,
          "DATABASE_URL in .env postgres:///shop" },
        { "libpq's variables behind URLs",
          { 0 },
          { "PGHOST=h", "POSTGRES_URL=" NEON },
          NULL,
          NULL,
          "POSTGRES_URL " MASKED },
        { "PGHOST before PGHOSTADDR",
          { 0 },
          { "PGSERVICE=s", "PGHOSTADDR=10.0.0.1", "PGHOST=h" },
          NULL,
          NULL,
          "PGHOST service=s" },
        { "PGHOSTADDR",
          { 0 },
          { "PGDATABASE=d", "PGHOSTADDR=10.0.0.1" },
          NULL,
          NULL,
          "PGHOSTADDR dbname=d hostaddr=10.0.0.1" },
        { "PGDATABASE", { 0 }, { "PGDATABASE=d" }, NULL, NULL, "PGDATABASE dbname=d" },
        { "PGSERVICE", { 0 }, { "PGUSER=u", "PGSERVICE=s" }, NULL, NULL, "PGSERVICE service=s" },
        { "--url-env in the environment",
          { .url_env = "APP_URL" },
          { "APP_URL=" NEON, "MIGRATE_URL=x", "PGHOST=h" },
          "APP_URL=x",
          NULL,
          "APP_URL " MASKED },
        { "--url-env in .env",
          { .url_env = "APP_URL" },
          { "MIGRATE_URL=x", "PGHOST=h" },
          "APP_URL=" NEON,
          NULL,
          "APP_URL in .env " MASKED },
        { "--url-env decides",
          { .url_env = "POSTGRES_URL" },
          { "DATABASE_URL=postgres://other/db", "POSTGRES_URL=" NEON },
          NULL,
          NULL,
          "POSTGRES_URL " MASKED },
        { "directUrl comes last",
          { 0 },
          { "MY_URL=" NEON, "POSTGRES_URL=" NEON },
          NULL,
          "datasource db { directUrl = env(\"MY_URL\") }",
          "POSTGRES_URL " MASKED },
        { "directUrl alone",
          { 0 },
          { "MY_URL=" NEON },
          NULL,
          "datasource db { directUrl = env(\"MY_URL\") }",
          "MY_URL " MASKED },
        { "directUrl with a usual name",
          { 0 },
          { "DIRECT_URL=" NEON },
          NULL,
          "datasource db { directUrl = env(\"DIRECT_URL\") }",
          "DIRECT_URL " MASKED },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void
test_choose__values_count_too(void **state)
{
    (void)state;
    static const ChooseCase cases[] = {
        { "a direct value before a pooled one",
          { 0 },
          { "DATABASE_URL=" NEON_POOLED, "POSTGRES_URL=" NEON },
          NULL,
          NULL,
          "POSTGRES_URL " MASKED
          " | DATABASE_URL, a pooled URL of the same database, was passed over - DATABASE_URL" },
        { "of directUrl too",
          { 0 },
          { "DATABASE_URL=" NEON_POOLED, "MY_URL=" NEON },
          NULL,
          "datasource db { directUrl = env(\"MY_URL\") }",
          "MY_URL " MASKED
          " | DATABASE_URL, a pooled URL of the same database, was passed over - DATABASE_URL" },
        { "all pooled: the first name",
          { 0 },
          { "DATABASE_URL=" SUPABASE_POOLED, "DIRECT_URL=" SUPABASE_SESSION },
          NULL,
          NULL,
          "DIRECT_URL postgres://postgres.r:***@aws-0-eu.pooler.supabase.com:5432/postgres" },
        { "a session pooler is no direct value",
          { 0 },
          { "DATABASE_URL=" SUPABASE, "DIRECT_URL=" SUPABASE_SESSION },
          NULL,
          NULL,
          "DATABASE_URL postgres://postgres:***@db.r.supabase.co:5432/postgres"
          " | DIRECT_URL, a pooled URL of the same database, was passed over - DIRECT_URL" },
        { "unless it is accepted",
          { .is_session_accepted = true },
          { "DATABASE_URL=" SUPABASE, "DIRECT_URL=" SUPABASE_SESSION },
          NULL,
          NULL,
          "DIRECT_URL postgres://postgres.r:***@aws-0-eu.pooler.supabase.com:5432/postgres" },
        { "Prisma's own URL is passed over",
          { 0 },
          { "DATABASE_URL=prisma+postgres://x/?api_key=s3cret", "POSTGRES_URL=" NEON },
          NULL,
          NULL,
          "POSTGRES_URL " MASKED " | DATABASE_URL, which is no PostgreSQL URL, was passed over" },
        { "but alone it is refused",
          { 0 },
          { "DATABASE_URL=prisma://x/?api_key=s3cret" },
          NULL,
          NULL,
          "(bad-url) DATABASE_URL is a prisma URL, not one of PostgreSQL\n"
          "DATABASE_URL in the environment\n"
          "Use the direct URL of the database, which Prisma calls DIRECT_URL or "
          "DIRECT_DATABASE_URL.\nno connection was made" },
        { "a wrong value behind the first is no matter",
          { 0 },
          { "DATABASE_URL=" NEON, "POSTGRES_URL=s3cret" },
          NULL,
          NULL,
          "DATABASE_URL " MASKED },
        { "a proxy whose direct host is not known",
          { 0 },
          { "DATABASE_URL=postgres://a@x.proxy-y.eu.rds.amazonaws.com/d",
            "DIRECT_URL=postgres://a@x.cluster-y.eu.rds.amazonaws.com/d" },
          NULL,
          NULL,
          "DIRECT_URL postgres://a@x.cluster-y.eu.rds.amazonaws.com/d - DATABASE_URL" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

#define NAMES                                                                                      \
    "MIGRATE_URL, DATABASE_URL_DIRECT, DATABASE_URL_UNPOOLED, POSTGRES_URL_NON_POOLING, "          \
    "DIRECT_URL, DIRECT_DATABASE_URL, DATABASE_UNPOOLED_URL, NETLIFY_DATABASE_URL_UNPOOLED, "      \
    "DATABASE_URL, POSTGRES_URL"
#define LIBPQ ", then PGHOST, PGHOSTADDR, PGDATABASE, PGSERVICE."
#define HINTS                                                                                      \
    "\nName one: export DATABASE_URL=postgresql://user:password@localhost:5432/shop"               \
    "\nOr try the migrations on a throw-away server: migrate up --scratch"                         \
    "\nno connection was made"

static void
test_choose__refuses(void **state)
{
    (void)state;
    static const ChooseCase cases[] = {
        { "nothing named",
          { 0 },
          { "PGPORT=5433", "PGHOST=" },
          NULL,
          NULL,
          "(no-target) no database was named\n"
          "Looked for --url, then in the environment and in .env for " NAMES LIBPQ HINTS },
        { "empty",
          { 0 },
          { "DATABASE_URL=" },
          "MIGRATE_URL=",
          NULL,
          "(no-target) no database was named\n"
          "Looked for --url, then in the environment and in .env for " NAMES LIBPQ
          " DATABASE_URL is set but empty. MIGRATE_URL is set but empty." HINTS },
        { "in CI .env is not read",
          { 0 },
          { "CI=1" },
          "DATABASE_URL=" NEON,
          "datasource db { directUrl = env(\"MY_URL\") }",
          "(no-target) no database was named\n"
          "Looked for --url, then in the environment for " NAMES ", MY_URL" LIBPQ
          " CI is set, so .env was not read." HINTS },
        { "--url-env not set",
          { .url_env = "APP_URL" },
          { "APP_URL=", "DATABASE_URL=" NEON },
          NULL,
          NULL,
          "(no-target) variable \"APP_URL\" is not set\n"
          "Looked for it in the environment and in .env. APP_URL is set but empty.\n"
          "Set it: export APP_URL=postgresql://user:password@localhost:5432/shop\n"
          "no connection was made" },
        { "an empty --url",
          { .url = "" },
          { "DATABASE_URL=" NEON },
          NULL,
          NULL,
          "(no-target) the database URL from --url is empty\nno connection was made" },
        { "a wrong --url",
          { .url = "s3cret" },
          { 0 },
          NULL,
          NULL,
          "(bad-url) --url is neither a database URL nor key=value pairs\n--url\n"
          "The usual form is postgresql://user:password@localhost:5432/shop\n"
          "no connection was made" },
        { "the first is wrong",
          { 0 },
          { "DATABASE_URL=s3cret", "POSTGRES_URL=" NEON },
          NULL,
          NULL,
          "(bad-url) DATABASE_URL is neither a database URL nor key=value pairs\n"
          "DATABASE_URL in the environment\n"
          "The usual form is postgresql://user:password@localhost:5432/shop\n"
          "no connection was made" },
        { "an open reference",
          { 0 },
          { 0 },
          "DATABASE_URL=postgres://${USER_}@h/d",
          NULL,
          "(bad-url) DATABASE_URL refers to a variable that is not set\nDATABASE_URL in .env\n"
          "What stands between \"${\" and \"}\" is set neither in the environment nor in a line "
          "above.\nno connection was made" },
        { "two databases",
          { 0 },
          { "DATABASE_URL_UNPOOLED=" NEON, "POSTGRES_URL=postgres://b:s3cret@localhost:5433/dev" },
          NULL,
          NULL,
          "(ambiguous-url) DATABASE_URL_UNPOOLED and POSTGRES_URL seem to lead to different "
          "databases\n"
          "the environment\n   |\n"
          "   | DATABASE_URL_UNPOOLED  shop at ep-x.aws.neon.tech\n"
          "   | POSTGRES_URL           dev at localhost:5433\n"
          "Host, port and database are compared as they are written, without the mark of a "
          "pooler.\n"
          "Say which one is meant: --url-env DATABASE_URL_UNPOOLED\n"
          "Or set MIGRATE_URL, which counts before all other names.\nno connection was made" },
        { "two databases in .env, behind two that agree",
          { 0 },
          { 0 },
          "DATABASE_URL=" NEON_POOLED "\nDIRECT_URL=" NEON "\nMY_URL=host=/tmp,h",
          "datasource db { directUrl = env(\"MY_URL\") }",
          "(ambiguous-url) DIRECT_URL and MY_URL seem to lead to different databases\n"
          ".env\n   |\n   | DIRECT_URL  shop at ep-x.aws.neon.tech\n"
          "   | MY_URL      its default database at /tmp,h\n"
          "Host, port and database are compared as they are written, without the mark of a "
          "pooler.\n"
          "Say which one is meant: --url-env DIRECT_URL\n"
          "Or set MIGRATE_URL, which counts before all other names.\nno connection was made" },
        { "two databases, one on this machine",
          { 0 },
          { "DATABASE_URL=postgres:///a", "POSTGRES_URL=postgres:///b" },
          NULL,
          NULL,
          "(ambiguous-url) DATABASE_URL and POSTGRES_URL seem to lead to different databases\n"
          "the environment\n   |\n   | DATABASE_URL  a at this machine\n"
          "   | POSTGRES_URL  b at this machine\n"
          "Host, port and database are compared as they are written, without the mark of a "
          "pooler.\n"
          "Say which one is meant: --url-env DATABASE_URL\n"
          "Or set MIGRATE_URL, which counts before all other names.\nno connection was made" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

/* Choose with a folder that is there already; the choice or the error as one text. */
static const char *
choose_in(const char *folder, const char *env_file, MgArena *arena)
{
    static const char *const environment[] = { "DATABASE_URL=", "CI=", NULL };
    static const char *const in_ci[] = { "DATABASE_URL=postgres://other/db", "CI=true", NULL };
    MgBuf text = { 0 };
    MgChoice choice;
    MgError err;
    MgChooseInput input = { .folder = folder,
                            .env_file = env_file,
                            .environment =
                                (char *const *)(env_file == NULL ? environment : in_ci) };
    if (mg_target_choose(&input, arena, &choice, &err))
        dump_choice(&choice, &text);
    else
        dump_error(&err, &text);
    const char *ret = mg_arena_text(arena, mg_buf_text(&text));
    mg_buf_release(&text);
    return ret;
}

static void
test_choose__looks_into_a_named_file_only(void **state)
{
    (void)state;
    char folder[] = "/tmp/migrate-choose-XXXXXX";
    MgArena arena = { 0 };
    assert_non_null(mkdtemp(folder));
    const char *path = mg_arena_format(&arena, "%s/other.env", folder);
    write_file(folder, "other.env", "DATABASE_URL=" NEON, strlen("DATABASE_URL=" NEON));
    assert_string_equal(choose_in(folder, path, &arena),
                        mg_arena_format(&arena, "DATABASE_URL in %s " MASKED, path));
    write_file(folder, "other.env", "A=b", 3);
    assert_string_equal(
        choose_in(folder, path, &arena),
        mg_arena_format(&arena,
                        "(no-target) no database was named\nLooked in %s for " NAMES LIBPQ HINTS,
                        path));
    path = mg_arena_format(&arena, "%s/absent.env", folder);
    assert_string_equal(choose_in(folder, path, &arena),
                        mg_arena_format(&arena,
                                        "(no-target) could not read \"%s\": No such file or "
                                        "directory\nno connection was made",
                                        path));
    mg_arena_release(&arena);
    remove_all(folder);
}

static void
test_choose__meets_odd_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/migrate-choose-XXXXXX";
    MgArena arena = { 0 };
    assert_non_null(mkdtemp(folder));
    static const char utf16[] = "D\0A\0";
    write_file(folder, ".env", utf16, sizeof utf16);
    assert_string_equal(choose_in(folder, NULL, &arena),
                        "(no-target) \".env\" is not UTF-8 text\n"
                        "Save it as UTF-8; what PowerShell's \">\" writes is often UTF-16.\n"
                        "no connection was made");
    assert_int_equal(unlink(mg_arena_format(&arena, "%s/.env", folder)), 0);
    /* Python's virtual environment; and a file that is read only when asked. */
    assert_int_equal(mkdir(mg_arena_format(&arena, "%s/.env", folder), 0700), 0);
    write_file(folder, ".env.local", "DATABASE_URL=" NEON, strlen("DATABASE_URL=" NEON));
    assert_string_equal(
        choose_in(folder, NULL, &arena),
        "(no-target) no database was named\n"
        "Looked for --url, then in the environment and in .env for " NAMES LIBPQ
        " DATABASE_URL is set but empty.\n"
        "Name one: export DATABASE_URL=postgresql://user:password@localhost:5432/shop\n"
        "Or look into .env.local, which is read only when asked: --env-file .env.local\n"
        "no connection was made");
    mg_arena_release(&arena);
    remove_all(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose__source_first_then_name),
        cmocka_unit_test(test_choose__values_count_too),
        cmocka_unit_test(test_choose__refuses),
        cmocka_unit_test(test_choose__looks_into_a_named_file_only),
        cmocka_unit_test(test_choose__meets_odd_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
