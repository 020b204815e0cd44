// imgrouter migrate: one store into another. The source is only read, also beside a server; the
// target is not to be served meanwhile.
#include <stdio.h>

#include "cli/command.h"
#include "cli/copy_report.h"
#include "cli/store_address.h"

struct migration {
    struct store_address from_address, to_address;
    struct store *from, *to;
    struct blob_folder *pictures_from, *pictures_to;  // NULL: both stores' are in one folder
};

static bool open_pictures(struct migration *migration, struct error *err) {
    char path[DATA_PATH_SIZE + 16];
    if (store_address_has_same_folder(&migration->from_address, &migration->to_address))
        return true;
    (void)snprintf(path, sizeof path, "%s/pictures", migration->from_address.folder);
    migration->pictures_from = blob_folder_create_reader(path, err);
    if (migration->pictures_from == NULL) return false;
    (void)snprintf(path, sizeof path, "%s/pictures", migration->to_address.folder);
    migration->pictures_to = blob_folder_create(path, err);
    return migration->pictures_to != NULL;
}

static bool migration_open(struct migration *migration, const struct settings *settings,
                           struct error *err) {
    if (!store_address_read(&migration->from_address, "from", settings->from, settings, err) ||
        !store_address_read(&migration->to_address, "to", settings->to, settings, err))
        return false;
    if (store_address_is_same(&migration->from_address, &migration->to_address))
        return error_set(err, ERROR_USAGE, "--from and --to name the same store");
    migration->from = store_address_open(&migration->from_address, true, err);
    if (migration->from == NULL) return error_wrap(err, "--from");
    migration->to = store_address_open(&migration->to_address, false, err);
    if (migration->to == NULL) return error_wrap(err, "--to");
    return open_pictures(migration, err);
}

static void migration_close(struct migration *migration) {
    blob_folder_destroy(migration->pictures_from);
    blob_folder_destroy(migration->pictures_to);
    if (migration->to != NULL) migration->to->operations->destroy(migration->to);
    if (migration->from != NULL) migration->from->operations->destroy(migration->from);
}

static bool migrate(const struct migration *migration, struct store_pages *pages,
                    struct copy_outcome *outcome, struct error *err) {
    struct copy_progress progress = {.name = "copying"};
    struct store_copy copy = {.from = &pages->pages,
                              .to = migration->to,
                              .pictures_from = migration->pictures_from,
                              .pictures_to = migration->pictures_to,
                              .progress = copy_progress_show,
                              .context = &progress};
    progress_bar_init(&progress.bar, "images");
    bool is_done = store_pages_open(pages, migration->from, err) &&
                   store_copy_run(&copy, &outcome->copied, err) &&
                   store_pages_open(pages, migration->from, err);
    progress.name = "verifying";
    is_done = is_done && store_copy_verify(&copy, &outcome->verified, err);
    progress_bar_clear(&progress.bar);
    return is_done;
}

int command_migrate(const struct command_input *input) {
    struct error err = {0};
    struct migration migration = {0};
    struct store_pages pages;
    if (input->word_count > 0)
        error_set(&err, ERROR_USAGE, "migrate takes options only: --from STORE --to STORE");
    bool is_done = err.kind == ERROR_NONE && migration_open(&migration, input->settings, &err);
    struct copy_outcome outcome = {.from = migration.from_address.shown,
                                   .to = migration.to_address.shown,
                                   .has_pictures = migration.pictures_to != NULL};
    is_done = is_done && migrate(&migration, &pages, &outcome, &err);
    int exit_code = is_done ? copy_report_print(&outcome, &pages.pages, input->settings->is_json)
                            : command_fail(&err);
    migration_close(&migration);
    return exit_code;
}
