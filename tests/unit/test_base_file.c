/* Files: the reader's window, whole files, folders, links. */
#include <errno.h>
#include <fcntl.h>
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

#include "base/file.h"
#include "folder.h"

static const char *
write_file(const char *name, const char *text, size_t size_bytes)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* A text of lines that differ, so that a window at the wrong place is seen. */
static char *
long_text(size_t size_bytes)
{
    char *text = mg_arena_alloc(&arena, size_bytes);
    for (size_t i = 0; i < size_bytes; i++)
        text[i] = i % 64 == 63 ? '\n' : (char)('!' + i * 7 / 64 % 90);
    return text;
}

static void
test_reader__small_file_is_whole_at_once(void **state)
{
    (void)state;
    MgError err;
    MgReader reader;
    const char *path = write_file("a.sql", "SELECT 1;\n", 10);
    assert_true(mg_reader_open(path, MG_SPAN_ALL, 1, &reader, &err));
    assert_true(reader.is_whole);
    assert_int_equal(reader.size_bytes, 10);
    assert_memory_equal(reader.text, "SELECT 1;\n", 10);
    assert_int_equal(reader.offset, 0);
    assert_int_equal(reader.line, 1);
    mg_reader_close(&reader);
    mg_reader_close(&reader);

    path = write_file("empty.sql", "", 0);
    assert_true(mg_reader_open(path, MG_SPAN_ALL, 1, &reader, &err));
    assert_true(reader.is_whole);
    assert_int_equal(reader.size_bytes, 0);
    mg_reader_close(&reader);
}

/* One reader for many files: nothing of the one before is seen, and a failure is not the end. */
static void
test_reader__one_file_after_another(void **state)
{
    (void)state;
    enum { BIG_BYTES = MG_READER_WINDOW_BYTES * 3 };
    char *big = mg_arena_alloc(&arena, BIG_BYTES);
    memset(big, 'x', BIG_BYTES);
    (void)write_file("a.sql", "one", 3);
    (void)write_file("b.sql", big, BIG_BYTES);
    (void)write_file("c.sql", "", 0);
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    static const char *const names[] = { "a.sql", "b.sql", "none", "c.sql", "a.sql" };
    static const size_t sizes[] = { 3, MG_READER_WINDOW_BYTES + 1, 0, 0, 3 };
    const MgOpening openings[] = { { folder_fd, false }, { -1, false }, { folder_fd, true } };
    for (size_t k = 0; k < 3; k++) {
        MgReader reader = { .fd = -1 };
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            MgError err = { 0 };
            const char *path = path_of(names[i]);
            bool is_open = mg_reader_open_next(&reader, &openings[k], path, &err);
            assert_int_equal(is_open, strcmp(names[i], "none") != 0);
            assert_string_equal(err.place, is_open ? "" : path);
            assert_int_equal(reader.size_bytes, sizes[i]);
            assert_int_equal(reader.is_whole, is_open && sizes[i] <= MG_READER_WINDOW_BYTES);
            assert_int_equal(reader.offset, 0);
            assert_int_equal(reader.line, 1);
            assert_memory_equal(reader.text, sizes[i] == 3 ? "one" : big, sizes[i]);
            /* As a long statement would. */
            if (sizes[i] > 3) {
                assert_true(mg_reader_slide(&reader, 1, &err));
                assert_true(reader.cap_bytes > MG_READER_WINDOW_BYTES + 1);
            }
        }
        assert_true(reader.cap_bytes <= MG_READER_WINDOW_BYTES + 1);
        mg_reader_close(&reader);
    }
    (void)close(folder_fd);
}

