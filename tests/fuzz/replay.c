/*
 * The main of a fuzz target without libFuzzer: run the target on every file of
 * the folder, or on the files, that are named.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum {
    INPUT_MAX_BYTES = 1 << 20,
    PATH_MAX_BYTES = 4096,
};

static int
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *buffer = malloc(INPUT_MAX_BYTES);
    if (file == NULL || buffer == NULL) {
        perror(path);
        exit(1);
    }
    size_t n = fread(buffer, 1, INPUT_MAX_BYTES, file);
    (void)fclose(file);

    /* A block of just this size, so that the sanitizer sees a byte read too much. */
    uint8_t *input = malloc(n > 0 ? n : 1);
    if (input == NULL)
        abort();
    memcpy(input, buffer, n);
    (void)LLVMFuzzerTestOneInput(input, n);
    free(input);
    free(buffer);
    return 1;
}

static int
replay(const char *path)
{
    int n_files = 0;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return replay_file(path);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[PATH_MAX_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        n_files += replay_file(name);
    }
    (void)closedir(folder);
    return n_files;
}

int
main(int argc, char **argv)
{
    int n_files = 0;
    for (int i = 1; i < argc; i++)
        n_files += replay(argv[i]);
    printf("%d files replayed\n", n_files);
    return n_files > 0 ? 0 : 1;
}
