#include "base/base64.h"

#include <openssl/evp.h>

bool base64_append(struct byte_buffer *buffer, const uint8_t *bytes, size_t size) {
    enum { STEP = 3 * 4096 };  // a multiple of three: no padding but at the end
    unsigned char text[STEP / 3 * 4 + 1];
    for (size_t done = 0; done < size; done += STEP) {
        size_t part = size - done < STEP ? size - done : STEP;
        int length = EVP_EncodeBlock(text, bytes + done, (int)part);
        if (!byte_buffer_append(buffer, text, (size_t)length)) return false;
    }
    return true;
}
