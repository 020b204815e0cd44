// Counts what the service does; every call does nothing when the service was given no metrics.
#pragma once

#include "service/service.h"

void stage_metrics_upload(struct service *service, enum image_source source, bool is_done,
                          const struct error *err, const struct ingest_result *result);
// A caption that was made, and the work it took.
void stage_metrics_caption(struct service *service, const struct ingest_result *result);
void stage_metrics_duplicates_dropped(struct service *service);
// A vector that was made and is not stored.
void stage_metrics_embedding(struct service *service, double decode_ms,
                             const struct engine_timings *timings);
void stage_metrics_search(struct service *service, double decode_ms,
                          const struct search_timings *timings);
