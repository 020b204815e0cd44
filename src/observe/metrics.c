extern int observe_metrics_pending;
