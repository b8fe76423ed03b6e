/*
 * New migrations: a version that sorts last, a name that fits, files that do
 * nothing until they are edited.  Never overwrites.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "source/format.h"

enum {
    NAME_MAX_BYTES = 100,
    PATH_MAX_BYTES = 512, /* as in mg_new */
};

/* ---- Texts ------------------------------------------------------------------------ */

static const char up_text[] = "-- %s: say here what it does and why.\n"
                              "-- Runs in one transaction with its entry in the history. Example:\n"
                              "--   ALTER TABLE orders ADD COLUMN total numeric(12, 2);\n";

static const char up_text_no_transaction[] =
    "-- migrate:no-transaction\n"
    "-- %s: say here what it does and why.\n"
    "-- Each statement runs by itself: what was done before a failure stays. Example:\n"
    "--   CREATE INDEX CONCURRENTLY orders_customer_id_idx ON orders (customer_id);\n";

static const char down_text[] =
    "-- Undoes %s. Example:\n"
    "--   ALTER TABLE orders DROP COLUMN total;\n"
    "-- If there is nothing to undo, say so with the line \"-- migrate:down nothing\".\n";

static const char down_text_no_transaction[] =
    "-- migrate:no-transaction\n"
    "-- Undoes %s. Example:\n"
    "--   DROP INDEX CONCURRENTLY IF EXISTS orders_customer_id_idx;\n"
    "-- If there is nothing to undo, say so with the line \"-- migrate:down nothing\".\n";

static const char repeatable_text[] =
    "%s-- %s: runs again, behind the versioned migrations, whenever its text changes. Example:\n"
    "--   CREATE OR REPLACE VIEW order_report AS SELECT * FROM orders;\n";

/* ---- Name and version --------------------------------------------------------------- */

/*
 * Latin letters without their marks, from U+00C0 to U+017F, so that a name can
 * be typed on every keyboard.  A blank stands for what is no letter.
 */
static const char *const latin_letters[] = {
    "a", "a", "a",  "a",  "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i",  "i",  /* C0 */
    "d", "n", "o",  "o",  "o", "o", "o",  " ", "o", "u", "u", "u", "u", "y", "th", "ss", /* D0 */
    "a", "a", "a",  "a",  "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i",  "i",  /* E0 */
    "d", "n", "o",  "o",  "o", "o", "o",  " ", "o", "u", "u", "u", "u", "y", "th", "y",  /* F0 */
    "a", "a", "a",  "a",  "a", "a", "c",  "c", "c", "c", "c", "c", "c", "c", "d",  "d",  /* 100 */
    "d", "d", "e",  "e",  "e", "e", "e",  "e", "e", "e", "e", "e", "g", "g", "g",  "g",  /* 110 */
    "g", "g", "g",  "g",  "h", "h", "h",  "h", "i", "i", "i", "i", "i", "i", "i",  "i",  /* 120 */
    "i", "i", "ij", "ij", "j", "j", "k",  "k", "k", "l", "l", "l", "l", "l", "l",  "l",  /* 130 */
    "l", "l", "l",  "n",  "n", "n", "n",  "n", "n", "n", "n", "n", "o", "o", "o",  "o",  /* 140 */
    "o", "o", "oe", "oe", "r", "r", "r",  "r", "r", "r", "s", "s", "s", "s", "s",  "s",  /* 150 */
    "s", "s", "t",  "t",  "t", "t", "t",  "t", "u", "u", "u", "u", "u", "u", "u",  "u",  /* 160 */
    "u", "u", "u",  "u",  "w", "w", "y",  "y", "y", "z", "z", "z", "z", "z", "z",  "s",  /* 170 */
};

enum {
    FIRST_LATIN = 0xc0,
    N_LATIN = sizeof latin_letters / sizeof *latin_letters,
    FIRST_MARK = 0x300, /* combining marks: a letter and its mark can be two characters */
    LAST_MARK = 0x36f,
    FIRST_PUNCTUATION = 0x2000,
    LAST_PUNCTUATION = 0x206f,
};

/* The next character of valid UTF-8. */
static uint32_t
next_character(const char **at)
{
    const unsigned char *bytes = (const unsigned char *)*at;
    int n_more = bytes[0] < 0xc0 ? 0 : bytes[0] < 0xe0 ? 1 : bytes[0] < 0xf0 ? 2 : 3;
    uint32_t character = n_more == 0 ? bytes[0] : bytes[0] & (0x3fU >> n_more);
    for (int i = 1; i <= n_more; i++)
        character = character << 6 | (bytes[i] & 0x3fU);
    *at += n_more + 1;
    return character;
}

