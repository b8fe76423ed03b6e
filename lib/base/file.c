/*
 * Files.  The reader's window starts small and quadruples until a usual file
 * fits in, so that ten thousand small files cost no big allocations.
 */
#include "base/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FIRST_BUFFER_BYTES = 16 << 10,
    /* One byte more than the window's promise: the end of the file must be seen. */
    FULL_BUFFER_BYTES = MG_READER_WINDOW_BYTES + 1,
};

int
mg_count_lines(const char *text, size_t size_bytes)
{
    enum { COUNTER_MAX = UINT8_MAX };
    size_t n = 0;
    for (size_t at = 0; at < size_bytes;) {
        size_t block = size_bytes - at < COUNTER_MAX ? size_bytes - at : COUNTER_MAX;
        /* So small a counter goes sixteen times into a register. */
        uint8_t in_block = 0;
        for (size_t i = 0; i < block; i++)
            in_block = (uint8_t)(in_block + (text[at + i] == '\n'));
        n += in_block;
        at += block;
    }
    /* A lone '\r' is rare: nearly all files have none, or one in front of each '\n'. */
    const char *end = text + size_bytes;
    const char *cr = size_bytes == 0 ? NULL : memchr(text, '\r', size_bytes);
    while (cr != NULL) {
        n += cr + 1 == end || cr[1] != '\n';
        cr = memchr(cr + 1, '\r', (size_t)(end - cr - 1));
    }
    return (int)n;
}

static void
set_capacity(MgReader *reader, size_t cap_bytes)
{
    reader->buffer = mg_realloc(reader->buffer, cap_bytes);
    reader->cap_bytes = cap_bytes;
    reader->text = reader->buffer;
}

/* Read until the window is full or the part ends. */
static bool
fill(MgReader *reader, MgError *err)
{
    for (;;) {
        size_t at = reader->offset + reader->size_bytes;
        size_t wanted = reader->cap_bytes - reader->size_bytes;
        if (wanted > reader->end - at)
            wanted = reader->end - at;
        if (at == reader->end)
            reader->is_whole = true;
        if (wanted == 0)
            return true;
        ssize_t n = pread(reader->fd, reader->buffer + reader->size_bytes, wanted, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            mg_fail_sys(err, MG_E_FILE, "could not read \"%s\"", reader->path);
            mg_error_at(err, reader->path, 0, 0);
            return false;
        }
        reader->size_bytes += (size_t)n;
        /* Nothing less tells the end: an error of the disk gives a short read first. */
        if (n == 0 || (reader->is_hasty && (size_t)n < wanted)) {
            reader->is_whole = true;
            return true;
        }
    }
}

static bool
fill_first_window(MgReader *reader, MgError *err)
{
    if (reader->cap_bytes < FIRST_BUFFER_BYTES)
        set_capacity(reader, FIRST_BUFFER_BYTES);
    for (;;) {
        if (!fill(reader, err))
            return false;
        if (reader->is_whole || reader->cap_bytes == FULL_BUFFER_BYTES)
            return true;
        set_capacity(reader, reader->cap_bytes * 4 < FULL_BUFFER_BYTES ? reader->cap_bytes * 4
                                                                       : FULL_BUFFER_BYTES);
    }
}

static bool
fail_open(const char *path, MgError *err)
{
    mg_fail_sys(err, MG_E_SOURCE, "could not open \"%s\"", path);
    mg_error_at(err, path, 0, 0);
    return false;
}

bool
mg_reader_open(const char *path, MgSpan part, int first_line, MgReader *ret, MgError *err)
{
    assert(part.begin <= part.end);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_open(path, err);
    MgReader reader = {
        .offset = part.begin, .line = first_line, .path = path, .fd = fd, .end = part.end
    };
    if (!fill_first_window(&reader, err)) {
        mg_reader_close(&reader);
        return false;
    }
    *ret = reader;
    return true;
}

bool
mg_reader_open_next(MgReader *reader, const MgOpening *opening, const char *path, MgError *err)
{
    mg_cleanup_fd(&reader->fd);
    *reader = (MgReader){ .text = reader->buffer,
                          .line = 1,
                          .path = path,
                          .fd = -1,
                          .buffer = reader->buffer,
                          .cap_bytes = reader->cap_bytes,
                          .end = SIZE_MAX,
                          .is_hasty = opening->is_hasty };
    /* One long statement must not make a window of its size of every later one. */
    if (reader->cap_bytes > FULL_BUFFER_BYTES)
        set_capacity(reader, FULL_BUFFER_BYTES);
    const char *slash = strrchr(path, '/');
    bool is_inside = opening->folder_fd >= 0 && slash != NULL;
    reader->fd = openat(is_inside ? opening->folder_fd : AT_FDCWD, is_inside ? slash + 1 : path,
                        O_RDONLY | O_CLOEXEC);
    return reader->fd < 0 ? fail_open(path, err) : fill_first_window(reader, err);
}

