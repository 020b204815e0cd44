// Reading an export. Its files are mapped, and forgotten behind the reader, so that memory does not
// grow with them. Everything comes from outside: what the manifest and the lines say is checked
// before it is believed.
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "archive/archive_line.h"
#include "archive/file_checksum.h"
#include "archive/npy_file.h"
#include "base/file.h"
#include "base/float_bytes.h"
#include "base/memory.h"

// Searches take the product of two vectors for their cosine. Rounding leaves 1e-6 or so; one that
// is farther off was not made unit long.
static const double LENGTH_TOLERANCE = 1e-3;

struct archive {
    struct image_pages pages;
    char *folder;
    struct archive_manifest manifest;
    struct mapped_file images;
    struct mapped_file vectors[STORE_SPACES_MAX];
    size_t offsets[STORE_SPACES_MAX];  // of the numbers in the file
    // What has been read:
    size_t position;  // in images
    size_t line;
    size_t rows[STORE_SPACES_MAX];
    struct image_record last;
};

static bool archive_path(const char *folder, const char *name, char path[static PATH_MAX],
                         struct error *err) {
    int length = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return (length > 0 && length < PATH_MAX) ||
           error_set(err, ERROR_USAGE, "the path of the export is too long");
}

static bool read_manifest(struct archive *archive, struct error *err) {
    char path[PATH_MAX];
    size_t size;
    if (!archive_path(archive->folder, "manifest.json", path, err)) return false;
    char *text = file_read_create(path, ARCHIVE_MANIFEST_MAX, &size, err);
    if (text == NULL) return error_wrap(err, "%s is no export", archive->folder);
    bool is_done = archive_manifest_read(text, size, &archive->manifest, err);
    memory_free(text);
    return is_done || error_wrap(err, "%s", path);
}

static bool open_checked(const struct archive *archive, const char *name, const char *sha256,
                         struct mapped_file *file, struct error *err) {
    char path[PATH_MAX], found[SHA256_HEX_SIZE];
    if (!archive_path(archive->folder, name, path, err) || !file_checksum(path, found, err))
        return false;
    if (strcmp(found, sha256) != 0)
        return error_set(err, ERROR_INVALID,
                         "%s is not what was exported: its SHA-256 is another one than the "
                         "manifest has; copy it again",
                         path);
    return mapped_file_open(file, path, err);
}

static bool open_vectors(struct archive *archive, size_t index, struct error *err) {
    const struct archive_space *each = &archive->manifest.spaces[index];
    struct mapped_file *file = &archive->vectors[index];
    char name[ARCHIVE_FILE_NAME_SIZE];
    size_t rows, columns;
    archive_vectors_name(index, name);
    if (!open_checked(archive, name, each->sha256, file, err)) return false;
    if (!npy_header_read(file->bytes, file->size, &archive->offsets[index], &rows, &columns, err))
        return error_wrap(err, "%s/%s", archive->folder, name);
    return (rows == each->space.count && columns == each->space.width) ||
           error_set(err, ERROR_INVALID,
                     "%s/%s has %zu rows of %zu numbers, and the manifest says %zu of %zu",
                     archive->folder, name, rows, columns, each->space.count, each->space.width);
}

struct archive *archive_open(const char *folder, struct error *err) {
    struct archive *archive = memory_alloc(sizeof *archive);
    const struct archive_manifest *manifest = &archive->manifest;
    archive->folder = memory_copy_text(folder);
    bool is_done =
        read_manifest(archive, err) &&
        open_checked(archive, "images.jsonl", manifest->images_sha256, &archive->images, err);
    for (size_t i = 0; is_done && i < manifest->space_count; i++)
        is_done = open_vectors(archive, i, err);
    if (is_done) return archive;
    archive_close(archive);
    return NULL;
}

void archive_close(struct archive *archive) {
    if (archive == NULL) return;
    mapped_file_close(&archive->images);
    for (size_t i = 0; i < STORE_SPACES_MAX; i++) mapped_file_close(&archive->vectors[i]);
    memory_free(archive->folder);
    memory_free(archive);
}

bool archive_has_pictures(const struct archive *archive) { return archive->manifest.has_pictures; }

static bool check_vector(const float *vector, size_t width) {
    double square = 0;
    for (size_t i = 0; i < width; i++) square += (double)vector[i] * (double)vector[i];
    return fabs(sqrt(square) - 1) <= LENGTH_TOLERANCE;  // false also for what is not finite
}

