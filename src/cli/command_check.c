// imgrouter check: looks at everything that a server needs, says what is wrong and what mends it.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/check.h"
#include "cli/command.h"
#include "cli/json_line.h"
#include "fetch/fetch.h"

static const struct check {
    const char *name;
    check_function *function;
} checks[] = {
    {"processor", check_processor},
    {"memory", check_memory},
    {"open files", check_open_files},
    {"data folder", check_data_folder},
    {"store", check_store},
    {"caption model", check_caption_model},
    {"search model", check_search_model},
    {"network", check_network},
    {"tags", check_tags},
    {"cloud providers", check_providers},
    {"cloud prices", check_prices},
    {"cloud budget", check_budget},
};

static const char *const state_names[] = {"ok", "warning", "failed"};

void check_set(struct check_result *result, enum check_state state, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(result->text, sizeof result->text, format, arguments);
    va_end(arguments);
    result->state = state;
}

void check_mend(struct check_result *result, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(result->mend, sizeof result->mend, format, arguments);
    va_end(arguments);
}

static json_t *result_json(const struct check *check, const struct check_result *result) {
    return json_pack("{s:s, s:s, s:o, s:o}", "check", check->name, "state",
                     state_names[result->state], "detail", json_line_text(result->text), "mend",
                     result->mend[0] == '\0' ? json_null() : json_line_text(result->mend));
}

static void print_result(const struct check *check, const struct check_result *result) {
    (void)printf("%-8s %-16s %s\n", state_names[result->state], check->name, result->text);
    if (result->mend[0] != '\0') (void)printf("%-25s mend it: %s\n", "", result->mend);
}

static json_t *times_json(const char *which, const struct check_times *times) {
    return json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "models", which, "caption_model",
                     times->caption_model, "embedding_model", times->embedding_model, "caption_ms",
                     times->caption_ms, "picture_vector_ms", times->picture_ms, "text_vector_ms",
                     times->text_ms);
}

// The settings' models beside mocks, as the same way without any model.
static bool time_both(const struct settings *settings, json_t *answer, struct error *err) {
    struct check_times times[2];
    static const char *const names[] = {"settings", "mock"};
    json_t *array = json_array();
    for (int i = 0; i < 2; i++) {
        if (!check_time_models(settings, i == 1, &times[i], err)) {
            json_decref(array);
            return false;
        }
        json_array_append_new(array, times_json(names[i], &times[i]));
    }
    if (answer != NULL) {
        json_object_set_new(answer, "times", array);
        return true;
    }
    json_decref(array);
    (void)printf("\n%-52s %12s %15s %12s\n", "milliseconds on a sample picture", "caption",
                 "picture vector", "text vector");
    for (int i = 0; i < 2; i++) {
        char models[160];
        (void)snprintf(models, sizeof models, "%.60s, %.60s", times[i].caption_model,
                       times[i].embedding_model);
        (void)printf("%-52s %12.2f %15.2f %12.2f\n", models, times[i].caption_ms,
                     times[i].picture_ms, times[i].text_ms);
    }
    return true;
}

static size_t look_at_all(const struct settings *settings, json_t *array) {
    size_t failed = 0;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct check_result result = {0};
        checks[i].function(settings, &result);
        failed += result.state == CHECK_FAILED;
        if (array != NULL)
            json_array_append_new(array, result_json(&checks[i], &result));
        else
            print_result(&checks[i], &result);
    }
    return failed;
}

int command_check(const struct command_input *input) {
    struct settings settings = *input->settings;
    struct error err = {0};
    settings.models = settings.check_models_folder;
    log_configure(LOG_ERROR, LOG_FORMAT_AUTO);  // what matters is in the results
    if (input->word_count > 0) {
        error_set(&err, ERROR_USAGE, "check takes options only, not \"%s\"", input->words[0]);
        return command_fail(&err);
    }
    json_t *answer = settings.is_json ? json_object() : NULL;
    json_t *array = settings.is_json ? json_array() : NULL;
    size_t failed = look_at_all(&settings, array);
    if (answer != NULL) {
        json_object_set_new(answer, "is_well", json_boolean(failed == 0));
        json_object_set_new(answer, "checks", array);
    }
    bool is_timed = !settings.times_models || time_both(&settings, answer, &err);
    if (answer != NULL) json_line_print(answer);
    fetch_global_cleanup();
    if (!is_timed) return command_fail(&err);
    if (answer == NULL)
        (void)printf("\n%s\n", failed == 0 ? "A server can run here: imgrouter serve"
                                           : "Mend what failed before you start a server.");
    return failed == 0 ? 0 : 1;
}