/*
 * What a character becomes in a name: letters and digits in lower case, " " for
 * what stands between words, "" for what is left out, NULL for a letter that
 * has no such form.  letter has room for one.
 */
static const char *
plain_form(uint32_t character, char letter[2])
{
    letter[0] = ' ';
    letter[1] = '\0';
    bool is_upper = character >= 'A' && character <= 'Z';
    if (is_upper || (character >= 'a' && character <= 'z') ||
        (character >= '0' && character <= '9'))
        letter[0] = (char)(is_upper ? character + ('a' - 'A') : character);
    else if (character >= FIRST_LATIN && character < FIRST_LATIN + N_LATIN)
        return latin_letters[character - FIRST_LATIN];
    else if (character >= FIRST_MARK && character <= LAST_MARK)
        return "";
    else if (character >= FIRST_LATIN &&
             (character < FIRST_PUNCTUATION || character > LAST_PUNCTUATION))
        return NULL;
    return letter;
}

static bool
fail_foreign(const char *begin, const char *end, MgError *err)
{
    mg_fail(err, MG_E_USAGE, "the name has a character that has no form in a to z: \"%.*s\"",
            (int)(end - begin), begin);
    mg_error_hint(err, "Write the name with letters a to z, digits and underscores.");
    return false;
}

/* Whoever gives the name of a file means what stands before its ending. */
static size_t
without_ending(const char *words)
{
    static const char *const endings[] = { ".up.sql", ".down.sql", ".sql" };
    size_t size_bytes = strlen(words);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending_bytes = strlen(endings[i]);
        if (size_bytes > ending_bytes && strcmp(words + size_bytes - ending_bytes, endings[i]) == 0)
            return size_bytes - ending_bytes;
    }
    return size_bytes;
}

/* Words of letters and digits, in lower case, with one underscore between them. */
static bool
normalise(const char *words, char ret[NAME_MAX_BYTES + 1], MgError *err)
{
    const char *end = words + without_ending(words);
    size_t n = 0;
    bool is_gap = false;
    if (mg_text_valid_utf8(words, strlen(words)) != strlen(words))
        return mg_fail(err, MG_E_USAGE, "the name is not valid UTF-8");
    for (const char *at = words; at < end;) {
        char letter[2];
        const char *begin = at;
        const char *form = plain_form(next_character(&at), letter);
        if (form == NULL)
            return fail_foreign(begin, at, err);
        bool is_kept = *form != ' ' && *form != '\0';
        size_t form_bytes = strlen(form);
        size_t gap_bytes = is_gap && n > 0 ? 1 : 0;
        if (is_kept && n + gap_bytes + form_bytes > NAME_MAX_BYTES)
            return mg_fail(err, MG_E_USAGE, "the name is longer than %d characters",
                           NAME_MAX_BYTES);
        if (is_kept && gap_bytes > 0)
            ret[n++] = '_';
        if (is_kept) {
            memcpy(ret + n, form, form_bytes);
            n += form_bytes;
        }
        is_gap = is_kept ? false : is_gap || *form == ' ';
    }
    ret[n] = '\0';
    if (n > 0)
        return true;
    mg_fail(err, MG_E_USAGE, "the name \"%s\" has no letter or digit", words);
    mg_error_hint(err, "Say in a few words what the migration does: migrate new add_order_totals");
    return false;
}

static bool
choose_version(const char *dir, int64_t now_ms, char ret[MG_VERSION_BYTES], MgError *err)
{
    MgArena arena = { 0 };
    MgFolder folder;
    bool is_read = mg_folder_read(dir, &arena, &folder) ||
                   mg_fail_sys(err, MG_E_SOURCE, "could not read the folder \"%s\"", dir);
    bool is_chosen = is_read && mg_version_choose(&folder, NULL, now_ms, ret, err);
    mg_arena_release(&arena);
    return is_chosen;
}

/* ---- Files --------------------------------------------------------------------------- */

static bool
make_folder(const char *dir, MgError *err)
{
    if (strlen(dir) >= PATH_MAX_BYTES)
        return mg_fail(err, MG_E_USAGE, "the path of the folder is longer than %d bytes",
                       PATH_MAX_BYTES - 1);
    return mg_folder_make(dir) ||
           mg_fail_sys(err, MG_E_SYSTEM, "could not make the folder \"%s\"", dir);
}

