#include "cli/copy_report.h"

#include <stdio.h>

#include "cli/command.h"
#include "cli/json_line.h"

void copy_progress_show(void *context, size_t done, size_t total) {
    struct copy_progress *progress = context;
    (void)progress_bar_show(&progress->bar, progress->name, (int64_t)done, (int64_t)total);
}

json_t *copy_report_vectors(const struct image_pages *pages, const size_t *counts) {
    json_t *array = json_array();
    for (size_t i = 0; i < pages->space_count; i++)
        (void)json_array_append_new(
            array, json_pack("{s:o, s:I}", "embedding_model",
                             json_line_text(pages->spaces[i].embedding_model), "count",
                             (json_int_t)counts[i]));
    return array;
}

static void print_json(const struct copy_outcome *outcome, const struct image_pages *pages,
                       bool is_done) {
    const struct store_copy_report *copied = &outcome->copied;
    const struct store_verification *verified = &outcome->verified;
    json_t *pictures =
        outcome->has_pictures
            ? json_pack("{s:I, s:I, s:I}", "copied", (json_int_t)copied->pictures_copied,
                        "already_there", (json_int_t)copied->pictures_there, "lost",
                        (json_int_t)copied->pictures_lost)
            : json_null();
    json_line_print(json_pack(
        "{s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:s, s:s}", "from",
        json_line_text(outcome->from), "to", json_line_text(outcome->to), "ok", is_done ? 1 : 0,
        "images", (json_int_t)copied->images, "copied", (json_int_t)copied->written,
        "already_there", (json_int_t)copied->passed_over, "without_vector",
        (json_int_t)copied->without_vector, "vectors",
        copy_report_vectors(pages, verified->vectors), "pictures", pictures, "verified",
        verified->is_same ? 1 : 0, "missing", (json_int_t)verified->missing, "different",
        (json_int_t)verified->different, "rounded_vectors", (json_int_t)verified->rounded,
        "only_in_target", (json_int_t)verified->extra, "checksum", verified->from_checksum,
        "target_checksum", verified->to_checksum));
}

static void print_text(const struct copy_outcome *outcome, const struct image_pages *pages) {
    const struct store_copy_report *copied = &outcome->copied;
    const struct store_verification *verified = &outcome->verified;
    (void)printf("%zu images of %s: %zu copied to %s, %zu were there already\n", copied->images,
                 outcome->from, copied->written, outcome->to, copied->passed_over);
    if (outcome->has_pictures)
        (void)printf("%zu pictures copied, %zu were there already\n", copied->pictures_copied,
                     copied->pictures_there);
    for (size_t i = 0; i < pages->space_count; i++)
        (void)printf("%zu vectors of %s\n", verified->vectors[i], pages->spaces[i].embedding_model);
    if (verified->extra > 0)
        (void)printf("%zu images are in %s only\n", verified->extra, outcome->to);
    if (verified->rounded > 0)
        (void)printf("%zu vectors were rounded by %s, which makes them unit long\n",
                     verified->rounded, outcome->to);
    if (verified->is_same)
        (void)printf("verified: %zu images are the same on both sides; checksum %s\n",
                     verified->images, verified->to_checksum);
}

int copy_report_print(const struct copy_outcome *outcome, const struct image_pages *pages,
                      bool is_json) {
    const struct store_copy_report *copied = &outcome->copied;
    const struct store_verification *verified = &outcome->verified;
    struct error err = {0};
    bool is_done = verified->is_same && copied->without_vector == 0 && copied->pictures_lost == 0;
    if (is_json)
        print_json(outcome, pages, is_done);
    else
        print_text(outcome, pages);
    if (!verified->is_same)
        error_set(&err, ERROR_CONFLICT,
                  "%zu images are missing in %s and %zu are different there, %s first; something "
                  "changed meanwhile: run it again while nothing writes to either",
                  verified->missing, outcome->to, verified->different, verified->first_wrong);
    else if (copied->without_vector > 0)
        error_set(&err, ERROR_CONFLICT,
                  "%zu images stayed behind, %s first: they have no vector of their own model; "
                  "upload them again, and run this again",
                  copied->without_vector, copied->first_without_vector);
    else if (copied->pictures_lost > 0)
        error_set(&err, ERROR_STORAGE,
                  "the files of %zu pictures are not there or have changed, image %s first; their "
                  "images were copied",
                  copied->pictures_lost, copied->first_picture_lost);
    return is_done ? 0 : command_fail(&err);
}
