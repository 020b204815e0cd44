// From settings to a service that takes pictures in: the store, the models, and what is between.
#pragma once

#include "cli/settings.h"
#include "engine/engine.h"
#include "observe/metrics.h"
#include "service/relevance.h"
#include "service/service.h"
#include "store/blob_folder.h"
#include "store/store.h"

struct service_parts {
    struct engine *engine;
    struct store *store;
    struct blob_folder *blobs;
    struct metrics *metrics;
    struct relevance *relevance;    // NULL where nobody searches, and pictures get no tags
    struct label_list labels;       // empty: pictures get no tags
    struct tagger *tagger;          // of them; NULL likewise
    struct ledger *ledger;          // of what the cloud costs
    struct cloud *cloud;            // NULL: every caption is local
    struct experiment *experiment;  // that runs; NULL: none
    struct service *service;
};

// Begin with a struct of zeros, open the storage, then the rest. The store comes first, so that
// another process that has it is found before models are loaded. On failure too:
// service_parts_close.
bool service_parts_open_storage(struct service_parts *parts, const struct settings *settings,
                                struct error *err);
// Needs parts->engine, and parts->relevance for searches; makes that for tags where it is not
// there.
bool service_parts_open_service(struct service_parts *parts, const struct settings *settings,
                                struct error *err);
void service_parts_close(struct service_parts *parts);
