#include "target/policy.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "target/twin.h"

static const char *const mode_details[] = {
    [MG_POOL_TRANSACTION] =
        "Each transaction there may get another backend, so locks and settings do not hold.",
    [MG_POOL_SESSION] =
        "Sessions there run on used backends, so a lock may outlive the run that took it.",
    [MG_POOL_UNKNOWN] = "Backends are shared there, so locks and settings may not hold.",
};

enum {
    /* A line of the excerpt; a longer URL is cut around the mark. */
    LINE_BYTES = 96,
    LEAD_BYTES = 48,
    /* Of the 768 of a hint. */
    MAX_TWIN_BYTES = 600,
};

/* ---- The refusal ---- */

/* The dots round a label tell it from other text, but are not what gave it away. */
static MgSpan
without_dots(const char *text, MgSpan mark)
{
    if (mark.end > mark.begin && text[mark.begin] == '.')
        mark.begin++;
    if (mark.end > mark.begin && text[mark.end - 1] == '.')
        mark.end--;
    return mark;
}

/* The shown URL with carets; long ones are cut so that the mark stays in sight. */
static void
write_excerpt(MgError *err, const char *text, MgSpan mark, const char *words)
{
    size_t size_bytes = strlen(text);
    size_t begin = 0;
    bool is_long = size_bytes > LINE_BYTES || mark.end + 1 + strlen(words) > LINE_BYTES;
    if (is_long && mark.begin > LEAD_BYTES)
        begin = mg_text_cut(text, size_bytes, mark.begin - LEAD_BYTES);
    size_t end = begin + mg_text_cut(text + begin, size_bytes - begin, LINE_BYTES);
    if (end < mark.end)
        end = mark.end;
    const char *before = begin > 0 ? "..." : "";
    size_t lead = strlen(before) + mg_text_width(text + begin, mark.begin - begin);
    MG_CLEANUP(buf) MgBuf line = { 0 };
    mg_buf_format(&line, "   |\n   | %s", before);
    mg_buf_add_n(&line, text + begin, end - begin);
    mg_buf_add(&line, end < size_bytes ? "..." : "");
    if (mark.end > mark.begin) {
        mg_buf_add(&line, "\n   | ");
        mg_buf_add_repeated(&line, ' ', lead);
        mg_buf_add_repeated(&line, '^', mg_text_width(text + mark.begin, mark.end - mark.begin));
        mg_buf_format(&line, " %s", words);
    } else {
        mg_buf_format(&line, "\n   | %s", words);
    }
    mg_text_copy(err->excerpt, sizeof err->excerpt, mg_buf_text(&line));
}

/* "Set DATABASE_URL_UNPOOLED to the direct URL", and where that is to be had. */
static const char *
first_step(const MgUrl *url, const MgProvider *provider, const MgPolicy *policy, bool has_twin,
           MgArena *arena)
{
    const char *name =
        policy->is_name_given ? NULL : mg_provider_name_of_direct(url, provider, arena);
    bool is_option = url->name[0] == '-';
    const char *prints =
        has_twin && !is_option ? " (\"migrate url --direct --reveal\" prints it)" : "";
    if (is_option)
        return mg_arena_format(arena, "Give %s the direct URL", url->name);
    if (mg_text_starts(url->name, "PG") && name != NULL)
        return mg_arena_format(arena, "Set %s to the direct host, which %s usually holds%s",
                               url->name, name, prints);
    if (mg_text_starts(url->name, "PG"))
        return mg_arena_format(arena, "Set the PG variables to the direct server%s", prints);
    return mg_arena_format(arena, "Set %s to the direct URL%s", name == NULL ? url->name : name,
                           prints);
}

