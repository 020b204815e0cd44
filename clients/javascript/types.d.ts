// The server's answers. Written by clients/generate_types.py; do not change by hand.

/** A stored image. */
export interface Image {
  /** First 16 hexadecimal digits of the SHA-256 of the bytes. */
  id: string;
  /** What the picture shows, in words. */
  caption: string;
  /** Words for what it shows: by the search model and cloud providers, or as a person changed them. */
  tags: Array<string>;
  /** Whose the tags are; a person's are never replaced. null: there are none. */
  tags_origin: "model" | "user" | null;
  /** Who wrote the caption: `local`, `cloud` for a provider that the receipt names, `user` for a person, or `mock` for mock models. */
  origin: string;
  /** Geometric mean of the probabilities that the model gave to its own words. It tells how sure the model was, not how right. Of a caption from the cloud: the provider's own, where it tells one, else the local model's, where it was asked; else null. */
  confidence: number | null;
  /** Cosine of picture and caption in the search space; around 0.3 for a fitting caption. */
  clip_score: number | null;
  /** The model that wrote the caption. `imgrouter-demo-blip` is the demo model. */
  model: string;
  /** The model whose space the search vector lies in. `imgrouter-demo-clip@…` is the demo model. */
  embedding_model: string;
  payload: ImagePayload;
  /** Pixels, upright. */
  width: number;
  /** Pixels, upright. */
  height: number;
  /** Told from the bytes, not from the name. */
  mime: string;
  /** Size of the file. */
  size_bytes: number;
  /** Of the original bytes. */
  sha256: string;
  /** When it was first uploaded, UTC. */
  created_at: string;
  /** How the caption came about; null where a person wrote it, or where an older version did not keep it. */
  receipt: Receipt | null;
  /** Something a person should know: demo or mock models answered, the query was cut, or pictures have no vector of the model that runs. Absent when there is nothing to say. */
  notice?: string;
}

export interface ImagePayload {
  src: ImagePayloadSrc1 | ImagePayloadSrc2;
}

export interface ImagePayloadSrc1 {
  source: "upload";
  /** As the client named it; may be empty. */
  filename: string;
}

export interface ImagePayloadSrc2 {
  source: "url";
  /** Where the picture was fetched. */
  url: string;
}

/** How a caption came about. */
export interface Receipt {
  /** As of the image: `local`, `cloud`, or `mock` for mock models. */
  origin: string;
  /** `local`, or the name of the cloud provider that wrote the caption. */
  provider: string;
  /** The model that wrote the caption. */
  model: string;
  /** As of the image. */
  confidence: number | null;
  /** Why the caption comes from there, as a stable code: `local_sure`, the local caption is good enough; `no_provider`, no cloud provider is configured; `quality_fast`, the caller asked for the local caption; `quality_high`, the caller asked for the best caption; `low_confidence`, the local model is not sure of its words; `low_clip_score`, the local caption does not fit the picture; `repetition`, the local caption repeats itself; `latency_budget`, the local caption would come too late; `over_budget`, the cloud is wanted, but the day's budget does not allow it; `rate_limited`, the cloud is wanted, but as many requests are made as may be; `cloud_away`, the cloud is wanted, but no provider can be asked now; `cloud_failed`, the cloud was asked and did not give a caption. */
  reason: string;
  /** The reason in words, with the figures that decided. */
  detail: string;
  /** The variant of the experiment that the image took part in; null without one. */
  variant: string | null;
  /** What the caption cost when it was made, in US dollars, exact to a billionth. */
  cost_usd: number;
  /** The provider did not say what it used: the cost follows from the price table. */
  cost_is_estimated: boolean;
  /** The caption was there already, and nothing was paid for it this time. */
  cache_hit: boolean;
  /** Where the caption's time went. */
  timings: ReceiptTimings;
}

/** Where the caption's time went. */
export interface ReceiptTimings {
  /** The local models, waiting for them included, in milliseconds; 0 where they were not asked. */
  local_ms: number;
  /** The cloud, retries included, in milliseconds; 0 where it was not asked. */
  cloud_ms: number;
  /** Deciding and bookkeeping, in milliseconds. */
  route_ms: number;
}

