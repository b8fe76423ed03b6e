/*
 * The native format: what a file's name says, and the sections of a file that
 * holds both directions.  Reads no folder; source.c pairs the files.
 */
#include <string.h>

#include "base/buf.h"
#include "source/format.h"

/* ---- Names ------------------------------------------------------------------- */

static const char sql_suffix[] = ".sql";
static const char repeatable_prefix[] = "R__";

typedef struct Ending {
    const char *suffix;
    size_t suffix_bytes;
    MgNativeRole role;
} Ending;

/* The longest first. */
static const Ending endings[] = {
    { ".down.sql", sizeof ".down.sql" - 1, MG_NATIVE_DOWN },
    { ".up.sql", sizeof ".up.sql" - 1, MG_NATIVE_UP },
    { ".sql", sizeof ".sql" - 1, MG_NATIVE_SECTIONS },
};

enum {
    N_ENDINGS = sizeof endings / sizeof *endings,
    /* What file systems take. */
    FILE_NAME_MAX_BYTES = 255,
    /* Of one file, and of all. */
    MAX_KEPT_BYTES = 64 << 10,
    MAX_ALL_KEPT_BYTES = 4 << 20,
};

static const char digits[] = "0123456789";

/* The ending of a name that has one, else NULL. */
static const Ending *
find_ending(const char *name, size_t name_bytes)
{
    for (size_t i = 0; i < N_ENDINGS; i++) {
        const Ending *ending = &endings[i];
        if (name_bytes >= ending->suffix_bytes && memcmp(name + name_bytes - ending->suffix_bytes,
                                                         ending->suffix, ending->suffix_bytes) == 0)
            return ending;
    }
    return NULL;
}

static bool
is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
}

static bool
fail_name(const char *path, const char *detail, MgError *err)
{
    mg_fail(err, MG_E_SOURCE, "\"%s\" is not named like a migration", path);
    mg_error_at(err, path, 0, 0);
    mg_error_detail(err, "%s", detail);
    mg_error_hint(err, "Name it VERSION_NAME.up.sql, such as 0001_create_users.up.sql, or"
                       " R__NAME.sql if it is to run again whenever it changes.");
    mg_error_hint(err, "If it is no migration, move it out of the folder.");
    return false;
}

/* The part between the version and the ending. */
static bool
check_name(const char *path, const char *name, MgError *err)
{
    if (*name == '\0')
        return fail_name(path, "There is no name behind the version.", err);
    while (is_name_character(*name))
        name++;
    if (*name != '\0')
        return fail_name(path, "A name has only the letters a to z and A to Z, digits, _ and -.",
                         err);
    return true;
}

static bool
parse_versioned(const char *stem, MgArena *arena, MgNativeFile *file, MgError *err)
{
    size_t n = 0;
    for (; stem[n] >= '0' && stem[n] <= '9'; n++)
        file->number = file->number * 10 + (uint64_t)(stem[n] - '0');
    if (n == 0)
        return fail_name(file->path, "A name begins with a version, which is digits, or with R__.",
                         err);
    if (n > MG_VERSION_MAX_DIGITS) {
        mg_fail(err, MG_E_SOURCE, "the version of \"%s\" has %zu digits, the limit is %d",
                file->path, n, MG_VERSION_MAX_DIGITS);
        mg_error_at(err, file->path, 0, 0);
        mg_error_hint(err, "A time such as 20260309101500 or a number such as 0001 is usual.");
        return false;
    }
    if (stem[n] != '_')
        return fail_name(file->path, "Behind the version stands _ and a name.", err);
    file->version = mg_arena_text_n(arena, stem, n);
    file->name = stem + n + 1;
    return check_name(file->path, file->name, err);
}

bool
mg_native_is_sql(const char *file_name)
{
    size_t size_bytes = strlen(file_name);
    size_t suffix_bytes = sizeof sql_suffix - 1;
    return file_name[0] != '.' && size_bytes >= suffix_bytes &&
           mg_text_equal_fold(file_name + size_bytes - suffix_bytes, sql_suffix);
}

