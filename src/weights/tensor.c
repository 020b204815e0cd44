// What a tensor is once it has been found: the table of types, and the way to floats.
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "weights/weights_internal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weight files are little-endian");

static const struct {
    const char *name;  // as safetensors writes it
    size_t size;       // bytes an element
} tensor_types[TENSOR_TYPE_COUNT] = {
    [TENSOR_F32] = {"F32", 4},   [TENSOR_F16] = {"F16", 2}, [TENSOR_BF16] = {"BF16", 2},
    [TENSOR_F64] = {"F64", 8},   [TENSOR_I64] = {"I64", 8}, [TENSOR_I32] = {"I32", 4},
    [TENSOR_I16] = {"I16", 2},   [TENSOR_I8] = {"I8", 1},   [TENSOR_U8] = {"U8", 1},
    [TENSOR_BOOL] = {"BOOL", 1},
};

const char *tensor_type_name(enum tensor_type type) { return tensor_types[type].name; }

size_t tensor_type_size(enum tensor_type type) { return tensor_types[type].size; }

bool tensor_type_parse(const char *name, enum tensor_type *type) {
    for (int i = 0; i < TENSOR_TYPE_COUNT; i++) {
        if (strcmp(name, tensor_types[i].name) != 0) continue;
        *type = (enum tensor_type)i;
        return true;
    }
    return false;
}

bool tensor_measure(struct tensor *tensor) {
    tensor->count = 1;
    for (int i = 0; i < tensor->rank; i++) {
        if (!size_multiply(tensor->count, tensor->shape[i], &tensor->count)) return false;
    }
    return size_multiply(tensor->count, tensor_type_size(tensor->type), &tensor->size_bytes);
}

static float float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// IEEE half: 1 sign bit, 5 of exponent (bias 15), 10 of fraction. All values are exact in a float.
static float float_from_half(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1Fu;
    uint32_t fraction = half & 0x3FFu;
    if (exponent == 0x1F) return float_from_bits(sign | 0x7F800000u | fraction << 13);
    if (exponent != 0) return float_from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
    float magnitude = (float)fraction * 0x1p-24f;  // zero and subnormals
    return sign != 0 ? -magnitude : magnitude;
}

void tensor_copy_f32(const struct tensor *tensor, float *out) {
    const unsigned char *data = tensor->data;
    assert(tensor->type == TENSOR_F32 || tensor->type == TENSOR_F16 || tensor->type == TENSOR_BF16);
    if (tensor->type == TENSOR_F32) {
        if (tensor->size_bytes > 0) memcpy(out, data, tensor->size_bytes);
        return;
    }
    for (size_t i = 0; i < tensor->count; i++) {
        uint16_t bits;
        memcpy(&bits, data + 2 * i, sizeof bits);
        out[i] = tensor->type == TENSOR_F16 ? float_from_half(bits)
                                            : float_from_bits((uint32_t)bits << 16);
    }
}

const float *tensor_borrow_f32(const struct tensor *tensor) {
    bool is_aligned = (uintptr_t)tensor->data % _Alignof(float) == 0;
    return tensor->type == TENSOR_F32 && is_aligned ? (const float *)(const void *)tensor->data
                                                    : NULL;
}
