// Reads the database beside a running server: SQLite lets readers in, and nothing is written.
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/engine_setup.h"
#include "cli/json_line.h"
#include "cli/store_setup.h"
#include "service/service.h"

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

static void print_result(const struct search_result *result, bool is_json) {
    const struct image_record *record = &result->record;
    if (!is_json) {
        (void)printf("%.3f  %s  %s  %s\n", (double)result->score, record->id, record->caption,
                     record->file_name);
        return;
    }
    json_t *line = json_pack("{s:s, s:f, s:o, s:o}", "id", record->id, "score",
                             (double)result->score, "caption", json_line_text(record->caption),
                             "filename", json_line_text(record->file_name));
    if (result->has_relevance)
        json_object_set_new(line, "relevance", json_real((double)result->relevance));
    json_line_print(line);
}

static bool search(struct engine *engine, struct store *store, const char *query, size_t k,
                   bool is_json, struct error *err) {
    struct search_request request = {.query = query, .k = k};
    struct search_answer answer = {.results = NULL};
    struct relevance *relevance = relevance_create(engine, err);
    struct service *service = relevance == NULL
                                  ? NULL
                                  : service_create(&(struct service_options){.engine = engine,
                                                                             .store = store,
                                                                             .relevance = relevance,
                                                                             .decode_threads = 1},
                                                   err);
    bool is_done = service != NULL && service_search(service, &request, &answer, err);
    for (size_t i = 0; i < answer.count && is_done; i++) print_result(&answer.results[i], is_json);
    if (is_done && answer.count == 0 && !is_json) (void)fprintf(stderr, "%s\n", answer.reason);
    search_answer_clear(&answer);
    service_destroy(service);
    relevance_destroy(relevance);
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
    struct store *store = store_setup_create(settings, folder, true, &err);
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
