#include "notices.h"

#include <string.h>

#include "base/text.h"

enum {
    MAX_ALIKE = 10,
    MAX_KINDS = 50,
    MAX_TEXT_BYTES = 200,
};

typedef struct MgNoticeKind {
    const char *shape, *first;
    size_t n;
} MgNoticeKind;

/* Of the first line: without digits, and without what stands in quotes. */
static const char *
shape_of(const char *text, MgArena *arena)
{
    size_t size_bytes = mg_text_cut(text, strcspn(text, "\n"), MAX_TEXT_BYTES), n = 0;
    char *ret = mg_arena_text_n(arena, text, size_bytes);
    bool is_quoted = false;
    for (size_t i = 0; i < size_bytes; i++) {
        is_quoted ^= text[i] == '"';
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (!is_digit && (!is_quoted || text[i] == '"'))
            ret[n++] = text[i];
    }
    ret[n] = '\0';
    return ret;
}

bool
mg_notices_is_over(const MgNotices *notices, const char *migration)
{
    return notices->migration != NULL &&
           (migration == NULL || strcmp(migration, notices->migration) != 0);
}

bool
mg_notices_take(MgNotices *notices, const char *migration, const char *text)
{
    MgArena *arena = &notices->arena;
    MgArenaMark mark = mg_arena_mark(arena);
    if (notices->migration == NULL) {
        notices->migration = mg_arena_text(arena, migration == NULL ? "" : migration);
        mark = mg_arena_mark(arena);
    }
    const char *shape = shape_of(text, arena);
    for (size_t i = 0; i < notices->kinds.n; i++) {
        MgNoticeKind *kind = &notices->kinds.items[i];
        if (strcmp(kind->shape, shape) != 0)
            continue;
        mg_arena_reset(arena, mark);
        return ++kind->n <= MAX_ALIKE;
    }
    if (notices->kinds.n == MAX_KINDS) {
        mg_arena_reset(arena, mark);
        notices->n_others++;
        return false;
    }
    size_t first_bytes = mg_text_cut(text, strcspn(text, "\n"), MAX_TEXT_BYTES);
    MgNoticeKind kind = { .shape = shape,
                          .first = mg_arena_text_n(arena, text, first_bytes),
                          .n = 1 };
    MG_PUSH(arena, &notices->kinds, kind);
    return true;
}

void
mg_notices_end(MgNotices *notices, MgBuf *ret)
{
    for (size_t i = 0; i < notices->kinds.n; i++) {
        const MgNoticeKind *kind = &notices->kinds.items[i];
        if (kind->n > MAX_ALIKE)
            mg_buf_format(ret, "%s: %zu more like \"%s\"; --verbose shows all\n",
                          notices->migration, kind->n - MAX_ALIKE, kind->first);
    }
    if (notices->n_others > 0)
        mg_buf_format(ret, "%s: %zu more; --verbose shows all\n", notices->migration,
                      notices->n_others);
    mg_arena_release(&notices->arena);
    *notices = (MgNotices){ .n_others = 0 };
}
