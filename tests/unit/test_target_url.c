/* What is read out of a URL, what is shown of it, and what is refused without telling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/arena.h"
#include "base/buf.h"
#include "target/url.h"

enum {
    MAX_VARIABLES = 8,
};

static void
add_params(MgBuf *ret, const char *title, const MgParams *params)
{
    mg_buf_format(ret, "\n%s", title);
    for (size_t i = 0; i < params->n; i++)
        mg_buf_format(ret, " %s=%s", params->items[i].key, params->items[i].value);
}

static const char *
or_none(const char *text)
{
    return text == NULL ? "-" : text;
}

/* All of a URL as one text. */
static void
dump(const MgUrl *url, MgBuf *ret)
{
    mg_buf_format(ret, "%s\n%s %d %s %s%s", url->display, or_none(url->host), url->port,
                  or_none(url->database), or_none(url->user), url->is_local ? " local" : "");
    add_params(ret, "libpq", &url->params);
    add_params(ret, "foreign", &url->foreign);
    if (url->search_path != NULL)
        mg_buf_format(ret, "\nsearch_path %s", url->search_path);
    for (size_t i = 0; i < url->n_notes; i++)
        mg_buf_format(ret, "\nnote %s", url->notes[i]);
}

typedef struct ParseCase {
    const char *text;
    const char *expect;
} ParseCase;

static void
check_parsed(const ParseCase *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        MgArena arena = { 0 };
        MgUrl url;
        MgError err = { .message = "" };
        MgBuf text = { 0 };
        if (!mg_url_parse(cases[i].text, "DATABASE_URL in the environment", NULL, &arena, &url,
                          &err))
            fail_msg("%s: %s", cases[i].text, err.message);
        assert_string_equal(url.from, "DATABASE_URL in the environment");
        assert_string_equal(url.name, "DATABASE_URL");
        dump(&url, &text);
        assert_string_equal(mg_buf_text(&text), cases[i].expect);
        mg_buf_release(&text);
        mg_arena_release(&arena);
    }
}

static void
test_url__reads_uris(void **state)
{
    (void)state;
    static const ParseCase cases[] = {
        { "postgresql://app:s3cret@db.example.com:5433/shop",
          "postgresql://app:***@db.example.com:5433/shop\n"
          "db.example.com 5433 shop app\n"
          "libpq user=app password=s3cret dbname=shop host=db.example.com port=5433\nforeign" },
        { "  postgres://localhost/shop\r\n", "postgres://localhost/shop\nlocalhost 0 shop - local\n"
                                             "libpq dbname=shop host=localhost\nforeign" },
        { "postgresql://", "postgresql://\n- 0 - - local\nlibpq\nforeign" },
        { "POSTGRES://app:@h/d",
          "POSTGRES://app:@h/d\nh 0 d app\nlibpq user=app dbname=d host=h\nforeign" },
        { "postgresql://a%40b:p%40ss%2Fw%3F@[2001:db8::1]:5432/shop%20x",
          "postgresql://a%40b:***@[2001:db8::1]:5432/shop%20x\n"
          "2001:db8::1 5432 shop x a@b\n"
          "libpq user=a@b password=p@ss/w? dbname=shop x host=2001:db8::1 port=5432\nforeign" },
        { "postgresql://app:pw12:34@h1:1,h2:2,:3/d?target_session_attrs=read-write",
          "postgresql://app:***@h1:1,h2:2,:3/d?target_session_attrs=read-write\n"
          "h1 1 d app\n"
          "libpq user=app password=pw12:34 dbname=d host=h1,h2, port=1,2,3 "
          "target_session_attrs=read-write\nforeign" },
        { "postgresql:///shop?host=/var/run/postgresql&user=app&password=s3cret&sslpassword=x",
          "postgresql:///shop?host=/var/run/postgresql&user=app&password=***&sslpassword=***\n"
          "/var/run/postgresql 0 shop app local\n"
          "libpq user=app password=s3cret dbname=shop host=/var/run/postgresql sslpassword=x\n"
          "foreign" },
        { "postgresql://h/d?pass%77ord=s3cret", "postgresql://h/d?pass%77ord=***\nh 0 d -\n"
                                                "libpq password=s3cret dbname=d host=h\nforeign" },
        { "postgresql://%2Ftmp/d", "postgresql://%2Ftmp/d\n/tmp 0 d - local\n"
                                   "libpq dbname=d host=/tmp\nforeign" },
        { "postgresql://h/d?options=-c%20geqo%3Doff&application_name=mine&sslmode=no-verify",
          "postgresql://h/d?options=-c%20geqo%3Doff&application_name=mine&sslmode=no-verify\n"
          "h 0 d -\nlibpq dbname=d host=h options=-c geqo=off sslmode=require\nforeign" },
        { "postgresql://h/d?ssl=1", "postgresql://h/d?ssl=1\nh 0 d -\n"
                                    "libpq dbname=d host=h sslmode=require\nforeign" },
        { "postgresql://h/d?sslmode=verify-full&ssl=true&",
          "postgresql://h/d?sslmode=verify-full&ssl=true&\nh 0 d -\n"
          "libpq dbname=d host=h sslmode=verify-full\nforeign" },
        { "postgresql://h/d?ssl=off", "postgresql://h/d?ssl=off\nh 0 d -\n"
                                      "libpq dbname=d host=h\nforeign" },
        { "postgresql://h/d?&&connect_timeout=3",
          "postgresql://h/d?&&connect_timeout=3\nh 0 d -\n"
          "libpq connect_timeout=3 dbname=d host=h\nforeign" },
    };
    check_parsed(cases, sizeof cases / sizeof *cases);
}

