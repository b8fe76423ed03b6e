/*
 * Opening a connection: attempts, their time limits, and which failures a
 * server that is still coming up may heal.
 */
#include "pg/conn.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/library.h"
#include "base/mask.h"
#include "base/text.h"
#include "pg/conn_libpq.h"

enum {
    ATTEMPT_MS = 10000,
    FIRST_BACKOFF_MS = 250,
    LARGEST_BACKOFF_MS = 4000,
    TELL_AGAIN_MS = 10000,  /* silence is what gets builds cancelled */
    SHORTEST_WAIT_MS = 100, /* a wait that is shorter is none */
    LAST_TRY_MS = 100,      /* what the last try before a deadline gets */
    MAX_PARAMS = 128,
    OUR_PARAMS = 6, /* and the NULL at the end */
};

/* What a refused attempt means. */
typedef enum MgRefusal { REFUSAL_FINAL, REFUSAL_CREDENTIALS, REFUSAL_WAIT } MgRefusal;

/* By SQLSTATE, which libpq shows in its message when it is asked to be verbose. */
static const struct {
    const char *sqlstate;
    MgRefusal refusal;
} by_sqlstate[] = {
    { "57P03", REFUSAL_WAIT },        /* starting up, shutting down, in recovery */
    { "57P01", REFUSAL_WAIT },        /* Neon: suspended while we connected */
    { "53300", REFUSAL_WAIT },        /* too many clients */
    { "28P01", REFUSAL_CREDENTIALS }, /* password */
    { "28000",
      REFUSAL_CREDENTIALS }, /* no pg_hba.conf entry, role does not exist or may not log in */
    { "3D000", REFUSAL_CREDENTIALS }, /* database does not exist */
    { "42501", REFUSAL_CREDENTIALS }, /* no CONNECT privilege */
};

/* By text, where there is no SQLSTATE: libpq's own, and proxies'. */
static const struct {
    const char *text;
    MgRefusal refusal;
} by_text[] = {
    { "no password supplied", REFUSAL_CREDENTIALS },
    { "Connection refused", REFUSAL_WAIT },
    { "No such file or directory", REFUSAL_WAIT }, /* the socket is not there yet */
    { "could not translate host name", REFUSAL_WAIT },
    { "timed out", REFUSAL_WAIT },
    { "timeout expired", REFUSAL_WAIT },
    { "No route to host", REFUSAL_WAIT },
    { "Network is unreachable", REFUSAL_WAIT },
    { "Connection reset by peer", REFUSAL_WAIT },
    { "server closed the connection unexpectedly", REFUSAL_WAIT },
    /* Neon's proxy while a compute wakes up; these texts are all that tells. */
    { "Couldn't connect to compute node", REFUSAL_WAIT },
    { "endpoint is idle, retry request", REFUSAL_WAIT },
    { "waiting for endpoint to become active", REFUSAL_WAIT },
    { "endpoint is in transition", REFUSAL_WAIT },
};

typedef struct MgAttempt {
    MgRefusal refusal;
    char sqlstate[6];
    char where[320];  /* "at \"127.0.0.1\", port 5432", or "" */
    char reason[512]; /* one line, no secrets */
} MgAttempt;

/*
 * Find ": XXXXX: " in a verbose message ("FATAL:  28P01: password ..."); the
 * severity may be in any language, but no word of five letters has a digit.
 * Returns the text behind it, or message.
 */
static const char *
split_sqlstate(const char *message, char sqlstate[6])
{
    sqlstate[0] = '\0';
    for (const char *at = strchr(message, ':'); at != NULL; at = strchr(at + 1, ':')) {
        const char *code = at + 1 + strspn(at + 1, " ");
        size_t n = strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (n == 5 && code[5] == ':' && strcspn(code, "0123456789") < n) {
            memcpy(sqlstate, code, 5);
            sqlstate[5] = '\0';
            return code + 6 + strspn(code + 6, " ");
        }
    }
    return message;
}

