"""Tokens: kinds, case, line breaks, sentence starts, opaque spans; the properties every text must have."""

from __future__ import annotations

import importlib.util
import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore.tokenizer
from restore.tokenizer import (
    ABBREVIATION,
    CAPITALISED,
    CASE_MASK,
    GLUED,
    KIND_MASK,
    LOWER,
    MIXED,
    NEWLINES_MASK,
    NUMBER,
    OPAQUE,
    OPAQUE_FORM,
    PUNCTUATION,
    SENTENCE_START,
    UPPER,
    WORD,
    Tokens,
    encode,
    hash_word,
    normalise,
    opaque_spans,
    tokenize,
)

PROPERTY = settings(max_examples=300, derandomize=True, deadline=None)
KINDS = {WORD: "w", NUMBER: "n", PUNCTUATION: "p", ABBREVIATION: "a", OPAQUE: "o"}


def split(text: str) -> list[tuple[str, str]]:
    tokens = tokenize(encode(text))
    return [(tokens.surface(i), KINDS[tokens.flags[i] & KIND_MASK]) for i in range(len(tokens))]


def flag_column(text: str, mask: int) -> list[int]:
    return [flag & mask for flag in tokenize(encode(text)).flags]


# Tokens separated by "|", their kinds as letters; the text is what stands before.
TABLE = [
    ("", "", ""),
    (" \t\n\x00\u200b\ufeff\u2028", "", ""),
    ("don't", "don't", "w"),
    ("don’t O’Brien’s", "don’t|O’Brien’s", "ww"),
    ("rock 'n' roll", "rock|'|n|'|roll", "wpwpw"),
    ("the dogs’ tails", "the|dogs|’|tails", "wwpw"),
    ("'quoted' ‘quoted’", "'|quoted|'|‘|quoted|’", "pwppwp"),
    ("well-known", "well|-|known", "wpw"),
    ("him/her", "him|/|her", "wpw"),
    ("and/or", "and|/|or", "wpw"),
    ("wait—what…", "wait|—|what|…", "wpwp"),
    ("1,500 3.14 1.2.3 7", "1,500|3.14|1.2.3|7", "nnnn"),
    ("1,500, then 3.", "1,500|,|then|3|.", "npwnp"),
    ("10:30 5% €7 2–3", "10|:|30|5|%|€|7|2|–|3", "npnnppnnpn"),
    ("17th 21st 1990s 3D", "17th|21st|1990s|3D", "nnnn"),
    ("٣٤ ３", "٣٤|３", "nn"),
    ("K.G.B.", "K.G.B.", "a"),
    ("Ok.G.B. men", "Ok.G.B.|men", "aw"),
    ("e.g. Ph.D. a.m. U.S. U.S troops", "e.g.|Ph.D.|a.m.|U.S.|U.S|troops", "aaaaaw"),
    ("the K.G.B., too", "the|K.G.B.|,|too", "wapw"),
    ("I. J. Smith", "I|.|J|.|Smith", "wpwpw"),
    ("The end.Next", "The|end|.|Next", "wwpw"),
    ("x² ½ №", "x|²|½|№", "wppp"),
    ("e\u0301t\u00e9 \u0928\u092e\u0938\u094d\u0924\u0947", "e\u0301t\u00e9|\u0928\u092e\u0938\u094d\u0924\u0947", "ww"),
    ("漢字 한글 слово", "漢字|한글|слово", "www"),
    ("😀! 𝒜bc", "😀|!|𝒜bc", "ppw"),
    ("strug\u200bgle so\u00adft do\u200dn't", "strug\u200bgle|so\u00adft|do\u200dn't", "www"),
    ("\u200bword\u200b, \ufeffnext", "word|,|next", "wpw"),
    ("a\ud800b \udfff", "a|\ud800|b|\udfff", "wpwp"),
    # Opaque spans, and what is none.
    ("See https://example.org/a?b=1,c. Then", "See|https://example.org/a?b=1,c|.|Then", "wopw"),
    ("(http://example.org/a)!", "(|http://example.org/a|)|!", "popp"),
    ('at "ftp://example.org/x", www.example.org; ok', 'at|"|ftp://example.org/x|"|,|www.example.org|;|ok', "wpoppopw"),
    ("To me.too+x@mail.example.org.", "To|me.too+x@mail.example.org|.", "wop"),
    ("/usr/local/bin, ~/notes/a.txt and ../src/b.py.", "/usr/local/bin|,|~/notes/a.txt|and|../src/b.py|.", "opowop"),
    ("run `big data` now", "run|`big data`|now", "wow"),
    ("```py\nbig = data\n\n```\nend", "```py\nbig = data\n\n```|end", "ow"),
    ('<b>Big</b> <a href="x">data</a><br />', '<b>|Big|</b>|<a href="x">|data|</a>|<br />', "owoowoo"),
    ("<!-- big\ndata --> <!DOCTYPE html>", "<!-- big\ndata -->|<!DOCTYPE html>", "oo"),
    ("1 < 2 and 3 > 2", "1|<|2|and|3|>|2", "npnwnpn"),
    (r"\emph{big data} \section[x]{y} \alpha", r"\emph{big data}|\section[x]{y}|\alpha", "ooo"),
    (r"take $x_1 + y^2$ or $\alpha$ or $$a+b$$", r"take|$x_1 + y^2$|or|$\alpha$|or|$$a+b$$", "wowowo"),
    ("$5 and $6", "$|5|and|$|6", "pnwpn"),
    ("ask @some_one about #big_data2", "ask|@some_one|about|#big_data2", "wowo"),
    ("number #1, C#, &#39;", "number|#|1|,|C|#|,|&|#|39|;", "wpnpwppppnp"),
]