static void
test_url__splits_foreign_keys_off(void **state)
{
    (void)state;
    static const ParseCase cases[] = {
        { "postgresql://h/d?pgbouncer=true&connect_timeout=15&connection_limit=1&schema=public",
          "postgresql://h/d?pgbouncer=true&connect_timeout=15&connection_limit=1&schema=public\n"
          "h 0 d -\nlibpq connect_timeout=15 dbname=d host=h\n"
          "foreign pgbouncer=true connection_limit=1 schema=public" },
        { "postgresql://h/d?schema=crm&x-migrations-table=m",
          "postgresql://h/d?schema=crm&x-migrations-table=m\n"
          "h 0 d -\nlibpq dbname=d host=h\n"
          "foreign schema=crm x-migrations-table=m\nsearch_path \"crm\"" },
        { "postgresql+asyncpg://app:s3cret@h/d",
          "postgresql+asyncpg://app:***@h/d\nh 0 d app\n"
          "libpq user=app password=s3cret dbname=d host=h\nforeign\n"
          "note the driver \"asyncpg\" in DATABASE_URL is not used" },
        { "jdbc:postgresql://h:5432/d?user=app&password=s3cret&ApplicationName=x",
          "postgresql://h:5432/d?user=app&password=***&ApplicationName=x\nh 5432 d app\n"
          "libpq user=app password=s3cret dbname=d host=h port=5432\nforeign\n"
          "note the \"jdbc:\" in front of DATABASE_URL was dropped" },
        { "host=h pgbouncer=true search_path='app, public'",
          "host=h pgbouncer=true search_path='app, public'\nh 0 - -\nlibpq host=h\n"
          "foreign pgbouncer=true search_path=app, public\nsearch_path app, public" },
        { "postgresql://h/d?schema=a%22b%20C", "postgresql://h/d?schema=a%22b%20C\nh 0 d -\n"
                                               "libpq dbname=d host=h\nforeign schema=a\"b C\n"
                                               "search_path \"a\"\"b C\"" },
        { "postgresql://h/d?currentSchema=a,b&schema=&search_path=public",
          "postgresql://h/d?currentSchema=a,b&schema=&search_path=public\nh 0 d -\n"
          "libpq dbname=d host=h\nforeign currentSchema=a,b schema= search_path=public\n"
          "search_path a,b" },
        { "postgresql://h/d?lock_timeout=5s", "postgresql://h/d?lock_timeout=5s\nh 0 d -\n"
                                              "libpq dbname=d host=h\nforeign lock_timeout=5s\n"
                                              "note \"lock_timeout\" in DATABASE_URL is not used" },
    };
    check_parsed(cases, sizeof cases / sizeof *cases);
}

