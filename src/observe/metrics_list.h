// The table of metrics. Included several times with METRIC defined differently, so no guard.
//
//   METRIC(id, KIND, name, first label, its values, second label, its values, help, buckets)
//
// KIND is COUNTER, GAUGE, HISTOGRAM or INFO (a gauge of 1 whose label values are set once while
// running, by metrics_set_info). Values are a closed list between commas, NULL for INFO; a list
// that ends in "other" takes what comes from outside. Buckets: upper bounds, in rising order.
//
// router_* and request_latency_ms keep the names, units and buckets of the service this one
// replaces: its dashboards and alerts read them.

#ifndef METRICS_ROUTES
#define METRICS_ROUTES                                                                        \
    "POST /images,POST /images/batch,GET /images,GET /images/{id},PATCH /images/{id},"        \
    "DELETE /images/{id},GET /images/{id}/content,GET /images/{id}/thumbnail,"                \
    "GET /images/{id}/duplicates,GET /search,POST /search,GET /costs,GET /experiments,"       \
    "GET /jobs,GET /jobs/{id},DELETE /jobs/{id},GET /events,"                                 \
    "GET /metrics,GET /metrics/summary,GET /healthz,GET /readyz,GET /openapi.json,GET /docs," \
    "GET /,other"
#define METRICS_CODES \
    "200,201,202,204,302,304,400,404,405,409,413,415,422,429,499,500,502,503,504,507,other"
#define METRICS_LATENCY_MS_BUCKETS 50, 100, 200, 400, 800, 1600, 3200
// OpenTelemetry's bounds for http.server.request.duration
#define METRICS_SECONDS_BUCKETS \
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10
// A text query takes about 1 ms, a caption on a slow processor 5 s.
#define METRICS_STAGE_BUCKETS \
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5
#define METRICS_STAGES \
    "accept,queue,decode,preprocess,caption_vision,caption_decode,embed,cloud,store,search"
#define METRICS_PROVIDERS \
    "openrouter,openai,openai_compatible,google_vision,aws_rekognition,imgrouter,fake"
#define METRICS_OUTCOMES \
    "answered,limited,broke,denied,refused,failed,unreachable,timed_out,cut_off"
#define METRICS_REASONS                                                                          \
    "local_sure,no_provider,quality_fast,quality_high,low_confidence,low_clip_score,repetition," \
    "latency_budget,over_budget,rate_limited,cloud_away,cloud_failed"
// Deciding takes microseconds, writing down a call some tenths of a millisecond.
#define METRICS_ROUTE_BUCKETS \
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1
#define METRICS_CLOUD_BUCKETS 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40
#define METRICS_CONFIDENCE_BUCKETS 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1
#define METRICS_TIERS "scalar,neon,neondot,avx2,avxvnni,avx512,avx512vnni"
#define METRICS_BATCH_BUCKETS 1, 2, 4, 8, 16  // no batch is larger
#endif

// clang-format off
METRIC(ROUTER_LOCAL, COUNTER, "router_local_total", NULL, NULL, NULL, NULL,
       "Uploads captioned by the local models.", 0)
METRIC(ROUTER_CLOUD, COUNTER, "router_cloud_total", NULL, NULL, NULL, NULL,
       "Uploads captioned by a cloud provider.", 0)
METRIC(REQUEST_LATENCY_MS, HISTOGRAM, "request_latency_ms", NULL, NULL, NULL, NULL,
       "Milliseconds of each POST /images, from its first line to its answer.",
       METRICS_LATENCY_MS_BUCKETS)
METRIC(HTTP_REQUESTS, COUNTER, "imgrouter_http_requests_total", "route", METRICS_ROUTES,
       "code", METRICS_CODES,
       "Requests answered, by route and status; 499: the client went away first.", 0)
METRIC(HTTP_REQUEST_DURATION, HISTOGRAM, "imgrouter_http_request_duration_seconds",
       "route", METRICS_ROUTES, NULL, NULL,
       "Seconds from the first line of a request to the end of its answer.",
       METRICS_SECONDS_BUCKETS)
METRIC(STAGE_DURATION, HISTOGRAM, "imgrouter_stage_duration_seconds",
       "stage", METRICS_STAGES,
       NULL, NULL,
       "Seconds spent in each stage of uploads and searches; accept: from the first line of any "
       "request to its handler's start.",
       METRICS_STAGE_BUCKETS)