/** The answer to an upload. */
export interface Upload {
  /** First 16 hexadecimal digits of the SHA-256 of the bytes. */
  id: string;
  /** What the picture shows, in words. */
  caption: string;
  /** Words for what it shows: by the search model and cloud providers, or as a person changed them. */
  tags: Array<string>;
  /** Whose the tags are; a person's are never replaced. null: there are none. */
  tags_origin: "model" | "user" | null;
  /** Who wrote the caption: `local`, `cloud` for a provider that the receipt names, `user` for a person, or `mock` for mock models. */
  origin: string;
  /** Geometric mean of the probabilities that the model gave to its own words. It tells how sure the model was, not how right. Of a caption from the cloud: the provider's own, where it tells one, else the local model's, where it was asked; else null. */
  confidence: number | null;
  /** Cosine of picture and caption in the search space; around 0.3 for a fitting caption. */
  clip_score: number | null;
  /** The model that wrote the caption. `imgrouter-demo-blip` is the demo model. */
  model: string;
  /** The model whose space the search vector lies in. `imgrouter-demo-clip@…` is the demo model. */
  embedding_model: string;
  payload: ImagePayload;
  /** Pixels, upright. */
  width: number;
  /** Pixels, upright. */
  height: number;
  /** Told from the bytes, not from the name. */
  mime: string;
  /** Size of the file. */
  size_bytes: number;
  /** Of the original bytes. */
  sha256: string;
  /** When it was first uploaded, UTC. */
  created_at: string;
  /** How the caption came about; null where a person wrote it, or where an older version did not keep it. */
  receipt: Receipt | null;
  duplicates: Duplicates;
  /** The same bytes were here already; nothing was computed. */
  was_known: boolean;
  /** Where the time went; zeros when the image was known. */
  timings: UploadTimings;
  /** Something a person should know: demo or mock models answered, the query was cut, or pictures have no vector of the model that runs. Absent when there is nothing to say. */
  notice?: string;
}

/** Where the time went; zeros when the image was known. */
export interface UploadTimings {
  /** Decoding the file and resizing it, in one pass, in milliseconds. */
  decode_ms: number;
  /** Waiting for the models, in milliseconds. */
  queue_ms: number;
  /** How many uploads and searches the models took together. The models' times are those of them all. */
  batch_size: number;
  /** Turning the resized picture into the models' numbers, in milliseconds. */
  preprocess_ms: number;
  /** The caption model looking, in milliseconds. */
  caption_vision_ms: number;
  /** The caption model writing, in milliseconds. */
  caption_decode_ms: number;
  /** The search vector, in milliseconds. */
  embedding_ms: number;
  /** Writing to disk, in milliseconds. */
  store_ms: number;
  /** All together, in milliseconds. */
  total_ms: number;
}

/** Which picture of the request a result is of. */
export interface BatchPlace {
  /** Its place in the request, from 0. */
  index: number;
  /** As the client named it; may be empty. */
  filename?: string;
  /** The address it was to be fetched from. */
  url?: string;
}

/** The answer to a batch: a result for each picture, in the order sent. */
export interface BatchAnswer {
  results: Array<BatchAnswerResults1 | BatchAnswerResults2>;
  /** Pictures that are new. */
  stored: number;
  /** Pictures whose bytes were here already. */
  known: number;
  /** Pictures with a problem. */
  failed: number;
}

/** What an upload of it would answer. */
export interface BatchAnswerResults1 {
  /** First 16 hexadecimal digits of the SHA-256 of the bytes. */
  id: string;
  /** What the picture shows, in words. */
  caption: string;
  /** Words for what it shows: by the search model and cloud providers, or as a person changed them. */
  tags: Array<string>;
  /** Whose the tags are; a person's are never replaced. null: there are none. */
  tags_origin: "model" | "user" | null;
  /** Who wrote the caption: `local`, `cloud` for a provider that the receipt names, `user` for a person, or `mock` for mock models. */
  origin: string;
  /** Geometric mean of the probabilities that the model gave to its own words. It tells how sure the model was, not how right. Of a caption from the cloud: the provider's own, where it tells one, else the local model's, where it was asked; else null. */
  confidence: number | null;
  /** Cosine of picture and caption in the search space; around 0.3 for a fitting caption. */
  clip_score: number | null;
  /** The model that wrote the caption. `imgrouter-demo-blip` is the demo model. */
  model: string;
  /** The model whose space the search vector lies in. `imgrouter-demo-clip@…` is the demo model. */
  embedding_model: string;
  payload: ImagePayload;
  /** Pixels, upright. */
  width: number;
  /** Pixels, upright. */
  height: number;
  /** Told from the bytes, not from the name. */
  mime: string;
  /** Size of the file. */
  size_bytes: number;
  /** Of the original bytes. */
  sha256: string;
  /** When it was first uploaded, UTC. */
  created_at: string;
  /** How the caption came about; null where a person wrote it, or where an older version did not keep it. */
  receipt: Receipt | null;
  duplicates: Duplicates;
  /** The same bytes were here already; nothing was computed. */
  was_known: boolean;
  /** Where the time went; zeros when the image was known. */
  timings: UploadTimings;
  /** Something a person should know: demo or mock models answered, the query was cut, or pictures have no vector of the model that runs. Absent when there is nothing to say. */
  notice?: string;
  /** Its place in the request, from 0. */
  index: number;
  /** As the client named it; may be empty. */
  filename?: string;
  /** The address it was to be fetched from. */
  url?: string;
}

