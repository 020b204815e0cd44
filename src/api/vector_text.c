#include "api/vector_text.h"

#include "base/base64.h"
#include "base/float_bytes.h"

bool vector_append_json(struct byte_buffer *buffer, const struct embedding *embedding) {
    for (size_t i = 0; i < embedding->width; i++)
        byte_buffer_append_format(buffer, "%c%.9g", i == 0 ? '[' : ',',
                                  (double)embedding->values[i]);
    return byte_buffer_append_text(buffer, embedding->width == 0 ? "[]" : "]");
}

bool vector_append_base64(struct byte_buffer *buffer, const struct embedding *embedding) {
    unsigned char bytes[EMBEDDING_WIDTH_MAX * sizeof(float)];
    float_bytes_write(embedding->values, embedding->width, bytes);
    return base64_append(buffer, bytes, embedding->width * sizeof(float));
}