/* The folder may be gone or replaced: what was opened is what is read. */
static void
test_reader__in_an_open_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("m"), 0700), 0);
    (void)write_file("m/a.sql", "ours", 4);
    int folder_fd = open(path_of("m"), O_RDONLY | O_DIRECTORY);
    assert_int_equal(rename(path_of("m"), path_of("n")), 0);
    const MgOpening inside = { .folder_fd = folder_fd }, elsewhere = { .folder_fd = -1 };
    MgReader reader = { .fd = -1 };
    MgError err;
    assert_true(mg_reader_open_next(&reader, &inside, path_of("m/a.sql"), &err));
    assert_memory_equal(reader.text, "ours", 4);
    assert_false(mg_reader_open_next(&reader, &elsewhere, path_of("m/a.sql"), &err));
    mg_reader_close(&reader);
    (void)close(folder_fd);
}

/* What is read in haste ends where a read gives less than was asked for. */
static void
test_reader__haste(void **state)
{
    (void)state;
    const MgOpening hasty = { .folder_fd = -1, .is_hasty = true };
    MgReader reader = { .fd = -1 };
    MgError err;
    char *text = mg_arena_alloc(&arena, MG_READER_WINDOW_BYTES);
    memset(text, 'x', MG_READER_WINDOW_BYTES);
    static const size_t sizes[] = { 0, 1, 16 << 10, (16 << 10) + 1, MG_READER_WINDOW_BYTES };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *path = write_file("a.sql", text, sizes[i]);
        assert_true(mg_reader_open_next(&reader, &hasty, path, &err));
        assert_int_equal(reader.size_bytes, sizes[i]);
        assert_true(reader.is_whole);
        /* It has grown since: who makes sure sees that. */
        FILE *file = fopen(path, "a");
        assert_non_null(file);
        assert_int_equal(fputs("yz", file) >= 0, 1);
        assert_int_equal(fclose(file), 0);
        assert_true(mg_reader_make_sure(&reader, &err));
        bool has_room = sizes[i] < MG_READER_WINDOW_BYTES;
        assert_int_equal(reader.size_bytes, sizes[i] + (has_room ? 2 : 1));
        assert_int_equal(reader.is_whole, has_room);
        assert_memory_equal(reader.text + sizes[i], "y", 1);
    }
    mg_reader_close(&reader);
}

static void
test_reader__part_of_a_file(void **state)
{
    (void)state;
    MgError err;
    MgReader reader;
    const char *path = write_file("a.sql", "0123456789", 10);
    assert_true(mg_reader_open(path, (MgSpan){ 3, 7 }, 5, &reader, &err));
    assert_true(reader.is_whole);
    assert_int_equal(reader.size_bytes, 4);
    assert_memory_equal(reader.text, "3456", 4);
    assert_int_equal(reader.offset, 3);
    assert_int_equal(reader.line, 5);
    mg_reader_close(&reader);

    assert_true(mg_reader_open(path, (MgSpan){ 8, 99 }, 5, &reader, &err));
    assert_true(reader.is_whole);
    assert_int_equal(reader.size_bytes, 2);
    mg_reader_close(&reader);

    assert_true(mg_reader_open(path, (MgSpan){ 4, 4 }, 5, &reader, &err));
    assert_true(reader.is_whole);
    assert_int_equal(reader.size_bytes, 0);
    mg_reader_close(&reader);
}

static void
test_reader__text_in_memory(void **state)
{
    (void)state;
    MgReader reader;
    mg_reader_open_text("a.sql", "0123456789", 10, (MgSpan){ 3, 7 }, 5, &reader);
    assert_true(reader.is_whole);
    assert_int_equal(reader.size_bytes, 4);
    assert_memory_equal(reader.text, "3456", 4);
    assert_int_equal(reader.offset, 3);
    assert_int_equal(reader.line, 5);
    mg_reader_close(&reader);
    mg_reader_open_text("a.sql", "0123456789", 10, MG_SPAN_ALL, 1, &reader);
    assert_int_equal(reader.size_bytes, 10);
    mg_reader_open_text("a.sql", "0123", 4, (MgSpan){ 6, 8 }, 1, &reader);
    assert_int_equal(reader.size_bytes, 0);
}