/** Why it is not stored. */
export interface BatchAnswerResults2 {
  /** Its place in the request, from 0. */
  index: number;
  /** As the client named it; may be empty. */
  filename?: string;
  /** The address it was to be fetched from. */
  url?: string;
  problem: Problem;
}

/** Images that are this one again, in three tiers; an image is in the strongest that holds. */
export interface Duplicates {
  /** The image itself, when the same bytes had been uploaded before. */
  same_bytes: Array<string>;
  /** The same picture in another size, format or compression, nearest first. */
  same_picture: Array<DuplicatesSamePicture>;
  /** Other pictures of very nearly the same thing, nearest first. */
  same_meaning: Array<DuplicatesSameMeaning>;
}

export interface DuplicatesSamePicture {
  id: string;
  /** In how many of 64 bits the perceptual hashes differ. */
  distance: number;
}

export interface DuplicatesSameMeaning {
  id: string;
  /** Cosine of the two pictures. */
  score: number;
}

/** The duplicates of a stored image. */
export interface DuplicatesAnswer {
  id: string;
  duplicates: Duplicates;
}

/** What to change of an image. */
export interface ImageChange {
  /** The new caption: some text that is not blank, at most 1023 bytes of UTF-8. */
  caption?: string;
  /** The new list, of at most 32. */
  tags?: Array<string>;
}

/** A page of the list of images. */
export interface ImagePage {
  images: Array<Image>;
  /** Give it as `cursor` to get the next page; null on the last one. */
  next_cursor: string | null;
  /** Something a person should know: demo or mock models answered, the query was cut, or pictures have no vector of the model that runs. Absent when there is nothing to say. */
  notice?: string;
}

/** An image that was found. */
export interface Match {
  /** First 16 hexadecimal digits of the SHA-256 of the bytes. */
  id: string;
  /** What the picture shows, in words. */
  caption: string;
  /** Words for what it shows: by the search model and cloud providers, or as a person changed them. */
  tags: Array<string>;
  /** Whose the tags are; a person's are never replaced. null: there are none. */
  tags_origin: "model" | "user" | null;
  /** Who wrote the caption: `local`, `cloud` for a provider that the receipt names, `user` for a person, or `mock` for mock models. */
  origin: string;
  /** Geometric mean of the probabilities that the model gave to its own words. It tells how sure the model was, not how right. Of a caption from the cloud: the provider's own, where it tells one, else the local model's, where it was asked; else null. */
  confidence: number | null;
  /** Cosine of picture and caption in the search space; around 0.3 for a fitting caption. */
  clip_score: number | null;
  /** The model that wrote the caption. `imgrouter-demo-blip` is the demo model. */
  model: string;
  /** The model whose space the search vector lies in. `imgrouter-demo-clip@…` is the demo model. */
  embedding_model: string;
  payload: ImagePayload;
  /** Pixels, upright. */
  width: number;
  /** Pixels, upright. */
  height: number;
  /** Told from the bytes, not from the name. */
  mime: string;
  /** Size of the file. */
  size_bytes: number;
  /** Of the original bytes. */
  sha256: string;
  /** When it was first uploaded, UTC. */
  created_at: string;
  /** How the caption came about; null where a person wrote it, or where an older version did not keep it. */
  receipt: Receipt | null;
  /** Cosine of the image and what was looked for; null for an image found by its words that the model has not seen yet. */
  score: number | null;
  /** How much better the words fit this image than unrelated captions do; 0.5 and more is what `min_score=auto` lets through. Of searches by words only. */
  relevance?: number;
  /** Something a person should know: demo or mock models answered, the query was cut, or pictures have no vector of the model that runs. Absent when there is nothing to say. */
  notice?: string;
}

