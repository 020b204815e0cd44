// The commands: one table in main.c, one file each. A command gets its settings (environment and
// options, already checked) and the words that follow the options; it prints its answer on
// standard output, its errors on standard error, and returns the exit code: 0, 1 failed, 2 wrong
// usage. Only this room prints or exits.
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "cli/settings.h"

struct command_input {
    const struct settings *settings;
    char **words;  // what is left after the options
    size_t word_count;
};

typedef int command_function(const struct command_input *input);

command_function command_serve;        // command_serve.c
command_function command_caption;      // command_caption.c
command_function command_embed;        // command_embed.c
command_function command_search;       // command_search.c
command_function command_images;       // command_images.c
command_function command_index;        // command_index.c
command_function command_estimate;     // command_estimate.c
command_function command_experiments;  // command_experiments.c: report
command_function command_mcp;          // command_mcp.c
command_function command_migrate;      // command_migrate.c
command_function command_export;       // command_export.c
command_function command_import;       // command_import.c
command_function command_models;       // command_models.c: pull | list | verify
command_function command_reindex;      // command_reindex.c
command_function command_top;          // command_top.c
command_function command_check;        // command_check.c
command_function command_bench;        // command_bench.c
command_function command_version;      // command_version.c

command_function command_decode_heif;  // command_decode_heif.c: internal

// Prints "imgrouter: <text>" on standard error; returns the kind's exit code.
int command_fail(const struct error *err);
