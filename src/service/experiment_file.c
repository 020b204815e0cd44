// The file of an experiment. Whatever is not understood is refused: an experiment that measures
// something else than was meant costs more than one that does not start.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/yaml_file.h"
#include "service/experiment.h"

#define CONTROL "control"

enum {
    LATENCY_MAX_MS = 3600000,  // as of the settings
    DAILY_USD_MAX = 1000000,
    FIELDS_MAX = 8,
};

struct reader {
    const struct yaml_file *file;
    struct cloud *cloud;
    struct experiment *experiment;
    struct experiment_variant plain;
};

// A key of a mapping: whether it must be there, how its value is read, and into what.
struct field {
    const char *name;
    bool is_required;
    bool (*read)(struct reader *reader, const struct yaml_value *value, void *into,
                 struct error *err);
};

static const char *text_of(const struct yaml_value *value) {
    return value->text == NULL ? "" : value->text;
}

static bool fail_unknown(const struct reader *reader, const struct yaml_value *value,
                         const struct field *fields, struct error *err) {
    char known[ERROR_TEXT_SIZE / 2] = "";
    size_t used = 0;
    for (size_t i = 0; i < FIELDS_MAX && fields[i].name != NULL && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ",
                                 fields[i].name);
    return yaml_file_fail(reader->file, value, err, "there is no such key; there are %s", known);
}

// The members of a mapping; `fields` ends in one without a name.
static bool read_fields(struct reader *reader, const struct yaml_value *from,
                        const struct field *fields, void *into, struct error *err) {
    bool seen[FIELDS_MAX] = {false};
    if (from->kind != YAML_VALUE_MAPPING)
        return yaml_file_fail(reader->file, from, err, "there must be keys with values here");
    for (const struct yaml_value *value = from->first; value != NULL; value = value->next) {
        size_t i = 0;
        while (fields[i].name != NULL && strcmp(fields[i].name, value->key) != 0) i++;
        if (fields[i].name == NULL) return fail_unknown(reader, value, fields, err);
        if (!fields[i].read(reader, value, into, err)) return false;
        seen[i] = true;
    }
    for (size_t i = 0; fields[i].name != NULL; i++)
        if (fields[i].is_required && !seen[i])
            return yaml_file_fail(reader->file, from, err, "the key %s is missing; give it",
                                  fields[i].name);
    return true;
}

// As people write them: digits, and decimals behind a point.
static bool read_number(struct reader *reader, const struct yaml_value *value, double most,
                        double *number, struct error *err) {
    static const char digits[] = "0123456789";
    const char *text = text_of(value);
    size_t whole = strspn(text, digits);
    size_t decimals = text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;
    size_t length = whole + (decimals > 0 ? 1 + decimals : 0);
    *number = strtod(text, NULL);
    return (whole > 0 && text[length] == '\0' && *number <= most) ||
           yaml_file_fail(reader->file, value, err,
                          "this takes a number from 0 to %.0f, not \"%.40s\"", most, text);
}

static bool read_whole_number(struct reader *reader, const struct yaml_value *value, long most,
                              long *number, struct error *err) {
    double read = 0;
    const char *text = text_of(value);
    if (strchr(text, '.') != NULL || !read_number(reader, value, (double)most, &read, NULL))
        return yaml_file_fail(reader->file, value, err,
                              "this takes a whole number from 0 to %ld, not \"%.40s\"", most, text);
    *number = (long)read;
    return true;
}

static bool read_text(struct reader *reader, const struct yaml_value *value, char *to, size_t size,
                      struct error *err) {
    const char *text = text_of(value);
    if (*text == '\0' || strlen(text) >= size)
        return yaml_file_fail(reader->file, value, err, "this takes a text of 1 to %zu bytes",
                              size - 1);
    (void)snprintf(to, size, "%s", text);
    return true;
}

// Names are in receipts, reports and purses.
static bool read_name(struct reader *reader, const struct yaml_value *value, char *to,
                      struct error *err) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *text = text_of(value);
    size_t length = strspn(text, allowed);
    // Room is left for the name of the shadow's purse.
    if (length == 0 || text[length] != '\0' || length >= EXPERIMENT_NAME_SIZE - sizeof "shadow:")
        return yaml_file_fail(reader->file, value, err,
                              "a name has 1 to %zu letters, digits, dots, hyphens and underscores",
                              EXPERIMENT_NAME_SIZE - sizeof "shadow:" - 1);
    (void)snprintf(to, EXPERIMENT_NAME_SIZE, "%s", text);
    return true;
}

static bool read_variant_name(struct reader *reader, const struct yaml_value *value, void *into,
                              struct error *err) {
    struct experiment_variant *variant = into;
    const struct experiment *experiment = reader->experiment;
    if (!read_name(reader, value, variant->name, err)) return false;
    if (strcmp(variant->name, CONTROL) == 0)
        return yaml_file_fail(reader->file, value, err,
                              "\"" CONTROL
                              "\" is what goes as the settings say and has the rest; give the "
                              "variant another name");
    for (size_t i = 0; i < experiment->variant_count; i++)
        if (strcmp(experiment->variants[i].name, variant->name) == 0)
            return yaml_file_fail(reader->file, value, err,
                                  "there is a variant \"%s\" already; give this one another name",
                                  variant->name);
    return true;
}

