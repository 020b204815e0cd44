#include "api/routes.h"

#include "api/handlers.h"
#include "api/search_parameters.h"
#include "observe/metrics.h"

#define JSON_TYPE "application/json"

// What an endpoint that takes a picture can answer: openapi.c says what each means.
#define PICTURE_ERRORS \
    { 400, 413, 415, 422, 500, 502, 503, 504, 507 }

// Those of OpenAI's API, where what is not acceptable is a 400.
#define FOREIGN_ERRORS \
    { 400, 404, 413, 415, 500, 502, 503, 504 }

// clang-format off
const struct api_route api_routes[] = {
    {"POST", "/images", images_post, ROUTE_TAKES_PICTURE | ROUTE_MAY_BE_LATER, "uploadImage", "images",
     "Upload a picture, get its caption",
     "Takes a picture as a form field `file`, as the body itself, or as `{\"url\"}` of a picture to "
     "fetch. Answers when caption, search vector and the original bytes are stored durably. The "
     "same bytes always have the same id; sending them again computes nothing and answers "
     "`was_known: true`.",
     {&parameter_file_name, &parameter_quality, &parameter_async, &parameter_priority},
     {200, JSON_TYPE, "Upload", "The image and its caption."}, PICTURE_ERRORS},
    {"POST", "/images/batch", images_batch_post, ROUTE_TAKES_PICTURES, "uploadImages", "images",
     "Upload many pictures at once",
     "Takes up to 64 pictures, each in a form field `file`, or `{\"urls\"}` of pictures to fetch; "
     "all together may be twice as large as one upload. "
     "Every picture has its own result, in the order sent: what an upload of it would answer, or a "
     "`problem`; one bad picture never fails the others. Uploads and searches of others go before "
     "them.",
     {&parameter_quality},
     {200, JSON_TYPE, "BatchAnswer", "A result for each picture."}, {400, 413, 415, 422, 500, 503}},
    {"GET", "/images", images_list, ROUTE_WAITS, "listImages", "images",
     "List images, newest first",
     "Pages through all images. Ask again with `cursor` set to `next_cursor` until that is null.",
     {&parameter_limit, &parameter_cursor},
     {200, JSON_TYPE, "ImagePage", "One page of images."}, {422, 500, 503, 507}},
    {"GET", "/images/{id}", image_get, ROUTE_WAITS, "getImage", "images",
     "One image", "The stored caption and facts of one image.",
     {&parameter_id},
     {200, JSON_TYPE, "Image", "The image."}, {404, 500, 503, 507}},
    {"PATCH", "/images/{id}", image_patch, ROUTE_TAKES_CHANGE, "changeImage", "images",
     "Change an image's caption or tags",
     "The body is JSON with `caption`, `tags` (the new list), or both. A caption that a person wrote "
     "has the origin `user` and is never replaced by a model's. Searches know it at once.",
     {&parameter_id},
     {200, JSON_TYPE, "Image", "The image as it is now."}, {400, 404, 413, 415, 422, 500, 503, 507}},
    {"GET", "/images/{id}/duplicates", image_duplicates, ROUTE_WAITS, "getImageDuplicates", "images",
     "Images that are this one again",
     "`same_picture`: the same picture in another size, format or compression. `same_meaning`: "
     "another picture of very nearly the same thing. At most ten each, nearest first.",
     {&parameter_id},
     {200, JSON_TYPE, "DuplicatesAnswer", "The duplicates."}, {404, 500, 503, 507}},
    {"DELETE", "/images/{id}", image_delete, ROUTE_WAITS, "deleteImage", "images",
     "Delete an image", "Removes the image, its bytes, and its place in the search.",
     {&parameter_id},
     {204, NULL, NULL, "The image is gone."}, {404, 500, 503, 507}},
    {"GET", "/images/{id}/content", image_content, ROUTE_HAS_ENTITY_TAG, "getImageContent", "images",
     "The original bytes", "The file as it was uploaded, byte for byte.",
     {&parameter_id},
     {200, "image/*", NULL, "The file."}, {404, 500, 503, 507}},
    {"GET", "/images/{id}/thumbnail", image_thumbnail, ROUTE_HAS_ENTITY_TAG, "getImageThumbnail",
     "images", "A small JPEG of the image", "Upright, without the metadata of the original.",
     {&parameter_id, &parameter_thumbnail_size},
     {200, "image/jpeg", NULL, "The thumbnail."}, {404, 422, 500, 503, 507}},
    {"GET", "/jobs", jobs_list_get, ROUTE_WAITS, "listJobs", "jobs",
     "List jobs, newest first",
     "Uploads with `async=true`, how many wait and how many run.",
     {&parameter_job_state, &parameter_job_limit},
     {200, JSON_TYPE, "JobList", "The jobs."}, {422, 500, 503, 507}},
    {"GET", "/jobs/{id}", job_get, ROUTE_WAITS, "getJob", "jobs",
     "One job", "How far an upload with `async=true` is, and what came of it. Jobs that are over are "
     "kept for seven days.",
     {&parameter_job_id},
     {200, JSON_TYPE, "Job", "The job."}, {404, 500, 503, 507}},
    {"DELETE", "/jobs/{id}", job_delete, ROUTE_WAITS, "deleteJob", "jobs",
     "Cancel a job that waits", "Or forget one that is over. One that runs cannot be stopped.",
     {&parameter_job_id},
     {204, NULL, NULL, "The job is gone."}, {404, 409, 500, 503, 507}},
    {"GET", "/events", events_get, ROUTE_INSTANT, "followEvents", "jobs",
     "Follow what happens",
     "Server-sent events: `job` with a job at each of its changes and stages, `image` with "
     "`{\"id\", \"change\"}` when an image is stored, changed or deleted, by whatever request, and "
     "`reset` when something was missed, as after a restart: then look for yourself. A client that "
     "comes back with `Last-Event-ID` goes on where it was.",
     {&parameter_last_event_id},
     {200, "text/event-stream", "EventStream", "The events, until the client leaves."}, {503}},
    {"GET", "/search", search_get, ROUTE_WAITS, "search", "search",
     "Find images by words or by likeness",
     "Give `q` to search by words, `image_id` for images that look like a stored one, or both. "
     "`score` is the cosine of the two vectors; `relevance` (0 to 1, of searches by words) says how "
     "much better the words fit the image than unrelated ones do, so that one bound holds for all "
     "queries. Filters hold before anything is compared. An empty answer says why in `reason`.",
     {&parameter_query_text, &parameter_image_id, &parameter_mode, &parameter_k,
      &parameter_search_cursor, &parameter_min_score, &parameter_exact, &parameter_ids,
      &parameter_from, &parameter_until, &parameter_origin, &parameter_tags, &parameter_words},
     {200, JSON_TYPE, "SearchAnswer", "The best matches."}, {404, 422, 500, 503, 507}},
    {"POST", "/search", search_post, ROUTE_TAKES_PICTURE, "searchByPicture", "search",
     "Find images that look like a picture",
     "The picture comes as for an upload, and is not stored. Words in `q` are added to it.",
     {&parameter_query_text, &parameter_mode, &parameter_k, &parameter_search_cursor,
      &parameter_min_score, &parameter_exact, &parameter_ids, &parameter_from, &parameter_until,
      &parameter_origin, &parameter_tags, &parameter_words},
     {200, JSON_TYPE, "SearchAnswer", "The best matches."}, PICTURE_ERRORS},
    {"POST", "/mcp", mcp_post, ROUTE_TAKES_MESSAGE, "sendMcpMessage", "search",
     "Model Context Protocol",
     "For programs that give tools to language models. Takes a JSON-RPC message of the protocol's "
     "streamable HTTP, revisions 2024-11-05 to 2026-07-28, and answers it as JSON; there are no "
     "sessions and no stream. The tools are `search`, `similar`, `caption` and `describe`. Faults of "
     "a message are JSON-RPC errors, with the status 200, 400 or 404.",
     {NULL},
     {200, JSON_TYPE, "McpAnswer", "The answer, or a list of them to a batch."},
     {403, 406, 413, 415, 500, 503}},
    {"GET", "/costs", costs_get, ROUTE_WAITS, "getCosts", "operation",
     "What the cloud cost",
     "Today's figures with their limits, and the sums of each day, provider, model and reason, newest "
     "day first, then the dearest. Days are UTC.",
     {&parameter_days},
     {200, JSON_TYPE, "Costs", "The costs."}, {422, 500, 503, 507}},
    {"GET", "/experiments", experiments_get, ROUTE_WAITS, "getExperiments", "operation",
     "What experiments have shown",
     "For each variant, and apart for each shadow: how many images it captioned, the share of "
     "providers, and the means of one image with their confidence intervals of 95 %.",
     {NULL},
     {200, JSON_TYPE, "Experiments", "The experiments."}, {500, 503, 507}},
    {"POST", "/v1/embeddings", openai_embeddings_post, ROUTE_TAKES_FOREIGN, "createOpenAiEmbeddings",
     "protocols", "OpenAI: vectors of texts and pictures",
     "As OpenAI's API has it, with pictures as Infinity takes them. Nothing is stored. One input that "
     "cannot be read fails the request.",
     {NULL}, {200, JSON_TYPE, "OpenAiEmbeddingAnswer", "A vector for each input."}, FOREIGN_ERRORS},
    {"POST", "/embeddings", openai_embeddings_post, ROUTE_TAKES_FOREIGN, "createInfinityEmbeddings",
     "protocols", "Infinity: vectors of texts and pictures", "The same, where Infinity has it.",
     {NULL}, {200, JSON_TYPE, "OpenAiEmbeddingAnswer", "A vector for each input."}, FOREIGN_ERRORS},
    {"POST", "/v1/chat/completions", openai_chat_post, ROUTE_TAKES_FOREIGN,
     "createOpenAiChatCompletion", "protocols", "OpenAI: the caption of a picture",
     "As OpenAI's API has it: the one picture in the messages is captioned, by the way of an upload's, "
     "and is not stored. Words beside it are not read.",
     {NULL}, {200, JSON_TYPE, "OpenAiChatAnswer", "The caption."}, FOREIGN_ERRORS},
    {"GET", "/v1/models", openai_models_get, ROUTE_INSTANT, "listOpenAiModels", "protocols",
     "OpenAI: the models that answer here", "",
     {NULL}, {200, JSON_TYPE, "OpenAiModelList", "The models."}, {500}},
    {"GET", "/v1/models/{model}", openai_model_get, ROUTE_INSTANT, "getOpenAiModel", "protocols",
     "OpenAI: a model that answers here", "",
     {&parameter_model}, {200, JSON_TYPE, "OpenAiModel", "The model."}, {404, 500}},
    {"GET", "/ping", immich_ping_get, ROUTE_INSTANT, "pingForImmich", "protocols",
     "Immich: is the server there", "",
     {NULL}, {200, "text/plain; charset=utf-8", "ImmichPong", "pong"}, {0}},
    {"POST", "/predict", immich_predict_post, ROUTE_TAKES_FOREIGN, "predictForImmich", "protocols",
     "Immich: the vector of a picture or a text",
     "As Immich's machine learning has it, for its search alone. Nothing is stored.",
     {NULL}, {200, JSON_TYPE, "ImmichPredictAnswer", "The vector."},
     {400, 409, 413, 415, 422, 500, 501, 503}},
    {"POST", "/vectorize", weaviate_vectorize_post, ROUTE_TAKES_FOREIGN, "vectorizeForWeaviate",
     "protocols", "Weaviate: vectors of texts and pictures",
     "As the inference container of the module multi2vec-clip has it. Nothing is stored.",
     {NULL}, {200, JSON_TYPE, "WeaviateVectorizeAnswer", "The vectors."},
     {400, 413, 415, 422, 500, 503}},
    {"GET", "/meta", weaviate_meta_get, ROUTE_INSTANT, "getWeaviateMeta", "protocols",
     "Weaviate: the model that answers here", "",
     {NULL}, {200, JSON_TYPE, "WeaviateMeta", "The model."}, {500}},
    {"GET", "/.well-known/live", weaviate_live_get, ROUTE_INSTANT, "getWeaviateLiveness",
     "protocols", "Weaviate: is the server alive", "",
     {NULL}, {204, NULL, NULL, "Alive."}, {0}},
    {"GET", "/.well-known/ready", weaviate_ready_get, ROUTE_INSTANT, "getWeaviateReadiness",
     "protocols", "Weaviate: can vectors be made now", "",
     {NULL}, {204, NULL, NULL, "Ready."}, {503}},
    {"POST", "/api/v1/vision/caption", photoprism_caption_post, ROUTE_TAKES_FOREIGN,
     "captionForPhotoPrism", "protocols", "PhotoPrism: the caption of a picture",
     "As PhotoPrism's vision service has it. The caption comes by the way of an upload's; the picture "
     "is not stored.",
     {NULL}, {200, JSON_TYPE, "PhotoPrismCaptionAnswer", "The caption."},
     {400, 404, 413, 415, 422, 500, 502, 503, 504}},
    {"GET", "/healthz", health_live, ROUTE_INSTANT, "getHealth", "operation",
     "Is the process alive, and what is it made of",
     "Answers as long as the process runs, also while it is overloaded. Use it as liveness probe.",
     {NULL}, {200, JSON_TYPE, "Health", "Alive."}, {500}},
    {"GET", "/readyz", health_ready, ROUTE_INSTANT, "getReadiness", "operation",
     "Can requests be served now",
     "503 names the part that is missing in `failing`. Use it as readiness probe.",
     {NULL}, {200, JSON_TYPE, "Readiness", "Ready."}, {503}},
    {"GET", "/metrics", metrics_get, ROUTE_INSTANT, "getMetrics", "operation",
     "Metrics for Prometheus",
     "Text format 0.0.4; OpenMetrics 1.0, with exemplars, where `Accept` asks for it.",
     {NULL}, {200, METRICS_PROMETHEUS_TYPE, "MetricsText", "The metrics."}, {500}},
    {"GET", "/metrics/summary", metrics_summary_get, ROUTE_INSTANT, "getMetricsSummary", "operation",
     "The figures that people look at first",
     "Requests, uploads and captions since the start, queues, store and costs as they are now, and how "
     "long the last 512 of each stage took: exact percentiles, however old these are. As lines to "
     "read with `format=text`, or where `Accept` prefers text/plain.",
     {&parameter_summary_format},
     {200, JSON_TYPE, "MetricsSummary", "The figures."}, {422, 500}},
    {"GET", "/openapi.json", openapi_get, ROUTE_INSTANT, "getOpenApi", "documents",
     "This document", "OpenAPI 3.1, made from the server's own table of endpoints.",
     {NULL}, {200, JSON_TYPE, "OpenApi", "The document."}, {0}},
    {"GET", "/docs", docs_page, ROUTE_INSTANT | ROUTE_HAS_ENTITY_TAG, "getDocs", "documents",
     "A page to read and try this API", "Needs nothing from any other host.",
     {NULL}, {200, "text/html", NULL, "The page."}, {0}},
    {"GET", "/docs/docs.css", docs_style, ROUTE_INSTANT | ROUTE_HAS_ENTITY_TAG, "getDocsStyle",
     "documents", "Style of the page", "",
     {NULL}, {200, "text/css", NULL, "The style sheet."}, {0}},
    {"GET", "/docs/docs.js", docs_script, ROUTE_INSTANT | ROUTE_HAS_ENTITY_TAG, "getDocsScript",
     "documents", "Script of the page", "",
     {NULL}, {200, "text/javascript", NULL, "The script."}, {0}},
    {"GET", "/", web_index, ROUTE_INSTANT | ROUTE_HAS_ENTITY_TAG, "getPage", "documents",
     "The web page", "Shows, finds and takes in pictures. Needs nothing from any other host.",
     {NULL}, {200, "text/html", NULL, "The page."}, {0}},
    {"GET", "/ui/{name}", web_file, ROUTE_INSTANT | ROUTE_HAS_ENTITY_TAG, "getPageFile",
     "documents", "A file of the web page", "Its scripts and style sheets.",
     {&parameter_web_file}, {200, "text/*", NULL, "The file."}, {404}},
};
// clang-format on
const size_t api_route_count = sizeof api_routes / sizeof *api_routes;
