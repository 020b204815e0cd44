// Every option of the program, once. Help texts, environment, defaults, limits and the reference
// in docs/settings.md are derived from this table.
//
// SETTING(field, TYPE, option, environment variable or NULL, default, least, most, commands,
//         value's name in help, help)
//   TYPE TEXT: default is a string or NULL; least and most are not used
//   TYPE INTEGER: default, least and most are whole numbers
//   TYPE NUMBER: default, least and most are numbers, the latter two whole
//   TYPE FLAG: default is 0 or 1; the environment takes true/false, 1/0, yes/no, on/off
// clang-format off
SETTING(host, TEXT, "host", "IMGROUTER_HOST", "127.0.0.1", 0, 0, FOR_SERVE | FOR_TOP, "ADDRESS",
        "Address the server listens on; 0.0.0.0 or :: for every network interface.")
SETTING(port, INTEGER, "port", "IMGROUTER_PORT", 8001, 0, 65535, FOR_SERVE | FOR_TOP, "PORT",
        "Port the server listens on; 0 takes any free one and prints it.")
SETTING(data, TEXT, "data", "IMGROUTER_DATA", NULL, 0, 0, FOR_STORES | FOR_ESTIMATE, "DIR",
        "Folder of the database and the pictures (default: $XDG_DATA_HOME/imgrouter, else ~/.local/share/imgrouter).")
SETTING(vector_backend, TEXT, "vector-backend", "VECTOR_BACKEND", "sqlite", 0, 0, FOR_STORE, "sqlite|pgvector|qdrant",
        "Where images and their vectors are kept; the pictures themselves stay in the data folder.")
SETTING(database_url, TEXT, "database-url", "DATABASE_URL", NULL, 0, 0, FOR_STORES, "URL",
        "Database of the store pgvector: postgresql://USER:PASSWORD@HOST:PORT/DATABASE; a password is safer in the environment than in an option.")
SETTING(qdrant_url, TEXT, "qdrant-url", "QDRANT_URL", NULL, 0, 0, FOR_STORES, "URL",
        "Server of the store qdrant, for example http://127.0.0.1:6333.")
SETTING(qdrant_api_key, TEXT, "qdrant-api-key", "QDRANT_API_KEY", NULL, 0, 0, FOR_STORES, "KEY",
        "Key for that server; safer in the environment than in an option.")
SETTING(qdrant_collection, TEXT, "qdrant-collection", "QDRANT_COLLECTION", "imgrouter", 0, 0, FOR_STORES, "NAME",
        "What the names of its collections begin with; several servers of images may share a Qdrant under different names.")
SETTING(models, TEXT, "models", "IMGROUTER_MODELS", NULL, 0, 0, (FOR_ENGINE & ~FOR_CHECK) | FOR_MODELS, "DIR",
        "Folder with one sub-folder per model; without it the Hugging Face cache is used.")
SETTING(check_models_folder, TEXT, "models-folder", "IMGROUTER_MODELS", NULL, 0, 0, FOR_CHECK, "DIR",
        "The same for `imgrouter check`, whose --models is something else.")
SETTING(times_models, FLAG, "models", NULL, 0, 0, 0, FOR_CHECK, NULL,
        "Of `imgrouter check`: also caption and embed a sample picture and a text, and print how long that takes, with the models of the settings and with mocks.")
SETTING(use_mock_models, TEXT, "mock", "USE_MOCK_MODELS", "auto", 0, 0, FOR_ENGINE, "auto|true|false",
        "auto: each full model if it is there, else the demo model in its place, said loudly; true: made-up answers; false: full models only.")
SETTING(demo_models, TEXT, "demo-models", "IMGROUTER_DEMO_MODELS", NULL, 0, 0, FOR_ENGINE | FOR_MODELS, "DIR",
        "Folder of the two demo models (default: ../models/demo or ../share/imgrouter/models/demo, seen from the program's folder).")
SETTING(caption_model, TEXT, "caption-model", "IMGROUTER_CAPTION_MODEL", "Salesforce/blip-image-captioning-base", 0, 0, FOR_ENGINE | FOR_MODELS, "ORG/NAME",
        "Repository of the caption model: any BLIP captioning model, base or large.")
SETTING(openclip_model, TEXT, "openclip-model", "OPENCLIP_MODEL", "ViT-B-32", 0, 0, FOR_ENGINE | FOR_MODELS, "NAME",
        "Architecture of the search model, as OpenCLIP names it.")
