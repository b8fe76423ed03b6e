/*
 * What was seen, in words: the URL, the connection, the proof, the verdict.
 * Pure: no server, no clock.
 */
#include "pg/diagnose.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "target/provider.h"

enum {
    SHOWN_BYTES = 32, /* a duration */
};

/* ---- Findings ------------------------------------------------------------------- */

void
mg_finding_add(MgFindings *findings, MgFindingStatus status, const char *topic, const char *text,
               const char *hint)
{
    MgFinding finding = {
        .status = status, .section = findings->section, .topic = topic, .text = text, .hint = hint
    };
    MG_PUSH(findings->arena, findings, finding);
}

void
mg_finding_fail(MgFindings *findings, const char *topic, const MgError *error)
{
    if (findings->code == MG_OK)
        findings->code = error->code;
    mg_finding_add(findings, MG_FINDING_FAIL, topic, mg_error_with_place(error, findings->arena),
                   mg_error_hints(error, findings->arena));
}

void
mg_finding_unknown(MgFindings *findings, const char *topic, const MgError *failure)
{
    mg_finding_add(findings, MG_FINDING_NOTE, topic,
                   mg_arena_format(findings->arena, "not known: %s", failure->message), NULL);
}

/* "A second connection got no answer." -> "a second connection got no answer" */
static const char *
as_phrase(const char *sentence, MgArena *arena)
{
    size_t size_bytes = strlen(sentence);
    bool is_sentence = size_bytes > 0 && sentence[size_bytes - 1] == '.';
    char *phrase = mg_arena_text_n(arena, sentence, size_bytes - is_sentence);
    if (*phrase >= 'A' && *phrase <= 'Z' && phrase[1] != '\0' &&
        !(phrase[1] >= 'A' && phrase[1] <= 'Z'))
        *phrase = (char)(*phrase - 'A' + 'a');
    return phrase;
}

/* ---- URL ------------------------------------------------------------------------ */

/* "Neon's transaction pooler" -> "Neon" */
static const char *
company_of(const MgProvider *provider, MgArena *arena)
{
    return mg_arena_text_n(arena, provider->words, strcspn(provider->words, "'"));
}

/* What the rule by which a URL is pooled calls it. */
static const char *
pooler_of(const MgProvider *provider)
{
    return provider == &mg_provider_own_word ? "a pooler, as pgbouncer=true in the URL says"
                                             : provider->words;
}

/* What kind of URL it is when no rule takes it for a pooler. */
static const char *
unpooled_kind(const MgUrl *url, MgArena *arena)
{
    MgHost host;
    const MgProvider *direct = mg_host_at(url, 0, &host) ? mg_provider_of_direct_host(&host) : NULL;
    if (direct != NULL)
        return mg_arena_format(arena, "%s, direct endpoint", company_of(direct, arena));
    if (url->is_local)
        return url->host != NULL && url->host[0] == '/' ? "a socket on this machine"
                                                        : "an address on this machine";
    return "not known for a pooler by its host";
}

static void
judge_kind(const MgExamination *seen, MgFindings *findings)
{
    size_t host_i = 0;
    const MgError *refusal = &seen->url_refusal;
    const MgProvider *pooled = mg_provider_find(seen->url, &host_i);

    if (pooled != NULL && refusal->code != MG_OK) {
        findings->code = refusal->code;
        mg_finding_add(findings, MG_FINDING_FAIL, "kind", pooler_of(pooled),
                       mg_error_hints(refusal, findings->arena));
    } else if (refusal->code != MG_OK) {
        mg_finding_fail(findings, "kind", refusal);
    } else if (pooled != NULL) {
        mg_finding_add(findings, MG_FINDING_NOTE, "kind", pooler_of(pooled), NULL);
    } else {
        const char *doubt = mg_provider_doubt(seen->url);
        const char *kind = unpooled_kind(seen->url, findings->arena);
        mg_finding_add(findings, doubt == NULL ? MG_FINDING_OK : MG_FINDING_NOTE, "kind",
                       doubt == NULL ? kind
                                     : mg_arena_format(findings->arena, "%s, but %s", kind, doubt),
                       NULL);
    }
}

