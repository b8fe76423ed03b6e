/* What a report writes, as one text. */
#ifndef MG_TEST_WRITTEN_H
#define MG_TEST_WRITTEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "report/report.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* An MgWrite; payload is an MgBuf. */
static void
append(void *payload, const char *text, size_t size_bytes)
{
    mg_buf_add_n(payload, text, size_bytes);
}

#endif
