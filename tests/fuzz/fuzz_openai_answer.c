// Answers of servers that speak like OpenAI: whatever they are, reading them ends without a fault,
// and what is read is within its bounds. The first two bytes choose the status, the third whether
// the rest begins with a header up to a line break.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "cloud/openai_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char secret[] = "sk-secret";
    static struct cloud_answer answer;
    static struct cloud_failure failure;
    char reset[64];
    if (size < 3) return 0;
    bool has_header = (data[2] & 1) != 0;
    struct openai_reply reply = {.server = "openrouter",
                                 .secret = secret,
                                 .model = "model",
                                 .status = (data[0] & 1) != 0 ? 200 : 100 + data[1] % 200 * 3,
                                 .retry_after_ms = -1,
                                 .now_ms = 1760000000000};
    data += 3;
    size -= 3;
    const uint8_t *line_end = memchr(data, '\n', size);
    if (has_header && line_end != NULL && (size_t)(line_end - data) < sizeof reset) {
        size_t length = (size_t)(line_end - data);
        memcpy(reset, data, length);
        reset[length] = '\0';
        reply.reset = reset;
        data += length + 1;
        size -= length + 1;
    }
    reply.body = (const char *)data;
    reply.size = size;
    if (openai_answer_read(&reply, &answer, &failure)) {
        size_t length = strnlen(answer.caption, sizeof answer.caption);
        assert(length > 0 && length < sizeof answer.caption);
        assert(strnlen(answer.model, sizeof answer.model) < sizeof answer.model);
        assert(answer.cost_nano_usd >= -1 && answer.input_tokens >= -1);
        return 0;
    }
    assert(failure.outcome > CLOUD_ANSWERED && failure.outcome < CLOUD_OUTCOME_COUNT);
    assert(strnlen(failure.words, sizeof failure.words) < sizeof failure.words);
    assert(strstr(failure.words, secret) == NULL);
    assert(failure.retry_after_ms >= -1 && failure.cost_nano_usd >= -1);
    return 0;
}
