extern int image_pixels_pending;