bool
mg_native_parse(const char *path, const char *file_name, MgArena *arena, MgNativeFile *ret,
                MgError *err)
{
    MgNativeFile file = { .role = MG_NATIVE_IGNORED, .path = path };
    size_t size_bytes = strlen(file_name);
    const Ending *ending = find_ending(file_name, size_bytes);

    if (!mg_native_is_sql(file_name)) {
        *ret = file;
        return true;
    }
    if (ending == NULL)
        return fail_name(path, "The ending is written in lower case: .sql", err);
    if (size_bytes > FILE_NAME_MAX_BYTES)
        return fail_name(path, "The name is longer than 255 bytes.", err);

    if (mg_text_starts(file_name, repeatable_prefix)) {
        file.role = MG_NATIVE_REPEATABLE;
        file.label = mg_arena_text_n(arena, file_name, size_bytes - (sizeof sql_suffix - 1));
        file.name = file.label + sizeof repeatable_prefix - 1;
        if (*file.name == '\0')
            return fail_name(path, "There is no name behind R__.", err);
        if (!check_name(path, file.name, err))
            return false;
        *ret = file;
        return true;
    }
    file.role = ending->role;
    file.label = mg_arena_text_n(arena, file_name, size_bytes - ending->suffix_bytes);
    if (!parse_versioned(file.label, arena, &file, err))
        return false;
    *ret = file;
    return true;
}

int
mg_version_compare(const char *a, const char *b)
{
    while (*a == '0')
        a++;
    while (*b == '0')
        b++;
    /* The longer number is the larger one; of two equally long ones the first digit decides. */
    int order = 0;
    for (; *a != '\0' && *b != '\0'; a++, b++)
        if (order == 0)
            order = (*a > *b) - (*a < *b);
    if (*a != *b)
        return *a == '\0' ? -1 : 1;
    return order;
}

int
mg_native_compare(const MgNativeFile *a, const MgNativeFile *b)
{
    if (a->version != NULL && b->version != NULL)
        return (a->number > b->number) - (a->number < b->number);
    if (a->version == NULL && b->version == NULL)
        return strcmp(a->name, b->name);
    return a->version != NULL ? -1 : 1;
}

bool
mg_version_matches(const char *word, const char *version, const char *label)
{
    const char *slash = strrchr(word, '/');
    const char *base = slash == NULL ? word : slash + 1;
    size_t base_bytes = strlen(base);
    const Ending *ending = find_ending(base, base_bytes);
    if (ending != NULL)
        base_bytes -= ending->suffix_bytes;
    if (version == NULL || strspn(base, digits) == 0)
        return strlen(label) == base_bytes && memcmp(base, label, base_bytes) == 0;

    /* The version may be written with other zeros in front. */
    char number[FILE_NAME_MAX_BYTES + 1] = { 0 };
    size_t n = strspn(base, digits);
    size_t label_n = strspn(label, digits);
    if (n > FILE_NAME_MAX_BYTES || base_bytes > FILE_NAME_MAX_BYTES)
        return false;
    memcpy(number, base, n);
    if (mg_version_compare(number, version) != 0)
        return false;
    bool is_name_same = strlen(label + label_n) == base_bytes - n &&
                        memcmp(label + label_n, base + n, base_bytes - n) == 0;
    return base_bytes == n || is_name_same;
}

/* ---- Sections ------------------------------------------------------------------ */

typedef struct Section {
    bool is_there;
    MgSpan part;
    int first_line;
} Section;

typedef struct Finder {
    MgWalk walk;
    MgArena *arena;
    Section up, down;
    Section *open;       /* the one that the text belongs to, NULL above the first marker */
    MgBuf inherited;     /* directives above the first marker */
    MgSpan head;         /* the text above the first marker */
    MgError *stray;      /* the first statement above every marker */
    MgError *first_down; /* for a file without an up section */
} Finder;

static MgError *
make_error(const Finder *finder, MgSpan span, const char *message)
{
    MgError *err = MG_NEW_IN(finder->arena, MgError);
    mg_fail(err, MG_E_FILE, "%s", message);
    mg_walk_show(&finder->walk, span, err);
    mg_error_hint(err, "Put the line \"-- migrate:up\" above what is applied, and"
                       " \"-- migrate:down\" above what undoes it.");
    return err;
}

