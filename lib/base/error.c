/*
 * Filling an MgError, and what its codes mean.  Texts come from servers, files
 * and the command line: nothing that could steer a terminal gets through, and no
 * password that can be told from other words.
 */
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mask.h"
#include "base/text.h"

enum {
    /* Longer than every field, so that what does not fit here is cut there too. */
    FORMAT_BYTES = 8192,
    REASON_BYTES = 256,
};

typedef struct CodeRow {
    int exit_status;
    const char *slug, *summary;
} CodeRow;

#define CODE_ROW(code, exit_status, slug, summary) [code] = { exit_status, slug, summary },
static const CodeRow code_rows[MG_N_ERRORS] = { MG_ERROR_LIST(CODE_ROW) };
#undef CODE_ROW

/* For "migrate help SLUG": sentences that name only commands and options that exist. */
static const char *const explanations[MG_N_ERRORS] = {
    [MG_OK] = "Everything that was asked for is done, or there was nothing to do. A run that finds"
              " its work already done by another run ends like this too.",
    [MG_E_SQL] =
        "The server refused a statement of a migration. The message shows the file, the line, the"
        " server's own words and its SQLSTATE. A migration that runs in a transaction was rolled"
        " back and left nothing behind; those before it stay applied. Correct the file and run"
        " \"migrate up\" again; \"migrate up --scratch\" tries it on a throw-away server first.",
    [MG_E_SERVER] =
        "The server refused a statement that migrate sent for itself, for its history table, its"
        " lock or its settings, and not one of your files. The message holds the server's own"
        " words. Run again with --verbose to see each statement; nothing was committed with the"
        " statement that failed.",
    [MG_E_USAGE] = "A command, an option or an argument is not one that migrate knows, or it has a"
                   " value that it cannot have. Nothing was done. \"migrate help\" lists the"
                   " commands, \"migrate help COMMAND\" the options of one.",
    [MG_E_CONFIG] =
        "A value of migrate.yaml, or of a variable such as MIGRATE_LATE, cannot be used. The "
        "message"
        " says where it stands. Keys that are not known are errors, so that a typing mistake never"
        " leaves a setting out. \"migrate doctor\" lists all settings and where each came from.",
    [MG_E_NO_TARGET] =
        "No database was named, and migrate never guesses one. Give --url"
        " postgresql://USER@HOST/DATABASE, or set MIGRATE_URL or DATABASE_URL in the environment"
        " or in a file .env, which is not read when CI is set. The message lists where it looked.",
    [MG_E_AMBIGUOUS_URL] =
        "Two variables of one place, such as DATABASE_URL and POSTGRES_URL in the environment, seem"
        " to lead to different databases, and migrating the wrong one cannot be undone. Host, port"
        " and database are compared as they are written, without the mark of a pooler. Say which "
        "variable is meant with --url-env NAME, or set"
        " MIGRATE_URL, which counts before all others.",
    [MG_E_BAD_URL] =
        "The database URL cannot be read, or names a kind of database that migrate does not work"
        " with. It must be a postgresql:// URL or libpq's key=value text. Characters such as @, /,"
        " : and # in a password must be percent-encoded: @ is written %40.",
    [MG_E_CREDENTIALS] =
        "The server answered and refused the user, the password or the name of the database."
        " Trying again cannot help. Check the URL where the message says it came from; the"
        " password in it must be percent-encoded.",
    [MG_E_PERMISSION] =
        "The role may log in but lacks a right that migrating needs. The first \"migrate up\""
        " makes a schema for the history table, so the role needs CREATE on the database, or"
        " --history must name a table in a schema where it may create one. After that it needs to"
        " own the history table and what the migrations change.",
    [MG_E_SOURCE] =
        "The migrations folder cannot be used as it is: it cannot be read, a .sql file in it has a"
        " name that fits no rule, or two files have the same version. migrate skips no file"
        " silently, because a skipped migration is found out too late. Files are named"
        " VERSION_NAME.up.sql and VERSION_NAME.down.sql, VERSION_NAME.sql, or R__NAME.sql;"
        " \"migrate new NAME\" makes them.",
    [MG_E_FILE] =
        "A migration file cannot be run as it is written: a quote that is not closed, a psql"
        " command, a byte that is not UTF-8, an unknown \"-- migrate:\" line, or transaction"
        " control of its own that does not fit into one transaction. The message shows the file,"
        " line and column. All that are to run are read before any of them is sent, so the"
        " database is as it was.",
    [MG_E_NOTEBOOK] =
        "The notebook is a SQLite file on this machine that remembers what was seen of each "
        "database"
        " and what was run from here; \"migrate status --offline\" and \"migrate log --local\" read"
        " it. It is not there yet, cannot be read, or does not know what was asked for. Nothing "
        "else"
        " needs it: leave these options out and the database answers.",
    [MG_E_SYSTEM] =
        "The operating system refused something that migrate needs, such as creating a file,"
        " starting a program or loading a library. The message ends with the system's reason. Check"
        " the rights and the free space at the place it names, and that a library it names is"
        " installed.",
    [MG_E_NO_POSTGRES] =
        "A throw-away server, for \"migrate scratch\" and --scratch, needs PostgreSQL's server"
        " programs (initdb and postgres) on this machine, \"migrate dump\" needs a pg_dump that is"
        " not older than the server. Install the PostgreSQL package of your system, or put the "
        "folder"
        " with these programs into PATH.",
    [MG_E_POOLED_URL] =
        "The URL leads to a connection pooler. There each transaction may get another backend, so"
        " the lock that keeps two runs apart and the settings of a session do not hold, and"
        " statements such as CREATE INDEX CONCURRENTLY can break. Use the direct URL of the same"
        " database: \"migrate url --direct --reveal\" prints it where the provider's rule is known,"
        " and --derive-direct uses it. A pooler in session mode may do with --connection session.",
    [MG_E_UNPROVED] =
        "migrate could not prove that its session is one backend of its own. Every run that"
        " writes asks the server whether this backend was started by its own connection, because"
        " the name of a host proves nothing. Most often a connection pooler or a proxy is in"
        " between: connect to PostgreSQL itself. Nothing was applied.",
    [MG_E_READ_ONLY] =
        "The session cannot write: the server is a standby, or sessions on it are read-only by"
        " default. Migrations need the primary server; \"migrate status\" and \"migrate plan\""
        " work here. Use the primary's URL, or ask for it with target_session_attrs=read-write in"
        " the URL.",
    [MG_E_OLD_SERVER] =
        "The server is older than PostgreSQL 13, the oldest that migrate is tested with; older ones"
        " lack what it asks and get no corrections any more. Nothing was changed. Upgrade the "
        "server"
        " before you migrate.",
    [MG_E_FENCE] =
        "Inside every transaction migrate asks the server whether this session still holds the"
        " lock, and this time it did not. Either a migration let go of it, with DISCARD ALL or"
        " pg_advisory_unlock_all(), or the connection is shared with others. Nothing of that"
        " transaction was committed. Take such a statement out of the file, and connect to"
        " PostgreSQL directly.",
    [MG_E_LOCK_BUSY] =
        "Another run works on this database, and it was not done in the time that this run may"
        " wait for its turn. The message says who holds the lock. Run again when it is done, or"
        " wait longer with --wait-turn; runs that wait find nothing left to do and end well.",
    [MG_E_UNREACHABLE] =
        "The server did not answer: connections were refused or timed out, the host's name was"
        " not found, or the server was still starting. migrate had already tried again for a"
        " while. Check host and port in the URL and the network's rules; running again later may"
        " help.",
    [MG_E_CONNECTION_LOST] =
        "The connection broke while the run was under way, and again and again, or the server did"
        " not come back: a run connects anew by itself, proves the session, takes the lock, reads"
        " in the history what was committed, and goes on. What was committed before stays, and"
        " what was in a transaction is rolled back by the server. \"migrate status\" shows where"
        " the database stands, and \"migrate up\" goes on from there.",
    [MG_E_DRIFT] =
        "A migration was edited after it was applied, so its file no longer says what was done to"
        " the database. A change of comments, of white space or of capitals outside quotes is only"
        " noted. Undo the edit and put the change into a new migration, made with \"migrate new "
        "NAME\". On a database"
        " that may lose it, \"migrate down\" before the edit and \"migrate up\" behind it do as"
        " well. If the database already agrees with the file, \"migrate repair V --accept-file\""
        " records that.",
    [MG_E_LATE] =
        "A pending migration has a version below the newest applied one. It usually comes from a"
        " branch that was merged after another, and was never tried in this order. Give its files"
        " a newer version, so that it comes last everywhere, or, if it does not depend on the"
        " order, apply it as it is with \"migrate up --late\".",
    [MG_E_NO_DOWN] =
        "A migration that should be reverted has no down script, or an empty one. Write one next"
        " to it, VERSION_NAME.down.sql or the \"-- migrate:down\" part of the file; the line"
        " \"-- migrate:down nothing\" says that there is nothing to undo. Where data would be"
        " lost, a new migration forward is the better way.",
    [MG_E_FROM_HISTORY] =
        "The file of a migration to revert is not in the folder, but its down script was stored in"
        " the database when it was applied. Since nobody has reviewed it here, it runs only with"
        " consent: a terminal shows it and asks, elsewhere \"migrate down --from-history\" gives "
        "it."
        " Checking out the commit that has the file is the other way.",
    [MG_E_PARTIAL] =
        "A migration or a down script without a transaction stopped half-way, and it cannot be"
        " known whether its last statement took effect, or the file has changed since in the part"
        " that ran; or a down script stopped half-way, and is to be finished by \"migrate down\""
        " before anything goes up."
        " \"migrate status\" shows how many of its statements are done. Look at the database: if "
        "the"
        " statement in doubt took effect, \"migrate repair V --statement K done\" records that, if "
        "it"
        " did not, \"migrate repair V --statement K again\". A file that was edited in the part "
        "that"
        " ran is brought back to what has run.",
    [MG_E_MIXED] =
        "A file holds statements that refuse to run inside a transaction, such as CREATE INDEX"
        " CONCURRENTLY, beside others that are safer in one. Move them into a migration of their"
        " own, or put the line \"-- migrate:no-transaction\" at the top of the file: then each"
        " statement runs by itself and a failure half-way is not rolled back.",
    [MG_E_ONE_TRANSACTION] =
        "All pending migrations were to run in one transaction, which \"migrate up"
        " --single-transaction\" commits and \"migrate up --rehearse\" rolls back, and one of them"
        " runs without a transaction: because of a statement such as CREATE INDEX CONCURRENTLY, or"
        " because its file says \"-- migrate:no-transaction\". Stop in front of it with --to, or"
        " let each migration commit by itself.",
    [MG_E_NOT_EMPTY] =
        "The database has tables but no history of migrations, so it is unlikely to be the one"
        " that should be built from the first migration on. Check the URL first, and --history if"
        " the table has another name. If the database has the migrations up to V already,"
        " \"migrate baseline V\" records them and runs none. If the tables are meant to be there"
        " beside them, \"migrate up --allow-not-empty\" starts the history.",
    [MG_E_UNKNOWN_VERSION] =
        "No file and no row of the history has the version that was named. A version is given as"
        " its digits, as digits_name, or as the path of its file."
        " \"migrate status --all\" lists them all.",
    [MG_E_BASELINE] =
        "A baseline records what a database had before its history began, so \"migrate baseline V\""
        " takes no version below one that is applied already. \"migrate status\" shows what is "
        "applied;"
        " a migration that was never run is applied by \"migrate up\", with --late if it is older"
        " than the newest applied one.",
    [MG_E_MISSING] =
        "The history has a migration whose file is not in the folder: it was deleted, renamed, or"
        " is on a branch that this checkout does not have. Without --strict this is a warning."
        " Bring the file back, or revert it with \"migrate down\", which can use the script that"
        " was stored when it was applied. If the database is without it,"
        " \"migrate repair V --mark-reverted\" records that.",
    [MG_E_HISTORY] =
        "The history table cannot be used as it is: it was made by a newer migrate, has another"
        " shape, or hides rows from this role by row security. The message says which. Applying"
        " migrations over a history that cannot be read could apply them twice, so nothing was"
        " done. Use the newer program, the role that owns the table, or another --history.",
    [MG_E_CHANGED] =
        "A migration file changed between the moment it was planned and the moment it was sent."
        " What was sent of it was rolled back, because it is not what the plan checked. Run again"
        " when nothing writes to the folder, such as an editor or a git checkout. Or, where a"
        " question was asked, another run or somebody else has changed the history before it was"
        " answered: what was not shown is not done. Run again, and look at what is shown then.",
    [MG_E_DESTRUCTIVE] =
        "A migration drops or renames a table or a column that was there before, or empties a "
        "table,"
        " and this run was detected as one for production. The code that is live still uses it"
        " until the new one takes over, and an instant rollback brings that code back. Remove it in"
        " a later deployment, when nothing uses it any more, and say so in the file with the line"
        " \"-- migrate:destructive\". \"production_guard: off\" in migrate.yaml turns the question"
        " off.",
    [MG_E_DUMP] = "The file that \"migrate dump --file\" wrote is older or newer than the "
                  "database: a migration"
                  " was applied and not dumped, the file was merged or edited by hand, or somebody "
                  "changed the"
                  " schema without a migration. Write it anew with \"migrate dump --file FILE\" "
                  "and look at the"
                  " difference before you commit it.",
    [MG_E_CLAIMED] =
        "The database was claimed by an environment, such as production, and this run is for"
        " another one or names none. So a preview build cannot migrate production, whatever its"
        " variables say. Give each environment a database of its own, name the environment with"
        " --env if it is meant, or release the claim with \"migrate claim --release\".",
    [MG_E_DEADLINE] =
        "The time that this run may take is over, and no further migration was started, because"
        " one that is cut off in the middle costs more than one that waits. What was applied"
        " stays. Run \"migrate up\" again to go on.",
    [MG_E_PENDING] =
        "Migrations are pending, and \"migrate status --exit-code\" was asked to say so with its"
        " exit status. This is an answer, not a failure. \"migrate plan\" shows what would be"
        " done, \"migrate up\" does it.",
    [MG_E_CANCELLED] =
        "The run was interrupted, by Ctrl-C or by a signal. The statement under way was cancelled,"
        " its transaction rolled back and the lock given back; migrations that were done before"
        " stay applied. \"migrate up\" goes on from there. After SIGTERM the exit status is 143.",
};

