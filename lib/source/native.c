/* The native format: what a file's name says.  source.c pairs the files. */
#include <string.h>

#include "source/format.h"

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

    bool is_sql = ending != NULL ? file_name[0] != '.' : mg_native_is_sql(file_name);
    if (!is_sql) {
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
    if (strcmp(a, b) == 0) /* nearly always, where files meet their rows */
        return 0;
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
