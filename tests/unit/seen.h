/* An examination in which all is well, for tests that change one thing in it. */
#ifndef MG_TEST_SEEN_H
#define MG_TEST_SEEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "pg/diagnose.h"

/* Everything mg_diagnosis_build looks at, to be changed before it is called. */
typedef struct Seen {
    MgArena arena;
    MgTarget target;
    MgUrl url;
    MgHistoryTable table;
    MgLock lock;
    MgSource source;
    MgVitals vitals;
    MgApplied rows[3];
    MgPlan plan;
    MgExamination all;
} Seen;

static void
seen_url(Seen *seen, const char *text)
{
    MgError err;
    assert_true(mg_url_parse(text, "DATABASE_URL in the environment", NULL, &seen->arena,
                             &seen->url, &err));
    seen->target.is_local = seen->url.is_local;
}

static void
seen_init(Seen *seen)
{
    *seen = (Seen){ .target = { .database = "shop", .server_version = "17.5" },
                    .lock = { .key = -42 },
                    .source = { .dir = "migrations", .n = 6 },
                    .plan = { .counts = { [MG_STATE_PENDING] = 3 } } };
    MgError err;
    seen_url(seen, "postgresql://app:s3cret@db.example.com/shop");
    assert_true(mg_history_table_parse(NULL, &seen->arena, &seen->table, &err));
    seen->vitals = (MgVitals){
        .is_answered = true,
        .has_key = true,
        .round_trip_us = 7000,
        .proof = { .verdict = MG_DIRECT, .is_echo = true, .is_key = true, .is_port = true },
        .role = { .name = "app",
                  .may_create_in_database = true,
                  .schema = "public",
                  .may_create_in_schema = true },
        .connections = { .server = { 14, 97 }, .database = { 3, -1 }, .role = { 1, -1 } },
        .table = { .exists = true,
                   .owner = "app",
                   .may_write = true,
                   .writers = "",
                   .writers_quoted = "" },
        .timeouts = "",
        .history = { .exists = true, .items = seen->rows, .n = 3 },
    };
    seen->all = (MgExamination){
        .target = &seen->target,
        .url = &seen->url,
        .connect_us = 212000,
        .tls = { .protocol = "TLSv1.3",
                 .mode = "verify-full",
                 .is_certificate_verified = true,
                 .is_host_verified = true },
        .server_version = 170005,
        .table = &seen->table,
        .lock = &seen->lock,
        .source = &seen->source,
        .vitals = &seen->vitals,
        .plan = &seen->plan,
    };
}

/*
 * One section's findings as text, "ok proof: direct" with hints behind " > ";
 * then the verdict's slug.  Gives the memory of seen back.
 */
static void
seen_check(Seen *seen, const char *section, const char *expect)
{
    static const char *const words[] = { "ok", "note", "warn", "fail" };
    MG_CLEANUP(buf) MgBuf text = { 0 };
    MgDiagnosis diagnosis;
    mg_diagnosis_build(&seen->all, &seen->arena, &diagnosis);
    for (size_t i = 0; i < diagnosis.n_findings; i++) {
        const MgFinding *finding = &diagnosis.findings[i];
        assert_null(strstr(finding->text, "s3cret"));
        if (strcmp(finding->section, section) != 0)
            continue;
        mg_buf_format(&text, "%s %s: %s", words[finding->status], finding->topic, finding->text);
        if (finding->hint != NULL)
            mg_buf_format(&text, " > %s", finding->hint);
        mg_buf_add_char(&text, '\n');
    }
    mg_buf_add(&text, mg_error_slug(diagnosis.code));
    assert_string_equal(mg_buf_text(&text), expect);
    mg_arena_release(&seen->arena);
}

#endif
