#include <stdio.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/engine_setup.h"
#include "cli/json_line.h"
#include "cli/terminal_picture.h"

static void print_caption(const char *file, const struct caption *caption, const char *model,
                          double ms, bool is_json) {
    if (!is_json) {
        terminal_print(stdout, COLOUR_FAINT, file);
        (void)printf(": ");
        terminal_print(stdout, COLOUR_PLAIN, caption->text);
        (void)printf("\n");
        (void)fflush(stdout);
        return;
    }
    json_line_print(json_pack(
        "{s:o, s:o, s:f, s:o, s:o, s:s, s:f}", "file", json_line_text(file), "caption",
        json_line_text(caption->text), "confidence", (double)caption->confidence, "token_ids",
        json_line_ids(caption->token_ids, caption->token_count), "token_probs",
        json_line_numbers(caption->token_probabilities, caption->token_count), "model", model, "ms",
        ms));
}

static bool caption_file(struct engine *engine, const struct settings *settings,
                         const struct terminal *terminal, const char *file, struct error *err) {
    struct prepared_image image;
    struct caption caption;
    int64_t started = clock_monotonic_ns();
    bool is_done = picture_file_prepare(engine, settings, file, IMAGE_FOR_CAPTION, &image, err) &&
                   engine_caption_image(engine, &image, QUEUE_INTERACTIVE, &caption, NULL, err);
    prepared_image_clear(&image);
    if (!is_done) return false;
    print_caption(file, &caption, engine_info(engine)->caption_model, clock_ms_since(started),
                  settings->is_json);
    struct image_limits limits = picture_limits(settings);
    terminal_picture_print_file(terminal, file, &limits);
    return true;
}

int command_caption(const struct command_input *input) {
    struct error err = {0};
    if (input->word_count == 0) {
        error_set(&err, ERROR_USAGE, "name at least one picture: imgrouter caption photo.jpg");
        return command_fail(&err);
    }
    struct terminal terminal;
    if (!terminal_find(&terminal, input->settings->picture_display, input->settings->is_json, &err))
        return command_fail(&err);
    struct engine *engine = engine_setup_create(input->settings, true, false, &err);
    if (engine == NULL) return command_fail(&err);
    int exit_code = 0;
    for (size_t i = 0; i < input->word_count; i++) {
        // One bad file does not stop the others.
        error_clear(&err);
        if (!caption_file(engine, input->settings, &terminal, input->words[i], &err))
            exit_code = command_fail(&err);
    }
    engine_destroy(engine);
    return exit_code;
}
