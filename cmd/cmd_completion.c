/*
 * migrate completion: a few lines for the shell's start-up file.  They ask this
 * program what fits, so they need not change when it does.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "cmd.h"
#include "complete.h"
#include "talk.h"

typedef struct Args {
    bool is_words;
} Args;

static const MgOpt opts[] = {
    { .name = "words",
      .help = "what the shell asks: which words could stand where the last one stands",
      .offset = offsetof(Args, is_words) },
    { .name = NULL },
};

static const char bash[] =
    "_migrate() {\n"
    "    local line cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    [ \"$cur\" != = ] || cur=\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :file | :dir | :command)\n"
    "            local kind=-f\n"
    "            [ \"$line\" != :dir ] || kind=-d\n"
    "            [ \"$line\" != :command ] || kind=-c\n"
    "            while IFS= read -r line; do COMPREPLY+=(\"$line\"); done < <(\n"
    "                compgen \"$kind\" -- \"$cur\")\n"
    "            [ \"$kind\" = -c ] || compopt -o filenames 2> /dev/null\n"
    "            ;;\n"
    "        *) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done < <(\"${COMP_WORDS[0]}\" completion --words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\""
    " 2> /dev/null)\n"
    "}\n"
    "complete -F _migrate migrate migrate-direct\n";

static const char zsh[] =
    "#compdef migrate migrate-direct\n"
    "_migrate() {\n"
    "    local line\n"
    "    local -a found values shown\n"
    "    found=(\"${(@f)$(\"$words[1]\" completion --words -- \"${(@)words[2,CURRENT]}\""
    " 2> /dev/null)}\")\n"
    "    case $found[1] in\n"
    "    :file) _files ;;\n"
    "    :dir) _files -/ ;;\n"
    "    :command) _command_names -e ;;\n"
    "    ?*)\n"
    "        for line in $found; do\n"
    "            values+=(\"${line%%$'\\t'*}\")\n"
    "            shown+=(\"${line/$'\\t'/  -- }\")\n"
    "        done\n"
    "        compadd -l -d shown -a values\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _migrate ]; then\n"
    "    _migrate \"$@\"\n"
    "else\n"
    "    compdef _migrate migrate migrate-direct\n"
    "fi\n";

static const char fish[] =
    "function __migrate_complete\n"
    "    set -l before (commandline -opc)\n"
    "    set -l cur (commandline -ct)\n"
    "    set -l found ($before[1] completion --words -- $before[2..-1] \"$cur\" 2> /dev/null)\n"
    "    switch \"$found[1]\"\n"
    "        case :file\n"
    "            __fish_complete_path \"$cur\"\n"
    "        case :dir\n"
    "            __fish_complete_directories \"$cur\"\n"
    "        case :command\n"
    "            __fish_complete_command\n"
    "        case '?*'\n"
    "            printf '%s\\n' $found\n"
    "    end\n"
    "end\n"
    "complete -c migrate -f -a '(__migrate_complete)'\n"
    "complete -c migrate-direct -f -a '(__migrate_complete)'\n";

static const struct {
    const char *name, *script;
} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

static bool
run(const MgRun *run, int *ret_status, MgError *err)
{
    (void)ret_status;
    const Args *args = run->args;
    if (args->is_words) {
        MG_CLEANUP(buf) MgBuf found = { 0 };
        mg_complete(run, &run->words, &found);
        mg_talk_write(run->talk, mg_buf_text(&found), found.size_bytes);
        return true;
    }
    for (size_t i = 0; run->words.n == 1 && i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].name, run->words.items[0]) == 0) {
            mg_talk_write(run->talk, shells[i].script, strlen(shells[i].script));
            return true;
        }
    }
    return mg_cmd_usage("completion", err, "SHELL is bash, zsh or fish");
}

static const char *const examples[] = {
    "source <(migrate completion bash)",
    "in ~/.bashrc",
    "source <(migrate completion zsh)",
    "in ~/.zshrc, behind compinit",
    "migrate completion fish | source",
    "in ~/.config/fish/config.fish",
    NULL,
};

const MgCmd cmd_completion = {
    .name = "completion",
    .argument = "SHELL",
    .summary = "completion of commands, options and versions in bash, zsh or fish",
    .about = "Print what makes the shell complete commands, options, their values, and versions\n"
             "by the names of the files. It asks this program each time, so it never gets stale.",
    .opts = opts,
    .args_bytes = sizeof(Args),
    .max_words = SIZE_MAX,
    .stops_at_word = true,
    .is_behind = true,
    .examples = examples,
    .run = run,
};
