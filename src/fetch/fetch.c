extern int fetch_fetch_pending;