@pytest.mark.parametrize(("text", "surfaces", "kinds"), TABLE)
def test_kinds(text: str, surfaces: str, kinds: str) -> None:
    assert split(text) == list(zip(surfaces.split("|") if surfaces else [], kinds, strict=True))


@pytest.mark.parametrize("tag", ["<br/>", "<hr/>", "<br />"])
def test_closed_tags(tag: str) -> None:
    assert split(f"a{tag}b") == [("a", "w"), (tag, "o"), ("b", "w")]


@pytest.mark.parametrize("text", ["“See https://example.org/a”", "See https://example.org/a…", "https://example.org/a—b"])
def test_punctuation_beyond_ascii_ends_an_address(text: str) -> None:
    assert ("https://example.org/a", "o") in split(text)


@pytest.mark.parametrize("span", ["```\n" + "big = data\n" * 400 + "```", "<!-- " + "big data " * 400 + "-->"])
def test_long_spans_are_opaque(span: str) -> None:
    assert split(f"so {span} it is") == [("so", "w"), (span, "o"), ("it", "w"), ("is", "w")]


def test_long_addresses_end_between_characters() -> None:
    assert "".join(surface for surface, _ in split("https://" + "é" * 1200)) == "https://" + "é" * 1200


CASES = [
    ("war", LOWER), ("don't", LOWER), ("漢字", LOWER), ("War", CAPITALISED), ("A", CAPITALISED), ("Élan", CAPITALISED), ("O’clock", CAPITALISED),
    ("WAR", UPPER), ("ÉLAN", UPPER), ("K.G.B.", UPPER), ("U.S", UPPER), ("e.g.", LOWER), ("E.g.", CAPITALISED),
    ("McCoy", MIXED), ("iPad", MIXED), ("O’Brien", MIXED), ("Ok.G.B.", MIXED), ("Ph.D.", MIXED), ("W\u200bAR", UPPER), ("№", LOWER), ("1990S", LOWER),
]  # fmt: skip


@pytest.mark.parametrize(("text", "case"), CASES)
def test_case(text: str, case: int) -> None:
    assert flag_column(text, CASE_MASK) == [case]


