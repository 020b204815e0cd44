#include <ctype.h>
#include <string.h>

#include "cli/command_table.h"
#include "cli/manual.h"

enum { WORD_SIZE = 32 };

// The next word of a command's words that is typed as it is ("list" of "[list | show ID]"). False
// at the end.
static bool next_word(const char **words, char word[static WORD_SIZE]) {
    while (**words != '\0') {
        const char *start = *words + strspn(*words, " [");
        size_t length = strspn(start, "abcdefghijklmnopqrstuvwxyz");
        const char *bar = strchr(start, '|');
        *words = bar == NULL ? start + strlen(start) : bar + 1;
        if (length == 0 || length >= WORD_SIZE ||
            (start[length] != '\0' && strchr(" ]|", start[length]) == NULL))
            continue;
        (void)snprintf(word, WORD_SIZE, "%.*s", (int)length, start);
        return true;
    }
    return false;
}

static bool has_choices(const struct setting_text *setting) {
    return setting->value_name != NULL && strchr(setting->value_name, '|') != NULL;
}

// "a|b|FILE" as "a b": what is in capitals is to be thought up.
static void print_choices(FILE *out, const char *choices) {
    while (*choices != '\0') {
        size_t length = strcspn(choices, "|");
        if (isupper((unsigned char)choices[0]) == 0)
            (void)fprintf(out, "%.*s ", (int)length, choices);
        choices += length + (choices[length] == '|');
    }
}

static bool names_folder(const struct setting_text *setting) {
    return setting->value_name != NULL && strstr(setting->value_name, "DIR") != NULL;
}
static bool names_file(const struct setting_text *setting) {
    return setting->value_name != NULL && strstr(setting->value_name, "FILE") != NULL;
}

// One pair of quotes around a text in which none is left.
static void print_quoted(FILE *out, const char *text) {
    (void)fputc('\'', out);
    for (const char *c = text; *c != '\0'; c++)
        (void)fputs(*c == '\'' ? "’" : (char[]){*c, '\0'}, out);
    (void)fputc('\'', out);
}

static void print_option_word(void *context, const struct setting_text *setting) {
    (void)fprintf(context, "--%s ", setting->option);
}

static void print_bash_value(void *context, const struct setting_text *setting) {
    FILE *out = context;
    if (setting->value_name == NULL) return;
    (void)fprintf(out, "        --%s) ", setting->option);
    if (has_choices(setting)) {
        (void)fputs("COMPREPLY=($(compgen -W \"", out);
        print_choices(out, setting->value_name);
        (void)fprintf(out, "\" %s-- \"$word\"))", names_file(setting) ? "-f " : "");
    } else if (names_folder(setting) || names_file(setting)) {
        (void)fprintf(out, "COMPREPLY=($(compgen %s -- \"$word\"))",
                      names_folder(setting) ? "-d" : "-f");
    } else {
        (void)fputs("COMPREPLY=()", out);
    }
    (void)fputs("; return ;;\n", out);
}

static void print_names(FILE *out) {
    for (size_t i = 0; i < command_count; i++)
        if (commands[i].summary != NULL) (void)fprintf(out, "%s ", commands[i].name);
}

static void print_words(FILE *out, const struct command *command) {
    char word[WORD_SIZE];
    for (const char *words = command->words; next_word(&words, word);)
        (void)fprintf(out, "%s ", word);
}

static bool takes_files(const struct command *command) {
    return strstr(command->words, "IMAGE") != NULL || strstr(command->words, "DIR") != NULL;
}

static void print_bash(FILE *out) {
    (void)fputs(
        "# bash completion for imgrouter; written by: imgrouter version --completion bash\n"
        "_imgrouter() {\n"
        "    local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
        "    local options words\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
        "        COMPREPLY=($(compgen -W \"",
        out);
    print_names(out);
    (void)fputs("\" -- \"$word\"))\n        return\n    fi\n    case \"$before\" in\n", out);
    settings_each(FOR_ALL & ~FOR_CHECK, print_bash_value, out);
    (void)fputs("    esac\n    case \"${COMP_WORDS[1]}\" in\n", out);
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i].summary == NULL) continue;
        (void)fprintf(out, "        %s) options=\"", commands[i].name);
        settings_each(commands[i].settings, print_option_word, out);
        (void)fputs("--help\" words=\"", out);
        print_words(out, &commands[i]);
        (void)fprintf(out, "\"%s ;;\n", takes_files(&commands[i]) ? " files=1" : "");
    }
    (void)fputs(
        "    esac\n"
        "    case \"$word\" in\n"
        "        -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
        "        *) COMPREPLY=($(compgen ${files:+-f} -W \"$words\" -- \"$word\")) ;;\n"
        "    esac\n"
        "}\ncomplete -o filenames -F _imgrouter imgrouter\n",
        out);
}

