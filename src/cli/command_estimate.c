// imgrouter estimate: what captions of the cloud for folders of pictures would cost. It reads the
// beginning of each file, asks nobody and changes nothing.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/cloud_setup.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/engine_setup.h"
#include "cli/estimate_report.h"
#include "cli/index_walk.h"
#include "cli/shipped_file.h"
#include "image/picture_size.h"

// Bytes of a file that are read: a photograph's notes and colour profile come before its size.
enum { BEGINNING_SIZE = 256 * 1024 };

struct work {
    struct estimate estimate;
    struct image_limits limits;
    size_t prompt_size;
    uint8_t beginning[BEGINNING_SIZE];
};

static bool add_provider(struct estimate *estimate, const struct price_table *table,
                         const struct provider_options *options, struct error *err) {
    const struct price *price = price_find(table, options->kind, options->model);
    const char *model = options->model == NULL ? "*" : options->model;
    if (price == NULL)
        return error_set(
            err, ERROR_USAGE,
            "%s has no price for %s's model %s, so it would not be asked; add it there",
            estimate->prices, provider_kind_name(options->kind), model);
    estimate->lines[estimate->line_count++] =
        (struct estimate_line){.kind = options->kind, .model = model, .price = price};
    return true;
}

// The providers that are set; without any, everything that has a price.
static bool set_lines(struct estimate *estimate, const struct price_table *table,
                      const struct settings *settings, struct error *err) {
    struct provider_options options[CLOUD_PROVIDERS_MAX];
    size_t count, priced = price_table_count(table);
    if (!cloud_setup_providers(settings, options, &count, err)) return false;
    estimate->lines = memory_try_zeroed(priced + count, sizeof *estimate->lines);
    if (estimate->lines == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (!add_provider(estimate, table, &options[i], err)) return false;
    estimate->is_configured = count > 0;
    if (!estimate->is_configured) estimate->line_count = priced;
    for (size_t i = 0; i < estimate->line_count; i++) {
        struct estimate_line *line = &estimate->lines[i];
        if (!estimate->is_configured)
            line->price = price_table_entry(table, i, &line->kind, &line->model);
        line->max_side = provider_kind_max_side(line->kind);
    }
    return true;
}

static int64_t add(int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }

// A picture of these sides, as each provider would be sent it.
static void count_picture(struct work *work, uint32_t width, uint32_t height) {
    for (size_t i = 0; i < work->estimate.line_count; i++) {
        struct estimate_line *line = &work->estimate.lines[i];
        uint32_t w = width, h = height;
        price_sent_size(line->max_side, &w, &h);
        int64_t most = price_ceiling(line->price, w, h, work->prompt_size, CLOUD_OUTPUT_TOKENS_MAX);
        line->most_nano_usd = add(line->most_nano_usd, most);
        line->expected_nano_usd =
            add(line->expected_nano_usd, price_expected(line->price, w, h, work->prompt_size));
        if (most > line->dearest_nano_usd) line->dearest_nano_usd = most;
    }
}

// The first bytes of a file; negative when it cannot be read.
static ssize_t read_beginning(struct work *work, const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return -1;
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size < BEGINNING_SIZE) {
        got = read(descriptor, work->beginning + size, BEGINNING_SIZE - size);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            size += (size_t)got;
    }
    (void)close(descriptor);
    return got < 0 ? -1 : (ssize_t)size;
}

static void count_file(struct work *work, const struct ledger_entry *entry) {
    struct estimate_files *files = &work->estimate.files;
    uint32_t width, height;
    ssize_t size = read_beginning(work, entry->path);
    if (size < 0) {
        files->unreadable++;
    } else if (!image_format_is_readable(image_sniff(work->beginning, (size_t)size))) {
        files->not_pictures++;
    } else if ((uint64_t)entry->size_bytes > work->limits.max_bytes) {
        files->too_large++;
    } else if (!picture_size_read(work->beginning, (size_t)size, &width, &height)) {
        files->pictures++;
        files->unsized++;
        count_picture(work, UINT32_MAX, UINT32_MAX);
    } else if (width > work->limits.max_side || height > work->limits.max_side ||
               width > work->limits.max_pixels / height) {
        files->too_large++;
    } else {
        files->pictures++;
        count_picture(work, width, height);
    }
}

static void walk_folders(struct work *work, const struct command_input *input, const char *data) {
    struct index_walk *walk = index_walk_create(input->words, input->word_count, data);
    struct ledger_entry entry;
    struct error fault = {0};
    while (index_walk_next(walk, &entry, &fault)) {
        if (fault.kind == ERROR_NONE)
            count_file(work, &entry);
        else
            work->estimate.files.unreadable++;
        error_clear(&fault);
    }
    index_walk_destroy(walk);
}

static bool check_input(const struct command_input *input, struct error *err) {
    enum route_quality quality;
    if (input->word_count == 0)
        return error_set(err, ERROR_USAGE, "name at least one folder of pictures");
    if (!cloud_setup_quality(input->settings, &quality, err)) return false;
    for (size_t i = 0; i < input->word_count; i++)
        if (access(input->words[i], F_OK) != 0)
            return error_set(err, ERROR_NOT_FOUND, "cannot find %s: %s", input->words[i],
                             strerror(errno));
    return true;
}

int command_estimate(const struct command_input *input) {
    const struct settings *settings = input->settings;
    char data[DATA_PATH_SIZE], prices[SHIPPED_PATH_SIZE];
    struct error err = {0};
    struct price_table *table = NULL;
    struct work *work = memory_alloc(sizeof *work);
    work->estimate.prices = prices;
    work->prompt_size = strlen(settings->cloud_prompt);
    work->limits = picture_limits(settings);
    work->limits.max_bytes = (size_t)settings->max_upload_bytes;
    bool is_done = check_input(input, &err) && data_folder_path(settings, data, &err) &&
                   shipped_file_path(&shipped_prices, settings->prices, prices, &err) &&
                   (table = price_table_create(prices, &err)) != NULL &&
                   set_lines(&work->estimate, table, settings, &err);
    if (is_done) {
        walk_folders(work, input, data);
        estimate_report_print(&work->estimate, settings);
    }
    memory_free(work->estimate.lines);
    memory_free(work);
    price_table_destroy(table);
    return is_done ? 0 : command_fail(&err);
}
