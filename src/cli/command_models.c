#include "cli/command.h"

int command_models(const struct command_input *input) { return (int)input->word_count; }
