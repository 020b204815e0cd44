// The store of store.h in a Qdrant server (1.8 or newer), over REST.
//
// Collections, NAME being the option `collection`:
//   NAME_images        a point an image: its record as payload (qdrant_record.h). An image exists
//   when
//                      its point is here. Its vector "hash" is the perceptual hash, a dimension a
//                      bit, so that Manhattan distance counts the bits that differ.
//   NAME_vectors_HEX   a point an image that has a vector in this space: cosine, quantised to 8
//   bits
//                      for the search, and what filters look at. HEX follows from the space's name.
//   NAME_spaces        a point a space: its name and width; and one that tells the active space.
//
// Qdrant has no transactions over collections. A write therefore goes by steps, of which one
// decides: an image's vector is written before its point, so an image never stands there without
// one, and a vector without an image is found by nobody. What several collections have of an image
// that is there already is changed under a mark on its point, "pending"; a mark that a crash left
// is found at the next start and the work done to its end. One server process writes to a NAME at a
// time.
//
// Cosine makes vectors unit length: those that are come back to within 1e-6.
// A search by words scores at most 10,000 images: those with all words first, then those with the
// rarest.
#pragma once

#include "store/store.h"

struct qdrant_options {
    const char *url;      // "http://127.0.0.1:6333"
    const char *api_key;  // NULL or empty: none
    const char
        *collection;  // what the names of the collections begin with; letters, digits, - and _
    bool is_reader;   // makes no collections; the first look tells when there are none
};

// Does not wait for the server: it may come later, and go and come back; operations answer
// ERROR_UNAVAILABLE until then. Copies the options. ERROR_USAGE: one of them is not usable.
struct store *qdrant_store_create(const struct qdrant_options *options, struct error *err);
