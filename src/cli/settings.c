#include "cli/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/spelling.h"

enum setting_type { TEXT, INTEGER, NUMBER, FLAG };

struct setting {
    enum setting_type type;
    const char *option;        // without the dashes
    const char *environment;   // or NULL
    const char *default_text;  // as the user would write it; NULL: none
    int64_t least, most;
    int commands;
    const char *value_name;
    const char *help;
    size_t offset;  // in struct settings
};

#define DEFAULT_OF_TEXT(value) value
#define DEFAULT_OF_INTEGER(value) #value
#define DEFAULT_OF_NUMBER(value) #value
#define DEFAULT_OF_FLAG(value) ((value) != 0 ? "true" : "false")

static const struct setting table[] = {
#define SETTING(field, type, option, environment, otherwise, least, most, commands, value, help) \
    {type,     option, environment, DEFAULT_OF_##type(otherwise),    least, most,                \
     commands, value,  help,        offsetof(struct settings, field)},
#include "cli/settings_list.h"
#undef SETTING
};
enum { SETTING_COUNT = sizeof table / sizeof *table };

bool settings_parse_flag(const char *text, bool *flag) {
    static const char *const yes[] = {"true", "1", "yes", "on"};
    static const char *const no[] = {"false", "0", "no", "off"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcasecmp(text, yes[i]) == 0) return *flag = true;
        if (strcasecmp(text, no[i]) == 0) {
            *flag = false;
            return true;
        }
    }
    return false;
}

static bool store_number(double *field, const struct setting *setting, const char *source,
                         const char *text, struct error *err) {
    char *end;
    *field = strtod(text, &end);
    bool is_good = end != text && *end == '\0' && *field >= (double)setting->least &&
                   *field <= (double)setting->most;  // not a number is neither
    return is_good ||
           error_set(err, ERROR_USAGE, "%s must be a number from %lld to %lld, not \"%s\"", source,
                     (long long)setting->least, (long long)setting->most, text);
}

// `source` names where the text came from: "--port" or "IMGROUTER_PORT".
static bool store_value(struct settings *settings, const struct setting *setting,
                        const char *source, const char *text, struct error *err) {
    void *field = (char *)settings + setting->offset;
    if (setting->type == TEXT) {
        memcpy(field, &text, sizeof text);
        return true;
    }
    if (setting->type == FLAG) {
        if (settings_parse_flag(text, field)) return true;
        return error_set(err, ERROR_USAGE, "%s must be true or false, not \"%s\"", source, text);
    }
    if (setting->type == NUMBER) return store_number(field, setting, source, text, err);
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < setting->least ||
        number > setting->most)
        return error_set(err, ERROR_USAGE,
                         "%s must be a whole number from %lld to %lld, not \"%s\"", source,
                         (long long)setting->least, (long long)setting->most, text);
    int64_t value = number;
    memcpy(field, &value, sizeof value);
    return true;
}

static bool read_environment(struct settings *settings, int command, struct error *err) {
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &table[i];
        if (setting->default_text != NULL &&
            !store_value(settings, setting, setting->option, setting->default_text, err))
            return false;
        if (setting->environment == NULL || (setting->commands & command) == 0) continue;
        const char *text = getenv(setting->environment);
        if (text != NULL && text[0] != '\0' &&
            !store_value(settings, setting, setting->environment, text, err))
            return false;
    }
    return true;
}

static const struct setting *find_option(const char *name, size_t length, int command) {
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if ((table[i].commands & command) != 0 && strlen(table[i].option) == length &&
            strncmp(table[i].option, name, length) == 0)
            return &table[i];
    return NULL;
}

static bool option_unknown(int command, const char *word, const char *name, size_t length,
                           struct error *err) {
    struct spelling spelling;
    spelling_begin_part(&spelling, name, length);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if ((table[i].commands & command) != 0) spelling_try(&spelling, table[i].option);
    const char *likely = spelling.best;
    return error_set(err, ERROR_USAGE, "%.*s is not an option of this command%s%s; see --help",
                     (int)(length + (size_t)(name - word)), word,
                     likely == NULL ? "" : ", did you mean --", likely == NULL ? "" : likely);
}

