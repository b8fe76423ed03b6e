/*
 * Psql commands: a backslash outside quotes.  Psql obeys them and does not send
 * them; we refuse them with their place, but for the pair that pg_dump writes
 * round every plain dump since August 2025 and that has no meaning here.
 */
#include "sql/command.h"

#include <string.h>

#include "sql/bytes.h"

static MgScanResult
report(MgScanItem *ret, MgSpan place, const char *message, const char *hint)
{
    *ret = (MgScanItem){ .span = place, .message = message, .hint = hint };
    return MG_SCAN_ERROR;
}

typedef struct PsqlHint {
    const char *names; /* between blanks */
    const char *hint;
} PsqlHint;

static const PsqlHint psql_hints[] = {
    { " i ir include include_relative ", "Put the text of that file into this one." },
    { " copy ", "Use COPY ... FROM STDIN with the data in the lines behind it." },
    { " c connect ", "A migration runs in the database that migrate is connected to." },
    { " g gx gset gexec gdesc watch bind parse crosstabview ",
      "End the statement with a semicolon instead." },
    { " set unset getenv prompt ",
      "Write values where they are used; the first error stops a migration without it." },
    { " if elif else endif ", "Use a DO block for conditions." },
    { " encoding ", "Delete the line; files are read as UTF-8." },
    { " echo qecho warn timing pset x t a ",
      "Delete the line; it changes nothing in the database." },
};

static const char *
psql_hint(const char *name, size_t name_bytes)
{
    for (size_t i = 0; i < sizeof psql_hints / sizeof psql_hints[0]; i++) {
        const char *names = psql_hints[i].names;
        for (const char *word = names + 1; *word != '\0'; word += strcspn(word, " ") + 1) {
            if (strcspn(word, " ") == name_bytes && memcmp(word, name, name_bytes) == 0)
                return psql_hints[i].hint;
        }
    }
    return "Only \\restrict and \\unrestrict, as pg_dump writes them, are passed over.";
}

/* One line with a psql command: \name key. */
typedef struct Command {
    MgSpan name; /* with the backslash */
    MgSpan key;  /* empty when there is none */
    bool has_rest;
} Command;

static size_t
skip_spaces(const char *text, size_t at, size_t end)
{
    while (at < end && mg_is_blank(text[at]))
        at++;
    return at;
}

static size_t
skip_to_space(const char *text, size_t at, size_t end)
{
    while (at < end && !mg_is_blank(text[at]))
        at++;
    return at;
}

static Command
split_command(const char *text, size_t begin, size_t end)
{
    Command command = { .name = { begin, skip_to_space(text, begin + 1, end) } };
    command.key.begin = skip_spaces(text, command.name.end, end);
    command.key.end = skip_to_space(text, command.key.begin, end);
    command.has_rest = skip_spaces(text, command.key.end, end) < end;
    return command;
}

static bool
is_named(const char *text, MgSpan span, const char *name)
{
    size_t n = strlen(name);
    return span.end - span.begin == n && memcmp(text + span.begin, name, n) == 0;
}

static MgScanResult
restrict_commands(MgScan *scan, const char *text, const Command *command, MgScanItem *ret)
{
    size_t n = command->key.end - command->key.begin;
    if (scan->is_restricted)
        return report(ret, command->name, "\\restrict behind another \\restrict", NULL);
    if (n == 0 || command->has_rest)
        return report(ret, command->name, "\\restrict takes one key", NULL);
    if (n >= MG_RESTRICT_KEY_BYTES)
        return report(ret, command->key, "the key of \\restrict is longer than 79 bytes", NULL);
    memcpy(scan->restrict_key, text + command->key.begin, n);
    scan->restrict_key[n] = '\0';
    scan->is_restricted = true;
    return MG_SCAN_STATEMENT;
}

static MgScanResult
unrestrict_commands(MgScan *scan, const char *text, const Command *command, MgScanItem *ret)
{
    if (!scan->is_restricted)
        return report(ret, command->name, "\\unrestrict without \\restrict", NULL);
    if (command->has_rest || !is_named(text, command->key, scan->restrict_key))
        return report(ret, command->name, "\\unrestrict with another key than \\restrict", NULL);
    scan->is_restricted = false;
    return MG_SCAN_STATEMENT;
}

MgScanResult
mg_command_take(MgScan *scan, const char *text, MgSpan line, bool is_in_statement, MgScanItem *ret)
{
    Command command = split_command(text, line.begin, line.end);
    bool is_restrict = is_named(text, command.name, "\\restrict");
    bool is_unrestrict = is_named(text, command.name, "\\unrestrict");
    if (is_in_statement && (is_restrict || is_unrestrict))
        return report(ret, command.name, "psql command inside a statement",
                      "End the statement before it with a semicolon.");
    if (is_restrict)
        return restrict_commands(scan, text, &command, ret);
    if (is_unrestrict)
        return unrestrict_commands(scan, text, &command, ret);
    if (is_named(text, command.name, "\\."))
        return report(ret, command.name, "end mark of COPY data without COPY data",
                      "Only COPY ... FROM STDIN takes data from the file.");
    return report(ret, command.name, "psql command is not SQL",
                  psql_hint(text + line.begin + 1, command.name.end - line.begin - 1));
}
