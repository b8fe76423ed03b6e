/*
 * migrate url: the URLs of the database, without connecting.  Passwords are
 * masked unless asked for, and never printed into the log of a build.
 */
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "cmd.h"
#include "talk.h"

typedef struct Args {
    bool is_direct, is_pooled, is_dotenv, is_revealed;
} Args;

static const MgOpt opts[] = {
    { .name = "direct",
      .help = "the URL of the server itself, for migrations",
      .offset = offsetof(Args, is_direct) },
    { .name = "pooled",
      .help = "the URL of the provider's pooler, for an application",
      .offset = offsetof(Args, is_pooled) },
    { .name = "dotenv", .help = "both, as lines for .env", .offset = offsetof(Args, is_dotenv) },
    { .name = "reveal",
      .help = "with the password; refused in builds, where CI is set",
      .offset = offsetof(Args, is_revealed) },
    { .name = NULL },
};

static bool
check(const MgRun *run, MgError *err)
{
    const Args *args = run->args;
    if (args->is_direct + args->is_pooled + args->is_dotenv > 1)
        return mg_cmd_usage("url", err, "take one of --direct, --pooled and --dotenv");
    if (args->is_revealed && *mg_term_variable(run->environment, "CI") != '\0') {
        (void)mg_fail(err, MG_E_USAGE, "--reveal would print a password into a build's log");
        mg_error_hint(err, "CI is set here; run it on your own machine.");
        return false;
    }
    return true;
}

static bool
fail_unknown(const char *kind, const MgUrls *urls, const MgTarget *target, MgError *err)
{
    (void)mg_fail(err, MG_E_USAGE, "no rule tells the %s URL of %s", kind, target->from);
    if (strcmp(kind, "direct") == 0 && urls->advice != NULL)
        mg_error_hint(err, "%s", urls->advice);
    else
        mg_error_hint(err, "The provider's console shows it.");
    return false;
}

static void
print_line(const MgRun *run, const char *format, const char *name, const char *url)
{
    const char *line = mg_arena_format(run->arena, format, name, url);
    mg_talk_write(run->talk, line, strlen(line));
}

/* Single quotes where double ones would let a reader change the value. */
static void
print_variable(const MgRun *run, const char *name, const char *url)
{
    bool is_single = strpbrk(url, "$\"\\`") != NULL;
    print_line(run, is_single ? "%s='%s'\n" : "%s=\"%s\"\n", name, url);
}

static bool
print(const MgRun *run, const MgUrls *urls, const MgTarget *target, MgError *err)
{
    const Args *args = run->args;
    if (args->is_dotenv && urls->direct == NULL)
        return fail_unknown("direct", urls, target, err);
    if (args->is_dotenv && urls->pooled != NULL)
        print_variable(run, urls->pooled_name, urls->pooled);
    if (args->is_dotenv) {
        /* Without a pooler an application reads the one URL that there is. */
        print_variable(run, urls->pooled == NULL ? urls->pooled_name : urls->direct_name,
                       urls->direct);
        return true;
    }
    const char *url = args->is_direct   ? urls->direct
                      : args->is_pooled ? urls->pooled
                                        : urls->chosen;
    if (url == NULL)
        return fail_unknown(args->is_direct ? "direct" : "pooled", urls, target, err);
    print_line(run, "%s%s\n", "", url);
    return true;
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    /* Migrations are of no interest here. */
    const MgFile no_files[1] = { { .name = NULL } };
    MgOptions options;
    MgContext *context = NULL;
    if (!check(run, err))
        return false;
    mg_cmd_options(run, &options);
    options.is_reading = true;
    options.files = no_files;
    if (!mg_open(&options, &context, err))
        return false;
    MgUrls urls;
    mg_urls(context, args->is_revealed, &urls);
    bool ok = print(run, &urls, mg_target(context), err);
    if (ok && !args->is_revealed && strstr(urls.chosen, "***") != NULL)
        mg_talk_aside(run->talk, "note", "the password is masked; --reveal prints it");
    mg_close(context);
    return ok;
}

static const char *const examples[] = {
    "migrate url",
    "the URL that was chosen",
    "migrate url --direct --reveal",
    "the direct URL, to set as a variable",
    "migrate url --dotenv --reveal",
    "both URLs, for .env",
    NULL,
};

const MgCmd cmd_url = {
    .name = "url",
    .summary = "the direct and the pooled URL of the database",
    .about =
        "Print the URL of the database that a run here would take, or its direct or pooled\n"
        "twin, made by the provider's rule. Everything else in it stays as it is. It makes no\n"
        "connection.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .is_behind = true,
    .examples = examples,
    .run = run,
};