static void
test_reader__first_window_promise(void **state)
{
    (void)state;
    MgError err;
    MgReader reader;
    static const size_t sizes[] = { (16 << 10) - 1, 16 << 10, (16 << 10) + 1,
                                    MG_READER_WINDOW_BYTES - 1, MG_READER_WINDOW_BYTES };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = long_text(sizes[i]);
        const char *path = write_file("a.sql", text, sizes[i]);
        assert_true(mg_reader_open(path, MG_SPAN_ALL, 1, &reader, &err));
        assert_true(reader.is_whole);
        assert_int_equal(reader.size_bytes, sizes[i]);
        assert_memory_equal(reader.text, text, sizes[i]);
        mg_reader_close(&reader);
    }
    size_t big = MG_READER_WINDOW_BYTES + 10;
    const char *path = write_file("a.sql", long_text(big), big);
    assert_true(mg_reader_open(path, MG_SPAN_ALL, 1, &reader, &err));
    assert_false(reader.is_whole);
    mg_reader_close(&reader);
}

static void
test_reader__slides_and_grows(void **state)
{
    (void)state;
    MgError err;
    size_t size_bytes = 5 * MG_READER_WINDOW_BYTES + 77;
    char *text = long_text(size_bytes);
    const char *path = write_file("a.sql", text, size_bytes);
    static const size_t drops[] = { 1000003, 0, 700000, 0, 5, 1500000 };

    MgReader reader;
    assert_true(mg_reader_open(path, MG_SPAN_ALL, 1, &reader, &err));
    size_t offset = 0;
    for (size_t i = 0; i < sizeof drops / sizeof *drops && !reader.is_whole; i++) {
        size_t cap_bytes = reader.cap_bytes;
        size_t rest_bytes = reader.size_bytes - drops[i];
        assert_true(mg_reader_slide(&reader, drops[i], &err));
        offset += drops[i];
        assert_int_equal(reader.offset, offset);
        assert_int_equal(reader.line, 1 + mg_count_lines(text, offset));
        assert_memory_equal(reader.text, text + offset, reader.size_bytes);
        assert_int_equal(reader.cap_bytes > cap_bytes, rest_bytes > cap_bytes / 2);
        assert_true(reader.is_whole || reader.size_bytes == reader.cap_bytes);
    }
    while (!reader.is_whole) {
        offset += reader.size_bytes;
        assert_true(mg_reader_slide(&reader, reader.size_bytes, &err));
        assert_memory_equal(reader.text, text + offset, reader.size_bytes);
    }
    assert_int_equal(reader.offset + reader.size_bytes, size_bytes);
    mg_reader_close(&reader);
}

static void
test_reader__line_ends_apart(void **state)
{
    (void)state;
    MgError err;
    size_t size_bytes = 4 * MG_READER_WINDOW_BYTES;
    char *text = mg_arena_alloc(&arena, size_bytes);
    memset(text, 'x', size_bytes);
    memcpy(text + 8, "\r\n", 2);
    /* The window's last byte and the first one behind it. */
    memcpy(text + MG_READER_WINDOW_BYTES, "\r\n", 2);
    const char *path = write_file("a.sql", text, size_bytes);

    MgReader reader;
    assert_true(mg_reader_open(path, MG_SPAN_ALL, 1, &reader, &err));
    assert_int_equal(reader.text[reader.size_bytes - 1], '\r');
    assert_true(mg_reader_slide(&reader, 9, &err));
    assert_int_equal(reader.line, 1); /* at the '\n' of the first */
    assert_true(mg_reader_slide(&reader, 1, &err));
    assert_int_equal(reader.line, 2);
    mg_reader_close(&reader);

    assert_true(mg_reader_open(path, MG_SPAN_ALL, 1, &reader, &err));
    assert_true(mg_reader_slide(&reader, reader.size_bytes, &err));
    assert_int_equal(reader.text[0], '\n');
    assert_int_equal(reader.line, 2);
    mg_reader_close(&reader);
}

