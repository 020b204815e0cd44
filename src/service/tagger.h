// Tags without training: a picture gets those of a list of words that its vector fits clearly
// better than unrelated captions do (relevance.h). docs/tags.md has how well that tells.
#pragma once

#include "base/error.h"
#include "engine/engine.h"
#include "service/label_list.h"
#include "service/relevance.h"

struct tagger;

// A word fits when its relevance reaches this: it describes the picture 24 times as well as the
// bank's average caption. docs/tags.md has what other numbers do.
#define TAG_RELEVANCE 0.75F
// The best ones only: more would be a caption in pieces.
enum { TAGS_OF_MODEL_MAX = 8 };

// Begins to make the labels' vectors in the background. All three are borrowed. Errors:
// ERROR_INTERNAL.
struct tagger *tagger_create(struct engine *engine, struct relevance *relevance,
                             const struct label_list *labels, struct error *err);
void tagger_destroy(struct tagger *tagger);  // takes NULL

// Adds the tags of a picture's vector to those that are there already, the best first. Waits for
// the labels' vectors. Any thread.
bool tagger_add(struct tagger *tagger, const struct embedding *picture,
                char tags[static STORE_TAGS_SIZE], struct error *err);
