/* A folder of the test's own, and memory: made by set_up, gone by tear_down. */
#ifndef MG_TEST_FOLDER_H
#define MG_TEST_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"

static char folder[256];
static MgArena arena;

static void
remove_all(const char *path)
{
    MgFolder found;
    if (mg_folder_read(path, &arena, &found)) {
        for (size_t i = 0; i < found.n; i++) {
            const char *inner = mg_arena_format(&arena, "%s/%s", path, found.items[i].name);
            if (found.items[i].type == MG_FILE_FOLDER && !found.items[i].is_link)
                remove_all(inner);
            else
                (void)unlink(inner);
        }
    }
    (void)rmdir(path);
}

static int
set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/migrate-test-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    remove_all(folder);
    mg_arena_release(&arena);
    return 0;
}

static const char *
path_of(const char *name)
{
    return mg_arena_format(&arena, "%s/%s", folder, name);
}

#endif