static void
test_reader__window_has_a_maximum(void **state)
{
    (void)state;
    MgError err;
    MgReader reader = { .text = "a\nb",
                        .size_bytes = 3,
                        .line = 4,
                        .path = "m/1_a.sql",
                        .fd = -1,
                        .cap_bytes = MG_READER_MAX_WINDOW_BYTES,
                        .end = SIZE_MAX };
    /* As if the whole window were filled: only its size is looked at before it fails. */
    reader.size_bytes = MG_READER_MAX_WINDOW_BYTES;
    assert_false(mg_reader_slide(&reader, 2, &err));
    assert_int_equal(err.code, MG_E_FILE);
    assert_string_equal(err.message, "a statement is longer than 1 GB");
    assert_string_equal(err.place, "m/1_a.sql");
    assert_int_equal(err.line, 5);
    assert_string_equal(err.hint[0],
                        "The server takes no longer one. Split it into several statements.");
}

static void
test_reader__errors(void **state)
{
    (void)state;
    MgError err;
    MgReader reader;
    const char *path = path_of("none.sql");
    assert_false(mg_reader_open(path, MG_SPAN_ALL, 1, &reader, &err));
    assert_int_equal(err.code, MG_E_SOURCE);
    assert_string_equal(
        err.message,
        mg_arena_format(&arena, "could not open \"%s\": No such file or directory", path));
    assert_string_equal(err.place, path);
    assert_false(mg_reader_open(folder, MG_SPAN_ALL, 1, &reader, &err));
    assert_int_equal(err.code, MG_E_FILE);
    assert_string_equal(err.message,
                        mg_arena_format(&arena, "could not read \"%s\": Is a directory", folder));

    /* A file that is gone for reading in the middle. */
    size_t size_bytes = 3 * MG_READER_WINDOW_BYTES;
    path = write_file("big.sql", long_text(size_bytes), size_bytes);
    assert_true(mg_reader_open(path, MG_SPAN_ALL, 1, &reader, &err));
    (void)close(reader.fd);
    assert_false(mg_reader_slide(&reader, reader.size_bytes, &err));
    assert_string_equal(
        err.message, mg_arena_format(&arena, "could not read \"%s\": Bad file descriptor", path));
    reader.fd = -1;
    mg_reader_close(&reader);
}

