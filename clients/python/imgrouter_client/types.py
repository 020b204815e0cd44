"""The server's answers. Written by clients/generate_types.py; do not change by hand."""
from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Image(TypedDict):
    """A stored image."""

    id: str
    caption: str
    tags: list[str]
    tags_origin: Literal["model", "user"] | None
    origin: str
    confidence: float | None
    clip_score: float | None
    model: str
    embedding_model: str
    payload: ImagePayload
    width: int
    height: int
    mime: str
    size_bytes: int
    sha256: str
    created_at: str
    receipt: Receipt | None
    notice: NotRequired[str]


class ImagePayload(TypedDict):
    src: ImagePayloadSrc1 | ImagePayloadSrc2


class ImagePayloadSrc1(TypedDict):
    source: Literal["upload"]
    filename: str


class ImagePayloadSrc2(TypedDict):
    source: Literal["url"]
    url: str


class Receipt(TypedDict):
    """How a caption came about."""

    origin: str
    provider: str
    model: str
    confidence: float | None
    reason: str
    detail: str
    variant: str | None
    cost_usd: float
    cost_is_estimated: bool
    cache_hit: bool
    timings: ReceiptTimings


class ReceiptTimings(TypedDict):
    """Where the caption's time went."""

    local_ms: float
    cloud_ms: float
    route_ms: float


class Upload(TypedDict):
    """The answer to an upload."""

    id: str
    caption: str
    tags: list[str]
    tags_origin: Literal["model", "user"] | None
    origin: str
    confidence: float | None
    clip_score: float | None
    model: str
    embedding_model: str
    payload: ImagePayload
    width: int
    height: int
    mime: str
    size_bytes: int
    sha256: str
    created_at: str
    receipt: Receipt | None
    duplicates: Duplicates
    was_known: bool
    timings: UploadTimings
    notice: NotRequired[str]


class UploadTimings(TypedDict):
    """Where the time went; zeros when the image was known."""

    decode_ms: float
    queue_ms: float
    batch_size: int
    preprocess_ms: float
    caption_vision_ms: float
    caption_decode_ms: float
    embedding_ms: float
    store_ms: float
    total_ms: float


class BatchPlace(TypedDict):
    """Which picture of the request a result is of."""

    index: int
    filename: NotRequired[str]
    url: NotRequired[str]


class BatchAnswer(TypedDict):
    """The answer to a batch: a result for each picture, in the order sent."""

    results: list[BatchAnswerResults1 | BatchAnswerResults2]
    stored: int
    known: int
    failed: int


class BatchAnswerResults1(TypedDict):
    """What an upload of it would answer."""

    id: str
    caption: str
    tags: list[str]
    tags_origin: Literal["model", "user"] | None
    origin: str
    confidence: float | None
    clip_score: float | None
    model: str
    embedding_model: str
    payload: ImagePayload
    width: int
    height: int
    mime: str
    size_bytes: int
    sha256: str
    created_at: str
    receipt: Receipt | None
    duplicates: Duplicates
    was_known: bool
    timings: UploadTimings
    notice: NotRequired[str]
    index: int
    filename: NotRequired[str]
    url: NotRequired[str]


class BatchAnswerResults2(TypedDict):
    """Why it is not stored."""

    index: int
    filename: NotRequired[str]
    url: NotRequired[str]
    problem: Problem


class Duplicates(TypedDict):
    """Images that are this one again, in three tiers; an image is in the strongest that holds."""

    same_bytes: list[str]
    same_picture: list[DuplicatesSamePicture]
    same_meaning: list[DuplicatesSameMeaning]


class DuplicatesSamePicture(TypedDict):
    id: str
    distance: int


class DuplicatesSameMeaning(TypedDict):
    id: str
    score: float


class DuplicatesAnswer(TypedDict):
    """The duplicates of a stored image."""

    id: str
    duplicates: Duplicates


class ImageChange(TypedDict):
    """What to change of an image."""

    caption: NotRequired[str]
    tags: NotRequired[list[str]]