bool
mg_reader_make_sure(MgReader *reader, MgError *err)
{
    assert(reader->offset == 0);
    if (!reader->is_hasty)
        return true;
    reader->is_hasty = false;
    reader->is_whole = false;
    return fill_first_window(reader, err);
}

void
mg_reader_open_text(const char *name, const char *text, size_t size_bytes, MgSpan part,
                    int first_line, MgReader *ret)
{
    size_t begin = part.begin < size_bytes ? part.begin : size_bytes;
    size_t end = part.end < size_bytes ? part.end : size_bytes;
    assert(begin <= end);
    *ret = (MgReader){
        .text = text + begin,
        .size_bytes = end - begin,
        .offset = begin,
        .line = first_line,
        .is_whole = true,
        .path = name,
        .fd = -1,
        .end = end,
    };
}

bool
mg_reader_slide(MgReader *reader, size_t drop_bytes, MgError *err)
{
    assert(!reader->is_whole && drop_bytes <= reader->size_bytes);

    size_t rest_bytes = reader->size_bytes - drop_bytes;
    bool must_grow = rest_bytes > reader->cap_bytes / 2;
    if (must_grow && reader->cap_bytes >= MG_READER_MAX_WINDOW_BYTES) {
        mg_fail(err, MG_E_FILE, "a statement is longer than 1 GB");
        mg_error_at(err, reader->path, reader->line + mg_count_lines(reader->text, drop_bytes), 0);
        mg_error_hint(err, "The server takes no longer one. Split it into several statements.");
        return false;
    }
    bool ends_in_cr = drop_bytes > 0 && reader->text[drop_bytes - 1] == '\r';
    reader->line += mg_count_lines(reader->text, drop_bytes);
    memmove(reader->buffer, reader->buffer + drop_bytes, rest_bytes);
    reader->offset += drop_bytes;
    reader->size_bytes = rest_bytes;
    if (must_grow)
        set_capacity(reader, reader->cap_bytes < MG_READER_MAX_WINDOW_BYTES / 2
                                 ? reader->cap_bytes * 2
                                 : MG_READER_MAX_WINDOW_BYTES);
    if (!fill(reader, err))
        return false;
    /* A "\r\n" that the drop took apart is one line end, and the '\n' will count it. */
    if (ends_in_cr && reader->size_bytes > 0 && reader->text[0] == '\n')
        reader->line--;
    return true;
}

void
mg_reader_close(MgReader *reader)
{
    mg_cleanup_fd(&reader->fd);
    mg_free(reader->buffer);
    *reader = (MgReader){ .fd = -1 };
}

void
mg_cleanup_reader(MgReader *reader)
{
    mg_reader_close(reader);
}

void
mg_cleanup_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static bool
read_all(int fd, size_t max_bytes, MgArena *arena, const char **ret, size_t *ret_bytes)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return false;
    if ((uintmax_t)status.st_size > max_bytes) {
        errno = EFBIG;
        return false;
    }

    /* Twice around when the size is not known, as with /dev/stdin; never above the maximum. */
    size_t cap_bytes = (size_t)status.st_size + 1;
    char *text = mg_arena_alloc(arena, cap_bytes);
    size_t size_bytes = 0;
    for (;;) {
        ssize_t n = read(fd, text + size_bytes, cap_bytes - size_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        size_bytes += (size_t)n;
        if (size_bytes > max_bytes) {
            errno = EFBIG;
            return false;
        }
        if (n == 0)
            break;
        if (size_bytes == cap_bytes)
            text = mg_arena_grow(arena, text, size_bytes, &cap_bytes, 1);
    }
    text[size_bytes] = '\0';
    *ret = text;
    *ret_bytes = size_bytes;
    return true;
}

bool
mg_file_read(const char *path, size_t max_bytes, MgArena *arena, const char **ret,
             size_t *ret_bytes)
{
    MG_CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read_all(fd, max_bytes, arena, ret, ret_bytes);
}

bool
mg_file_write_all(int fd, const char *text, size_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t n = write(fd, text, size_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        size_bytes -= (size_t)n;
    }
    return true;
}

bool
mg_file_create(const char *path, const char *text, size_t size_bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return false;
    bool is_written = mg_file_write_all(fd, text, size_bytes);
    int failure = errno;
    if (close(fd) != 0 && is_written) {
        is_written = false;
        failure = errno;
    }
    if (!is_written)
        (void)unlink(path);
    errno = failure;
    return is_written;
}

size_t
mg_folder_there(const char *path)
{
    MgArena arena = { 0 };
    char *part = mg_arena_text(&arena, path);
    size_t there_bytes = 0;
    for (size_t i = 1; i <= strlen(path); i++) {
        struct stat status;
        if (path[i] != '/' && path[i] != '\0')
            continue;
        part[i] = '\0';
        there_bytes = lstat(part, &status) == 0 ? i : there_bytes;
        part[i] = path[i];
    }
    mg_arena_release(&arena);
    return there_bytes;
}

void
mg_folder_unmake(const char *path, size_t there_bytes)
{
    MgArena arena = { 0 };
    char *part = mg_arena_text(&arena, path);
    for (size_t i = strlen(path); i > there_bytes; i--) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        part[i] = '\0';
        (void)rmdir(part);
    }
    mg_arena_release(&arena);
}

