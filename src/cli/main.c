// imgrouter: finds the command, reads its settings, runs it. The commands: command_table.c.
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/command_table.h"
#include "image/heif_child.h"

int command_fail(const struct error *err) {
    (void)fprintf(stderr, "imgrouter: %s\n", err->text);
    return error_exit_code(err->kind);
}

static void print_usage(FILE *out) {
    (void)fputs(
        "imgrouter gives every picture a caption and finds it again by words.\n\n"
        "Usage: imgrouter COMMAND [OPTIONS] [WORDS]\n\nCommands:\n",
        out);
    for (size_t i = 0; i < command_count; i++)
        if (commands[i].summary != NULL)
            (void)fprintf(out, "  %-11s  %s\n", commands[i].name, commands[i].summary);
    (void)fputs("\nEach command explains itself: imgrouter COMMAND --help\n", out);
}

static void print_help(const struct command *command) {
    (void)printf("%s\n\nUsage: imgrouter %s [OPTIONS]%s%s\n\nOptions:\n", command->summary,
                 command->name, command->words[0] == '\0' ? "" : " ", command->words);
    settings_print_options(command->settings, stdout);
    (void)printf("\nExample:\n  %s\n\nExit codes: 0 done, 1 failed, 2 wrong usage.\n",
                 command->example);
}

static bool wants_help(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static int run(const struct command *command, int argc, char **argv) {
    bool is_internal = command->summary == NULL;
    if (!is_internal) heif_child_enable("/proc/self/exe");
    if (!is_internal && wants_help(argc, argv)) {
        print_help(command);
        return 0;
    }
    struct settings settings;
    struct error err = {0};
    struct command_input input = {.settings = &settings, .words = argv + 1};
    if (!settings_read(&settings, command->settings, argc, argv, &input.word_count, &err))
        return command_fail(&err);
    enum log_level level;
    if (!log_level_parse(settings.log_level, &level)) {
        error_set(&err, ERROR_USAGE,
                  "--log-level must be debug, info, warning, error or off, not \"%s\"",
                  settings.log_level);
        return command_fail(&err);
    }
    log_configure(level, LOG_FORMAT_AUTO);
    int exit_code = command->function(&input);
    // What was promised on standard output must have got there: a full disk is a failure.
    if (fflush(stdout) == 0 || exit_code != 0) return exit_code;
    error_set(&err, ERROR_STORAGE, "cannot write the answer to standard output");
    return command_fail(&err);
}

int main(int argc, char **argv) {
    memory_configure();
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    const struct command *command = command_find(name);
    if (command != NULL) return run(command, argc - 1, argv + 1);
    const char *likely = command_suggest(name);
    (void)fprintf(stderr, "imgrouter: there is no command \"%s\"%s%s%s; see imgrouter --help\n",
                  name, likely == NULL ? "" : ", did you mean \"", likely == NULL ? "" : likely,
                  likely == NULL ? "" : "\"");
    return 2;
}