static bool read_share(struct reader *reader, const struct yaml_value *value, void *into,
                       struct error *err) {
    long percent = 0, others = 0;
    if (!read_whole_number(reader, value, 100, &percent, err)) return false;
    for (size_t i = 0; i < reader->experiment->variant_count; i++)
        others += reader->experiment->variants[i].share_percent;
    if (others + percent > 100)
        return yaml_file_fail(reader->file, value, err,
                              "the shares add up to %ld %% by now; 100 is the most",
                              others + percent);
    ((struct experiment_variant *)into)->share_percent = (unsigned)percent;
    return true;
}

static bool read_confidence(struct reader *reader, const struct yaml_value *value, void *into,
                            struct error *err) {
    struct experiment_variant *variant = into;
    return read_number(reader, value, 1, &variant->policy.confidence_threshold, err);
}

static bool read_clip_score(struct reader *reader, const struct yaml_value *value, void *into,
                            struct error *err) {
    struct experiment_variant *variant = into;
    return read_number(reader, value, 1, &variant->policy.clip_score_threshold, err);
}

static bool read_latency(struct reader *reader, const struct yaml_value *value, void *into,
                         struct error *err) {
    struct experiment_variant *variant = into;
    long ms = 0;
    if (!read_whole_number(reader, value, LATENCY_MAX_MS, &ms, err)) return false;
    variant->policy.latency_budget_ms = ms;
    return true;
}

static bool find_provider(struct reader *reader, const struct yaml_value *value, size_t *index,
                          struct error *err) {
    enum provider_kind kind;
    if (!provider_kind_parse(text_of(value), &kind))
        return yaml_file_fail(reader->file, value, err, "there is no provider \"%.40s\"",
                              text_of(value));
    for (size_t i = 0; i < reader->plain.provider_count; i++) {
        struct cloud_provider_state state;
        cloud_provider_state(reader->cloud, i, &state);
        *index = i;
        if (state.kind == kind) return true;
    }
    return yaml_file_fail(reader->file, value, err,
                          "the provider %s is not configured; name it in CLOUD_PROVIDER, and set "
                          "what it needs",
                          provider_kind_name(kind));
}

static bool read_providers(struct reader *reader, const struct yaml_value *from, void *into,
                           struct error *err) {
    struct experiment_variant *variant = into;
    variant->provider_count = 0;
    if (from->kind != YAML_VALUE_SEQUENCE || from->first == NULL)
        return yaml_file_fail(reader->file, from, err,
                              "there must be a list of providers here, in the order to ask");
    for (const struct yaml_value *value = from->first; value != NULL; value = value->next) {
        size_t index = 0;
        if (!find_provider(reader, value, &index, err)) return false;
        for (size_t i = 0; i < variant->provider_count; i++)
            if (variant->providers[i] == index)
                return yaml_file_fail(reader->file, value, err, "%.40s is there twice",
                                      text_of(value));
        variant->providers[variant->provider_count++] = index;
    }
    return true;
}

static bool read_model(struct reader *reader, const struct yaml_value *value, void *into,
                       struct error *err) {
    struct experiment_variant *variant = into;
    return read_text(reader, value, variant->model, sizeof variant->model, err);
}

static bool read_prompt(struct reader *reader, const struct yaml_value *value, void *into,
                        struct error *err) {
    struct experiment_variant *variant = into;
    return read_text(reader, value, variant->prompt, sizeof variant->prompt, err);
}

// A model must be one that is paid for by the providers that are asked for it.
static bool check_model(const struct reader *reader, const struct yaml_value *value,
                        const struct experiment_variant *variant, struct error *err) {
    if (variant->model[0] == '\0') return true;
    if (variant->provider_count == 0)
        return yaml_file_fail(reader->file, value, err,
                              "a model needs a provider; name one in CLOUD_PROVIDER");
    for (size_t i = 0; i < variant->provider_count; i++) {
        struct cloud_provider_state state;
        size_t provider = variant->providers[i];
        if (cloud_ceiling(reader->cloud, provider, variant->model, NULL, 1, 1) >= 0) continue;
        cloud_provider_state(reader->cloud, provider, &state);
        return yaml_file_fail(reader->file, value, err,
                              "no price is known for the model %.60s of %s: add it to the file of "
                              "prices (--prices), or name other providers",
                              variant->model, provider_kind_name(state.kind));
    }
    return true;
}

static bool read_variant(struct reader *reader, const struct yaml_value *value, struct error *err) {
    static const struct field fields[FIELDS_MAX + 1] = {
        {"name", true, read_variant_name},
        {"share_percent", true, read_share},
        {"confidence_threshold", false, read_confidence},
        {"clip_score_threshold", false, read_clip_score},
        {"latency_budget_ms", false, read_latency},
        {"providers", false, read_providers},
        {"model", false, read_model},
        {"prompt", false, read_prompt},
    };
    struct experiment *experiment = reader->experiment;
    struct experiment_variant *variant = &experiment->variants[experiment->variant_count];
    *variant = reader->plain;
    if (!read_fields(reader, value, fields, variant, err) ||
        !check_model(reader, value, variant, err))
        return false;
    experiment->variant_count++;
    return true;
}