/** What a search found. */
export interface SearchAnswer {
  /** The words searched for; null when a picture was. */
  query: string | null;
  /** The stored image searched for. */
  image_id?: string;
  /** Best first. */
  results: Array<Match>;
  /** The cursor of the next page; null when there is none. */
  next_cursor: string | null;
  /** Why nothing was found; only with empty results. */
  reason?: string;
  /** The model that compared. */
  model: string;
  timings: SearchAnswerTimings;
  /** Something a person should know: demo or mock models answered, the query was cut, or pictures have no vector of the model that runs. Absent when there is nothing to say. */
  notice?: string;
}

export interface SearchAnswerTimings {
  /** The vector of the query, waiting for the models included, in milliseconds. */
  embed_ms: number;
  /** Waiting for the models, in milliseconds. */
  queue_ms: number;
  /** How many uploads and searches the models took together; 0 where they were not asked. */
  batch_size: number;
  /** Comparing with all images, in milliseconds. */
  store_ms: number;
  /** All together, in milliseconds. */
  total_ms: number;
}

/** An upload that was accepted with async=true. */
export interface Job {
  /** 32 random hexadecimal digits: who knows them may see the job. */
  id: string;
  state: "queued" | "running" | "done" | "failed";
  /** What is being done, while it runs. */
  stage: "fetch" | "decode" | "caption" | "store" | null;
  priority: "bulk" | "interactive";
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  /** Those that failed. What fails for now is tried again, with growing pauses. */
  attempts: number;
  /** Where the picture comes from, as an image has it. */
  src: JobSrc;
  /** The same bytes were here already. */
  was_known: boolean;
  /** The image as it is now, once the job is done; null when it has been deleted. */
  image: Image | null;
  /** Why it failed. */
  problem: Problem | null;
}

/** Where the picture comes from, as an image has it. */
export interface JobSrc {
  source: "upload" | "url";
  filename?: string;
  url?: string;
}

/** What an event `image` says. */
export interface ImageEvent {
  /** The image's id. */
  id: string;
  change: "stored" | "changed" | "deleted";
}

export interface JobList {
  jobs: Array<Job>;
  /** All that have not begun, listed or not. */
  waiting: number;
  running: number;
}

/** What the cloud cost, and what it may cost today. All sums are exact to a billionth of a dollar. */
export interface Costs {
  currency: "USD";
  /** The day under way, with its limits. */
  today: CostsToday;
  /** One line for each day, provider, model and reason; newest day first, then the dearest. */
  days: Array<CostsDays>;
}

/** The day under way, with its limits. */
export interface CostsToday {
  /** UTC, as all dates here. */
  date: string;
  /** Requests to providers, those under way included. */
  requests: number;
  /** Requests that a day may have. */
  requests_limit: number;
  /** Requests of the last 60 seconds. */
  requests_this_minute: number;
  /** Requests that 60 seconds may have. */
  requests_per_minute_limit: number;
  /** Of finished requests, presumed sums included. */
  spent_usd: number;
  /** The most that requests under way can cost. */
  reserved_usd: number;
  /** What a day may cost. */
  budget_usd: number;
  /** What is left of it. */
  remaining_usd: number;
}

export interface CostsDays {
  date: string;
  /** The provider's name. */
  provider: string;
  /** The model that was asked. */
  model: string;
  /** Why, as in receipts; `shadow` for an experiment's. */
  reason: string;
  /** Requests, retries included. */
  requests: number;
  /** Those that gave a caption. */
  answered: number;
  /** All of it: told, estimated and presumed. */
  cost_usd: number;
  /** The part that follows from the price table, because the provider did not say. */
  estimated_usd: number;
  /** The part of requests that failed or were cut off and may have been billed. */
  presumed_usd: number;
  /** As far as providers told them. */
  input_tokens: number;
  output_tokens: number;
  /** Of one request, in milliseconds. */
  mean_ms: number;
}

