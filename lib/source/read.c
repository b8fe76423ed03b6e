/*
 * The files of one migration: the sections of a file that holds both
 * directions, the digests that one look at them gives, and their analysis.
 */
#include <string.h>

#include "base/buf.h"
#include "source/format.h"

enum {
    /* Of one file, and of all. */
    MAX_KEPT_BYTES = 64 << 10,
    MAX_ALL_KEPT_BYTES = 4 << 20,
};

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
    MgError *first_down; /* if no up section comes behind it */
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
    if (!is_up && !finder->up.is_there)
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

static const Section whole_file = { .part = { 0, SIZE_MAX }, .first_line = 1 };

static bool
open_file(const MgNativeFile *file, bool is_hasty, MgReading *reading, MgError *err)
{
    const MgOpening opening = { .folder_fd = reading->folder_fd, .is_hasty = is_hasty };
    if (file->text == NULL)
        return mg_reader_open_next(&reading->reader, &opening, file->path, err);
    mg_reader_close(&reading->reader);
    mg_reader_open_text(file->path, file->text, file->size_bytes, MG_SPAN_ALL, 1, &reading->reader);
    return true;
}

/* Open a part of the file under reader; what is in its window is not read again. */
static bool
open_part(const MgNativeFile *file, const Section *section, const MgReader *reader, MgReader *ret,
          MgError *err)
{
    if (!reader->is_whole || reader->offset > 0)
        return mg_reader_open(file->path, section->part, section->first_line, ret, err);
    mg_reader_open_text(file->path, reader->text, reader->size_bytes, section->part,
                        section->first_line, ret);
    return true;
}

/* ---- Taking digests ------------------------------------------------------------ */

static bool
take_digest(const char *inherited, MgReader *reader, const MgReading *reading, const char **ret,
            MgError *err)
{
    char digest[MG_DIGEST_HEX_BYTES];
    if (!mg_script_digest_reader(inherited, reader, reading, digest, err))
        return false;
    *ret = mg_arena_text_n(reading->arena, digest, sizeof digest - 1);
    return true;
}

static bool
glance_part(const MgNativeFile *file, const Finder *finder, const Section *section,
            const MgReading *reading, const char **ret, MgError *err)
{
    bool has_inherited = finder->up.is_there && finder->inherited.size_bytes > 0;
    const char *inherited = has_inherited ? mg_buf_text(&finder->inherited) : NULL;
    MG_CLEANUP(reader) MgReader part = { .fd = -1 };
    return open_part(file, section, &reading->reader, &part, err) &&
           take_digest(inherited, &part, reading, ret, err);
}

static bool
glance_parts(const MgNativeFile *file, const Finder *finder, const MgReading *reading,
             MgMigration *ret, MgError *err)
{
    bool has_sections = finder->up.is_there;
    return glance_part(file, finder, has_sections ? &finder->up : &whole_file, reading,
                       &ret->digest, err) &&
           (!finder->down.is_there ||
            glance_part(file, finder, &finder->down, reading, &ret->down_digest, err));
}

static bool
glance_sections(const MgNativeFile *file, MgReading *reading, MgMigration *ret, MgError *err)
{
    MgReader *reader = &reading->reader;
    if (!open_file(file, true, reading, err))
        return false;
    if (reader->is_whole && !mg_directive_is_mentioned(reader->text, reader->size_bytes))
        return take_digest(NULL, reader, reading, &ret->digest, err);

    MgArena errors = { 0 };
    Finder finder = { .arena = &errors };
    bool is_fine = mg_reader_make_sure(reader, err) && find_sections(&finder, reader, err) &&
                   glance_parts(file, &finder, reading, ret, err);
    mg_buf_release(&finder.inherited);
    mg_arena_release(&errors);
    return is_fine;
}

static bool
glance_whole(const MgNativeFile *file, MgReading *reading, const char **ret, MgError *err)
{
    return open_file(file, true, reading, err) &&
           take_digest(NULL, &reading->reader, reading, ret, err);
}

static MgMigration
migration_of(const MgNativeFile *up, const MgNativeFile *down)
{
    return (MgMigration){
        .version = up->version,
        .name = up->name,
        .label = up->label,
        .path = up->path,
        .kind = up->role == MG_NATIVE_REPEATABLE ? MG_REPEATABLE : MG_VERSIONED,
        .up_file = up,
        .down_file = down,
    };
}

