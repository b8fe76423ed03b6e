/* Compiler attributes in one place; GCC and Clang only. */
#ifndef MG_BASE_ATTR_H
#define MG_BASE_ATTR_H

/* The result says whether outputs were written: ignoring it is a bug. */
#define MG_CHECK __attribute__((warn_unused_result))
#define MG_PRINTF(format_i, first_i) __attribute__((format(printf, format_i, first_i)))
/* Run mg_cleanup_<kind> on the variable when its scope ends. */
#define MG_CLEANUP(kind) __attribute__((cleanup(mg_cleanup_##kind)))

#endif