SETTING(openclip_pretrained, TEXT, "openclip-pretrained", "OPENCLIP_PRETRAINED", "laion2b_s34b_b79k", 0, 0, FOR_ENGINE | FOR_MODELS, "NAME",
        "Weights of the search model, as OpenCLIP names them.")
SETTING(precision, TEXT, "precision", "IMGROUTER_PRECISION", "auto", 0, 0, FOR_ENGINE, "auto|f32|f16|int8",
        "How exactly the models compute. int8: weights and inputs of their layers in 8 bits, the fastest and smallest; auto: int8 where the processor gains by it and a rehearsal on samples gives the answers of f32, else f32.")
SETTING(cache_dir, TEXT, "cache-dir", "IMGROUTER_CACHE_DIR", NULL, 0, 0, FOR_ENGINE, "DIR",
        "Folder where packed weights are kept for the next start (default: $XDG_CACHE_HOME/imgrouter, else ~/.cache/imgrouter).")
SETTING(kernels, TEXT, "kernels", "IMGROUTER_KERNELS", "auto", 0, 0, FOR_ENGINE, "auto|scalar|avx2|avxvnni|avx512|avx512vnni|neon|neondot",
        "Kernel tier; auto takes the best that the processor has.")
SETTING(is_exact, FLAG, "exact", "IMGROUTER_EXACT", 0, 0, 0, FOR_ENGINE, NULL,
        "Resize every picture at its full size, as PyTorch's pipelines do. Else JPEGs four times as large as the models read are decoded smaller, many times faster, and vectors move by less than 0.0005.")
SETTING(threads, INTEGER, "threads", "IMGROUTER_THREADS", 0, 0, 256, FOR_ENGINE, "N",
        "Threads that compute; 0 takes the processors this process may use.")
SETTING(queue_capacity, INTEGER, "queue", "IMGROUTER_QUEUE_CAPACITY", 32, 1, 100000, FOR_SERVE, "N",
        "Model jobs that may wait; a request beyond them is answered 503 with Retry-After.")
SETTING(tags, TEXT, "tags", "IMGROUTER_TAGS", NULL, 0, 0, FOR_SERVE | FOR_INDEX | FOR_MCP | FOR_CHECK, "FILE|off",
        "File of the tags that pictures are given, one a line (default: labels/everyday.txt of the source tree or of an installation); off: none are.")
SETTING(jobs_waiting_max, INTEGER, "jobs", "IMGROUTER_JOBS_MAX", 1000, 1, 1000000, FOR_SERVE, "N",
        "Uploads with async=true that may wait, their pictures in the data folder; one beyond them is answered 503 with Retry-After.")
SETTING(max_upload_bytes, INTEGER, "max-upload-bytes", "IMGROUTER_MAX_UPLOAD_BYTES", 20971520, 1024, 1073741824, FOR_SERVE | FOR_INDEX | FOR_REINDEX | FOR_ESTIMATE | FOR_MCP, "BYTES",
        "Largest picture accepted, as a file.")
SETTING(max_pixels, INTEGER, "max-pixels", "IMGROUTER_MAX_PIXELS", 64000000, 1, 1000000000, FOR_SERVE | FOR_PICTURES | FOR_INDEX | FOR_REINDEX | FOR_ESTIMATE | FOR_MCP, "PIXELS",
        "Largest picture accepted, width times height.")
SETTING(caption_confidence_threshold, NUMBER, "caption-confidence-threshold", "CAPTION_CONFIDENCE_THRESHOLD", 0.55, 0, 1, FOR_CLOUD, "NUMBER",
        "A local caption less sure than this is asked of the cloud; 0: none is.")
SETTING(clip_score_threshold, NUMBER, "clip-score-threshold", "IMGROUTER_CLIP_SCORE_THRESHOLD", 0, 0, 1, FOR_CLOUD, "NUMBER",
        "A local caption that fits its picture less than this (cosine) is asked of the cloud; 0: none is.")
SETTING(caption_latency_budget_ms, INTEGER, "caption-latency-budget-ms", "CAPTION_LATENCY_BUDGET_MS", 600, 0, 3600000, FOR_CLOUD, "MS",
        "While others wait for the local models, a caption expected to take longer than this is asked of the cloud; 0: no budget.")