bool
mg_native_glance(const MgNativeFile *up, const MgNativeFile *down, MgReading *reading,
                 MgMigration *ret, MgError *err)
{
    MgMigration migration = migration_of(up, down);
    bool is_seen = up->role == MG_NATIVE_SECTIONS
                       ? glance_sections(up, reading, &migration, err)
                       : glance_whole(up, reading, &migration.digest, err);
    if (is_seen && down != NULL)
        is_seen = glance_whole(down, reading, &migration.down_digest, err);
    if (!is_seen)
        return false;
    migration.has_down = migration.down_digest != NULL;
    *ret = migration;
    return true;
}

/* ---- Analysing ----------------------------------------------------------------- */

static MgScript *
make_script(const MgNativeFile *file, MgArena *arena)
{
    MgScript *script = MG_NEW_IN(arena, MgScript);
    *script = (MgScript){
        .path = file->path,
        .text = file->text,
        .size_bytes = file->size_bytes,
        .part = MG_SPAN_ALL,
        .first_line = 1,
    };
    return script;
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

static bool
analyse_part(const MgNativeFile *file, MgScript *script, const Section *section,
             MgDirectiveKind direction, const MgReading *reading, MgError *err)
{
    script->part = section->part;
    script->first_line = section->first_line;
    MG_CLEANUP(reader) MgReader part = { .fd = -1 };
    return open_part(file, section, &reading->reader, &part, err) &&
           mg_script_analyse_reader(script, &part, direction, reading, err);
}

static bool
analyse_parts(const MgNativeFile *file, const Finder *finder, const MgReading *reading,
              MgMigration *ret, MgError *err)
{
    if (!finder->up.is_there)
        return analyse_part(file, ret->up, &whole_file, MG_DIRECTIVE_UP, reading, err);

    /* Above the first marker only its directives matter; this checks them where they stand. */
    Section head = { .part = finder->head, .first_line = 1 };
    MgScript above = *ret->up;
    if (!analyse_part(file, &above, &head, MG_N_DIRECTIVES, reading, err))
        return false;
    if (finder->inherited.size_bytes > 0)
        ret->up->inherited = mg_arena_text(reading->arena, mg_buf_text(&finder->inherited));
    if (finder->down.is_there) {
        ret->down = MG_NEW_IN(reading->arena, MgScript);
        *ret->down = *ret->up;
    }
    return analyse_part(file, ret->up, &finder->up, MG_DIRECTIVE_UP, reading, err) &&
           (ret->down == NULL ||
            analyse_part(file, ret->down, &finder->down, MG_DIRECTIVE_DOWN, reading, err));
}

static bool
read_sections(const MgNativeFile *file, MgReading *reading, MgMigration *ret, MgError *err)
{
    MgReader *reader = &reading->reader;
    ret->up = make_script(file, reading->arena);
    if (!open_file(file, false, reading, err))
        return false;
    keep_text(reading, ret->up);
    /* Without a marker the file need not be walked through twice. */
    if (reader->is_whole && !mg_directive_is_mentioned(reader->text, reader->size_bytes))
        return mg_script_analyse_reader(ret->up, reader, MG_DIRECTIVE_UP, reading, err);

    MgArena errors = { 0 };
    Finder finder = { .arena = &errors };
    bool is_fine =
        find_sections(&finder, reader, err) && analyse_parts(file, &finder, reading, ret, err);
    mg_buf_release(&finder.inherited);
    mg_arena_release(&errors);
    return is_fine;
}

static bool
read_whole(const MgNativeFile *file, MgDirectiveKind direction, MgReading *reading, MgScript **ret,
           MgError *err)
{
    MgScript *script = make_script(file, reading->arena);
    if (!open_file(file, false, reading, err))
        return false;
    keep_text(reading, script);
    if (!mg_script_analyse_reader(script, &reading->reader, direction, reading, err))
        return false;
    *ret = script;
    return true;
}

bool
mg_native_read(const MgNativeFile *up, const MgNativeFile *down, MgReading *reading,
               MgMigration *ret, MgError *err)
{
    MgMigration migration = migration_of(up, down);
    bool is_read = up->role == MG_NATIVE_SECTIONS
                       ? read_sections(up, reading, &migration, err)
                       : read_whole(up, MG_DIRECTIVE_UP, reading, &migration.up, err);
    if (is_read && down != NULL)
        is_read = read_whole(down, MG_DIRECTIVE_DOWN, reading, &migration.down, err);
    if (!is_read)
        return false;
    const MgScript *down_script = migration.down;
    migration.digest = migration.up->digest;
    /* An empty down script is one that somebody meant to write. */
    migration.has_down =
        down_script != NULL && (down_script->n_statements > 0 || down_script->is_nothing);
    migration.is_down_empty = down_script != NULL && !migration.has_down;
    migration.down_digest = migration.has_down ? down_script->digest : NULL;
    *ret = migration;
    return true;
}