/* The lines of an excerpt without its gutter. */
static void
add_excerpt(const char *excerpt, MgBuf *ret)
{
    static const char gutter[] = "   | ";
    while (*excerpt != '\0') {
        size_t size_bytes = strcspn(excerpt, "\n");
        if (mg_text_starts(excerpt, gutter))
            mg_buf_format(ret, "%.*s\n", (int)(size_bytes - (sizeof gutter - 1)),
                          excerpt + sizeof gutter - 1);
        excerpt += size_bytes + (excerpt[size_bytes] == '\n');
    }
}

/* "DATABASE_URL in the environment cannot be read as a database URL": where it came from, once. */
static const char *
with_origin(const MgError *failure, MgArena *arena)
{
    size_t word_bytes = strcspn(failure->message, " ");
    bool is_named = strncmp(failure->message, failure->place, word_bytes) == 0;
    if (failure->place[0] == '\0' || mg_text_starts(failure->message, failure->place))
        return mg_error_with_place(failure, arena);
    if (is_named && failure->place[word_bytes] == ' ')
        return mg_arena_format(arena, "%s%s", failure->place, failure->message + word_bytes);
    return mg_arena_format(arena, "%s, in %s", failure->message, failure->place);
}

/* What was found where, what was looked for, and the hints. */
static void
judge_no_url(const MgExamination *seen, MgFindings *findings)
{
    const MgError *failure = &seen->target_failure;
    MgArena *arena = findings->arena;
    MG_CLEANUP(buf) MgBuf hint = { 0 };
    findings->code = failure->code;
    add_excerpt(failure->excerpt, &hint);
    if (failure->detail[0] != '\0')
        mg_buf_format(&hint, "%s\n", failure->detail);
    const char *hints = mg_error_hints(failure, arena);
    mg_buf_add(&hint, hints == NULL ? "" : hints);
    if (mg_text_ends(mg_buf_text(&hint), "\n"))
        hint.text[--hint.size_bytes] = '\0';
    mg_finding_add(findings, MG_FINDING_FAIL, "source", with_origin(failure, arena),
                   hint.size_bytes == 0 ? NULL : mg_arena_text(arena, mg_buf_text(&hint)));
}

static void
judge_url(const MgExamination *seen, MgFindings *findings)
{
    const MgUrl *url = seen->url;
    findings->section = "URL";
    if (seen->target_failure.code != MG_OK) {
        judge_no_url(seen, findings);
        return;
    }
    bool is_exposed = url->name[0] == '-' && url->password != NULL && !url->is_local;
    if (is_exposed)
        mg_finding_add(findings, MG_FINDING_NOTE, "source",
                       mg_arena_format(findings->arena,
                                       "%s, whose password others on this machine can see",
                                       url->from),
                       "Give the URL in a variable: MIGRATE_URL.");
    else
        mg_finding_add(findings, MG_FINDING_OK, "source", url->from, NULL);
    for (size_t i = 0; i < seen->n_passed_over; i++)
        mg_finding_add(findings, MG_FINDING_NOTE, "passed over",
                       mg_arena_format(findings->arena, "%s, a pooled URL of the same database",
                                       seen->passed_over[i]),
                       NULL);
    for (size_t i = 0; i < url->n_notes; i++)
        if (!mg_text_ends(url->notes[i], " was passed over"))
            mg_finding_add(findings, MG_FINDING_NOTE, "as read", url->notes[i], NULL);
    judge_kind(seen, findings);
}

/* ---- Connection ----------------------------------------------------------------- */

static void
judge_reached(const MgExamination *seen, MgFindings *findings)
{
    char connect[SHOWN_BYTES], round_trip[SHOWN_BYTES];
    int64_t round_trip_us = seen->vitals->round_trip_us;
    mg_text_duration(seen->connect_us, connect, sizeof connect);
    mg_text_duration(round_trip_us, round_trip, sizeof round_trip);
    const char *text = round_trip_us < 0 ? mg_arena_format(findings->arena, "in %s", connect)
                                         : mg_arena_format(findings->arena, "in %s, round trip %s",
                                                           connect, round_trip);
    mg_finding_add(findings, MG_FINDING_OK, "reached", text, NULL);
}