static void
add_hints(const MgUrl *url, const MgProvider *provider, const MgPolicy *policy, const char *twin,
          MgArena *arena, MgError *err)
{
    bool is_option = url->name[0] == '-';
    bool is_shown = twin != NULL && strlen(twin) <= MAX_TWIN_BYTES;
    const char *step = first_step(url, provider, policy, is_shown, arena);
    /* There the direct URL is always at hand, under a name of its own. */
    if (provider == &mg_provider_heroku) {
        mg_error_hint(err, "Take the direct URL instead: --url-env %s",
                      mg_provider_name_of_direct(url, provider, arena));
        return;
    }
    if (is_shown)
        mg_error_hint(err, "%s:\n%s", step, twin);
    else
        mg_error_hint(err, "%s of this database%s", step,
                      provider->advice == NULL ? ", which does not go through the pooler." : ".");
    if (provider->advice != NULL)
        mg_error_hint(err, "%s", provider->advice);
    if (provider == &mg_provider_own_word)
        mg_error_hint(err, "If the host is no pooler, remove \"pgbouncer=true\" from the URL.");
    if (is_shown && is_option)
        mg_error_hint(err, "Or derive it: --derive-direct");
    else if (is_shown)
        mg_error_hint(err, "Or derive it on every run: --derive-direct, or \"pooled_url: derive\""
                           " in migrate.yaml.");
}

static bool
refuse(const MgUrl *url, const MgProvider *provider, size_t host_i, const MgPolicy *policy,
       MgArena *arena, MgError *err)
{
    MgSpan mark = mg_twin_mark(url, provider, host_i);
    (void)mg_fail(err, MG_E_POOLED_URL, "%s leads to a connection pooler", url->name);
    mg_error_at(err, url->from, 0, 0);
    write_excerpt(err, url->display, without_dots(url->display, mark), provider->words);
    mg_error_detail(err, "%s", mode_details[provider->mode]);
    add_hints(url, provider, policy, mg_twin_direct(url, false, arena), arena, err);
    mg_error_note(err, "no connection was made");
    return false;
}

/* ---- The policy ---- */

/* The direct twin, read like any other URL of that origin. */
static bool
derive(const MgUrl *url, const char *direct, char *const *environment, MgArena *arena, MgUrl *ret,
       MgError *err)
{
    if (!mg_url_parse(direct, url->from, environment, arena, ret, err))
        return false;
    mg_url_add_note(ret,
                    mg_arena_format(arena, "%s is pooled, so its direct URL is used: %s", url->name,
                                    ret->display),
                    arena);
    return true;
}

static bool
keep(const MgUrl *url, const char *note, MgArena *arena, MgUrl *ret)
{
    *ret = *url;
    mg_url_add_note(ret, note, arena);
    return true;
}

/* Is there a host that is pooled, and not by a mode that may be a session's? */
static bool
has_transaction_pooler(const MgUrl *url, const MgProvider *found)
{
    bool ret = found->mode == MG_POOL_TRANSACTION;
    MgHost host;
    for (size_t i = 0; mg_host_at(url, i, &host); i++) {
        const MgProvider *provider = mg_provider_of_host(&host, url);
        ret = ret || (provider != NULL && provider->mode == MG_POOL_TRANSACTION);
    }
    return ret;
}

bool
mg_policy_apply(const MgUrl *url, const MgPolicy *policy, char *const *environment, MgArena *arena,
                MgUrl *ret, MgError *err)
{
    size_t host_i;
    const MgProvider *provider = mg_provider_find(url, &host_i);
    if (provider == NULL) {
        *ret = *url;
        return true;
    }
    const char *direct = policy->is_direct_derived ? mg_twin_direct(url, true, arena) : NULL;
    if (direct != NULL)
        return derive(url, direct, environment, arena, ret, err);
    if (policy->is_session_accepted && !has_transaction_pooler(url, provider))
        return keep(url,
                    mg_arena_format(arena,
                                    "%s leads to a pooler (%s), accepted by "
                                    "--connection session",
                                    url->name, provider->words),
                    arena, ret);
    if (policy->is_reading)
        return keep(url,
                    mg_arena_format(arena,
                                    "%s leads to a pooler (%s): good enough to read, "
                                    "not to migrate",
                                    url->name, provider->words),
                    arena, ret);
    return refuse(url, provider, host_i, policy, arena, err);
}
