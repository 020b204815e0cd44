extern int http_server_pending;
