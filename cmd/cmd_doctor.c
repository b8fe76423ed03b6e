/* migrate doctor: may migrations run here, and what is in the way? */
#include <stddef.h>

#include "cmd.h"
#include "policy.h"
#include "show.h"
#include "talk.h"

typedef struct Args {
    MgPolicyArgs policy;
} Args;

static const MgOpt opts[] = {
    MG_POLICY_OPTS(offsetof(Args, policy)),
    { .name = NULL },
};

/* The report says all that a run would say on its way. */
static void
on_event(void *payload, const MgEvent *event)
{
    if (event->kind == MG_EVENT_WAITING || event->kind == MG_EVENT_DEBUG)
        mg_talk_event(payload, event);
}

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    const Args *args = run->args;
    MgOptions options;
    mg_cmd_options(run, &options);
    mg_policy_options(&args->policy, &options);
    options.is_diagnosing = true;
    options.on_event = on_event;

    MgContext *context = NULL;
    const MgDiagnosis *diagnosis = NULL;
    MgView view;
    bool ok = mg_open(&options, &context, err) && mg_diagnose(context, &diagnosis, err);
    mg_show_view(run, ok ? NULL : err, &view);
    if (ok || view.format == MG_JSON)
        mg_write_doctor(diagnosis, &view, mg_talk_write, run->talk);
    if (ok)
        *ret_status = mg_error_exit_status(diagnosis->code);
    mg_close(context);
    return ok;
}

static const char *const examples[] = {
    "migrate doctor",
    "what a run would meet here",
    "migrate doctor --output json",
    "the same findings as one JSON document",
    NULL,
};

const MgCmd cmd_doctor = {
    .name = "doctor",
    .summary = "is this connection direct, may this role migrate, what is in the way",
    .about =
        "Look at the URL, the connection, the server, the role, the history and the files, and\n"
        "say what is in the way of \"migrate up\". It goes on where a run would stop, takes no\n"
        "lock and changes nothing. Exit status 0 when \"up\" may run, else that of the first\n"
        "failure.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .formats = MG_CMD_JSON | MG_CMD_MARKDOWN,
    .examples = examples,
    .run = run,
};
