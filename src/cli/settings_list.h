// Every option of the program, once. Help texts, environment, defaults, limits and the reference
// in docs/settings.md are derived from this table.
//
// SETTING(field, TYPE, option, environment variable or NULL, default, least, most, commands,
//         value's name in help, help)
//   TYPE TEXT: default is a string or NULL; least and most are not used
//   TYPE INTEGER: default, least and most are numbers
//   TYPE FLAG: default is 0 or 1; the environment takes true/false, 1/0, yes/no, on/off
// clang-format off
SETTING(host, TEXT, "host", "IMGROUTER_HOST", "127.0.0.1", 0, 0, FOR_SERVE, "ADDRESS",
        "Address to listen on; 0.0.0.0 or :: for every network interface.")
SETTING(port, INTEGER, "port", "IMGROUTER_PORT", 8001, 0, 65535, FOR_SERVE, "PORT",
        "Port to listen on; 0 takes any free one and prints it.")
SETTING(data, TEXT, "data", "IMGROUTER_DATA", NULL, 0, 0, FOR_STORES, "DIR",
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
SETTING(models, TEXT, "models", "IMGROUTER_MODELS", NULL, 0, 0, FOR_ENGINE | FOR_MODELS, "DIR",
        "Folder with one sub-folder per model; without it the Hugging Face cache is used.")
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
SETTING(max_upload_bytes, INTEGER, "max-upload-bytes", "IMGROUTER_MAX_UPLOAD_BYTES", 20971520, 1024, 1073741824, FOR_SERVE | FOR_INDEX | FOR_REINDEX, "BYTES",
        "Largest picture accepted, as a file.")
SETTING(max_pixels, INTEGER, "max-pixels", "IMGROUTER_MAX_PIXELS", 64000000, 1, 1000000000, FOR_SERVE | FOR_PICTURES | FOR_INDEX | FOR_REINDEX, "PIXELS",
        "Largest picture accepted, width times height.")
SETTING(url_allow_private, FLAG, "url-allow-private", "IMGROUTER_URL_ALLOW_PRIVATE", 0, 0, 0, FOR_SERVE, NULL,
        "Let uploads by URL reach loopback and private networks, and ports other than 80 and 443.")
SETTING(url_timeout_ms, INTEGER, "url-timeout-ms", "IMGROUTER_URL_TIMEOUT_MS", 15000, 100, 600000, FOR_SERVE, "MS",
        "Time an upload by URL may take to fetch, redirects included.")
SETTING(drain_timeout_ms, INTEGER, "drain-timeout-ms", "IMGROUTER_DRAIN_TIMEOUT_MS", 25000, 0, 600000, FOR_SERVE, "MS",
        "Time that running requests get to finish after SIGTERM.")
SETTING(log_level, TEXT, "log-level", "IMGROUTER_LOG_LEVEL", "info", 0, 0, FOR_ALL, "debug|info|warning|error|off",
        "Least important log lines to write.")
SETTING(is_json, FLAG, "json", NULL, 0, 0, 0, FOR_ALL & ~FOR_SERVE, NULL,
        "Print JSON for machines, one object a line.")
SETTING(is_text, FLAG, "text", NULL, 0, 0, 0, FOR_EMBED, NULL,
        "The words are texts to embed, not pictures.")
SETTING(server, TEXT, "server", NULL, NULL, 0, 0, FOR_INDEX, "URL",
        "Give the pictures to the server that runs at this address; without it they are stored in the data folder, which must be nobody else's then.")
SETTING(lists_failed, FLAG, "failed", NULL, 0, 0, 0, FOR_INDEX, NULL,
        "List the files that failed, each with its reason, and do nothing else.")
SETTING(retries_failed, FLAG, "retry", NULL, 0, 0, 0, FOR_INDEX, NULL,
        "Try the files that failed again, and no others.")
SETTING(result_count, INTEGER, "k", NULL, 10, 1, 1000, FOR_SEARCH | FOR_IMAGES, "N",
        "Results to print.")
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
SETTING(prints_settings, FLAG, "settings", NULL, 0, 0, 0, FOR_VERSION, NULL,
        "Print the settings reference in Markdown (docs/settings.md).")
// clang-format on