class ImagePage(TypedDict):
    """A page of the list of images."""

    images: list[Image]
    next_cursor: str | None
    notice: NotRequired[str]


class Match(TypedDict):
    """An image that was found."""

    id: str
    caption: str
    tags: list[str]
    tags_origin: Literal["model", "user"] | None
    origin: str
    confidence: float | None
    clip_score: float | None
    model: str
    embedding_model: str
    payload: ImagePayload
    width: int
    height: int
    mime: str
    size_bytes: int
    sha256: str
    created_at: str
    receipt: Receipt | None
    score: float | None
    relevance: NotRequired[float]
    notice: NotRequired[str]


class SearchAnswer(TypedDict):
    """What a search found."""

    query: str | None
    image_id: NotRequired[str]
    results: list[Match]
    next_cursor: str | None
    reason: NotRequired[str]
    model: str
    timings: SearchAnswerTimings
    notice: NotRequired[str]


class SearchAnswerTimings(TypedDict):
    embed_ms: float
    queue_ms: float
    batch_size: int
    store_ms: float
    total_ms: float


class Job(TypedDict):
    """An upload that was accepted with async=true."""

    id: str
    state: Literal["queued", "running", "done", "failed"]
    stage: Literal["fetch", "decode", "caption", "store"] | None
    priority: Literal["bulk", "interactive"]
    created_at: str
    started_at: str | None
    finished_at: str | None
    attempts: int
    src: JobSrc
    was_known: bool
    image: Image | None
    problem: Problem | None


class JobSrc(TypedDict):
    """Where the picture comes from, as an image has it."""

    source: Literal["upload", "url"]
    filename: NotRequired[str]
    url: NotRequired[str]


class ImageEvent(TypedDict):
    """What an event `image` says."""

    id: str
    change: Literal["stored", "changed", "deleted"]


class JobList(TypedDict):
    jobs: list[Job]
    waiting: int
    running: int


class Costs(TypedDict):
    """What the cloud cost, and what it may cost today. All sums are exact to a billionth of a dollar."""

    currency: Literal["USD"]
    today: CostsToday
    days: list[CostsDays]


class CostsToday(TypedDict):
    """The day under way, with its limits."""

    date: str
    requests: int
    requests_limit: int
    requests_this_minute: int
    requests_per_minute_limit: int
    spent_usd: float
    reserved_usd: float
    budget_usd: float
    remaining_usd: float


class CostsDays(TypedDict):
    date: str
    provider: str
    model: str
    reason: str
    requests: int
    answered: int
    cost_usd: float
    estimated_usd: float
    presumed_usd: float
    input_tokens: int
    output_tokens: int
    mean_ms: float


class Estimate(TypedDict):
    """A mean or a share with its confidence interval of 95 %."""

    value: float | None
    low: float | None
    high: float | None


class Experiments(TypedDict):
    """The experiment that runs, and what it and former ones have shown."""

    running: ExperimentsRunning | None
    results: list[ExperimentsResults]


class ExperimentsRunning(TypedDict):
    name: str
    variants: list[ExperimentsRunningVariants]
    shadow: ExperimentsRunningShadow | None


class ExperimentsRunningVariants(TypedDict):
    name: str
    share_percent: int


class ExperimentsRunningShadow(TypedDict):
    variant: str
    percent: int
    daily_budget_usd: float


class ExperimentsResults(TypedDict):
    experiment: str
    variant: str
    is_shadow: bool
    images: int
    cloud_images: int
    cloud_share: Estimate
    cost_usd: Estimate
    latency_ms: Estimate
    confidence: Estimate
    clip_score: Estimate
    agreement: Estimate


class Health(TypedDict):
    """What the process is made of."""

    status: Literal["ok"]
    version: str
    uptime_s: float
    models: HealthModels
    precision: str
    kernel_tier: str
    failed_kernel_tier: str | None
    threads: int
    queue: HealthQueue
    store: HealthStore
    reindex: Reindex
    cloud: list[CloudProvider]
    notice: NotRequired[str]


class HealthModels(TypedDict):
    caption: RunningModel
    embedding: RunningModel


class HealthQueue(TypedDict):
    depth: int
    capacity: int


