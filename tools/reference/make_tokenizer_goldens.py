#!/usr/bin/env python3
"""Make the golden rows of the two tokenizers: texts and the ids that the references give them;
and the suites of vocabulary files that must be refused.

    python tools/reference/make_tokenizer_goldens.py

Needs open_clip_torch 2.26 and transformers 4.45. The published CLIP vocabulary is too large to
commit, so the rows that every build checks come from a small one: some hundred merges, trained
here on a few sentences, loaded by open_clip's own SimpleTokenizer. clip_full_ids.txt has the rows
of the published vocabulary; they are checked where IMGROUTER_CLIP_MERGES names that file.

The references are used as they are, but for two things that the C code leaves out on purpose and
documents: ftfy is replaced by the identity, and the special tokens are not looked for in the text.

A row is "text TAB ids"; bytes that are not printable, and the backslash, are written \\xHH.
"""
import argparse
import collections
import gzip
import json
import pathlib
import random
import tempfile
import unicodedata
from html.entities import html5, name2codepoint

import open_clip.tokenizer
import regex
from transformers import BertTokenizer, BertTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
MERGE_COUNT = 400
WORD_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

SENTENCES = """
a photo of a cat on the mat. a photo of a dog on the beach. the cat and the dog are sleeping.
a woman is walking with her dog in the snow, and it's raining. don't stop, we've seen that before.
a red car stands in front of the old house. two children are playing with a ball near the water.
the man's hat is on the table; he'd like to eat something. they're reading books in the garden.
a bowl of fresh fruit with apples, oranges and bananas. the sun is setting over the mountains.
a close up photograph of a yellow flower with a bee. an aerial view of the city at night.
people are standing around a birthday cake with candles. a black and white picture of a street.
several boats on the river under a bridge! is there a train at the station? I'm sure we'll see.
café über naïve façade. ein schöner tag für äpfel. der fluß ist groß. el niño come piñas.
кошка сидит на окне. собака бежит по снегу. γάτα και σκύλος. 猫と犬の写真です。
🐶 🐱 😀 😀 😃 🌊🌊
"""

