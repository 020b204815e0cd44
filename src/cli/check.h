// What `imgrouter check` looks at. Each check changes nothing on disk, asks nobody for money and
// never shows a key; it says in a sentence how it is, and where it is not well the command or the
// setting that mends it.
#pragma once

#include "cli/settings.h"

enum check_state { CHECK_OK, CHECK_WARNING, CHECK_FAILED };

enum { CHECK_TEXT_SIZE = 768, CHECK_MEND_SIZE = 256 };

struct check_result {
    enum check_state state;
    char text[CHECK_TEXT_SIZE];
    char mend[CHECK_MEND_SIZE];  // empty: nothing is to be done
};

typedef void check_function(const struct settings *settings, struct check_result *result);

void check_set(struct check_result *result, enum check_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_mend(struct check_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

check_function check_processor;  // check_machine.c
check_function check_memory;
check_function check_open_files;

check_function check_data_folder;  // check_data.c
check_function check_store;
check_function check_tags;

check_function check_caption_model;  // check_models.c
check_function check_search_model;
check_function check_network;

check_function check_providers;  // check_cloud.c
check_function check_prices;
check_function check_budget;

// Milliseconds of one caption, one picture vector and one text vector on a sample picture, the
// median of some runs. The engine is of the settings, or mocks. Errors: those of the engine.
struct check_times {
    char caption_model[128], embedding_model[128];
    double caption_ms, picture_ms, text_ms;
};
bool check_time_models(const struct settings *settings, bool is_mock, struct check_times *times,
                       struct error *err);  // check_times.c
