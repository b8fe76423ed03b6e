/*
 * Where a deployment runs commands: files of platforms, one row each.  They are
 * searched for a key and not parsed: what is found is shown, nothing depends on it.
 */
#include "project/project.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mask.h"
#include "base/text.h"

enum {
    MAX_COMMAND_CHARS = 60, /* of a command that is shown */
    MAX_WORKFLOWS = 100,
};

typedef struct Build {
    const char *platform;
    const char *file;
    const char *section,
        *key;         /* of what runs before the new code is live; key NULL: not in a file */
    const char *line; /* the same line with "%" for what runs there now */
    bool is_sign;     /* the file alone tells of the platform */
} Build;

/* The first row of a platform whose key is there speaks for it; else the first whose file is. */
static const Build builds[] = {
    { "Vercel", "vercel.json", NULL, "buildCommand", "\"buildCommand\": \"% && migrate up\"",
      true },
    { "Vercel", "package.json", NULL, "vercel-build", "\"vercel-build\": \"% && migrate up\"",
      false },
    { "Vercel", ".vercel/project.json", NULL, NULL,
      "In vercel.json: \"buildCommand\": \"% && migrate up\"", true },
    { "Netlify", "netlify.toml", "[build]", "command", "command = \"% && migrate up\"", true },
    { "Railway", "railway.json", NULL, "preDeployCommand", "\"preDeployCommand\": \"migrate up\"",
      true },
    { "Railway", "railway.toml", "[deploy]", "preDeployCommand",
      "preDeployCommand = \"migrate up\"", true },
    { "Fly.io", "fly.toml", "[deploy]", "release_command", "release_command = \"migrate up\"",
      true },
    { "Render", "render.yaml", NULL, "preDeployCommand", "preDeployCommand: migrate up", true },
    { "Heroku", "Procfile", NULL, "release", "release: migrate up", true },
    { "Heroku", "heroku.yml", NULL, "release", "release: migrate up", true },
    { "Cloudflare", "wrangler.toml", NULL, NULL, "Its build command: % && migrate up", true },
    { "Cloudflare", "wrangler.jsonc", NULL, NULL, "Its build command: % && migrate up", true },
    { "Cloudflare", "wrangler.json", NULL, NULL, "Its build command: % && migrate up", true },
    { "GitLab CI", ".gitlab-ci.yml", NULL, NULL, "In a job's script: exec migrate up", true },
};

static const char default_build[] = "npm run build";

/* ---- A value ---- */

/* Behind the key, its quote, blanks and a colon or an equals sign; NULL: it is no key. */
static const char *
behind_key(const char *at, const char *key)
{
    at += strlen(key);
    at += *at == '"' || *at == '\'';
    at += strspn(at, " \t");
    return *at == ':' || *at == '=' ? at + 1 + strspn(at + 1, " \t") : NULL;
}

/* The text that begins at value, up to the end of its quotes or of the line. */
static const char *
take_value(const char *value, MgArena *arena)
{
    MG_CLEANUP(buf) MgBuf buf = { 0 };
    value += *value == '[' ? 1 + strspn(value + 1, " \t") : 0; /* a list of one */
    char quote = *value == '"' || *value == '\'' ? *value : '\0';
    if (quote == '\0') {
        size_t n = strcspn(value, "\r\n");
        while (n > 0 && strchr(" \t,", value[n - 1]) != NULL)
            n--;
        bool is_elsewhere = n == 0 || *value == '|' || *value == '>' || *value == '{';
        return is_elsewhere ? "" : mg_arena_text_n(arena, value, n);
    }
    for (value++; *value != quote && strchr("\r\n", *value) == NULL; value++) {
        value += quote == '"' && *value == '\\' && (value[1] == '"' || value[1] == '\\');
        mg_buf_add_char(&buf, *value);
    }
    return mg_arena_text(arena, mg_buf_text(&buf));
}

const char *
mg_project_value(const char *text, const char *section, const char *key, MgArena *arena)
{
    bool is_inside = section == NULL;
    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
        text += strspn(text, " \t");
        if (*text == '#' || mg_text_starts(text, "//"))
            continue;
        if (section != NULL && *text == '[')
            is_inside = mg_text_starts(text, section);
        size_t line_bytes = strcspn(text, "\n");
        for (const char *at = strstr(text, key); is_inside && at != NULL && at < text + line_bytes;
             at = strstr(at + 1, key)) {
            bool is_word = at == text || strchr(" \t\"'{,-", at[-1]) != NULL;
            const char *value = is_word ? behind_key(at, key) : NULL;
            if (value != NULL)
                return take_value(value, arena);
        }
    }
    return NULL;
}

/* ---- Commands ---- */

/* Is words in text, and no part of a longer word, such as that of "db-migrate up"? */
static bool
runs(const char *text, const char *words)
{
    static const char inner[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:/.";
    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words)) {
        char before = at == text ? ' ' : at[-1], behind = at[strlen(words)];
        if (strchr(inner, before) == NULL && (behind == '\0' || strchr(inner, behind) == NULL))
            return true;
    }
    return false;
}