SETTING(cloud_provider, TEXT, "cloud-provider", "CLOUD_PROVIDER", "", 0, 0, FOR_CLOUD, "NAME,…",
        "Cloud providers in the order to ask: openrouter, openai, openai_compatible, google_vision, aws_rekognition, imgrouter, fake (or mock). Empty: all captions are local.")
SETTING(cloud_max_requests_per_minute, INTEGER, "cloud-max-requests-per-minute", "CLOUD_MAX_REQUESTS_PER_MINUTE", 60, 0, 1000000, FOR_CLOUD, "N",
        "Requests to all providers in any 60 seconds.")
SETTING(cloud_max_requests_per_day, INTEGER, "cloud-max-requests-per-day", "CLOUD_MAX_REQUESTS_PER_DAY", 10000, 0, 1000000000, FOR_CLOUD, "N",
        "Requests to all providers in a day (UTC).")
SETTING(cloud_daily_budget_usd, NUMBER, "cloud-daily-budget-usd", "CLOUD_DAILY_BUDGET_USD", 10.00, 0, 1000000, FOR_CLOUD, "USD",
        "What all providers together may cost in a day (UTC), never exceeded; 0: only what is free.")
SETTING(cloud_circuit_breaker_threshold, INTEGER, "cloud-circuit-breaker-threshold", "CLOUD_CIRCUIT_BREAKER_THRESHOLD", 5, 0, 1000000, FOR_CLOUD, "N",
        "Failures in a row after which a provider is left alone for a while; 0: never.")
SETTING(cloud_circuit_breaker_timeout_s, INTEGER, "cloud-circuit-breaker-timeout", "CLOUD_CIRCUIT_BREAKER_TIMEOUT_SECONDS", 60, 1, 3600, FOR_CLOUD, "SECONDS",
        "For how long; then one request finds out whether it is back.")
SETTING(cloud_timeout_ms, INTEGER, "cloud-timeout-ms", "IMGROUTER_CLOUD_TIMEOUT_MS", 15000, 100, 600000, FOR_CLOUD, "MS",
        "Time the cloud may take for a picture, retries and other providers included.")
SETTING(cloud_concurrency, INTEGER, "cloud-concurrency", "IMGROUTER_CLOUD_CONCURRENCY", 8, 1, 1000, FOR_CLOUD, "N",
        "Requests to one provider at once.")
SETTING(cloud_prompt, TEXT, "cloud-prompt", "IMGROUTER_CLOUD_PROMPT", "Describe this picture in one short sentence, as a caption. Answer with the sentence alone.", 0, 0, FOR_CLOUD, "TEXT",
        "What language models are asked.")
SETTING(openrouter_api_key, TEXT, "openrouter-api-key", "OPENROUTER_API_KEY", NULL, 0, 0, FOR_CLOUD, "KEY",
        "Key for openrouter. Keys are safer in the environment than in options.")
SETTING(openrouter_model, TEXT, "openrouter-model", "OPENROUTER_MODEL", "openai/gpt-4o-mini", 0, 0, FOR_CLOUD, "NAME",
        "Model that openrouter is asked for.")
SETTING(openrouter_url, TEXT, "openrouter-url", "OPENROUTER_BASE_URL", NULL, 0, 0, FOR_CLOUD, "URL",
        "Address of openrouter, when it is reached through a gateway.")
SETTING(openai_api_key, TEXT, "openai-api-key", "OPENAI_API_KEY", NULL, 0, 0, FOR_CLOUD, "KEY",
        "Key for openai.")
SETTING(openai_model, TEXT, "openai-model", "IMGROUTER_OPENAI_MODEL", "gpt-4o-mini", 0, 0, FOR_CLOUD, "NAME",
        "Model that openai is asked for.")
SETTING(openai_url, TEXT, "openai-url", "OPENAI_BASE_URL", NULL, 0, 0, FOR_CLOUD, "URL",
        "Address of openai, when it is reached through a gateway.")
SETTING(compatible_url, TEXT, "compatible-url", "IMGROUTER_COMPATIBLE_URL", NULL, 0, 0, FOR_CLOUD, "URL",
        "Server of openai_compatible, up to /v1: Ollama, llama.cpp, vLLM and others; for example http://127.0.0.1:11434/v1.")
SETTING(compatible_model, TEXT, "compatible-model", "IMGROUTER_COMPATIBLE_MODEL", NULL, 0, 0, FOR_CLOUD, "NAME",
        "Model that it is asked for.")
