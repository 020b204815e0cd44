// What a client's Accept header says about a media type (RFC 9110, 12.5.1). Takes any text: what is
// malformed counts as not there.
#pragma once

#include <stdbool.h>

struct http_acceptance {
    double quality;  // 0: not wanted, to 1
    bool is_named;   // by its own name, not by "*/*" and the like
};

// `media_type` is "text/plain"; `version` the only version of it that there is, NULL: it has none.
// A range with another version does not speak of it; other parameters do not matter. Of several
// ranges the most exact one counts. Without a header everything is welcome.
struct http_acceptance http_accept_read(const char *accept, const char *media_type,
                                        const char *version);
