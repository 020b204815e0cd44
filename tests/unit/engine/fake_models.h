// Models that compute nothing, linked in place of the real ones: they write down what they are
// asked, and a test can hold the worker in the middle of it.
#pragma once

#include "engine/models.h"

// A text that the worker stays at, and a picture whose caption it stays at, until it is let go.
#define FAKE_HOLD "hold"
enum { FAKE_HOLD_HASH = 255 };
// A text that is refused.
#define FAKE_BAD "bad"

void fake_models_reset(void);
void fake_models_await_hold(void);  // returns once the worker stays somewhere
void fake_models_let_go(void);      // from there, once
// What was asked since the reset, when the worker is idle or held: "texts a b; vectors 1 2;".
const char *fake_models_diary(void);