SETTING(compatible_api_key, TEXT, "compatible-api-key", "IMGROUTER_COMPATIBLE_API_KEY", NULL, 0, 0, FOR_CLOUD, "KEY",
        "Key for it, if it wants one.")
SETTING(google_vision_api_key, TEXT, "google-vision-api-key", "GOOGLE_VISION_API_KEY", NULL, 0, 0, FOR_CLOUD, "KEY",
        "Key for google_vision.")
SETTING(google_vision_url, TEXT, "google-vision-url", "IMGROUTER_GOOGLE_VISION_URL", NULL, 0, 0, FOR_CLOUD, "URL",
        "Address of google_vision, when it is reached through a gateway.")
SETTING(aws_access_key_id, TEXT, "aws-access-key-id", "AWS_ACCESS_KEY_ID", NULL, 0, 0, FOR_CLOUD, "ID",
        "Access key for aws_rekognition.")
SETTING(aws_secret_access_key, TEXT, "aws-secret-access-key", "AWS_SECRET_ACCESS_KEY", NULL, 0, 0, FOR_CLOUD, "KEY",
        "Its secret.")
SETTING(aws_session_token, TEXT, "aws-session-token", "AWS_SESSION_TOKEN", NULL, 0, 0, FOR_CLOUD, "TOKEN",
        "Session token of temporary credentials.")
SETTING(aws_region, TEXT, "aws-region", "AWS_REGION", "us-east-1", 0, 0, FOR_CLOUD, "REGION",
        "Region that aws_rekognition is asked in.")
SETTING(aws_url, TEXT, "aws-url", "AWS_ENDPOINT_URL", NULL, 0, 0, FOR_CLOUD, "URL",
        "Address of aws_rekognition, when it is reached through a gateway.")
SETTING(upstream_url, TEXT, "upstream-url", "IMGROUTER_UPSTREAM_URL", NULL, 0, 0, FOR_CLOUD, "URL",
        "Server of the provider imgrouter: another imgrouter, on a larger machine.")
SETTING(prices, TEXT, "prices", "IMGROUTER_PRICES", NULL, 0, 0, FOR_CLOUD, "FILE",
        "Prices of the cloud's models (default: costs/providers.yaml of the source tree or of the installation).")
SETTING(experiments, TEXT, "experiments", "IMGROUTER_EXPERIMENTS", NULL, 0, 0, FOR_SERVE | FOR_INDEX, "FILE",
        "The experiment to run: other thresholds, providers, models and prompts for a share of the pictures (docs/experiments.md).")
SETTING(url_allow_private, FLAG, "url-allow-private", "IMGROUTER_URL_ALLOW_PRIVATE", 0, 0, 0, FOR_SERVE | FOR_MCP, NULL,
        "Let uploads by URL reach loopback and private networks, and ports other than 80 and 443.")
SETTING(url_timeout_ms, INTEGER, "url-timeout-ms", "IMGROUTER_URL_TIMEOUT_MS", 15000, 100, 600000, FOR_SERVE | FOR_MCP, "MS",
        "Time an upload by URL may take to fetch, redirects included.")
SETTING(drain_timeout_ms, INTEGER, "drain-timeout-ms", "IMGROUTER_DRAIN_TIMEOUT_MS", 25000, 0, 600000, FOR_SERVE, "MS",
        "Time that running requests get to finish after SIGTERM.")
SETTING(log_level, TEXT, "log-level", "IMGROUTER_LOG_LEVEL", "info", 0, 0, FOR_ALL, "debug|info|warning|error|off",
        "Least important log lines to write.")
SETTING(otel_sdk_disabled, TEXT, "otel-sdk-disabled", "OTEL_SDK_DISABLED", NULL, 0, 0, FOR_SERVE, "true|false",
        "true: no traces, whatever else is set.")
SETTING(otel_traces_exporter, TEXT, "otel-traces-exporter", "OTEL_TRACES_EXPORTER", "otlp", 0, 0, FOR_SERVE, "otlp|none",
        "Where traces go; none: nowhere.")
SETTING(otel_endpoint, TEXT, "otel-exporter-otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", NULL, 0, 0, FOR_SERVE, "URL",
        "Collector of OpenTelemetry that takes traces by OTLP/HTTP, for example http://127.0.0.1:4318; v1/traces is added. Without an address nothing is traced.")
SETTING(otel_traces_endpoint, TEXT, "otel-exporter-otlp-traces-endpoint", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", NULL, 0, 0, FOR_SERVE, "URL",
        "The whole address that traces are sent to; as all _TRACES_ settings it wins over the general one.")