/** A mean or a share with its confidence interval of 95 %. */
export interface Estimate {
  /** null where no image had such a figure. */
  value: number | null;
  /** Lower end of the interval; null where there are too few images for one. */
  low: number | null;
  /** Upper end of the interval. */
  high: number | null;
}

/** The experiment that runs, and what it and former ones have shown. */
export interface Experiments {
  running: ExperimentsRunning | null;
  /** By experiment and variant. */
  results: Array<ExperimentsResults>;
}

export interface ExperimentsRunning {
  name: string;
  variants: Array<ExperimentsRunningVariants>;
  /** The variant that captions some of the others' images too, for the comparison alone. */
  shadow: ExperimentsRunningShadow | null;
}

export interface ExperimentsRunningVariants {
  /** `control` goes as the settings say. */
  name: string;
  share_percent: number;
}

export interface ExperimentsRunningShadow {
  variant: string;
  percent: number;
  daily_budget_usd: number;
}

export interface ExperimentsResults {
  experiment: string;
  variant: string;
  /** Captions that were made beside and not stored. */
  is_shadow: boolean;
  /** Images that it captioned. */
  images: number;
  /** Those captioned by a cloud provider. */
  cloud_images: number;
  /** Share of the images that a provider captioned, 0 to 1. */
  cloud_share: Estimate;
  /** Of one image, in US dollars. */
  cost_usd: Estimate;
  /** Of one caption, in milliseconds; a shadow's includes waiting behind uploads. */
  latency_ms: Estimate;
  /** As of images; those without one do not count. */
  confidence: Estimate;
  /** Cosine of picture and caption. */
  clip_score: Estimate;
  /** Of a shadow: cosine of its caption and the one that was stored. */
  agreement: Estimate;
}

/** What the process is made of. */
export interface Health {
  status: "ok";
  /** Of this server. */
  version: string;
  /** Seconds since the start. */
  uptime_s: number;
  models: HealthModels;
  /** Arithmetic of the models. */
  precision: string;
  /** Processor instructions in use. */
  kernel_tier: string;
  /** Better processor instructions that computed wrongly when the server started, and are not used; null when all is well. */
  failed_kernel_tier: string | null;
  /** Threads that compute. */
  threads: number;
  queue: HealthQueue;
  store: HealthStore;
  reindex: Reindex;
  /** The cloud providers, in the order they are asked; empty when every caption is local. */
  cloud: Array<CloudProvider>;
  /** Something a person should know: demo or mock models answered, the query was cut, or pictures have no vector of the model that runs. Absent when there is nothing to say. */
  notice?: string;
}

export interface HealthModels {
  caption: RunningModel;
  embedding: RunningModel;
}

export interface HealthQueue {
  /** Model jobs that wait. */
  depth: number;
  /** Model jobs that may wait. */
  capacity: number;
}

export interface HealthStore {
  /** Where images are remembered. */
  name: string;
  /** How many; null when the store does not answer. */
  images: number | null;
  /** Why the store does not answer. */
  detail?: string;
}

/** The figures that people look at first. Counts are since the start. */
export interface MetricsSummary {
  /** Of this server. */
  version: string;
  /** Seconds since the start. */
  uptime_s: number;
  /** Requests can be served now. */
  is_ready: boolean;
  models: HealthModels;
  /** Arithmetic of the models. */
  precision: string;
  /** Processor instructions in use. */
  kernel_tier: string;
  /** By group: uploads (POST /images and /images/batch), searches, images (all else of /images), other. */
  requests: Record<string, MetricsSummaryRequests>;
  /** Pictures that came, by what became of them: new, known, refused, failed. */
  uploads: Record<string, number>;
  captions: MetricsSummaryCaptions;
  queue: MetricsSummaryQueue;
  store: MetricsSummaryStore;
  /** The cloud providers, in the order they are asked; empty when every caption is local. */
  cloud: Array<CloudProvider>;
  /** Of all servers on this store, for the day (UTC); null without a cloud. */
  cost: MetricsSummaryCost | null;
  /** How long the stages of uploads and searches took. */
  stages: Record<string, MetricsSummaryStages>;
}

export interface MetricsSummaryRequests {
  /** All of them. */
  answered: number;
  /** Of these with a status of 400 to 499. */
  refused: number;
  /** Of these with a status of 500 or more. */
  failed: number;
}

