extern int hub_hub_pending;
