// The first request of a process pays for what the later ones find ready: weights that are read
// from disk, memory that is touched for the first time, threads that have not run yet. A server
// pays before it says that it listens.
#include "base/memory.h"
#include "engine/engine.h"
#include "engine/sample_pictures.h"
#include "image/thumbnail.h"

enum { SAMPLE = SAMPLE_PICTURES - 1 };  // the one that is drawn fastest

bool engine_warm_up(struct engine *engine, struct error *err) {
    struct pixels pixels = {0};
    struct prepared_image image = {0};
    struct image_info info;
    struct description description;
    struct embedding embedding;
    uint8_t *file = NULL;
    size_t size;
    bool is_done = sample_picture_draw(SAMPLE, &pixels, err) &&
                   (file = thumbnail_jpeg_create(&pixels, pixels.width, &size, err)) != NULL &&
                   engine_prepare_image(engine, file, size, &image_limits_default, IMAGE_FOR_BOTH,
                                        &image, &info, err) &&
                   engine_describe_image(engine, &image, QUEUE_INTERACTIVE, &description, err) &&
                   engine_embed_text(engine, "a dog on a beach in summer", QUEUE_INTERACTIVE,
                                     &embedding, NULL, NULL, err);
    prepared_image_clear(&image);
    pixels_clear(&pixels);
    memory_free(file);
    return is_done || error_wrap(err, "trying the models on a sample picture");
}
