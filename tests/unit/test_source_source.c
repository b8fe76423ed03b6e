/* The source: a folder or a list of files becomes ordered migrations, or an error that names one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "folder.h"
#include "source/source.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Files named in a text, between blanks; each says "SELECT 1", folders end in "/". */
static void
write_files(const char *names)
{
    while (*names != '\0') {
        size_t n = strcspn(names, " ");
        const char *name = mg_arena_text_n(&arena, names, n);
        if (name[n - 1] == '/')
            assert_int_equal(mkdir(path_of(name), 0700), 0);
        else
            write_file(name, "SELECT 1;\n");
        names += n + strspn(names + n, " ");
    }
}

/* An error with the folder's name taken out, so that it can be compared. */
static const char *
without_folder(const char *text)
{
    MgBuf buf = { 0 };
    size_t n = strlen(folder);
    while (*text != '\0') {
        if (strncmp(text, folder, n) == 0) {
            mg_buf_add(&buf, "m");
            text += n;
        } else {
            mg_buf_add_char(&buf, *text++);
        }
    }
    const char *result = mg_arena_text(&arena, mg_buf_text(&buf));
    mg_buf_release(&buf);
    return result;
}

static const char *
describe_error(const MgError *err)
{
    return without_folder(mg_arena_format(&arena, "%s --> %s%s%s%s%s%s%s", err->message, err->place,
                                          err->detail[0] == '\0' ? "" : " detail: ", err->detail,
                                          err->hint[0][0] == '\0' ? "" : " hint: ", err->hint[0],
                                          err->hint[1][0] == '\0' ? "" : " hint: ", err->hint[1]));
}

static const char *
describe_source(const MgSource *source)
{
    MgBuf buf = { 0 };
    for (size_t i = 0; i < source->n; i++) {
        const MgMigration *migration = &source->items[i];
        mg_buf_format(&buf, "%s%s%s", i == 0 ? "" : " ", migration->label,
                      migration->has_down ? "+down" : "");
        assert_int_equal(migration->kind,
                         migration->version == NULL ? MG_REPEATABLE : MG_VERSIONED);
    }
    for (size_t i = 0; i < source->n_notes; i++)
        mg_buf_format(&buf, "; %s", source->notes[i]);
    const char *result = without_folder(mg_buf_text(&buf));
    mg_buf_release(&buf);
    return result;
}

static const char *
read_folder(void)
{
    MgSource source;
    MgError err;
    if (mg_source_read(&(MgSourcePlace){ .dir = folder }, &arena, &source, &err))
        return describe_source(&source);
    assert_int_equal(err.code, MG_E_SOURCE);
    return describe_error(&err);
}

#define NAME_HINTS                                                                                 \
    " hint: Name it VERSION_NAME.up.sql, such as 0001_create_users.up.sql, or R__NAME.sql if it"   \
    " is to run again whenever it changes. hint: If it is no migration, move it out of the "       \
    "folder."
#define BELOW_HINT                                                                                 \
    " hint: Migrations stand side by side in one folder. Move the file there, or out of it."
#define MOVE_HINT " hint: If it is no migration, move it out of the folder."

