// imgrouter import: what export wrote, into a store that is not served meanwhile.
#include <stdio.h>

#include "archive/archive.h"
#include "cli/command.h"
#include "cli/copy_report.h"
#include "cli/data_folder.h"
#include "cli/store_setup.h"

static bool import(struct archive *archive, struct store *to, struct blob_folder *pictures_from,
                   struct blob_folder *pictures_to, struct copy_outcome *outcome,
                   struct error *err) {
    struct copy_progress progress = {.name = "importing"};
    struct store_copy copy = {.from = archive_pages(archive),
                              .to = to,
                              .pictures_from = pictures_from,
                              .pictures_to = pictures_to,
                              .progress = copy_progress_show,
                              .context = &progress};
    progress_bar_init(&progress.bar, "images");
    bool is_done = store_copy_run(&copy, &outcome->copied, err);
    progress.name = "verifying";
    copy.from = archive_pages(archive);
    is_done = is_done && store_copy_verify(&copy, &outcome->verified, err);
    progress_bar_clear(&progress.bar);
    return is_done;
}

static bool import_with_pictures(struct archive *archive, struct store *to, const char *folder,
                                 const char *data_folder, struct copy_outcome *outcome,
                                 struct error *err) {
    char path[DATA_PATH_SIZE + 16];
    if (!archive_has_pictures(archive)) return import(archive, to, NULL, NULL, outcome, err);
    (void)snprintf(path, sizeof path, "%.*s/pictures", DATA_PATH_SIZE, folder);
    struct blob_folder *pictures_from = blob_folder_create_reader(path, err);
    (void)snprintf(path, sizeof path, "%s/pictures", data_folder);
    struct blob_folder *pictures_to = pictures_from == NULL ? NULL : blob_folder_create(path, err);
    bool is_done =
        pictures_to != NULL && import(archive, to, pictures_from, pictures_to, outcome, err);
    blob_folder_destroy(pictures_from);
    blob_folder_destroy(pictures_to);
    return is_done;
}

int command_import(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    char data_folder[DATA_PATH_SIZE];
    if (input->word_count != 1)
        error_set(&err, ERROR_USAGE, "name the folder of the export: imgrouter import FOLDER");
    if (err.kind != ERROR_NONE || !data_folder_path(settings, data_folder, &err))
        return command_fail(&err);
    // Before the store is made: a damaged export leaves nothing behind.
    struct archive *archive = archive_open(input->words[0], &err);
    if (archive == NULL) return command_fail(&err);
    struct copy_outcome outcome = {.from = input->words[0],
                                   .to = settings->vector_backend,
                                   .has_pictures = archive_has_pictures(archive)};
    struct store *store = store_setup_create(settings, data_folder, false, &err);
    bool is_done = store != NULL && import_with_pictures(archive, store, input->words[0],
                                                         data_folder, &outcome, &err);
    if (store != NULL) store->operations->destroy(store);
    int exit_code = is_done ? copy_report_print(&outcome, archive_pages(archive), settings->is_json)
                            : command_fail(&err);
    archive_close(archive);
    return exit_code;
}