static void
test_url__reads_key_value_pairs(void **state)
{
    (void)state;
    static const ParseCase cases[] = {
        { "host=db.example.com port=5433 dbname=shop user=app password=s3cret",
          "host=db.example.com port=5433 dbname=shop user=app password=***\n"
          "db.example.com 5433 shop app\n"
          "libpq user=app password=s3cret dbname=shop host=db.example.com port=5433\nforeign" },
        { "password = 's3 \\'cret\\\\'  host= h  dbname=a\\ b ssl=require",
          "password = ***  host= h  dbname=a\\ b ssl=require\nh 0 a b -\n"
          "libpq password=s3 'cret\\ dbname=a b host=h sslmode=require\nforeign" },
        { "dbname=", "dbname=\n- 0 - - local\nlibpq\nforeign" },
        { "ssl=on", "ssl=on\n- 0 - - local\nlibpq sslmode=require\nforeign" },
        { "service=prod", "service=prod\n- 0 - -\nlibpq service=prod\nforeign" },
        { "host=h hostaddr=127.0.0.1 application_name=x",
          "host=h hostaddr=127.0.0.1 application_name=x\nh 0 - - local\n"
          "libpq host=h hostaddr=127.0.0.1\nforeign" },
        { "hostaddr=10.0.0.1", "hostaddr=10.0.0.1\n10.0.0.1 0 - -\nlibpq hostaddr=10.0.0.1\n"
                               "foreign" },
        { "password=\\", "password=***\n- 0 - - local\nlibpq password=\\\nforeign" },
    };
    check_parsed(cases, sizeof cases / sizeof *cases);
}

static void
test_url__knows_this_machine(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool is_local;
    } cases[] = {
        { "localhost", true },
        { "LocalHost", true },
        { "127.0.0.1", true },
        { "127.9.8.7", true },
        { "::1", true },
        { "::ffff:127.0.0.1", true },
        { "/tmp", true },
        { "@socket", true },
        { "localhost,127.0.0.1", true },
        { "localhost,", true },
        { "127.0.0.1.evil", false },
        { "128.0.0.1", false },
        { "::ffff:10.0.0.1", false },
        { "fe80::1", false },
        { "localhost,db", false },
        { "localhost.example.com", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url;
        MgError err;
        assert_true(mg_url_parse(mg_arena_format(&arena, "host='%s'", cases[i].host), "--url", NULL,
                                 &arena, &url, &err));
        assert_string_equal(url.name, "--url");
        if (url.is_local != cases[i].is_local)
            fail_msg("%s", cases[i].host);
        mg_arena_release(&arena);
    }
}

typedef struct VariablesCase {
    const char *text;
    const char *environment[MAX_VARIABLES];
    const char *expect;
} VariablesCase;

