// What an import reads, from strangers: lines of images.jsonl, headers of arrays, manifests. The
// first byte chooses which. Whatever the bytes, they are taken and can be written again, or a
// sentence says what is wrong.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "archive/archive_line.h"
#include "archive/npy_file.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_line(const char *bytes, size_t size, struct error *err) {
    static const struct archive_manifest manifest = {
        .space_count = 2,
        .spaces = {{.space = {.embedding_model = "space", .width = 4, .count = 10}},
                   {.space = {.embedding_model = "second", .width = 8, .count = 2}}},
    };
    struct image_record record, again;
    size_t rows[STORE_SPACES_MAX];
    if (!archive_line_read(bytes, size, &manifest, &record, rows, err)) return false;
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, ARCHIVE_LINE_MAX);
    assert(archive_line_append(&buffer, &record, &manifest, rows, err));
    assert(archive_line_read(buffer.bytes, buffer.size - 1, &manifest, &again, rows, err));
    assert(memcmp(&record, &again, sizeof record) == 0);
    byte_buffer_clear(&buffer);
    return true;
}

static bool read_array(const char *bytes, size_t size, struct error *err) {
    size_t offset, rows, columns;
    if (!npy_header_read((const unsigned char *)bytes, size, &offset, &rows, &columns, err))
        return false;
    assert(offset <= size && rows * columns * 4 == size - offset);
    return true;
}

static bool read_manifest(const char *bytes, size_t size, struct error *err) {
    struct archive_manifest manifest, again;
    if (!archive_manifest_read(bytes, size, &manifest, err)) return false;
    char *text = archive_manifest_write(&manifest, err);
    assert(text != NULL && archive_manifest_read(text, strlen(text), &again, err));
    assert(memcmp(&manifest, &again, sizeof manifest) == 0);
    memory_free(text);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool (*const readers[])(const char *, size_t, struct error *) = {read_line, read_array,
                                                                            read_manifest};
    struct error err = {0};
    if (size == 0) return 0;
    bool is_done = readers[data[0] % 3]((const char *)data + 1, size - 1, &err);
    assert(is_done == (err.kind == ERROR_NONE) && (is_done || err.text[0] != '\0'));
    return 0;
}