METRIC(BATCH_SIZE, HISTOGRAM, "imgrouter_batch_size", NULL, NULL, NULL, NULL,
       "For each upload and search, how many of them the models took together.",
       METRICS_BATCH_BUCKETS)
METRIC(CAPTION_TOKENS, COUNTER, "imgrouter_caption_tokens_total", NULL, NULL, NULL, NULL,
       "Tokens that the local caption model has generated for uploads.", 0)
METRIC(CAPTION_CONFIDENCE, HISTOGRAM, "imgrouter_caption_confidence", NULL, NULL, NULL, NULL,
       "How sure the local caption model was of each caption, 0 to 1.",
       METRICS_CONFIDENCE_BUCKETS)
METRIC(CAPTIONS, COUNTER, "imgrouter_captions_total", "reason", METRICS_REASONS, NULL, NULL,
       "Captions made, by the reason that decided who makes them.", 0)
METRIC(ROUTE_DURATION, HISTOGRAM, "imgrouter_route_duration_seconds", NULL, NULL, NULL, NULL,
       "Seconds an upload spends on deciding who captions it and on bookkeeping.",
       METRICS_ROUTE_BUCKETS)
METRIC(CLOUD_REQUESTS, COUNTER, "imgrouter_cloud_requests_total", "provider", METRICS_PROVIDERS,
       "outcome", METRICS_OUTCOMES, "Requests to cloud providers, by how they ended.", 0)
METRIC(CLOUD_DURATION, HISTOGRAM, "imgrouter_cloud_duration_seconds",
       "provider", METRICS_PROVIDERS, NULL, NULL,
       "Seconds until each caption came from a cloud provider, retries and other providers "
       "included; kept answers are not counted.",
       METRICS_CLOUD_BUCKETS)
METRIC(CLOUD_IN_FLIGHT, GAUGE, "imgrouter_cloud_in_flight", "provider", METRICS_PROVIDERS,
       NULL, NULL, "Requests to cloud providers under way.", 0)
METRIC(CLOUD_REQUESTS_LEFT, GAUGE, "imgrouter_cloud_requests_left", "provider",
       METRICS_PROVIDERS, NULL, NULL,
       "Requests that the rate limit lets through to each provider at once.", 0)
METRIC(BREAKER_STATE, GAUGE, "circuit_breaker_state", "provider", METRICS_PROVIDERS, NULL, NULL,
       "Circuit breaker of each provider: 0 closed, 1 open, 2 half-open.", 0)
METRIC(CLOUD_CACHE_HITS, COUNTER, "imgrouter_cloud_cache_hits_total", NULL, NULL, NULL, NULL,
       "Captions that had been paid for before.", 0)
METRIC(CLOUD_COST, COUNTER, "imgrouter_cloud_cost_usd_total", NULL, NULL, NULL, NULL,
       "US dollars that uploads have cost since the start.", 0)
METRIC(SHADOW_CAPTIONS, COUNTER, "imgrouter_shadow_captions_total",
       "result", "observed,impeded,failed,dropped", NULL, NULL,
       "Images for an experiment's shadow: captions written down, put off by a budget, limit or outage, "
       "failed, and left out because too many were waiting.", 0)
METRIC(CLOUD_DAILY_COST, GAUGE, "cloud_daily_cost_usd", NULL, NULL, NULL, NULL,
       "US dollars spent and reserved today (UTC), by all servers on this store.", 0)
METRIC(CLOUD_DAILY_BUDGET, GAUGE, "cloud_daily_budget_usd", NULL, NULL, NULL, NULL,
       "US dollars that may be spent a day (UTC); 0: none, or there is no cloud.", 0)
METRIC(CLOUD_BUDGET_LEFT, GAUGE, "cloud_daily_budget_remaining_usd", NULL, NULL, NULL, NULL,
       "US dollars of today's budget that are left.", 0)
METRIC(IMAGES, GAUGE, "imgrouter_images", NULL, NULL, NULL, NULL,
       "Images stored.", 0)
METRIC(READY, GAUGE, "imgrouter_ready", NULL, NULL, NULL, NULL,
       "1: requests can be served, as /readyz says; 0: not.", 0)
METRIC(STORE_UP, GAUGE, "imgrouter_store_up", NULL, NULL, NULL, NULL,
       "1: the store answered when last looked at; 0: not.", 0)
