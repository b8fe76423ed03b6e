/*
 * Settings: what may be set, how a value is read, and which of several values
 * counts.  The order is written here and nowhere else: an option, the process
 * environment, the environment's part of migrate.yaml, its top, the platform,
 * the default.  Each value knows where it came from.
 */
#ifndef MG_TARGET_SETTING_H
#define MG_TARGET_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

typedef enum MgSettingId {
    MG_SET_DIR,
    MG_SET_FORMAT,
    MG_SET_URL,
    MG_SET_URL_ENV,
    MG_SET_HISTORY,
    MG_SET_CONNECTION,
    MG_SET_POOLED_URL,
    MG_SET_LATE,
    MG_SET_ROLE,
    MG_SET_TIMEZONE,
    MG_SET_LOCK_TIMEOUT,
    MG_SET_STATEMENT_TIMEOUT,
    MG_SET_IDLE_TIMEOUT,
    MG_SET_LOCK_RETRY,
    MG_SET_WAIT_SERVER,
    MG_SET_WAIT_TURN,
    MG_SET_DEADLINE,
    MG_SET_OUTPUT,
    MG_SET_PRODUCTION_GUARD,
    MG_SET_APPLY,
    MG_N_SETTINGS
} MgSettingId;

/* MgSettingValue.number of settings that take one of a few words. */
enum { MG_CONNECTION_DIRECT, MG_CONNECTION_SESSION };
enum { MG_POOLED_URL_REFUSE, MG_POOLED_URL_DERIVE };
enum { MG_LATE_AUTO, MG_LATE_ALLOW, MG_LATE_REFUSE };
enum {
    MG_DURATION_NONE = -1, /* "none" */
    MG_DURATION_ROLE = -2, /* "role": what the role has */
};

typedef struct MgSettingValue {
    const char *text;  /* as it is used, never a secret but the url's; NULL: none */
    int64_t number;    /* milliseconds, the word's index, or 0 and 1 for no and yes */
    const char *from;  /* "--dir", "MIGRATE_DIR", "migrate.yaml:12", "vercel"; NULL: the default */
    const char *place; /* for errors about it, with line and column; NULL: none */
    int line, column;
    const MgError *error; /* of the url: why it cannot be had; NULL: it can */
} MgSettingValue;

typedef struct MgSettings {
    MgSettingValue values[MG_N_SETTINGS];
} MgSettings;

/* A value as it stands in migrate.yaml. */
typedef struct MgConfigItem {
    MgSettingId id;
    const char *environment; /* the part it stands in; NULL: the top */
    const char *text;
    int line, column;
    size_t width_chars; /* 0: it does not end in its line */
} MgConfigItem;

typedef struct MgConfigFile {
    const char *name;   /* for messages: "migrate.yaml", "../migrate.yaml" */
    const char *folder; /* what paths in it begin with: "", "../" */
    const char *text;
    size_t size_bytes;
    struct {
        MgConfigItem *items;
        size_t n, cap;
    } values;
    struct {
        const char **items;
        size_t n, cap;
    } environments; /* their names */
} MgConfigFile;

/* An option that was given. */
typedef struct MgGiven {
    MgSettingId id;
    const char *from; /* "--dir" */
    const char *text; /* of texts */
    int64_t number;   /* of durations and words */
} MgGiven;

typedef struct MgSettingsInput {
    const MgGiven *given;
    size_t n_given;
    char *const *environment; /* "NAME=value" array, may be NULL */
    const MgConfigFile *file; /* NULL: there is none */
    const char *name;         /* the environment that is run for; NULL: none is known */
    int64_t deadline_ms;      /* of the platform, 0 = none */
    const char *deadline_from;
} MgSettingsInput;

/*
 * The values that count.  Fails with MG_E_CONFIG at the value that cannot be
 * read, or names a variable that is not set; the url fails only when it is
 * needed (MgSettingValue.error).
 */
MG_CHECK bool mg_settings_resolve(const MgSettingsInput *input, MgArena *arena, MgSettings *ret,
                                  MgError *err);

/* "dir", "timeouts.lock": the key in migrate.yaml. */
const char *mg_setting_key(MgSettingId id);
/* The default as it is written; NULL: there is none, or it depends. */
const char *mg_setting_standard(MgSettingId id);
/* The setting of a key; MG_N_SETTINGS when there is none. */
MgSettingId mg_setting_find(const char *key);
/* May it only stand in the part of an environment? */
bool mg_setting_is_environments(MgSettingId id);
/* Can text, without references to variables, be its value?  key is how to name it. */
MG_CHECK bool mg_setting_parse(MgSettingId id, const char *key, const char *text, MgArena *arena,
                               MgSettingValue *ret, MgError *err);
/* Does text refer to a variable, "${NAME}"? */
bool mg_setting_has_reference(const char *text);

/* Fill place and excerpt of an error about a line of the file; passwords are masked. */
void mg_config_place(const MgConfigFile *file, int line, int column, size_t width_chars,
                     MgError *err);

#endif