static void
judge_tls(const MgExamination *seen, MgFindings *findings)
{
    static const char full[] = "Add sslmode=verify-full to the URL, and sslrootcert=FILE with the "
                               "provider's root certificate.";
    const MgConnTls *tls = &seen->tls;
    MgArena *arena = findings->arena;

    if (tls->is_gss)
        mg_finding_add(findings, MG_FINDING_OK, "TLS", "none, encrypted by GSSAPI", NULL);
    else if (tls->protocol == NULL && (tls->is_socket || seen->target->is_local))
        mg_finding_add(findings, MG_FINDING_OK, "TLS",
                       tls->is_socket ? "none, a Unix socket needs none"
                                      : "none, the data stays on this machine",
                       NULL);
    else if (tls->protocol == NULL)
        mg_finding_add(findings, MG_FINDING_WARN, "TLS",
                       "none: data and passwords cross the network in clear text", full);
    else if (tls->is_host_verified)
        mg_finding_add(
            findings, MG_FINDING_OK, "TLS",
            mg_arena_format(arena, "%s, certificate and host name verified", tls->protocol), NULL);
    else if (tls->is_certificate_verified)
        mg_finding_add(findings, MG_FINDING_NOTE, "TLS",
                       mg_arena_format(arena,
                                       "%s, certificate verified, host name not (sslmode=%s)",
                                       tls->protocol, tls->mode),
                       "Add sslmode=verify-full to the URL.");
    else
        mg_finding_add(findings, MG_FINDING_NOTE, "TLS",
                       mg_arena_format(arena,
                                       "%s, encrypted, certificate not verified (sslmode=%s)",
                                       tls->protocol, tls->mode),
                       full);
}

/* ", as always with Neon" where the provider's direct endpoint is known to be a proxy; or "". */
static const char *
as_always(const MgUrl *url, MgArena *arena)
{
    MgHost host;
    const MgProvider *provider = mg_provider_is_proxied(url) && mg_host_at(url, 0, &host)
                                     ? mg_provider_of_direct_host(&host)
                                     : NULL;
    return provider == NULL
               ? ""
               : mg_arena_format(arena, ", as always with %s", company_of(provider, arena));
}

static void
judge_key(const MgExamination *seen, MgFindings *findings)
{
    if (seen->vitals->proof.is_key) {
        mg_finding_add(findings, MG_FINDING_OK, "cancel key", "this backend's", NULL);
        return;
    }
    const char *what = seen->vitals->has_key ? "not this backend's" : "none was sent";
    mg_finding_add(findings, MG_FINDING_NOTE, "cancel key",
                   mg_arena_format(findings->arena, "%s: a proxy is between%s", what,
                                   as_always(seen->url, findings->arena)),
                   NULL);
}

/* A strange port beside a strange key says nothing new. */
static void
judge_port(const MgExamination *seen, MgFindings *findings)
{
    const MgProof *proof = &seen->vitals->proof;
    bool is_socket = seen->tls.is_socket;
    const char *topic = is_socket ? "socket" : "client port";
    if (proof->is_port)
        mg_finding_add(
            findings, MG_FINDING_OK, topic,
            is_socket ? "this backend's own server listens there" : "the server sees ours", NULL);
    else if (proof->is_key)
        mg_finding_add(findings, MG_FINDING_NOTE, topic,
                       is_socket ? "not known to be of this backend's own server"
                                 : "the server sees another one: a proxy or a tunnel is between",
                       NULL);
}

