#include "store/receipt.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { REAL_DIGITS = 15 };  // what a double holds of any decimal number (C17 5.2.4.2.2, DBL_DIG)
static const double MS_MAX = 1e9;  // eleven days; with three decimals within REAL_DIGITS

// As JSON takes it, in the size that it has: what is no UTF-8 becomes a question mark, a control
// character a space. What still is escaped, doubles at most, so that all texts fit.
static json_t *text_json(const char *text) {
    char clean[RECEIPT_WORDS_SIZE];
    (void)snprintf(clean, sizeof clean, "%s", text);
    for (char *c = clean; *c != '\0';) {
        utf8proc_int32_t character;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)c,
                                                 (utf8proc_ssize_t)strnlen(c, 4), &character);
        if (used <= 0) *c = '?';
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
        c += used > 0 ? used : 1;
    }
    return json_string(clean);
}

// A NAN is not above 0.
static double ms_rounded(double ms) { return ms > 0 ? round(fmin(ms, MS_MAX) * 1000) / 1000 : 0; }

void receipt_write(const struct receipt *receipt, char text[static RECEIPT_TEXT_SIZE]) {
    text[0] = '\0';
    if (receipt->reason[0] == '\0') return;
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:b}",                                    //
        "reason", text_json(receipt->reason),                                                    //
        "words", text_json(receipt->words),                                                      //
        "provider", text_json(receipt->provider),                                                //
        "variant", text_json(receipt->variant),                                                  //
        "local_ms", json_real(ms_rounded(receipt->local_ms)),                                    //
        "cloud_ms", json_real(ms_rounded(receipt->cloud_ms)),                                    //
        "route_ms", json_real(ms_rounded(receipt->route_ms)),                                    //
        "cost_nano_usd", (json_int_t)(receipt->cost_nano_usd > 0 ? receipt->cost_nano_usd : 0),  //
        "is_cost_estimated", (int)receipt->is_cost_estimated,                                    //
        "is_cached", (int)receipt->is_cached);
    if (receipt->tags_digest != 0)
        json_object_set_new(object, "tags_digest", json_integer(receipt->tags_digest));
    size_t size = json_dumpb(object, text, RECEIPT_TEXT_SIZE - 1,
                             JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
    text[size < RECEIPT_TEXT_SIZE ? size : 0] = '\0';  // 0 when memory is out: no receipt
    json_decref(object);
}

static bool wrong(struct error *err, const char *member, const char *wanted) {
    return error_set(err, ERROR_STORAGE, "\"%s\" of a receipt must be %s", member, wanted);
}

static bool read_text(const json_t *object, const char *member, char *text, size_t size,
                      struct error *err) {
    const json_t *value = json_object_get(object, member);
    if (value == NULL) return true;
    if (!json_is_string(value)) return wrong(err, member, "a text");
    if (json_string_length(value) >= size)
        return error_set(err, ERROR_STORAGE, "\"%s\" of a receipt is longer than %zu bytes", member,
                         size - 1);
    for (const char *c = json_string_value(value); *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return wrong(err, member, "a text without control characters");
    memcpy(text, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool read_ms(const json_t *object, const char *member, double *ms, struct error *err) {
    const json_t *value = json_object_get(object, member);
    if (value == NULL) return true;
    double number = json_number_value(value);
    *ms = ms_rounded(number);
    return (json_is_number(value) && number >= 0 && number <= MS_MAX) ||
           wrong(err, member, "a number of milliseconds, from 0 to 1e9");
}

static bool read_cost(const json_t *object, int64_t *cost_nano_usd, struct error *err) {
    const json_t *value = json_object_get(object, "cost_nano_usd");
    if (value == NULL) return true;
    *cost_nano_usd = json_integer_value(value);
    return (json_is_integer(value) && *cost_nano_usd >= 0) ||
           wrong(err, "cost_nano_usd", "a whole number, 0 or above");
}

static bool read_digest(const json_t *object, uint32_t *digest, struct error *err) {
    const json_t *value = json_object_get(object, "tags_digest");
    if (value == NULL) return true;
    json_int_t number = json_integer_value(value);
    *digest = (uint32_t)number;
    return (json_is_integer(value) && number >= 0 && number <= UINT32_MAX) ||
           wrong(err, "tags_digest", "a whole number of 32 bits");
}

static bool read_flag(const json_t *object, const char *member, bool *flag, struct error *err) {
    const json_t *value = json_object_get(object, member);
    if (value == NULL) return true;
    *flag = json_is_true(value);
    return json_is_boolean(value) || wrong(err, member, "true or false");
}

static bool read_members(const json_t *object, struct receipt *receipt, struct error *err) {
#define READ_TEXT(field) read_text(object, #field, receipt->field, sizeof receipt->field, err)
    return READ_TEXT(reason) && READ_TEXT(words) && READ_TEXT(provider) && READ_TEXT(variant) &&
           read_ms(object, "local_ms", &receipt->local_ms, err) &&
           read_ms(object, "cloud_ms", &receipt->cloud_ms, err) &&
           read_ms(object, "route_ms", &receipt->route_ms, err) &&
           read_cost(object, &receipt->cost_nano_usd, err) &&
           read_flag(object, "is_cost_estimated", &receipt->is_cost_estimated, err) &&
           read_flag(object, "is_cached", &receipt->is_cached, err) &&
           read_digest(object, &receipt->tags_digest, err);
#undef READ_TEXT
}

bool receipt_read(const char *text, struct receipt *receipt, struct error *err) {
    json_error_t problem;
    *receipt = (struct receipt){0};
    if (text[0] == '\0') return true;
    size_t size = strnlen(text, RECEIPT_TEXT_SIZE);
    if (size == RECEIPT_TEXT_SIZE)
        return error_set(err, ERROR_STORAGE, "a receipt is longer than %d bytes",
                         RECEIPT_TEXT_SIZE - 1);
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    bool is_done = json_is_object(object)
                       ? read_members(object, receipt, err)
                       : error_set(err, ERROR_STORAGE, "a receipt is no JSON object");
    json_decref(object);
    if (!is_done || receipt->reason[0] == '\0') *receipt = (struct receipt){0};
    return is_done;
}
