// The child that test_heif_child.c starts in place of the real one: this very test program. The
// "picture" says how it misbehaves; anything else is served as the real child does.
#pragma once

// One of the rows of the table in heif_stand_in.c; the request is on descriptor 0.
int heif_stand_in_main(void);