static MgRefusal
classify(const char *sqlstate, const char *message)
{
    for (size_t i = 0; i < sizeof by_sqlstate / sizeof *by_sqlstate; i++)
        if (strcmp(by_sqlstate[i].sqlstate, sqlstate) == 0)
            return by_sqlstate[i].refusal;
    for (size_t i = 0; i < sizeof by_text / sizeof *by_text; i++)
        if (strstr(message, by_text[i].text) != NULL)
            return by_text[i].refusal;
    return REFUSAL_FINAL;
}

/* 'at "h", port 1': libpq, which got an address from us, does not say the name that was given. */
static void
name_place(const MgConn *conn, const char *place, size_t size_bytes, MgAttempt *ret)
{
    static const char begin[] = "at \"";
    size_t begin_bytes = sizeof begin - 1;
    const char *address = mg_text_starts(place, begin) ? place + begin_bytes : place;
    size_t address_bytes = strcspn(address, "\"");
    const char *name = mg_conn_name_of(conn, address, address_bytes);
    const char *rest = name == NULL ? place : address + address_bytes + 1;
    int rest_bytes = (int)(place + size_bytes - rest);
    if (name == NULL)
        snprintf(ret->where, sizeof ret->where, "%.*s", rest_bytes, rest);
    else
        snprintf(ret->where, sizeof ret->where, "%s%s\" (%.*s)%.*s", begin, name,
                 (int)address_bytes, address, rest_bytes, rest);
}

/* libpq's 'connection to server at "h", port 1 failed: reason', in English: where and why. */
static void
split_reason(const MgConn *conn, const char *text, MgAttempt *ret)
{
    static const char begin[] = "connection to server ", end[] = " failed: ";
    const char *where = mg_text_starts(text, begin) ? text + sizeof begin - 1 : NULL;
    const char *behind = where == NULL ? NULL : strstr(where, end);
    if (behind != NULL && (size_t)(behind - where) < sizeof ret->where) {
        name_place(conn, where, (size_t)(behind - where), ret);
        text = behind + sizeof end - 1;
    }
    mg_text_copy(ret->reason, sizeof ret->reason, text);
}

static void
read_refusal(MgConn *conn, MgAttempt *ret)
{
    const char *message = mg_url_mask(conn->url, PQerrorMessage(conn->pg), &conn->arena);
    const char *text = split_sqlstate(message, ret->sqlstate);
    ret->refusal = classify(ret->sqlstate, message);
    split_reason(conn, mg_arena_text_n(&conn->arena, text, strcspn(text, "\n")), ret);
}

