#include "store/postgres_url.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { TIMEOUT_LIMIT_S = 600 };

// "postgresql+psycopg://…", as SQLAlchemy wants it, is "postgresql://…" to libpq.
static char *without_driver(const char *text) {
    char *url = memory_copy_text(text);
    char *colon = strstr(url, "://"), *plus = strchr(url, '+');
    if (strncmp(url, "postgres", 8) == 0 && colon != NULL && plus != NULL && plus < colon)
        memmove(plus, colon, strlen(colon) + 1);
    return url;
}

// A password with an "@" or a "/" in it that was not written as %40 or %2F ends up in these fields.
static bool holds_misplaced_text(const PQconninfoOption *option) {
    if (option->val == NULL) return false;
    if (strcmp(option->keyword, "port") == 0)
        return option->val[strspn(option->val, "0123456789,")] != '\0';
    return (strcmp(option->keyword, "host") == 0 || strcmp(option->keyword, "dbname") == 0) &&
           strchr(option->val, '@') != NULL;
}

static bool read_options(const char *url, int *connect_timeout_ms) {
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool is_valid = options != NULL;
    *connect_timeout_ms = POSTGRES_CONNECT_TIMEOUT_MS;
    for (const PQconninfoOption *option = options; is_valid && option->keyword != NULL; option++) {
        is_valid = !holds_misplaced_text(option);
        if (option->val == NULL || strcmp(option->keyword, "connect_timeout") != 0) continue;
        long seconds = strtol(option->val, NULL, 10);
        if (seconds > 0 && seconds <= TIMEOUT_LIMIT_S) *connect_timeout_ms = (int)seconds * 1000;
    }
    PQconninfoFree(options);
    return is_valid;
}

bool postgres_url_read(const char *text, char **url, int *connect_timeout_ms, struct error *err) {
    *url = without_driver(text);
    if (text[0] != '\0' && read_options(*url, connect_timeout_ms)) return true;
    memory_free(*url);
    *url = NULL;
    return error_set(
        err, ERROR_USAGE,
        "DATABASE_URL is not the address of a PostgreSQL database; write it as "
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %%40 for an @ and %%2F for "
        "a / in the password");
}