TEXTS = [
    # The rows that several independent ports agree on.
    "a photo of a cat", "a diagram", "a dog", "", "   ", "Hello, world!", "Hello,   WORLD!",
    "A PHOTO of  a Cat!", "don't stop 42 times", "hello-world, 3.14 (test)", "café über naïve",
    "cafe uber naive", "birthday cake 2024", "hatbox", "hat box", "mobileclip", "dog on a beach",
    "a dog in the snow", "🐶", "😀 😃 😄",
    # Contractions, and what only looks like one.
    "it's", "IT'S", "we've they're I'm he'll she'd can't", "'s", "'", "''", "''s", "'tis", "rock'n'roll",
    "the dogs' bowl", "o'clock", "d'accord", "'re've'll", "don''t", "it’s don’t", "'\u017f \u017f", "x'sy",
    "'S 'T 'RE 'VE 'M 'LL 'D", "!'s", "a's's",
    # Numbers: one at a time, of every script.
    "0123456789", "3.14159", "1,000,000", "10km 5kg", "½ ¼ ²³", "٠١٢٣", "०१२३", "Ⅷ ⅷ", "①②③", "一二三", "𝟘𝟙",
    "2024-11-23T01:02:03Z", "v1.2.3-rc4", "#1 100% $5 €6 £7",
    # Punctuation and symbols.
    "...", "!?!?", "(a)[b]{c}", "a_b_c", "__init__", "https://example.org/a?b=c&d=e#f", "me@example.org",
    "C++ / C# / F#", "a&b", "<b>bold</b>", "\"quoted\" “quoted” «quoted»", "em—dash en–dash", "x→y", "©®™",
    "~`^|\\", "½cup", "*** --- ***", "¿qué? ¡sí!", "a…b", "✓✗", "♥", "∑∏∫",
    # Whitespace of all kinds.
    " a ", "a\tb\nc\r\nd", "a\u00a0b", "a\u2003b\u2009c", "a\u3000b", "a\u2028b\u2029c", "a\u0085b",
    "a\u000bb\u000cc", "a\u001cb\u001db\u001eb\u001fb", "a\u200bb", "\ufeffa", "a\u180eb", "\n\n", "\u1680x\u202f\u205fy",
    # Upper and lower case.
    "ÀÉÎÕÜ", "ΑΒΓ ΣΊΣΥΦΟΣ ΟΔΟΣ. ΑΣ' ΣΑΣ Σ", "İstanbul I ı i", "STRASSE ẞ ß", "ǅ Ǆ ǆ", "ДОБРЫЙ ДЕНЬ", "Ꭰ ꭰ",
    "ＦＵＬＬ　ＷＩＤＴＨ", "ᾈ ᾳ ΰ", "Å Ω K", "ﬁ ﬂ ﬀ", "𝐁𝐨𝐥𝐝", "Ⓐⓐ", "ΑΣ·Α ΑΣ\u00adΑ ΑΣ\u0301 ",
    # Other scripts, right to left, combining marks, emoji sequences.
    "猫と犬の写真です。", "一只猫坐在窗台上", "고양이 사진", "قطة على السجادة", "חתול על השטיח", "แมวบนเสื่อ",
    "बिल्ली चटाई पर", "кошка сидит на окне", "γάτα και σκύλος", "kočka på gräset", "Tiếng Việt", "მიაუ", "Հայերեն",
    "e\u0301 n\u0303 a\u0308\u0304", "Z\u0351\u036b\u0343a\u0321\u034dl\u0348", "\u0301start", "न\u093c", "o\u0302\u0323",
    "👩‍👩‍👧‍👦", "👍🏽", "🇩🇪", "❤️", "1️⃣", "🏴\U000e0067\U000e0062\U000e007f", "a🐱b", "🐶🐶🐶", "日本語とEnglishとмикс 123",
    "㍿ ㎏ ﷺ", "ｶﾀｶﾅ", "𠀀𠀁 豈", "\u202eabc\u202c", "a\u00adb", "🫠",
    # HTML.
    "&amp;", "&amp;amp;", "&amp;amp;amp;", "&lt;b&gt;", "a &amp b", "&ampere", "&notit; &notin; &not", "&copy2024",
    "&AMP;&LT;&GT;&QUOT;&COPY;&REG;", "&AMP &LT &Amp;", "&nbsp;&#160;x", "&#65;&#x41;&#X41;", "&#65 &#x41", "&#;", "&#x;",
    "&", "&;", "& &", "&&amp;", "&#0;a", "&#128;&#x99;", "&#xD800;", "&#x110000;", "&#99999999999999999999;", "&#1;a&#11;b",
    "&#xFDD0;a&#xFFFF;b", "&#13;a&#10;b", "&eacute;t&eacute;", "&eacutex", "&Eacute;", "&alpha;&beta;&Omega;", "&hellip;&mdash;",
    "&rsquo;s", "it&#39;s", "it&apos;s", "it&apos s", "&quot;a&quot;", "&thetasym;&upsih;&piv;", "&lang;&rang;", "&hearts;&hearts",
    "&amp;#39;", "&amp;lt;", "&unknown;", "&averyveryveryveryverylongnameindeedyes;", "&lt", "a&ltb", "x&gt;y", "&szlig;&frac12;",
    # Control characters, odd code points, and what are special tokens elsewhere.
    "a\u0001b", "a\u007fb", "\u0080\u009f", "\ufffd", "\ufffe", "\ue000", "\U0010ffff", "a\u0008",
    "<start_of_text>", "<end_of_text>", "a cat <end_of_text> a dog", "<END_OF_TEXT>", "<|endoftext|>", "</w>", "a</w>b",
    "[CLS] [SEP] [MASK] [UNK] [PAD]", "[mask]", "##ing", "un##known",
    # Long ones.
    "a photo of a cat " * 30, "supercalifragilisticexpialidocious", "x" * 99, "x" * 100, "x" * 101, "ab" * 300, "the " * 76,
    "the " * 75, "the " * 74, "🐶" * 90, "." * 200, "word " * 20 + "e\u0301" * 60 + " end", "lä" * 50, "猫" * 120, "1" * 90,
    # Ordinary captions and queries.
    "a woman sitting on the beach with her dog", "two dogs playing in the snow", "a red car parked in front of a house",
    "An aerial photograph of the city at night, with bright lights.", "screenshot of an error message", "receipt from 2021",
    "handwritten note: \"call me\"", "a group of people standing around a table", "sunset over mountains", "black & white portrait",
    "IMG_20231105_142233.jpg", "Eiffel Tower, Paris", "golden retriever puppy", "a close-up of a bee on a yellow flower",
    "kids' birthday party", "an old man's hat", "Weihnachtsmarkt in Nürnberg", "château de Versailles", "niño con piñata",
    "a man riding a wave on top of a surfboard", "the quick brown fox jumps over the lazy dog", "train at the station",
]

