// The codes are those of the appendix "PostgreSQL Error Codes" of its manual: two characters name a
// class, five an error.
#include "store/postgres_error.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum { CODE_LENGTH = 5 };

static const struct {
    const char *code;
    enum error_kind kind;
    const char *advice;  // follows what the server said
} known_errors[] = {
    {"08", ERROR_UNAVAILABLE, "try again in a moment"},
    {"57P", ERROR_UNAVAILABLE, "try again in a moment"},
    {"53300", ERROR_OVERLOADED, "raise max_connections, or try again in a moment"},
    {"57014", ERROR_OVERLOADED, "the database is slow now; try again in a moment"},
    {"40", ERROR_OVERLOADED, "try again in a moment"},
    {"55P03", ERROR_OVERLOADED, "try again in a moment"},
    {"53", ERROR_STORAGE, "free some disk space or memory of the database server"},
    {"58", ERROR_STORAGE, "look into the database server's log"},
    {"XX", ERROR_STORAGE, "look into the database server's log"},
    {"25006", ERROR_STORAGE, "the database only allows reading: let DATABASE_URL name the primary"},
    {"42501", ERROR_STORAGE, "give the database user of DATABASE_URL the right to do this"},
    {"28", ERROR_STORAGE, "mend user and password in DATABASE_URL, or pg_hba.conf"},
    {"3D", ERROR_STORAGE, "create the database, or mend its name in DATABASE_URL"},
    {"0A", ERROR_STORAGE, "install pgvector on the database server, version 0.5 or newer"},
    {"", ERROR_INTERNAL, "this is a fault of imgrouter or of its tables"},
};

static size_t find_known(const char *code) {
    size_t i = 0;
    while (strncmp(code, known_errors[i].code, strlen(known_errors[i].code)) != 0) i++;
    return i;
}

static const char *code_of(const PGresult *result) {
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return code == NULL ? "" : code;
}

bool postgres_error_set(struct error *err, const PGresult *result) {
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    size_t i = find_known(code_of(result));
    return error_set(err, known_errors[i].kind, "PostgreSQL reports: %.300s (%.5s); %s",
                     message == NULL ? "an error without words" : message, code_of(result),
                     known_errors[i].advice);
}

bool postgres_error_lost(struct error *err) {
    return error_set(err, ERROR_UNAVAILABLE,
                     "the connection to the PostgreSQL server broke; try again in a moment");
}

// libpq has no function for the code of a failed connection; in verbose messages it stands as
// "FATAL:  28P01: password authentication failed".
static const char *find_code(const char *message) {
    for (const char *at = message; (at = strstr(at, ":  ")) != NULL; at++) {
        const char *code = at + 3;
        size_t length = 0;
        while (isupper((unsigned char)code[length]) || isdigit((unsigned char)code[length]))
            length++;
        if (length == CODE_LENGTH && code[length] == ':') return code;
    }
    return NULL;
}

bool postgres_error_connect(struct error *err, const PGconn *server, bool *is_refused) {
    const char *message = PQerrorMessage(server);
    const char *code = find_code(message);
    const char *text = code == NULL ? message : code + CODE_LENGTH + 2;
    int length = (int)strcspn(text, "\n");
    size_t i = find_known(code == NULL ? "08" : code);
    *is_refused = known_errors[i].kind == ERROR_STORAGE;
    return error_set(err, known_errors[i].kind, "PostgreSQL cannot be used: %.*s; %s",
                     length > 300 ? 300 : length, text,
                     code == NULL ? "start it, or mend DATABASE_URL" : known_errors[i].advice);
}

bool postgres_error_is_lost(const PGresult *result) {
    const char *code = code_of(result);
    return strncmp(code, "08", 2) == 0 || strncmp(code, "57P", 3) == 0;
}

bool postgres_error_is_passing(const PGresult *result) {
    const char *code = code_of(result);
    // 42P01: a space went away between our look at the list of spaces and its table.
    return strcmp(code, "40001") == 0 || strcmp(code, "40P01") == 0 || strcmp(code, "42P01") == 0;
}
