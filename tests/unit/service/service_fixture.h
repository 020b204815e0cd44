// A service on fakes: engine and network are fake, the store is in memory, the blob folder, the
// decoders and the metrics are real.
#pragma once

#include "fake_engine.h"
#include "fake_fetch.h"
#include "service/service.h"
#include "store_fixture.h"

enum { PICTURE_SIZE = 35 };

struct service_fixture {
    struct test_folder folder;
    struct service_options options;
    struct service *service;
};

// For cmocka; *state becomes the fixture.
int service_fixture_setup(void **state);
int service_fixture_teardown(void **state);
// Makes the service anew after a change of options.
void service_fixture_restart(struct service_fixture *fixture);

// A GIF of one pixel of this colour: another colour is another picture.
void picture_of(int red, int green, int blue, unsigned char picture[static PICTURE_SIZE]);
// A valid PNG of 3x2 pixels.
extern const unsigned char small_png[];
extern const size_t small_png_size;
// A black PNG of any size in few bytes; the caller frees with memory_free.
unsigned char *black_png_create(unsigned width, unsigned height, size_t *size);

// Uploads that picture and fails the test when that fails.
struct ingest_result upload_colour(struct service_fixture *fixture, int red, int green, int blue);

size_t stored_images(const struct service_fixture *fixture);
size_t stored_blobs(const struct service_fixture *fixture);
double counted(const struct service_fixture *fixture, enum metric metric, const char *label);
// Pictures that came as bytes and from addresses together.
double counted_uploads(const struct service_fixture *fixture, const char *result);
