/*
 * Text rules of the whole program: UTF-8, widths, durations, times.
 * Widths are libpq's, so that columns stand as they stand in psql.
 */
#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "base/library.h"

enum {
    /* The server's own limit of lock_timeout and statement_timeout. */
    DURATION_MAX_MS = INT32_MAX,
    /* Longer words are never compared for "did you mean". */
    DISTANCE_MAX_BYTES = 64,
};

static bool
is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Bytes of the valid character at text, 0 when there is none (NUL is none). */
static size_t
character_bytes(const unsigned char *text, size_t size_bytes)
{
    unsigned char lead = text[0];
    if (lead < 0x80)
        return lead != 0;

    /* The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF. */
    size_t n = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead < 0xC2 || lead > 0xF4 || size_bytes < n || text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if (!is_continuation(text[i]))
            return 0;
    }
    return n;
}

/* The high bit of each byte that is not ASCII; of a NUL too, and perhaps of what follows one. */
static inline uint64_t
marks_of(const unsigned char *bytes)
{
    uint64_t eight;
    memcpy(&eight, bytes, sizeof eight);
    return (eight | (eight - 0x0101010101010101u)) & 0x8080808080808080u;
}

/* At least so many bytes are ASCII without NUL: nearly all of every file. */
static size_t
ascii_bytes(const unsigned char *bytes, size_t size_bytes)
{
    size_t at = 0;
    while (size_bytes - at >= 32 && (marks_of(bytes + at) | marks_of(bytes + at + 8) |
                                     marks_of(bytes + at + 16) | marks_of(bytes + at + 24)) == 0)
        at += 32;
    while (size_bytes - at >= 8 && marks_of(bytes + at) == 0)
        at += 8;
    return at;
}

size_t
mg_text_valid_utf8(const char *text, size_t size_bytes)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0;
    while (at < size_bytes) {
        at += ascii_bytes(bytes + at, size_bytes - at);
        if (at == size_bytes)
            break;
        size_t n = character_bytes(bytes + at, size_bytes - at);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

size_t
mg_text_cut(const char *text, size_t size_bytes, size_t max_bytes)
{
    if (size_bytes <= max_bytes)
        return size_bytes;
    size_t n = max_bytes;
    while (n > 0 && is_continuation((unsigned char)text[n]))
        n--;
    return n;
}

size_t
mg_text_characters(const char *text, size_t size_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < size_bytes; i++)
        n += !is_continuation((unsigned char)text[i]);
    return n;
}

/* libpq's number for it; without libpq, which not every command needs: -1. */
static int
find_utf8(void)
{
    MgError ignored;
    return mg_library_load(MG_LIBPQ, MG_E_SYSTEM, &ignored) ? pg_char_to_encoding("UTF8") : -1;
}

size_t
mg_text_width(const char *text, size_t size_bytes)
{
    size_t width = 0;
    int utf8 = -1;
    for (size_t at = 0; at < size_bytes;) {
        if ((unsigned char)text[at] < 0x80) {
            width++;
            at++;
            continue;
        }
        if (utf8 < 0)
            utf8 = find_utf8();
        size_t n = character_bytes((const unsigned char *)text + at, size_bytes - at);
        int columns = n == 0 || utf8 < 0 ? 1 : PQdsplen(text + at, utf8);
        width += columns < 0 ? 1 : (size_t)columns;
        at += n == 0 ? 1 : n;
    }
    return width;
}

void
mg_text_copy(char *dst, size_t dst_bytes, const char *src)
{
    static const char ellipsis[] = "...";

    assert(dst_bytes >= sizeof ellipsis);
    size_t size_bytes = strlen(src);
    if (size_bytes < dst_bytes) {
        memcpy(dst, src, size_bytes + 1);
        return;
    }
    size_t n = mg_text_cut(src, size_bytes, dst_bytes - sizeof ellipsis);
    memcpy(dst, src, n);
    memcpy(dst + n, ellipsis, sizeof ellipsis);
}

void
mg_text_defuse(char *text, bool has_lines)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        bool is_line_or_tab = *at == '\n' || *at == '\t';
        /* U+0080 to U+009F are two bytes, the first of them C2. */
        if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0)
            at[0] = at[1] = '?';
        else if (is_line_or_tab && !has_lines)
            *at = ' ';
        else if (!is_line_or_tab && (*at < 0x20 || *at == 0x7F))
            *at = '?';
    }
}

bool
mg_text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
mg_text_ends(const char *text, const char *suffix)
{
    size_t text_bytes = strlen(text);
    size_t suffix_bytes = strlen(suffix);
    return text_bytes >= suffix_bytes && strcmp(text + text_bytes - suffix_bytes, suffix) == 0;
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
mg_text_equal_fold_n(const char *a, size_t a_bytes, const char *b)
{
    for (size_t i = 0; i < a_bytes; i++) {
        if (b[i] == '\0' || lower(a[i]) != lower(b[i]))
            return false;
    }
    return b[a_bytes] == '\0';
}

bool
mg_text_equal_fold(const char *a, const char *b)
{
    return mg_text_equal_fold_n(a, strlen(a), b);
}

/* The number that the first digits of text make; returns how many digits, 0 when it is above max.
 */
static size_t
parse_digits(const char *text, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '9'; n++) {
        uint64_t digit = (uint64_t)(text[n] - '0');
        if (digit > max || value > (max - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    *ret = value;
    return n;
}

bool
mg_text_parse_uint(const char *text, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    size_t n = parse_digits(text, max, &value);
    if (n == 0 || text[n] != '\0')
        return false;
    *ret = value;
    return true;
}

bool
mg_text_parse_duration_ms(const char *text, int64_t *ret)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 } };

    uint64_t value = 0;
    size_t n = parse_digits(text, DURATION_MAX_MS, &value);
    if (n == 0)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text + n, units[i].name) != 0)
            continue;
        int64_t number = (int64_t)value;
        if (number > DURATION_MAX_MS / units[i].ms)
            return false;
        *ret = number * units[i].ms;
        return true;
    }
    return false;
}

