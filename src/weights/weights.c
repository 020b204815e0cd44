extern int weights_weights_pending;