SETTING(otel_headers, TEXT, "otel-exporter-otlp-headers", "OTEL_EXPORTER_OTLP_HEADERS", NULL, 0, 0, FOR_SERVE, "NAME=VALUE,…",
        "Headers for the collector, values percent-encoded. Safer in the environment than in an option.")
SETTING(otel_traces_headers, TEXT, "otel-exporter-otlp-traces-headers", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", NULL, 0, 0, FOR_SERVE, "NAME=VALUE,…",
        "Likewise.")
SETTING(otel_timeout, TEXT, "otel-exporter-otlp-timeout", "OTEL_EXPORTER_OTLP_TIMEOUT", "10000", 0, 0, FOR_SERVE, "MS",
        "Time that the collector gets to answer.")
SETTING(otel_traces_timeout, TEXT, "otel-exporter-otlp-traces-timeout", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", NULL, 0, 0, FOR_SERVE, "MS",
        "Likewise.")
SETTING(otel_compression, TEXT, "otel-exporter-otlp-compression", "OTEL_EXPORTER_OTLP_COMPRESSION", "none", 0, 0, FOR_SERVE, "gzip|none",
        "How traces are compressed.")
SETTING(otel_traces_compression, TEXT, "otel-exporter-otlp-traces-compression", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", NULL, 0, 0, FOR_SERVE, "gzip|none",
        "Likewise.")
SETTING(otel_protocol, TEXT, "otel-exporter-otlp-protocol", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", 0, 0, FOR_SERVE, "http/json",
        "JSON is sent whatever is asked for: every collector takes it where it takes OTLP/HTTP.")
SETTING(otel_traces_protocol, TEXT, "otel-exporter-otlp-traces-protocol", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", NULL, 0, 0, FOR_SERVE, "http/json",
        "Likewise.")
SETTING(otel_sampler, TEXT, "otel-traces-sampler", "OTEL_TRACES_SAMPLER", "parentbased_always_on", 0, 0, FOR_SERVE, "NAME",
        "Which traces are recorded: always_on, always_off, traceidratio, or one of these after parentbased_, which follows the caller where there is one.")
SETTING(otel_sampler_argument, TEXT, "otel-traces-sampler-arg", "OTEL_TRACES_SAMPLER_ARG", "1", 0, 0, FOR_SERVE, "RATIO",
        "Share of the traces that traceidratio records, 0 to 1.")
SETTING(otel_service_name, TEXT, "otel-service-name", "OTEL_SERVICE_NAME", NULL, 0, 0, FOR_SERVE, "NAME",
        "What traces call this server (default: service.name of the resource attributes, else imgrouter).")
SETTING(otel_resource_attributes, TEXT, "otel-resource-attributes", "OTEL_RESOURCE_ATTRIBUTES", NULL, 0, 0, FOR_SERVE, "NAME=VALUE,…",
        "What else they say of it, values percent-encoded.")
SETTING(otel_delay, TEXT, "otel-bsp-schedule-delay", "OTEL_BSP_SCHEDULE_DELAY", "5000", 0, 0, FOR_SERVE, "MS",
        "How long a span waits for others before it is sent.")
SETTING(otel_export_timeout, TEXT, "otel-bsp-export-timeout", "OTEL_BSP_EXPORT_TIMEOUT", "30000", 0, 0, FOR_SERVE, "MS",
        "How long a batch of spans is tried to be sent; then it is dropped.")
SETTING(otel_queue_size, TEXT, "otel-bsp-max-queue-size", "OTEL_BSP_MAX_QUEUE_SIZE", "2048", 0, 0, FOR_SERVE, "N",
        "Spans that may wait; more are dropped.")
SETTING(otel_batch_size, TEXT, "otel-bsp-max-export-batch-size", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512", 0, 0, FOR_SERVE, "N",
        "Spans that are sent together at most.")
SETTING(is_json, FLAG, "json", NULL, 0, 0, 0, FOR_ALL & ~FOR_SERVE & ~FOR_MCP, NULL,
        "Print JSON for machines, one object a line.")
SETTING(is_text, FLAG, "text", NULL, 0, 0, 0, FOR_EMBED, NULL,
        "The words are texts to embed, not pictures.")
SETTING(server, TEXT, "server", NULL, NULL, 0, 0, FOR_INDEX | FOR_TOP | FOR_MCP, "URL",
        "Address of a server that runs: index gives it the pictures and mcp asks it, and without it both use the data folder, which must be nobody else's then; top watches it, and without it the one at --host and --port.")