export interface MetricsSummaryCaptions {
  /** By the local models. */
  local: number;
  /** By a cloud provider. */
  cloud: number;
  /** By the reason that decided who makes them. */
  reasons: Record<string, number>;
}

export interface MetricsSummaryQueue {
  /** Model jobs that wait. */
  depth: number;
  /** Model jobs that may wait. */
  capacity: number;
  /** Requests that wait for a thread. */
  requests_waiting: number;
  /** Requests under way. */
  requests_active: number;
  /** Uploads that were accepted (`async=true`) and have not begun. */
  jobs_waiting: number;
  /** Uploads that were accepted and are being done. */
  jobs_running: number;
  /** How many jobs the models took together, on average of the last 512; null before the first. */
  batch_size: number | null;
}

export interface MetricsSummaryStore {
  /** Where images are remembered. */
  name: string;
  /** It answered when it was asked last. */
  is_up: boolean;
  /** How many, when it was up last. */
  images: number;
  /** Connections to PostgreSQL or readers of SQLite in use. */
  connections_in_use: number;
  /** Those that wait for work. */
  connections_idle: number;
  /** The most there may be. */
  connections_max: number;
  /** Vectors of the index in memory. */
  index_vectors: number;
  /** Memory it takes. */
  index_bytes: number;
}

/** Of all servers on this store, for the day (UTC); null without a cloud. */
export interface MetricsSummaryCost {
  /** Spent and reserved. */
  today_usd: number;
  /** What may be spent. */
  budget_usd: number;
  /** What is left. */
  remaining_usd: number;
}

export interface MetricsSummaryStages {
  /** Since the start. */
  count: number;
  /** How many the percentiles are of: the last 512 at most. */
  recent: number;
  /** Half took no longer, in seconds; null without any. */
  p50_s: number | null;
  /** 95 of 100 took no longer. */
  p95_s: number | null;
  /** 99 of 100 took no longer. */
  p99_s: number | null;
}

/** A cloud provider that may caption pictures. */
export interface CloudProvider {
  /** As in receipts. */
  name: string;
  /** The model it is asked for. */
  model: string;
  /** `closed`: it is asked. `open`: it failed too often, or said when to come back, and is left alone. `half_open`: one request finds out whether it is back. */
  breaker: "closed" | "open" | "half_open";
  /** Seconds until it is tried again; 0 unless open. */
  opens_in_s: number;
  /** Since it last answered. */
  failures: number;
  /** Requests under way. */
  in_flight: number;
  /** Requests that the limit of a minute lets through at once. */
  requests_left: number;
  /** What went wrong; null when it answered since. */
  last_failure: string | null;
}

/** Vectors of stored pictures by the search model that runs. After a change of model they are made in the background, and searches use the former model's until all are there. */
export interface Reindex {
  /** `waiting`: the store does not answer; it goes on by itself. `held`: nothing is replaced, because a worse model runs than the one that made the vectors. */
  state: "idle" | "running" | "waiting" | "complete" | "held";
  /** The former model; null when it was the same. */
  from: string | null;
  /** The model that runs. */
  to: string;
  /** Whose vectors searches use now: `from` or `to`. */
  searched: string;
  /** Pictures with a vector of `to`; counted at the start and the end of the work. */
  done: number;
  /** Pictures, counted with them. */
  total: number;
  /** Pictures that cannot get one: their bytes are lost or not readable. The log names them. */
  failed: number;
}

/** The model that writes captions, or makes search vectors. */
export interface RunningModel {
  /** As in the answers' `model` and `embedding_model`. */
  name: string;
  /** `demo`: ships with the program, and knows coloured shapes and simple scenes only. `mock`: its answers are made up. */
  source: "full" | "demo" | "mock";
  /** Its arithmetic: f32, f16 or int8. */
  precision: string;
}

export interface Readiness {
  status: "ready";
}

export interface OpenAiEmbeddingRequest {
  /** A text or picture, or a list of them: at most 2048, with at most 64 pictures. Longer texts than the model reads are cut. */
  input: string | Array<string>;
  /** A name of the embedding model that answers here; it may be left out. */
  model?: string | null;
  /** `base64`: the floats' bytes, least byte first. Without it: float. */
  encoding_format?: "float" | "base64" | null;
  /** `image`: the inputs are pictures, each an http or https address to fetch or a data URI in base64. Without it, an input that begins with `data:image/` is a picture, and any other a text. */
  modality?: "text" | "image" | null;
  /** Vectors cannot be shortened: as many as the model has, or 0. */
  dimensions?: number | null;
  /** Ignored. */
  user?: unknown;
}