class HealthStore(TypedDict):
    name: str
    images: int | None
    detail: NotRequired[str]


class MetricsSummary(TypedDict):
    """The figures that people look at first. Counts are since the start."""

    version: str
    uptime_s: float
    is_ready: bool
    models: HealthModels
    precision: str
    kernel_tier: str
    requests: dict[str, MetricsSummaryRequests]
    uploads: dict[str, int]
    captions: MetricsSummaryCaptions
    queue: MetricsSummaryQueue
    store: MetricsSummaryStore
    cloud: list[CloudProvider]
    cost: MetricsSummaryCost | None
    stages: dict[str, MetricsSummaryStages]


class MetricsSummaryRequests(TypedDict):
    answered: int
    refused: int
    failed: int


class MetricsSummaryCaptions(TypedDict):
    local: int
    cloud: int
    reasons: dict[str, int]


class MetricsSummaryQueue(TypedDict):
    depth: int
    capacity: int
    requests_waiting: int
    requests_active: int
    jobs_waiting: int
    jobs_running: int
    batch_size: float | None


class MetricsSummaryStore(TypedDict):
    name: str
    is_up: bool
    images: int
    connections_in_use: int
    connections_idle: int
    connections_max: int
    index_vectors: int
    index_bytes: int


class MetricsSummaryCost(TypedDict):
    """Of all servers on this store, for the day (UTC); null without a cloud."""

    today_usd: float
    budget_usd: float
    remaining_usd: float


class MetricsSummaryStages(TypedDict):
    count: int
    recent: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None


class CloudProvider(TypedDict):
    """A cloud provider that may caption pictures."""

    name: str
    model: str
    breaker: Literal["closed", "open", "half_open"]
    opens_in_s: float
    failures: int
    in_flight: int
    requests_left: int
    last_failure: str | None


Reindex = TypedDict("Reindex", {
    "state": 'Literal["idle", "running", "waiting", "complete", "held"]',
    "from": 'str | None',
    "to": 'str',
    "searched": 'str',
    "done": 'int',
    "total": 'int',
    "failed": 'int',
})


class RunningModel(TypedDict):
    """The model that writes captions, or makes search vectors."""

    name: str
    source: Literal["full", "demo", "mock"]
    precision: str


class Readiness(TypedDict):
    status: Literal["ready"]


class OpenAiEmbeddingRequest(TypedDict):
    input: str | list[str]
    model: NotRequired[str | None]
    encoding_format: NotRequired[Literal["float", "base64"] | None]
    modality: NotRequired[Literal["text", "image"] | None]
    dimensions: NotRequired[int | None]
    user: NotRequired[object]


class OpenAiEmbeddingAnswer(TypedDict):
    object: Literal["list"]
    data: list[OpenAiEmbeddingAnswerData]
    model: str
    usage: OpenAiEmbeddingAnswerUsage


class OpenAiEmbeddingAnswerData(TypedDict):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class OpenAiEmbeddingAnswerUsage(TypedDict):
    prompt_tokens: int
    total_tokens: int


class OpenAiChatRequest(TypedDict):
    model: NotRequired[str | None]
    messages: list[OpenAiChatRequestMessages]
    stream: NotRequired[bool | None]
    stream_options: NotRequired[object]
    n: NotRequired[Literal[1] | None]
    response_format: NotRequired[Literal[{"type": "text"}] | None]
    quality: NotRequired[Literal["fast", "auto", "high"]]


class OpenAiChatRequestMessages(TypedDict):
    role: NotRequired[object]
    content: NotRequired[str | None | list[OpenAiChatRequestMessagesContent]]


class OpenAiChatRequestMessagesContent(TypedDict):
    type: str
    text: NotRequired[object]
    image_url: NotRequired[str | OpenAiChatRequestMessagesContentImageUrl]


class OpenAiChatRequestMessagesContentImageUrl(TypedDict):
    url: str


class OpenAiChatAnswer(TypedDict):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[OpenAiChatAnswerChoices]
    usage: OpenAiChatAnswerUsage
    imgrouter: NotRequired[OpenAiChatAnswerImgrouter]