static void
test_url__reads_variables(void **state)
{
    (void)state;
    static const VariablesCase cases[] = {
        { NULL,
          { "PGHOST=db.example.com", "PGPORT=5433", "PGPASSWORD=s3cret", "PGUSER=app",
            "PGAPPNAME=x", "HOME=/" },
          "user=app password=*** host=db.example.com port=5433\n"
          "db.example.com 5433 - app\n"
          "libpq user=app password=s3cret host=db.example.com port=5433\nforeign" },
        { "", { "PGDATABASE=shop" }, "dbname=shop\n- 0 shop - local\nlibpq dbname=shop\nforeign" },
        { NULL,
          { "PGSERVICE=prod", "PGHOST=localhost" },
          "service=prod\n- 0 - -\nlibpq service=prod\nforeign" },
        { "postgresql:///shop",
          { "PGHOST=db.example.com", "PGPORT=6432", "PGUSER=app" },
          "postgresql:///shop\ndb.example.com 6432 shop app\nlibpq dbname=shop\nforeign" },
        { "postgresql://h:1/shop",
          { "PGHOST=db.example.com", "PGPORT=6432", "PGDATABASE=other" },
          "postgresql://h:1/shop\nh 1 shop -\nlibpq dbname=shop host=h port=1\nforeign" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url;
        MgError err;
        MgBuf text = { 0 };
        assert_true(mg_url_parse(cases[i].text, "PGHOST in the environment",
                                 (char *const *)cases[i].environment, &arena, &url, &err));
        dump(&url, &text);
        assert_string_equal(mg_buf_text(&text), cases[i].expect);
        mg_buf_release(&text);
        mg_arena_release(&arena);
    }
}

/* Everything an error says, in one text. */
static void
dump_error(const MgError *err, MgBuf *ret)
{
    mg_buf_format(ret, "%s\n%s\n%s\n%s\n%s", err->message, err->detail, err->hint[0], err->hint[1],
                  err->note);
}

#define USUAL_FORM "The usual form is postgresql://user:password@localhost:5432/shop"
#define ENCODE                                                                                     \
    "In a user name or password, \"@\" is written %40, \"/\" %2F, \"?\" %3F, \":\" %3A and \"%\" " \
    "%25."
#define AND "It may be a part of the password, where \"&\" is written %26."
#define API "This is the address of an API. The database URL begins with postgresql://."

static void
test_url__refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *detail, *hint;
    } cases[] = {
        { " \r\n", "holds nothing but white space", "", USUAL_FORM },
        { "shop", "is neither a database URL nor key=value pairs", "", USUAL_FORM },
        { "s3cret@h/shop", "is neither a database URL nor key=value pairs", "", USUAL_FORM },
        { "'postgres://h/d'", "begins with a quote",
          "Some tools take the quotes of an env file as a part of the value.", USUAL_FORM },
        { "\"x", "begins with a quote",
          "Some tools take the quotes of an env file as a part of the value.", USUAL_FORM },
        { "postgres://h/d\x01", "holds a control character", "", USUAL_FORM },
        { "postgres://h/d\x7f", "holds a control character", "", USUAL_FORM },
        { "postgres://h%0Ai/d", "holds a control character", "", USUAL_FORM },
        { "postgres://h/\xff", "is not valid UTF-8", "", USUAL_FORM },
        { "mysql://u:s3cret@h/d", "is a mysql URL, not one of PostgreSQL", "", USUAL_FORM },
        { "prisma://accelerate.prisma-data.net/?api_key=s3cret",
          "is a prisma URL, not one of PostgreSQL", "",
          "Use the direct URL of the database, which Prisma calls DIRECT_URL or "
          "DIRECT_DATABASE_URL." },
        { "prisma+postgres://localhost:51213/?api_key=s3cret",
          "is a prisma+postgres URL, not one of PostgreSQL", "",
          "Use the direct URL of the database: it begins with postgres://." },
        { "https://abc.supabase.co", "is a https URL, not one of PostgreSQL", "", API },
        { "s3cret://h", "does not begin with postgresql://", "", USUAL_FORM },
        { "://s3cret@h", "does not begin with postgresql://", "", USUAL_FORM },
        { "p_q://s3cret@h", "does not begin with postgresql://", "", USUAL_FORM },
        { "postgres://u:s3%cret@h/d", "holds a \"%\" that two hexadecimal digits do not follow",
          ENCODE, USUAL_FORM },
        { "postgres://u:s3cret%", "holds a \"%\" that two hexadecimal digits do not follow", ENCODE,
          USUAL_FORM },
        { "postgres://u:s3cret%4", "holds a \"%\" that two hexadecimal digits do not follow",
          ENCODE, USUAL_FORM },
        { "postgres://u:s3cret%00@h", "holds a \"%\" that two hexadecimal digits do not follow",
          ENCODE, USUAL_FORM },
        { "postgres://u:s3@cret@h/d", "holds an \"@\" at an unexpected place", ENCODE, USUAL_FORM },
        { "postgres://u:s3@cr/et@h/d", "holds an \"@\" at an unexpected place", ENCODE,
          USUAL_FORM },
        { "postgres://u:s3@cr#e/t@h:1/d?sslmode=require", "holds an \"@\" at an unexpected place",
          ENCODE, USUAL_FORM },
        { "postgres://u:s3/cret@h/d", "holds an \"@\" at an unexpected place", ENCODE, USUAL_FORM },
        { "postgres://u:s3?cret@h/d", "holds an \"@\" at an unexpected place", ENCODE, USUAL_FORM },
        { "postgres://u:s3cret/d", "has a port that is no number from 1 to 65535", "", USUAL_FORM },
        { "postgres://h:0/d", "has a port that is no number from 1 to 65535", "", USUAL_FORM },
        { "postgres://h:1,i:65536/d", "has a port that is no number from 1 to 65535", "",
          USUAL_FORM },
        { "postgres://[::1/d", "cannot be read as a database URL", "", USUAL_FORM },
        { "postgres://h/d?s3cret", "holds a key without a value behind its \"?\"", "", USUAL_FORM },
        { "postgres://h/d?password=a&s3cret=b", "holds a key that is not known", AND, USUAL_FORM },
        { "postgres://h/d?s3%20cret=b", "holds a key that is not known", AND, USUAL_FORM },
        { "postgres://h/d?sslmod=require", "holds the unknown key \"sslmod\"", "",
          "Perhaps \"sslmode\" is meant." },
        { "postgres://h/d?frobnicate=1", "holds the unknown key \"frobnicate\"", "",
          "Remove \"frobnicate\" from it if it is meant for another tool." },
        { "password=my s3cret host=h", "holds a word without \"=\" behind it",
          "A value with spaces is put into single quotes.", USUAL_FORM },
        { "=s3cret", "holds a word without \"=\" behind it",
          "A value with spaces is put into single quotes.", USUAL_FORM },
        { "password='s3cret host=h", "holds a single quote that is never closed", "", USUAL_FORM },
        { "password=my s3cret=h", "holds a key that is not known", AND, USUAL_FORM },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url = { .port = -1 };
        MgError err;
        MgBuf got = { 0 }, expect = { 0 };
        if (mg_url_parse(cases[i].text, "DATABASE_URL in the environment", NULL, &arena, &url,
                         &err))
            fail_msg("%s is not refused", cases[i].text);
        assert_int_equal(url.port, -1);
        assert_int_equal(err.code, MG_E_BAD_URL);
        assert_string_equal(err.place, "DATABASE_URL in the environment");
        dump_error(&err, &got);
        mg_buf_format(&expect, "DATABASE_URL %s\n%s\n%s\n\nno connection was made",
                      cases[i].message, cases[i].detail, cases[i].hint);
        assert_string_equal(mg_buf_text(&got), mg_buf_text(&expect));
        assert_null(strstr(mg_buf_text(&got), "cret"));
        mg_buf_release(&got);
        mg_buf_release(&expect);
        mg_arena_release(&arena);
    }
}