static const CodeRow *
row_of(MgErrorCode code)
{
    assert((unsigned)code < MG_N_ERRORS);
    return &code_rows[code];
}

const char *
mg_error_slug(MgErrorCode code)
{
    return row_of(code)->slug;
}

const char *
mg_error_summary(MgErrorCode code)
{
    return row_of(code)->summary;
}

const char *
mg_error_explanation(MgErrorCode code)
{
    assert((unsigned)code < MG_N_ERRORS);
    return explanations[code];
}

int
mg_error_exit_status(MgErrorCode code)
{
    return row_of(code)->exit_status;
}

/* How a field is written. */
enum {
    HAS_LINES = 1 << 0, /* a line end and a tab may stay */
    IS_OURS = 1 << 1,   /* advice, which may show how a URL is written: no password is masked */
};

/* Format first, then write: an argument may be a text of the same error. */
static void
write_field(char *field, size_t field_bytes, unsigned flags, const char *format, va_list args)
{
    char text[FORMAT_BYTES];
    int size = vsnprintf(text, sizeof text, format, args);
    assert(size >= 0);
    mg_text_defuse(text, (flags & HAS_LINES) != 0);
    /* Before it is cut: a password without its end is one still. */
    if ((flags & IS_OURS) == 0)
        mg_mask_passwords(text, strlen(text));
    mg_text_copy(field, field_bytes, text);
}