static const struct {
    const char *files, *expect;
} folders[] = {
    { "", "; no migrations in \"m\"; \"migrate new NAME\" makes the first" },
    { "README.md .gitkeep .hidden.sql 1_a.sql~ docs/ docs/x.md .git/ .git/x.sql",
      "; no migrations in \"m\"; \"migrate new NAME\" makes the first" },
    { "10_j.sql 9_i.up.sql 9_i.down.sql R__z.sql R__a.sql 008_h.sql 20260309101500_k.up.sql",
      "008_h 9_i+down 10_j 20260309101500_k R__a R__z" },
    { "1_a.up.sql init.sql",
      "\"m/init.sql\" is not named like a migration --> m/init.sql detail: A name begins with a"
      " version, which is digits, or with R__." NAME_HINTS },
    { "1_a.SQL", "\"m/1_a.SQL\" is not named like a migration --> m/1_a.SQL detail: The ending is"
                 " written in lower case: .sql" NAME_HINTS },
    { "7_a.up.sql 7_b.up.sql",
      "\"7_a\" and \"7_b\" have one version --> m/7_b.up.sql"
      " hint: Put the one that is applied nowhere yet to the end, by one of these:\n"
      "migrate renumber 7_a\nmigrate renumber 7_b" },
    { "7_b.sql 007_a.sql 7_b.down.sql",
      "\"007_a\" and \"7_b\" have one version --> m/7_b.sql"
      " hint: Put the one that is applied nowhere yet to the end, by one of these:\n"
      "migrate renumber 007_a\nmigrate renumber 7_b" },
    { "1_x.sql 1_x.up.sql",
      "two files are the up script of 1_x: \"m/1_x.up.sql\" and \"m/1_x.sql\" --> m/1_x.sql"
      " hint: Delete one of them, or give it another version." },
    { "1_x.sql 1_x.down.sql",
      "\"m/1_x.down.sql\" stands beside \"m/1_x.sql\", which is for both directions -->"
      " m/1_x.down.sql hint: Name the other file 1_x.up.sql, or move the down script into it, below"
      " the line \"-- migrate:down\"." },
    { "1_x.down.sql", "\"m/1_x.down.sql\" has no up script --> m/1_x.down.sql hint: Its up script"
                      " has the same name with another ending: 1_x.up.sql" },
    { "1_x.up.sql 1_y.down.sql",
      "\"m/1_y.down.sql\" has no up script --> m/1_y.down.sql detail: The up script of version 1 is"
      " \"m/1_x.up.sql\". hint: Its up script has the same name with another ending: 1_y.up.sql" },
    { "1_x.up.sql 1_x.down.sql 01_x.down.sql",
      "\"m/01_x.down.sql\" has no up script --> m/01_x.down.sql detail: The up script of version 1"
      " is \"m/1_x.up.sql\". hint: Its up script has the same name with another ending:"
      " 01_x.up.sql" },
    { "1_a.sql old/ old/0_z.sql",
      "\"m/old/0_z.sql\" lies in a sub-folder --> m/old/0_z.sql" BELOW_HINT },
    { "1_a.sql a/ a/b/ a/b/README a/b/x.SQL",
      "\"m/a/b/x.SQL\" lies in a sub-folder --> m/a/b/x.SQL" BELOW_HINT },
    { "2_x.sql/", "\"m/2_x.sql\" is a folder, not a file --> m/2_x.sql" MOVE_HINT },
};

static void
test_source__folders(void **state)
{
    for (size_t i = 0; i < COUNT(folders); i++) {
        write_files(folders[i].files);
        assert_string_equal(read_folder(), folders[i].expect);
        remove_all(folder);
        assert_int_equal(set_up(state), 0);
    }
}

static void
test_source__links_and_other_things(void **state)
{
    (void)state;
    write_files("in/ 1_a.sql");
    assert_int_equal(symlink("1_a.sql", path_of("2_b.sql")), 0);
    assert_int_equal(symlink("in", path_of("link-to-folder")), 0);
    assert_int_equal(symlink("../nothing", path_of("link-to-nothing")), 0);
    assert_string_equal(read_folder(), "1_a 2_b");

    assert_int_equal(symlink("/etc/passwd", path_of("3_c.sql")), 0);
    assert_string_equal(
        read_folder(), "the symbolic link \"m/3_c.sql\" leads out of the folder --> m/3_c.sql hint:"
                       " Copy the file into the folder, so that what runs is what was reviewed.");
    assert_int_equal(unlink(path_of("3_c.sql")), 0);
    assert_int_equal(symlink("nothing.sql", path_of("3_c.sql")), 0);
    assert_string_equal(read_folder(),
                        "the symbolic link \"m/3_c.sql\" leads to no file --> m/3_c.sql" MOVE_HINT);
    assert_int_equal(unlink(path_of("3_c.sql")), 0);
    assert_int_equal(mkfifo(path_of("3_c.sql"), 0600), 0);
    assert_string_equal(read_folder(),
                        "\"m/3_c.sql\" is not a regular file --> m/3_c.sql" MOVE_HINT);
}

