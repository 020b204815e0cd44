// Why a caption comes from where it does: every reason, once. The codes are stable: receipts,
// /costs, metrics and experiments carry them.
//
//   REASON(id, code, what it means)
//
// Included where the list is needed, with REASON defined.
REASON(LOCAL_SURE, "local_sure", "the local caption is good enough")
REASON(NO_PROVIDER, "no_provider", "no cloud provider is configured")
REASON(QUALITY_FAST, "quality_fast", "the caller asked for the local caption")
REASON(QUALITY_HIGH, "quality_high", "the caller asked for the best caption")
REASON(LOW_CONFIDENCE, "low_confidence", "the local model is not sure of its words")
REASON(LOW_CLIP_SCORE, "low_clip_score", "the local caption does not fit the picture")
REASON(REPETITION, "repetition", "the local caption repeats itself")
REASON(LATENCY_BUDGET, "latency_budget", "the local caption would come too late")
REASON(OVER_BUDGET, "over_budget", "the cloud is wanted, but the day's budget does not allow it")
REASON(RATE_LIMITED, "rate_limited", "the cloud is wanted, but as many requests are made as may be")
REASON(CLOUD_AWAY, "cloud_away", "the cloud is wanted, but no provider can be asked now")
REASON(CLOUD_FAILED, "cloud_failed", "the cloud was asked and did not give a caption")
