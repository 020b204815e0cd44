// A book of costs that keeps what is observed, for the tests to look at. The rest of it is not
// there.
#pragma once

#include <stdatomic.h>

#include "cloud/ledger.h"

enum { FAKE_BOOK_MAX = 256 };

struct fake_observation {
    char experiment[LEDGER_NAME_SIZE];
    char variant[LEDGER_NAME_SIZE];
    char image_id[32];
    char provider[LEDGER_NAME_SIZE];
    char model[CLOUD_MODEL_SIZE];
    char caption[CLOUD_CAPTION_SIZE];
    struct ledger_observation figures;  // its texts are gone
};

struct fake_book {
    struct ledger base;
    struct fake_observation observations[FAKE_BOOK_MAX];
    atomic_size_t count;
    atomic_int attempts;  // to write, those that failed included
    atomic_bool fails;
};

extern struct fake_book fake_book;
struct ledger *fake_book_reset(void);
void fake_book_await(size_t count);  // until there are so many observations