/* What a later libpq brought is its own business from then on. */
static void
test_url__keys_of_a_newer_libpq(void **state)
{
    (void)state;
    static const struct {
        const char *pair;
        int since;
        const char *expect; /* before that: the note, or the error */
    } cases[] = {
        { "sslnegotiation=direct", 170000,
          "\"sslnegotiation\" in DATABASE_URL needs a newer libpq and is not used" },
        { "require_auth=scram-sha-256", 160000,
          "DATABASE_URL holds \"require_auth\", which needs a newer libpq\n"
          "It limits how a session is made, so it is not left out.\n"
          "Install a newer libpq, or take \"require_auth\" out of the URL.\n\n"
          "no connection was made" },
        { "min_protocol_version=3.2", 180000,
          "DATABASE_URL holds \"min_protocol_version\", which needs a newer libpq\n"
          "It limits how a session is made, so it is not left out.\n"
          "Install a newer libpq, or take \"min_protocol_version\" out of the URL.\n\n"
          "no connection was made" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf got = { 0 };
        MgArena arena = { 0 };
        MgUrl url;
        MgError err;
        const char *text = mg_arena_format(&arena, "postgresql://h/d?%s", cases[i].pair);
        if (!mg_url_parse(text, "DATABASE_URL in the environment", NULL, &arena, &url, &err))
            dump_error(&err, &got);
        else if (url.n_notes > 0)
            mg_buf_add(&got, url.notes[0]);
        assert_string_equal(mg_buf_text(&got),
                            PQlibVersion() < cases[i].since ? cases[i].expect : "");
        mg_arena_release(&arena);
    }
}

/* libpq reads them by itself, whatever the URL says. */
static void
test_url__variables_of_a_newer_libpq(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        int since;
        const char *expect; /* before that: the note, or the error */
    } cases[] = {
        { "PGSSLNEGOTIATION=direct", 170000,
          "PGSSLNEGOTIATION needs a newer libpq and is not used" },
        { "PGREQUIREAUTH=scram-sha-256", 160000,
          "PGREQUIREAUTH needs a newer libpq\n"
          "It limits how a session is made, so it is not left out.\n"
          "Install a newer libpq, or unset PGREQUIREAUTH.\n\n"
          "no connection was made" },
        { "PGSSLCERTMODE=require", 160000,
          "PGSSLCERTMODE needs a newer libpq\n"
          "It limits how a session is made, so it is not left out.\n"
          "Install a newer libpq, or unset PGSSLCERTMODE.\n\n"
          "no connection was made" },
        { "PGREQUIREAUTH=", 0, "" },
    };
    static const char *const urls[] = { "postgresql://h/d", NULL };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        MG_CLEANUP(buf) MgBuf got = { 0 };
        MgArena arena = { 0 };
        MgUrl url;
        MgError err;
        char *const environment[] = { mg_arena_text(&arena, "PGHOST=h"),
                                      mg_arena_text(&arena, cases[i / 2].variable), NULL };
        if (!mg_url_parse(urls[i % 2], "--url", environment, &arena, &url, &err))
            dump_error(&err, &got);
        else if (url.n_notes > 0)
            mg_buf_add(&got, url.notes[0]);
        assert_string_equal(mg_buf_text(&got),
                            PQlibVersion() < cases[i / 2].since ? cases[i / 2].expect : "");
        mg_arena_release(&arena);
    }
}

