#include "api/experiments_json.h"

#include "api/json_answer.h"

enum { USD_DECIMALS = 12, MS_DECIMALS = 3, SCORE_DECIMALS = 6 };

static json_t *estimate_json(const struct estimate *estimate, int decimals) {
    return json_pack("{s:o, s:o, s:o}",                                 //
                     "value", json_rounded(estimate->value, decimals),  //
                     "low", json_rounded(estimate->low, decimals),      //
                     "high", json_rounded(estimate->high, decimals));
}

json_t *experiment_line_json(const struct experiment_line *line) {
    return json_pack("{s:o, s:o, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}",         //
                     "experiment", json_text(line->experiment),                         //
                     "variant", json_text(line->variant),                               //
                     "is_shadow", (int)line->is_shadow,                                 //
                     "images", (json_int_t)line->images,                                //
                     "cloud_images", (json_int_t)line->cloud_images,                    //
                     "cloud_share", estimate_json(&line->cloud_share, SCORE_DECIMALS),  //
                     "cost_usd", estimate_json(&line->cost_usd, USD_DECIMALS),          //
                     "latency_ms", estimate_json(&line->latency_ms, MS_DECIMALS),       //
                     "confidence", estimate_json(&line->confidence, SCORE_DECIMALS),    //
                     "clip_score", estimate_json(&line->clip_score, SCORE_DECIMALS),    //
                     "agreement", estimate_json(&line->agreement, SCORE_DECIMALS));
}
