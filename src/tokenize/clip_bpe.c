extern int tokenize_clip_bpe_pending;
