// Answers of Google Vision and AWS Rekognition, with any status: what is made of them ends without
// a fault, within its fields, and with all that its contract promises.
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "cloud/google_answer.h"
#include "cloud/label_sentence.h"
#include "cloud/rekognition_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_answered, const struct cloud_answer *answer,
                  const struct cloud_failure *failure) {
    if (is_answered) {
        assert(memchr(answer->caption, '\0', sizeof answer->caption) != NULL);
        assert(answer->caption[0] != '\0' && answer->tags[0] != '\0');
        assert(memchr(answer->tags, '\0', sizeof answer->tags) != NULL);
        assert(answer->confidence >= LABEL_SCORE_MIN && answer->confidence <= 1);
    } else {
        assert(failure->outcome > CLOUD_ANSWERED && failure->outcome < CLOUD_OUTCOME_COUNT);
        assert(memchr(failure->words, '\0', sizeof failure->words) != NULL);
        for (const char *c = failure->words; *c != '\0'; c++) assert((unsigned char)*c >= ' ');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct cloud_answer answer;
    static struct cloud_failure failure;
    // As the suites have them: the status in a first line; without one it is 200.
    struct provider_reply reply = {.status = 200, .retry_after_ms = -1};
    if (size >= 4 && data[3] == '\n') {
        reply.status = (data[0] - '0') * 100 + (data[1] - '0') * 10 + (data[2] - '0');
        data += 4;
        size -= 4;
    }
    reply.body = (struct byte_buffer){.bytes = (char *)data, .size = size};
    check(google_answer_read(&reply, &answer, &failure), &answer, &failure);
    check(rekognition_answer_read(&reply, NULL, &answer, &failure), &answer, &failure);
    char type[256];
    size_t length = size < sizeof type ? size : sizeof type - 1;
    memcpy(type, data, length);
    type[length] = '\0';
    check(rekognition_answer_read(&reply, type, &answer, &failure), &answer, &failure);
    return 0;
}
