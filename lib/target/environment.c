#include "target/environment.h"

#include <stddef.h>
#include <string.h>

const char *
mg_environment_find(char *const *environment, const char *name)
{
    size_t name_bytes = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, name, name_bytes) == 0 && (*environment)[name_bytes] == '=')
            return *environment + name_bytes + 1;
    }
    return NULL;
}

const char *
mg_environment_get(char *const *environment, const char *name)
{
    const char *value = mg_environment_find(environment, name);
    return value == NULL || *value == '\0' ? NULL : value;
}
