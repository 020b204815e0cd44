// POST /v1/chat/completions of OpenAI's API: the caption of the one picture in the messages. It
// goes the way of an upload's (service/caption_picture.h) and is not stored. A stream is written
// whole, since the caption is there all at once.
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/image_answer.h"
#include "api/json_answer.h"
#include "api/openai_chat_request.h"
#include "api/openai_error.h"
#include "api/receipt_json.h"
#include "api/request_notes.h"
#include "base/byte_buffer.h"
#include "base/clock.h"
#include "base/memory.h"

enum { ID_SIZE = 64, STREAM_SIZE_MAX = 256 * 1024 };

struct completion {
    const struct ingest_result *result;
    char id[ID_SIZE];
    json_int_t created;
};

static void completion_init(struct completion *completion, const struct ingest_result *result) {
    completion->result = result;
    completion->created = (json_int_t)(clock_utc_ms() / 1000);
    (void)snprintf(completion->id, sizeof completion->id, "chatcmpl-%.16s%llx",
                   result->record.sha256, (unsigned long long)clock_monotonic_ns());
}

// No word of the prompt is read. What a cloud provider counted is in its receipt's cost.
static json_t *usage_json(const struct completion *completion) {
    bool is_cloud = strcmp(completion->result->record.origin, ORIGIN_CLOUD) == 0;
    json_int_t tokens = is_cloud ? 0 : (json_int_t)completion->result->local_tokens;
    return json_pack("{s:i, s:I, s:I}", "prompt_tokens", 0, "completion_tokens", tokens,
                     "total_tokens", tokens);
}

// Members that OpenAI's API does not have.
static json_t *own_json(const struct completion *completion) {
    const struct image_record *record = &completion->result->record;
    json_t *json = json_pack("{s:s, s:o, s:o, s:o}",                             //
                             "origin", record->origin,                           //
                             "confidence", confidence_json(record->confidence),  //
                             "clip_score", json_rounded(record->clip_score, 6),  //
                             "receipt", receipt_json_create(record));
    notice_add(json, model_source_of(record->caption_model), MODEL_FULL, false);
    return json;
}

static json_t *head_json(const struct completion *completion, const char *object) {
    return json_pack("{s:s, s:s, s:I, s:o}", "id", completion->id, "object", object, "created",
                     completion->created, "model",
                     json_text(completion->result->record.caption_model));
}

static json_t *completion_json(const struct completion *completion) {
    json_t *json = head_json(completion, "chat.completion");
    json_object_set_new(
        json, "choices",
        json_pack("[{s:i, s:{s:s, s:o, s:n}, s:n, s:s}]", "index", 0, "message", "role",
                  "assistant", "content", json_text(completion->result->record.caption), "refusal",
                  "logprobs", "finish_reason", "stop"));
    json_object_set_new(json, "usage", usage_json(completion));
    json_object_set_new(json, "imgrouter", own_json(completion));
    return json;
}

// Takes `choices`.
static void append_chunk(struct byte_buffer *buffer, const struct completion *completion,
                         json_t *choices, bool has_usage_member, bool is_last) {
    size_t size = 0;
    json_t *json = head_json(completion, "chat.completion.chunk");
    json_object_set_new(json, "choices", choices);
    if (has_usage_member)
        json_object_set_new(json, "usage", is_last ? usage_json(completion) : json_null());
    if (is_last) json_object_set_new(json, "imgrouter", own_json(completion));
    char *bytes = json_bytes_create(json, &size);
    json_decref(json);
    byte_buffer_append_text(buffer, "data: ");
    if (bytes == NULL)
        buffer->has_failed = true;
    else
        byte_buffer_append(buffer, bytes, size);
    byte_buffer_append_text(buffer, "\n\n");
    memory_free(bytes);
}

static bool answer_stream(struct http_response *response, const struct completion *completion,
                          bool wants_usage, struct error *err) {
    const char *caption = completion->result->record.caption;
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, STREAM_SIZE_MAX);
    append_chunk(&buffer, completion,
                 json_pack("[{s:i, s:{s:s, s:s}, s:n}]", "index", 0, "delta", "role", "assistant",
                           "content", "", "finish_reason"),
                 wants_usage, false);
    append_chunk(&buffer, completion,
                 json_pack("[{s:i, s:{s:o}, s:n}]", "index", 0, "delta", "content",
                           json_text(caption), "finish_reason"),
                 wants_usage, false);
    append_chunk(&buffer, completion,
                 json_pack("[{s:i, s:{}, s:s}]", "index", 0, "delta", "finish_reason", "stop"),
                 wants_usage, !wants_usage);
    if (wants_usage) append_chunk(&buffer, completion, json_array(), true, true);
    byte_buffer_append_text(&buffer, "data: [DONE]\n\n");
    if (!answer_buffer(response, "text/event-stream", &buffer, err)) return false;
    http_response_add_header(response, "Cache-Control", "no-cache");
    return true;
}

void openai_chat_post(struct http_request *request, struct http_response *response, void *context) {
    const struct api *api = context;
    struct problem problem = {0};
    struct error *err = &problem.error;
    struct chat_request chat;
    struct picture_source source = {0};
    struct ingest_result result;
    struct completion completion;
    bool is_done = chat_request_read(&chat, request, engine_info(api->engine), &problem);
    if (is_done) {
        chat.param = "messages";
        is_done = picture_source_read(&source, PICTURE_ADDRESS, chat.picture, chat.picture_length,
                                      api->max_upload_bytes, err) &&
                  picture_source_caption(
                      &source, api->service,
                      &(struct ingest_options){.lane = QUEUE_INTERACTIVE, .quality = chat.quality},
                      &result, err);
        picture_source_clear(&source);
    }
    if (is_done) {
        request_note_upload(request, &result);
        completion_init(&completion, &result);
        if (chat.is_stream)
            is_done = answer_stream(response, &completion, chat.wants_usage, err);
        else
            answer_json(response, 200, completion_json(&completion));
    }
    if (!is_done) openai_error_answer(&problem, chat.param, chat.code, response);
    chat_request_clear(&chat);
}
