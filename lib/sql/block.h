/*
 * Sixty-four bytes of SQL at once: which are of words, which are blank.  A bit
 * for each byte, the first byte's the lowest.
 *
 * Half of all bytes are of words, and a loop over them guesses wrong at each
 * word's end; bits are counted without a guess.  For lex.c only.
 */
#ifndef MG_SQL_BLOCK_H
#define MG_SQL_BLOCK_H

#include <stdint.h>

#include "sql/bytes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    MG_BLOCK_BYTES = 64,
};

typedef struct MgBlock {
    uint64_t words;  /* letters and digits; a dollar is left out, it may begin something */
    uint64_t blanks; /* line ends too */
    uint64_t quotes; /* ' */
    uint64_t glue;   /* ' & $ and perhaps others: what stands before one may be its prefix */
} MgBlock;

#ifdef __SSE2__

/* There is no comparison of bytes without a sign: the first becomes the lowest with one. */
static inline __m128i
mg_block_between(__m128i bytes, char first, char last)
{
    __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8((char)(first - 128)));
    return _mm_cmplt_epi8(above, _mm_set1_epi8((char)(last - first - 127)));
}

static inline uint64_t
mg_block_bits(__m128i bytes)
{
    return (unsigned)_mm_movemask_epi8(bytes);
}

static inline MgBlock
mg_block_read(const char *text)
{
    MgBlock block = { 0 };
    for (int at = 0; at < MG_BLOCK_BYTES; at += (int)sizeof(__m128i)) {
        __m128i bytes = _mm_loadu_si128((const void *)(text + at));
        __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        __m128i letters = _mm_or_si128(mg_block_between(folded, 'a', 'z'),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')));
        __m128i words = _mm_or_si128(letters, mg_block_between(bytes, '0', '9'));
        __m128i blanks = _mm_or_si128(mg_block_between(bytes, '\t', '\r'),
                                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')));
        __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\''));
        __m128i glue =
            _mm_cmpeq_epi8(_mm_and_si128(bytes, _mm_set1_epi8((char)0xFC)), _mm_set1_epi8('$'));
        /* The highest bit is what counts: of bytes above ASCII it is set as they are. */
        block.words |= mg_block_bits(_mm_or_si128(words, bytes)) << at;
        block.blanks |= mg_block_bits(blanks) << at;
        block.quotes |= mg_block_bits(quotes) << at;
        block.glue |= mg_block_bits(glue) << at;
    }
    return block;
}

#else

static inline MgBlock
mg_block_read(const char *text)
{
    MgBlock block = { 0 };
    for (int at = 0; at < MG_BLOCK_BYTES; at++) {
        block.words |= (uint64_t)mg_is_tag_byte(text[at]) << at;
        block.blanks |= (uint64_t)mg_is_blank(text[at]) << at;
        block.quotes |= (uint64_t)(text[at] == '\'') << at;
        block.glue |= (uint64_t)((text[at] & 0xFC) == '$') << at;
    }
    return block;
}

#endif

#endif