// Takes the option at argv[*position]; moves on past its value where that is the next word.
static bool read_option(struct settings *settings, int command, int argc, char **argv,
                        int *position, struct error *err) {
    const char *word = argv[*position];
    const char *name = word + 1 + (word[1] == '-');  // -k and --k are the same
    size_t length = strcspn(name, "=");
    const struct setting *setting = find_option(name, length, command);
    if (setting == NULL) return option_unknown(command, word, name, length, err);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (value == NULL && setting->type == FLAG) {
        value = "true";
    } else if (value == NULL) {
        if (*position + 1 >= argc)
            return error_set(err, ERROR_USAGE, "--%s needs a value: --%s %s", setting->option,
                             setting->option, setting->value_name);
        value = argv[++*position];
    }
    char source[64];
    (void)snprintf(source, sizeof source, "--%s", setting->option);
    return store_value(settings, setting, source, value, err);
}

bool settings_read(struct settings *settings, int command, int argc, char **argv,
                   size_t *word_count, struct error *err) {
    *settings = (struct settings){0};
    *word_count = 0;
    if (!read_environment(settings, command, err)) return false;
    bool has_options = true;
    for (int i = 1; i < argc; i++) {
        if (has_options && strcmp(argv[i], "--") == 0) {
            has_options = false;
        } else if (has_options && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (!read_option(settings, command, argc, argv, &i, err)) return false;
        } else {
            argv[1 + (*word_count)++] = argv[i];
        }
    }
    return true;
}

void settings_each(int command, void (*take)(void *context, const struct setting_text *setting),
                   void *context) {
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &table[i];
        if ((setting->commands & command) == 0) continue;
        take(context, &(struct setting_text){
                          .option = setting->option,
                          .environment = setting->environment,
                          .default_text = setting->type == FLAG ? NULL : setting->default_text,
                          .value_name = setting->value_name,
                          .help = setting->help});
    }
}

void settings_print_options(int command, FILE *out) {
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &table[i];
        if ((setting->commands & command) == 0) continue;
        (void)fprintf(out, "  --%s%s%s\n      %s\n", setting->option,
                      setting->value_name == NULL ? "" : " ",
                      setting->value_name == NULL ? "" : setting->value_name, setting->help);
        bool has_default = setting->default_text != NULL && setting->type != FLAG;
        if (has_default || setting->environment != NULL)
            (void)fprintf(out, "      [%s%s%s%s%s]\n", has_default ? "default " : "",
                          has_default ? setting->default_text : "",
                          has_default && setting->environment != NULL ? "; " : "",
                          setting->environment != NULL ? "environment " : "",
                          setting->environment != NULL ? setting->environment : "");
    }
}

void settings_print_reference(FILE *out) {
    (void)fputs(
        "# Settings\n\n"
        "Written by `imgrouter version --settings`; the table is `src/cli/settings_list.h`. An "
        "option "
        "wins over its\nenvironment variable, which wins over the default.\n\n"
        "| option | environment | default | limits | meaning |\n|---|---|---|---|---|\n",
        out);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &table[i];
        (void)fprintf(out, "| `--%s%s", setting->option, setting->value_name == NULL ? "" : " ");
        for (const char *c = setting->value_name; c != NULL && *c != '\0'; c++)
            (void)fprintf(out, *c == '|' ? "\\%c" : "%c", *c);
        (void)fprintf(out, "` | %s%s%s | %s | ", setting->environment == NULL ? "" : "`",
                      setting->environment == NULL ? "" : setting->environment,
                      setting->environment == NULL ? "" : "`",
                      setting->default_text == NULL ? "" : setting->default_text);
        if (setting->type == INTEGER || setting->type == NUMBER)
            (void)fprintf(out, "%lld – %lld", (long long)setting->least, (long long)setting->most);
        (void)fprintf(out, " | %s |\n", setting->help);
    }
}
