// Reads the database beside a running server: SQLite lets readers in, and nothing is written.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/engine_setup.h"
#include "cli/json_line.h"
#include "cli/store_setup.h"
#include "cli/terminal_picture.h"
#include "service/search_text.h"
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

static void print_json(const struct search_result *result) {
    const struct image_record *record = &result->record;
    double score = (double)result->score;
    // What was found by its words alone may have no vector, and then no score.
    json_t *line =
        json_pack("{s:s, s:o, s:o, s:o}", "id", record->id, "score",
                  isfinite(score) ? json_real(score) : json_null(), "caption",
                  json_line_text(record->caption), "filename", json_line_text(record->file_name));
    if (result->has_relevance)
        json_object_set_new(line, "relevance", json_real((double)result->relevance));
    json_line_print(line);
}

static void print_text(const struct search_result *result) {
    const struct image_record *record = &result->record;
    char score[16] = "    -";
    if (isfinite(result->score)) (void)snprintf(score, sizeof score, "%.3f", (double)result->score);
    terminal_print(stdout, COLOUR_STRONG, score);
    (void)printf("  ");
    terminal_print(stdout, COLOUR_FAINT, record->id);
    (void)printf("  ");
    terminal_print(stdout, COLOUR_PLAIN, record->caption);
    (void)printf("  ");
    terminal_print(stdout, COLOUR_FAINT, record->file_name);
    (void)printf("\n");
}

static void print_answer(const struct search_answer *answer, const struct settings *settings,
                         const struct terminal *terminal, const char *folder) {
    struct image_limits limits = picture_limits(settings);
    for (size_t i = 0; i < answer->count; i++) {
        const struct search_result *result = &answer->results[i];
        (settings->is_json ? print_json : print_text)(result);
        terminal_picture_print_stored(terminal, folder, result->record.sha256, &limits);
    }
    if (answer->count == 0 && !settings->is_json) (void)fprintf(stderr, "%s\n", answer->reason);
}

// By enum search_text_field; NULL: no option.
static const char *const options[SEARCH_TEXT_COUNT] = {
    [SEARCH_TEXT_MODE] = "mode",     [SEARCH_TEXT_MIN_SCORE] = "min-score",
    [SEARCH_TEXT_TAGS] = "tags",     [SEARCH_TEXT_WORDS] = "words",
    [SEARCH_TEXT_FROM] = "from",     [SEARCH_TEXT_UNTIL] = "until",
    [SEARCH_TEXT_ORIGIN] = "origin",
};

static bool read_options(const struct settings *settings, struct search_text *text,
                         struct search_request *request, struct error *err) {
    struct search_text_fault fault;
    *text = (struct search_text){.values = {
                                     [SEARCH_TEXT_MODE] = settings->search_mode,
                                     [SEARCH_TEXT_MIN_SCORE] = settings->min_score,
                                     [SEARCH_TEXT_TAGS] = settings->found_tags,
                                     [SEARCH_TEXT_WORDS] = settings->caption_words,
                                     [SEARCH_TEXT_FROM] = settings->found_from,
                                     [SEARCH_TEXT_UNTIL] = settings->found_until,
                                     [SEARCH_TEXT_ORIGIN] = settings->origin,
                                 }};
    if (search_text_read(text, request, &fault)) return true;
    if (fault.rule[0] == '\0')
        return error_set(err, ERROR_INTERNAL, "out of memory for the options of this search");
    return error_set(err, ERROR_USAGE, "--%s %s", options[fault.field], fault.rule);
}

static bool search(struct engine *engine, struct store *store, const struct search_request *request,
                   const struct settings *settings, struct search_answer *answer,
                   struct error *err) {
    struct relevance *relevance = relevance_create(engine, err);
    struct service_options setup = {.engine = engine,
                                    .store = store,
                                    .relevance = relevance,
                                    .open_former = engine_setup_open_former,
                                    .open_former_context = settings,
                                    .decode_threads = 1};
    struct service *service = relevance != NULL ? service_create(&setup, err) : NULL;
    bool is_done = service != NULL && service_search(service, request, answer, err);
    service_destroy(service);
    relevance_destroy(relevance);
    return is_done;
}

int command_search(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    char folder[DATA_PATH_SIZE];
    struct search_text text = {.lists = NULL};
    struct search_request request = {.k = (size_t)settings->result_count};
    struct store *store = NULL;
    struct engine *engine = NULL;
    struct terminal terminal;
    struct search_answer answer = {.results = NULL};
    if (input->word_count == 0)
        error_set(&err, ERROR_USAGE, "say what to look for: imgrouter search a red car");
    char *query = join_words(input);
    request.query = query;
    bool is_done = input->word_count > 0 && read_options(settings, &text, &request, &err) &&
                   terminal_find(&terminal, settings->picture_display, settings->is_json, &err) &&
                   data_folder_path(settings, folder, &err);
    if (is_done) store = store_setup_create(settings, folder, true, &err);
    if (store != NULL) engine = engine_setup_create(settings, false, true, &err);
    is_done = engine != NULL && search(engine, store, &request, settings, &answer, &err);
    if (is_done) print_answer(&answer, settings, &terminal, folder);
    search_answer_clear(&answer);
    engine_destroy(engine);
    if (store != NULL) store->operations->destroy(store);
    search_text_clear(&text);
    memory_free(query);
    return is_done ? 0 : command_fail(&err);
}