POOLS = [
    (0x20, 0x7F), (0x20, 0x7F), (0x20, 0x7F), (0x61, 0x7B), (0x61, 0x7B), (0xA0, 0x180), (0x1E00, 0x1F00), (0x300, 0x340),
    (0x370, 0x400), (0x1F00, 0x2000), (0x400, 0x460), (0x590, 0x700), (0x900, 0x980), (0xE00, 0xE60), (0x10A0, 0x1100),
    (0x2000, 0x2070), (0x2100, 0x2190), (0x2460, 0x2500), (0x3000, 0x3100), (0x4E00, 0x4E80), (0xAC00, 0xAD00),
    (0xF900, 0xF980), (0xFB00, 0xFB07), (0xFF00, 0xFFA0), (0x1D400, 0x1D4A0), (0x1F600, 0x1F650), (0x0, 0x20),
]


def random_texts(count):
    generator = random.Random(20240)
    pieces = ["'s", "'t", "&amp;", "&lt;", "&#x", "&eacute", ";", "  ", "the", "cat", "photo", "İ", "Σ"]
    made = []
    while len(made) < count:
        text = ""
        for _ in range(generator.randrange(1, 25)):
            if generator.random() < 0.2:
                text += generator.choice(pieces)
            else:
                text += chr(generator.randrange(*generator.choice(POOLS)))
        # Unicode versions differ in what is assigned; NUL ends a C string.
        if "\0" not in text and not any(unicodedata.category(c) == "Cn" for c in text):
            made.append(text)
    return made


def escape(text):
    row = ""
    for character in text:
        if character.isprintable() and character != "\\":
            row += character
        else:
            row += "".join(f"\\x{byte:02X}" for byte in character.encode("utf-8"))
    return row


def write_rows(path, rows):
    path.write_bytes("".join(f"{row}\n" for row in rows).encode("utf-8"))
    print(f"{path.relative_to(ROOT)}: {len(rows)} rows")


def train_merges(text, count):
    """Plain byte-pair encoding: join the commonest pair of neighbours, again and again."""
    byte_symbols = open_clip.tokenizer.bytes_to_unicode()
    words = collections.Counter()
    for word in regex.findall(WORD_PATTERN, text.lower(), regex.IGNORECASE):
        symbols = [byte_symbols[byte] for byte in word.encode("utf-8")]
        symbols[-1] += "</w>"
        words[tuple(symbols)] += 1
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += times
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        joined = collections.Counter()
        for word, times in words.items():
            new, i = [], 0
            while i < len(word):
                if word[i : i + 2] == best:
                    new.append(word[i] + word[i + 1])
                    i += 2
                else:
                    new.append(word[i])
                    i += 1
            joined[tuple(new)] += times
        words = joined
    return merges


def clip_reference(merges_path=None):
    open_clip.tokenizer.ftfy.fix_text = lambda text: text
    arguments = {"bpe_path": str(merges_path)} if merges_path else {}
    tokenizer = open_clip.tokenizer.SimpleTokenizer(**arguments)
    tokenizer.pat = regex.compile(WORD_PATTERN, regex.IGNORECASE)
    tokenizer.cache = {}
    return tokenizer


def clip_row(tokenizer, text):
    ids = [tokenizer.sot_token_id] + tokenizer.encode(text) + [tokenizer.eot_token_id]
    return escape(text) + "\t" + " ".join(map(str, ids))


