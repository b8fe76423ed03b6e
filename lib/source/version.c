/* Fresh versions: behind all others, in the manner of the folder. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "source/format.h"

enum {
    /* A date has eight digits; what is shorter was counted. */
    MAX_COUNTED_DIGITS = 7,
    TIME_DIGITS = 14,
};

#define VERSION_LIMIT UINT64_C(999999999999999999)

typedef struct Highest {
    uint64_t number;
    int n_digits; /* as written; 0: there is none */
} Highest;

static uint64_t
number_of_time(time_t time)
{
    char text[MG_VERSION_BYTES];
    struct tm tm = { 0 };
    uint64_t number = 0;
    if (gmtime_r(&time, &tm) == NULL || strftime(text, sizeof text, "%Y%m%d%H%M%S", &tm) == 0 ||
        !mg_text_parse_uint(text, VERSION_LIMIT, &number))
        return 0;
    return number;
}

/* The version one second later, if it is a time at all; else the next number. */
static uint64_t
number_behind(uint64_t number)
{
    struct tm tm = {
        .tm_year = (int)(number / 10000000000 % 10000) - 1900,
        .tm_mon = (int)(number / 100000000 % 100) - 1,
        .tm_mday = (int)(number / 1000000 % 100),
        .tm_hour = (int)(number / 10000 % 100),
        .tm_min = (int)(number / 100 % 100),
        .tm_sec = (int)(number % 100),
    };
    time_t time = timegm(&tm);
    uint64_t next = number_of_time(time + 1);
    return number_of_time(time) == number && next > number ? next : number + 1;
}

static void
look_at(const char *version, Highest *highest)
{
    uint64_t number = 0;
    if (version != NULL && mg_text_parse_uint(version, VERSION_LIMIT, &number) &&
        (number > highest->number || highest->n_digits == 0))
        *highest = (Highest){ number, (int)strlen(version) };
}

/* Of the folder; files that are no migrations are for others to complain of. */
static Highest
find_highest(const MgFolder *folder)
{
    Highest highest = { .number = 0 };
    MgArena arena = { 0 };
    for (size_t i = 0; i < folder->n; i++) {
        MgNativeFile file;
        MgError ignored;
        const char *name = folder->items[i].name;
        if (mg_native_parse(name, name, &arena, &file, &ignored) && file.role != MG_NATIVE_IGNORED)
            look_at(file.version, &highest);
    }
    mg_arena_release(&arena);
    return highest;
}

bool
mg_version_choose(const MgFolder *folder, const char *above, int64_t now_ms,
                  char ret[MG_VERSION_BYTES], MgError *err)
{
    Highest highest = find_highest(folder);
    char applied[MG_VERSION_BYTES] = "";
    size_t n_digits = above == NULL ? 0 : strspn(above, "0123456789");
    if (n_digits < sizeof applied) {
        memcpy(applied, above == NULL ? "" : above, n_digits);
        look_at(applied, &highest);
    }
    bool is_counted = highest.n_digits > 0 && highest.n_digits <= MAX_COUNTED_DIGITS;
    uint64_t number = is_counted ? 0 : number_of_time((time_t)(now_ms / 1000));
    if (number <= highest.number)
        number = is_counted ? highest.number + 1 : number_behind(highest.number);
    if (number > VERSION_LIMIT)
        return mg_fail(err, MG_E_SOURCE, "no version is left above %" PRIu64, highest.number);
    (void)snprintf(ret, MG_VERSION_BYTES, "%0*" PRIu64, is_counted ? highest.n_digits : TIME_DIGITS,
                   number);
    return true;
}

int
mg_folder_lock(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
    return fd;
}
