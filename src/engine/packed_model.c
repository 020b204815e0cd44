#include "engine/packed_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "weights/packed_lock.h"

enum {
    LOCK_PATIENCE_S = 120,  // packing takes some seconds; after that something is wrong
    SETTING_SIZE = 32,      // "auto-avx512vnni"
};

static const char precision_blob[] = "precision";  // its content: precision_name

struct loading {
    const struct model_kind *kind;
    const struct packed_model_options *options;
    bool is_auto;
    enum precision wanted;  // with is_auto, what is tried first
    char weights[PATH_MAX];
    char path[PATH_MAX];  // of the cache, or ""
    char label[PACKED_LABEL_SIZE];
    struct packed_origin origin;
};

bool precision_parse(const char *text, bool *is_auto, enum precision *precision,
                     struct error *err) {
    *is_auto = strcmp(text, "auto") == 0;
    *precision = PRECISION_INT8;
    if (*is_auto) return true;
    for (enum precision p = PRECISION_F32; p <= PRECISION_INT8; p++) {
        if (strcmp(text, precision_name(p)) != 0) continue;
        *precision = p;
        return true;
    }
    return error_set(err, ERROR_USAGE, "the precision must be auto, f32, f16 or int8, not \"%s\"",
                     text);
}

// "CACHE/blip-image-captioning-base-0123456789abcdef-auto-avx512vnni.packed": one a weight file,
// setting and tier, so that none takes another's place, nor its verdict where machines of several
// kinds share a folder.
static bool find_place(struct loading *loading, struct error *err) {
    const struct packed_model_options *options = loading->options;
    char absolute[PATH_MAX], hex[SHA256_HEX_SIZE], setting[SETTING_SIZE];
    uint8_t digest[SHA256_SIZE];
    struct error problem = {0};
    (void)snprintf(setting, sizeof setting, "%s-%s", options->precision, options->kernel_tier);
    if (!loading->kind->find_weights(options->folder, loading->weights, err) ||
        !packing_label(loading->label, setting, options->folder, err) ||
        !source_stamp_read(&loading->origin.stamp, loading->weights, err))
        return false;
    loading->origin.source = loading->weights;
    loading->origin.label = loading->label;
    if (options->cache_folder == NULL) return true;
    if (realpath(loading->weights, absolute) == NULL)
        (void)snprintf(absolute, sizeof absolute, "%s", loading->weights);
    sha256(absolute, strlen(absolute), digest);
    sha256_hex(digest, hex);
    const char *slash = strrchr(options->name, '/');
    int length =
        snprintf(loading->path, sizeof loading->path, "%s/%s-%.16s-%s.packed",
                 options->cache_folder, slash == NULL ? options->name : slash + 1, hex, setting);
    if (length < 0 || (size_t)length >= sizeof loading->path)
        error_set(&problem, ERROR_STORAGE, "its path is too long");
    else if (folder_create(options->cache_folder, &problem))
        return true;
    log_warning(
        "the packed weights of the %s model cannot be kept: %s; every start will pack "
        "them again; name a folder with --cache-dir or IMGROUTER_CACHE_DIR",
        loading->kind->purpose, problem.text);
    loading->path[0] = '\0';
    return true;
}

static void *load_wide(const struct loading *loading, enum precision *precision,
                       struct error *err) {
    *precision = PRECISION_F32;
    return loading->kind->load(loading->options->folder, NULL, err);
}

// The model of an open cache, which is taken over. NULL when it does not tell its precision, or
// lacks a part.
static void *load_from(const struct loading *loading, struct packed_cache *cache,
                       enum precision *precision, struct error *err) {
    size_t size;
    const char *text = packed_cache_find(cache, precision_blob, &size);
    for (enum precision p = PRECISION_F32; text != NULL && p <= PRECISION_INT8; p++) {
        if (size != strlen(precision_name(p)) || memcmp(text, precision_name(p), size) != 0)
            continue;
        *precision = p;
        // Found not to be fit for packing: then there is nothing more in the cache.
        if (p != PRECISION_F32) return loading->kind->load(loading->options->folder, cache, err);
        packed_cache_close(cache);
        return load_wide(loading, precision, err);
    }
    packed_cache_close(cache);
    error_set(err, ERROR_INVALID, "it does not tell its precision");
    return NULL;
}

static void *load_kept(const struct loading *loading, enum precision *precision,
                       struct error *err) {
    struct packed_cache *cache = packed_cache_open(loading->path, &loading->origin, err);
    return cache == NULL ? NULL : load_from(loading, cache, precision, err);
}

enum outcome { OUTCOME_LOADED, OUTCOME_INEXACT, OUTCOME_FAILED };

