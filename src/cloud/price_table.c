#include "cloud/price_table.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/yaml_file.h"

enum {
    ENTRIES_MAX = 500,
    // A dearer price is a slip of the pen; price_cost.c relies on these.
    USD_PER_MILLION_MAX = 5000,
    USD_PER_IMAGE_MAX = 100,
    TOKENS_MAX = 10000000,
    SIDE_MAX = 1000000,  // pixels
};

// Of a model with a price by the token of which nobody said how it counts pictures: it is taken for
// the hungriest one known, gpt-4o-mini at high detail (costs/providers.yaml has the sources).
static const struct image_tokens unknown_image_tokens = {
    .base = 2833, .per_tile = 5667, .tile_side = 512, .fit_side = 2048, .short_side = 768};

struct entry {
    enum provider_kind kind;
    char model[CLOUD_MODEL_SIZE];
    struct price price;
};

struct price_table {
    struct entry entries[ENTRIES_MAX];
    size_t count;
};

// A key of a mapping: how its value is read, what it may be at the most, and where it goes.
struct field {
    const char *name;
    bool (*read)(const struct yaml_file *file, const struct yaml_value *value, int64_t most,
                 void *to, struct error *err);
    int64_t most;
    size_t offset;
};

static const char *text_of(const struct yaml_value *value) {
    return value->text == NULL ? "" : value->text;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Dollars as they are written, exactly: "0.075" is 75,000,000 nano-dollars. `most` is in dollars.
static bool read_money(const struct yaml_file *file, const struct yaml_value *value, int64_t most,
                       void *to, struct error *err) {
    const char *text = text_of(value), *c = text;
    int64_t nano_usd = 0, unit = NANO_USD_PER_USD;
    bool is_number = is_digit(*text);
    for (; is_digit(*c) && nano_usd <= most * NANO_USD_PER_USD; c++)
        nano_usd = nano_usd * 10 + (*c - '0') * NANO_USD_PER_USD;
    if (is_number && *c == '.') {
        is_number = is_digit(*++c);
        for (; is_digit(*c) && (unit > 1 || *c == '0'); c++) {
            unit /= 10;
            nano_usd += (*c - '0') * unit;
        }
        if (is_digit(*c))
            return yaml_file_fail(file, value, err,
                                  "\"%.40s\" has more than nine digits behind the point", text);
    }
    if (nano_usd > most * NANO_USD_PER_USD)
        return yaml_file_fail(file, value, err,
                              "\"%.40s\" is more than %lld US dollars; that cannot be right", text,
                              (long long)most);
    if (!is_number || *c != '\0')
        return yaml_file_fail(file, value, err,
                              "a price is a number of US dollars like 0.15, not \"%.40s\"", text);
    *(int64_t *)to = nano_usd;
    return true;
}

static bool read_count(const struct yaml_file *file, const struct yaml_value *value, int64_t most,
                       void *to, struct error *err) {
    const char *text = text_of(value), *c = text;
    int64_t number = 0;
    for (; is_digit(*c) && number <= most; c++) number = number * 10 + (*c - '0');
    if (*text == '\0' || *c != '\0' || number > most)
        return yaml_file_fail(file, value, err,
                              "this takes a whole number from 0 to %lld, not \"%.40s\"",
                              (long long)most, text);
    *(int64_t *)to = number;
    return true;
}

static bool read_side(const struct yaml_file *file, const struct yaml_value *value, int64_t most,
                      void *to, struct error *err) {
    int64_t side = 0;
    if (!read_count(file, value, most, &side, err)) return false;
    *(uint32_t *)to = (uint32_t)side;
    return true;
}

// `most` is the room for it.
static bool read_text(const struct yaml_file *file, const struct yaml_value *value, int64_t most,
                      void *to, struct error *err) {
    const char *text = text_of(value);
    if (*text == '\0' || strlen(text) >= (size_t)most)
        return yaml_file_fail(file, value, err, "this takes a text of 1 to %lld bytes",
                              (long long)most - 1);
    (void)snprintf(to, (size_t)most, "%s", text);
    return true;
}

static bool read_date(const struct yaml_file *file, const struct yaml_value *value, int64_t most,
                      void *to, struct error *err) {
    static const char form[] = "0000-00-00";
    const char *text = text_of(value);
    size_t i = 0;
    while (form[i] != '\0' && (form[i] == '0' ? is_digit(text[i]) : text[i] == form[i])) i++;
    if (form[i] != '\0' || text[i] != '\0')
        return yaml_file_fail(file, value, err, "a date is written like 2025-10-19");
    (void)snprintf(to, (size_t)most, "%s", text);
    return true;
}

static bool read_detail(const struct yaml_file *file, const struct yaml_value *value, int64_t most,
                        void *to, struct error *err) {
    (void)most;
    bool *is_low = to;
    *is_low = strcmp(text_of(value), "low") == 0;
    return *is_low || strcmp(text_of(value), "high") == 0 ||
           yaml_file_fail(file, value, err, "the detail is low or high");
}

static bool check_mapping(const struct yaml_file *file, const struct yaml_value *value,
                          const char *of, struct error *err) {
    return value->kind == YAML_VALUE_MAPPING ||
           yaml_file_fail(file, value, err, "there must be %s here, each by its name", of);
}

static bool fail_unknown(const struct yaml_file *file, const struct yaml_value *value,
                         const struct field *fields, size_t count, struct error *err) {
    char known[ERROR_TEXT_SIZE / 2] = "";
    size_t length = 0;
    for (size_t i = 0; i < count && length < sizeof known; i++) {
        int written = snprintf(known + length, sizeof known - length, "%s%s", i == 0 ? "" : ", ",
                               fields[i].name);
        length += written < 0 ? 0 : (size_t)written;
    }
    return yaml_file_fail(file, value, err, "there is no such key; there are %s", known);
}

// Reads the members of `from` into `into`; bit i of *seen: fields[i] was there.
static bool read_fields(const struct yaml_file *file, const struct yaml_value *from,
                        const struct field *fields, size_t count, void *into, unsigned *seen,
                        struct error *err) {
    *seen = 0;
    if (!check_mapping(file, from, "keys", err)) return false;
    for (const struct yaml_value *value = from->first; value != NULL; value = value->next) {
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, value->key) != 0) i++;
        if (i == count) return fail_unknown(file, value, fields, count, err);
        if (!fields[i].read(file, value, fields[i].most, (char *)into + fields[i].offset, err))
            return false;
        *seen |= 1U << i;
    }
    return true;
}

