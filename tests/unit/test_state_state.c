/*
 * The file behind the notebook, under everything that can be wrong with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/state.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const upgrades[] = {
    "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT);",
    "ALTER TABLE word ADD COLUMN size INTEGER NOT NULL DEFAULT 7;",
};
static const MgStateLayout first = { .application_id = 7, .upgrades = upgrades, .n_upgrades = 1 };
static const MgStateLayout second = { .application_id = 7, .upgrades = upgrades, .n_upgrades = 2 };
static const MgStateLayout other = { .application_id = 8, .upgrades = upgrades, .n_upgrades = 1 };

/* ---- A folder of its own for every test ---------------------------------------------------- */

static char folder[64], path[128];

static int
make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/migrate-state-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/state.db", folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = { "state.db",         "state.db-wal", "state.db-shm",
                                         "state.db.damaged", "elsewhere",    "state.db-journal" };
    for (size_t i = 0; i < COUNT(names); i++) {
        char name[192];
        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        if (unlink(name) != 0)
            (void)rmdir(name);
    }
    return rmdir(folder);
}

static bool
open_at(const MgStateLayout *layout, bool is_ours, bool is_reading, MgStateFile **ret, MgError *err)
{
    MgStateOpen input = {
        .path = path, .layout = layout, .is_ours = is_ours, .is_reading = is_reading
    };
    return mg_state_open(&input, ret, err);
}

/* To write, as a run does. */
static MgStateFile *
open_ours(void)
{
    MgStateFile *file = NULL;
    MgError err;
    if (!open_at(&first, true, false, &file, &err))
        fail_msg("%s", err.message);
    return file;
}

static void
write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool
exists(const char *suffix)
{
    char name[192];
    struct stat found;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return lstat(name, &found) == 0;
}

/* The reason, without the path, which is another one at every run. */
static void
check_failure(const MgError *err, const char *reason)
{
    char expect[512];
    snprintf(expect, sizeof expect, "could not use the notebook \"%s\": %s", path, reason);
    assert_int_equal(err->code, MG_E_NOTEBOOK);
    assert_string_equal(err->message, expect);
}

static void
add_word(MgStateFile *file, const char *text)
{
    MgError err;
    const MgValue values[] = { mg_value_text(text) };
    assert_true(mg_state_run(file, "INSERT INTO word (text) VALUES (?)", values, 1, &err));
}

static void
take_number(void *payload, const MgStateRow *row)
{
    *(int64_t *)payload = mg_state_int(row, 0);
}

static int64_t
ask(MgStateFile *file, const char *sql)
{
    MgError err;
    int64_t number = -1;
    assert_true(mg_state_query(file, sql, NULL, 0, take_number, &number, &err));
    return number;
}

/* ---- Making and upgrading ------------------------------------------------------------------- */

