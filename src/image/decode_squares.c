#include "image/decode_squares.h"

#include "image/decoders.h"
#include "image/jpeg_reader.h"
#include "image/row_feed.h"

enum {
    // A picture is scaled by its decoder from this many times a square's side on.
    SCALED_FROM = 4,
    // It is left at least this many hundredths of the side: with less, vectors of fine texture move
    // by more than 0.0005 (docs/adr/0005-scaled-decoding.md).
    SCALED_LEAST_PERCENT = 175,
};

struct square_job {
    const struct square_request *request;
    struct pixels *squares;
    struct image_info *info;
    // Here and not on the stack of who uses them, because libjpeg may leave that by longjmp.
    struct row_resizer *resizer;
    struct row_feed *feed;
};

static void square_job_clear(struct square_job *job) {
    row_feed_destroy(job->feed);
    row_resizer_destroy(job->resizer);
}

// The scale in eighths that leaves enough of a picture for every square.
static unsigned choose_scale(const struct square_request *request, uint32_t width,
                             uint32_t height) {
    uint64_t shortest = width < height ? width : height;
    uint64_t largest_side = 0;
    for (size_t i = 0; i < request->count; i++)
        if (request->squares[i].side > largest_side) largest_side = request->squares[i].side;
    if (request->is_exact || shortest < SCALED_FROM * largest_side) return JPEG_WHOLE_SCALE;
    for (unsigned scale = 1; scale < JPEG_WHOLE_SCALE; scale *= 2)
        if (shortest * scale * 100 >= largest_side * JPEG_WHOLE_SCALE * SCALED_LEAST_PERCENT)
            return scale;
    return JPEG_WHOLE_SCALE;
}

// `width` and `height` of the whole picture as it is stored; `source` may be scaled down already.
static bool start_resizer(struct square_job *job, uint32_t width, uint32_t height,
                          const struct resize_source *source, struct error *err) {
    bool is_on_its_side = source->orientation >= 5;
    struct resize_target targets[PICTURE_SQUARES_MAX];
    job->info->width = is_on_its_side ? height : width;
    job->info->height = is_on_its_side ? width : height;
    job->info->orientation = source->orientation;
    for (size_t i = 0; i < job->request->count; i++)
        if (!picture_square_target(&job->request->squares[i], job->info->width, job->info->height,
                                   &targets[i], err))
            return false;
    job->resizer = row_resizer_create(source, targets, job->request->count, err);
    return job->resizer != NULL;
}

static bool read_jpeg(struct jpeg_reader *reader, void *context, struct error *err) {
    struct square_job *job = context;
    const struct jpeg_decompress_struct *codec = &reader->codec;
    unsigned scale = choose_scale(job->request, codec->image_width, codec->image_height);
    jpeg_reader_start(reader, scale);
    struct resize_source source = {
        .width = codec->output_width,
        .height = codec->output_height,
        .extent_x = (double)codec->image_width * scale / JPEG_WHOLE_SCALE,
        .extent_y = (double)codec->image_height * scale / JPEG_WHOLE_SCALE,
        .orientation = reader->orientation,
    };
    if (!start_resizer(job, codec->image_width, codec->image_height, &source, err)) return false;
    job->feed = row_feed_create(job->resizer, source.width, source.height, err);
    if (job->feed == NULL) return false;
    while (codec->output_scanline < codec->output_height) {
        uint32_t rows;
        uint8_t *room = row_feed_room(job->feed, &rows);
        jpeg_reader_read_rows(reader, room, rows);
        row_feed_add(job->feed, rows);
    }
    return true;
}

static bool read_pixels(struct square_job *job, const struct pixels *pixels, int orientation,
                        struct error *err) {
    struct resize_source source = {
        .width = pixels->width,
        .height = pixels->height,
        .extent_x = pixels->width,
        .extent_y = pixels->height,
        .orientation = orientation,
    };
    if (!start_resizer(job, pixels->width, pixels->height, &source, err)) return false;
    row_resizer_take(job->resizer, &(struct row_window){.rows = pixels->rgb,
                                                        .stride = (size_t)pixels->width * 3,
                                                        .end = pixels->height});
    return true;
}

bool image_decode_squares(const uint8_t *bytes, size_t size, const struct image_limits *limits,
                          const struct square_request *request, struct pixels *squares,
                          struct image_info *info, struct error *err) {
    for (size_t i = 0; i < request->count; i++) squares[i] = (struct pixels){0};
    *info = (struct image_info){.orientation = 1};
    if (!picture_format_check(bytes, size, limits, &info->format, err)) return false;
    struct square_job job = {.request = request, .squares = squares, .info = info};
    bool is_ok;
    if (info->format == IMAGE_JPEG) {
        is_ok = jpeg_reader_run(bytes, size, limits, read_jpeg, &job, err);
    } else {
        struct pixels pixels;
        int orientation;
        is_ok = picture_decode(info->format, bytes, size, limits, &pixels, &orientation, err) &&
                read_pixels(&job, &pixels, orientation, err);
        pixels_clear(&pixels);
    }
    is_ok = is_ok && row_resizer_finish(job.resizer, squares, err);
    square_job_clear(&job);
    for (size_t i = 0; !is_ok && i < request->count; i++) pixels_clear(&squares[i]);
    return is_ok;
}