export interface OpenAiEmbeddingAnswer {
  object: "list";
  /** One for each input, in their order. */
  data: Array<OpenAiEmbeddingAnswerData>;
  /** The model, with the fingerprint of its weights: vectors of another name are not comparable. */
  model: string;
  usage: OpenAiEmbeddingAnswerUsage;
}

export interface OpenAiEmbeddingAnswerData {
  object: "embedding";
  /** Of the input. */
  index: number;
  /** The vector, of unit length; as base64 where that was asked for. */
  embedding: Array<number> | string;
}

export interface OpenAiEmbeddingAnswerUsage {
  /** Word pieces of the texts; pictures have none. */
  prompt_tokens: number;
  total_tokens: number;
}

export interface OpenAiChatRequest {
  /** A name of the caption model that answers here; it may be left out. */
  model?: string | null;
  /** With exactly one picture, in a part of the type `image_url`. Words beside it are not read. */
  messages: Array<OpenAiChatRequestMessages>;
  /** Answer as server-sent events, which end in `data: [DONE]`. */
  stream?: boolean | null;
  /** With `{"include_usage": true}` the usage is in the last chunk. */
  stream_options?: unknown;
  /** A picture has one caption. */
  n?: 1 | null;
  /** The caption comes as plain text. */
  response_format?: {"type": "text"} | null;
  /** How much the caption may cost. OpenAI's API does not have this. */
  quality?: "fast" | "auto" | "high";
}

export interface OpenAiChatRequestMessages {
  /** Ignored. */
  role?: unknown;
  content?: string | null | Array<OpenAiChatRequestMessagesContent>;
}

export interface OpenAiChatRequestMessagesContent {
  type: string;
  /** Ignored. */
  text?: unknown;
  image_url?: string | OpenAiChatRequestMessagesContentImageUrl;
}

export interface OpenAiChatRequestMessagesContentImageUrl {
  /** An http or https address to fetch, or a data URI in base64. */
  url: string;
}

export interface OpenAiChatAnswer {
  id: string;
  object: "chat.completion";
  /** Seconds since 1970. */
  created: number;
  /** The model that wrote the caption; that of a cloud provider where one did. */
  model: string;
  choices: Array<OpenAiChatAnswerChoices>;
  usage: OpenAiChatAnswerUsage;
  /** What OpenAI's API does not have. */
  imgrouter?: OpenAiChatAnswerImgrouter;
}

export interface OpenAiChatAnswerChoices {
  index: 0;
  message: OpenAiChatAnswerChoicesMessage;
  logprobs?: null;
  finish_reason: "stop";
}

export interface OpenAiChatAnswerChoicesMessage {
  role: "assistant";
  /** The caption. */
  content: string;
  refusal: null;
}

export interface OpenAiChatAnswerUsage {
  prompt_tokens: 0;
  /** Word pieces that the local model wrote; 0 when a cloud provider wrote the caption. */
  completion_tokens: number;
  total_tokens: number;
}

/** What OpenAI's API does not have. */
export interface OpenAiChatAnswerImgrouter {
  /** `local`, `cloud`, or `mock` for mock models. */
  origin: string;
  confidence: number | null;
  /** How well the caption fits the picture: the cosine of their vectors. */
  clip_score: number | null;
  receipt: Receipt;
  /** Something to know about this answer, for people. */
  notice?: string;
}

export interface OpenAiModel {
  /** The name in full; without what is behind `@` it is understood too. */
  id: string;
  object: "model";
  /** When the server began, in seconds since 1970. */
  created: number;
  owned_by: "imgrouter";
  task: "caption" | "embedding";
  /** Demo models know coloured shapes and simple scenes only; mocks make everything up. */
  source: "full" | "demo" | "mock";
}

export interface OpenAiModelList {
  object: "list";
  data: Array<OpenAiModel>;
}

/** What went wrong, as OpenAI's API has it. */
export interface OpenAiError {
  error: OpenAiErrorError;
}