static void
test_url__refuses_a_long_one(void **state)
{
    (void)state;
    MgArena arena = { 0 };
    MgBuf text = { 0 };
    MgUrl url;
    MgError err;
    mg_buf_add(&text, "postgresql://h/");
    mg_buf_add_repeated(&text, 'd', 8192);
    assert_false(mg_url_parse(mg_buf_text(&text), "--url", NULL, &arena, &url, &err));
    assert_string_equal(err.message, "--url is longer than 8192 bytes");
    mg_buf_release(&text);
    mg_arena_release(&arena);
}

/* As it was given, and with its passwords masked: only white space round it is dropped. */
static void
test_url__rewrites(void **state)
{
    (void)state;
    static const struct {
        const char *url, *cut, *masked, *revealed;
    } cases[] = {
        { " postgresql://app:s3%40cret@h:5432/d?sslpassword=a%20b&application_name=x ", "h:5432",
          "postgresql://app:***@NEW/d?sslpassword=***&application_name=x",
          "postgresql://app:s3%40cret@NEW/d?sslpassword=a%20b&application_name=x" },
        { "password='a \\' b'  host = h dbname=d", "h dbname", "password=***  host = NEW=d",
          "password='a \\' b'  host = NEW=d" },
        { "postgresql+psycopg://h/d", "h/", "postgresql+psycopg://NEWd",
          "postgresql+psycopg://NEWd" },
        { "postgresql://***:s3cret@h/***", "h/", "postgresql://***:***@NEW***",
          "postgresql://***:s3cret@NEW***" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url;
        MgError err;
        assert_true(mg_url_parse(cases[i].url, "--url", NULL, &arena, &url, &err));
        size_t at = (size_t)(strstr(url.display, cases[i].cut) - url.display);
        MgUrlEdit edit = { { at, at + strlen(cases[i].cut) }, "NEW" };
        assert_string_equal(mg_url_rewrite(&url, &edit, 1, false, &arena), cases[i].masked);
        assert_string_equal(mg_url_rewrite(&url, &edit, 1, true, &arena), cases[i].revealed);
        assert_string_equal(mg_url_rewrite(&url, NULL, 0, false, &arena), url.display);
        mg_arena_release(&arena);
    }
}

static void
test_url__writes_variables_as_pairs(void **state)
{
    (void)state;
    const char *environment[] = { "PGHOST=h", "PGPASSWORD=a b'c", "PGDATABASE=my shop", NULL };
    MgArena arena = { 0 };
    MgUrl url;
    MgError err;
    assert_true(mg_url_parse(NULL, "PGHOST in the environment", (char *const *)environment, &arena,
                             &url, &err));
    assert_string_equal(url.display, "password=*** dbname='my shop' host=h");
    assert_string_equal(mg_url_rewrite(&url, NULL, 0, true, &arena),
                        "password='a b\\'c' dbname='my shop' host=h");
    mg_url_add_note(&url, "one", &arena);
    mg_url_add_note(&url, "two", &arena);
    assert_int_equal(url.n_notes, 2);
    assert_string_equal(url.notes[0], "one");
    assert_string_equal(url.notes[1], "two");
    mg_arena_release(&arena);
}

static void
test_url__knows_other_kinds(void **state)
{
    (void)state;
    static const char *const others[] = { "prisma://x", " prisma+postgres://x", "MySQL://x",
                                          "https://x" };
    static const char *const ours[] = {
        "postgres://x", "postgresql+psycopg://x", "jdbc:postgresql://x", "host=x", "x", "",
        "unknown://x"
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(mg_url_is_of_another_kind(others[i]));
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_false(mg_url_is_of_another_kind(ours[i]));
}

static void
test_url__masks(void **state)
{
    (void)state;
    static const struct {
        const char *url, *text, *expect;
    } cases[] = {
        { "postgresql://app:s3cret@h/d", "a s3cret, s3cret!", "a ***, ***!" },
        { "postgresql://app:s3cret@h/d", "nothing", "nothing" },
        { "postgresql://app@h/d", "nothing", "nothing" },
        { "postgresql://app:p@h/d", "a pipe", "a pipe" },
        { "postgresql://postgres:postgres@h/d", "user \"postgres\"", "user \"postgres\"" },
        { "postgresql://app:shop@h/shop", "shop", "shop" },
        { "postgresql://app:host@host/shop", "host", "host" },
        { "postgresql://app:s3cret@h/d?sslpassword=keyword", "s3cret keyword", "*** ***" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MgArena arena = { 0 };
        MgUrl url;
        MgError err;
        assert_true(mg_url_parse(cases[i].url, "--url", NULL, &arena, &url, &err));
        assert_string_equal(mg_url_mask(&url, cases[i].text, &arena), cases[i].expect);
        mg_arena_release(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url__reads_uris),
        cmocka_unit_test(test_url__splits_foreign_keys_off),
        cmocka_unit_test(test_url__reads_key_value_pairs),
        cmocka_unit_test(test_url__knows_this_machine),
        cmocka_unit_test(test_url__reads_variables),
        cmocka_unit_test(test_url__refuses),
        cmocka_unit_test(test_url__keys_of_a_newer_libpq),
        cmocka_unit_test(test_url__variables_of_a_newer_libpq),
        cmocka_unit_test(test_url__refuses_a_long_one),
        cmocka_unit_test(test_url__rewrites),
        cmocka_unit_test(test_url__writes_variables_as_pairs),
        cmocka_unit_test(test_url__knows_other_kinds),
        cmocka_unit_test(test_url__masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