static void
test_source__folder_errors(void **state)
{
    (void)state;
    MgSource source;
    MgError err;
    write_files("file");
    assert_false(mg_source_read(&(MgSourcePlace){ .dir = path_of("none") }, &arena, &source, &err));
    assert_int_equal(err.code, MG_E_SOURCE);
    assert_string_equal(describe_error(&err),
                        "there is no folder \"m/none\" --> m/none"
                        " hint: \"migrate new NAME\" makes it with a first migration."
                        " hint: If the migrations are elsewhere, name their folder: --dir PATH");
    assert_false(mg_source_read(&(MgSourcePlace){ .dir = path_of("file") }, &arena, &source, &err));
    assert_string_equal(describe_error(&err),
                        "\"m/file\" is not a folder --> m/file"
                        " hint: Name the folder that the migrations are in: --dir PATH");

    assert_int_equal(symlink("loop", path_of("loop")), 0);
    assert_false(mg_source_read(&(MgSourcePlace){ .dir = path_of("loop") }, &arena, &source, &err));
    assert_string_equal(describe_error(&err),
                        "could not read the folder \"m/loop\": Too many levels of symbolic links"
                        " --> m/loop hint: Check who may read it; --dir PATH names another one.");
}

static void
test_source__unreadable_things(void **state)
{
    (void)state;
    /* Root reads everything: be somebody else for a while. */
    uid_t owner = geteuid(), reader = owner == 0 ? 65534 : owner;
    write_files("1_a.sql sub/");
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(path_of("sub"), 0755), 0);
    assert_int_equal(chmod(path_of("1_a.sql"), 0), 0);
    assert_int_equal(seteuid(reader), 0);
    assert_string_equal(read_folder(),
                        "could not open \"m/1_a.sql\": Permission denied --> m/1_a.sql");
    assert_int_equal(seteuid(owner), 0);
    assert_int_equal(chmod(path_of("sub"), 0), 0);
    assert_int_equal(seteuid(reader), 0);
    assert_string_equal(read_folder(),
                        "could not read the folder \"m/sub\": Permission denied --> m/sub"
                        " hint: Check who may read it; --dir PATH names another one.");
    assert_int_equal(seteuid(owner), 0);
    assert_int_equal(chmod(path_of("sub"), 0700), 0);
}

static void
test_source__what_files_say(void **state)
{
    (void)state;
    write_file("1_a.up.sql", "CREATE TABLE a (b int);\n");
    write_file("1_a.down.sql", "-- to do\n");
    write_file("2_b.up.sql", "-- to do\n");
    write_file("2_b.down.sql", "-- migrate:down nothing\n");
    write_file("3_c.sql", "-- migrate:up\nx;\n-- migrate:down\ny;\n");
    write_file("R__r.sql", "");
    assert_string_equal(read_folder(), "1_a 2_b+down 3_c+down R__r"
                                       "; m/R__r.sql has no statements");

    MgSource source;
    MgError err;
    const char *dir = path_of("//");
    assert_true(mg_source_read(&(MgSourcePlace){ .dir = dir }, &arena, &source, &err));
    assert_string_equal(source.dir, folder);
    const MgMigration *c = &source.items[2];
    assert_string_equal(c->version, "3");
    assert_string_equal(c->name, "c");
    assert_string_equal(c->up->path, path_of("3_c.sql"));
    assert_string_equal(c->up->text, "-- migrate:up\nx;\n-- migrate:down\ny;\n");
    assert_ptr_equal(c->down->text, c->up->text);
    assert_int_equal(c->down->first_line, 3);

    write_file("4_d.sql", "SELECT 'x\n");
    assert_false(mg_source_read(&(MgSourcePlace){ .dir = folder }, &arena, &source, &err));
    assert_int_equal(err.code, MG_E_FILE);
    assert_string_equal(err.place, path_of("4_d.sql"));
    assert_int_equal(err.line, 1);
    assert_int_equal(err.column, 8);
    assert_string_equal(err.message, "unterminated quoted string");
}

