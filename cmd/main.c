/*
 * The command: signals, the two passes over argv, the exit status.  The only
 * file that knows of signals, and the only one that ends the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "cmd.h"
#include "help.h"
#include "opt.h"
#include "talk.h"

extern char **environ;

enum {
    SIGNAL_STATUS = 128,
    /* A second signal this soon is the first one, passed on. */
    ECHO_MS = 100,
};

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
static int cancel_pipe[2] = { -1, -1 };
static volatile sig_atomic_t first_signal;
static int64_t first_signal_ms; /* the handler's own: it does not interrupt itself */

/*
 * The first one asks the run to stop, the second one leaves at once.  Ctrl-C
 * under npm and the like arrives twice, from the terminal and passed on by the
 * parent; those two are one.
 */
static void
on_signal(int signal_number)
{
    int saved_errno = errno;
    struct timespec now = { .tv_sec = 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (first_signal == 0) {
        first_signal = signal_number;
        first_signal_ms = now_ms;
        /* Its number: a command that runs under us gets the same one. */
        unsigned char number = (unsigned char)signal_number;
        (void)!write(cancel_pipe[1], &number, 1);
    } else if (now_ms - first_signal_ms > ECHO_MS) {
        _exit(SIGNAL_STATUS + signal_number);
    }
    errno = saved_errno;
}

/*
 * A stream that was closed by the caller ("migrate status >&-") must not become
 * the number of our connection to the server: results would be written into it.
 */
static void
hold_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
}

