// Listing and showing read beside a running server; deleting needs the database to itself.
#include <stdio.h>
#include <string.h>

#include "api/receipt_json.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/engine_setup.h"
#include "cli/json_line.h"
#include "cli/store_setup.h"
#include "cli/terminal_picture.h"
#include "cloud/price_table.h"
#include "store/blob_folder.h"

static void print_line(const struct image_record *record, const char *created) {
    const char *name = record->source == SOURCE_URL ? record->url : record->file_name;
    terminal_print(stdout, COLOUR_FAINT, record->id);
    (void)printf("  %s  ", created);
    terminal_print(stdout, COLOUR_PLAIN, record->caption);
    (void)printf("  ");
    terminal_print(stdout, COLOUR_FAINT, name);
    (void)printf("\n");
}

static void print_record(const struct image_record *record, bool is_json) {
    char created[CLOCK_TEXT_SIZE];
    clock_utc_text(record->created_ms, created);
    if (is_json)
        json_line_print(json_pack(
            "{s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:s, s:i, s:i, s:I, s:s, s:o}", "id", record->id,
            "caption", json_line_text(record->caption), "confidence",
            confidence_json(record->confidence), "origin", record->origin, "model",
            record->caption_model, "filename", json_line_text(record->file_name), "url",
            json_line_text(record->url), "format", record->mime, "width", (int)record->width,
            "height", (int)record->height, "size_bytes", (json_int_t)record->size_bytes,
            "created_at", created, "receipt", receipt_json_create(record)));
    else
        print_line(record, created);
}

static void print_receipt(const struct image_record *record) {
    const struct receipt *receipt = &record->receipt;
    (void)printf("captioned by %s (%s): %s", receipt->provider, record->caption_model,
                 receipt->words);
    if (receipt->cloud_ms > 0)
        (void)printf("; %.6f USD%s, %.0f ms", price_usd(receipt->cost_nano_usd),
                     receipt->is_cost_estimated ? " (estimated)" : "", receipt->cloud_ms);
    (void)printf("\n");
}

static bool list_images(struct store *store, size_t limit, bool is_json, struct error *err) {
    struct store_cursor cursor = {0};
    size_t count;
    bool has_more;
    struct image_record *records = memory_try_zeroed(limit, sizeof *records);
    if (records == NULL) return error_set(err, ERROR_INTERNAL, "out of memory for the list");
    bool is_done = store->operations->list(store, &cursor, limit, records, &count, &has_more, err);
    for (size_t i = 0; i < count && is_done; i++) print_record(&records[i], is_json);
    if (is_done && has_more) (void)fprintf(stderr, "there are more; list them with --k N\n");
    memory_free(records);
    return is_done;
}

static bool show_image(struct store *store, const char *id, const struct settings *settings,
                       const char *folder, struct error *err) {
    struct image_record record;
    struct terminal terminal;
    struct image_limits limits = picture_limits(settings);
    bool is_json = settings->is_json;
    if (!terminal_find(&terminal, settings->picture_display, is_json, err) ||
        !store->operations->get(store, id, &record, err))
        return false;
    print_record(&record, is_json);
    if (!is_json && record.receipt.reason[0] != '\0') print_receipt(&record);
    terminal_picture_print_stored(&terminal, folder, record.sha256, &limits);
    return true;
}

static bool delete_image(const struct settings *settings, const char *folder, const char *id,
                         struct error *err) {
    char pictures[DATA_PATH_SIZE + 16];
    struct image_record record;
    struct store *store = store_setup_create(settings, folder, false, err);
    if (store == NULL) return false;
    (void)snprintf(pictures, sizeof pictures, "%s/pictures", folder);
    struct blob_folder *blobs = blob_folder_create(pictures, err);
    bool is_done = blobs != NULL && store->operations->get(store, id, &record, err) &&
                   store->operations->remove(store, id, err) &&
                   blob_folder_remove(blobs, record.sha256, err);
    blob_folder_destroy(blobs);
    store->operations->destroy(store);
    return is_done;
}

int command_images(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    char folder[DATA_PATH_SIZE];
    const char *action = input->word_count == 0 ? "list" : input->words[0];
    bool is_list = strcmp(action, "list") == 0 && input->word_count <= 1;
    bool is_show = strcmp(action, "show") == 0 && input->word_count == 2;
    bool is_delete = strcmp(action, "delete") == 0 && input->word_count == 2;
    if (!is_list && !is_show && !is_delete)
        error_set(&err, ERROR_USAGE, "say one of: images list, images show ID, images delete ID");
    if (err.kind != ERROR_NONE || !data_folder_path(settings, folder, &err))
        return command_fail(&err);
    if (is_delete)
        return delete_image(settings, folder, input->words[1], &err) ? 0 : command_fail(&err);
    struct store *store = store_setup_create(settings, folder, true, &err);
    if (store == NULL) return command_fail(&err);
    bool is_done = is_list
                       ? list_images(store, (size_t)settings->result_count, settings->is_json, &err)
                       : show_image(store, input->words[1], settings, folder, &err);
    store->operations->destroy(store);
    return is_done ? 0 : command_fail(&err);
}
