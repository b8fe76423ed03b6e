#include "row.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "talk.h"

enum {
    MAX_VALUE_BYTES = 40,
    SHORT_VALUE_BYTES = 8,
};

static void
add_value(const char *value, MgBuf *ret)
{
    if (value == NULL)
        mg_buf_add(ret, "null");
    else if (strlen(value) <= MAX_VALUE_BYTES)
        mg_buf_add(ret, value);
    else
        mg_buf_format(ret, "%.*s...", (int)mg_text_cut(value, strlen(value), SHORT_VALUE_BYTES),
                      value); /* a digest: its first digits tell it apart */
}

/* "change   statements_done: 1 -> 2" for each value. */
static void
add_changes(const MgRepairPlan *plan, MgBuf *ret)
{
    if (plan->n_changes == 0)
        return;
    mg_buf_format(ret, "row      %s, id %lld, %s\n", plan->history, (long long)plan->row_id,
                  plan->label);
    for (size_t i = 0; i < plan->n_changes; i++) {
        const MgChange *change = &plan->changes[i];
        if (change->is_blind)
            continue;
        mg_buf_format(ret, "change   %s: ", change->column);
        add_value(change->from, ret);
        mg_buf_add(ret, " -> ");
        add_value(change->to, ret);
        mg_buf_add_char(ret, '\n');
    }
}

bool
mg_row_ask(const MgRun *run, const MgRepairPlan *plan, const MgConsent *consent, MgError *err)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    mg_buf_add_char(&text, '\n');
    add_changes(plan, &text);
    mg_text_defuse(text.text, true);
    mg_talk_write_err(run->talk, text.text, text.size_bytes);
    const char *question = mg_arena_format(run->arena, "change this row in %s at %s?",
                                           plan->target.database, plan->target.host);
    return mg_consent_ask(run, consent, question, err);
}

void
mg_row_print(const MgRun *run, const MgRepairPlan *plan)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    add_changes(plan, &text);
    if (text.size_bytes > 0) {
        mg_text_defuse(text.text, true);
        mg_talk_write(run->talk, text.text, text.size_bytes);
    }
    mg_talk_result(run->talk, "done", "%s", plan->outcome);
}
