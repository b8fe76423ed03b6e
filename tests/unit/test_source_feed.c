/*
 * What goes into a script's digests, byte by byte: histories hold them, so it
 * never changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "source/feed.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* Text with NULs in it. */
#define BYTES(text) (text), sizeof(text) - 1

static MgFeed feed;
static char pending[MG_FEED_ROOM_BYTES];

static int
set_up(void **state)
{
    (void)state;
    feed = (MgFeed){ .digest = mg_digest_begin(), .pending = pending };
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    mg_digest_drop(feed.digest);
    return 0;
}

/* What was fed is these bytes. */
static void
expect(const char *what, const char *bytes, size_t n)
{
    char wanted[MG_DIGEST_HEX_BYTES], got[MG_DIGEST_HEX_BYTES];
    MgDigest *digest = mg_digest_begin();
    mg_digest_add(digest, bytes, n);
    mg_digest_end(digest, wanted);
    mg_feed_end(&feed, got);
    if (strcmp(got, wanted) != 0)
        fail_msg("%s", what);
}

static void
test_feed__ends_every_line_alike(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expect;
    } cases[] = {
        { "", "" },
        { "SELECT 1", "SELECT 1" },
        { "a\nb\n", "a\nb\n" },
        { "a\r\nb\r\n", "a\nb\n" },
        { "a\rb\r", "a\nb\n" },
        { "a\n\rb", "a\n\nb" },
        { "\r\r\n\n\r\n", "\n\n\n\n" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = cases[i].text;
        size_t n = strlen(text);
        /* In two pieces, cut anywhere: the text of a file comes in windows. */
        for (size_t cut = 0; cut <= n; cut++) {
            mg_feed_text(&feed, text, cut);
            mg_feed_text(&feed, text + cut, n - cut);
            feed.is_after_cr = false;
            expect(text, cases[i].expect, strlen(cases[i].expect));
        }
        for (size_t at = 0; at < n; at++) {
            mg_feed_text(&feed, text + at, 1);
            mg_feed_text(&feed, "", 0);
        }
        feed.is_after_cr = false;
        expect(text, cases[i].expect, strlen(cases[i].expect));
    }
}

/* Pieces round the size at which they are gathered, and one that is larger than it. */
static void
test_feed__takes_pieces_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, MG_FEED_BYTES - 1, MG_FEED_BYTES, MG_FEED_BYTES + 1,
                                    2 * MG_FEED_BYTES + 1 };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        MG_CLEANUP(buf) MgBuf whole = { 0 };
        for (size_t n = 0; n < 3; n++) {
            MG_CLEANUP(buf) MgBuf piece = { 0 };
            while (piece.size_bytes < sizes[i])
                mg_buf_add_char(&piece, (char)('a' + (piece.size_bytes + n) % 26));
            mg_feed_text(&feed, mg_buf_text(&piece), piece.size_bytes);
            mg_buf_add(&whole, mg_buf_text(&piece));
        }
        expect("pieces", mg_buf_text(&whole), whole.size_bytes);
    }
}

/* A statement of which the scanner has read the first n_read tokens. */
static void
feed_statement(const char *text, size_t n_read)
{
    MgStmtHead head;
    MgLex lex = { .text = text, .size_bytes = strlen(text), .is_whole = true };
    mg_head_begin(&head, &lex);
    MgCursor cursor = mg_cursor_begin(&head);
    MgToken token;
    for (size_t i = 0; i < n_read && mg_cursor_next(&cursor, &token); i++)
        ;
    mg_feed_statement(&feed, &head);
}

static void
test_feed__takes_tokens_without_what_is_between(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expect;
        size_t n;
    } cases[] = {
        { "SELECT 1;", BYTES("wselect\0n1\0;;\0S\0") },
        { " /* a */ select\n\t1 -- b\n ;", BYTES("wselect\0n1\0;;\0S\0") },
        { "", BYTES("S\0") },
        /* Every kind, by its mark. */
        { "f($1, 1.5) \\", BYTES("wf\0((\0p$1\0o,\0n1\0o.\0n5\0))\0\\\\\0S\0") },
        /* Capitals mean nothing outside quotes, and much inside. */
        { "INSERT INTO T VALUES ('Abc', \"Def\", $X$Ghi$X$, E'J', U&\"K\", 1E5)",
          BYTES("winsert\0winto\0wt\0wvalues\0((\0s'Abc'\0o,\0q\"Def\"\0o,\0d$X$Ghi$X$\0o,\0"
                "sE'J'\0o,\0qU&\"K\"\0o,\0n1e5\0))\0S\0") },
        /* A line ends alike in quotes too. */
        { "SELECT 'a\r\nb', $$c\rd$$, \"e\r\"",
          BYTES("wselect\0s'a\nb'\0o,\0d$$c\nd$$\0o,\0q\"e\n\"\0S\0") },
        /* Letters of other alphabets are as they are written; only a to z are folded. */
        { "\xC3\x84[@Z`z{", BYTES("w\xC3\x84\0o[\0o@\0wz\0o`\0wz\0o{\0S\0") },
        /* A word longer than what is copied at once. */
        { "CREATE TABLE A_TABLE_WITH_A_LONG_NAME",
          BYTES("wcreate\0wtable\0wa_table_with_a_long_name\0S\0") },
        { "A_TABLE_WITH_A_LONG_NAME                ;",
          BYTES("wa_table_with_a_long_name\0;;\0S\0") },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t n_read = 0; n_read <= 20; n_read++) {
            feed_statement(cases[i].text, n_read);
            expect(cases[i].text, cases[i].expect, cases[i].n);
        }
}