/* What is listed is analysed when it is wanted, as it is then. */
static void
test_source__is_listed_and_analysed(void **state)
{
    (void)state;
    static const char applied[] = "SELECT 1;\n", later[] = "SELECT 1; SELECT 2;\n";
    write_file("1_a.sql", applied);
    write_file("2_b.up.sql", "SELECT 'x\n");
    write_file("3_c.up.sql", applied);
    write_file("3_c.down.sql", "-- to do\n");
    write_file("R__r.sql", "-- nothing\n");
    const MgSourcePlace place = { .dir = folder };
    MgSource source;
    MgError err;
    assert_true(mg_source_list(&place, &arena, &source, &err));
    assert_string_equal(describe_source(&source), "1_a 2_b 3_c+down R__r");
    for (size_t i = 0; i < source.n; i++)
        assert_true(source.items[i].up == NULL && source.items[i].down == NULL);
    assert_string_equal(source.items[0].digest, source.items[2].digest);

    const bool wanted[] = { false, false, true, true };
    write_file("3_c.up.sql", later);
    assert_true(mg_source_analyse(&source, wanted, &arena, &err));
    assert_null(source.items[0].up);
    assert_null(source.items[1].up);
    const MgMigration *c = &source.items[2];
    assert_int_equal(c->up->n_statements, 2);
    assert_string_equal(c->up->text, later);
    assert_ptr_equal(c->digest, c->up->digest);
    assert_string_not_equal(c->digest, source.items[0].digest);
    assert_string_equal(describe_source(&source), "1_a 2_b 3_c R__r; m/R__r.sql has no statements");

    const MgScript *before = c->up;
    assert_false(mg_source_analyse(&source, NULL, &arena, &err));
    assert_int_equal(err.code, MG_E_FILE);
    assert_string_equal(err.place, path_of("2_b.up.sql"));
    assert_int_equal(source.items[0].up->n_statements, 1);
    write_file("2_b.up.sql", applied);
    assert_true(mg_source_analyse(&source, NULL, &arena, &err));
    assert_ptr_equal(c->up, before);
    assert_string_equal(describe_source(&source), "1_a 2_b 3_c R__r; m/R__r.sql has no statements");
}

/* Up to 64 KiB a file, and not too many of them. */
static void
test_source__texts_that_are_kept(void **state)
{
    (void)state;
    enum { SMALL = 64 << 10, N_KEPT = 64, N_FILES = N_KEPT + 2 };
    static char text[SMALL + 2];
    char name[32];
    memset(text, ' ', SMALL + 1);
    text[0] = 'x';
    write_file("0_large.up.sql", text);
    text[SMALL] = '\0';
    for (int i = 1; i < N_FILES; i++) {
        (void)snprintf(name, sizeof name, "%d_a.up.sql", i);
        write_file(name, text);
    }
    MgSource source;
    MgError err;
    assert_true(mg_source_read(&(MgSourcePlace){ .dir = folder }, &arena, &source, &err));
    assert_int_equal(source.n, N_FILES);
    assert_null(source.items[0].up->text);
    for (int i = 1; i <= N_KEPT; i++) {
        assert_int_equal(source.items[i].up->size_bytes, SMALL);
        assert_string_equal(source.items[i].up->text, text);
    }
    assert_null(source.items[N_KEPT + 1].up->text);

    /* However often some of them are analysed. */
    bool wanted[N_FILES] = { false };
    assert_true(mg_source_list(&(MgSourcePlace){ .dir = folder }, &arena, &source, &err));
    for (int i = 0; i < N_FILES; i++) {
        wanted[i] = true;
        assert_true(mg_source_analyse(&source, wanted, &arena, &err));
        assert_int_equal(source.items[i].up->text != NULL, i >= 1 && i <= N_KEPT);
    }
}