/* "3 min 20 s": two units, the second left out when it is zero. */
static void
write_two_units(int64_t value, int64_t per, const char *big, const char *small, char *ret,
                size_t ret_bytes)
{
    if (value % per == 0)
        snprintf(ret, ret_bytes, "%" PRId64 " %s", value / per, big);
    else
        snprintf(ret, ret_bytes, "%" PRId64 " %s %" PRId64 " %s", value / per, big, value % per,
                 small);
}

void
mg_text_duration(int64_t duration_us, char *ret, size_t ret_bytes)
{
    /* Each unit is left when rounding would reach the next: never "1000 ms" or "60 s". */
    int64_t ms = (duration_us + 500) / 1000;
    int64_t tenths = (duration_us + 50000) / 100000;
    int64_t seconds = (duration_us + 500000) / 1000000;

    if (duration_us < 1000)
        snprintf(ret, ret_bytes, "<1 ms");
    else if (ms < 1000)
        snprintf(ret, ret_bytes, "%" PRId64 " ms", ms);
    else if (tenths < 600 && tenths % 10 != 0)
        snprintf(ret, ret_bytes, "%" PRId64 ".%" PRId64 " s", tenths / 10, tenths % 10);
    else if (tenths < 600)
        snprintf(ret, ret_bytes, "%" PRId64 " s", tenths / 10);
    else if (seconds < 3600)
        write_two_units(seconds, 60, "min", "s", ret, ret_bytes);
    else
        write_two_units((seconds + 30) / 60, 60, "h", "min", ret, ret_bytes);
}

void
mg_text_age(int64_t age_ms, char *ret, size_t ret_bytes)
{
    static const struct {
        int64_t unit_s;
        const char *one, *many;
    } units[] = {
        { INT64_C(24) * 3600, "day", "days" },
        { 3600, "h", "h" },
        { 60, "min", "min" },
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        int64_t n = age_ms / 1000 / units[i].unit_s;
        if (n > 0) {
            snprintf(ret, ret_bytes, "%" PRId64 " %s ago", n,
                     mg_text_plural(n, units[i].one, units[i].many));
            return;
        }
    }
    snprintf(ret, ret_bytes, "just now");
}

static void
write_time(int64_t time_ms, const char *format, char *ret, size_t ret_bytes)
{
    int64_t seconds = time_ms / 1000 - (time_ms % 1000 < 0);
    time_t time = (time_t)seconds;
    struct tm tm = { 0 };
    if (gmtime_r(&time, &tm) == NULL || strftime(ret, ret_bytes, format, &tm) == 0)
        ret[0] = '\0';
}

void
mg_text_minute(int64_t time_ms, char *ret, size_t ret_bytes)
{
    write_time(time_ms, "%Y-%m-%d %H:%M", ret, ret_bytes);
}

void
mg_text_iso(int64_t time_ms, char *ret, size_t ret_bytes)
{
    write_time(time_ms, "%Y-%m-%dT%H:%M:%SZ", ret, ret_bytes);
}

const char *
mg_text_plural(int64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

static int
least(int a, int b)
{
    return a < b ? a : b;
}

int
mg_text_distance(const char *a, const char *b)
{
    size_t a_bytes = strlen(a);
    size_t b_bytes = strlen(b);
    if (a_bytes > DISTANCE_MAX_BYTES || b_bytes > DISTANCE_MAX_BYTES)
        return (int)(a_bytes > b_bytes ? a_bytes : b_bytes);

    /* Rows of the edit matrix: the one being filled and the two above it. */
    int rows[3][DISTANCE_MAX_BYTES + 1];
    for (size_t j = 0; j <= b_bytes; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= a_bytes; i++) {
        int *row = rows[i % 3];
        const int *above = rows[(i + 2) % 3];
        const int *above_that = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_bytes; j++) {
            int change = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above_that[j - 2] + 1);
        }
    }
    return rows[a_bytes % 3][b_bytes];
}

/* ---- Breaking lines ---- */

enum {
    MAX_QUOTED_BYTES = 80, /* what is longer would leave an empty line behind */
};

size_t
mg_text_word(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0' && text[n] != ' ' && text[n] != '\n') {
        size_t quoted = text[n] == '"' ? strcspn(text + n + 1, "\"\n") : MAX_QUOTED_BYTES;
        bool is_closed = quoted < MAX_QUOTED_BYTES && text[n + 1 + quoted] == '"';
        n += is_closed ? quoted + 2 : 1;
    }
    return n;
}

size_t
mg_text_paste_begin(const char *text, size_t size_bytes)
{
    if (size_bytes == 0 || text[size_bytes - 1] == '.')
        return size_bytes;
    for (size_t at = size_bytes; at >= 2; at--) {
        if (text[at - 2] == ':' && text[at - 1] == ' ')
            return at;
    }
    return size_bytes;
}
