// Whether a caption has got stuck, as greedy decoding does: "dai dai dai", "a close up of a close
// up of a". The model is sure of such words, so its confidence does not tell.
#pragma once

#include <stdbool.h>

// True when a word, or a phrase of up to 8 words, stands three times in a row; or a phrase of 3 to
// 8 words twice in a row, if that (with the beginning of a third time) is more than half of the
// caption. Two words twice are left alone: "new york, new york", "side by side by side". So is what
// comes again after other words: "a bird on a branch with a bird on a branch" may be two birds. "A
// book on top of a book on top of a table" is taken for stuck, though it might be true.
//
// Words are what stands between ASCII white space, without the ASCII punctuation around them; marks
// that stand alone are words too (". . ."). ASCII case does not count; other characters are
// compared as the bytes they are, so any bytes will do. Looks at the first 128 words.
bool caption_is_repetitive(const char *text);