static void
test_state__keeps_what_was_written(void **state)
{
    (void)state;
    MgStateFile *file = open_ours();
    MgError err;
    struct stat found;
    assert_true(mg_state_begin(file, &err));
    add_word(file, "one");
    add_word(file, NULL);
    assert_int_equal(mg_state_last_id(file), 2);
    assert_true(mg_state_end(file, &err));
    mg_state_close(file);

    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_true(open_at(&first, true, true, &file, &err));
    assert_int_equal(ask(file, "SELECT count(*) FROM word WHERE text = 'one'"), 1);
    assert_int_equal(ask(file, "SELECT count(*) FROM word WHERE text IS NULL"), 1);
    assert_int_equal(ask(file, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    assert_int_equal(ask(file, "SELECT synchronous FROM pragma_synchronous"), 0);
    mg_state_close(file);
}

/* SQLite's way to the disk, which leads here first. */
static int n_synced;

int
fdatasync(int fd)
{
    (void)fd;
    n_synced++;
    return 0;
}

int
fsync(int fd)
{
    return fdatasync(fd);
}

static void
test_state__never_waits_for_the_disk(void **state)
{
    (void)state;
    MgError err;
    n_synced = 0;
    MgStateFile *file = open_ours();
    assert_true(mg_state_run(file, "INSERT INTO word (text) VALUES ('a')", NULL, 0, &err));
    mg_state_close(file);
    assert_true(open_at(&second, true, false, &file, &err));
    mg_state_close(file);
    assert_int_equal(n_synced, 0);
}

static void
test_state__drops_what_was_not_ended(void **state)
{
    (void)state;
    MgStateFile *file = open_ours();
    MgError err;
    assert_true(mg_state_begin(file, &err));
    add_word(file, "one");
    mg_state_close(file);
    file = open_ours();
    assert_int_equal(ask(file, "SELECT count(*) FROM word"), 0);
    mg_state_close(file);
}

static void
test_state__upgrades(void **state)
{
    (void)state;
    MgStateFile *file = open_ours();
    MgError err;
    add_word(file, "one");
    mg_state_close(file);
    assert_true(open_at(&second, true, true, &file, &err));
    assert_int_equal(ask(file, "SELECT size FROM word"), 7);
    assert_int_equal(ask(file, "SELECT user_version FROM pragma_user_version"), 2);
    mg_state_close(file);

    assert_false(open_at(&first, true, false, &file, &err));
    check_failure(&err, "a newer migrate has written it");
    assert_true(open_at(&second, true, false, &file, &err)); /* and it was left alone */
    assert_int_equal(ask(file, "SELECT count(*) FROM word"), 1);
    mg_state_close(file);
}

static void
test_state__leaves_other_programs_alone(void **state)
{
    (void)state;
    MgStateFile *file = NULL;
    MgError err;
    assert_true(open_at(&first, false, false, &file, &err));
    mg_state_close(file);
    assert_false(open_at(&other, false, false, &file, &err));
    check_failure(&err, "it belongs to another program");
    assert_false(open_at(&other, true, false, &file, &err));
    assert_false(exists(".damaged"));
}

/* ---- What may lie there -----------------------------------------------------------------------
 */

static const char garbage[] = "This is a text that somebody may want to keep, and no database at "
                              "all, however long one looks at it; a header has a hundred bytes.";

static void
test_state__sets_a_damaged_file_aside(void **state)
{
    (void)state;
    MgStateFile *file = NULL;
    MgError err;
    write_file(garbage);
    assert_false(open_at(&first, true, true, &file, &err)); /* a reader touches nothing */
    check_failure(&err, "file is not a database");
    assert_false(exists(".damaged"));
    file = open_ours();
    assert_int_equal(ask(file, "SELECT count(*) FROM word"), 0);
    mg_state_close(file);
    assert_true(exists(".damaged"));
}

static void
test_state__never_moves_a_file_that_was_named(void **state)
{
    (void)state;
    MgStateFile *file = NULL;
    MgError err;
    write_file(garbage);
    assert_false(open_at(&first, false, false, &file, &err));
    check_failure(&err, "file is not a database");
    assert_true(exists(""));
    assert_false(exists(".damaged"));
}

/* Its first page is good, so that it is known to be ours; what follows is not. */
static void
test_state__sets_aside_what_turns_out_to_be_damaged(void **state)
{
    (void)state;
    MgStateFile *file = open_ours();
    MgError err;
    add_word(file, garbage);
    assert_true(mg_state_run(file, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, 0, &err));
    mg_state_close(file);
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    char bytes[4096];
    memset(bytes, 0xa5, sizeof bytes);
    assert_int_equal(pwrite(fd, bytes, sizeof bytes, found.st_size - (off_t)sizeof bytes),
                     sizeof bytes);
    close(fd);

    assert_true(open_at(&first, false, false, &file, &err));
    const MgValue values[] = { mg_value_text("two") };
    assert_false(mg_state_run(file, "INSERT INTO word (text) VALUES (?)", values, 1, &err));
    check_failure(&err, "database disk image is malformed");
    assert_string_equal(err.hint[0],
                        "Delete it: it decides nothing, and the next run makes a new one.");
    mg_state_close(file);
    assert_true(exists(".damaged"));
    assert_true(open_at(&first, false, false, &file, &err));
    mg_state_close(file);
}

static void
test_state__refuses_what_is_no_file(void **state)
{
    (void)state;
    MgStateFile *file = NULL;
    MgError err;
    char elsewhere[128];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder);

    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(open_at(&first, true, false, &file, &err));
    check_failure(&err, "it is not a regular file");
    assert_int_equal(rmdir(path), 0);

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(open_at(&first, true, false, &file, &err));
    check_failure(&err, "it is not a regular file");
    assert_int_equal(unlink(path), 0);

    /* A link that leads to what is there, or to what would be made. */
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            assert_int_equal(close(open(elsewhere, O_WRONLY | O_CREAT, 0600)), 0);
        assert_int_equal(symlink(elsewhere, path), 0);
        assert_false(open_at(&first, true, false, &file, &err));
        check_failure(&err, "it is not a regular file");
        struct stat found;
        assert_true(stat(elsewhere, &found) != 0 || found.st_size == 0);
        assert_int_equal(unlink(path), 0);
    }
}

static void
test_state__a_reader_makes_nothing(void **state)
{
    (void)state;
    MgStateFile *file = NULL;
    MgError err;
    char expect[256];
    assert_false(open_at(&first, true, true, &file, &err));
    snprintf(expect, sizeof expect, "there is no notebook \"%s\" yet", path);
    assert_string_equal(err.message, expect);
    assert_string_equal(err.hint[0], "It is begun by the first run with a database.");
    assert_false(exists(""));
}

static void
test_state__needs_a_folder(void **state)
{
    (void)state;
    MgStateFile *file = NULL;
    MgError err;
    char before[sizeof path], expect[256];
    memcpy(before, path, sizeof path);
    snprintf(path, sizeof path, "%s/none/state.db", folder);
    assert_false(open_at(&first, true, false, &file, &err));
    snprintf(expect, sizeof expect, "could not make the notebook \"%s\": No such file or directory",
             path);
    assert_string_equal(err.message, expect);
    memcpy(path, before, sizeof path);
}

/* ---- Others, limits -----------------------------------------------------------------------------
 */