// What image_tokens holds in the file. Its date and source are for those who check it.
struct token_rule {
    struct image_tokens tokens;
    bool is_low_detail;
    char date[sizeof((struct price *)NULL)->date];
    char source[sizeof((struct price *)NULL)->source];
};

#define RULE(field) offsetof(struct token_rule, field)
static const struct field rule_fields[] = {
    {"base", read_count, TOKENS_MAX, RULE(tokens.base)},
    {"per_tile", read_count, TOKENS_MAX, RULE(tokens.per_tile)},
    {"tile_side", read_side, SIDE_MAX, RULE(tokens.tile_side)},
    {"fit_side", read_side, SIDE_MAX, RULE(tokens.fit_side)},
    {"short_side", read_side, SIDE_MAX, RULE(tokens.short_side)},
    {"pixels_per_token", read_side, SIDE_MAX, RULE(tokens.pixels_per_token)},
    {"detail", read_detail, 0, RULE(is_low_detail)},
    {"date", read_date, sizeof((struct price *)NULL)->date, RULE(date)},
    {"source", read_text, sizeof((struct price *)NULL)->source, RULE(source)},
};
#undef RULE

static bool read_rule(const struct yaml_file *file, const struct yaml_value *value, int64_t most,
                      void *to, struct error *err) {
    (void)most;
    struct token_rule rule = {0};
    struct image_tokens *tokens = &rule.tokens;
    unsigned seen;
    if (!read_fields(file, value, rule_fields, sizeof rule_fields / sizeof *rule_fields, &rule,
                     &seen, err))
        return false;
    if (tokens->base == 0 && tokens->per_tile == 0 && tokens->pixels_per_token == 0)
        return yaml_file_fail(file, value, err,
                              "a picture counts as something: give base, per_tile or "
                              "pixels_per_token");
    if (tokens->per_tile > 0 && tokens->tile_side == 0)
        return yaml_file_fail(file, value, err, "per_tile needs a tile_side");
    if (rule.is_low_detail) tokens->per_tile = 0;  // all that a low detail costs is the base
    *(struct image_tokens *)to = *tokens;
    return true;
}

enum { PER_IMAGE = 1, INPUT = 2, OUTPUT = 4, RULE = 8, DATE = 16, SOURCE = 32 };  // bits, in order

static const struct field price_fields[] = {
    {"per_image", read_money, USD_PER_IMAGE_MAX, offsetof(struct price, per_image_nano_usd)},
    {"input_per_million", read_money, USD_PER_MILLION_MAX,
     offsetof(struct price, input_nano_usd_per_million)},
    {"output_per_million", read_money, USD_PER_MILLION_MAX,
     offsetof(struct price, output_nano_usd_per_million)},
    {"image_tokens", read_rule, 0, offsetof(struct price, image_tokens)},
    {"date", read_date, sizeof((struct price *)NULL)->date, offsetof(struct price, date)},
    {"source", read_text, sizeof((struct price *)NULL)->source, offsetof(struct price, source)},
};

