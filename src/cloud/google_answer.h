// Answers of Google's Cloud Vision to images:annotate with one picture: status and body in, a
// sentence and tags made of labels and objects, or a failure out. Nothing in them is trusted. Pure,
// any thread.
#pragma once

#include "cloud/provider_private.h"

// true: *answer is filled, but for its model. false: *failure is.
bool google_answer_read(const struct provider_reply *reply, struct cloud_answer *answer,
                        struct cloud_failure *failure);