static bool
open_section(Finder *finder, const MgDirective *marker, MgError *err)
{
    bool is_up = marker->kind == MG_DIRECTIVE_UP;
    Section *section = is_up ? &finder->up : &finder->down;
    size_t begin = finder->walk.reader->offset + marker->span.begin;

    if (finder->stray != NULL) {
        *err = *finder->stray;
        return false;
    }
    if (section->is_there) {
        mg_fail(err, MG_E_FILE, "\"-- migrate:%s\" stands twice", mg_directive_names[marker->kind]);
        mg_walk_show(&finder->walk, marker->span, err);
        mg_error_hint(err, "A file has one section for each direction.");
        return false;
    }
    if (!is_up)
        finder->first_down =
            make_error(finder, marker->span, "this file has a down section but no up section");
    if (finder->open != NULL)
        finder->open->part.end = begin;
    else
        finder->head = (MgSpan){ 0, begin };
    *section = (Section){
        .is_there = true,
        .part = { begin, SIZE_MAX },
        .first_line = mg_walk_line(&finder->walk, marker->span.begin),
    };
    finder->open = section;
    return true;
}

static bool
is_marker(const MgDirective *directive)
{
    return directive->kind == MG_DIRECTIVE_UP || directive->kind == MG_DIRECTIVE_DOWN;
}

static bool
take_directive(Finder *finder, const MgDirective *directive, MgError *err)
{
    if (is_marker(directive))
        return open_section(finder, directive, err);
    if (finder->open == NULL && directive->foreign == NULL)
        mg_buf_format(&finder->inherited, "%.*s\n",
                      (int)(directive->span.end - directive->span.begin),
                      finder->walk.reader->text + directive->span.begin);
    return true;
}

/*
 * A last statement often lacks its semicolon, and then the marker below it lies
 * inside what the scanner takes for one statement: the marker wins.
 */
static bool
take_statement(Finder *finder, MgSpan span, MgError *err)
{
    if (finder->open == NULL && finder->stray == NULL)
        finder->stray = make_error(finder, span, "this statement stands above the first section");

    MgLex lex = {
        .text = finder->walk.reader->text,
        .size_bytes = span.end,
        .at = span.begin,
        .is_whole = true,
        .has_backslash_quotes = finder->walk.scan.has_backslash_quotes,
    };
    MgToken token;
    while (lex.at < lex.size_bytes && mg_lex_next(&lex, &token) == MG_LEX_TOKEN) {
        MgDirective directive;
        if (token.kind != MG_TOKEN_COMMENT ||
            !mg_directive_parse(lex.text, token.span, &directive) || !is_marker(&directive))
            continue;
        mg_walk_restart(&finder->walk, token.span.end);
        return open_section(finder, &directive, err);
    }
    return true;
}

static bool
find_sections(Finder *finder, MgReader *reader, MgError *err)
{
    mg_walk_init(&finder->walk, reader, NULL, NULL);
    for (;;) {
        MgWalkItem item;
        if (!mg_walk_next(&finder->walk, &item, err))
            return false;
        bool is_fine = true;
        if (item.kind == MG_WALK_DIRECTIVE)
            is_fine = take_directive(finder, &item.directive, err);
        else if (item.kind == MG_WALK_STATEMENT)
            is_fine = take_statement(finder, item.span, err);
        else if (item.kind == MG_WALK_END)
            break;
        if (!is_fine)
            return false;
    }
    if (finder->down.is_there && !finder->up.is_there) {
        *err = *finder->first_down;
        return false;
    }
    return true;
}

/* ---- Reading ------------------------------------------------------------------- */

static MgScript
script_of(const MgNativeFile *file)
{
    return (MgScript){
        .path = file->path,
        .text = file->text,
        .size_bytes = file->size_bytes,
        .part = MG_SPAN_ALL,
        .first_line = 1,
    };
}

static bool
open_file(const MgScript *script, MgReading *reading, MgError *err)
{
    if (script->text == NULL)
        return mg_reader_open_next(&reading->reader, reading->folder_fd, script->path, err);
    mg_reader_close(&reading->reader);
    return mg_script_open(script, &reading->reader, err);
}

/* What has just been analysed need not be read again when it runs, if it is little. */
static void
keep_text(MgReading *reading, MgScript *script)
{
    const MgReader *reader = &reading->reader;
    size_t left_bytes = MAX_ALL_KEPT_BYTES - reading->kept_bytes;
    if (script->text != NULL || !reader->is_whole || reader->offset > 0 ||
        reader->size_bytes > MAX_KEPT_BYTES || reader->size_bytes > left_bytes)
        return;
    script->text = mg_arena_text_n(reading->arena, reader->text, reader->size_bytes);
    script->size_bytes = reader->size_bytes;
    reading->kept_bytes += reader->size_bytes;
}