static void print_zsh_option(void *context, const struct setting_text *setting) {
    FILE *out = context;
    char help[256];
    size_t used = 0;
    for (const char *c = setting->help; *c != '\0' && used + 1 < sizeof help; c++)
        if (strchr("[]:'\\`$", *c) == NULL) help[used++] = *c;
    help[used] = '\0';
    (void)fprintf(out, "            '--%s%s[%s]", setting->option,
                  setting->value_name == NULL ? "" : "=", help);
    if (setting->value_name != NULL) {
        (void)fputs(":value:", out);
        if (has_choices(setting)) {
            (void)fputc('(', out);
            print_choices(out, setting->value_name);
            (void)fputc(')', out);
        } else if (names_folder(setting)) {
            (void)fputs("_directories", out);
        } else if (names_file(setting)) {
            (void)fputs("_files", out);
        }
    }
    (void)fputs("' \\\n", out);
}

static void print_zsh(FILE *out) {
    (void)fputs(
        "#compdef imgrouter\n# Written by: imgrouter version --completion zsh\n"
        "_imgrouter() {\n    local -a commands\n    commands=(\n",
        out);
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i].summary == NULL) continue;
        (void)fprintf(out, "        %s:", commands[i].name);
        print_quoted(out, commands[i].summary);
        (void)fputc('\n', out);
    }
    (void)fputs(
        "    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n"
        "        return\n    fi\n    local name=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
        "    case $name in\n",
        out);
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i].summary == NULL) continue;
        (void)fprintf(out, "        %s) _arguments \\\n", commands[i].name);
        settings_each(commands[i].settings, print_zsh_option, out);
        (void)fputs("            '--help[How it is used]' \\\n            '*:word:", out);
        const char *words = commands[i].words;
        char word[WORD_SIZE];
        if (takes_files(&commands[i])) {
            (void)fputs("_files", out);
        } else if (next_word(&words, word)) {
            (void)fputc('(', out);
            print_words(out, &commands[i]);
            (void)fputc(')', out);
        }
        (void)fputs("' ;;\n", out);
    }
    (void)fputs("    esac\n}\n_imgrouter \"$@\"\n", out);
}

struct fish {
    FILE *out;
    const char *command;
};

static void print_fish_option(void *context, const struct setting_text *setting) {
    const struct fish *fish = context;
    FILE *out = fish->out;
    (void)fprintf(out, "complete -c imgrouter -n '__fish_seen_subcommand_from %s' -l %s -d ",
                  fish->command, setting->option);
    print_quoted(out, setting->help);
    if (setting->value_name != NULL)
        (void)fputs(names_folder(setting) || names_file(setting) ? " -r -F" : " -x", out);
    if (has_choices(setting)) {
        (void)fputs(" -a '", out);
        print_choices(out, setting->value_name);
        (void)fputc('\'', out);
    }
    (void)fputc('\n', out);
}

static void print_fish(FILE *out) {
    (void)fputs(
        "# fish completion for imgrouter; written by: imgrouter version --completion fish\n"
        "complete -c imgrouter -f\n",
        out);
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i].summary == NULL) continue;
        (void)fprintf(out, "complete -c imgrouter -n __fish_use_subcommand -a %s -d ",
                      commands[i].name);
        print_quoted(out, commands[i].summary);
        (void)fputc('\n', out);
        settings_each(commands[i].settings, print_fish_option,
                      &(struct fish){out, commands[i].name});
        (void)fprintf(out, "complete -c imgrouter -n '__fish_seen_subcommand_from %s' %s -a '",
                      commands[i].name, takes_files(&commands[i]) ? "-F" : "-f");
        print_words(out, &commands[i]);
        (void)fputs("'\n", out);
    }
}

bool completion_print(const char *shell, FILE *out, struct error *err) {
    if (strcmp(shell, "bash") == 0)
        print_bash(out);
    else if (strcmp(shell, "zsh") == 0)
        print_zsh(out);
    else if (strcmp(shell, "fish") == 0)
        print_fish(out);
    else
        return error_set(err, ERROR_USAGE, "--completion must be bash, zsh or fish, not \"%s\"",
                         shell);
    return true;
}
