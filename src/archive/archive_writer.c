// Writing an export. The headers of the arrays are written again at the end, when the count of
// rows is known; the manifest, which says what the folder holds, comes last.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/archive_line.h"
#include "archive/file_checksum.h"
#include "archive/npy_file.h"
#include "base/file.h"
#include "base/float_bytes.h"
#include "base/memory.h"

enum { PATH_ROOM = ARCHIVE_FILE_NAME_SIZE + 16 };  // for ".partial/" and a file's name

struct writer {
    const struct archive_export *export;
    struct archive_report *report;
    char partial[PATH_MAX];
    struct archive_manifest manifest;
    struct image_page page;
    struct byte_buffer lines;      // of one page
    unsigned char *row;            // bytes of one vector
    struct blob_folder *pictures;  // NULL: without
    FILE *images;
    FILE *vectors[STORE_SPACES_MAX];
};

static void writer_path(const struct writer *writer, const char *name, char path[static PATH_MAX]) {
    (void)snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - PATH_ROOM, writer->partial, name);
}

static bool file_failed(const struct writer *writer, const char *name, struct error *err) {
    return error_set(err, ERROR_STORAGE, "cannot write %s/%s: %s", writer->partial, name,
                     strerror(errno));
}

static FILE *create_file(const struct writer *writer, const char *name, struct error *err) {
    char path[PATH_MAX];
    writer_path(writer, name, path);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (file == NULL) {
        file_failed(writer, name, err);
        if (descriptor >= 0) (void)close(descriptor);
    }
    return file;
}

static bool create_folder(struct writer *writer, struct error *err) {
    const char *folder = writer->export->folder;
    struct stat status;
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;
    if (length == 0 || length >= PATH_MAX - 2 * PATH_ROOM)
        return error_set(err, ERROR_USAGE, "the path of the export is empty or too long");
    if (lstat(folder, &status) == 0)
        return error_set(err, ERROR_CONFLICT,
                         "%s is there already and is not overwritten; name another folder", folder);
    (void)snprintf(writer->partial, sizeof writer->partial, "%.*s.partial", (int)length, folder);
    if (lstat(writer->partial, &status) == 0)
        return error_set(err, ERROR_CONFLICT,
                         "%s is there: an export that was interrupted, or one that is running; "
                         "delete it, or name another folder",
                         writer->partial);
    return folder_create(writer->partial, err);
}

static bool open_vectors(struct writer *writer, size_t space, struct error *err) {
    char name[ARCHIVE_FILE_NAME_SIZE], header[NPY_HEADER_SIZE];
    archive_vectors_name(space, name);
    writer->vectors[space] = create_file(writer, name, err);
    npy_header_write(header, 0, writer->page.widths[space]);
    return writer->vectors[space] != NULL &&
           (fwrite(header, sizeof header, 1, writer->vectors[space]) == 1 ||
            file_failed(writer, name, err));
}

