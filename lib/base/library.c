/* Loading a library, and finding the functions of its table in it. */
#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/library_table.h"

static const MgLibraryTable *const tables[MG_N_LIBRARIES] = {
    [MG_LIBPQ] = &mg_library_libpq,
    [MG_LIBCRYPTO] = &mg_library_libcrypto,
    [MG_SQLITE] = &mg_library_sqlite,
};

static bool
fail(const MgLibraryTable *table, MgErrorCode code, const char *reason, MgError *err)
{
    (void)mg_fail(err, code, "could not load %s: %s", table->name, reason);
    mg_error_hint(err, "%s", table->install);
    return false;
}

/* What is missing is seen here, and not when it is called in the middle of a run. */
static bool
find_functions(void *library, const MgLibraryTable *table, MgErrorCode code, MgError *err)
{
    for (size_t i = 0; i < table->n_functions; i++) {
        void *found = dlsym(library, table->functions[i].name);
        if (found == NULL) {
            (void)mg_fail(err, code, "could not use %s: \"%s\" has no function \"%s\"", table->name,
                          table->soname, table->functions[i].name);
            mg_error_hint(err, "%s", table->too_old);
            return false;
        }
        /* Not by assignment: C knows no way from an object's pointer to a function's. */
        memcpy(table->functions[i].pointer, &found, sizeof found);
    }
    return true;
}

/* Lazily, as a linked library is: most functions of what libpq brings are never called. */
static bool
load(const MgLibraryTable *table, MgErrorCode code, MgError *err)
{
    void *library = dlopen(table->soname, RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) {
        const char *reason = dlerror();
        return fail(table, code, reason == NULL ? "the loader gives no reason" : reason, err);
    }
    return find_functions(library, table, code, err);
}

bool
mg_library_load(MgLibrary library, MgErrorCode code, MgError *err)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static bool is_loaded[MG_N_LIBRARIES];
    (void)pthread_mutex_lock(&mutex);
    bool is_ok = is_loaded[library] || load(tables[library], code, err);
    is_loaded[library] = is_ok;
    (void)pthread_mutex_unlock(&mutex);
    return is_ok;
}
