extern int engine_engine_pending;
