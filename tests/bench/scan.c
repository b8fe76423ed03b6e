/*
 * How fast a SQL file is read, in MB of file for each second of our own CPU.
 *
 *     bench_scan PART FILE [RUNS]     PART: scan, kinds, analysis
 *
 * scan finds the statements, kinds classifies each as well, analysis is what
 * every command does with every file: also both digests and the directives.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "source/source.h"
#include "sql/scan.h"
#include "sql/stmt.h"

enum { MAX_RUNS = 99 };

static double
cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static bool
scan(const char *path, bool has_kinds, size_t *ret_bytes, MgError *err)
{
    MG_CLEANUP(reader) MgReader reader = { .fd = -1 };
    if (!mg_reader_open(path, MG_SPAN_ALL, 1, &reader, err))
        return false;
    static MgStmtHead head;
    MgScan scanned;
    mg_scan_init(&scanned, false);
    scanned.head = &head;
    for (;;) {
        MgScanItem item;
        MgStmt stmt;
        MgScanResult result =
            mg_scan_next(&scanned, reader.text, reader.size_bytes, reader.is_whole, &item);
        if (result == MG_SCAN_ERROR)
            return mg_fail(err, MG_E_FILE, "%s", item.message);
        if (result == MG_SCAN_END)
            break;
        if (result == MG_SCAN_MORE) {
            if (!mg_reader_slide(&reader, scanned.at, err))
                return false;
            mg_scan_slid(&scanned);
        } else if (result == MG_SCAN_STATEMENT && has_kinds) {
            mg_stmt_classify_head(&head, 0, &stmt);
        }
    }
    *ret_bytes = reader.offset + reader.size_bytes;
    return true;
}

static bool
analyse(const char *path, size_t *ret_bytes, MgError *err)
{
    MgArena arena = { 0 };
    struct stat status;
    MgScript script = { .path = path, .part = MG_SPAN_ALL, .first_line = 1 };
    bool is_fine = mg_script_analyse(&script, &arena, err) && stat(path, &status) == 0;
    if (is_fine)
        *ret_bytes = (size_t)status.st_size;
    mg_arena_release(&arena);
    return is_fine;
}

int
main(int argc, char **argv)
{
    static const char *const parts[] = { "scan", "kinds", "analysis" };
    uint64_t n_runs = 1;
    size_t part = 0;
    while (argc >= 3 && part < 3 && strcmp(argv[1], parts[part]) != 0)
        part++;
    if (argc < 3 || part == 3 || (argc > 3 && !mg_text_parse_uint(argv[3], MAX_RUNS, &n_runs))) {
        (void)fprintf(stderr, "usage: bench_scan scan|kinds|analysis FILE [RUNS]\n");
        return 2;
    }
    double best = 0;
    for (uint64_t i = 0; i < n_runs; i++) {
        MgError err = { 0 };
        size_t size_bytes = 0;
        double begin = cpu_seconds();
        bool is_fine = part == 2 ? analyse(argv[2], &size_bytes, &err)
                                 : scan(argv[2], part == 1, &size_bytes, &err);
        double rate = (double)size_bytes / 1e6 / (cpu_seconds() - begin);
        if (!is_fine) {
            (void)fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        best = rate > best ? rate : best;
    }
    (void)printf("%.0f\n", best);
    return 0;
}
