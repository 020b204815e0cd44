#include "cli/server_address.h"

#include <stdio.h>
#include <string.h>

#include "fetch/fetch_trusted.h"

bool server_address_read(const char *text, char address[static STORE_URL_SIZE], struct error *err) {
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == '/') size--;
    if ((!url_is_http(text) && !url_is_https(text)) || size >= STORE_URL_SIZE)
        return error_set(err, ERROR_USAGE,
                         "--server takes the address of a server, such as http://127.0.0.1:8001");
    (void)snprintf(address, STORE_URL_SIZE, "%.*s", (int)size, text);
    return true;
}
