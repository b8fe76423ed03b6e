/*
 * Any text as migrate.yaml.  What must always hold:
 *
 *   - each value stands in the file, where its place says, and no key twice;
 *   - a value without references can be read, as the file's reader has seen to;
 *   - an error has a place in the file, and shows no password of a URL.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "fuzz.h"
#include "target/config.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void
check_items(const MgConfigFile *file, MgArena *arena)
{
    for (size_t i = 0; i < file->values.n; i++) {
        const MgConfigItem *item = &file->values.items[i];
        MgSettingValue value;
        MgError err;
        REQUIRE(item->line >= 1 && item->column >= 1 && *item->text != '\0');
        REQUIRE(mg_setting_has_reference(item->text) ||
                mg_setting_parse(item->id, "key", item->text, arena, &value, &err));
        for (size_t k = 0; k < i; k++) {
            const MgConfigItem *other = &file->values.items[k];
            bool is_same_part = item->environment == NULL
                                    ? other->environment == NULL
                                    : other->environment != NULL &&
                                          strcmp(other->environment, item->environment) == 0;
            REQUIRE(!is_same_part || item->id != other->id);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static const char *const environment[] = { "USER=app", "URL=postgres://app:s3cret@h/d", NULL };
    MgArena arena = { 0 };
    const char *text = mg_arena_text_n(&arena, (const char *)input, size_bytes);
    MgConfigFile file;
    MgSettings settings;
    MgError err = { .code = MG_OK };
    if (mg_config_parse(text, size_bytes, "migrate.yaml", "../", &arena, &file, &err)) {
        check_items(&file, &arena);
        MgSettingsInput resolve = { .environment = (char *const *)environment,
                                    .file = &file,
                                    .name = file.environments.n == 0 ? NULL
                                                                     : file.environments.items[0] };
        (void)!mg_settings_resolve(&resolve, &arena, &settings, &err);
    }
    if (err.code != MG_OK) {
        REQUIRE(err.code == MG_E_CONFIG && strcmp(err.place, "migrate.yaml") == 0);
        REQUIRE(strstr(err.excerpt, "s3cret@") == NULL && strstr(err.message, "s3cret") == NULL);
    }
    mg_arena_release(&arena);
    return 0;
}
