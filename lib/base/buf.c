/* The buffer: geometric growth up to a maximum. */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum {
    FIRST_BYTES = 256,
};

/* Make room for up to wanted more bytes; returns how many there is room for. */
static size_t
reserve(MgBuf *buf, size_t wanted)
{
    size_t max_bytes = buf->max_bytes == 0 ? MG_BUF_DEFAULT_MAX_BYTES : buf->max_bytes;
    if (wanted > max_bytes - buf->size_bytes) {
        wanted = max_bytes - buf->size_bytes;
        buf->is_cut = true;
    }
    if (buf->text == NULL || buf->cap_bytes - buf->size_bytes < wanted + 1) {
        size_t cap_bytes = buf->cap_bytes < FIRST_BYTES ? FIRST_BYTES : buf->cap_bytes * 2;
        if (cap_bytes < buf->size_bytes + wanted + 1)
            cap_bytes = buf->size_bytes + wanted + 1;
        buf->text = mg_realloc(buf->text, cap_bytes);
        buf->cap_bytes = cap_bytes;
    }
    return wanted;
}

void
mg_buf_add_n(MgBuf *buf, const char *text, size_t size_bytes)
{
    size_bytes = reserve(buf, size_bytes);
    if (size_bytes > 0)
        memcpy(buf->text + buf->size_bytes, text, size_bytes);
    buf->size_bytes += size_bytes;
    buf->text[buf->size_bytes] = '\0';
}

void
mg_buf_add(MgBuf *buf, const char *text)
{
    mg_buf_add_n(buf, text, strlen(text));
}

void
mg_buf_add_char(MgBuf *buf, char c)
{
    mg_buf_add_n(buf, &c, 1);
}

static bool
is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

void
mg_buf_add_markdown(MgBuf *buf, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        /* Inside a name "_" is a letter. */
        bool is_inside = *at == '_' && at > text && is_word(at[-1]) && is_word(at[1]);
        if (strchr("\\|`*_<[#~&", *at) != NULL && !is_inside)
            mg_buf_add_char(buf, '\\');
        mg_buf_add_char(buf, *at == '\n' || *at == '\r' ? ' ' : *at);
    }
}

void
mg_buf_add_repeated(MgBuf *buf, char c, size_t n)
{
    n = reserve(buf, n);
    memset(buf->text + buf->size_bytes, c, n);
    buf->size_bytes += n;
    buf->text[buf->size_bytes] = '\0';
}

void
mg_buf_vformat(MgBuf *buf, const char *format, va_list args)
{
    assert(format != NULL);
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    assert(size >= 0);
    size_t room = reserve(buf, (size_t)size);
    vsnprintf(buf->text + buf->size_bytes, room + 1, format, again);
    va_end(again);
    buf->size_bytes += room;
}

void
mg_buf_format(MgBuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mg_buf_vformat(buf, format, args);
    va_end(args);
}

const char *
mg_buf_text(const MgBuf *buf)
{
    return buf->text == NULL ? "" : buf->text;
}

void
mg_buf_clear(MgBuf *buf)
{
    buf->size_bytes = 0;
    buf->is_cut = false;
    if (buf->text != NULL)
        buf->text[0] = '\0';
}

void
mg_buf_release(MgBuf *buf)
{
    mg_free(buf->text);
    *buf = (MgBuf){ .max_bytes = buf->max_bytes };
}

void
mg_cleanup_buf(MgBuf *buf)
{
    mg_buf_release(buf);
}