static bool read_variants(struct reader *reader, const struct yaml_value *from, void *into,
                          struct error *err) {
    (void)into;
    if (from->kind != YAML_VALUE_SEQUENCE || from->first == NULL)
        return yaml_file_fail(reader->file, from, err, "there must be a list of variants here");
    for (const struct yaml_value *value = from->first; value != NULL; value = value->next) {
        if (reader->experiment->variant_count == EXPERIMENT_VARIANTS_MAX)
            return yaml_file_fail(reader->file, value, err, "more than %d variants are not taken",
                                  EXPERIMENT_VARIANTS_MAX);
        if (!read_variant(reader, value, err)) return false;
    }
    return true;
}

static bool read_experiment_name(struct reader *reader, const struct yaml_value *value, void *into,
                                 struct error *err) {
    return read_name(reader, value, ((struct experiment *)into)->name, err);
}

static bool read_shadow_variant(struct reader *reader, const struct yaml_value *value, void *into,
                                struct error *err) {
    const struct experiment *experiment = reader->experiment;
    for (size_t i = 0; i < experiment->variant_count; i++) {
        ((struct experiment *)into)->shadow = i;
        if (strcmp(experiment->variants[i].name, text_of(value)) == 0) return true;
    }
    return yaml_file_fail(reader->file, value, err,
                          "there is no variant \"%.40s\"; name one of those above, or " CONTROL,
                          text_of(value));
}

static bool read_shadow_percent(struct reader *reader, const struct yaml_value *value, void *into,
                                struct error *err) {
    long percent = 0;
    if (!read_whole_number(reader, value, 100, &percent, err)) return false;
    ((struct experiment *)into)->shadow_percent = (unsigned)percent;
    return true;
}

static bool read_shadow_budget(struct reader *reader, const struct yaml_value *value, void *into,
                               struct error *err) {
    double usd = 0;
    if (!read_number(reader, value, DAILY_USD_MAX, &usd, err)) return false;
    ((struct experiment *)into)->shadow_daily_nano_usd = llround(usd * (double)NANO_USD_PER_USD);
    return true;
}

// Wherever it stands in the file, it is read when all variants are known.
static bool keep_shadow(struct reader *reader, const struct yaml_value *value, void *into,
                        struct error *err) {
    (void)reader, (void)value, (void)into, (void)err;
    return true;
}

static bool read_shadow(struct reader *reader, struct error *err) {
    static const struct field fields[] = {
        {"variant", true, read_shadow_variant},
        {"percent", true, read_shadow_percent},
        {"daily_budget_usd", true, read_shadow_budget},
        {0},
    };
    const struct yaml_value *value = yaml_file_root(reader->file)->first;
    while (value != NULL && strcmp(value->key, "shadow") != 0) value = value->next;
    return value == NULL || read_fields(reader, value, fields, reader->experiment, err);
}

static bool read_experiment(struct reader *reader, struct error *err) {
    static const struct field fields[] = {
        {"name", true, read_experiment_name},
        {"variants", true, read_variants},
        {"shadow", false, keep_shadow},
        {0},
    };
    struct experiment *experiment = reader->experiment;
    if (!read_fields(reader, yaml_file_root(reader->file), fields, experiment, err)) return false;
    struct experiment_variant *control = &experiment->variants[experiment->variant_count++];
    *control = reader->plain;
    (void)snprintf(control->name, sizeof control->name, CONTROL);
    control->share_percent = 100;
    for (size_t i = 0; i + 1 < experiment->variant_count; i++)
        control->share_percent -= experiment->variants[i].share_percent;
    return read_shadow(reader, err);
}

// Takes the file, NULL included.
static struct experiment *create(struct yaml_file *file, const struct route_policy *policy,
                                 struct cloud *cloud, struct error *err) {
    if (file == NULL) return NULL;
    struct reader reader = {.file = file, .cloud = cloud};
    reader.experiment = memory_alloc(sizeof *reader.experiment);
    experiment_variant_plain(&reader.plain, policy, cloud);
    if (!read_experiment(&reader, err)) {
        experiment_destroy(reader.experiment);
        reader.experiment = NULL;
    }
    yaml_file_destroy(file);
    return reader.experiment;
}

struct experiment *experiment_create(const char *path, const struct route_policy *policy,
                                     struct cloud *cloud, struct error *err) {
    return create(yaml_file_create(path, err), policy, cloud, err);
}

struct experiment *experiment_parse_create(const char *name, const char *bytes, size_t size,
                                           const struct route_policy *policy, struct cloud *cloud,
                                           struct error *err) {
    return create(yaml_file_parse_create(name, bytes, size, err), policy, cloud, err);
}