NEWLINES = [
    ("a b", [2, 0]), ("a\nb", [2, 1]), ("a\n\nb", [2, 2]), ("a\n \t\n\n\nb", [2, 2]), ("a\r\nb\r\n\r\nc", [2, 1, 2]), ("\na,\nb\n", [2, 0, 1]),
    ("a\n`x`\n\n`y` z", [2, 1, 2, 0]), ("\ufeffa\n\u200bb", [2, 1]), ("a `x\ny` b", [2, 0, 0, 1, 0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "breaks"), NEWLINES)
def test_line_breaks(text: str, breaks: list[int]) -> None:
    assert [flag >> 5 for flag in flag_column(text, NEWLINES_MASK)] == breaks


SENTENCES = [
    ("He fell. She ran", [0, 3]),
    ("Why? Go! Now… Yes", [0, 2, 4, 6]),
    ("So (he said) it is", [0]),
    ("He fell.” She ran", [0, 4]),
    ("The K.G.B. came, late. Why", [0, 6]),
    ("A line\nwithout end\n\nand another", [0, 4]),
    ("He paid 3.5 pounds", [0]),
]


@pytest.mark.parametrize(("text", "words"), SENTENCES)
def test_sentence_starts(text: str, words: list[int]) -> None:
    tokens = tokenize(encode(text))
    starts = [i for i, flag in enumerate(tokens.flags) if flag & SENTENCE_START and flag & KIND_MASK != PUNCTUATION]
    assert starts == words


def test_glued() -> None:
    assert [bool(flag) for flag in flag_column("a b,c <i>d", GLUED)] == [False, False, True, True, False, True]


FORMS = [
    ("War", "war"), ("Don’t", "don't"), ("DON＇T", "don't"), ("“", '"'), ("«", '"'), ("‘", "'"), ("strug\u200bgle", "struggle"), ("K.G.B.", "k.g.b"),
    ("K.G.B", "k.g.b"), ("7", "7"), ("42", "42"), ("123", "000"), ("1984", "0000"), ("5280", "9000"), ("12345", "00000"), ("1234567", "00000"),
    ("1,500", "0,0"), ("3.14", "0.0"), ("1,500.25", "0.0"), ("17th", "00th"), ("1990s", "0000s"), ("123456x", "0000x"), ("—", "—"), ("", ""),
    ("https://example.org", OPAQUE_FORM), ("@name", OPAQUE_FORM), ("$x^2$", OPAQUE_FORM), ("ΣΟΦΟΣ", "σοφοσ"), ("İ", "İ"),
]  # fmt: skip


@pytest.mark.parametrize(("token", "form"), FORMS)
def test_normal_forms(token: str, form: str) -> None:
    assert normalise(token) == form


def test_numbers_keep_their_value_for_matching() -> None:
    tokens = tokenize(b"1984 1985 2001")
    assert len(set(tokens.hashes)) == 3
    assert len(set(tokens.norms)) == 1


@pytest.mark.xfail(strict=True, reason="normalise() sees the span without the drive letter before it, and does not find it opaque")
def test_normal_form_of_a_path_after_its_drive() -> None:
    tokens = tokenize(rb"C:\2024")
    assert tokens.flags[2] & KIND_MASK == OPAQUE
    assert hash_word(normalise(tokens.surface(2))) == tokens.norms[2]


def test_given_spans_are_one_token_each() -> None:
    text = b"one two three"
    tokens = tokenize(text, [(2, 6), (9, 13)])
    assert [tokens.surface(i) for i in range(len(tokens))] == ["on", "e tw", "o", "t", "hree"]
    assert [flag & KIND_MASK == OPAQUE for flag in tokens.flags] == [False, True, False, False, True]


PIECES = [
    *"abZÉßİıſςΣǅ.,'’-/019 \n\r\t@#<>`\\$_:;!?“»…%&{}()[]~^|*+=\"漢ひ한Жเ",
    "😀", "👨\u200d👩", "\u200b", "\ufeff", "\u00ad", "\u0301", "٣", "½", "Ⅳ", "\ud800", "\udfff", "\x00", "\x85", "\u2028", "ﬁ", "ʼ", "３", "𝒜",
    "\U000e0041", "https://", "www.", "K.G.B.", "e.g.", "th", "it's", "<b>", "<!--", "-->", "$x^2$",
]  # fmt: skip
TEXTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.text(st.characters(exclude_categories=()), max_size=20))