/* More tokens than the scanner keeps, and than are read on at once. */
static void
test_feed__reads_long_statements_on(void **state)
{
    (void)state;
    static const size_t n_tokens[] = { MG_STMT_HEAD_TOKENS, MG_STMT_HEAD_TOKENS + 1,
                                       3 * MG_STMT_HEAD_TOKENS };
    for (size_t i = 0; i < COUNT(n_tokens); i++)
        for (size_t n_read = 0; n_read < n_tokens[i]; n_read += MG_STMT_HEAD_TOKENS / 2) {
            MG_CLEANUP(buf) MgBuf text = { 0 };
            MG_CLEANUP(buf) MgBuf wanted = { 0 };
            for (size_t n = 0; n < n_tokens[i]; n++) {
                mg_buf_format(&text, "W%zu ", n);
                mg_buf_format(&wanted, "ww%zu", n);
                mg_buf_add_n(&wanted, BYTES("\0"));
            }
            mg_buf_add_n(&wanted, BYTES("S\0"));
            feed_statement(mg_buf_text(&text), n_read);
            expect("long", mg_buf_text(&wanted), wanted.size_bytes);
        }
}

/* What is longer than all that is gathered counts as it is written. */
static void
test_feed__takes_long_words_as_they_are(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        bool is_folded;
    } cases[] = { { MG_FEED_BYTES - 3, true },
                  { MG_FEED_BYTES - 2, true },
                  { MG_FEED_BYTES - 1, false },
                  { 3 * MG_FEED_BYTES, false } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        MG_CLEANUP(buf) MgBuf text = { 0 };
        MG_CLEANUP(buf) MgBuf wanted = { 0 };
        mg_buf_add_n(&wanted, BYTES("wselect\0w"));
        mg_buf_add(&text, "SELECT ");
        for (size_t n = 0; n < cases[i].size; n++) {
            mg_buf_add_char(&text, (char)('A' + n % 26));
            mg_buf_add_char(&wanted, (char)((cases[i].is_folded ? 'a' : 'A') + n % 26));
        }
        mg_buf_add_n(&wanted, BYTES("\0S\0"));
        feed_statement(mg_buf_text(&text), 2);
        expect("a long word", mg_buf_text(&wanted), wanted.size_bytes);
    }
}

static void
test_feed__takes_directives(void **state)
{
    (void)state;
    MgDirective directive = {
        .name = "lock-timeout, cut", .name_bytes = 12, .value = "5s, cut", .value_bytes = 2
    };
    mg_feed_directive(&feed, &directive);
    directive.value_bytes = 0;
    mg_feed_directive(&feed, &directive);
    expect("directives", BYTES("Dlock-timeout\0D5s\0Dlock-timeout\0D\0"));
}

static void
test_feed__takes_copy_data(void **state)
{
    (void)state;
    mg_feed_copy_data(&feed, BYTES("1\tA\r"));
    mg_feed_copy_data(&feed, BYTES("\n2\tB\n"));
    mg_feed_copy_end(&feed);
    feed_statement("SELECT 1;", 1);
    expect("data", BYTES("C1\tA\n2\tB\n\0wselect\0n1\0;;\0S\0"));

    mg_feed_copy_end(&feed);
    mg_feed_copy_data(&feed, BYTES("x\r"));
    mg_feed_copy_end(&feed);
    mg_feed_copy_data(&feed, BYTES("\ny"));
    mg_feed_copy_end(&feed);
    expect("no data, and twice", BYTES("C\0Cx\n\0C\ny\0"));
}

#define FEED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FEED(test_feed__ends_every_line_alike),
        FEED(test_feed__takes_pieces_of_any_size),
        FEED(test_feed__takes_tokens_without_what_is_between),
        FEED(test_feed__reads_long_statements_on),
        FEED(test_feed__takes_long_words_as_they_are),
        FEED(test_feed__takes_directives),
        FEED(test_feed__takes_copy_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