// Writes the wide model into a cache at `path` (NULL: in memory), loads that and keeps it when it
// answers well enough, or was asked for by name.
static enum outcome pack(const struct loading *loading, const char *path, void *wide,
                         const void *rehearsal, void **model, struct error *err) {
    const struct model_kind *kind = loading->kind;
    const char *name = precision_name(loading->wanted);
    enum outcome outcome = OUTCOME_FAILED;
    double likeness = 1;
    struct packed_cache *cache = NULL;
    struct packed_writer *writer = packed_writer_create(path, &loading->origin, err);
    if (writer != NULL && packed_writer_add(writer, precision_blob, name, strlen(name), err) &&
        parameters_pack(kind->parameters(wide), loading->wanted, writer, err))
        cache = packed_writer_finish(writer, err);
    if (cache == NULL) goto out;
    *model = kind->load(loading->options->folder, cache, err);
    if (*model == NULL) goto out;
    if (rehearsal != NULL && !kind->compare(kind->context, rehearsal, *model, &likeness, err))
        goto out;
    if (likeness < kind->least_likeness) {
        log_write(loading->is_auto ? LOG_INFO : LOG_WARNING,
                  "the %s model's answers to samples at %s agree with those at f32 by %.5f, less "
                  "than %.5f; %s",
                  kind->purpose, name, likeness, kind->least_likeness,
                  loading->is_auto ? "it stays at f32" : "it was asked for all the same");
        outcome = OUTCOME_INEXACT;
        if (loading->is_auto) goto out;
    }
    outcome = packed_writer_publish(writer, err) ? OUTCOME_LOADED : OUTCOME_FAILED;
    if (outcome == OUTCOME_LOADED && rehearsal != NULL)
        log_info(
            "the %s model is packed; its answers to samples at %s agree with those at f32 by %.5f",
            kind->purpose, name, likeness);
out:
    packed_writer_destroy(writer);
    if (outcome == OUTCOME_LOADED) return outcome;
    if (*model != NULL) kind->destroy(*model);
    *model = NULL;
    return outcome;
}

// For the next start: there is nothing to gain by packing.
static void keep_refusal(const struct loading *loading) {
    const char *name = precision_name(PRECISION_F32);
    if (loading->path[0] == '\0') return;
    struct packed_writer *writer = packed_writer_create(loading->path, &loading->origin, NULL);
    struct packed_cache *cache = NULL;
    if (writer != NULL && packed_writer_add(writer, precision_blob, name, strlen(name), NULL))
        cache = packed_writer_finish(writer, NULL);
    if (cache != NULL) (void)packed_writer_publish(writer, NULL);
    packed_cache_close(cache);
    packed_writer_destroy(writer);
}

// The packed model, or NULL: with *is_refused when it is not exact enough.
static void *pack_wide(const struct loading *loading, void *wide, bool *is_refused,
                       struct error *err) {
    const struct model_kind *kind = loading->kind;
    struct error problem = {0};
    void *model = NULL, *rehearsal = NULL;
    if (loading->wanted == PRECISION_INT8) {
        if (!parameters_calibrate(kind->parameters(wide), err)) return NULL;
        rehearsal = kind->rehearse(kind->context, wide, err);
        if (rehearsal == NULL) return NULL;
    }
    const char *path = loading->path[0] == '\0' ? NULL : loading->path;
    enum outcome outcome = pack(loading, path, wide, rehearsal, &model, &problem);
    if (outcome == OUTCOME_FAILED && path != NULL && problem.kind == ERROR_STORAGE) {
        log_warning(
            "the packed weights of the %s model cannot be kept: %s; they stay in memory, "
            "and the next start packs them again",
            kind->purpose, problem.text);
        problem = (struct error){0};
        outcome = pack(loading, NULL, wide, rehearsal, &model, &problem);
    }
    if (outcome == OUTCOME_FAILED) error_set(err, problem.kind, "%s", problem.text);
    *is_refused = outcome == OUTCOME_INEXACT;
    if (rehearsal != NULL) kind->forget(rehearsal);
    return model;
}

static void *pack_anew(const struct loading *loading, enum precision *precision,
                       struct error *err) {
    const struct model_kind *kind = loading->kind;
    struct error problem = {0};
    bool is_refused = false;
    int64_t started = clock_monotonic_ns();
    void *wide = load_wide(loading, precision, err);
    if (wide == NULL) return NULL;
    log_info("packing the %s model (%s), which is done once and takes some seconds", kind->purpose,
             loading->options->name);
    void *model = pack_wide(loading, wide, &is_refused, &problem);
    kind->destroy(wide);
    if (model != NULL) {
        log_debug("packing took %.0f ms", clock_ms_since(started));
        *precision = loading->wanted;
        return model;
    }
    if (is_refused) {
        keep_refusal(loading);
    } else if (loading->is_auto) {
        log_warning("the %s model could not be packed and stays at f32: %s", kind->purpose,
                    problem.text);
    } else {
        error_set(err, problem.kind, "%s", problem.text);
        return NULL;
    }
    // Anew: the other one went on noting what its layers read.
    return load_wide(loading, precision, err);
}

void *packed_model_load(const struct model_kind *kind, const struct packed_model_options *options,
                        enum precision *precision, struct error *err) {
    struct loading loading = {.kind = kind, .options = options};
    if (!precision_parse(options->precision, &loading.is_auto, &loading.wanted, err)) return NULL;
    if (loading.wanted == PRECISION_F32) return load_wide(&loading, precision, err);
    if (!find_place(&loading, err)) return NULL;
    if (loading.path[0] == '\0') return pack_anew(&loading, precision, err);

    int lock;
    struct error problem = {0};
    void *model = load_kept(&loading, precision, &problem);
    if (model != NULL) return model;
    if (problem.kind != ERROR_NOT_FOUND) log_info("%s is not used: %s", loading.path, problem.text);
    if (!packed_lock_take(loading.path, LOCK_PATIENCE_S, &lock)) {
        loading.path[0] = '\0';
        return pack_anew(&loading, precision, err);
    }
    model = load_kept(&loading, precision, NULL);  // another process may have been at it
    if (model == NULL) model = pack_anew(&loading, precision, err);
    packed_lock_release(lock);
    return model;
}
