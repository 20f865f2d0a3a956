"""Text preparation, as fathom does it before the model: see encoders/src/text.rs.

Identifiers are cut where the case changes and between letters and digits, then
BERT's own normalisation and WordPiece follow, and words without a letter or a
digit are left out.
"""

import json
import unicodedata

import tokenizers

LOWER, UPPER, DIGIT, LETTER, OTHER = range(5)


def _class(c):
    if c.islower():
        return LOWER
    if c.isupper():
        return UPPER
    if unicodedata.category(c).startswith("N"):
        return DIGIT
    return LETTER if c.isalpha() else OTHER


def _is_cut(before, here, after):
    if here == UPPER and before == LOWER:
        return True
    if here == UPPER and before == UPPER:
        return after == LOWER
    cased = (LOWER, UPPER, LETTER)
    return (before == DIGIT and here in cased) or (before in cased and here == DIGIT)


def split_identifiers(text):
    """`fooBar`, `HTTPServer`, `utf8` -> `foo Bar`, `HTTP Server`, `utf 8`."""
    classes = [_class(c) for c in text] + [OTHER]
    out = [text[:1]]
    for i in range(1, len(text)):
        if _is_cut(classes[i - 1], classes[i], classes[i + 1]):
            out.append(" ")
        out.append(text[i])
    return "".join(out)


def plain_tokenizer(path):
    """The `tokenizer.json` at `path` without truncation, padding and special
    tokens: repository text that spells `[SEP]` is text."""
    description = json.loads(path.read_text(encoding="utf-8"))
    description.update(truncation=None, padding=None, added_tokens=[], post_processor=None)
    return tokenizers.Tokenizer.from_str(json.dumps(description))


class Text:
    """Text to ids for the default profile."""

    def __init__(self, tokenizer_path, split=True, drop=True):
        self.tokenizer = plain_tokenizer(tokenizer_path)
        self.split = split
        self.drop = drop

    def ids(self, text):
        if self.split:
            text = split_identifiers(text)
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        if not self.drop:
            return encoding.ids
        kept = {}
        for word, (start, end) in zip(encoding.word_ids, encoding.offsets):
            kept[word] = kept.get(word, False) or any(c.isalnum() for c in text[start:end])
        return [i for i, word in zip(encoding.ids, encoding.word_ids) if kept[word]]

    def document(self, text, length=256):
        return [101, *self.ids(text)[: length - 2], 102]
