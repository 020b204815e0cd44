// The header that tells browsers what to call a picture that they save.
#pragma once

enum { CONTENT_DISPOSITION_SIZE = 1024 };

// `name` is what a client called the file, any bytes; empty: nothing is known. It is made harmless:
// no folders, no control characters, and always the extension of the picture's format, so that
// nothing else is ever made of it. What does not fit is left out.
void content_disposition_write(const char *id, const char *name, const char *extension,
                               char text[static CONTENT_DISPOSITION_SIZE]);
