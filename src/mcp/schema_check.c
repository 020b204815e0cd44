#include "mcp/schema_check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 96, LIST_SIZE = 320 };

static bool has_type(const json_t *value, const char *type) {
    if (strcmp(type, "string") == 0) return json_is_string(value);
    if (strcmp(type, "boolean") == 0) return json_is_boolean(value);
    if (strcmp(type, "array") == 0) return json_is_array(value);
    if (strcmp(type, "object") == 0) return json_is_object(value);
    if (!json_is_number(value)) return false;
    double number = json_number_value(value);
    return strcmp(type, "number") == 0 || number == floor(number);
}

// The members' names, or the values of an enum, for a sentence.
static void list_text(const json_t *list, char text[static LIST_SIZE]) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(list) && used < LIST_SIZE; i++) {
        int length = snprintf(text + used, LIST_SIZE - used, "%s%s", i == 0 ? "" : ", ",
                              json_string_value(json_array_get(list, i)));
        used += length > 0 ? (size_t)length : 0;
    }
}

static bool enum_check(const json_t *choices, const json_t *value, const char *name,
                       struct error *err) {
    char text[LIST_SIZE];
    for (size_t i = 0; i < json_array_size(choices); i++)
        if (json_equal(json_array_get(choices, i), value)) return true;
    list_text(choices, text);
    return error_set(err, ERROR_INVALID, "%s must be one of %s.", name, text);
}

static bool range_check(const json_t *schema, const json_t *value, const char *name,
                        struct error *err) {
    const json_t *minimum = json_object_get(schema, "minimum");
    const json_t *maximum = json_object_get(schema, "maximum");
    double number = json_number_value(value);
    if ((minimum == NULL || number >= json_number_value(minimum)) &&
        (maximum == NULL || number <= json_number_value(maximum)))
        return true;
    return error_set(err, ERROR_INVALID, "%s must be from %g to %g.", name,
                     json_number_value(minimum), json_number_value(maximum));
}

static bool length_check(const json_t *schema, const json_t *value, const char *name,
                         struct error *err) {
    const json_t *maximum = json_object_get(schema, "maxLength");
    json_int_t characters = 0;
    if (json_integer_value(json_object_get(schema, "minLength")) > 0 &&
        json_string_length(value) == 0)
        return error_set(err, ERROR_INVALID, "%s must not be empty.", name);
    if (maximum == NULL) return true;
    for (const char *c = json_string_value(value); *c != '\0'; c++)
        characters += ((unsigned char)*c & 0xC0) != 0x80;  // each has one byte of another kind
    return characters <= json_integer_value(maximum) ||
           error_set(err, ERROR_INVALID, "%s has more than %lld characters; shorten it.", name,
                     (long long)json_integer_value(maximum));
}

static bool items_check(const json_t *schema, const json_t *value, const char *name,
                        struct error *err) {
    const json_t *maximum = json_object_get(schema, "maxItems");
    const json_t *items = json_object_get(schema, "items");
    char entry[NAME_SIZE];
    (void)snprintf(entry, sizeof entry, "every entry of %s", name);
    if (maximum != NULL && (json_int_t)json_array_size(value) > json_integer_value(maximum))
        return error_set(err, ERROR_INVALID, "%s has more than %lld entries.", name,
                         (long long)json_integer_value(maximum));
    for (size_t i = 0; items != NULL && i < json_array_size(value); i++)
        if (!schema_check(items, json_array_get(value, i), entry, err)) return false;
    return true;
}

static bool member_unknown(const json_t *properties, const char *member, const char *name,
                           struct error *err) {
    char known[LIST_SIZE];
    json_t *names = json_array();
    const char *key;
    json_t *property;
    json_object_foreach((json_t *)properties, key, property)
        json_array_append_new(names, json_string(key));
    list_text(names, known);
    json_decref(names);
    return error_set(err, ERROR_INVALID, "%s takes no \"%.64s\", only %s.", name, member, known);
}

static bool members_check(const json_t *schema, const json_t *value, const char *name,
                          struct error *err) {
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required = json_object_get(schema, "required");
    bool is_closed = json_is_false(json_object_get(schema, "additionalProperties"));
    const char *key;
    json_t *member;
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *needed = json_string_value(json_array_get(required, i));
        if (json_object_get(value, needed) == NULL)
            return error_set(err, ERROR_INVALID, "%s must have the member %s.", name, needed);
    }
    json_object_foreach((json_t *)value, key, member) {
        const json_t *property = json_object_get(properties, key);
        if (property == NULL && is_closed) return member_unknown(properties, key, name, err);
        if (property != NULL && !schema_check(property, member, key, err)) return false;
    }
    return true;
}

bool schema_check(const json_t *schema, const json_t *value, const char *name, struct error *err) {
    const char *type = json_string_value(json_object_get(schema, "type"));
    const json_t *choices = json_object_get(schema, "enum");
    if (type != NULL && !has_type(value, type))
        return error_set(err, ERROR_INVALID, "%s must be of the type %s.", name, type);
    if (choices != NULL && !enum_check(choices, value, name, err)) return false;
    if (json_is_string(value)) return length_check(schema, value, name, err);
    if (json_is_number(value)) return range_check(schema, value, name, err);
    if (json_is_array(value)) return items_check(schema, value, name, err);
    if (json_is_object(value)) return members_check(schema, value, name, err);
    return true;
}
