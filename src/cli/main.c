// imgrouter: one table of commands, the rest is theirs.
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "image/heif_child.h"

static const struct command {
    const char *name;
    int settings;  // which settings it takes: FOR_...
    command_function *function;
    const char *words;    // what may follow the options
    const char *summary;  // NULL: started by the program itself, not shown
} commands[] = {
    {"serve", FOR_SERVE, command_serve, "", "Run the server: captions, vectors, search over HTTP."},
    {"caption", FOR_CAPTION, command_caption, "IMAGE…", "Print a caption for each picture."},
    {"embed", FOR_EMBED, command_embed, "IMAGE… | --text STRING…",
     "Print the search vector of pictures or texts."},
    {"search", FOR_SEARCH, command_search, "WORDS…",
     "Find pictures of the server's database by words."},
    {"images", FOR_IMAGES, command_images, "[list | show ID | delete ID]",
     "List, show or delete pictures of the database."},
    {"index", FOR_INDEX, command_index, "DIR… | --failed | --retry",
     "Store the pictures of folders, whatever their names; hidden files are left out."},
    {"estimate", FOR_ESTIMATE, command_estimate, "DIR…",
     "Count what captions of the cloud would cost for folders of pictures, before any is sent."},
    {"experiments", FOR_EXPERIMENTS, command_experiments, "report",
     "Compare the variants of experiments: cost, latency, confidence, agreement."},
    {"migrate", FOR_MIGRATE, command_migrate, "",
     "Copy everything from one store to another, and verify it."},
    {"export", FOR_EXPORT, command_export, "DIR",
     "Write the database out as JSON lines and NumPy arrays."},
    {"import", FOR_IMPORT, command_import, "DIR",
     "Take what export wrote into the database, and verify it."},
    {"models", FOR_MODELS, command_models, "list | pull | verify",
     "Show, download or check the model files."},
    {"reindex", FOR_REINDEX, command_reindex, "",
     "Give stored pictures vectors of another search model, without a server."},
    {"mcp", FOR_MCP, command_mcp, "",
     "Give tools to a language model's client: the Model Context Protocol on stdin and stdout."},
    {"top", FOR_TOP, command_top, "", "Watch a running server: requests, stages, queues, costs."},
    {"bench", FOR_BENCH, command_bench, "[IMAGE…]",
     "Measure each stage on this machine and print the figures."},
    {"version", FOR_VERSION, command_version, "", "Print the version and how it was built."},
    {"decode-heif", 0, command_decode_heif, "", NULL},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

int command_fail(const struct error *err) {
    (void)fprintf(stderr, "imgrouter: %s\n", err->text);
    return error_exit_code(err->kind);
}

static void print_usage(FILE *out) {
    (void)fputs(
        "imgrouter gives every picture a caption and finds it again by words.\n\n"
        "Usage: imgrouter COMMAND [OPTIONS] [WORDS]\n\nCommands:\n",
        out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (commands[i].summary != NULL)
            (void)fprintf(out, "  %-11s  %s\n", commands[i].name, commands[i].summary);
    (void)fputs("\nEach command explains itself: imgrouter COMMAND --help\n", out);
}

static void print_help(const struct command *command) {
    (void)printf("%s\n\nUsage: imgrouter %s [OPTIONS] %s\n\nOptions:\n", command->summary,
                 command->name, command->words);
    settings_print_options(command->settings, stdout);
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
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0) return run(&commands[i], argc - 1, argv + 1);
    (void)fprintf(stderr, "imgrouter: there is no command \"%s\"; see imgrouter --help\n", name);
    return 2;
}
