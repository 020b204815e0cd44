// Internal: the life of a child that decodes one HEIC or AVIF picture for the program that started
// it (image/heif_child.h). Not a command for people.
#include <unistd.h>

#include "cli/command.h"
#include "image/heif_child.h"

int command_decode_heif(const struct command_input *input) {
    (void)input;
    // Without the libraries' farewells: they take time, and what they free is gone anyway.
    _exit(heif_child_serve(STDIN_FILENO, STDOUT_FILENO) ? 0 : 1);
}
