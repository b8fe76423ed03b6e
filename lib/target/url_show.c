/*
 * What may be shown of a URL, and how it is written anew: with its passwords
 * masked, or with some of its parts replaced and every other byte kept.
 */
#include "target/url.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

enum {
    /* A shorter password is not searched for: the holes would spell it out. */
    MIN_MASKED_BYTES = 4,
};

static const char stars[] = "***";

const char *
mg_url_find_param(const MgUrl *url, const char *key)
{
    for (size_t i = 0; i < url->params.n; i++) {
        if (strcmp(url->params.items[i].key, key) == 0)
            return url->params.items[i].value;
    }
    return NULL;
}

/* A password that is also a name is shown as that name anyway; holes would tell. */
static bool
is_masked(const MgUrl *url, const char *secret)
{
    if (secret == NULL || strlen(secret) < MIN_MASKED_BYTES)
        return false;
    const char *const names[] = { url->user, url->database, url->host };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i] != NULL && strcmp(names[i], secret) == 0)
            return false;
    }
    return true;
}

static const char *
mask_one(const char *text, const char *secret, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf ret = { 0 };
    for (const char *found = strstr(text, secret); found != NULL; found = strstr(text, secret)) {
        mg_buf_add_n(&ret, text, (size_t)(found - text));
        mg_buf_add(&ret, stars);
        text = found + strlen(secret);
    }
    mg_buf_add(&ret, text);
    return mg_arena_text(arena, mg_buf_text(&ret));
}

const char *
mg_url_mask(const MgUrl *url, const char *text, MgArena *arena)
{
    const char *const secrets[] = { url->password, mg_url_find_param(url, "sslpassword") };
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (is_masked(url, secrets[i]))
            text = mask_one(text, secrets[i], arena);
    }
    return text;
}

/* Bytes [begin, end) of what is shown, with the secrets in their places. */
static void
add_span(const MgUrl *url, MgSpan span, bool is_revealed, MgBuf *ret)
{
    size_t at = span.begin;
    for (size_t i = 0; i < url->n_holes; i++) {
        const MgHole *hole = &url->holes[i];
        if (!is_revealed || hole->at < at || hole->at + strlen(stars) > span.end)
            continue;
        mg_buf_add_n(ret, url->display + at, hole->at - at);
        mg_buf_add(ret, hole->secret);
        at = hole->at + strlen(stars);
    }
    mg_buf_add_n(ret, url->display + at, span.end - at);
}

const char *
mg_url_rewrite(const MgUrl *url, const MgUrlEdit *edits, size_t n_edits, bool is_revealed,
               MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf ret = { 0 };
    size_t at = 0;
    for (size_t i = 0; i < n_edits; i++) {
        assert(edits[i].span.begin >= at);
        add_span(url, (MgSpan){ at, edits[i].span.begin }, is_revealed, &ret);
        mg_buf_add(&ret, edits[i].text);
        at = edits[i].span.end;
    }
    add_span(url, (MgSpan){ at, strlen(url->display) }, is_revealed, &ret);
    return mg_arena_text(arena, mg_buf_text(&ret));
}

void
mg_url_add_note(MgUrl *url, const char *note, MgArena *arena)
{
    const char **notes = mg_arena_alloc_array(arena, url->n_notes + 1, sizeof *notes);
    for (size_t i = 0; i < url->n_notes; i++)
        notes[i] = url->notes[i];
    notes[url->n_notes] = note;
    url->notes = notes;
    url->n_notes++;
}