/* Analyse a part of the file under reader; what is in its window is not read again. */
static bool
analyse_part(MgScript *script, const Section *section, const MgReader *reader,
             MgDirectiveKind direction, const MgReading *reading, MgError *err)
{
    script->part = section->part;
    script->first_line = section->first_line;
    MG_CLEANUP(reader) MgReader part = { .fd = -1 };
    if (reader->is_whole && reader->offset == 0)
        mg_reader_open_text(script->path, reader->text, reader->size_bytes, section->part,
                            section->first_line, &part);
    else if (!mg_script_open(script, &part, err))
        return false;
    return mg_script_analyse_reader(script, &part, direction, reading, err);
}

static bool
analyse_sections(const Finder *finder, const MgReader *reader, const MgReading *reading,
                 MgMigration *ret, MgError *err)
{
    Section whole = { .part = MG_SPAN_ALL, .first_line = 1 };
    if (!finder->up.is_there)
        return analyse_part(&ret->up, &whole, reader, MG_DIRECTIVE_UP, reading, err);

    /* Above the first marker only its directives matter; this checks them where they stand. */
    Section head = { .part = finder->head, .first_line = 1 };
    MgScript above = ret->up;
    if (!analyse_part(&above, &head, reader, MG_N_DIRECTIVES, reading, err))
        return false;
    ret->is_down_empty = finder->down.is_there;
    if (finder->inherited.size_bytes > 0)
        ret->up.inherited = ret->down.inherited =
            mg_arena_text(reading->arena, mg_buf_text(&finder->inherited));
    return analyse_part(&ret->up, &finder->up, reader, MG_DIRECTIVE_UP, reading, err) &&
           (!finder->down.is_there ||
            analyse_part(&ret->down, &finder->down, reader, MG_DIRECTIVE_DOWN, reading, err));
}

static bool
read_sections(const MgNativeFile *file, MgReading *reading, MgMigration *ret, MgError *err)
{
    MgReader *reader = &reading->reader;
    ret->up = script_of(file);
    if (!open_file(&ret->up, reading, err))
        return false;
    keep_text(reading, &ret->up);
    ret->down = ret->up;
    /* Without a marker the file need not be walked through twice. */
    if (reader->is_whole && !mg_directive_may_stand(reader->text, reader->size_bytes))
        return mg_script_analyse_reader(&ret->up, reader, MG_DIRECTIVE_UP, reading, err);

    MgArena errors = { 0 };
    Finder finder = { .arena = &errors };
    bool is_fine =
        find_sections(&finder, reader, err) && analyse_sections(&finder, reader, reading, ret, err);
    mg_buf_release(&finder.inherited);
    mg_arena_release(&errors);
    return is_fine;
}

static bool
read_whole(const MgNativeFile *file, MgDirectiveKind direction, MgReading *reading, MgScript *ret,
           MgError *err)
{
    *ret = script_of(file);
    if (!open_file(ret, reading, err))
        return false;
    keep_text(reading, ret);
    return mg_script_analyse_reader(ret, &reading->reader, direction, reading, err);
}

bool
mg_native_read(const MgNativeFile *up, const MgNativeFile *down, MgReading *reading,
               MgMigration *ret, MgError *err)
{
    MgMigration migration = {
        .version = up->version,
        .name = up->name,
        .label = up->label,
        .kind = up->role == MG_NATIVE_REPEATABLE ? MG_REPEATABLE : MG_VERSIONED,
    };
    bool is_read = up->role == MG_NATIVE_SECTIONS
                       ? read_sections(up, reading, &migration, err)
                       : read_whole(up, MG_DIRECTIVE_UP, reading, &migration.up, err);
    if (is_read && down != NULL)
        is_read = read_whole(down, MG_DIRECTIVE_DOWN, reading, &migration.down, err);
    if (!is_read)
        return false;
    /* An empty down script is one that somebody meant to write. */
    migration.has_down = migration.down.n_statements > 0 || migration.down.is_nothing;
    migration.is_down_empty = !migration.has_down && (down != NULL || migration.is_down_empty);
    *ret = migration;
    return true;
}
