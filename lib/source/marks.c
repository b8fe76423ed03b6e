/*
 * Marks of other tools whose files hold both directions, or say in comments what
 * is to be done: read as plain SQL, such a file would do what nobody wants.
 */
#include <string.h>

#include "source/format.h"

/*
 * In a pattern a blank stands for any number of them, and "=" too.  Some tools
 * take more for their mark than these do; what people write as a heading, and
 * without statements behind it, is not to be mistaken for one.
 */
static const MgForeignMark marks[] = {
    { "goose", "-- +goose Down", "+goose Down", false, false },
    { "sql-migrate", "-- +migrate Down", "+migrate Down", false, false },
    { "micrate", "-- +micrate Down", "+micrate Down", false, false },
    { "tern", "---- create above / drop below ----", "create above / drop below", false, false },
    { "node-pg-migrate", "-- Down Migration", "down migration", true, false },
    { "MyBatis Migrations", "-- //@UNDO", "@UNDO", true, false },
    { "Rambler", "-- rambler down", "rambler down", true, false },
    { "shmig", "-- ==== DOWN ====", "= DOWN =", true, false },
    { "Play", "# --- !Downs", "!Downs", true, false },
    { "Liquibase", "--liquibase formatted sql", "liquibase formatted sql", false, true },
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f' || c == '\v';
}

static bool
fits(const char *at, const char *end, const MgForeignMark *mark)
{
    for (const char *c = mark->pattern; *c != '\0'; c++) {
        const char *begin = at;
        if (*c == ' ')
            while (at < end && is_blank(*at))
                at++;
        else if (*c == '=')
            while (at < end && *at == '=')
                at++;
        else if (at < end && mg_text_equal_fold_n(at, 1, (const char[]){ *c, '\0' }))
            at++;
        if (at == begin)
            return false;
    }
    while (mark->is_whole && at < end && (is_blank(*at) || *at == '-'))
        at++;
    return !mark->is_whole || at == end || *at == '\n' || *at == '\r';
}

/* Behind the dashes of a comment, and what stands between them and the words. */
static const char *
skip_dashes(const char *at, const char *end)
{
    while (at < end && (is_blank(*at) || *at == '-' || *at == '/'))
        at++;
    return at;
}

static const MgForeignMark *
find_words(const char *at, const char *end)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (fits(at, end, &marks[i]))
            return &marks[i];
    return NULL;
}

const MgForeignMark *
mg_mark_find(const char *comment, size_t size_bytes)
{
    const char *end = comment + size_bytes;
    if (size_bytes < 2 || comment[0] != '-' || comment[1] != '-')
        return NULL;
    return find_words(skip_dashes(comment, end), end);
}

bool
mg_mark_may_stand(const char *text, size_t size_bytes)
{
    const char *end = text + size_bytes;
    for (const char *at = text; at < end; at++) {
        at = memchr(at, '-', (size_t)(end - at));
        if (at == NULL)
            return false;
        if (end - at < 2 || at[1] != '-')
            continue;
        at = skip_dashes(at, end);
        if (find_words(at, end) != NULL)
            return true;
        at--; /* it may be the end of the line, or anything else but a dash */
    }
    return false;
}

void
mg_mark_refuse(const MgForeignMark *mark, MgError *err)
{
    if (mark->has_attributes) {
        mg_fail(err, MG_E_FILE, "\"%s\" is a line of %s, whose attributes would not count",
                mark->text, mark->tool);
        mg_error_hint(err, "Make each changeset a migration of its own, without such lines.");
        return;
    }
    mg_fail(err, MG_E_FILE, "\"%s\" is a line of %s, and what stands behind it would run too",
            mark->text, mark->tool);
    mg_error_hint(err, "Name the file VERSION_NAME.sql, and write \"-- migrate:up\" and"
                       " \"-- migrate:down\" instead of such lines.");
}
