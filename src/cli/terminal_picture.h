// Small pictures in the terminal, between lines of text. Nothing is printed where the terminal
// shows none. A picture that cannot be shown is told in the log: the answer is complete without it.
#pragma once

#include "cli/terminal.h"
#include "image/decode.h"

// Prints the picture of a file on standard output, on lines of its own.
void terminal_picture_print_file(const struct terminal *terminal, const char *path,
                                 const struct image_limits *limits);
// The same for a stored picture, which is in the data folder under its SHA-256.
void terminal_picture_print_stored(const struct terminal *terminal, const char *data_folder,
                                   const char *sha256, const struct image_limits *limits);
