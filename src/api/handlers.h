// The handlers, one file per group of endpoints. Each takes the struct api as context and may run
// on any thread; those of routes marked is_instant must not wait.
#pragma once

#include "http/server.h"

http_handler images_post;        // images_post.c
http_handler images_batch_post;  // images_batch.c

http_handler images_list;  // images_get.c
http_handler image_get;
http_handler image_delete;

http_handler image_patch;                    // images_change.c
enum { IMAGE_CHANGE_SIZE_MAX = 64 * 1024 };  // its body: a caption and 32 tags, however escaped
http_handler image_duplicates;

http_handler image_content;  // image_bytes.c
http_handler image_thumbnail;

http_handler job_get;  // jobs_get.c
http_handler jobs_list_get;
http_handler job_delete;

http_handler events_get;  // events.c

http_handler search_get;  // search.c
http_handler search_post;

http_handler health_live;  // health.c
http_handler health_ready;

http_handler mcp_post;  // mcp_post.c

http_handler costs_get;  // costs_get.c

http_handler experiments_get;  // experiments_get.c

http_handler metrics_get;  // metrics_get.c

http_handler metrics_summary_get;  // metrics_summary.c

http_handler openai_embeddings_post;  // openai_embeddings.c

http_handler openai_chat_post;  // openai_chat.c

http_handler openai_models_get;  // openai_models.c
http_handler openai_model_get;

http_handler immich_ping_get;  // immich_predict.c
http_handler immich_predict_post;

http_handler weaviate_vectorize_post;  // weaviate_vectorize.c
http_handler weaviate_meta_get;
http_handler weaviate_live_get;
http_handler weaviate_ready_get;

http_handler photoprism_caption_post;  // photoprism_vision.c

http_handler openapi_get;  // openapi.c

http_handler web_index;  // web_pages.c
http_handler web_file;
http_handler docs_page;
http_handler docs_style;
http_handler docs_script;