METRIC(STORE_CONNECTIONS, GAUGE, "imgrouter_store_connections", "state", "in_use,idle",
       NULL, NULL,
       "Connections to PostgreSQL, or readers of SQLite; 0 with other stores.", 0)
METRIC(STORE_CONNECTIONS_MAX, GAUGE, "imgrouter_store_connections_max", NULL, NULL, NULL, NULL,
       "The most of them there may be.", 0)
METRIC(INDEX_VECTORS, GAUGE, "imgrouter_index_vectors", NULL, NULL, NULL, NULL,
       "Vectors of the index in memory; 0 with stores that search elsewhere.", 0)
METRIC(INDEX_BYTES, GAUGE, "imgrouter_index_bytes", NULL, NULL, NULL, NULL,
       "Memory that the index takes.", 0)
METRIC(RELEVANCE_READY, GAUGE, "imgrouter_relevance_ready", NULL, NULL, NULL, NULL,
       "1: the captions that relevance is measured against are embedded; 0: not yet.", 0)
METRIC(KERNEL_SELF_TEST_FAILED, GAUGE, "imgrouter_kernel_self_test_failed",
       "tier", METRICS_TIERS, NULL, NULL,
       "1: kernels of this tier computed wrongly at the start and are not used.", 0)
METRIC(REINDEX_IMAGES, GAUGE, "imgrouter_reindex_images", "state", "done,missing,failed",
       NULL, NULL,
       "Images with a vector of the model that runs, without, and those that cannot get one.", 0)
METRIC(QUEUE_DEPTH, GAUGE, "imgrouter_queue_depth", NULL, NULL, NULL, NULL,
       "Pictures and texts waiting for the models.", 0)
METRIC(QUEUE_CAPACITY, GAUGE, "imgrouter_queue_capacity", NULL, NULL, NULL, NULL,
       "Places in the models' queue; beyond it uploads are answered 503.", 0)
METRIC(HTTP_ACTIVE_REQUESTS, GAUGE, "imgrouter_http_active_requests", NULL, NULL, NULL, NULL,
       "Requests under way, from complete headers to the last byte of the answer.", 0)
METRIC(HTTP_QUEUE_DEPTH, GAUGE, "imgrouter_http_queue_depth", NULL, NULL, NULL, NULL,
       "Requests waiting for a handler thread.", 0)
METRIC(UPLOAD_RESULTS, COUNTER, "imgrouter_upload_results_total",
       "result", "new,known,refused,failed", "source", "upload,url",
       "Pictures that came: stored as new, known already, refused as not acceptable, failed on "
       "our side; sent as bytes or fetched from an address.", 0)
METRIC(JOBS, COUNTER, "imgrouter_jobs_total", "result", "done,failed,cancelled", NULL, NULL,
       "Uploads accepted with async=true that ended: done, failed for good, cancelled before they "
       "began.", 0)
METRIC(JOBS_WAITING, GAUGE, "imgrouter_jobs_waiting", NULL, NULL, NULL, NULL,
       "Uploads that were accepted and have not begun.", 0)
METRIC(JOBS_RUNNING, GAUGE, "imgrouter_jobs_running", NULL, NULL, NULL, NULL,
       "Uploads that were accepted and are being done.", 0)
METRIC(EVENT_STREAMS, GAUGE, "imgrouter_event_streams", NULL, NULL, NULL, NULL,
       "Clients that follow GET /events.", 0)
METRIC(SEARCHES, COUNTER, "imgrouter_searches_total", NULL, NULL, NULL, NULL,
       "Searches answered.", 0)
METRIC(DROPPED, COUNTER, "imgrouter_dropped_total", "what", "spans,log_lines,duplicates",
       NULL, NULL,
       "What was left out so that requests go on: spans no collector took, log lines nobody "
       "read, looks for duplicates that failed.", 0)
METRIC(BUILD_INFO, INFO, "imgrouter_build_info", "version", NULL, "kernel_tier", NULL,
       "Version of the program and the instruction set its kernels use.", 0)
METRIC(MODEL_INFO, INFO, "imgrouter_model_info", "caption_model", NULL, "embedding_model", NULL,
       "Models that caption and embed.", 0)
METRIC(MODEL_SOURCE, GAUGE, "imgrouter_model_source", "model", "caption,embedding",
       "source", "full,demo,mock", "1 for the source of each model that runs, else 0.", 0)
// clang-format on
