/*
 * While the server works: how long already, how far, and who is in the way.
 * Nothing here can fail a migration; what cannot be seen is not said.
 */
#include "pg/exec_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum {
    RUNNING_FIRST_US = 10 * 1000000, /* silence is what gets builds cancelled */
    RUNNING_TENS_US = 60 * 1000000,
    RUNNING_LATER_US = 60 * 1000000,
    LIVE_FIRST_US = 300 * 1000,
    LIVE_US = 250 * 1000,
    LOOK_FIRST_US = 600 * 1000,
    LOOK_AGAIN_US = 5 * 1000000,
    LOOK_US = 2 * 1000000,
    /* Shorter waits are told by the error or the retry that they end in. */
    BLOCKED_US = 2 * 1000000,
};

static void
emit(const MgExec *exec, MgEvent event)
{
    exec->input->on_event(exec->input->payload, &event);
}

/* When "running" is due again: every 10 s of the first minute, then every minute. */
static int64_t
next_running_us(int64_t silent_us)
{
    int64_t step_us = silent_us < RUNNING_TENS_US ? RUNNING_FIRST_US : RUNNING_LATER_US;
    return (silent_us / step_us + 1) * step_us;
}

void
mg_exec_watch_answered(MgExec *exec)
{
    exec->result_us = mg_clock_us();
    exec->running_us = exec->live_us = exec->look_us = 0;
    exec->told_blocker = 0;
}

void
mg_exec_watch_look(MgExec *exec)
{
    exec->sight_us = mg_watch_look(&exec->watch, &exec->sight) ? mg_clock_us() : 0;
}

static void
look(MgExec *exec, const char *label, int64_t silent_us)
{
    if (silent_us < exec->look_us)
        return;
    mg_exec_watch_look(exec);
    silent_us = mg_clock_us() - exec->result_us;
    exec->look_us = silent_us < LOOK_AGAIN_US ? LOOK_AGAIN_US : silent_us + LOOK_US;
    if (exec->sight_us == 0 || exec->sight.n_blockers == 0)
        return;
    if (silent_us < BLOCKED_US) {
        exec->look_us = BLOCKED_US;
        return;
    }
    if (exec->sight.blocker_pid == exec->told_blocker)
        return;
    exec->told_blocker = exec->sight.blocker_pid;
    char text[sizeof exec->sight.blocker + 32];
    snprintf(text, sizeof text, "blocked by %s", exec->sight.blocker);
    emit(exec, (MgEvent){ .kind = MG_EVENT_WAITING, .migration = label, .text = text });
}

/* "CREATE INDEX CONCURRENTLY, 48 %" */
static void
tell_running(MgExec *exec, MgEventKind kind, const MgTag *front, int64_t silent_us)
{
    const MgExecInput *input = exec->input;
    char text[160];
    const char *what = front->label == NULL ? "" : front->label;
    if (exec->sight_us > exec->result_us && exec->sight.percent >= 0)
        snprintf(text, sizeof text, "%s, %d %%", what, exec->sight.percent);
    else
        snprintf(text, sizeof text, "%s", what);
    emit(exec, (MgEvent){ .kind = kind,
                          .migration = input->steps[front->item].entry->label,
                          .duration_us = silent_us,
                          .text = text[0] == '\0' ? NULL : text,
                          .step = input->n_before + front->item + 1,
                          .n_steps = input->n_before + input->n_steps });
}

/* Before lock_timeout ends a first wait: behind it nobody knows who was in the way. */
static int64_t
first_look_us(const MgExec *exec, size_t step_i)
{
    int64_t us = mg_exec_lock_timeout_ms(exec, step_i) * 1000 / 2;
    return us < LOOK_FIRST_US ? us : LOOK_FIRST_US;
}

int64_t
mg_exec_on_silence(void *payload, const MgTag *front)
{
    MgExec *exec = payload;
    int64_t silent_us = mg_clock_us() - exec->result_us;
    if (exec->running_us == 0) {
        exec->running_us = RUNNING_FIRST_US;
        exec->live_us = LIVE_FIRST_US;
        exec->look_us = first_look_us(exec, front->item);
    }
    look(exec, exec->input->steps[front->item].entry->label, silent_us);
    silent_us = mg_clock_us() - exec->result_us;
    if (silent_us >= exec->running_us) {
        tell_running(exec, MG_EVENT_RUNNING, front, silent_us);
        exec->running_us = next_running_us(silent_us);
    }
    int64_t next_us = exec->running_us < exec->look_us ? exec->running_us : exec->look_us;
    if (exec->input->is_live) {
        if (silent_us >= exec->live_us) {
            tell_running(exec, MG_EVENT_PROGRESS, front, silent_us);
            exec->live_us = silent_us + LIVE_US;
        }
        next_us = exec->live_us < next_us ? exec->live_us : next_us;
    }
    return mg_clock_ms() + (next_us - silent_us) / 1000 + 1;
}
