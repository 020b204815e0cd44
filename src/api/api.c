extern int api_api_pending;