static void
test_state__does_not_wait_long_for_others(void **state)
{
    (void)state;
    MgStateFile *one = open_ours(), *two = open_ours();
    MgError err;
    assert_true(mg_state_begin(one, &err));
    assert_false(mg_state_begin(two, &err));
    check_failure(&err, "database is locked");
    assert_string_equal(err.hint[0], "");                       /* nothing is wrong with it */
    assert_int_equal(ask(two, "SELECT count(*) FROM word"), 0); /* to read is no trouble */
    assert_true(mg_state_end(one, &err));
    assert_true(mg_state_begin(two, &err));
    assert_true(mg_state_end(two, &err));
    mg_state_close(one);
    mg_state_close(two);
}

enum {
    N_PROCESSES = 8,
    N_WORDS = 20,
};

/* Eight of them may well wait longer for each other than one run would: that is no failure. */
static int
work(void)
{
    const MgValue values[] = { mg_value_text("word") };
    for (int i = 0; i < N_WORDS; i++) {
        MgStateFile *file = NULL;
        MgError err;
        bool is_ok = open_at(&first, true, false, &file, &err) && mg_state_begin(file, &err) &&
                     mg_state_run(file, "INSERT INTO word (text) VALUES (?)", values, 1, &err) &&
                     mg_state_end(file, &err);
        mg_state_close(file);
        if (!is_ok && strstr(err.message, "locked") == NULL) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    }
    return 0;
}

/* All begin with a file that is not there yet. */
static void
test_state__many_at_once(void **state)
{
    (void)state;
    pid_t pids[N_PROCESSES];
    for (int i = 0; i < N_PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            _exit(work());
    }
    for (int i = 0; i < N_PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    MgStateFile *file = NULL;
    MgError err;
    assert_true(open_at(&first, true, true, &file, &err));
    assert_true(ask(file, "SELECT count(*) FROM word") > N_WORDS);
    assert_int_equal(ask(file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    mg_state_close(file);
    assert_false(exists(".damaged"));
}

/* As on a full disk: nothing more can be written, and what is there stays good. */
static void
test_state__survives_a_full_disk(void **state)
{
    (void)state;
    MgStateFile *file = open_ours();
    MgError err;
    add_word(file, "one");
    mg_state_close(file);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = { .rlim_cur = 48 * 1024, .rlim_max = 48 * 1024 };
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || !open_at(&first, true, false, &file, &err))
            _exit(1);
        char text[8000];
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        const MgValue values[] = { mg_value_text(text) };
        bool is_ok = mg_state_begin(file, &err);
        for (int i = 0; i < 20 && is_ok; i++)
            is_ok = mg_state_run(file, "INSERT INTO word (text) VALUES (?)", values, 1, &err);
        is_ok = is_ok && mg_state_end(file, &err);
        mg_state_close(file);
        _exit(is_ok ? 2 : 0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    file = open_ours();
    assert_int_equal(ask(file, "SELECT count(*) FROM word"), 1);
    mg_state_close(file);
    assert_false(exists(".damaged"));
}

static void
test_state__ends_what_would_never_end(void **state)
{
    (void)state;
    MgStateFile *file = open_ours();
    MgError err;
    int64_t number = 0;
    assert_false(mg_state_query(file,
                                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
                                " SELECT count(*) FROM n",
                                NULL, 0, take_number, &number, &err));
    check_failure(&err, "it takes too long");
    mg_state_close(file);
}

typedef struct Texts {
    MgArena arena;
    const char *texts[4];
    int n;
} Texts;

static void
take_text(void *payload, const MgStateRow *row)
{
    Texts *texts = payload;
    texts->texts[texts->n++] = mg_state_text(row, 0, &texts->arena);
}

static void
test_state__trusts_no_bytes(void **state)
{
    (void)state;
    MgStateFile *file = open_ours();
    MgError err;
    Texts texts = { .n = 0 };
    assert_true(mg_state_query(file, "VALUES ('good'), (CAST(x'fffe' AS TEXT)), (NULL), (12)", NULL,
                               0, take_text, &texts, &err));
    assert_int_equal(texts.n, 4);
    assert_string_equal(texts.texts[0], "good");
    assert_null(texts.texts[1]);
    assert_null(texts.texts[2]);
    assert_string_equal(texts.texts[3], "12");
    mg_state_close(file);
    mg_state_close(NULL);
    mg_arena_release(&texts.arena);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folder, remove_folder)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_state__keeps_what_was_written),
        TEST(test_state__never_waits_for_the_disk),
        TEST(test_state__drops_what_was_not_ended),
        TEST(test_state__upgrades),
        TEST(test_state__leaves_other_programs_alone),
        TEST(test_state__sets_a_damaged_file_aside),
        TEST(test_state__never_moves_a_file_that_was_named),
        TEST(test_state__sets_aside_what_turns_out_to_be_damaged),
        TEST(test_state__refuses_what_is_no_file),
        TEST(test_state__a_reader_makes_nothing),
        TEST(test_state__needs_a_folder),
        TEST(test_state__does_not_wait_long_for_others),
        TEST(test_state__many_at_once),
        TEST(test_state__survives_a_full_disk),
        TEST(test_state__ends_what_would_never_end),
        TEST(test_state__trusts_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
