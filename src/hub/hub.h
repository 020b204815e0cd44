// Model files: where they are on this machine, and how they get here from the Hugging Face hub.
// Uses the hub's ordinary cache layout, so Python tools and this program share their files.
// Blocking; one thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { HUB_PATH_SIZE = 4096 };

// What a model needs a file for.
enum hub_role {
    HUB_NEEDED,    // nothing works without it
    HUB_OPTIONAL,  // fetched where the repository has it
    HUB_CONFIG,    // at least one of these; all that the repository has are fetched
    HUB_WEIGHTS,   // one of these; the first that the repository has is fetched
};
struct hub_file {
    const char *path;  // inside the repository; never in a sub-folder
    enum hub_role role;
    int64_t size_bytes;      // 0: not known beforehand
    const char *sha256_hex;  // NULL: not known beforehand
};

enum hub_purpose { HUB_CAPTION, HUB_EMBEDDING, HUB_UNKNOWN };

// One line a model that this program knows (hub_catalog.c).
struct hub_model {
    const char *repository;  // "Salesforce/blip-image-captioning-base"
    const char *folder;      // its last part: the folder's name under --models DIR
    const char *commit;      // the version that is fetched; NULL: whatever "main" is
    enum hub_purpose purpose;
    const char *openclip_model;       // "ViT-B-32" or NULL: how OPENCLIP_MODEL names it
    const char *openclip_pretrained;  // "laion2b_s34b_b79k" or NULL
    const char *license;              // NULL: not known
    const struct hub_file *files;
    size_t file_count;
};
const struct hub_model *hub_models(size_t *count);
// NULL with ERROR_INVALID that lists the known pairs.
const struct hub_model *hub_find_embedding_model(const char *openclip_model,
                                                 const char *openclip_pretrained,
                                                 struct error *err);
// Any repository by its name, "ORG/NAME", which *model borrows: the catalog's line, else one with
// the usual file names and HUB_UNKNOWN. ERROR_USAGE when the name is not of that form.
bool hub_find_repository(const char *repository, struct hub_model *model, struct error *err);

// The small model that ships with the program for this purpose, caption or embedding. No repository
// has it: `repository` is the folder's name, which the engine room knows it by.
const struct hub_model *hub_demo_model(enum hub_purpose purpose);

// Settings of the hub's own environment variables.
struct hub_settings {
    char endpoint[512];         // HF_ENDPOINT, without a slash at the end
    char cache[HUB_PATH_SIZE];  // HF_HUB_CACHE, or $HF_HOME/hub
    char token[512];            // HF_TOKEN or the token file; empty: none
    bool is_offline;            // HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE
};
bool hub_settings_read(struct hub_settings *settings, struct error *err);

// Finds the folder that holds the model's files: models_folder/<folder> when models_folder is not
// NULL, else the snapshot in the hub cache. No network. ERROR_NOT_FOUND says where it looked, what
// is missing there and how to get it.
bool hub_locate(const struct hub_settings *settings, const struct hub_model *model,
                const char *models_folder, char folder[static HUB_PATH_SIZE], struct error *err);

// The folder that what comes with the program lies in: two levels above the executable (links
// followed), where build/ or bin/ is. ERROR_NOT_FOUND.
bool hub_program_home(const char *program, char home[static HUB_PATH_SIZE], struct error *err);

// Finds a demo model's folder: demo_folder/<folder> when demo_folder is not NULL. Else beside the
// folder that holds the executable `program` (links followed): in models/demo, as in the source
// tree, or in share/imgrouter/models/demo, as installed. ERROR_NOT_FOUND says where it looked.
bool hub_locate_demo(const struct hub_model *model, const char *demo_folder, const char *program,
                     char folder[static HUB_PATH_SIZE], struct error *err);

// Called while a file comes in or is hashed; return false to stop.
typedef bool hub_progress(void *context, const char *file, int64_t done, int64_t total);

struct hub_pull {
    const struct hub_settings *settings;
    const struct hub_model *model;
    hub_progress *progress;  // may be NULL
    void *context;
    long connect_timeout_ms;  // also the time the hub gets to answer a question; 10 s
};
// Downloads what is missing: resumed where it broke off, size and SHA-256 checked, renamed into
// place. Several processes may pull at once. Errors: ERROR_UPSTREAM, ERROR_TIMEOUT,
// ERROR_UNAUTHORIZED, ERROR_NOT_FOUND, ERROR_RATE_LIMITED, ERROR_STORAGE, ERROR_UNAVAILABLE
// (offline, no connection, or stopped by progress), ERROR_INVALID (wrong size or hash).
bool hub_pull_model(const struct hub_pull *pull, struct error *err);

// Hashes the files of a folder against the catalog, or against the names that the cache gave them.
// *checked: files compared with a known hash. ERROR_INVALID names the first that is damaged.
bool hub_verify(const struct hub_model *model, const char *folder, size_t *checked,
                hub_progress *progress, void *context, struct error *err);
