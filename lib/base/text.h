/*
 * Text: UTF-8 checks, widths, small parsers.  ASCII rules only, no locale.
 */
#ifndef MG_BASE_TEXT_H
#define MG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"

/* Bytes [begin, end) of a file. */
typedef struct MgSpan {
    size_t begin, end;
} MgSpan;

/*
 * Length of the longest valid UTF-8 prefix without NUL; size_bytes if all of
 * it is.  The caller tells a NUL from a bad byte by looking at text[result].
 */
size_t mg_text_valid_utf8(const char *text, size_t size_bytes);
/* Largest n <= max_bytes that does not cut a character of valid UTF-8. */
size_t mg_text_cut(const char *text, size_t size_bytes, size_t max_bytes);
/* Number of characters (code points) in valid UTF-8. */
size_t mg_text_characters(const char *text, size_t size_bytes);
/* Columns on a terminal; a tab and other controls count one. */
size_t mg_text_width(const char *text, size_t size_bytes);

/* dst gets src, cut at a character with an ellipsis "..." where it does not fit. */
void mg_text_copy(char *dst, size_t dst_bytes, const char *src);

/*
 * Put '?' in the place of what steers a terminal: control characters, those of
 * C1 too.  A line end and a tab stay with has_lines, else each becomes a space.
 */
void mg_text_defuse(char *text, bool has_lines);

bool mg_text_starts(const char *text, const char *prefix);
bool mg_text_ends(const char *text, const char *suffix);
/* ASCII case folded comparison of whole texts. */
bool mg_text_equal_fold(const char *a, const char *b);
bool mg_text_equal_fold_n(const char *a, size_t a_bytes, const char *b);
/* Decimal digits only, no sign; false on anything else or above max. */
bool mg_text_parse_uint(const char *text, uint64_t max, uint64_t *ret);
/* "250ms", "5s", "10min", "2h"; digits and a unit. */
bool mg_text_parse_duration_ms(const char *text, int64_t *ret);

/* "41 ms", "2.4 s", "3 min 20 s", "2 h 5 min", as every output writes it. */
void mg_text_duration(int64_t duration_us, char *ret, size_t ret_bytes);
/* "just now", "3 h ago", "12 days ago": whole units, rounded down. */
void mg_text_age(int64_t age_ms, char *ret, size_t ret_bytes);
/* "2026-03-01 09:12" and "2026-03-01T09:12:33Z", UTC. */
void mg_text_minute(int64_t time_ms, char *ret, size_t ret_bytes);
void mg_text_iso(int64_t time_ms, char *ret, size_t ret_bytes);

/*
 * Where lines may be broken: bytes up to the next blank or line end, where what
 * stands in double quotes on one line, such as a command, is not broken.
 */
size_t mg_text_word(const char *text);
/*
 * Where the part of a hint begins that is there to be pasted: one that does not
 * end like a sentence ends with a command or a URL behind its last ": ".
 * size_bytes when there is none.
 */
size_t mg_text_paste_begin(const char *text, size_t size_bytes);

/* "1 migration", "3 migrations". */
const char *mg_text_plural(int64_t n, const char *one, const char *many);

/* Edit distance with transposition, for "did you mean". */
int mg_text_distance(const char *a, const char *b);

#endif