static void
test_file__count_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int n;
    } cases[] = { { "", 0 },       { "a", 0 },    { "a\n", 1 },
                  { "a\r\nb", 1 }, { "a\rb", 1 }, { "\n\n\r\r\n\r", 5 },
                  { "a\r", 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(mg_count_lines(cases[i].text, strlen(cases[i].text)), cases[i].n);
}

static void
test_file__read(void **state)
{
    (void)state;
    const char *text = NULL;
    size_t size_bytes = 0;
    const char *path = write_file("a.env", "A=1\n", 4);
    assert_true(mg_file_read(path, 4, &arena, &text, &size_bytes));
    assert_int_equal(size_bytes, 4);
    assert_string_equal(text, "A=1\n");
    assert_false(mg_file_read(path, 3, &arena, &text, &size_bytes));
    assert_int_equal(errno, EFBIG);
    assert_false(mg_file_read(path_of("none"), 3, &arena, &text, &size_bytes));
    assert_int_equal(errno, ENOENT);
    assert_false(mg_file_read(folder, 1 << 20, &arena, &text, &size_bytes));
    assert_int_equal(errno, EISDIR);
    assert_true(mg_file_read("/dev/null", 3, &arena, &text, &size_bytes));
    assert_string_equal(text, "");
    /* Of unknown size. */
    assert_false(mg_file_read("/dev/zero", 1000, &arena, &text, &size_bytes));
    assert_int_equal(errno, EFBIG);
    assert_true(access("/proc/self/status", R_OK) != 0 ||
                mg_file_read("/proc/self/status", 1 << 20, &arena, &text, &size_bytes));
}

static void
test_file__create_leaves_what_is_there(void **state)
{
    (void)state;
    const char *text = NULL, *path = path_of("new");
    size_t size_bytes = 0;
    assert_true(mg_file_create(path, "one", 3));
    assert_false(mg_file_create(path, "two", 3));
    assert_int_equal(errno, EEXIST);
    assert_true(mg_file_read(path, 10, &arena, &text, &size_bytes));
    assert_string_equal(text, "one");
    assert_false(mg_file_create(path_of("none/new"), "x", 1));
    assert_int_equal(errno, ENOENT);
    /* A link is there, wherever it leads. */
    assert_int_equal(symlink("elsewhere", path_of("link")), 0);
    assert_false(mg_file_create(path_of("link"), "x", 1));
    assert_int_equal(errno, EEXIST);
}

static void
test_folder__make(void **state)
{
    (void)state;
    MgFolder found;
    assert_true(mg_folder_make(path_of("a/b/c")));
    assert_true(mg_folder_make(path_of("a/b/c/")));
    assert_true(mg_folder_read(path_of("a/b/c"), &arena, &found));
    (void)write_file("a/file", "", 0);
    assert_false(mg_folder_make(path_of("a/file/b")));
    assert_int_equal(errno, ENOTDIR);
    assert_false(mg_folder_make(path_of("a/file")));
    assert_int_equal(errno, EEXIST);
    assert_int_equal(symlink("nowhere", path_of("a/dangling")), 0);
    assert_false(mg_folder_make(path_of("a/dangling")));
    assert_int_equal(errno, EEXIST);
    assert_int_equal(symlink("b", path_of("a/link")), 0);
    assert_true(mg_folder_make(path_of("a/link")));
}

/* What is there stays, and what is not empty. */
static void
test_folder__unmake(void **state)
{
    (void)state;
    const size_t n = strlen(folder);
    assert_int_equal(mg_folder_there(folder), n);
    assert_int_equal(mg_folder_there(path_of("a/b/c")), n);
    assert_true(mg_folder_make(path_of("a/b/c/")));
    assert_int_equal(mg_folder_there(path_of("a/b/c")), n + 6);
    assert_int_equal(mg_folder_there(path_of("a/b/x/y")), n + 4);
    mg_folder_unmake(path_of("a/b/c/"), n + 2);
    assert_int_equal(mg_folder_there(path_of("a/b/c")), n + 2);

    assert_true(mg_folder_make(path_of("a/b/c")));
    (void)write_file("a/file", "x", 1);
    mg_folder_unmake(path_of("a/b/c"), n);
    assert_int_equal(mg_folder_there(path_of("a/b/c")), n + 2);
    assert_int_equal(mg_folder_there(path_of("a/file/b")), n + 7);
    assert_int_equal(mg_folder_there(""), 0);
    assert_int_equal(mg_folder_there("/none of that name/x"), 0);
    /* What could not be made to its end is not begun. */
    assert_int_equal(symlink("nowhere", path_of("a/link")), 0);
    assert_false(mg_folder_make(path_of("a/new/../link/x")));
    assert_int_equal(mg_folder_there(path_of("a/new")), n + 2);
}

static void
test_folder__read_in_byte_order(void **state)
{
    (void)state;
    (void)write_file("\xc3\xa9.sql", "", 0);
    (void)write_file("b.sql", "", 0);
    (void)write_file("B.sql", "", 0);
    (void)write_file("10.sql~\xc3\xa9-3", "", 0);
    (void)write_file("10.sql~\xc3\xa9-2", "", 0);
    (void)write_file("10.sql~", "", 0);
    (void)write_file("10.sql", "", 0);
    assert_int_equal(mkdir(path_of("a"), 0700), 0);
    assert_int_equal(symlink("b.sql", path_of("link")), 0);
    assert_int_equal(symlink("a", path_of("link-to-folder")), 0);
    assert_int_equal(symlink("nowhere", path_of("link-to-nothing")), 0);
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);

    static const struct {
        const char *name;
        MgFileType type;
        bool is_link;
    } expect[] = {
        { "10.sql", MG_FILE_REGULAR, false },
        { "10.sql~", MG_FILE_REGULAR, false },
        { "10.sql~\xc3\xa9-2", MG_FILE_REGULAR, false },
        { "10.sql~\xc3\xa9-3", MG_FILE_REGULAR, false },
        { "B.sql", MG_FILE_REGULAR, false },
        { "a", MG_FILE_FOLDER, false },
        { "b.sql", MG_FILE_REGULAR, false },
        { "link", MG_FILE_REGULAR, true },
        { "link-to-folder", MG_FILE_FOLDER, true },
        { "link-to-nothing", MG_FILE_OTHER, true },
        { "pipe", MG_FILE_OTHER, false },
        { "\xc3\xa9.sql", MG_FILE_REGULAR, false },
    };
    MgFolder found;
    assert_true(mg_folder_read(folder, &arena, &found));
    assert_int_equal(found.n, sizeof expect / sizeof *expect);
    for (size_t i = 0; i < found.n; i++) {
        assert_string_equal(found.items[i].name, expect[i].name);
        assert_string_equal(found.items[i].path, path_of(expect[i].name));
        assert_int_equal(found.items[i].type, expect[i].type);
        assert_int_equal(found.items[i].is_link, expect[i].is_link);
    }

    const char *with_slash = mg_arena_format(&arena, "%s/", folder);
    assert_true(mg_folder_read(with_slash, &arena, &found));
    assert_string_equal(found.items[0].path, path_of("10.sql"));
    assert_true(mg_folder_read(path_of("a"), &arena, &found));
    assert_int_equal(found.n, 0);
    assert_false(mg_folder_read(path_of("none"), &arena, &found));
    assert_int_equal(errno, ENOENT);
    assert_false(mg_folder_read(path_of("b.sql"), &arena, &found));
    assert_int_equal(errno, ENOTDIR);
}

