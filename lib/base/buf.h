/*
 * A growing byte buffer with a hard maximum, always NUL-terminated once used.
 *
 * A zeroed MgBuf is empty and ready, with the default maximum.  Growing past
 * the maximum cuts the text and sets is_cut: no input can make it grow for ever.
 */
#ifndef MG_BASE_BUF_H
#define MG_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum {
    MG_BUF_DEFAULT_MAX_BYTES = 64 << 20,
};

typedef struct MgBuf {
    char *text; /* NULL until the first append */
    size_t size_bytes;
    size_t cap_bytes;
    size_t max_bytes; /* 0 = MG_BUF_DEFAULT_MAX_BYTES */
    bool is_cut;
} MgBuf;

void mg_buf_add(MgBuf *buf, const char *text);
void mg_buf_add_n(MgBuf *buf, const char *text, size_t size_bytes);
void mg_buf_add_char(MgBuf *buf, char c);
/* As one line, with what it could mean in Markdown escaped. */
void mg_buf_add_markdown(MgBuf *buf, const char *text);
void mg_buf_add_repeated(MgBuf *buf, char c, size_t n);
void mg_buf_format(MgBuf *buf, const char *format, ...) MG_PRINTF(2, 3);
void mg_buf_vformat(MgBuf *buf, const char *format, va_list args);
/* The text, "" when nothing was added; valid until the next change. */
const char *mg_buf_text(const MgBuf *buf);
/* Empty it and keep its memory. */
void mg_buf_clear(MgBuf *buf);
/* Give its memory back; it is empty and ready afterwards. */
void mg_buf_release(MgBuf *buf);
void mg_cleanup_buf(MgBuf *buf);

#endif
