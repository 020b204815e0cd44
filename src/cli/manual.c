#include "cli/manual.h"

#include <string.h>

#include "cli/command_table.h"
#include "cli/version.h"

// roff reads a dash as a hyphen, a backslash as an escape and a line that begins with a dot or a
// quote as a request.
static void print_text(FILE *out, const char *text) {
    bool is_line_start = true;
    for (const char *c = text; *c != '\0'; c++) {
        if (is_line_start && (*c == '.' || *c == '\'')) (void)fputs("\\&", out);
        is_line_start = *c == '\n';
        if (*c == '-')
            (void)fputs("\\-", out);
        else if (*c == '\\')
            (void)fputs("\\e", out);
        else if (*c == '"')
            (void)fputs("\\(dq", out);
        else
            (void)fputc(*c, out);
    }
}

static void print_option(void *context, const struct setting_text *setting) {
    FILE *out = context;
    (void)fputs(".TP\n.B \\-\\-", out);
    print_text(out, setting->option);
    if (setting->value_name != NULL) {
        (void)fputs(" \\fI", out);
        print_text(out, setting->value_name);
        (void)fputs("\\fR", out);
    }
    (void)fputc('\n', out);
    print_text(out, setting->help);
    (void)fputc('\n', out);
    if (setting->default_text == NULL && setting->environment == NULL) return;
    (void)fputc('[', out);
    if (setting->default_text != NULL) {
        (void)fputs("default ", out);
        print_text(out, setting->default_text);
    }
    if (setting->environment != NULL) {
        (void)fputs(setting->default_text == NULL ? "environment " : "; environment ", out);
        print_text(out, setting->environment);
    }
    (void)fputs("]\n", out);
}

static void print_option_name(void *context, const struct setting_text *setting) {
    FILE *out = context;
    (void)fputs("\\-\\-", out);
    print_text(out, setting->option);
    (void)fputc('\n', out);
}

static void print_command(FILE *out, const struct command *command) {
    (void)fputs(".SS imgrouter ", out);
    print_text(out, command->name);
    (void)fputs(" [OPTIONS] ", out);
    print_text(out, command->words);
    (void)fputc('\n', out);
    print_text(out, command->summary);
    (void)fputs("\n.PP\nOptions:\n", out);
    settings_each(command->settings, print_option_name, out);
    (void)fputs(".PP\nExample:\n.PP\n.RS\n", out);
    print_text(out, command->example);
    (void)fputs("\n.RE\n", out);
}

void manual_print(FILE *out) {
    (void)fprintf(
        out,
        ".\\\" Written by imgrouter version --man; the tables are src/cli/command_table.c "
        "and src/cli/settings_list.h.\n"
        ".TH IMGROUTER 1 \"\" \"imgrouter %s\" \"User Commands\"\n",
        IMGROUTER_VERSION);
    (void)fputs(
        ".SH NAME\nimgrouter \\- captions for pictures, and a search that finds them by words\n"
        ".SH SYNOPSIS\n.B imgrouter\n.I COMMAND\n[OPTIONS] [WORDS]\n"
        ".SH DESCRIPTION\nGives every picture a caption (BLIP) and a place in a search space "
        "(OpenCLIP), keeps\nthem, finds them by words or by another picture, and asks a cloud "
        "model "
        "for those\nthat are worth the money. One program, one data folder, no other server "
        "needed.\n"
        ".SH COMMANDS\nEach explains itself with\n.BR \\-\\-help .\n",
        out);
    for (size_t i = 0; i < command_count; i++)
        if (commands[i].summary != NULL) print_command(out, &commands[i]);
    (void)fputs(
        ".SH OPTIONS\nAn option wins over its environment variable, which wins over the "
        "default.\n",
        out);
    settings_each(FOR_ALL, print_option, out);
    (void)fputs(
        ".SH EXIT STATUS\n.TP\n.B 0\nDone.\n.TP\n.B 1\nFailed, or some of it did; the reason is on "
        "standard error.\n.TP\n.B 2\nWrong usage.\n"
        ".SH FILES\n.TP\n.I ~/.local/share/imgrouter\nPictures, databases, costs and jobs "
        "(\\-\\-data).\n.TP\n.I ~/.cache/imgrouter\nPacked weights, which are made again where "
        "they "
        "are missing.\n.TP\n.I ~/.cache/huggingface\nThe models.\n",
        out);
}
