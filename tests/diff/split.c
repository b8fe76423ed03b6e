/*
 * The statements of files as libpg-query's scanner splits them, which is the
 * server's own: for each file a line with its number of statements, or "error",
 * and then a line "begin size" for each, in bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#include <pg_query.h>

enum {
    INPUT_MAX_BYTES = 16 << 20,
};

static void
split(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(INPUT_MAX_BYTES + 1);
    if (file == NULL || text == NULL) {
        perror(path);
        exit(1);
    }
    text[fread(text, 1, INPUT_MAX_BYTES, file)] = '\0';
    (void)fclose(file);

    PgQuerySplitResult result = pg_query_split_with_scanner(text);
    if (result.error != NULL) {
        printf("error %s\n", result.error->message);
    } else {
        printf("%d\n", result.n_stmts);
        for (int i = 0; i < result.n_stmts; i++)
            printf("%d %d\n", result.stmts[i]->stmt_location, result.stmts[i]->stmt_len);
    }
    pg_query_free_split_result(result);
    free(text);
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        split(argv[i]);
    return 0;
}