static void
test_source__the_working_folder(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    write_files("1_a.sql");
    assert_int_equal(chdir(folder), 0);
    MgSource source;
    MgError err;
    assert_true(mg_source_read(&(MgSourcePlace){ .dir = "." }, &arena, &source, &err));
    assert_string_equal(source.items[0].up->path, "./1_a.sql");
    assert_int_equal(chdir(before), 0);
}

static void
test_source__files_in_memory(void **state)
{
    (void)state;
    static const MgFile files[] = {
        { "R__r.sql", "x;", 2 },        { "10_b.sql", "-- migrate:up\nx;\n-- migrate:down\ny", 34 },
        { "2_a.down.sql", "y;", 2 },    { "README.md", "?", 1 },
        { "2_a.up.sql", "x; y; z", 4 }, { "11_c.sql", NULL, 0 },
    };
    MgSource source;
    MgError err;
    assert_true(mg_source_read(&(MgSourcePlace){ .files = files, .n_files = COUNT(files) }, &arena,
                               &source, &err));
    assert_null(source.dir);
    assert_string_equal(describe_source(&source), "2_a+down 10_b+down 11_c R__r");
    assert_int_equal(source.items[0].up->n_statements, 2);
    assert_ptr_equal(source.items[0].up->text, files[4].text);
    assert_string_equal(source.items[0].up->path, "2_a.up.sql");

    assert_true(
        mg_source_read(&(MgSourcePlace){ .files = NULL, .n_files = 0 }, &arena, &source, &err));
    assert_string_equal(describe_source(&source), "; no migrations were given");

    static const MgFile twice[] = { { "R__r.sql", "x", 1 }, { "R__r.sql", "x", 1 } };
    assert_false(
        mg_source_read(&(MgSourcePlace){ .files = twice, .n_files = 2 }, &arena, &source, &err));
    assert_string_equal(describe_error(&err), "\"R__r.sql\" is given twice --> R__r.sql");
    static const MgFile downs[] = { { "1_a.up.sql", "x", 1 },
                                    { "1_a.down.sql", "x", 1 },
                                    { "1_a.down.sql", "x", 1 } };
    assert_false(
        mg_source_read(&(MgSourcePlace){ .files = downs, .n_files = 3 }, &arena, &source, &err));
    assert_string_equal(describe_error(&err), "\"1_a.down.sql\" is given twice --> 1_a.down.sql");
    static const MgFile wrong[] = { { "a.sql", "x", 1 } };
    assert_false(
        mg_source_read(&(MgSourcePlace){ .files = wrong, .n_files = 1 }, &arena, &source, &err));
    assert_string_equal(err.message, "\"a.sql\" is not named like a migration");
    assert_false(
        mg_source_read(&(MgSourcePlace){ .files = NULL, .n_files = MG_SOURCE_MAX_FILES + 1 },
                       &arena, &source, &err));
    assert_string_equal(err.message,
                        "the list of migrations has 100001 files, the limit is 100000");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        WITH_FOLDER(test_source__folders),
        WITH_FOLDER(test_source__links_and_other_things),
        WITH_FOLDER(test_source__folder_errors),
        WITH_FOLDER(test_source__unreadable_things),
        WITH_FOLDER(test_source__what_files_say),
        WITH_FOLDER(test_source__is_listed_and_analysed),
        WITH_FOLDER(test_source__texts_that_are_kept),
        WITH_FOLDER(test_source__the_working_folder),
        WITH_FOLDER(test_source__files_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
