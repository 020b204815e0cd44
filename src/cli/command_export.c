// imgrouter export: the store as a folder of JSON lines and arrays, also beside a server.
#include <stdio.h>

#include "archive/archive.h"
#include "cli/command.h"
#include "cli/copy_report.h"
#include "cli/data_folder.h"
#include "cli/json_line.h"
#include "cli/store_setup.h"

static int print(const struct archive_report *report, const struct image_pages *pages,
                 const char *folder, bool has_pictures, bool is_json) {
    struct error err = {0};
    if (is_json) {
        json_line_print(json_pack(
            "{s:o, s:I, s:o, s:o, s:I}", "folder", json_line_text(folder), "images",
            (json_int_t)report->images, "vectors", copy_report_vectors(pages, report->vectors),
            "pictures", has_pictures ? json_integer((json_int_t)report->pictures) : json_null(),
            "pictures_lost", (json_int_t)report->pictures_lost));
    } else {
        (void)printf("%zu images exported to %s\n", report->images, folder);
        for (size_t i = 0; i < pages->space_count; i++)
            (void)printf("%zu vectors of %s\n", report->vectors[i],
                         pages->spaces[i].embedding_model);
        if (has_pictures) (void)printf("%zu pictures\n", report->pictures);
    }
    if (report->pictures_lost == 0) return 0;
    error_set(&err, ERROR_STORAGE,
              "the files of %zu pictures are not there or have changed, image %s first; their "
              "images were exported",
              report->pictures_lost, report->first_picture_lost);
    return command_fail(&err);
}

static bool export_to(const char *folder, struct store *store, const char *data_folder,
                      bool has_pictures, struct store_pages *pages, struct archive_report *report,
                      struct error *err) {
    struct copy_progress progress = {.name = "exporting"};
    struct blob_folder *pictures = NULL;
    char path[DATA_PATH_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/pictures", data_folder);
    if (has_pictures && (pictures = blob_folder_create_reader(path, err)) == NULL) return false;
    struct archive_export export = {.from = &pages->pages,
                                    .pictures_from = pictures,
                                    .folder = folder,
                                    .progress = copy_progress_show,
                                    .context = &progress};
    progress_bar_init(&progress.bar, "images");
    bool is_done = store_pages_open(pages, store, err) && archive_write(&export, report, err);
    progress_bar_clear(&progress.bar);
    blob_folder_destroy(pictures);
    return is_done;
}

int command_export(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    struct archive_report report;
    struct store_pages pages;
    char data_folder[DATA_PATH_SIZE];
    if (input->word_count != 1)
        error_set(&err, ERROR_USAGE, "name the folder to make: imgrouter export FOLDER");
    if (err.kind != ERROR_NONE || !data_folder_path(settings, data_folder, &err))
        return command_fail(&err);
    struct store *store = store_setup_create(settings, data_folder, true, &err);
    if (store == NULL) return command_fail(&err);
    bool is_done = export_to(input->words[0], store, data_folder, settings->has_pictures, &pages,
                             &report, &err);
    store->operations->destroy(store);
    return is_done ? print(&report, &pages.pages, input->words[0], settings->has_pictures,
                           settings->is_json)
                   : command_fail(&err);
}