static bool writer_open(struct writer *writer, struct error *err) {
    const struct image_pages *from = writer->export->from;
    char path[PATH_MAX];
    size_t widest = 1;
    byte_buffer_init(&writer->lines, (size_t)IMAGE_PAGE_MAX * ARCHIVE_LINE_MAX);
    writer->manifest.space_count = from->space_count;
    (void)snprintf(writer->manifest.active_space, STORE_MODEL_SIZE, "%s", from->active_space);
    for (size_t i = 0; i < from->space_count; i++) {
        writer->manifest.spaces[i].space = from->spaces[i];
        writer->manifest.spaces[i].space.count = 0;
        if (from->spaces[i].width > widest) widest = from->spaces[i].width;
    }
    writer->row = memory_try_array(widest, 4);
    if (writer->row == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for a vector of %zu numbers", widest);
    if (!image_page_init(&writer->page, from->spaces, from->space_count, err)) return false;
    writer->images = create_file(writer, "images.jsonl", err);
    if (writer->images == NULL) return false;
    for (size_t i = 0; i < from->space_count; i++)
        if (!open_vectors(writer, i, err)) return false;
    writer->manifest.has_pictures = writer->export->pictures_from != NULL;
    if (!writer->manifest.has_pictures) return true;
    writer_path(writer, "pictures", path);
    writer->pictures = blob_folder_create(path, err);
    return writer->pictures != NULL;
}

static bool write_image(struct writer *writer, size_t index, struct error *err) {
    size_t rows[STORE_SPACES_MAX];
    for (size_t i = 0; i < writer->manifest.space_count; i++) {
        const float *vector = image_page_vector(&writer->page, index, i);
        size_t width = writer->page.widths[i];
        rows[i] = ARCHIVE_NO_ROW;
        if (vector == NULL) continue;
        rows[i] = writer->manifest.spaces[i].space.count++;
        float_bytes_write(vector, width, writer->row);
        if (fwrite(writer->row, width * 4, 1, writer->vectors[i]) != 1) {
            char name[ARCHIVE_FILE_NAME_SIZE];
            archive_vectors_name(i, name);
            return file_failed(writer, name, err);
        }
    }
    return archive_line_append(&writer->lines, &writer->page.records[index], &writer->manifest,
                               rows, err);
}

// One picture that is lost stops nothing: its image is still worth having.
static bool copy_picture(struct writer *writer, const struct image_record *record,
                         struct error *err) {
    struct archive_report *report = writer->report;
    enum blob_copied outcome;
    // Of an image without a SHA-256 the original was never here.
    if (writer->pictures == NULL || record->sha256[0] == '\0') return true;
    if (!blob_folder_copy(writer->export->pictures_from, writer->pictures, record->sha256,
                          (size_t)record->size_bytes, &outcome, err))
        return false;
    if (outcome != BLOB_LOST) report->pictures++;
    if (outcome == BLOB_LOST && report->pictures_lost++ == 0)
        (void)snprintf(report->first_picture_lost, IMAGE_ID_SIZE, "%s", record->id);
    return true;
}

static bool write_images(struct writer *writer, struct error *err) {
    const struct archive_export *export = writer->export;
    struct image_pages *from = export->from;
    for (;;) {
        if (export->progress != NULL)
            export->progress(export->context, writer->manifest.image_count, from->image_count);
        if (!from->read(from, &writer->page, err)) return false;
        if (writer->page.count == 0) return true;
        writer->lines.size = 0;
        for (size_t i = 0; i < writer->page.count; i++)
            if (!copy_picture(writer, &writer->page.records[i], err) ||
                !write_image(writer, i, err))
                return false;
        if (fwrite(writer->lines.bytes, writer->lines.size, 1, writer->images) != 1)
            return file_failed(writer, "images.jsonl", err);
        writer->manifest.image_count += writer->page.count;
    }
}

// On disk, and its hash. fsync is never tried again: what it failed to write may be lost.
static bool finish_file(const struct writer *writer, FILE **file, const char *name,
                        char sha256[static SHA256_HEX_SIZE], struct error *err) {
    char path[PATH_MAX];
    bool is_done = fflush(*file) == 0 && fsync(fileno(*file)) == 0;
    if (!is_done) file_failed(writer, name, err);
    if (fclose(*file) != 0 && is_done) is_done = file_failed(writer, name, err);
    *file = NULL;
    writer_path(writer, name, path);
    return is_done && file_checksum(path, sha256, err);
}

static bool finish_files(struct writer *writer, struct error *err) {
    for (size_t i = 0; i < writer->manifest.space_count; i++) {
        struct archive_space *each = &writer->manifest.spaces[i];
        char name[ARCHIVE_FILE_NAME_SIZE], header[NPY_HEADER_SIZE];
        archive_vectors_name(i, name);
        npy_header_write(header, each->space.count, each->space.width);
        if (fseek(writer->vectors[i], 0, SEEK_SET) != 0 ||
            fwrite(header, sizeof header, 1, writer->vectors[i]) != 1)
            return file_failed(writer, name, err);
        if (!finish_file(writer, &writer->vectors[i], name, each->sha256, err)) return false;
        writer->report->vectors[i] = each->space.count;
    }
    writer->report->images = writer->manifest.image_count;
    return finish_file(writer, &writer->images, "images.jsonl", writer->manifest.images_sha256,
                       err);
}

static bool write_manifest(const struct writer *writer, struct error *err) {
    char path[PATH_MAX];
    char *text = archive_manifest_write(&writer->manifest, err);
    if (text == NULL) return false;
    writer_path(writer, "manifest.json", path);
    bool is_done = file_write_atomic(path, text, strlen(text), err);
    memory_free(text);
    return is_done;
}

static bool rename_folder(const struct writer *writer, struct error *err) {
    char parent[PATH_MAX];
    const char *folder = writer->export->folder;
    (void)snprintf(parent, sizeof parent, "%s/..", folder);
    if (rename(writer->partial, folder) != 0)
        return error_set(err, ERROR_STORAGE, "cannot rename %s to %s: %s", writer->partial, folder,
                         strerror(errno));
    return folder_sync(parent, err);
}

static void writer_clear(struct writer *writer) {
    if (writer->images != NULL) (void)fclose(writer->images);
    for (size_t i = 0; i < STORE_SPACES_MAX; i++)
        if (writer->vectors[i] != NULL) (void)fclose(writer->vectors[i]);
    blob_folder_destroy(writer->pictures);
    byte_buffer_clear(&writer->lines);
    image_page_clear(&writer->page);
    memory_free(writer->row);
}

bool archive_write(const struct archive_export *export, struct archive_report *report,
                   struct error *err) {
    struct writer writer = {.export = export, .report = report};
    *report = (struct archive_report){0};
    if (!create_folder(&writer, err)) return false;
    struct error problem = {0};
    bool is_done = writer_open(&writer, &problem) && write_images(&writer, &problem) &&
                   finish_files(&writer, &problem) && write_manifest(&writer, &problem) &&
                   rename_folder(&writer, &problem);
    writer_clear(&writer);
    return is_done || error_set(err, problem.kind, "%s; what was written is in %s: delete it",
                                problem.text, writer.partial);
}