def make_clip(folder, texts):
    merges = train_merges(SENTENCES, MERGE_COUNT)
    lines = "#version: 0.2\n" + "\n".join(" ".join(merge) for merge in merges)
    (folder / "clip_merges.txt").write_text(lines + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        # Without the last newline: SimpleTokenizer makes an empty merge of what follows it.
        packed = pathlib.Path(temporary) / "merges.txt.gz"
        packed.write_bytes(gzip.compress(lines.encode("utf-8")))
        tokenizer = clip_reference(packed)
    # transformers' file, with other ids, so that a reader who derives them instead is caught.
    last = tokenizer.vocab_size - 3
    vocab = {
        symbol: last - number if number <= last else number
        for symbol, number in tokenizer.encoder.items()
    }
    vocab["<|startoftext|>"] = vocab.pop("<start_of_text>")
    vocab["<|endoftext|>"] = vocab.pop("<end_of_text>")
    (folder / "clip_vocab.json").write_text(json.dumps(vocab, indent=0) + "\n", encoding="utf-8")
    write_rows(folder / "clip_ids.txt", [clip_row(tokenizer, text) for text in texts])
    full = clip_reference()
    write_rows(folder / "clip_full_ids.txt", [clip_row(full, text) for text in texts])


def bert_vocabulary():
    letters = "abcdefghijklmnopqrstuvwxyz"
    other = "0123456789ßøłđıæαβγδεσςуктшаоиснегбпзюя猫犬写真のでと一只مقطةשלחתแมว고²½①"
    punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~…—“”’。，¿¡«»©™→€🐶"
    words = sorted(set(regex.findall("[a-z]{2,}", SENTENCES)))
    endings = "ing ed er est ly s ness tion ment able ful 's ity al ic ous ph oto ap res on in an he"
    lines = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    lines += list(punctuation) + list(letters) + list(other)
    lines += ["##" + c for c in letters + other] + words + ["##" + e for e in endings.split()]
    lines += ["ve"]
    return list(dict.fromkeys(lines))


def make_bert(folder, texts):
    path = folder / "wordpiece_vocab.txt"
    vocabulary = bert_vocabulary()
    path.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    slow = BertTokenizer(str(path))
    fast = BertTokenizerFast(str(path))

    def encode(text):
        # BertTokenizer.tokenize without its search for special tokens, which no option switches
        # off; it lower-cases one character at a time.
        words = slow.basic_tokenizer.tokenize("".join(c.lower() for c in text))
        pieces = [piece for word in words for piece in slow.wordpiece_tokenizer.tokenize(word)]
        ids = slow.convert_tokens_to_ids(pieces)
        has_special = any(token in text for token in slow.all_special_tokens)
        assert has_special or ids == slow.encode(text, add_special_tokens=False), text
        return ids

    rows = [escape(text) + "\t" + " ".join(map(str, encode(text))) for text in texts]
    write_rows(folder / "wordpiece_ids.txt", rows)

    generator = random.Random(7)
    sequences = [encode(text) for text in texts]
    joiners = [vocabulary.index(token) for token in
               [".", "?", "!", ",", "'", "n", "t", "m", "s", "ve", "##ing", "##s", "cat", "'"]]
    for _ in range(120):
        length = generator.randrange(0, 12)
        sequences.append([
            generator.choice(joiners) if generator.random() < 0.5
            else generator.randrange(-1, len(vocabulary) + 3) for _ in range(length)])
    rows = []
    for ids in sequences:
        kept = [number for number in ids if 0 <= number < len(vocabulary)]  # [DEC] is outside
        text = fast.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=True)
        again = slow.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=True)
        assert text.strip() == again.strip(), (ids, text, again)
        rows.append(" ".join(map(str, ids)) + "\t" + escape(text))
    write_rows(folder / "wordpiece_texts.txt", rows)


def make_html_names(folder):
    """The names of HTML 4 and their few companions, as html.unescape knows them."""
    names = sorted(name2codepoint) + ["apos", "AMP", "LT", "GT", "QUOT", "COPY", "REG"]
    rows = [escape(f"&{name};") + "\t" + escape(html5[name + ";"]) for name in names]
    rows += [escape(f"&{name}") + "\t" + escape(html5[name]) for name in html5 if name[-1] != ";"]
    write_rows(folder / "html_names.txt", rows)


