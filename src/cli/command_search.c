// Reads the database beside a running server: SQLite lets readers in, and nothing is written.
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/engine_setup.h"
#include "cli/json_line.h"
#include "store/store.h"

// All words as one query. Caller frees.
static char *join_words(const struct command_input *input) {
    size_t size = 1;
    for (size_t i = 0; i < input->word_count; i++) size += strlen(input->words[i]) + 1;
    char *text = memory_alloc(size);
    for (size_t i = 0, used = 0; i < input->word_count; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : " ", input->words[i]);
    return text;
}

static void print_match(const struct store_match *match, bool is_json) {
    const struct image_record *record = &match->record;
    if (is_json)
        json_line_print(json_pack("{s:s, s:f, s:o, s:o}", "id", record->id, "score",
                                  (double)match->score, "caption", json_line_text(record->caption),
                                  "filename", json_line_text(record->file_name)));
    else
        (void)printf("%.3f  %s  %s  %s\n", (double)match->score, record->id, record->caption,
                     record->file_name);
}

static bool search(struct engine *engine, struct store *store, const char *query, size_t k,
                   bool is_json, struct error *err) {
    struct embedding embedding;
    size_t count = 0;
    struct store_match *matches = memory_try_zeroed(k, sizeof *matches);
    if (matches == NULL) return error_set(err, ERROR_INTERNAL, "out of memory for %zu results", k);
    bool is_done =
        engine_embed_text(engine, query, QUEUE_INTERACTIVE, &embedding, NULL, NULL, err) &&
        store->operations->search(
            store,
            &(struct store_search){.embedding_model = engine_info(engine)->embedding_model,
                                   .query = embedding.values,
                                   .width = embedding.width,
                                   .k = k},
            matches, &count, err);
    for (size_t i = 0; i < count && is_done; i++) print_match(&matches[i], is_json);
    if (is_done && count == 0 && !is_json) (void)fputs("no pictures yet\n", stderr);
    memory_free(matches);
    return is_done;
}

int command_search(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    char folder[DATA_PATH_SIZE];
    if (input->word_count == 0)
        error_set(&err, ERROR_USAGE, "say what to look for: imgrouter search a red car");
    if (err.kind != ERROR_NONE || !data_folder_path(settings, folder, &err))
        return command_fail(&err);
    struct store *store = sqlite_store_create_reader(folder, &err);
    if (store == NULL) return command_fail(&err);
    struct engine *engine = engine_setup_create(settings, false, true, &err);
    char *query = join_words(input);
    bool is_done = engine != NULL && search(engine, store, query, (size_t)settings->result_count,
                                            settings->is_json, &err);
    memory_free(query);
    engine_destroy(engine);
    store->operations->destroy(store);
    return is_done ? 0 : command_fail(&err);
}