bool
mg_fail(MgError *err, MgErrorCode code, const char *format, ...)
{
    MgError error = { .code = code };
    va_list args;
    va_start(args, format);
    write_field(error.message, sizeof error.message, 0, format, args);
    va_end(args);
    *err = error;
    return false;
}

/*
 * strerror is not safe with threads everywhere, and strerror_r has two shapes:
 * GNU's gives the text, which need not be in buffer, POSIX's a status.  Which
 * one we get hangs on the C library and on a macro, so its type is asked.
 */
#define REASON(number, buffer)                                                                     \
    _Generic(strerror_r((number), (buffer), sizeof(buffer)),                                       \
        char *: strerror_r((number), (buffer), sizeof(buffer)),                                    \
        int: ((void)!strerror_r((number), (buffer), sizeof(buffer)), (buffer)))

bool
mg_fail_sys(MgError *err, MgErrorCode code, const char *format, ...)
{
    char buffer[REASON_BYTES] = "unknown reason";
    const char *reason = REASON(errno, buffer);
    char text[FORMAT_BYTES];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(size >= 0);
    return mg_fail(err, code, "%s: %s", text, reason);
}

static void
set_place(MgError *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_field(err->place, sizeof err->place, 0, format, args);
    va_end(args);
}

void
mg_error_at(MgError *err, const char *place, int line, int column)
{
    set_place(err, "%s", place);
    err->line = line;
    err->column = column;
}

const char *
mg_error_with_place(const MgError *err, MgArena *arena)
{
    return err->line == 0
               ? mg_arena_text(arena, err->message)
               : mg_arena_format(arena, "%s, at %s:%d", err->message, err->place, err->line);
}

const char *
mg_error_hints(const MgError *err, MgArena *arena)
{
    if (err->hint[0][0] == '\0')
        return NULL;
    return err->hint[1][0] == '\0' ? mg_arena_text(arena, err->hint[0])
                                   : mg_arena_format(arena, "%s\n%s", err->hint[0], err->hint[1]);
}

void
mg_error_detail(MgError *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_field(err->detail, sizeof err->detail, HAS_LINES, format, args);
    va_end(args);
}

void
mg_error_hint(MgError *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (int i = 0; i < MG_ERROR_MAX_HINTS; i++) {
        if (err->hint[i][0] != '\0')
            continue;
        write_field(err->hint[i], sizeof err->hint[i], HAS_LINES | IS_OURS, format, args);
        break;
    }
    va_end(args);
}

void
mg_error_note(MgError *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_field(err->note, sizeof err->note, 0, format, args);
    va_end(args);
}
