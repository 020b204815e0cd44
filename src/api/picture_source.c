#include "api/picture_source.h"

#include "api/data_uri.h"
#include "base/base64.h"
#include "base/memory.h"
#include "service/caption_picture.h"

static bool read_base64(struct picture_source *source, const char *text, size_t length,
                        size_t max_bytes, struct error *err) {
    bool is_valid;
    // Four characters for three bytes, and some more for line ends; the service is exact.
    if (length / 4 > max_bytes / 3 + max_bytes / 64 + 1)
        return error_set(err, ERROR_TOO_LARGE,
                         "the picture has more than %zu bytes, which is the most that is taken; "
                         "send a smaller one",
                         max_bytes);
    source->bytes = base64_decode_create(text, length, &source->size, &is_valid);
    if (!is_valid)
        return error_set(err, ERROR_INVALID,
                         "the picture is not valid base64; encode its bytes once more");
    if (source->bytes == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory; try again shortly");
    if (source->size == 0)
        return error_set(err, ERROR_INVALID, "the picture is empty; send the bytes of one");
    return true;
}

bool picture_source_read(struct picture_source *source, enum picture_form form, const char *text,
                         size_t length, size_t max_bytes, struct error *err) {
    *source = (struct picture_source){.url = NULL};
    if (is_data_uri(text, length))
        return data_uri_read(text, length, &text, &length, err) &&
               read_base64(source, text, length, max_bytes, err);
    if (form == PICTURE_BASE64) return read_base64(source, text, length, max_bytes, err);
    source->url = text;
    return true;
}

void picture_source_clear(struct picture_source *source) {
    memory_free(source->bytes);
    *source = (struct picture_source){.url = NULL};
}

bool picture_source_embed(const struct picture_source *source, struct service *service,
                          enum queue_lane lane, struct embedding_result *result,
                          struct error *err) {
    if (source->bytes == NULL) return service_embed_url(service, source->url, lane, result, err);
    return service_embed_image(service, source->bytes, source->size, lane, result, err);
}

bool picture_source_caption(const struct picture_source *source, struct service *service,
                            const struct ingest_options *options, struct ingest_result *result,
                            struct error *err) {
    if (source->bytes == NULL)
        return service_caption_url(service, source->url, options, result, err);
    return service_caption_image(service, source->bytes, source->size, options, result, err);
}
