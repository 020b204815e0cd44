// imgrouter reindex: what a server does by itself after a change of the search model, without one.
// Interrupted, it goes on where it ended the next time.
#include <stdio.h>

#include "base/processors.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/engine_setup.h"
#include "cli/json_line.h"
#include "cli/progress_bar.h"
#include "cli/store_setup.h"
#include "service/service.h"

static void show_progress(void *context, const struct reindex_progress *progress) {
    (void)progress_bar_show(context, progress->to, (int64_t)progress->done,
                            (int64_t)progress->total);
}

static void print_result(const struct reindex_progress *progress, bool is_json) {
    if (!is_json) {
        (void)printf("%zu of %zu pictures have vectors of %s\n", progress->done, progress->total,
                     progress->to);
        if (progress->failed > 0)
            (void)printf("%zu cannot get one: their bytes are lost or not readable\n",
                         progress->failed);
        return;
    }
    bool has_former = progress->from[0] != '\0';
    json_line_print(json_pack("{s:o, s:o, s:I, s:I, s:I}",                                        //
                              "from", has_former ? json_line_text(progress->from) : json_null(),  //
                              "to", json_line_text(progress->to),                                 //
                              "done", (json_int_t)progress->done,                                 //
                              "total", (json_int_t)progress->total,                               //
                              "failed", (json_int_t)progress->failed));
}

static bool reindex(struct service *service, bool is_json, struct error *err) {
    struct progress_bar bar;
    struct reindex_progress progress;
    progress_bar_init(&bar, "pictures");
    bool is_done = service_reindex_run(service, show_progress, &bar, err);
    progress_bar_clear(&bar);
    service_reindex_progress(service, &progress);
    if (is_done && progress.state == REINDEX_HELD)
        return error_set(err, ERROR_UNAVAILABLE,
                         "the pictures keep the vectors of %s, which is better than %s: get the "
                         "full models with \"imgrouter models pull\"",
                         progress.from, progress.to);
    if (is_done) print_result(&progress, is_json);
    return is_done || error_wrap(err, "%zu of %zu pictures are done, run this again to go on",
                                 progress.done, progress.total);
}

static struct store *open_store(const struct settings *settings, const char *folder,
                                struct error *err) {
    struct error problem = {0};
    struct store *store = store_setup_create(settings, folder, false, &problem);
    if (problem.kind == ERROR_CONFLICT)
        error_set(err, problem.kind,
                  "%s; or leave it to the server that runs there: it gives pictures the vectors of "
                  "its model by itself, in the background, and tells how far it is in GET /healthz",
                  problem.text);
    else if (problem.kind != ERROR_NONE)
        error_set(err, problem.kind, "%s", problem.text);
    return store;
}

int command_reindex(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    char data[DATA_PATH_SIZE], pictures[DATA_PATH_SIZE + 16];
    if (input->word_count > 0)
        error_set(&err, ERROR_USAGE, "reindex takes options only, not \"%s\"", input->words[0]);
    if (err.kind != ERROR_NONE || !data_folder_path(settings, data, &err))
        return command_fail(&err);
    (void)snprintf(pictures, sizeof pictures, "%s/pictures", data);
    struct store *store = open_store(settings, data, &err);
    struct blob_folder *blobs = store != NULL ? blob_folder_create(pictures, &err) : NULL;
    struct engine *engine = blobs != NULL ? engine_setup_create(settings, false, true, &err) : NULL;
    struct image_limits limits = picture_limits(settings);
    limits.max_bytes = (size_t)settings->max_upload_bytes;
    struct service_options options = {.engine = engine,
                                      .store = store,
                                      .blobs = blobs,
                                      .image_limits = limits,
                                      .decode_threads = processor_count()};
    struct service *service = engine != NULL ? service_create(&options, &err) : NULL;
    bool is_done = service != NULL && reindex(service, settings->is_json, &err);
    service_destroy(service);
    engine_destroy(engine);
    blob_folder_destroy(blobs);
    if (store != NULL) store->operations->destroy(store);
    return is_done ? 0 : command_fail(&err);
}