export interface OpenAiErrorError {
  /** A sentence: what is wrong and what to do. */
  message: string;
  type: "invalid_request_error" | "rate_limit_error" | "server_error";
  /** The member that is wrong. */
  param: string | null;
  /** A stable word for programs, for example model_not_found. */
  code: string;
}

export interface ImmichPredictForm {
  /** `{"clip": {"visual": {"modelName": …}}}` with an image, `{"clip": {"textual": {"modelName": …}}}` with a text. */
  entries: string;
  image?: string;
  text?: string;
}

export interface ImmichPredictAnswer {
  /** The vector, of unit length, as JSON in a string. */
  clip: string;
  /** Of a picture, upright. */
  imageHeight?: number;
  imageWidth?: number;
}

export interface WeaviateVectorizeRequest {
  texts?: Array<string> | null;
  /** At most 64; with the texts at most 2048. */
  images?: Array<string> | null;
}

export interface WeaviateVectorizeAnswer {
  /** One for each text, in their order, of unit length. */
  textVectors: Array<Array<number>>;
  /** One for each picture, likewise. */
  imageVectors: Array<Array<number>>;
}

export interface WeaviateMeta {
  /** The embedding model, with the fingerprint of its weights. */
  model: string;
  source: "full" | "demo" | "mock";
  dimensions: number;
  precision: string;
  /** Of imgrouter. */
  version: string;
}

export interface WeaviateError {
  /** A sentence: what is wrong and what to do. */
  error: string;
}

export interface PhotoPrismCaptionRequest {
  /** Comes back in the answer. */
  id?: string | null;
  /** A name of the caption model that answers here, with or without `:version`; it may be left out or empty. */
  model?: string | null;
  /** Ignored. */
  version?: unknown;
  /** Ignored. */
  prompt?: unknown;
  /** A data URI, base64, or an http or https address to fetch. */
  images?: Array<string> | null;
  /** In place of `images`: an http or https address to fetch, or a data URI. */
  url?: string | null;
}

export interface PhotoPrismCaptionAnswer {
  id: string;
  code: 200;
  model: PhotoPrismCaptionAnswerModel;
  result: PhotoPrismCaptionAnswerResult;
}

export interface PhotoPrismCaptionAnswerModel {
  type: "caption";
  /** The model that wrote the caption. */
  name: string;
  version: string;
}

export interface PhotoPrismCaptionAnswerResult {
  caption: PhotoPrismCaptionAnswerResultCaption;
}

export interface PhotoPrismCaptionAnswerResultCaption {
  text: string;
  source: "image";
  confidence?: number;
}

export interface PhotoPrismError {
  id: string;
  /** The HTTP status. */
  code: number;
  /** A sentence: what is wrong and what to do. */
  error: string;
}

/** A JSON-RPC 2.0 message of the Model Context Protocol. Revision 2025-03-26 also takes a list of up to 32 of them, and answers a list. */
export interface McpMessage {
  jsonrpc: "2.0";
  /** Absent in notifications. */
  id?: string | number;
  /** `initialize`, `server/discover`, `ping`, `tools/list`, `tools/call`, `resources/list`, `resources/templates/list` or `resources/read`. */
  method: string;
  /** Named values. */
  params?: Record<string, unknown>;
}

/** What went wrong, as RFC 9457 has it. */
export interface Problem {
  /** Always about:blank: the status says it all. */
  type?: string;
  /** The status in words. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** A sentence: what is wrong and what to do. */
  detail: string;
  /** A stable word for programs, for example too_large. */
  code?: string;
  /** As in the header X-Request-Id and in the server's log. */
  request_id?: string;
  /** Of /readyz only: the part that is not ready. */
  failing?: "store" | "stopping";
}

/** What is wrong with the request. */
export interface FieldProblem {
  /** Always about:blank: the status says it all. */
  type?: string;
  /** The status in words. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** A sentence: what is wrong and what to do. */
  detail: string;
  /** A stable word for programs, for example too_large. */
  code?: string;
  /** As in the header X-Request-Id and in the server's log. */
  request_id?: string;
  /** The fields to blame, where single ones are. */
  errors?: Array<FieldProblemErrors>;
}

export interface FieldProblemErrors {
  /** Where: body or query, and the name. */
  loc: Array<string>;
  /** What is wrong with it. */
  msg: string;
  /** A stable word for programs. */
  type: string;
}
