// Reads one tag with libexif, which has met every broken camera before.
#include <libexif/exif-data.h>
#include <string.h>

#include "base/memory.h"
#include "image/decoders.h"
#include "image/orientation.h"

// libexif wants the "Exif\0\0" that JPEG puts before the TIFF header; PNG and WebP may leave it
// out.
static const uint8_t exif_header[6] = {'E', 'x', 'i', 'f', 0, 0};

// A JPEG segment holds no more; larger blocks exist in PNG and WebP, but the first directory, where
// the orientation is, stands at their beginning.
enum { EXIF_SIZE_MAX = 65535 };

static int orientation_from_entry(const ExifEntry *entry, ExifByteOrder order) {
    int value = 1;
    if (entry->format == EXIF_FORMAT_SHORT && entry->components >= 1 && entry->size >= 2) {
        value = exif_get_short(entry->data, order);
    } else if (entry->format == EXIF_FORMAT_LONG && entry->components >= 1 && entry->size >= 4) {
        ExifLong wide = exif_get_long(entry->data, order);
        value = wide <= 8 ? (int)wide : 1;
    }
    return value >= 1 && value <= 8 ? value : 1;
}

bool exif_orientation_read(const uint8_t *bytes, size_t size, int *orientation, struct error *err) {
    if (size >= sizeof(exif_header) && memcmp(bytes, exif_header, sizeof(exif_header)) == 0) {
        bytes += sizeof(exif_header);
        size -= sizeof(exif_header);
    }
    if (size > EXIF_SIZE_MAX - sizeof(exif_header)) size = EXIF_SIZE_MAX - sizeof(exif_header);

    *orientation = 1;
    uint8_t *block = memory_try(sizeof(exif_header) + size);
    ExifData *data = exif_data_new();
    bool is_ok = block != NULL && data != NULL;
    if (is_ok) {
        memcpy(block, exif_header, sizeof(exif_header));
        memcpy(block + sizeof(exif_header), bytes, size);
        // As it stands: no made-up mandatory tags, no mending of types.
        exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
        exif_data_load_data(data, block, (unsigned int)(sizeof(exif_header) + size));
        const ExifEntry *entry =
            exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
        if (entry != NULL) {
            *orientation = orientation_from_entry(entry, exif_data_get_byte_order(data));
        }
    }
    if (data != NULL) exif_data_unref(data);
    memory_free(block);
    return is_ok || picture_out_of_memory(err);
}