static void
judge_evidence(const MgExamination *seen, MgFindings *findings)
{
    const MgProof *proof = &seen->vitals->proof;
    mg_finding_add(findings, proof->is_echo ? MG_FINDING_OK : MG_FINDING_WARN, "startup",
                   proof->is_echo
                       ? "this backend was started by our own startup packet"
                       : "this backend was started by somebody else's startup packet: a pooler",
                   NULL);
    judge_key(seen, findings);
    judge_port(seen, findings);
    bool is_fit = proof->verdict == MG_DIRECT || proof->verdict == MG_PINNED;
    for (size_t i = seen->vitals->n_first_evidence; i < proof->n_evidence; i++)
        mg_finding_add(findings, is_fit ? MG_FINDING_OK : MG_FINDING_WARN, "behaviour",
                       as_phrase(proof->evidence[i], findings->arena), NULL);
}

static void
judge_proof(const MgExamination *seen, MgFindings *findings)
{
    const MgProof *proof = &seen->vitals->proof;
    MgArena *arena = findings->arena;
    const char *name = mg_verdict_name(proof->verdict);
    MgError refusal;

    if (!mg_proof_check(proof, seen->is_session_accepted, &refusal)) {
        const char *by_port = mg_provider_port_hint(seen->url, arena);
        if (by_port != NULL)
            mg_error_hint(&refusal, "%s", by_port);
        findings->code = findings->code == MG_OK ? refusal.code : findings->code;
        mg_finding_add(findings, MG_FINDING_FAIL, "proof",
                       mg_arena_format(arena, "%s: %s", name, refusal.message),
                       mg_error_hints(&refusal, arena));
    } else if (proof->verdict == MG_SESSION_POOLED) {
        mg_finding_add(
            findings, MG_FINDING_WARN, "proof",
            mg_arena_format(arena, "%s, accepted; nothing runs here outside a transaction", name),
            NULL);
    } else {
        mg_finding_add(findings, MG_FINDING_OK, "proof", name, NULL);
    }
}

static void
judge_connection(const MgExamination *seen, MgFindings *findings)
{
    const MgVitals *vitals = seen->vitals;
    findings->section = "Connection";
    if (seen->target_failure.code != MG_OK)
        return;
    if (seen->unreachable.code != MG_OK) {
        mg_finding_fail(findings, "reached", &seen->unreachable);
        return;
    }
    judge_reached(seen, findings);
    judge_tls(seen, findings);
    if (vitals->is_answered) {
        judge_evidence(seen, findings);
        judge_proof(seen, findings);
    } else if (vitals->lost.code != MG_OK) {
        mg_finding_fail(findings, "proof", &vitals->lost);
    } else {
        MgError silent;
        mg_fail(&silent, MG_E_UNPROVED, "unproved: the session does not answer");
        mg_error_hint(&silent, "A full pool lets its clients wait like that: use the URL of the "
                               "server itself.");
        mg_finding_fail(findings, "proof", &silent);
    }
}

bool
mg_examination_is_answered(const MgExamination *seen)
{
    return seen->target_failure.code == MG_OK && seen->unreachable.code == MG_OK &&
           seen->vitals->is_answered;
}

/* ---- All of it ------------------------------------------------------------------ */

static int
count(const MgFindings *findings, MgFindingStatus status)
{
    int n = 0;
    for (size_t i = 0; i < findings->n; i++)
        n += findings->items[i].status == status;
    return n;
}

void
mg_diagnosis_build(const MgExamination *seen, MgArena *arena, MgDiagnosis *ret)
{
    MgFindings findings = { .arena = arena };
    judge_url(seen, &findings);
    judge_connection(seen, &findings);
    if (mg_examination_is_answered(seen))
        mg_diagnose_server(seen, &findings);
    mg_diagnose_migrations(seen, &findings);
    mg_diagnose_settings(seen, &findings);
    *ret = (MgDiagnosis){ .target = *seen->target,
                          .findings = findings.items,
                          .n_findings = findings.n,
                          .n_warnings = count(&findings, MG_FINDING_WARN),
                          .n_failures = count(&findings, MG_FINDING_FAIL),
                          .code = findings.code,
                          .lock_key = seen->lock->key };
}
