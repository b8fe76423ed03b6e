/*
 * What the files of the libraries are made of: a list of functions, one row
 * each, from which come the pointers, the functions that pass a call on, and the
 * names to look up.  Each function is defined under the library's own header, so
 * the compiler compares it with its declaration there; one that is called and has
 * no row is missing when the program is linked.
 */
#ifndef MG_BASE_LIBRARY_TABLE_H
#define MG_BASE_LIBRARY_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct MgLibraryFunction {
    const char *name;
    void *pointer; /* to the pointer of the function's own type */
} MgLibraryFunction;

typedef struct MgLibraryTable {
    const char *name;    /* as messages call it */
    const char *soname;  /* of what the build found */
    const char *too_old; /* what a library means that lacks a function */
    const char *install; /* which packages have it */
    const MgLibraryFunction *functions;
    size_t n_functions;
} MgLibraryTable;

extern const MgLibraryTable mg_library_libpq, mg_library_libcrypto, mg_library_sqlite;

/* Of a list FUNCTIONS(RETURNS, VOID); a row is (type, name, parameters, arguments). */
#define MG_LIBRARY_POINTER(type, name, parameters, arguments) __typeof__(name) *(name);
#define MG_LIBRARY_RETURNS(type, name, parameters, arguments)                                      \
    type name parameters                                                                           \
    {                                                                                              \
        return loaded.name arguments;                                                              \
    }
#define MG_LIBRARY_VOID(type, name, parameters, arguments)                                         \
    type name parameters                                                                           \
    {                                                                                              \
        loaded.name arguments;                                                                     \
    }
#define MG_LIBRARY_NAME(type, name, parameters, arguments) { #name, (void *)&loaded.name },

/*
 * The note by which tools for packages see that the program loads a library that
 * it is not linked with: the format is the ELF dlopen metadata of the UAPI group.
 * priority is "required", "recommended" or "suggested".
 */
#define MG_LIBRARY_NOTE(soname, feature, description, priority)                                    \
    static const struct {                                                                          \
        uint32_t name_bytes, text_bytes, type;                                                     \
        char name[4];                                                                              \
        _Alignas(4) char text[sizeof MG_LIBRARY_JSON(soname, feature, description, priority)];     \
    } note __attribute__((used, section(".note.dlopen"), aligned(4))) = {                          \
        4, sizeof MG_LIBRARY_JSON(soname, feature, description, priority), 0x407c0c0a, "FDO",      \
        MG_LIBRARY_JSON(soname, feature, description, priority)                                    \
    }
#define MG_LIBRARY_JSON(soname, feature, description, priority)                                    \
    "[{\"soname\":[\"" soname "\"],\"feature\":\"" feature "\",\"description\":\"" description     \
    "\",\"priority\":\"" priority "\"}]"

#endif