static bool read_price(const struct yaml_file *file, const struct yaml_value *from,
                       bool needs_source, struct price *price, struct error *err) {
    unsigned seen;
    if (!read_fields(file, from, price_fields, sizeof price_fields / sizeof *price_fields, price,
                     &seen, err))
        return false;
    if ((seen & (PER_IMAGE | INPUT | OUTPUT)) == 0)
        return yaml_file_fail(file, from, err,
                              "there is no price; give per_image, or input_per_million and "
                              "output_per_million (per_image: 0 is free)");
    if (((seen & INPUT) != 0) != ((seen & OUTPUT) != 0))
        return yaml_file_fail(file, from, err,
                              "input_per_million and output_per_million belong together");
    if ((seen & RULE) != 0 && (seen & INPUT) == 0)
        return yaml_file_fail(file, from, err, "image_tokens need an input_per_million");
    if (needs_source && (seen & (DATE | SOURCE)) != (DATE | SOURCE))
        return yaml_file_fail(file, from, err,
                              "give the date and the source of the price, so that it can be "
                              "checked");
    if ((seen & INPUT) != 0 && (seen & RULE) == 0) price->image_tokens = unknown_image_tokens;
    return true;
}

static const struct entry *find_entry(const struct price_table *table, enum provider_kind kind,
                                      const char *model) {
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].kind == kind && strcmp(table->entries[i].model, model) == 0)
            return &table->entries[i];
    return NULL;
}

static bool read_models(const struct yaml_file *file, const struct yaml_value *from,
                        enum provider_kind kind, bool needs_source, struct price_table *table,
                        struct error *err) {
    if (!check_mapping(file, from, "models", err)) return false;
    for (const struct yaml_value *value = from->first; value != NULL; value = value->next) {
        struct entry *entry = &table->entries[table->count];
        if (table->count == ENTRIES_MAX)
            return yaml_file_fail(file, value, err, "more than %d prices are not taken",
                                  ENTRIES_MAX);
        if (strlen(value->key) >= sizeof entry->model)
            return yaml_file_fail(file, value, err, "the model's name is too long");
        if (find_entry(table, kind, value->key) != NULL)
            return yaml_file_fail(file, value, err, "this model of %s has a price already",
                                  provider_kind_name(kind));
        entry->kind = kind;
        (void)snprintf(entry->model, sizeof entry->model, "%s", value->key);
        if (!read_price(file, value, needs_source, &entry->price, err)) return false;
        table->count++;
    }
    return true;
}

static bool read_providers(const struct yaml_file *file, const struct yaml_value *from,
                           struct price_table *table, struct error *err) {
    if (!check_mapping(file, from, "providers", err)) return false;
    for (const struct yaml_value *value = from->first; value != NULL; value = value->next) {
        enum provider_kind kind;
        if (!provider_kind_parse(value->key, &kind))
            return yaml_file_fail(file, value, err, "there is no such provider");
        if (!read_models(file, value, kind, true, table, err)) return false;
    }
    return true;
}

static bool read_table(const struct yaml_file *file, struct price_table *table, struct error *err) {
    const struct yaml_value *root = yaml_file_root(file);
    if (!check_mapping(file, root, "providers", err)) return false;
    for (const struct yaml_value *value = root->first; value != NULL; value = value->next) {
        bool is_read;
        if (strcmp(value->key, "providers") == 0)
            is_read = read_providers(file, value, table, err);
        else if (strcmp(value->key, "models") == 0)  // the original service's form
            is_read = read_models(file, value, PROVIDER_OPENROUTER, false, table, err);
        else
            is_read = yaml_file_fail(file, value, err,
                                     "there is no such key; there are providers and models");
        if (!is_read) return false;
    }
    return table->count > 0 || yaml_file_fail(file, root, err, "there is no price in it");
}

// Takes the file, NULL included.
static struct price_table *table_create(struct yaml_file *file, struct error *err) {
    if (file == NULL) return NULL;
    struct price_table *table = memory_try_zeroed(1, sizeof *table);
    if (table == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for the prices");
    } else if (!read_table(file, table, err)) {
        price_table_destroy(table);
        table = NULL;
    }
    yaml_file_destroy(file);
    return table;
}

struct price_table *price_table_create(const char *path, struct error *err) {
    return table_create(yaml_file_create(path, err), err);
}

struct price_table *price_table_parse_create(const char *name, const char *bytes, size_t size,
                                             struct error *err) {
    return table_create(yaml_file_parse_create(name, bytes, size, err), err);
}

void price_table_destroy(struct price_table *table) { memory_free(table); }

size_t price_table_count(const struct price_table *table) { return table->count; }

const struct price *price_table_entry(const struct price_table *table, size_t entry,
                                      enum provider_kind *kind, const char **model) {
    *kind = table->entries[entry].kind;
    *model = table->entries[entry].model;
    return &table->entries[entry].price;
}

const struct price *price_find(const struct price_table *table, enum provider_kind kind,
                               const char *model) {
    const struct entry *entry = model == NULL ? NULL : find_entry(table, kind, model);
    if (entry == NULL) entry = find_entry(table, kind, "*");
    return entry == NULL ? NULL : &entry->price;
}
