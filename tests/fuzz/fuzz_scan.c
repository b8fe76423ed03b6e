/*
 * The scanner on any bytes.  What must always hold:
 *
 *   - items follow each other without overlapping, and between them stand only
 *     blanks, comments, semicolons, \restrict lines and a byte order mark;
 *   - a statement, scanned by itself, is that statement again;
 *   - growing and sliding windows of any size give the same items;
 *   - tokens are the same one by one and many at once;
 *   - an error has a place inside the text and a message;
 *   - every statement can be classified, and what it takes away can be told.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "fuzz.h"
#include "sql/lex.h"
#include "sql/loss.h"
#include "sql/scan.h"
#include "sql/stmt.h"

enum {
    MAX_ITEMS = 4096,
    /* Scanning byte by byte is quadratic. */
    WINDOWED_MAX_BYTES = 2048,
};

typedef struct Item {
    MgScanResult result;
    MgSpan span; /* in the whole text */
    const char *message;
} Item;

typedef struct Items {
    Item items[MAX_ITEMS];
    size_t n;
} Items;

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void
push(Items *items, Item item)
{
    Item *last = items->n > 0 ? &items->items[items->n - 1] : NULL;
    if (last != NULL && item.result == MG_SCAN_COPY_DATA && last->result == MG_SCAN_COPY_DATA) {
        REQUIRE(last->span.end == item.span.begin);
        last->span.end = item.span.end; /* data is cut where windows end */
        return;
    }
    if (items->n < MAX_ITEMS)
        items->items[items->n++] = item;
}

/* Show step more bytes each time the scan asks for more. */
static void
scan_windows(const char *text, size_t size_bytes, size_t step, bool has_backslash_quotes,
             Items *ret)
{
    MgScan scan;
    MgScanResult result;
    size_t base = 0, end = step < size_bytes ? step : size_bytes;
    ret->n = 0;
    mg_scan_init(&scan, has_backslash_quotes);
    do {
        MgScanItem item;
        result = mg_scan_next(&scan, text + base, end - base, end == size_bytes, &item);
        if (result == MG_SCAN_MORE) {
            REQUIRE(end < size_bytes);
            base += scan.at;
            mg_scan_slid(&scan);
            end = size_bytes - end > step ? end + step : size_bytes;
            continue;
        }
        REQUIRE(item.span.begin <= item.span.end && base + item.span.end <= end);
        push(ret, (Item){ result,
                          { base + item.span.begin, base + item.span.end },
                          result == MG_SCAN_ERROR ? item.message : NULL });
    } while (result != MG_SCAN_END && result != MG_SCAN_ERROR);
}

static void
require_same(const Items *a, const Items *b)
{
    REQUIRE(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        REQUIRE(a->items[i].result == b->items[i].result);
        REQUIRE(a->items[i].message == b->items[i].message);
        REQUIRE(a->items[i].span.begin == b->items[i].span.begin);
        REQUIRE(a->items[i].span.end == b->items[i].span.end);
    }
}

