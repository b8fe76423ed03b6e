/* What status and plan have in common: one plan, read and written. */
#ifndef MG_CMD_SHOW_H
#define MG_CMD_SHOW_H

#include <stdbool.h>

#include "base/attr.h"
#include "cmd.h"

typedef void (*MgShowWrite)(const MgPlan *plan, const MgView *view, MgWrite write, void *payload);
/* Tell what is wrong, before the document is written, and choose the exit status. */
typedef int (*MgShowJudge)(const MgRun *run, const MgPlan *plan);

typedef struct MgShow {
    MgGoal goal;
    MgRows rows;
    bool is_offline;
    MgShowWrite write;
    /* Does the table have anything to say for this plan?  NULL: always. */
    bool (*has_table)(const MgPlan *plan);
    MgShowJudge judge;
} MgShow;

/* Read the plan and show it.  JSON is one document, also when there is an error to tell of. */
MG_CHECK bool mg_show(const MgRun *run, const MgShow *show, int *ret_status, MgError *err);

/* Does its format have a document to write when there is an error to tell of? */
bool mg_show_has_errors(const MgRun *run);

/* What up would do for the goal: "migrate plan". */
MG_CHECK bool mg_show_plan(const MgRun *run, const MgGoal *goal, int *ret_status, MgError *err);

/*
 * Before a command that runs migrations: stdout is for its document, unless it
 * is to be lines.  Behind it: write the document; error: it failed.
 */
bool mg_show_begin_document(const MgRun *run);
void mg_show_outcome(const MgRun *run, const MgRunResult *result, const MgError *error);

/* How the command line wants a report; error may be NULL. */
void mg_show_view(const MgRun *run, const MgError *error, MgView *ret);

#endif
