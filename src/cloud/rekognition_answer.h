// Answers of AWS Rekognition to DetectLabels: status and body in, a sentence and tags made of the
// labels, or a failure out. Nothing in them is trusted. Pure, any thread.
#pragma once

#include "cloud/provider_private.h"

// `error_type` is the header x-amzn-errortype, for errors whose body has no type; NULL: none.
// true: *answer is filled. false: *failure is.
bool rekognition_answer_read(const struct provider_reply *reply, const char *error_type,
                             struct cloud_answer *answer, struct cloud_failure *failure);