static bool
runs_ours(const char *text)
{
    return runs(text, "migrate up") || runs(text, "migrate-direct up") ||
           runs(text, "./node_modules/.bin/migrate up");
}

/* A command may hold a URL, and be long. */
static const char *
shown(const char *command, MgArena *arena)
{
    char *masked = mg_arena_text(arena, command);
    mg_mask_passwords(masked, strlen(masked));
    mg_text_defuse(masked, false);
    size_t size_bytes = strlen(masked);
    if (mg_text_valid_utf8(masked, size_bytes) != size_bytes)
        return "...";
    size_t n = mg_text_cut(masked, size_bytes, MAX_COMMAND_CHARS);
    return n == size_bytes ? masked
                           : mg_arena_format(arena, "%s...", mg_arena_text_n(arena, masked, n));
}

/* The row's line with command in the place of "%". */
static const char *
line_with(const Build *build, const char *command, MgArena *arena)
{
    const char *mark = strchr(build->line, '%');
    if (mark == NULL)
        return build->line;
    bool is_whole = command != NULL && *command != '\0' && !mg_text_ends(command, "...");
    return mg_arena_format(arena, "%.*s%s%s", (int)(mark - build->line), build->line,
                           command == NULL ? default_build
                           : is_whole      ? command
                                           : "...",
                           mark + 1);
}

static void
add_build(MgProject *project, const Build *build, const char *path, const char *value)
{
    MgArena *arena = project->arena;
    const char *text, *hint = NULL;
    const char *command = value == NULL ? NULL : shown(value, arena);
    if (value != NULL && runs_ours(value)) {
        text = mg_arena_format(arena, "%s: %s runs \"migrate up\"", build->platform, build->key);
    } else {
        text =
            build->key == NULL ? build->platform
            : command == NULL  ? mg_arena_format(arena, "%s: no %s", build->platform, build->key)
            : *command == '\0'
                ? mg_arena_format(arena, "%s: a %s is there", build->platform, build->key)
                : mg_arena_format(arena, "%s: %s is \"%s\"", build->platform, build->key, command);
        hint = line_with(build, command, arena);
    }
    mg_project_add(project, MG_INIT_FOUND, "build", path, text, hint);
}

/* The rows of one platform, [first, end). */
static void
look_at_platform(MgProject *project, const char *place, size_t first, size_t end)
{
    const Build *sign = NULL;
    const char *sign_path = NULL;
    for (size_t i = first; i < end; i++) {
        const Build *build = &builds[i];
        const char *path = mg_arena_format(project->arena, "%s%s", place, build->file);
        const char *text = mg_project_read(project, path);
        const char *value =
            text == NULL || build->key == NULL
                ? NULL
                : mg_project_value(text, build->section, build->key, project->arena);
        if (value != NULL) {
            add_build(project, build, path, value);
            return;
        }
        if (text != NULL && build->is_sign && sign == NULL) {
            sign = build;
            sign_path = path;
        }
    }
    if (sign != NULL)
        add_build(project, sign, sign_path, NULL);
}

/* ---- GitHub ---- */

static void
look_at_workflows(MgProject *project, const char *place)
{
    MgArena *arena = project->arena;
    MgFolder list;
    const char *folder = mg_arena_format(arena, "%s.github/workflows", place);
    size_t n = 0, n_ours = 0;
    if (!mg_folder_read(folder, arena, &list))
        return;
    for (size_t i = 0; i < list.n && n < MAX_WORKFLOWS; i++) {
        const char *name = list.items[i].name;
        if (!mg_text_ends(name, ".yml") && !mg_text_ends(name, ".yaml"))
            continue;
        const char *text = mg_project_read(project, mg_arena_format(arena, "%s/%s", folder, name));
        n += text != NULL;
        n_ours += text != NULL && (runs_ours(text) || runs(text, "migrate verify"));
    }
    if (n == 0)
        return;
    const char *noun = mg_text_plural((int64_t)n, "workflow", "workflows");
    mg_project_add(
        project, MG_INIT_FOUND, "build", folder,
        n_ours == 0
            ? mg_arena_format(arena, "GitHub Actions: %zu %s, without migrate", n, noun)
            : mg_arena_format(arena, "GitHub Actions: %zu %s, %zu with migrate", n, noun, n_ours),
        n_ours == 0 ? "To deploy: run: exec migrate up\n"
                      "In pull requests: run: migrate verify --base \"origin/$GITHUB_BASE_REF\""
                    : NULL);
}

void
mg_project_find_builds(MgProject *project)
{
    size_t n = sizeof builds / sizeof *builds;
    for (size_t place_i = 0; place_i < 2 && project->places[place_i] != NULL; place_i++) {
        const char *place = project->places[place_i];
        for (size_t first = 0, end; first < n; first = end) {
            for (end = first; end < n && strcmp(builds[end].platform, builds[first].platform) == 0;)
                end++;
            look_at_platform(project, place, first, end);
        }
        look_at_workflows(project, place);
    }
}