static bool
catch_signals(MgError *err)
{
    if (pipe(cancel_pipe) != 0)
        return mg_fail(err, MG_E_SYSTEM, "could not make a pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++)
        (void)fcntl(cancel_pipe[i], F_SETFD, FD_CLOEXEC);
    mg_term_end_by(&first_signal);
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        (void)sigaddset(&action.sa_mask, caught[i]);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) {
        /* nohup and the like ignore some on purpose. */
        struct sigaction before;
        if (sigaction(caught[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(caught[i], &action, NULL);
    }
    /* A reader that goes away must not end a run in the middle. */
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    /* Nor must a notebook that passes the limit of file sizes. */
    (void)sigaction(SIGXFSZ, &action, NULL);
    return true;
}

static bool
refuse_format(const MgCmd *cmd, MgError *err)
{
    static const struct {
        unsigned formats;
        const char *words;
    } known[] = {
        { 0, "no other output than a table" },
        { MG_CMD_JSON, "no other output than table and json" },
        { MG_CMD_JSON | MG_CMD_MARKDOWN, "no other output than table, json and markdown" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].formats == cmd->formats)
            return mg_cmd_usage(cmd->name, err, "migrate %s has %s", cmd->name, known[i].words);
    return mg_cmd_usage(cmd->name, err, "migrate %s has no such output", cmd->name);
}

static bool
check_words(const MgCmd *cmd, const MgWords *words, const MgCommon *common, MgError *err)
{
    if (words->n < cmd->min_words)
        return mg_cmd_usage(cmd->name, err, "%s is missing", cmd->argument);
    if (words->n > cmd->max_words)
        return mg_cmd_usage(cmd->name, err, "\"%s\" is one word too many",
                            mg_cmd_shown(words->items[cmd->max_words]));
    /* As "$V" of a shell that has none. */
    for (size_t i = 0; i < words->n && !cmd->stops_at_word; i++)
        if (words->items[i][0] == '\0')
            return mg_cmd_usage(cmd->name, err, "an argument is empty");
    if (common->format > MG_TABLE && (cmd->formats & 1U << common->format) == 0)
        return refuse_format(cmd, err);
    return true;
}

static void
print_help(MgTalk *talk, const MgCmd *cmd, bool is_result)
{
    MG_CLEANUP(buf) MgBuf text = { 0 };
    int width = is_result ? talk->out.width : talk->err.width;
    if (cmd == NULL)
        mg_help_all(width, &text);
    else
        mg_help_command(cmd, width, &text);
    (is_result ? mg_talk_write : mg_talk_write_err)(talk, mg_buf_text(&text), text.size_bytes);
}

/* The format, where no option says which: of the configuration, for those that have several. */
static bool
choose_format(const MgRun *run, MgCommon *common, MgError *err)
{
    static const char *const formats[] = { "table", "json", "markdown" };
    char wanted[16] = "";
    bool is_open = common->format == MG_NO_FORMAT;
    if (is_open)
        common->format = MG_TABLE;
    if (!is_open || run->cmd->formats == 0)
        return true;
    MgOptions options;
    mg_cmd_options(run, &options);
    if (!mg_setting(&options, "output", wanted, sizeof wanted, err))
        return false;
    for (int i = 0; i < (int)(sizeof formats / sizeof *formats); i++)
        if (strcmp(formats[i], wanted) == 0 &&
            (i == MG_TABLE || (run->cmd->formats & 1U << i) != 0))
            common->format = i;
    return true;
}

/* argv begins with the command's name. */
static bool
run_command(const MgCmd *cmd, const MgWords *argv, MgCommon *common, MgTalk *talk, MgArena *arena,
            int *ret_status, MgError *err)
{
    MgRun run = { .cmd = cmd,
                  .common = common,
                  .args = mg_arena_alloc(arena, cmd->args_bytes + 1),
                  .environment = environ,
                  .cancel_fd = cancel_pipe[0],
                  .talk = talk,
                  .arena = arena };
    const MgOptTable tables[] = { { mg_common_opts, common }, { cmd->opts, run.args } };
    bool ok = mg_opt_parse(cmd->name, (int)argv->n, (char **)argv->items, tables, 2,
                           cmd->stops_at_word, arena, &run.words, err);
    mg_talk_init(common, environ, arena, talk);
    talk->command = cmd->name;
    if (!ok)
        return false;
    if (common->is_help) {
        print_help(talk, cmd, true);
        return true;
    }
    return check_words(cmd, &run.words, common, err) && mg_cmd_check_database(&run, err) &&
           choose_format(&run, common, err) && cmd->run(&run, ret_status, err);
}

static bool
run_all(int argc, char **argv, MgTalk *talk, MgArena *arena, int *ret_status, MgError *err)
{
    MgCommon common = { .format = MG_NO_FORMAT };
    mg_talk_init(&common, environ, arena, talk);
    const MgOptTable table = { mg_common_opts, &common };
    MgWords words;
    if (!catch_signals(err) || !mg_opt_parse(NULL, argc, argv, &table, 1, true, arena, &words, err))
        return false;
    mg_talk_init(&common, environ, arena, talk);
    if (common.is_version) {
        static const char version[] = "migrate " MG_VERSION "\n";
        mg_talk_write(talk, version, sizeof version - 1);
        return true;
    }
    if (common.is_help) {
        const MgCmd *cmd = words.n == 0 ? NULL : mg_cmd_find(words.items[0]);
        print_help(talk, cmd, true);
        return true;
    }
    if (words.n == 0) {
        print_help(talk, NULL, false);
        *ret_status = mg_error_exit_status(MG_E_USAGE);
        return true;
    }
    const MgCmd *cmd = mg_cmd_find(words.items[0]);
    if (cmd == NULL)
        return mg_cmd_unknown(words.items[0], err);
    return run_command(cmd, &words, &common, talk, arena, ret_status, err);
}

/* Whoever reads the results must not take a part of them for all. */
static bool
check_output(const MgTalk *talk, MgError *err)
{
    if (talk->out_errno == 0)
        return true;
    (void)mg_fail(err, MG_E_SYSTEM, "could not write to stdout: %s", strerror(talk->out_errno));
    mg_text_copy(err->note, sizeof err->note,
                 "the command itself was carried out; its output is not complete");
    return false;
}

int
main(int argc, char **argv)
{
    hold_standard_streams();
    MgArena arena = { 0 };
    MgTalk talk;
    MgError err;
    int status = 0;
    if (!run_all(argc, argv, &talk, &arena, &status, &err) || !check_output(&talk, &err)) {
        if (first_signal == SIGINT)
            mg_talk_leave_echo(&talk);
        mg_talk_error(&talk, &err);
        status = mg_error_exit_status(err.code);
        if (err.code == MG_E_CANCELLED && first_signal != 0)
            status = SIGNAL_STATUS + first_signal;
    }
    mg_talk_summary(&talk);
    mg_talk_end(&talk);
    mg_arena_release(&arena);
    return status;
}