def check_spans(tokens: Tokens) -> None:
    last = 0
    for start, end in zip(tokens.starts, tokens.ends, strict=True):
        assert last <= start < end <= len(tokens.text)
        last = end


@PROPERTY
@given(TEXTS)
def test_every_visible_character_belongs_to_one_token(text: str) -> None:
    tokens = tokenize(encode(text))
    check_spans(tokens)
    covered = {offset for start, end in zip(tokens.starts, tokens.ends, strict=True) for offset in range(start, end)}
    offset = 0
    for character in text:
        size = len(encode(character))
        inside = {k in covered for k in range(offset, offset + size)}
        assert len(inside) == 1, "a token ends inside a character"
        if not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Zs") and character != "\u034f":
            assert inside == {True}, ascii(character)
        offset += size


@PROPERTY
@given(TEXTS)
def test_normal_forms_hash_to_what_tokens_carry(text: str) -> None:
    tokens = tokenize(encode(text))
    for i in range(len(tokens)):
        form = OPAQUE_FORM if tokens.flags[i] & KIND_MASK == OPAQUE else normalise(tokens.surface(i))
        assert hash_word(form) == tokens.norms[i]


@PROPERTY
@given(st.binary(max_size=60))
def test_any_bytes_are_tokens(data: bytes) -> None:
    check_spans(tokenize(data))


@PROPERTY
@given(TEXTS)
def test_opaque_spans_are_sorted_disjoint_and_one_token_each(text: str) -> None:
    data = encode(text)
    spans = opaque_spans(data)
    tokens = tokenize(data)
    check_spans(tokens)
    assert spans == [(tokens.starts[i], tokens.ends[i]) for i in range(len(tokens)) if tokens.flags[i] & KIND_MASK == OPAQUE]


@pytest.mark.parametrize("window", [1, 2, 5])
def test_opaque_spans_do_not_depend_on_windows(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    chance = random.Random(window)
    parts = ["/", "w", "www.", "://", "http", "@", "#", "<b>", "`", "```", "<!--", "-->", "\\", "$", " ", "a", ".", "~", "(", "\n", "é", "{x}", "1", "-"]
    texts = [encode("".join(chance.choices(parts, k=12))) for _ in range(400)]
    expected = [opaque_spans(text) for text in texts]
    monkeypatch.setattr(restore.tokenizer, "_WINDOW", window)
    assert [opaque_spans(text) for text in texts] == expected


def test_case_is_folded_as_unicode_does_for_single_characters() -> None:
    letters = [chr(code) for code in range(0x41, 0x500) if unicodedata.category(chr(code))[0] == "L" and len(chr(code).lower()) == 1]
    assert [normalise(letter) for letter in letters if letter != "\u02bc"] == [letter.lower() for letter in letters if letter != "\u02bc"]


def test_the_unicode_table_is_what_its_tool_makes() -> None:
    if unicodedata.unidata_version != restore.tokenizer.UNICODE_VERSION:
        pytest.skip(f"this Python has Unicode {unicodedata.unidata_version}, the table has {restore.tokenizer.UNICODE_VERSION}")
    tool = Path(__file__).parents[1] / "tools" / "make_unicode_table.py"
    spec = importlib.util.spec_from_file_location("make_unicode_table", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (Path(restore.tokenizer.__file__).parent / "unicode.bin").read_bytes() == module.build()
