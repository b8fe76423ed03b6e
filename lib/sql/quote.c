/* Names and texts as they stand in SQL. */
#include "sql/quote.h"

#include <string.h>

/* text between quotes, with each character of doubled twice. */
static const char *
wrap(const char *prefix, char quote, const char *doubled, const char *text, MgArena *arena)
{
    char *quoted = mg_arena_alloc(arena, strlen(prefix) + 2 * strlen(text) + 3);
    char *at = quoted;
    for (; *prefix != '\0'; prefix++)
        *at++ = *prefix;
    *at++ = quote;
    for (; *text != '\0'; text++) {
        if (strchr(doubled, *text) != NULL)
            *at++ = *text;
        *at++ = *text;
    }
    *at++ = quote;
    return quoted;
}

const char *
mg_sql_identifier(const char *name, MgArena *arena)
{
    return wrap("", '"', "\"", name, arena);
}

const char *
mg_sql_literal(const char *text, MgArena *arena)
{
    if (text == NULL)
        return "NULL";
    return strchr(text, '\\') == NULL ? wrap("", '\'', "'", text, arena)
                                      : wrap("E", '\'', "'\\", text, arena);
}
