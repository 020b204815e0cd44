#include <stdio.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/engine_setup.h"
#include "cli/json_line.h"

static void print_embedding(const char *input, const struct embedding *embedding, const char *model,
                            double ms, bool is_json) {
    if (is_json) {
        json_line_print(json_pack(
            "{s:o, s:o, s:s, s:f}", "input", json_line_text(input), "embedding",
            json_line_numbers(embedding->values, embedding->width), "model", model, "ms", ms));
        return;
    }
    (void)printf("%s:", input);
    for (size_t i = 0; i < embedding->width; i++)
        (void)printf(" %.9g", (double)embedding->values[i]);
    (void)putchar('\n');
    (void)fflush(stdout);
}

static bool embed_word(struct engine *engine, const struct settings *settings, const char *word,
                       struct error *err) {
    struct embedding embedding;
    bool is_done;
    int64_t started = clock_monotonic_ns();
    if (settings->is_text) {
        is_done = engine_embed_text(engine, word, QUEUE_INTERACTIVE, &embedding, NULL, NULL, err);
    } else {
        struct prepared_image image;
        is_done = picture_file_prepare(engine, settings, word, IMAGE_FOR_EMBEDDING, &image, err) &&
                  engine_embed_image(engine, &image, QUEUE_INTERACTIVE, &embedding, NULL, err);
        prepared_image_clear(&image);
    }
    if (is_done)
        print_embedding(word, &embedding, engine_info(engine)->embedding_model,
                        clock_ms_since(started), settings->is_json);
    return is_done;
}

int command_embed(const struct command_input *input) {
    struct error err = {0};
    if (input->word_count == 0) {
        error_set(&err, ERROR_USAGE,
                  "name at least one picture, or --text and at least one text: imgrouter embed "
                  "--text \"a red car\"");
        return command_fail(&err);
    }
    struct engine *engine = engine_setup_create(input->settings, false, true, &err);
    if (engine == NULL) return command_fail(&err);
    int exit_code = 0;
    for (size_t i = 0; i < input->word_count; i++) {
        // One bad file does not stop the others.
        error_clear(&err);
        if (!embed_word(engine, input->settings, input->words[i], &err))
            exit_code = command_fail(&err);
    }
    engine_destroy(engine);
    return exit_code;
}
