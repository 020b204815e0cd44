#include "fake_fetch.h"

#include <string.h>

#include "base/memory.h"

struct fake_fetch fake_fetch;

bool fetch_public(const char *url, const struct fetch_limits *limits, struct fetch_answer *answer,
                  struct error *err) {
    (void)url;
    fake_fetch.calls++;
    fake_fetch.max_bytes = limits->max_bytes;
    if (fake_fetch.failure.kind != ERROR_NONE)
        return error_set(err, fake_fetch.failure.kind, "%s", fake_fetch.failure.text);
    *answer = (struct fetch_answer){.status = 200, .size = fake_fetch.size};
    if (fake_fetch.size > 0) {
        answer->body = memory_try(fake_fetch.size);
        if (answer->body == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
        memcpy(answer->body, fake_fetch.body, fake_fetch.size);
    }
    return true;
}

void fetch_answer_clear(struct fetch_answer *answer) {
    memory_free(answer->body);
    *answer = (struct fetch_answer){0};
}
