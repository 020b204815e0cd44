#include "fetch/public_url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fetch/fetch.h"

enum {
    MAX_URL_SIZE = 8192,   // bytes; what common servers accept as a request line
    MAX_SHOWN_SIZE = 128,  // bytes of the address that an error repeats
};

// Names that lead to this machine, its network or a cloud's metadata, wherever they resolve to.
static const char *const refused_names[] = {"localhost", "metadata.amazonaws.com"};
static const char *const refused_endings[] = {".localhost", ".local", ".internal"};

static bool set_forbidden(const char *url, struct error *err) {
    return error_set(err, ERROR_INVALID,
                     "the address %.*s may not be fetched: it leads to a private or local network",
                     MAX_SHOWN_SIZE, url);
}

static bool check_characters(const char *url, struct error *err) {
    if (strnlen(url, MAX_URL_SIZE + 1) > MAX_URL_SIZE)
        return error_set(err, ERROR_INVALID, "the address is longer than %d bytes", MAX_URL_SIZE);
    for (const unsigned char *c = (const unsigned char *)url; *c != '\0'; c++)
        if (*c <= ' ' || *c == 0x7f || *c == '\\')
            return error_set(err, ERROR_INVALID,
                             "the address contains a blank, a backslash or a control character; "
                             "write such characters percent-encoded");
    return true;
}

static bool set_parse_error(CURLUcode code, struct error *err) {
    switch (code) {
        case CURLUE_BAD_SCHEME:
        case CURLUE_UNSUPPORTED_SCHEME:
            return error_set(err, ERROR_INVALID, "the address must start with http:// or https://");
        case CURLUE_USER_NOT_ALLOWED:
            return error_set(err, ERROR_INVALID,
                             "the address contains a user name or password; leave it out");
        case CURLUE_OUT_OF_MEMORY:
            return error_set(err, ERROR_INTERNAL, "out of memory reading the address");
        default:
            return error_set(err, ERROR_INVALID,
                             "the address is not a valid URL; it must look like "
                             "https://example.org/picture.jpg");
    }
}

static bool name_is_refused(const char *host) {
    size_t length = strlen(host);
    if (length == 0 || host[length - 1] == '.') return true;  // a dot at the end hides the name
    for (size_t i = 0; i < sizeof refused_names / sizeof *refused_names; i++)
        if (strcasecmp(host, refused_names[i]) == 0) return true;
    for (size_t i = 0; i < sizeof refused_endings / sizeof *refused_endings; i++) {
        size_t ending = strlen(refused_endings[i]);
        if (length >= ending && strcasecmp(host + length - ending, refused_endings[i]) == 0)
            return true;
    }
    return false;
}

// A host written as a number is judged before anything is sent; the parser has already turned
// 0x7f.1, 2130706433 and their kin into dotted decimals.
static bool host_is_refused(const char *host) {
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    char inner[INET6_ADDRSTRLEN];
    size_t length = strlen(host);
    if (inet_pton(AF_INET, host, &ipv4.sin_addr) == 1)
        return !address_is_public((const struct sockaddr *)&ipv4);
    if (host[0] != '[') return name_is_refused(host);
    if (length < 3 || length - 2 >= sizeof inner) return true;
    memcpy(inner, host + 1, length - 2);
    inner[length - 2] = '\0';
    return inet_pton(AF_INET6, inner, &ipv6.sin6_addr) != 1 ||
           !address_is_public((const struct sockaddr *)&ipv6);
}

static bool check_scheme(CURLU *parsed, struct error *err) {
    char *scheme = NULL;
    if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return set_parse_error(CURLUE_BAD_SCHEME, err);
    bool is_web = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
    curl_free(scheme);
    return is_web || set_parse_error(CURLUE_BAD_SCHEME, err);
}

static bool check_host(CURLU *parsed, const char *url, bool allows_private, struct error *err) {
    char *host = NULL, *zone = NULL;
    bool is_good = false;
    CURLUcode code = curl_url_get(parsed, CURLUPART_HOST, &host, 0);
    if (code != CURLUE_OK) {
        set_parse_error(code, err);
        goto out;
    }
    for (const unsigned char *c = (const unsigned char *)host; *c != '\0'; c++)
        if (*c >= 0x80) {
            error_set(err, ERROR_INVALID,
                      "the address names a host with letters beyond ASCII; write it in its "
                      "xn-- form");
            goto out;
        }
    if (allows_private) {
        is_good = true;
        goto out;
    }
    bool has_zone = curl_url_get(parsed, CURLUPART_ZONEID, &zone, 0) == CURLUE_OK;
    is_good = (!has_zone && !host_is_refused(host)) || set_forbidden(url, err);
out:
    curl_free(host);
    curl_free(zone);
    return is_good;
}

static bool check_port(CURLU *parsed, bool allows_private, struct error *err) {
    char *text = NULL;
    CURLUcode code = curl_url_get(parsed, CURLUPART_PORT, &text, CURLU_DEFAULT_PORT);
    if (code != CURLUE_OK) return set_parse_error(code, err);
    long port = strtol(text, NULL, 10);
    curl_free(text);
    return allows_private || port_is_public(port) ||
           error_set(err, ERROR_INVALID,
                     "the address names port %ld; pictures are fetched from ports 80 and 443 only",
                     port);
}

CURLU *public_url_create(const char *url, bool allows_private, struct error *err) {
    if (!check_characters(url, err)) return NULL;
    CURLU *parsed = curl_url();
    if (parsed == NULL) {
        set_parse_error(CURLUE_OUT_OF_MEMORY, err);
        return NULL;
    }
    // CURLU_URLENCODE: a path with letters beyond ASCII, as browsers show it, is sent encoded.
    CURLUcode code =
        curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_URLENCODE);
    bool is_good = code == CURLUE_OK || set_parse_error(code, err);
    if (is_good && check_scheme(parsed, err) && check_host(parsed, url, allows_private, err) &&
        check_port(parsed, allows_private, err))
        return parsed;
    curl_url_cleanup(parsed);
    return NULL;
}

static bool is_https(CURLU *parsed) {
    char *scheme = NULL;
    bool is_secure = curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                     strcmp(scheme, "https") == 0;
    curl_free(scheme);
    return is_secure;
}

bool public_url_is_downgrade(CURLU *from, CURLU *to) { return is_https(from) && !is_https(to); }
