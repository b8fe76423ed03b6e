#include "consent.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "talk.h"

static bool
cancel(const MgConsent *consent, MgError *err, const char *message)
{
    (void)mg_fail(err, MG_E_CANCELLED, "%s", message);
    mg_error_note(err, "%s", consent->note);
    return false;
}

static bool
refuse_unasked(const MgRun *run, const MgTarget *target, const MgConsent *consent, MgError *err)
{
    (void)mg_fail(err, MG_E_USAGE, "%s on another machine needs --yes where nobody can be asked",
                  consent->action);
    if (target->database != NULL && target->host != NULL)
        mg_error_detail(err, "It is %s at %s, from %s.", target->database, target->host,
                        target->from);
    mg_error_hint(err, "Look at it first: %s", mg_cmd_there(run, consent->look));
    mg_error_hint(err, "If it is meant: %s --yes", mg_cmd_again(run));
    mg_error_note(err, "%s", consent->note);
    return false;
}

static bool
refuse_claimed(const MgRun *run, const MgTarget *target, const MgConsent *consent,
               const MgClaimed *claimed, MgError *err)
{
    (void)mg_fail(err, MG_E_USAGE,
                  "%s needs --yes where nobody can be asked: \"%s\" claimed this database",
                  consent->action, claimed->environment);
    mg_error_detail(err,
                    "It was claimed at %s. %s at %s, from %s, is not a direct session: a tunnel may"
                    " lead there, or this is a copy.",
                    claimed->hosts, target->database, target->host, target->from);
    mg_error_hint(err, "If it is meant: %s --yes", mg_cmd_again(run));
    if (!consent->ends_claim)
        mg_error_hint(err, "If it is a copy, end the claim in it: %s --yes",
                      mg_cmd_there(run, "migrate claim --release"));
    mg_error_note(err, "%s", consent->note);
    return false;
}

bool
mg_consent_has_somebody(const MgRun *run)
{
    /* A build may have a terminal, but nobody sits at it. */
    bool is_build = *mg_term_variable(run->environment, "CI") != '\0';
    return !run->common->is_yes && !is_build && isatty(STDIN_FILENO) == 1 &&
           isatty(STDERR_FILENO) == 1;
}

bool
mg_consent_check(const MgRun *run, MgContext *context, MgConsent *consent, bool *ret_must_ask,
                 MgError *err)
{
    const MgTarget *target = mg_target(context);
    MgClaimed claimed = { .environment = NULL };
    *ret_must_ask = false;
    if (run->common->is_yes)
        return true;
    if (target->is_local && !mg_claim_behind(context, &claimed, err))
        return false;
    if (target->is_local && claimed.environment == NULL)
        return true;
    if (!mg_consent_has_somebody(run))
        return target->is_local ? refuse_claimed(run, target, consent, &claimed, err)
                                : refuse_unasked(run, target, consent, err);
    if (target->is_local)
        consent->why = mg_arena_format(
            run->arena, "\"%s\" claimed this database at %s, and a tunnel may lead there%s",
            claimed.environment, claimed.hosts,
            consent->ends_claim ? "" : "; if it is a copy, \"migrate claim --release\" ends this");
    *ret_must_ask = true;
    return true;
}

/* What is left of a line that is too long for an answer is not for the shell to run. */
static ssize_t
read_line(char *ret, size_t ret_bytes)
{
    char rest[256];
    ssize_t n = read(STDIN_FILENO, ret, ret_bytes);
    ssize_t last = n;
    char end = n > 0 ? ret[n - 1] : '\n';
    while (last > 0 && end != '\n') {
        last = read(STDIN_FILENO, rest, sizeof rest);
        end = last > 0 ? rest[last - 1] : '\n';
    }
    return n < 0 ? 0 : n;
}

/* One line from the terminal; yes is "y" or "yes". */
static bool
read_answer(const MgRun *run, const MgConsent *consent, MgError *err)
{
    struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                            { .fd = run->cancel_fd, .events = POLLIN } };
    while (poll(fds, sizeof fds / sizeof *fds, -1) < 0) {
        if (errno != EINTR)
            return cancel(consent, err, "the answer could not be read");
    }
    if (fds[1].revents != 0)
        return cancel(consent, err, "the run was interrupted");
    char answer[16];
    ssize_t n = read_line(answer, sizeof answer - 1);
    if (n == 0 || answer[n - 1] != '\n')
        mg_talk_write_err(run->talk, "\n", 1); /* behind the question, as the answer would have */
    while (n > 0 && (answer[n - 1] == '\n' || answer[n - 1] == '\r' || answer[n - 1] == ' '))
        n--;
    answer[n] = '\0';
    return mg_text_equal_fold(answer, "y") || mg_text_equal_fold(answer, "yes") ||
           cancel(consent, err, "the answer was not yes");
}

bool
mg_consent_ask(const MgRun *run, const MgConsent *consent, const char *question, MgError *err)
{
    if (consent->why != NULL)
        mg_talk_aside(run->talk, "note", consent->why);
    char *line = mg_arena_format(run->arena, "\n%s [y/N] ", question);
    mg_text_defuse(line, true);
    mg_talk_write_err(run->talk, line, strlen(line));
    return read_answer(run, consent, err);
}
