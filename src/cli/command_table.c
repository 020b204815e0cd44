#include "cli/command_table.h"

#include <string.h>

#include "cli/spelling.h"

const struct command commands[] = {
    {"serve", FOR_SERVE, command_serve, "", "Run the server: captions, vectors, search over HTTP.",
     "imgrouter serve --port 8001"},
    {"caption", FOR_CAPTION, command_caption, "IMAGE…", "Print a caption for each picture.",
     "imgrouter caption photo.jpg"},
    {"embed", FOR_EMBED, command_embed, "IMAGE… | --text STRING…",
     "Print the search vector of pictures or texts.",
     "imgrouter embed --json --text \"a red circle\""},
    {"search", FOR_SEARCH, command_search, "WORDS…",
     "Find pictures of the server's database by words.", "imgrouter search a red circle"},
    {"images", FOR_IMAGES, command_images, "[list | show ID | delete ID]",
     "List, show or delete pictures of the database.", "imgrouter images list"},
    {"index", FOR_INDEX, command_index, "DIR… | --failed | --retry",
     "Store the pictures of folders, whatever their names; hidden files are left out.",
     "imgrouter index ~/Pictures"},
    {"estimate", FOR_ESTIMATE, command_estimate, "DIR…",
     "Count what captions of the cloud would cost for folders of pictures, before any is sent.",
     "imgrouter estimate ~/Pictures --quality high"},
    {"experiments", FOR_EXPERIMENTS, command_experiments, "report",
     "Compare the variants of experiments: cost, latency, confidence, agreement.",
     "imgrouter experiments report"},
    {"migrate", FOR_MIGRATE, command_migrate, "",
     "Copy everything from one store to another, and verify it.",
     "imgrouter migrate --from ~/.local/share/imgrouter --to postgresql://user@host/database"},
    {"export", FOR_EXPORT, command_export, "DIR",
     "Write the database out as JSON lines and NumPy arrays.", "imgrouter export backup"},
    {"import", FOR_IMPORT, command_import, "DIR",
     "Take what export wrote into the database, and verify it.", "imgrouter import backup"},
    {"models", FOR_MODELS, command_models, "list | pull | verify",
     "Show, download or check the model files.", "imgrouter models pull"},
    {"reindex", FOR_REINDEX, command_reindex, "",
     "Give stored pictures vectors of another search model, without a server.",
     "imgrouter reindex"},
    {"mcp", FOR_MCP, command_mcp, "",
     "Give tools to a language model's client: the Model Context Protocol on stdin and stdout.",
     "imgrouter mcp --server http://127.0.0.1:8001"},
    {"top", FOR_TOP, command_top, "", "Watch a running server: requests, stages, queues, costs.",
     "imgrouter top --server http://127.0.0.1:8001"},
    {"check", FOR_CHECK, command_check, "",
     "Look at everything a server needs, say what is wrong and what mends it.",
     "imgrouter check --models"},
    {"bench", FOR_BENCH, command_bench, "[IMAGE…]",
     "Measure each stage on this machine and print the figures.", "imgrouter bench"},
    {"version", FOR_VERSION, command_version, "", "Print the version and how it was built.",
     "imgrouter version --json"},
    {"decode-heif", 0, command_decode_heif, "", NULL, NULL},
};
const size_t command_count = sizeof commands / sizeof *commands;

const struct command *command_find(const char *name) {
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

const char *command_suggest(const char *name) {
    struct spelling spelling;
    spelling_begin(&spelling, name);
    for (size_t i = 0; i < command_count; i++)
        if (commands[i].summary != NULL) spelling_try(&spelling, commands[i].name);
    return spelling.best;
}
