/* Reading the statements of one script for execution. */
#include "pg/exec_parts.h"

#include <string.h>

#include "base/digest.h"
#include "sql/lex.h"

/*
 * A file may change between plan and execution.  What fits one window is
 * compared as it is going to run; longer files are compared before they are
 * run, which leaves a small gap that their transaction's length dwarfs.
 */
static bool
check_unchanged(const MgScriptRun *run, MgError *err)
{
    char digest[MG_DIGEST_HEX_BYTES];
    MgScript again = *run->script;
    if (again.text == NULL && run->reader.is_whole) {
        again.text = run->reader.text;
        again.size_bytes = run->reader.size_bytes;
        again.part = MG_SPAN_ALL;
    }
    if (!mg_script_digest(&again, digest, err))
        return false;
    if (strcmp(digest, run->script->digest) == 0)
        return true;
    mg_fail(err, MG_E_CHANGED, "the file changed while migrations were being applied");
    mg_error_at(err, run->script->path, 0, 0);
    mg_error_hint(err, "Run again to apply it as it is now.");
    return false;
}

bool
mg_script_run_open(MgScriptRun *run, const MgScript *script, bool has_backslash_quotes,
                   MgError *err)
{
    *run = (MgScriptRun){ .script = script };
    mg_scan_init(&run->scan, has_backslash_quotes);
    run->scan.head = &run->head;
    if (!mg_script_open(script, &run->reader, err))
        return false;
    run->is_open = true;
    run->line = run->reader.line;
    return script->text != NULL || check_unchanged(run, err);
}

void
mg_script_run_close(MgScriptRun *run)
{
    if (run->is_open)
        mg_reader_close(&run->reader);
    *run = (MgScriptRun){ 0 };
}

static bool
fail_scan(const MgScriptRun *run, MgError *err)
{
    const MgReader *reader = &run->reader;
    mg_fail(err, MG_E_FILE, "%s", run->item.message);
    mg_error_at(err, run->script->path,
                reader->line + mg_count_lines(reader->text, run->item.span.begin), 0);
    if (run->item.hint != NULL)
        mg_error_hint(err, "%s", run->item.hint);
    return false;
}

bool
mg_script_run_slide(MgScriptRun *run, MgError *err)
{
    if (!mg_reader_slide(&run->reader, run->scan.at, err))
        return false;
    mg_scan_slid(&run->scan);
    run->counted = 0;
    run->line = run->reader.line;
    return true;
}

/* Take the fetched statement into the chain; comments and blanks do not count. */
static void
extend_prefix(MgScriptRun *run)
{
    MgLex lex = { .text = run->reader.text + run->item.span.begin,
                  .size_bytes = run->item.span.end - run->item.span.begin,
                  .is_whole = true };
    MgToken token = { 0 };
    MgDigest *digest = mg_digest_begin();
    memcpy(run->before_digest, run->prefix_digest, sizeof run->before_digest);
    mg_digest_add(digest, run->prefix_digest, strlen(run->prefix_digest));
    while (mg_lex_next_word(&lex, &token) == MG_LEX_TOKEN) {
        mg_digest_add(digest, lex.text + token.span.begin, token.span.end - token.span.begin);
        mg_digest_add(digest, "", 1);
    }
    mg_digest_end(digest, run->prefix_digest);
}

/* Is the statement left out because the runner's own transaction replaces it? */
static bool
is_folded(const MgScriptRun *run)
{
    return run->script->is_transactional && (run->stmt.transaction_control == MG_TX_BEGIN ||
                                             run->stmt.transaction_control == MG_TX_COMMIT);
}

bool
mg_script_run_fetch(MgScriptRun *run, int server_version, MgError *err)
{
    MgReader *reader = &run->reader;

    while (!run->has_peeked && !run->is_at_end) {
        switch (mg_scan_next(&run->scan, reader->text, reader->size_bytes, reader->is_whole,
                             &run->item)) {
        case MG_SCAN_STATEMENT:
            mg_stmt_classify_head(&run->head, server_version, &run->stmt);
            if (!is_folded(run)) {
                run->has_peeked = true;
                run->n_fetched++;
                if (run->is_chained)
                    extend_prefix(run);
            }
            break;
        case MG_SCAN_MORE:
            if (!mg_script_run_slide(run, err))
                return false;
            break;
        case MG_SCAN_END:
            run->is_at_end = true;
            break;
        case MG_SCAN_COPY_DATA:
        case MG_SCAN_COPY_END:
            break; /* sent by the COPY that it belongs to; here only when that was skipped */
        case MG_SCAN_ERROR:
            return fail_scan(run, err);
        }
    }
    return true;
}

MgTag
mg_script_run_tag(MgScriptRun *run, MgRole role, size_t item)
{
    const MgReader *reader = &run->reader;
    size_t begin = run->item.span.begin;

    run->line += mg_count_lines(reader->text + run->counted, begin - run->counted);
    run->counted = begin;
    return (MgTag){ .role = (int)role,
                    .item = item,
                    .span = { reader->offset + begin, reader->offset + run->item.span.end },
                    .line = run->line,
                    .number = run->n_fetched,
                    .label = run->stmt.label };
}

bool
mg_exec_prefix_digest(const MgConn *conn, const MgScript *script, int n,
                      char ret_before[MG_DIGEST_HEX_BYTES], char ret[MG_DIGEST_HEX_BYTES],
                      MgError *err)
{
    MgScriptRun run;
    bool is_ok = mg_script_run_open(&run, script, !mg_conn_has_standard_strings(conn), err);
    run.is_chained = true;
    while (is_ok && run.n_fetched < n && !run.is_at_end) {
        run.has_peeked = false;
        is_ok = mg_script_run_fetch(&run, mg_conn_server_version(conn), err);
    }
    if (is_ok) {
        memcpy(ret_before, run.before_digest, sizeof run.before_digest);
        memcpy(ret, run.prefix_digest, sizeof run.prefix_digest);
    }
    mg_script_run_close(&run);
    return is_ok;
}

bool
mg_exec_fail_prefix(const char *label, const MgScript *script, int n_done, MgError *err)
{
    mg_fail(err, MG_E_PARTIAL, "statements of \"%s\" were edited after they had run", label);
    mg_error_at(err, script->path, 0, 0);
    mg_error_detail(err, "It stopped half-way; the first %d of its statements are done.", n_done);
    mg_error_hint(err, "Leave those as they were, and mend only what follows.");
    mg_error_note(err, "nothing of it was applied by this run");
    return false;
}