/* Nothing that the server should have seen stands in the gap. */
static void
require_gap(const char *text, size_t begin, size_t end)
{
    if (begin == 0 && end >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        begin = 3;
    MgLex lex = { .text = text, .size_bytes = end, .at = begin, .is_whole = true };
    MgToken token;
    while (mg_lex_next(&lex, &token) == MG_LEX_TOKEN) {
        if (token.kind == MG_TOKEN_BACKSLASH) {
            while (lex.at < end && text[lex.at] != '\n' && text[lex.at] != '\r')
                lex.at++;
            continue;
        }
        REQUIRE(token.kind == MG_TOKEN_BLANK || token.kind == MG_TOKEN_COMMENT ||
                token.kind == MG_TOKEN_SEMICOLON);
    }
    REQUIRE(lex.at == end);
}

/* Scanned by itself, it is the same one statement. */
static void
require_stable(const char *text, size_t size_bytes, bool has_backslash_quotes)
{
    MgScan scan;
    MgScanItem item;
    mg_scan_init(&scan, has_backslash_quotes);
    scan.is_begun = true; /* a byte order mark counts only in the file's beginning */
    REQUIRE(mg_scan_next(&scan, text, size_bytes, true, &item) == MG_SCAN_STATEMENT);
    REQUIRE(item.span.begin == 0 && item.span.end == size_bytes);
    MgScanResult result = mg_scan_next(&scan, text, size_bytes, true, &item);
    if (result == MG_SCAN_COPY_END)
        result = mg_scan_next(&scan, text, size_bytes, true, &item);
    REQUIRE(result == MG_SCAN_END);
}

static void
require_kind(const char *text, MgSpan span, bool has_backslash_quotes, MgLosses *losses,
             MgArena *arena)
{
    static MgStmtHead head;
    MgStmt stmt;
    mg_stmt_classify(text + span.begin, span.end - span.begin, 0, &stmt);
    REQUIRE(stmt.label != NULL);
    MgLex lex = { .text = text,
                  .size_bytes = span.end,
                  .at = span.begin,
                  .is_whole = true,
                  .has_backslash_quotes = has_backslash_quotes };
    mg_head_begin(&head, &lex);
    size_t n = mg_losses_take(losses, &head, 1, arena);
    REQUIRE(n <= losses->n);
}

/* Read many at once, in a window that is whole or not, they are the tokens that they are one by
 * one. */
static void
require_words(const char *text, size_t size_bytes, bool is_whole, bool has_backslash_quotes)
{
    enum { AT_ONCE = 9 };
    MgLex one = { .text = text,
                  .size_bytes = size_bytes,
                  .is_whole = is_whole,
                  .has_backslash_quotes = has_backslash_quotes };
    MgLex many = one;
    MgLexResult result, expected = MG_LEX_TOKEN;
    do {
        MgToken tokens[AT_ONCE], token;
        size_t n;
        result = mg_lex_words(&many, tokens, AT_ONCE, &n);
        for (size_t i = 0; i < n; i++) {
            expected = mg_lex_next_word(&one, &token);
            REQUIRE(expected == MG_LEX_TOKEN && token.kind == tokens[i].kind);
            REQUIRE(token.span.begin == tokens[i].span.begin);
            REQUIRE(token.span.end == tokens[i].span.end);
        }
        if (result != MG_LEX_TOKEN)
            expected = mg_lex_next_word(&one, &token);
    } while (result == MG_LEX_TOKEN);
    REQUIRE(result == expected && many.at == one.at);
}

static void
check_items(const char *text, size_t size_bytes, bool has_backslash_quotes, MgArena *arena)
{
    MgLosses losses = { 0 };
    MgScan scan;
    MgScanResult result;
    size_t end = 0;
    mg_scan_init(&scan, has_backslash_quotes);
    do {
        MgScanItem item;
        bool had_backslash_quotes = scan.has_backslash_quotes;
        result = mg_scan_next(&scan, text, size_bytes, true, &item);
        REQUIRE(result != MG_SCAN_MORE);
        REQUIRE(item.span.begin <= item.span.end && item.span.end <= size_bytes);
        if (result == MG_SCAN_ERROR) {
            REQUIRE(item.message != NULL && item.span.begin < item.span.end);
            return;
        }
        REQUIRE(item.span.begin >= end);
        require_gap(text, end, item.span.begin);
        end = item.span.end;
        if (result == MG_SCAN_STATEMENT) {
            require_stable(text + item.span.begin, item.span.end - item.span.begin,
                           had_backslash_quotes);
            require_kind(text, item.span, had_backslash_quotes, &losses, arena);
        }
    } while (result != MG_SCAN_END);
    REQUIRE(end == size_bytes);
}

static void
check_whole(const char *text, size_t size_bytes, bool has_backslash_quotes)
{
    MgArena arena = { 0 };
    check_items(text, size_bytes, has_backslash_quotes, &arena);
    mg_arena_release(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static const size_t steps[] = { 1, 2, 3, 5, 16, 61 };
    static Items whole, windowed;
    const char *text = size_bytes > 0 ? (const char *)input : "";
    for (int mode = 0; mode < 2; mode++) {
        check_whole(text, size_bytes, mode == 1);
        require_words(text, size_bytes, true, mode == 1);
        require_words(text, size_bytes, false, mode == 1);
        if (size_bytes > WINDOWED_MAX_BYTES)
            continue;
        scan_windows(text, size_bytes, size_bytes + 1, mode == 1, &whole);
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            scan_windows(text, size_bytes, steps[i], mode == 1, &windowed);
            require_same(&whole, &windowed);
        }
    }
    return 0;
}
