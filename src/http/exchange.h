// The callbacks of libmicrohttpd: one request from its first line to the end of its answer. All
// run on event threads, except exchange_handle, which a handler thread runs.
#pragma once

#include <microhttpd.h>
#include <sys/socket.h>

struct http_request;
struct http_server;

enum MHD_Result exchange_accept_connection(void *server, const struct sockaddr *address,
                                           socklen_t address_size);
void exchange_note_connection(void *server, struct MHD_Connection *connection,
                              void **watched_connection, enum MHD_ConnectionNotificationCode what);
void *exchange_begin(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_proceed(void *server, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **request);
void exchange_end(void *server, struct MHD_Connection *connection, void **request,
                  enum MHD_RequestTerminationCode reason);

// Runs the handler of a request from the queue and gives its connection back to its event thread.
void exchange_handle(struct http_server *server, struct http_request *request);