static void
test_folder__links(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("m"), 0700), 0);
    assert_int_equal(mkdir(path_of("m-not"), 0700), 0);
    (void)write_file("m/a.sql", "", 0);
    (void)write_file("m-not/b.sql", "", 0);
    assert_int_equal(symlink("a.sql", path_of("m/in")), 0);
    assert_int_equal(symlink("../m-not/b.sql", path_of("m/out")), 0);
    assert_int_equal(symlink("none", path_of("m/nothing")), 0);
    const char *dir = path_of("m");
    assert_true(mg_link_stays_inside(dir, "in"));
    assert_false(mg_link_stays_inside(dir, "out"));
    assert_false(mg_link_stays_inside(dir, "nothing"));
    assert_false(mg_link_stays_inside(path_of("none"), "in"));
    assert_true(mg_link_stays_inside("/", "tmp"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        WITH_FOLDER(test_reader__small_file_is_whole_at_once),
        WITH_FOLDER(test_reader__one_file_after_another),
        WITH_FOLDER(test_reader__in_an_open_folder),
        WITH_FOLDER(test_reader__haste),
        WITH_FOLDER(test_reader__part_of_a_file),
        WITH_FOLDER(test_reader__text_in_memory),
        WITH_FOLDER(test_reader__first_window_promise),
        WITH_FOLDER(test_reader__slides_and_grows),
        WITH_FOLDER(test_reader__line_ends_apart),
        WITH_FOLDER(test_reader__window_has_a_maximum),
        WITH_FOLDER(test_reader__errors),
        WITH_FOLDER(test_file__count_lines),
        WITH_FOLDER(test_file__read),
        WITH_FOLDER(test_file__create_leaves_what_is_there),
        WITH_FOLDER(test_folder__make),
        WITH_FOLDER(test_folder__unmake),
        WITH_FOLDER(test_folder__read_in_byte_order),
        WITH_FOLDER(test_folder__links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
