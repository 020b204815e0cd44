extern int kernels_compute_pending;
