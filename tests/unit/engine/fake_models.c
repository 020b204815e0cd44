#include "fake_models.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>

// Written by the worker only; the semaphores and the jobs' mutexes order it before the test's eyes.
static char diary[4096];
static sem_t held, let_go;

static void note(const char *text) {
    (void)snprintf(diary + strlen(diary), sizeof diary - strlen(diary), "%s", text);
}

static void note_picture(const struct prepared_image *image) {
    char text[16];
    (void)snprintf(text, sizeof text, " %d", image->hash[0]);
    note(text);
}

static void hold(void) {
    (void)sem_post(&held);
    (void)sem_wait(&let_go);
}

void fake_models_reset(void) {
    diary[0] = '\0';
    (void)sem_init(&held, 0, 0);
    (void)sem_init(&let_go, 0, 0);
}

void fake_models_await_hold(void) { (void)sem_wait(&held); }

void fake_models_let_go(void) { (void)sem_post(&let_go); }

const char *fake_models_diary(void) { return diary; }

struct models *models_load(const struct engine_options *options, struct engine_info *info,
                           struct error *err) {
    (void)options, (void)err;
    *info = (struct engine_info){.embedding_width = 1};
    return (struct models *)diary;  // opaque: only the functions below look at it
}

void models_destroy(struct models *models) { (void)models; }

bool models_prepare_image(const struct models *models, const void *bytes, size_t size,
                          const struct image_limits *limits, enum image_use use,
                          struct prepared_image *image, struct image_info *info,
                          struct error *err) {
    (void)models, (void)bytes, (void)size, (void)limits, (void)use, (void)image, (void)info;
    return error_set(err, ERROR_INTERNAL, "not asked of the fake models");
}

void models_embed_texts(struct models *models, struct text_member *members, size_t count) {
    (void)models;
    note("texts");
    for (size_t i = 0; i < count; i++) {
        note(" ");
        note(members[i].text);
        if (strcmp(members[i].text, FAKE_BAD) == 0)
            error_set(&members[i].error, ERROR_INVALID, "a bad text");
    }
    note("; ");
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].text, FAKE_HOLD) == 0) hold();
}

void models_embed_pictures(struct models *models, struct picture_member *members, size_t count) {
    (void)models;
    note("vectors");
    for (size_t i = 0; i < count; i++) note_picture(members[i].image);
    note("; ");
}

void models_write_captions(struct models *models, struct caption_member *members, size_t count,
                           struct engine_timings *timings) {
    (void)models, (void)timings;
    note("captions");
    for (size_t i = 0; i < count; i++) {
        note_picture(members[i].image);
        members[i].caption->text[0] = '\0';
    }
    note("; ");
    for (size_t i = 0; i < count; i++)
        if (members[i].image->hash[0] == FAKE_HOLD_HASH) hold();
}

float models_similarity(const struct models *models, const struct embedding *a,
                        const struct embedding *b) {
    (void)models, (void)a, (void)b;
    return 0;
}
