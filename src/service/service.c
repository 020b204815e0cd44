extern int service_service_pending;