def make_suites():
    """Vocabulary files that must be refused, or read in spite of their looks (empty error)."""
    merges = b"#version\na b\nab c</w>\n"
    symbols = ["a", "b", "c</w>", "ab", "abc</w>", "<|startoftext|>", "<|endoftext|>"]

    def vocab(*entries):
        return json.dumps(dict(entries or zip(symbols, range(len(symbols))))).encode()

    numbered = list(zip(symbols, range(len(symbols))))
    packed = gzip.compress(merges, mtime=0)
    cases = {
        "valid": (merges, None, ""),
        "valid_vocab": (merges, vocab(), ""),
        "valid_gzip": (packed, None, ""),
        "valid_line_ends": (merges.replace(b"\n", b"\r\n"), None, ""),
        "valid_no_last_line_end": (merges[:-1], None, ""),
        "valid_blank_lines_at_end": (merges + b"\n\n", None, ""),
        "valid_openai_names": (merges, vocab(*numbered[:-2], ("<start_of_text>", 5), ("<end_of_text>", 6)), ""),
        "empty": (b"", None, "holds no merges"),
        "only_version": (b"#version: 0.2\n", None, "holds no merges"),
        "one_symbol": (b"#version\na b\nabc\n", None, "line 3 is not a merge of two symbols"),
        "three_symbols": (b"#version\na b c\n", None, "line 2 is not a merge of two symbols"),
        "only_blanks": (b"#version\n  \na b\n", None, "line 2 is not a merge of two symbols"),
        "unknown_symbol": (b"#version\na b\nabc d\n", None, "merge number 2 joins symbols that the vocabulary does not have"),
        "not_a_byte_symbol": (b"#version\na \xe2\x82\xac\n", None, "merge number 1 joins symbols"),
        "web_page": (b"<html>\n<head><title>404</title></head>\n", None, "line 2 is not a merge"),
        "gzip_cut": (packed[:-4], None, "gzip data is damaged or cut short"),
        "gzip_damaged": (packed[:12] + b"\xff\xff" + packed[14:], None, "gzip data is damaged or cut short"),
        "gzip_header_only": (packed[:10], None, "gzip data is damaged or cut short"),
        "vocab_not_json": (merges, b"{", "is not a JSON object of symbols and ids"),
        "vocab_list": (merges, b"[1, 2]", "is not a JSON object of symbols and ids"),
        "vocab_not_utf8": (merges, b'{"\xff": 0}', "is not a JSON object of symbols and ids"),
        "vocab_symbol_twice": (merges, b'{"a": 0, "a": 1}', "is not a JSON object of symbols and ids"),
        "vocab_id_twice": (merges, vocab(*numbered[:-1], ("<|endoftext|>", 5)), "do not have the ids 0 to 6, each once"),
        "vocab_id_gap": (merges, vocab(*numbered[:-1], ("<|endoftext|>", 7)), "do not have the ids 0 to 6"),
        "vocab_id_negative": (merges, vocab(*numbered[:-1], ("<|endoftext|>", -1)), "do not have the ids 0 to 6"),
        "vocab_id_text": (merges, vocab(*numbered[:-1], ("<|endoftext|>", "6")), "do not have the ids 0 to 6"),
        "vocab_id_real": (merges, vocab(*numbered[:-1], ("<|endoftext|>", 6.0)), "do not have the ids 0 to 6"),
        "vocab_empty": (merges, b"{}", "merge number 1 joins symbols"),
        "vocab_no_end": (merges, vocab(*numbered[:-1]), "no symbols for the start and the end of a text"),
        "vocab_without_merged": (merges, vocab(*[(s, i) for i, s in enumerate(symbols[:4] + symbols[5:])]),
                                 "merge number 2 joins symbols"),
    }
    for name, (merges_bytes, vocab_bytes, error) in cases.items():
        write_suite_case("clip_bpe", name, error, {"merges.txt": merges_bytes, "vocab.json": vocab_bytes})
    plain = b"[PAD]\n[UNK]\ncat\n##s\n"
    for name, (content, error) in {
        "valid": (plain, ""),
        "valid_line_ends": (plain.replace(b"\n", b"\r\n"), ""),
        "valid_no_last_line_end": (plain[:-1], ""),
        "empty": (b"", "no line [UNK]"),
        "no_unknown": (b"[PAD]\ncat\n", "no line [UNK]"),
        "not_utf8": (plain + b"\xff\n", "is not UTF-8 text"),
        "surrogate": (plain + b"\xed\xa0\x80\n", "is not UTF-8 text"),
        "nul": (plain + b"a\0b\n", "is not UTF-8 text"),
    }.items():
        write_suite_case("wordpiece", name, error, {"vocab.txt": content})


def write_suite_case(suite, name, error, files):
    folder = ROOT / "tests/suites" / suite / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "error").write_text(error + "\n" if error else "")
    for file_name, content in files.items():
        if content is not None:
            (folder / file_name).write_bytes(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--random", type=int, default=120, help="rows of random text")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/golden/tokenize")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    texts = TEXTS + random_texts(arguments.random)
    make_clip(arguments.out, texts)
    make_bert(arguments.out, texts)
    make_html_names(arguments.out)
    make_suites()


if __name__ == "__main__":
    main()
