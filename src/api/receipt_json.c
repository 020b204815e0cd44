#include "api/receipt_json.h"

#include "api/json_answer.h"

enum { MS_DECIMALS = 3, SCORE_DECIMALS = 6 };

json_t *confidence_json(double confidence) {
    return confidence < 0 ? json_null() : json_rounded(confidence, SCORE_DECIMALS);
}

json_t *receipt_json_create(const struct image_record *record) {
    const struct receipt *receipt = &record->receipt;
    if (receipt->reason[0] == '\0') return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:{s:o, s:o, s:o}}",  //
                     "origin", json_text(record->origin),                                      //
                     "provider", json_text(receipt->provider),                                 //
                     "model", json_text(record->caption_model),                                //
                     "confidence", confidence_json(record->confidence),                        //
                     "reason", json_text(receipt->reason),                                     //
                     "detail", json_text(receipt->words),                                      //
                     "variant",
                     receipt->variant[0] == '\0' ? json_null() : json_text(receipt->variant),  //
                     "cost_usd", json_usd(receipt->cost_nano_usd),                             //
                     "cost_is_estimated", (int)receipt->is_cost_estimated,                     //
                     "cache_hit", (int)receipt->is_cached,                                     //
                     "timings",                                                                //
                     "local_ms", json_rounded(receipt->local_ms, MS_DECIMALS),                 //
                     "cloud_ms", json_rounded(receipt->cloud_ms, MS_DECIMALS),                 //
                     "route_ms", json_rounded(receipt->route_ms, MS_DECIMALS));
}
