/*
 * Talk: how events, results and errors are printed.  Results go to stdout,
 * everything else to stderr; each line is a word padded to nine columns and a
 * text.
 */
#ifndef MG_CMD_TALK_H
#define MG_CMD_TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "annotate.h"
#include "base/arena.h"
#include "base/attr.h"
#include "migrate.h"
#include "notices.h"
#include "opt.h"
#include "term.h"

enum {
    MG_TALK_GATHER_BYTES = 1 << 13,
};

typedef struct MgTalk {
    MgTerm out, err;
    bool is_quiet, is_verbose;
    bool has_document; /* stdout is for one document: results are talk */
    bool has_live;     /* the last line of err is one that will be replaced */
    bool is_gathering; /* mg_talk_idle will be called: lines of migrations wait for it */
    char gathered[MG_TALK_GATHER_BYTES];
    size_t gathered_bytes;
    const MgTerm *gathered_for;
    int out_errno; /* why a result could not be written, 0 when all of them were */
    /* Said already: a plan and a run of one command come to the same target, with the same notes.
     */
    struct {
        const char **items;
        size_t n, cap;
    } said;
    MgNotices notices; /* of the migration that runs */
    MgAnnotate annotate;
    const char *command; /* for the summary; NULL: none yet */
    MgArena *arena;
} MgTalk;

void mg_talk_init(const MgCommon *common, char *const *environment, MgArena *arena, MgTalk *ret);

/* For MgOptions.on_event and on_idle; payload is an MgTalk. */
void mg_talk_event(void *payload, const MgEvent *event);
void mg_talk_idle(void *payload);
/* Error, place, excerpt, detail, hints and note. */
void mg_talk_error(MgTalk *talk, const MgError *err);
/* The same of a run that is over: a result, to stdout. */
void mg_talk_past_error(MgTalk *talk, const MgError *err);
/* What up would refuse, as a warning. */
void mg_talk_refusal(MgTalk *talk, const MgError *refusal);
/* On GitHub, an annotation; nothing elsewhere. */
void mg_talk_annotate(MgTalk *talk, const MgError *finding);
/* "warning: ..." or "note: ...". */
void mg_talk_aside(MgTalk *talk, const char *kind, const char *text);
/* A result: stdout. */
void mg_talk_result(MgTalk *talk, const char *word, const char *format, ...) MG_PRINTF(3, 4);
/* For reports, an MgWrite; payload is an MgTalk.  To stdout, and to stderr. */
void mg_talk_write(void *payload, const char *text, size_t size_bytes);
void mg_talk_write_err(void *payload, const char *text, size_t size_bytes);
/* Write what a summary of the run is to tell; that it cannot be written is a warning. */
void mg_talk_summary(MgTalk *talk);
/* End what was replaced by nothing. */
void mg_talk_end(MgTalk *talk);
/* Leave the line on which a terminal has echoed "^C". */
void mg_talk_leave_echo(MgTalk *talk);

#endif