SETTING(quality, TEXT, "quality", NULL, "auto", 0, 0, FOR_ESTIMATE | FOR_INDEX, "fast|auto|high",
        "Which pictures are asked of the cloud: fast none, auto those whose local caption is unsure, too slow or unfit, high all.")
SETTING(lists_failed, FLAG, "failed", NULL, 0, 0, 0, FOR_INDEX, NULL,
        "List the files that failed, each with its reason, and do nothing else.")
SETTING(retries_failed, FLAG, "retry", NULL, 0, 0, 0, FOR_INDEX, NULL,
        "Try the files that failed again, and no others.")
SETTING(result_count, INTEGER, "k", NULL, 10, 1, 1000, FOR_SEARCH | FOR_IMAGES, "N",
        "Results to print.")
SETTING(search_mode, TEXT, "mode", NULL, "semantic", 0, 0, FOR_SEARCH, "semantic|keyword|hybrid",
        "How to find: by what the pictures show, by the words of captions, file names and tags, or by both.")
SETTING(min_score, TEXT, "min-score", NULL, NULL, 0, 0, FOR_SEARCH, "NUMBER|auto",
        "Leave out what fits worse: a number from -1 to 1 that the score must reach, or auto for what is relevant to the words, and nothing else.")
SETTING(found_tags, TEXT, "tags", NULL, NULL, 0, 0, FOR_SEARCH, "TAG,…",
        "Only pictures that have all these tags, separated by commas.")
SETTING(caption_words, TEXT, "words", NULL, NULL, 0, 0, FOR_SEARCH, "WORD,…",
        "Only pictures with all these words in the caption, separated by commas.")
SETTING(found_from, TEXT, "from", NULL, NULL, 0, 0, FOR_SEARCH, "TIME",
        "Only pictures stored at this time or later: a date such as 2026-01-31, or a time such as 2026-01-31T09:26:53Z.")
SETTING(found_until, TEXT, "until", NULL, NULL, 0, 0, FOR_SEARCH, "TIME",
        "Only pictures stored before this time.")
SETTING(origin, TEXT, "origin", NULL, NULL, 0, 0, FOR_SEARCH, "ORIGIN",
        "Only pictures whose caption is from there: local, user, mock or the name of a provider.")
SETTING(picture_display, TEXT, "pictures", "IMGROUTER_PICTURES", "auto", 0, 0, FOR_SEARCH | FOR_IMAGES | FOR_CAPTION, "auto|always|never",
        "Small pictures with the answer, in terminals that show them. auto: in those known for it, and in those that say they can; always: in every terminal. Never elsewhere, and never with --json.")
SETTING(repository, TEXT, "repository", NULL, NULL, 0, 0, FOR_MODELS, "ORG/NAME",
        "Another repository of the hub than the two that are served by default.")
SETTING(from, TEXT, "from", NULL, NULL, 0, 0, FOR_MIGRATE, "STORE",
        "Store to copy from: sqlite or another, where its settings say it is, or with its place, as sqlite:DIR. A place with a password is better in the environment.")
SETTING(to, TEXT, "to", NULL, NULL, 0, 0, FOR_MIGRATE, "STORE",
        "Store to copy to, in the same way. What it has already stays; no server may use it meanwhile.")
SETTING(has_pictures, FLAG, "pictures", NULL, 0, 0, 0, FOR_EXPORT, NULL,
        "Put the original pictures into the export too.")
SETTING(runs, INTEGER, "runs", NULL, 5, 1, 1000, FOR_BENCH, "N",
        "Times each stage is measured; the median is printed.")
SETTING(takes_turns, FLAG, "turns", NULL, 0, 0, 0, FOR_BENCH, NULL,
        "Measure once what each line of standard input names, and answer it with a line of JSON.")
SETTING(prints_manual, FLAG, "man", NULL, 0, 0, 0, FOR_VERSION, NULL,
        "Print the man page, imgrouter(1).")
SETTING(completion, TEXT, "completion", NULL, NULL, 0, 0, FOR_VERSION, "bash|zsh|fish",
        "Print the completion for this shell.")
SETTING(prints_settings, FLAG, "settings", NULL, 0, 0, 0, FOR_VERSION, NULL,
        "Print the settings reference in Markdown (docs/settings.md).")
// clang-format on
