// How an image's caption came about. Kept with the image, as a text that every store can keep.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    RECEIPT_NAME_SIZE = 64,
    RECEIPT_REASON_SIZE = 32,
    RECEIPT_WORDS_SIZE = 256,
    RECEIPT_TEXT_SIZE = 2048,  // as JSON, with NUL
};

// Zero-initialised: there is none, as of images that older versions described.
struct receipt {
    char reason[RECEIPT_REASON_SIZE];  // code of route/reason_list.h; empty: no receipt
    char words[RECEIPT_WORDS_SIZE];
    char provider[RECEIPT_NAME_SIZE];  // "local" or a cloud provider's name
    char variant[RECEIPT_NAME_SIZE];   // of the experiment; empty: none
    double local_ms;                   // of the local models, waiting included; 0: not asked
    double cloud_ms;                   // of the cloud, retries included; 0: not asked
    double route_ms;                   // of deciding and bookkeeping
    int64_t cost_nano_usd;
    bool is_cost_estimated;
    bool is_cached;  // the caption was paid for before
    // Of the tags that models gave the image (tags_digest); 0: they gave none. Tags with another
    // digest are a user's.
    uint32_t tags_digest;
};

// As JSON without line breaks; empty for no receipt, and when memory is out. Milliseconds have
// three decimals; what is no number, or below zero, is written as 0.
void receipt_write(const struct receipt *receipt, char text[static RECEIPT_TEXT_SIZE]);
// Takes what receipt_write wrote, by any version: members it does not know are passed over, those
// that are missing are zero. ERROR_STORAGE when it is no such text; the receipt is then zero.
bool receipt_read(const char *text, struct receipt *receipt, struct error *err);
