// Measures each stage with the models of the settings and prints medians; the first run warms
// caches and is not counted. With --turns it runs what standard input names, line by line, and
// answers each with its figures: bench/compare.py so takes turns with other programs.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/bench_stages.h"
#include "cli/command.h"
#include "cli/json_line.h"
#include "cli/version.h"
#include "kernels/cpu_features.h"

static int compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

// A stage's key in JSON is its name and the unit; stages that were not measured are left out.
static void put_figures(json_t *object, const double ms[static BENCH_STAGE_COUNT]) {
    for (int stage = 0; stage < BENCH_STAGE_COUNT; stage++) {
        char key[64];
        (void)snprintf(key, sizeof key, "%s_ms", bench_stage_name((enum bench_stage)stage));
        if (!isnan(ms[stage])) (void)json_object_set_new(object, key, json_real(ms[stage]));
    }
}

static json_t *describe_setup(const struct engine_info *info) {
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:i, s:i, s:s, s:s}", "version", IMGROUTER_VERSION,
                     "processor", cpu_name(), "kernels", info->kernel_tier, "threads",
                     (json_int_t)info->threads, "precision", info->precision, "bulk_pictures",
                     BENCH_BULK_PICTURES, "scan_vectors", BENCH_SCAN_VECTORS, "caption_model",
                     info->caption_model, "embedding_model", info->embedding_model);
}

static void print_json(const struct bench *bench, const double ms[static BENCH_STAGE_COUNT],
                       size_t runs) {
    json_t *object = describe_setup(bench_engine_info(bench));
    (void)json_object_set_new(object, "runs", json_integer((json_int_t)runs));
    (void)json_object_set_new(object, "caption_tokens",
                              json_integer((json_int_t)bench_caption(bench)->token_count));
    (void)json_object_set_new(object, "bulk_batch",
                              json_integer((json_int_t)bench_bulk_batch(bench)));
    put_figures(object, ms);
    json_line_print(object);
}

static void print_table(const struct bench *bench, const char *file,
                        const double ms[static BENCH_STAGE_COUNT], size_t runs) {
    const struct engine_info *info = bench_engine_info(bench);
    const struct caption *caption = bench_caption(bench);
    (void)printf(
        "imgrouter  %s\nprocessor  %s\nkernels    %s, %zu threads, %s\nmodels     %s, %s\n"
        "picture    %s\ncaption    \"%s\" (%zu tokens)\n"
        "median of %zu runs, one at a time (image_bulk: up to %zu together):\n",
        IMGROUTER_VERSION, cpu_name(), info->kernel_tier, info->threads, info->precision,
        info->caption_model, info->embedding_model, file == NULL ? "drawn, 1920 x 1080" : file,
        caption->text, caption->token_count, runs, bench_bulk_batch(bench));
    for (int stage = 0; stage < BENCH_STAGE_COUNT; stage++)
        if (!isnan(ms[stage]))
            (void)printf("  %-15s %9.2f ms   %s\n", bench_stage_name((enum bench_stage)stage),
                         ms[stage], bench_stage_help((enum bench_stage)stage));
}

static void forget(double ms[static BENCH_STAGE_COUNT]) {
    for (int stage = 0; stage < BENCH_STAGE_COUNT; stage++) ms[stage] = NAN;
}

// medians[stage] of all runs but the first; NAN for what was not measured.
static bool measure_all(struct bench *bench, size_t runs, double medians[static BENCH_STAGE_COUNT],
                        struct error *err) {
    double *kept = memory_alloc(runs * BENCH_STAGE_COUNT * sizeof(double));  // [stages, runs]
    double ms[BENCH_STAGE_COUNT];
    bool is_done = true;
    forget(ms);
    for (size_t run = 0; run <= runs && is_done; run++) {
        for (int visit = 0; visit < BENCH_VISIT_COUNT && is_done; visit++)
            is_done = bench_visits[visit].run(bench, ms, err);
        for (int stage = 0; run > 0 && stage < BENCH_STAGE_COUNT; stage++)
            kept[(size_t)stage * runs + run - 1] = ms[stage];
    }
    for (int stage = 0; is_done && stage < BENCH_STAGE_COUNT; stage++)
        medians[stage] = isnan(ms[stage]) ? NAN : median(kept + (size_t)stage * runs, runs);
    memory_free(kept);
    return is_done;
}

static bool run_visit(struct bench *bench, const char *name, double ms[static BENCH_STAGE_COUNT],
                      struct error *err) {
    for (int visit = 0; visit < BENCH_VISIT_COUNT; visit++)
        if (strcmp(bench_visits[visit].name, name) == 0)
            return bench_visits[visit].run(bench, ms, err);
    return error_set(err, ERROR_USAGE,
                     "there is nothing to measure called \"%s\"; the first line of the answer "
                     "lists what there is",
                     name);
}

static bool take_turns(struct bench *bench, struct error *err) {
    char line[64];
    json_t *visits = json_array(), *setup = describe_setup(bench_engine_info(bench));
    for (int visit = 0; visit < BENCH_VISIT_COUNT; visit++)
        (void)json_array_append_new(visits, json_string(bench_visits[visit].name));
    (void)json_object_set_new(setup, "turns", visits);
    json_line_print(setup);
    while (fgets(line, sizeof line, stdin) != NULL) {
        double ms[BENCH_STAGE_COUNT];
        forget(ms);
        line[strcspn(line, "\n")] = '\0';
        if (!run_visit(bench, line, ms, err)) return false;
        json_t *answer = json_object();
        put_figures(answer, ms);
        json_line_print(answer);
    }
    return true;
}

int command_bench(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    const char *file = input->word_count > 0 ? input->words[0] : NULL;
    if (input->word_count > 1) {
        error_set(&err, ERROR_USAGE, "bench takes one picture at most");
        return command_fail(&err);
    }
    struct bench *bench = bench_create(settings, file, &err);
    if (bench == NULL) return command_fail(&err);
    double ms[BENCH_STAGE_COUNT];
    size_t runs = (size_t)settings->runs;
    bool is_done =
        settings->takes_turns ? take_turns(bench, &err) : measure_all(bench, runs, ms, &err);
    if (is_done && !settings->takes_turns) {
        if (settings->is_json)
            print_json(bench, ms, runs);
        else
            print_table(bench, file, ms, runs);
    }
    bench_destroy(bench);
    return is_done ? 0 : command_fail(&err);
}
