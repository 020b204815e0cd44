#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json_line.h"
#include "cli/manual.h"
#include "cli/version.h"
#include "image/decode.h"
#include "kernels/cpu_features.h"

#ifdef __clang__
static const char compiler[] = __VERSION__;
#else
static const char compiler[] = "gcc " __VERSION__;
#endif

int command_version(const struct command_input *input) {
    if (input->settings->prints_settings) {
        settings_print_reference(stdout);
        return 0;
    }
    if (input->settings->prints_manual) {
        manual_print(stdout);
        return 0;
    }
    if (input->settings->completion != NULL) {
        struct error err = {0};
        return completion_print(input->settings->completion, stdout, &err) ? 0 : command_fail(&err);
    }
    json_t *tiers = json_array();
    char tiers_text[64] = "";
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        if (!cpu_supports((enum kernel_tier)tier)) continue;
        const char *name = kernel_tier_name((enum kernel_tier)tier);
        (void)json_array_append_new(tiers, json_string(name));
        size_t used = strlen(tiers_text);
        (void)snprintf(tiers_text + used, sizeof tiers_text - used, " %s", name);
    }
    if (input->settings->is_json) {
        json_line_print(json_pack("{s:s, s:s, s:o, s:s, s:s}", "version", IMGROUTER_VERSION,
                                  "compiler", compiler, "kernels", tiers, "formats",
                                  image_formats_text(), "processor", cpu_name()));
        return 0;
    }
    json_decref(tiers);
    (void)printf("imgrouter %s\ncompiled by %s\nprocessor %s\nkernels here:%s\npictures: %s\n",
                 IMGROUTER_VERSION, compiler, cpu_name(), tiers_text, image_formats_text());
    return 0;
}