bool
mg_folder_make(const char *path)
{
    MgArena arena = { 0 };
    char *part = mg_arena_text(&arena, path);
    size_t there_bytes = mg_folder_there(path);
    bool is_made = true;
    for (size_t i = 1; is_made && i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        part[i] = '\0';
        is_made = mkdir(part, 0777) == 0 || errno == EEXIST;
        part[i] = path[i];
    }
    int failure = errno;
    struct stat status;
    if (is_made && (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))) {
        is_made = false; /* a file is in its place, or a link to nowhere */
        failure = EEXIST;
    }
    if (!is_made)
        mg_folder_unmake(path, there_bytes);
    mg_arena_release(&arena);
    errno = failure;
    return is_made;
}

static MgFileType
type_of(mode_t mode)
{
    return S_ISREG(mode) ? MG_FILE_REGULAR : S_ISDIR(mode) ? MG_FILE_FOLDER : MG_FILE_OTHER;
}

/* As a number it compares as the bytes do. */
static uint64_t
order_of(const char *name)
{
    uint64_t order = 0;
    for (size_t n = 0; n < sizeof order; n++) {
        order = order << 8 | (unsigned char)*name;
        name += *name != '\0';
    }
    return order;
}

/* Small, and nearly always enough to tell two names apart: sorting moves them a dozen times. */
typedef struct Key {
    uint64_t order;
    const MgFolderEntry *entry;
} Key;

static int
compare_keys(const void *a, const void *b)
{
    const Key *one = a;
    const Key *other = b;
    if (one->order != other->order)
        return one->order < other->order ? -1 : 1;
    return strcmp(one->entry->name, other->entry->name);
}

static void
sort_entries(MgFolder *folder, MgArena *arena)
{
    size_t n = folder->n;
    Key *keys = mg_realloc(NULL, n * sizeof *keys);
    for (size_t i = 0; i < n; i++)
        keys[i] = (Key){ order_of(folder->items[i].name), &folder->items[i] };
    qsort(keys, n, sizeof *keys, compare_keys);
    MgFolderEntry *sorted = mg_arena_room(arena, n, sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = *keys[i].entry;
    mg_free(keys);
    folder->items = sorted;
    folder->cap = n;
}

/* The directory says the type of most entries; only links and rare file systems are asked for. */
static void
find_type(int folder_fd, unsigned char found, MgFolderEntry *entry)
{
    struct stat status;
    if (found == DT_REG || found == DT_DIR) {
        entry->type = found == DT_REG ? MG_FILE_REGULAR : MG_FILE_FOLDER;
        return;
    }
    if (found == DT_LNK)
        entry->is_link = true;
    else if (fstatat(folder_fd, entry->name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        entry->is_link = S_ISLNK(status.st_mode);
    if (fstatat(folder_fd, entry->name, &status, 0) == 0)
        entry->type = type_of(status.st_mode);
}

/* prefix: what stands in front of every name. */
static void
add_entry(MgFolder *folder, const char *prefix, size_t prefix_bytes, int folder_fd,
          const struct dirent *found, MgArena *arena)
{
    size_t name_bytes = strlen(found->d_name);
    char *path = mg_arena_alloc(arena, prefix_bytes + name_bytes + 1);
    MgFolderEntry entry = { .path = path, .name = path + prefix_bytes, .type = MG_FILE_OTHER };
    memcpy(path, prefix, prefix_bytes);
    memcpy(path + prefix_bytes, found->d_name, name_bytes);
    find_type(folder_fd, found->d_type, &entry);
    MG_PUSH(arena, folder, entry);
}

bool
mg_folder_read(const char *path, MgArena *arena, MgFolder *ret)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;

    MgFolder folder = { 0 };
    const char *prefix = mg_text_ends(path, "/") ? path : mg_arena_format(arena, "%s/", path);
    size_t prefix_bytes = strlen(prefix);
    const struct dirent *found;
    errno = 0;
    while ((found = readdir(dir)) != NULL) {
        if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0)
            add_entry(&folder, prefix, prefix_bytes, dirfd(dir), found, arena);
        errno = 0;
    }
    int error_number = errno;
    (void)closedir(dir);
    if (error_number != 0) {
        errno = error_number;
        return false;
    }
    if (folder.n > 0)
        sort_entries(&folder, arena);
    *ret = folder;
    return true;
}

bool
mg_link_stays_inside(const char *dir, const char *name)
{
    MgArena arena = { 0 };
    char *inside = realpath(dir, NULL);
    char *target = realpath(mg_arena_format(&arena, "%s/%s", dir, name), NULL);
    bool stays = false;
    if (inside != NULL && target != NULL) {
        size_t inside_bytes = strlen(inside);
        bool is_root = inside_bytes == 1;
        stays = mg_text_starts(target, inside) && (is_root || target[inside_bytes] == '/');
    }
    mg_free(inside);
    mg_free(target);
    mg_arena_release(&arena);
    return stays;
}