class OpenAiChatAnswerChoices(TypedDict):
    index: Literal[0]
    message: OpenAiChatAnswerChoicesMessage
    logprobs: NotRequired[None]
    finish_reason: Literal["stop"]


class OpenAiChatAnswerChoicesMessage(TypedDict):
    role: Literal["assistant"]
    content: str
    refusal: None


class OpenAiChatAnswerUsage(TypedDict):
    prompt_tokens: Literal[0]
    completion_tokens: int
    total_tokens: int


class OpenAiChatAnswerImgrouter(TypedDict):
    """What OpenAI's API does not have."""

    origin: str
    confidence: float | None
    clip_score: float | None
    receipt: Receipt
    notice: NotRequired[str]


class OpenAiModel(TypedDict):
    id: str
    object: Literal["model"]
    created: int
    owned_by: Literal["imgrouter"]
    task: Literal["caption", "embedding"]
    source: Literal["full", "demo", "mock"]


class OpenAiModelList(TypedDict):
    object: Literal["list"]
    data: list[OpenAiModel]


class OpenAiError(TypedDict):
    """What went wrong, as OpenAI's API has it."""

    error: OpenAiErrorError


class OpenAiErrorError(TypedDict):
    message: str
    type: Literal["invalid_request_error", "rate_limit_error", "server_error"]
    param: str | None
    code: str


class ImmichPredictForm(TypedDict):
    entries: str
    image: NotRequired[str]
    text: NotRequired[str]


class ImmichPredictAnswer(TypedDict):
    clip: str
    imageHeight: NotRequired[int]
    imageWidth: NotRequired[int]


class WeaviateVectorizeRequest(TypedDict):
    texts: NotRequired[list[str] | None]
    images: NotRequired[list[str] | None]


class WeaviateVectorizeAnswer(TypedDict):
    textVectors: list[list[float]]
    imageVectors: list[list[float]]


class WeaviateMeta(TypedDict):
    model: str
    source: Literal["full", "demo", "mock"]
    dimensions: int
    precision: str
    version: str


class WeaviateError(TypedDict):
    error: str


class PhotoPrismCaptionRequest(TypedDict):
    id: NotRequired[str | None]
    model: NotRequired[str | None]
    version: NotRequired[object]
    prompt: NotRequired[object]
    images: NotRequired[list[str] | None]
    url: NotRequired[str | None]


class PhotoPrismCaptionAnswer(TypedDict):
    id: str
    code: Literal[200]
    model: PhotoPrismCaptionAnswerModel
    result: PhotoPrismCaptionAnswerResult


class PhotoPrismCaptionAnswerModel(TypedDict):
    type: Literal["caption"]
    name: str
    version: str


class PhotoPrismCaptionAnswerResult(TypedDict):
    caption: PhotoPrismCaptionAnswerResultCaption


class PhotoPrismCaptionAnswerResultCaption(TypedDict):
    text: str
    source: Literal["image"]
    confidence: NotRequired[float]


class PhotoPrismError(TypedDict):
    id: str
    code: int
    error: str


class McpMessage(TypedDict):
    """A JSON-RPC 2.0 message of the Model Context Protocol. Revision 2025-03-26 also takes a list of up to 32 of them, and answers a list."""

    jsonrpc: Literal["2.0"]
    id: NotRequired[str | int]
    method: str
    params: NotRequired[dict[str, Any]]


class Problem(TypedDict):
    """What went wrong, as RFC 9457 has it."""

    type: NotRequired[str]
    title: str
    status: int
    detail: str
    code: NotRequired[str]
    request_id: NotRequired[str]
    failing: NotRequired[Literal["store", "stopping"]]


class FieldProblem(TypedDict):
    """What is wrong with the request."""

    type: NotRequired[str]
    title: str
    status: int
    detail: str
    code: NotRequired[str]
    request_id: NotRequired[str]
    errors: NotRequired[list[FieldProblemErrors]]


class FieldProblemErrors(TypedDict):
    loc: list[str]
    msg: str
    type: str