static bool
create_file(const char *path, const MgBuf *text, MgError *err)
{
    if (mg_file_create(path, mg_buf_text(text), text->size_bytes))
        return true;
    if (errno != EEXIST)
        return mg_fail_sys(err, MG_E_SYSTEM, "could not create \"%s\"", path);
    mg_fail(err, MG_E_SOURCE, "\"%s\" is already there", path);
    mg_error_at(err, path, 0, 0);
    mg_error_hint(err, "Edit that file, or choose another name.");
    return false;
}

static bool
set_path(char ret[PATH_MAX_BYTES], const char *dir, const char *label, const char *ending,
         MgError *err)
{
    size_t dir_bytes = strlen(dir);
    const char *slash = dir_bytes > 0 && dir[dir_bytes - 1] == '/' ? "" : "/";
    int size = snprintf(ret, PATH_MAX_BYTES, "%s%s%s%s", dir, slash, label, ending);
    return (size > 0 && size < PATH_MAX_BYTES) ||
           mg_fail(err, MG_E_USAGE, "the path of the new file is longer than %d bytes",
                   PATH_MAX_BYTES - 1);
}

static bool
create_repeatable(const MgNew *new_migration, const char *dir, const char *name,
                  char paths[MG_NEW_MAX_FILES][PATH_MAX_BYTES], MgError *err)
{
    char label[NAME_MAX_BYTES + MG_VERSION_BYTES + 2];
    (void)snprintf(label, sizeof label, "R__%s", name);
    MG_CLEANUP(buf) MgBuf text = { 0 };
    mg_buf_format(&text, repeatable_text,
                  new_migration->is_no_transaction ? "-- migrate:no-transaction\n" : "", label);
    return set_path(paths[0], dir, label, ".sql", err) && create_file(paths[0], &text, err);
}

static void
write_texts(const MgNew *new_migration, const char *label, MgBuf *up, MgBuf *down)
{
    bool is_marked = new_migration->is_no_transaction;
    if (new_migration->is_single)
        mg_buf_add(up, "-- migrate:up\n");
    mg_buf_format(up, is_marked ? up_text_no_transaction : up_text, label);
    if (new_migration->is_single)
        mg_buf_add(up, "\n-- migrate:down\n");
    mg_buf_format(new_migration->is_single ? up : down,
                  is_marked ? down_text_no_transaction : down_text, label);
}

static bool
create_versioned(const MgNew *new_migration, const char *dir, const char *name,
                 char paths[MG_NEW_MAX_FILES][PATH_MAX_BYTES], MgError *err)
{
    char version[MG_VERSION_BYTES];
    char label[NAME_MAX_BYTES + MG_VERSION_BYTES + 2];
    if (!choose_version(dir, new_migration->now_ms, version, err))
        return false;
    (void)snprintf(label, sizeof label, "%s_%s", version, name);
    bool is_single = new_migration->is_single;
    if (!set_path(paths[0], dir, label, is_single ? ".sql" : ".up.sql", err) ||
        (!is_single && !set_path(paths[1], dir, label, ".down.sql", err)))
        return false;

    MG_CLEANUP(buf) MgBuf up = { 0 };
    MG_CLEANUP(buf) MgBuf down = { 0 };
    write_texts(new_migration, label, &up, &down);
    if (!create_file(paths[0], &up, err))
        return false;
    if (!is_single && !create_file(paths[1], &down, err)) {
        (void)unlink(paths[0]);
        return false;
    }
    return true;
}

static bool
create_alone(const MgNew *new_migration, const char *dir, const char *name,
             char created[MG_NEW_MAX_FILES][PATH_MAX_BYTES], MgError *err)
{
    int lock_fd = mg_folder_lock(dir);
    bool is_created = new_migration->is_repeatable
                          ? create_repeatable(new_migration, dir, name, created, err)
                          : create_versioned(new_migration, dir, name, created, err);
    if (lock_fd >= 0)
        (void)close(lock_fd);
    return is_created;
}

bool
mg_new(const MgNew *new_migration, char paths[MG_NEW_MAX_FILES][PATH_MAX_BYTES], MgError *err)
{
    const char *dir = new_migration->dir == NULL ? "migrations" : new_migration->dir;
    char created[MG_NEW_MAX_FILES][PATH_MAX_BYTES] = { "", "" };
    char name[NAME_MAX_BYTES + 1];
    bool is_created =
        normalise(new_migration->name == NULL ? "" : new_migration->name, name, err) &&
        make_folder(dir, err) && create_alone(new_migration, dir, name, created, err);
    if (is_created)
        memcpy(paths, created, sizeof created);
    return is_created;
}
