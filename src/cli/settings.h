// What the user set: built-in default, then environment, then command-line option. The table is
// settings_list.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

// Which commands take a setting.
enum {
    FOR_SERVE = 1,
    FOR_CAPTION = 2,
    FOR_EMBED = 4,
    FOR_SEARCH = 8,
    FOR_IMAGES = 16,
    FOR_MODELS = 32,
    FOR_BENCH = 64,
    FOR_VERSION = 128,
    FOR_INDEX = 256,
    FOR_REINDEX = 512,
    FOR_MIGRATE = 1024,
    FOR_EXPORT = 2048,
    FOR_IMPORT = 4096,
    FOR_ESTIMATE = 8192,
    FOR_EXPERIMENTS = 16384,
    FOR_TOP = 32768,
    FOR_MCP = 65536,
    FOR_CHECK = 131072,
    FOR_PICTURES = FOR_CAPTION | FOR_EMBED | FOR_BENCH,
    FOR_ENGINE =
        FOR_SERVE | FOR_PICTURES | FOR_SEARCH | FOR_INDEX | FOR_REINDEX | FOR_MCP | FOR_CHECK,
    FOR_STORE = FOR_SERVE | FOR_SEARCH | FOR_IMAGES | FOR_INDEX | FOR_REINDEX | FOR_EXPORT |
                FOR_IMPORT | FOR_EXPERIMENTS | FOR_MCP | FOR_CHECK,  // one
    FOR_CLOUD = FOR_SERVE | FOR_INDEX | FOR_ESTIMATE | FOR_MCP | FOR_CHECK,
    FOR_STORES = FOR_STORE | FOR_MIGRATE,
    FOR_ALL = 262143,
};

// The C types of the table's TYPE column.
#define SETTING_TEXT const char *
#define SETTING_INTEGER int64_t
#define SETTING_NUMBER double
#define SETTING_FLAG bool

struct settings {
#define SETTING(field, type, ...) SETTING_##type field;
#include "cli/settings_list.h"
#undef SETTING
};

// Reads defaults and the environment of the settings that `command` takes, then the options in
// argv (from argv[1] on). Words that are not options are moved to the front of argv + 1 and
// counted. Strings are borrowed from argv and the environment. Errors: ERROR_USAGE.
bool settings_read(struct settings *settings, int command, int argc, char **argv,
                   size_t *word_count, struct error *err);
// true/false, 1/0, yes/no, on/off in any case; false for anything else.
bool settings_parse_flag(const char *text, bool *flag);
// What is told of a setting; NULL where it has none.
struct setting_text {
    const char *option;  // without the dashes
    const char *environment;
    const char *default_text;
    const char *value_name;  // NULL: a flag; choices are separated by "|"
    const char *help;
};
// The settings of a command, in the order of the table.
void settings_each(int command, void (*take)(void *context, const struct setting_text *setting),
                   void *context);
// The options of a command, for --help.
void settings_print_options(int command, FILE *out);
// The settings reference in Markdown (docs/settings.md is this output).
void settings_print_reference(FILE *out);