// The vector of the page's last image in a space: the row that follows the one before.
static bool read_vector(struct archive *archive, struct image_page *page, size_t space, size_t row,
                        struct error *err) {
    size_t index = page->count, width = page->widths[space];
    page->has_vector[space][index] = row != ARCHIVE_NO_ROW;
    if (row == ARCHIVE_NO_ROW) return true;
    if (row != archive->rows[space])
        return error_set(err, ERROR_INVALID, "row %zu of vectors-%zu.npy is not the next, %zu", row,
                         space, archive->rows[space]);
    archive->rows[space]++;
    float *vector = page->vectors[space] + index * width;
    size_t offset = archive->offsets[space] + row * width * 4;
    float_bytes_read(archive->vectors[space].bytes + offset, width, vector);
    return check_vector(vector, width) ||
           error_set(err, ERROR_INVALID, "row %zu of vectors-%zu.npy is not a unit vector", row,
                     space);
}

static bool read_image(struct archive *archive, const char *line, size_t size,
                       struct image_page *page, struct error *err) {
    struct image_record *record = &page->records[page->count];
    size_t rows[STORE_SPACES_MAX];
    if (!archive_line_read(line, size, &archive->manifest, record, rows, err)) return false;
    if (archive->line > 1 && image_order(&archive->last, record) >= 0)
        return error_set(err, ERROR_INVALID,
                         "it is not in order: newest first, by created_ms and id, each once");
    archive->last = *record;
    for (size_t i = 0; i < archive->manifest.space_count; i++)
        if (!read_vector(archive, page, i, rows[i], err)) return false;
    page->count++;
    return true;
}

static bool check_end(const struct archive *archive, struct error *err) {
    if (archive->line != archive->manifest.image_count)
        return error_set(err, ERROR_INVALID,
                         "%s/images.jsonl has %zu images, and the manifest says %zu",
                         archive->folder, archive->line, archive->manifest.image_count);
    for (size_t i = 0; i < archive->manifest.space_count; i++)
        if (archive->rows[i] != archive->manifest.spaces[i].space.count)
            return error_set(err, ERROR_INVALID,
                             "%s/images.jsonl names %zu rows of vectors-%zu.npy, which has %zu",
                             archive->folder, archive->rows[i], i,
                             archive->manifest.spaces[i].space.count);
    return true;
}

static void forget(const struct archive *archive, size_t position, const size_t *rows) {
    mapped_file_forget(&archive->images, position, archive->position - position);
    for (size_t i = 0; i < archive->manifest.space_count; i++) {
        size_t bytes = archive->manifest.spaces[i].space.width * 4;
        mapped_file_forget(&archive->vectors[i], archive->offsets[i] + rows[i] * bytes,
                           (archive->rows[i] - rows[i]) * bytes);
    }
}

static bool read_page(struct image_pages *pages, struct image_page *page, struct error *err) {
    struct archive *archive = (struct archive *)pages;
    const struct mapped_file *images = &archive->images;
    size_t position = archive->position, rows[STORE_SPACES_MAX];
    memcpy(rows, archive->rows, sizeof rows);
    page->count = 0;
    while (page->count < IMAGE_PAGE_MAX && archive->position < images->size) {
        const char *line = (const char *)images->bytes + archive->position;
        size_t left = images->size - archive->position;
        const char *end = memchr(line, '\n', left);
        archive->line++;
        if (end == NULL)
            error_set(err, ERROR_INVALID, "it has no line end");
        else if (read_image(archive, line, (size_t)(end - line), page, err)) {
            archive->position += (size_t)(end - line) + 1;
            continue;
        }
        return error_wrap(err, "%s/images.jsonl line %zu", archive->folder, archive->line);
    }
    forget(archive, position, rows);
    return page->count > 0 || check_end(archive, err);
}

struct image_pages *archive_pages(struct archive *archive) {
    const struct archive_manifest *manifest = &archive->manifest;
    struct image_pages *pages = &archive->pages;
    *pages = (struct image_pages){.space_count = manifest->space_count,
                                  .image_count = manifest->image_count,
                                  .read = read_page};
    for (size_t i = 0; i < manifest->space_count; i++) pages->spaces[i] = manifest->spaces[i].space;
    (void)snprintf(pages->active_space, STORE_MODEL_SIZE, "%s", manifest->active_space);
    archive->position = 0;
    archive->line = 0;
    memset(archive->rows, 0, sizeof archive->rows);
    return pages;
}