static void
on_pg_notice(void *payload, const PGresult *pg)
{
    MgConn *conn = payload;
    const char *severity = PQresultErrorField(pg, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *primary = PQresultErrorField(pg, PG_DIAG_MESSAGE_PRIMARY);
    if (conn->on_notice == NULL || primary == NULL)
        return;
    MgTag none = { 0 };
    const MgTag *front = conn->n_flying == 0 ? &none : &conn->flying[conn->first_flying].tag;
    MgArenaMark mark = mg_arena_mark(&conn->arena);
    const char *detail = PQresultErrorField(pg, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(pg, PG_DIAG_MESSAGE_HINT);
    char *text =
        mg_arena_format(&conn->arena, "%s: %s%s%s%s%s", severity == NULL ? "NOTICE" : severity,
                        primary, detail == NULL ? "" : "\nDETAIL: ", detail == NULL ? "" : detail,
                        hint == NULL ? "" : "\nHINT: ", hint == NULL ? "" : hint);
    mg_mask_passwords(text, strlen(text));
    conn->on_notice(conn->notice_payload, front, text);
    mg_arena_reset(&conn->arena, mark);
}

/* Poll one attempt to its end: connected, refused, out of time, or cancelled. */
static bool
finish_attempt(MgConn *conn, int64_t limit_ms, MgAttempt *ret_attempt, bool *ret_is_up,
               MgError *err)
{
    int64_t until_ms = mg_clock_ms() + limit_ms;
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    char limit[32];

    *ret_is_up = false;
    while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
        switch (mg_conn_wait(conn, status == PGRES_POLLING_WRITING, until_ms)) {
        case MG_WAITED_READY:
            status = PQconnectPoll(conn->pg);
            break;
        case MG_WAITED_TIME:
            *ret_attempt = (MgAttempt){ .refusal = REFUSAL_WAIT };
            mg_text_duration(limit_ms * 1000, limit, sizeof limit);
            snprintf(ret_attempt->reason, sizeof ret_attempt->reason, "no answer after %s", limit);
            return true;
        case MG_WAITED_CANCEL:
            return mg_fail(err, MG_E_CANCELLED, "interrupted");
        case MG_WAITED_BROKEN:
            return mg_fail_sys(err, MG_E_SYSTEM, "could not wait for the server");
        }
    }
    *ret_is_up = status == PGRES_POLLING_OK;
    if (!*ret_is_up)
        read_refusal(conn, ret_attempt);
    return true;
}

/*
 * Defaults, the URL's parameters, ours: the later win.  The time limits keep a
 * vanished server from holding a run for ever; PQcancel inherits them.
 */
static size_t
collect_params(const MgConnOptions *options, const char **keys, const char **values)
{
    const MgParams *params = &options->url->params;
    size_t n = 0;
    keys[n] = "keepalives_idle";
    values[n++] = "10";
    keys[n] = "keepalives_interval";
    values[n++] = "5";
    keys[n] = "keepalives_count";
    values[n++] = "3";
    for (size_t i = 0; i < params->n && n < MAX_PARAMS - OUR_PARAMS; i++) {
        keys[n] = params->items[i].key;
        values[n++] = params->items[i].value;
    }
    keys[n] = "application_name";
    values[n++] = options->application_name;
    keys[n] = "client_encoding";
    values[n++] = "UTF8";
    if (options->like != NULL) {
        const char *address = PQhostaddr(options->like->pg);
        keys[n] = "host";
        values[n++] = PQhost(options->like->pg);
        keys[n] = "hostaddr";
        values[n++] = address == NULL || address[0] == '\0' ? NULL : address;
        keys[n] = "port";
        values[n++] = PQport(options->like->pg);
    }
    keys[n] = NULL;
    values[n] = NULL;
    return n;
}

void
mg_conn_params(const MgConn *conn, MgArena *arena, MgParams *ret)
{
    const char *keys[MAX_PARAMS], *values[MAX_PARAMS];
    MgConnOptions options = { .url = conn->url, .like = conn };
    (void)collect_params(&options, keys, values);
    *ret = (MgParams){ .n = 0 };
    /* Of a key that comes twice the last value counts. */
    for (size_t i = 0; keys[i] != NULL; i++) {
        bool is_last = true;
        for (size_t k = i + 1; keys[k] != NULL; k++)
            is_last = is_last && strcmp(keys[i], keys[k]) != 0;
        MgParam param = { mg_arena_text(arena, keys[i]), mg_arena_text(arena, values[i]) };
        if (is_last)
            MG_PUSH(arena, ret, param);
    }
}

const char *
mg_conn_mask(const MgConn *conn, const char *text, MgArena *arena)
{
    return mg_url_mask(conn->url, text, arena);
}

/* How long one part of an attempt may take. */
static int64_t
attempt_limit_ms(const MgConnOptions *options)
{
    int64_t limit_ms = options->attempt_ms == 0 ? ATTEMPT_MS : options->attempt_ms;
    int64_t left_ms = options->deadline_ms - mg_clock_ms();
    if (options->deadline_ms != 0 && left_ms < limit_ms)
        limit_ms = left_ms < 1 ? 1 : left_ms;
    return limit_ms;
}

static void
add_addresses(const MgAddressed *addressed, const char **keys, const char **values, size_t n)
{
    if (addressed->hosts == NULL)
        return;
    keys[n] = "host";
    values[n++] = addressed->hosts;
    keys[n] = "hostaddr";
    values[n++] = addressed->addresses;
    keys[n] = "port";
    values[n++] = addressed->ports;
    keys[n] = NULL;
    values[n] = NULL;
}

static bool
attempt(MgConn *conn, const MgConnOptions *options, MgAttempt *ret_attempt, bool *ret_is_up,
        MgError *err)
{
    const char *keys[MAX_PARAMS], *values[MAX_PARAMS];
    size_t n = collect_params(options, keys, values);
    MgAddressed addressed = { .hosts = NULL };
    if (options->like == NULL &&
        !mg_conn_look_up(conn, keys, values, n, attempt_limit_ms(options), &addressed, err))
        return false;
    conn->addressed = addressed;
    if (addressed.is_nowhere) {
        *ret_is_up = false;
        ret_attempt->refusal = REFUSAL_WAIT;
        mg_text_copy(ret_attempt->reason, sizeof ret_attempt->reason, addressed.failure);
        return true;
    }
    add_addresses(&addressed, keys, values, n);

    conn->pg = PQconnectStartParams(keys, values, 0);
    if (conn->pg == NULL)
        return mg_fail(err, MG_E_SYSTEM, "out of memory in libpq");
    if (PQstatus(conn->pg) == CONNECTION_BAD) {
        *ret_is_up = false;
        read_refusal(conn, ret_attempt);
        return true;
    }
    /* Verbose while connecting: the only way to see the SQLSTATE of a refused login. */
    PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(conn->pg, on_pg_notice, conn);
    if (!finish_attempt(conn, attempt_limit_ms(options), ret_attempt, ret_is_up, err))
        return false;
    PQsetErrorVerbosity(conn->pg, PQERRORS_DEFAULT);
    return true;
}

static bool
prepare_pipeline(MgConn *conn, MgError *err)
{
    const char *version = PQparameterStatus(conn->pg, "server_version");
    if (version == NULL)
        version = "?";
    /* Debian's has its own behind a blank: 18.6 (Debian 18.6-3). */
    snprintf(conn->server_version, sizeof conn->server_version, "%.*s", (int)strcspn(version, " "),
             version);
    conn->cancel = PQgetCancel(conn->pg);
    if (PQsetnonblocking(conn->pg, 1) != 0 || PQenterPipelineMode(conn->pg) != 1)
        return mg_conn_fail_lost(conn, err);
    return true;
}

static void
describe_tries(const MgConn *conn, int64_t waited_ms, MgError *err)
{
    const MgAddressed *addressed = &conn->addressed;
    MG_CLEANUP(buf) MgBuf detail = { 0 };
    char waited[32];
    mg_text_duration(waited_ms * 1000, waited, sizeof waited);
    if (addressed->failure != NULL && !addressed->is_nowhere)
        mg_buf_format(&detail, "Another host was left out: %s.", addressed->failure);
    if (waited_ms >= 1000)
        mg_buf_format(&detail, "%sIt was tried again and again for %s.",
                      detail.size_bytes == 0 ? "" : "\n", waited);
    if (detail.size_bytes > 0)
        mg_error_detail(err, "%s", mg_buf_text(&detail));
}

static bool
fail_refused(const MgConn *conn, const MgAttempt *attempt, int64_t waited_ms, MgError *err)
{
    const char *known = mg_conn_advice(attempt->reason, conn->url->host);
    if (attempt->refusal == REFUSAL_CREDENTIALS) {
        mg_fail(err, MG_E_CREDENTIALS, "the server refused the connection: %s", attempt->reason);
        if (known == NULL)
            mg_error_hint(err, "Check user, password and database in %s.", conn->url->name);
    } else {
        mg_fail(err, MG_E_UNREACHABLE, "could not connect to the server%s%s: %s",
                attempt->where[0] == '\0' ? "" : " ", attempt->where, attempt->reason);
        describe_tries(conn, waited_ms, err);
        if (known == NULL && attempt->refusal == REFUSAL_WAIT)
            mg_error_hint(err, "Check that the server runs and that %s names its host and port.",
                          conn->url->name);
    }
    if (known != NULL)
        mg_error_hint(err, "%s", known);
    mg_text_copy(err->sqlstate, sizeof err->sqlstate, attempt->sqlstate);
    mg_error_at(err, conn->url->from, 0, 0);
    mg_error_note(err, "nothing was changed");
    return false;
}

/* The run's time ends what the server would have been waited for. */
static bool
fail_deadline(const MgConn *conn, MgError *err)
{
    MgError refused = *err;
    mg_fail(err, MG_E_DEADLINE, "the time for this run is over");
    mg_error_detail(err, "It waited for the server: %s.", refused.message);
    mg_error_hint(err, "%s", refused.hint[0]);
    mg_text_copy(err->sqlstate, sizeof err->sqlstate, refused.sqlstate);
    mg_error_at(err, conn->url->from, 0, 0);
    mg_error_note(err, "nothing was changed");
    return false;
}

static bool
connect_until(MgConn *conn, const MgConnOptions *options, MgError *err)
{
    int64_t start_ms = mg_clock_ms(), backoff_ms = FIRST_BACKOFF_MS, told_ms = start_ms;
    char said[sizeof((MgAttempt *)NULL)->reason] = "";

    for (bool is_first = true;; is_first = false) {
        MgAttempt refused = { 0 };
        bool is_up = false;
        if (!attempt(conn, options, &refused, &is_up, err))
            return false;
        if (is_up)
            return prepare_pipeline(conn, err);
        PQfinish(conn->pg);
        conn->pg = NULL;

        int64_t now_ms = mg_clock_ms(), waited_ms = now_ms - start_ms;
        int64_t left_ms = options->wait_server_ms - waited_ms;
        if (refused.refusal != REFUSAL_WAIT || left_ms <= 0 ||
            options->wait_server_ms < SHORTEST_WAIT_MS)
            return fail_refused(conn, &refused, is_first ? 0 : waited_ms, err);
        if (options->deadline_ms != 0 && options->deadline_ms - LAST_TRY_MS - now_ms < left_ms)
            left_ms = options->deadline_ms - LAST_TRY_MS - now_ms;
        if (left_ms <= 0)
            return !fail_refused(conn, &refused, 0, err) && fail_deadline(conn, err);
        bool is_news = strcmp(said, refused.reason) != 0 || now_ms - told_ms >= TELL_AGAIN_MS;
        if (is_news && options->on_waiting != NULL &&
            !options->on_waiting(options->payload, refused.reason, is_first ? 0 : waited_ms, err))
            return false;
        told_ms = is_news ? now_ms : told_ms;
        memcpy(said, refused.reason, sizeof said);
        /* The last try comes when the time is over, not a whole pause before. */
        int64_t jitter_ms = (int64_t)(mg_clock_random() % (uint64_t)(backoff_ms / 2));
        int64_t pause_ms = backoff_ms - jitter_ms < left_ms ? backoff_ms - jitter_ms : left_ms;
        if (!mg_conn_pause(conn, pause_ms, err))
            return false;
        backoff_ms = backoff_ms * 2 > LARGEST_BACKOFF_MS ? LARGEST_BACKOFF_MS : backoff_ms * 2;
    }
}

bool
mg_conn_open(const MgConnOptions *options, MgConn **ret, MgError *err)
{
    if (!mg_library_load(MG_LIBPQ, MG_E_SYSTEM, err))
        return false;
    MgConn *conn = mg_realloc(NULL, sizeof *conn);
    *conn = (MgConn){ .url = options->url,
                      .cancel_fd = options->cancel_fd,
                      .on_statement = options->on_statement,
                      .payload = options->payload };
    if (!connect_until(conn, options, err)) {
        mg_conn_close(conn);
        return false;
    }
    *ret = conn;
    return true;
}

void
mg_conn_close(MgConn *conn)
{
    if (conn == NULL)
        return;
    (void)mg_conn_reap_cancel(conn, true);
    PQfreeCancel(conn->cancel);
    PQfinish(conn->pg);
    mg_free(conn->flying);
    mg_arena_release(&conn->arena);
    mg_free(conn);
}
