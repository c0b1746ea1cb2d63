"""Mapping dictionaries: the rules for rows, inflection in step, layers, evidence to weights, the cache, compiled files, and the shipped files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import restore
from restore.errors import DictionaryError
from restore.lexicon import compile_dictionaries, data_path, find_files, load_lexicon, read_files, read_words
from restore.lexicon.build import BORROWED, PHRASE_RATE, SELF_WEIGHT, UNLISTED, WORD_RATE, channel_weights
from restore.lexicon.inflection import Inflector
from restore.lexicon.rows import HEADER, MAX_WORDS, PARTS_OF_SPEECH
from restore.lexicon.terms import BACKWARDS, DERIVED, find_terms, link_words

E_ACUTE = "e\N{COMBINING ACUTE ACCENT}"

#: A row, the column of the fault, the message; for any file.
BAD_ROWS = [
    ("", 1, "empty line; delete it"),
    ("a\tb\tn\t1", 1, "4 columns; write five, with tabs between them: observed, original, pos, weight, note (may be empty)"),
    ("a\tb\tn\t1\tnote\tmore", 1, "6 columns; write five, with tabs between them: observed, original, pos, weight, note (may be empty)"),
    ("\tbeta\tn\t1\t", 1, "observed is empty; write the word or phrase"),
    ("alpha\t \tn\t1\t", 7, "original is empty; write the word or phrase"),
    (f"caf{E_ACUTE}\tbar\tx\t1\t", 1, f"observed 'caf{E_ACUTE}' is not in Unicode form NFC; write 'caf\N{LATIN SMALL LETTER E WITH ACUTE}'"),
    ("alpha \tbeta\tn\t1\t", 1, "observed 'alpha ' has stray spaces; write 'alpha'"),
    ("alpha\tbeta  gamma\tn\t1\t", 7, "original 'beta  gamma' has stray spaces; write 'beta gamma'"),
    ("the city’s\ttown\tx\t1\t", 1, "observed 'the city’s' has curly quotes; write ' and \" (matching straightens them)"),
    ("alpha\tbe\N{SOFT HYPHEN}ta\tx\t1\t", 7, "original 'be\\xadta' has control or invisible characters; delete them"),
    (" ".join("a" * 13) + "\tb\tx\t1\t", 1, f"observed {' '.join('a' * 13)!r} has more than {MAX_WORDS} words and signs; split the row"),
    ("alpha\tbeta\tnoun\t1\t", 12, "pos is 'noun'; write one of n, v, a, r, x (x: exact surface string)"),
    ("alpha\tbeta\t\t1\t", 12, "pos is ''; write one of n, v, a, r, x (x: exact surface string)"),
    ("Alpha\tbeta\tn\t1\t", 1, "observed 'Alpha' has capitals; write it in lower case (capitals matter only in originals)"),
    ("alpha 2\tbeta\tn\t1\t", 1, "'alpha 2' → 'beta': only letters, spaces, hyphens and apostrophes can be inflected; use pos x"),
    ("alpha\tbeta\tn\tmany\t", 14, "weight is 'many'; write a number from 0 to a million (0 disables a pair of a lower layer)"),
    ("alpha\tbeta\tn\t\t", 14, "weight is ''; write a number from 0 to a million (0 disables a pair of a lower layer)"),
    ("alpha\tbeta\tn\t-1\t", 14, "weight is '-1'; write a number from 0 to a million (0 disables a pair of a lower layer)"),
    ("alpha\tbeta\tn\tnan\t", 14, "weight is 'nan'; write a number from 0 to a million (0 disables a pair of a lower layer)"),
    ("alpha\tbeta\tn\t1000000\t", 14, "weight is '1000000'; write a number from 0 to a million (0 disables a pair of a lower layer)"),
    ("alpha\tbeta\tn\t1\t\nalpha\tbeta\tn\t2\t", 1, "'alpha' → 'beta' (n) is also in line 2; keep one and add the weights"),
]

#: The same for whole files: content, line, column, beginning of the message.
BAD_FILES = [
    ("", 1, 1, f"header expected: {HEADER!r}"),
    ("# only a comment\n", 1, 1, "no header; the first line that is no comment is "),
    ("alpha\tbeta\tn\t1\t\n", 1, 1, f"header expected: {HEADER!r}"),
    (f"# one\n{HEADER.upper()}\n", 2, 1, f"header expected: {HEADER!r}"),
    (f"{HEADER}\nalpha\tbeta\tn\t1\t", 2, 1, "last line has no line end; add one"),
    (f"# family: My own\n{HEADER}\nalpha\tbeta\tn\t1\t\n", 1, 10, "family is 'My own'; write a name of lower-case letters"),
    (f"{HEADER}\nalpha\tbeta\tn\t1\t\r\n", 2, 1, "carriage return; use LF line ends"),
]

#: Observed, original, pos, and the surface pairs of the row.
INFLECTED = [
    ("struggle", "war", "n", ["struggle war", "struggles wars", "struggle's war's"]),
    ("child", "lass", "n", ["child lass", "children lasses", "child's lass's"]),
    ("kid", "child", "n", ["kid child", "kids children", "kid's child's"]),
    ("despatch", "send", "v", ["despatch send", "despatches sends", "despatched sent", "despatching sending"]),
    ("get rid of", "drop", "v", ["get rid of drop", "gets rid of drops", "got rid of dropped", "getting rid of dropping"]),
    ("go", "try", "v", ["go try", "goes tries", "went tried", "gone tried", "going trying"]),
    ("agree", "dye", "v", ["agree dye", "agrees dyes", "agreed dyed", "agreeing dyeing"]),
    ("play", "die", "v", ["play die", "plays dies", "played died", "playing dying"]),
    ("huge", "big", "a", ["huge big", "huger bigger", "hugest biggest"]),
    ("radical", "big", "a", ["radical big", "more radical bigger", "most radical biggest"]),
    ("big", "radical", "a", ["big radical", "bigger more radical", "biggest most radical"]),
    ("shortly", "soon", "r", ["shortly soon", "more shortly sooner", "most shortly soonest"]),
    ("struggles", "wars", "x", ["struggles wars"]),
    ("healing facility", "hospital", "n", ["healing facility hospital", "healing facilities hospitals", "healing facility's hospital's"]),
]


def write(path: Path, *rows: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return path


def problems(*paths: Path, shipped: bool = False) -> list[str]:
    with pytest.raises(DictionaryError) as caught:
        read_files(paths, shipped=shipped)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def originals(lexicon: restore.lexicon.Lexicon, phrase: str) -> set[str]:
    return {candidate.original for candidate in lexicon.lookup(phrase)}


@pytest.mark.parametrize(("row", "column", "message"), BAD_ROWS)
def test_bad_row(tmp_path: Path, row: str, column: int, message: str) -> None:
    path = write(tmp_path / "bad.tsv", row)
    assert problems(path) == [f"{path}:{2 + row.count(chr(10))}:{column}: {message}"]


@pytest.mark.parametrize(("content", "line", "column", "message"), BAD_FILES)
def test_bad_file(tmp_path: Path, content: str, line: int, column: int, message: str) -> None:
    path = tmp_path / "bad.tsv"
    path.write_bytes(content.encode())
    assert problems(path)[0].startswith(f"{path}:{line}:{column}: {message}")


def test_bad_bytes(tmp_path: Path) -> None:
    path = tmp_path / "bad.tsv"
    path.write_bytes(f"{HEADER}\nalpha\tbeta\tn\t1\t\ncaf\xe9\tbar\tn\t1\t\n".encode("latin-1"))
    assert problems(path) == [f"{path}:3:1: not UTF-8; save the file as UTF-8"]


def test_rules_for_shipped_files_only(tmp_path: Path) -> None:
    one = write(tmp_path / "family" / "one.tsv", "beta\tx\tn\t1\t", "alpha\tx\tn\t1\t", "gamma\tx\tn\t0\t")
    two = write(tmp_path / "family" / "two.tsv", "beta\tx\tn\t1\t")
    other = write(tmp_path / "another" / "two.tsv", "beta\tx\tn\t1\t")
    assert len(read_files([one, two, other])) == 3
    found = problems(one, two, other, shipped=True)
    assert found[0].startswith(f"{one}:3:1: not sorted: 'alpha' belongs before 'beta'; sort the rows")
    assert found[1:] == [
        f"{one}:4:11: weight 0 disables a pair of a lower layer, and this is the lowest; delete the row",
        f"{two}:2:1: 'beta' → 'x' (n) is also in {one}:2; keep one and add the weights",
    ]


def test_all_bad_rows_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    rows = [row for row, _, _ in BAD_ROWS if "\n" not in row]
    one, two = write(tmp_path / "one.tsv", *rows), write(tmp_path / "two.tsv", "fine\tgood\tn\t1\t", *rows)
    found = problems(one, two, tmp_path / "missing.tsv")
    places = [f"{path}:{k + first}:" for path, first in ((one, 2), (two, 3)) for k in range(len(rows))] + [f"{tmp_path / 'missing.tsv'}:"]
    assert len(found) == len(places)
    assert all(message.startswith(place) for message, place in zip(found, places, strict=True))


def test_finding_files(tmp_path: Path) -> None:
    b, a, deep = (write(tmp_path / "d" / name) for name in ("b.tsv", "a.tsv", "c.tsv"))
    nested = write(tmp_path / "d" / "family" / "z.tsv")
    for name in ("protected.tsv", "inflections.tsv", "notes.md"):
        (tmp_path / "d" / name).write_text("x")
    (tmp_path / "empty").mkdir()
    assert find_files([tmp_path / "d", str(b)]) == [a, b, deep, nested, b]
    with pytest.raises(DictionaryError, match=r"missing: no such file or folder\n.*empty: no .tsv files"):
        find_files([tmp_path / "missing", a, tmp_path / "empty"])


def test_words_files(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text(f"# comment\n\n  fire chief \tnote\ncaf{E_ACUTE}\n", encoding="utf-8")
    assert read_words(tmp_path / "words.txt") == ["fire chief", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"]


@pytest.mark.parametrize(("observed", "original", "pos", "pairs"), INFLECTED, ids=[f"{row[0]}-{row[1]}-{row[2]}" for row in INFLECTED])
def test_both_sides_are_inflected_in_step(observed: str, original: str, pos: str, pairs: list[str]) -> None:
    inflector = Inflector(data_path() / "inflections.tsv")
    assert sorted(" ".join(pair) for pair in inflector.pairs(observed, original, pos)) == sorted(pairs)


def test_evidence_to_weights() -> None:
    pairs = {
        ("fight", "war"): {"one": 6.0},
        ("struggle", "war"): {"one": 2.0, "two": 5.0},
        ("so far", "until now"): {"one": 4.0},
        ("ours", "mine"): {"user": 3.0},
    }
    scores, keep = channel_weights(pairs, {"war": {"one": 10.0}}, ["one", "two"])
    war_one, war_two = 8 / (18 + SELF_WEIGHT), 5 / (5 + SELF_WEIGHT)
    now, mine = PHRASE_RATE * 4 / (4 + SELF_WEIGHT), 3 / (3 + SELF_WEIGHT)
    struggle_one, struggle_two, fight = war_one * 2 / (8 + UNLISTED), war_two * 5 / (5 + UNLISTED), war_one * 6 / (8 + UNLISTED)
    assert scores["struggle", "war"] == pytest.approx([max(struggle_one, BORROWED * struggle_two), max(struggle_two, BORROWED * struggle_one)])
    assert scores["fight", "war"] == pytest.approx([fight, BORROWED * fight])
    assert keep["war"] == pytest.approx([max(war_one, BORROWED * war_two), war_two])
    assert keep["until now"] == pytest.approx([now, BORROWED * now])
    assert scores["ours", "mine"] == keep["mine"] == pytest.approx([mine, mine])


def test_tortured_words_are_rarer_than_tortured_terms() -> None:
    rows = {("crude", "raw"): 7.0, ("crude information", "raw data"): 7.0, ("over-tailoring", "overfitting"): 7.0}
    scores, keep = channel_weights({pair: {"tortured": weight} for pair, weight in rows.items()}, {}, ["tortured"])
    assert scores["crude information", "raw data"] == scores["over-tailoring", "overfitting"] == pytest.approx([0.5])
    assert scores["crude", "raw"] == pytest.approx([WORD_RATE * 0.5 * 7 / (7 + UNLISTED)])
    assert keep["raw"] == keep["overfitting"] == pytest.approx([WORD_RATE * 0.5])


def test_user_layers(small_dictionaries: Path, tmp_path: Path) -> None:
    shipped = load_lexicon()
    assert originals(shipped, "Struggles") == {"wars", "battles"}
    assert originals(shipped, "ok.g.b.") == {"K.G.B."}
    one = write(tmp_path / "one.tsv", "struggle\tfeud\tn\t5\t", "widget spinner\tgadget\tn\t5\t", "struggle\twar\tn\t0\t")
    two = write(tmp_path / "two.tsv", "struggle\tfeud\tn\t0\t", "struggle\twar\tx\t2\t")
    assert originals(load_lexicon([one]), "struggle") == {"battle", "feud"}
    assert originals(load_lexicon([one]), "widget spinner's") == {"gadget's"}
    assert originals(load_lexicon([one, two]), "struggle") == {"battle", "war"}
    assert originals(load_lexicon([one, two]), "struggles") == {"battles"}
    assert originals(load_lexicon([two, one]), "struggle") == {"battle", "feud"}
    assert originals(load_lexicon(), "struggle") == {"war", "battle"}


def test_a_user_layer_may_speak_for_one_family(small_dictionaries: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.tsv", "widget spinner\tgadget\tn\t5\t")
    families = load_lexicon().families
    every = load_lexicon([path])
    assert every.families == families
    assert len(set(every.lookup("widget spinner")[0].weights)) == 1
    for family in (families[0], "my-spinner"):
        path.write_text(f"# Seen on one site.\n# family: {family}\n" + path.read_text().split("\n", path.read_text().count("# "))[-1])
        lexicon = load_lexicon([path])
        assert set(lexicon.families) == {*families, family}
        weights = dict(zip(lexicon.families, lexicon.lookup("widget spinners")[0].weights, strict=True))
        assert all(0 < weight < 0.5 * weights[family] for name, weight in weights.items() if name != family)
        # It is watched for by the gate all the same.
        assert len(lexicon.watched) == len(every.watched) > 0


def test_a_user_layer_counts_words_that_stand_for_themselves(small_dictionaries: Path, tmp_path: Path) -> None:
    plain = load_lexicon([write(tmp_path / "a.tsv", "novel widget\tgadget\tn\t5\t")]).lookup("novel widget")
    kept = load_lexicon([write(tmp_path / "b.tsv", "gadget\tgadget\tx\t50\t", "novel widget\tgadget\tn\t5\t")]).lookup("novel widget")
    assert plain[0].original == kept[0].original == "gadget"
    assert all(less < 0.5 * more for less, more in zip(kept[0].weights, plain[0].weights, strict=True))


def test_a_user_layer_counts_against_shipped_pairs(small_dictionaries: Path, tmp_path: Path) -> None:
    layer = write(tmp_path / "a.tsv", "send\tsend\tv\t500\t")
    before, after = (lexicon.lookup("despatched")[0].weights for lexicon in (load_lexicon(), load_lexicon([layer])))
    assert max(after) < 0.5 * max(before)


def test_signs_count_as_words(tmp_path: Path) -> None:
    with pytest.raises(DictionaryError, match="more than 12 words and signs"):
        read_files([write(tmp_path / "a.tsv", "a-b-c-d-e-f-g-h-i\talphabet\tx\t5\t")])


def test_every_small_row_is_found_and_best_first(small_dictionaries: Path) -> None:
    lexicon = load_lexicon()
    inflector = Inflector(small_dictionaries / "inflections.tsv")
    files = read_files(find_files([small_dictionaries]), shipped=True)
    pairs = {pair for file in files for row in file.rows for pair in inflector.pairs(row.observed, row.original, row.pos) if pair[0] != pair[1]}
    assert lexicon.meta["pairs"] == len(pairs)
    assert {(observed, c.original) for observed in {o for o, _ in pairs} for c in lexicon.lookup(observed.upper())} == pairs
    for observed, _ in pairs:
        best = [max(candidate.weights) for candidate in lexicon.lookup(observed)]
        assert best == sorted(best, reverse=True)
    assert [lexicon.lookup(phrase) for phrase in ("", "vietnam", "new york", "struggle war", "fire chief")] == [[]] * 5


def test_protected_words_are_locked(small_dictionaries: Path) -> None:
    restorer = restore.load(assume_spun=0.9, min_probability=0.05)
    assert restorer.restore("The class struggle cost the Fire Chief his leg.").edits == ()


def test_the_cache_is_used_and_follows_its_sources(small_dictionaries: Path, tmp_path: Path) -> None:
    cache = small_dictionaries.parent / "cache"
    layer = write(tmp_path / "a.tsv", "widget spinner\tgadget\tn\t5\t")

    def load() -> tuple[list[str], restore.lexicon.Lexicon]:
        lexicon = load_lexicon([layer])
        return sorted(path.name for path in cache.iterdir()), lexicon

    first, lexicon = load()
    assert first == [lexicon.path.name]
    stamp = lexicon.path.stat().st_mtime_ns
    assert (load()[0], lexicon.path.stat().st_mtime_ns) == (first, stamp)
    write(layer, "widget spinner\tgizmo\tn\t5\t")
    second, lexicon = load()
    assert len(second) == 2
    assert originals(lexicon, "widget spinner") == {"gizmo"}
    write(small_dictionaries / "spinbot" / "general.tsv", "widget whirler\tgadget\tn\t5\t")
    third, lexicon = load()
    assert len(third) == 3
    assert originals(lexicon, "widget whirlers") == {"gadgets"}


def test_without_a_cache_dictionaries_are_built_for_the_process(small_dictionaries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RESTORE_CACHE", str(tmp_path / "file"))
    assert originals(load_lexicon(), "despatches") == {"sends"}
    assert os.listdir(tmp_path) == ["file"]


def test_compiled_files(small_dictionaries: Path, tmp_path: Path) -> None:
    layer = write(tmp_path / "a.tsv", "widget spinner\tgadget\tn\t5\t")
    once, again = tmp_path / "once.lexicon", tmp_path / "again.lexicon"
    meta = compile_dictionaries([layer], once)
    assert compile_dictionaries([layer], again) == meta
    assert once.read_bytes() == again.read_bytes()
    layer.unlink()
    restorer = restore.load(dictionaries=[once], assume_spun=True)
    assert restorer.restore("The widget spinners were cheap.").text == "The gadgets were cheap."
    assert restorer.lexicon.meta == meta
    assert not (small_dictionaries.parent / "cache").exists()


TERMS = [
    ("They signed the calm pact at dawn.", "They signed the peace treaty at dawn."),
    ("They signed two calm pacts at dawn.", "They signed two peace treaties at dawn."),
    ("They signed a pact at dawn.", "They signed a pact at dawn."),  # a swap alone is no candidate
    ("The calm and a pact.", "The calm and a pact."),
    ("They signed the peace treaty at dawn.", "They signed the peace treaty at dawn."),
]


@pytest.mark.parametrize(("spun", "text"), TERMS)
def test_swaps_are_undone_inside_terms(small_dictionaries: Path, spun: str, text: str) -> None:
    assert restore.load(assume_spun=True).restore(spun).text == text


def test_terms_follow_the_lists_and_rows_of_whole_phrases() -> None:
    inflector = Inflector(data_path() / "inflections.tsv")
    assert find_terms(["random forest", "the results", "forest"], ["heat loss", "physics"], inflector) == [
        "heat loss",
        "heat losses",
        "physics",
        "random forest",
    ]


def test_links_follow_rows_both_ways_and_derived_forms() -> None:
    links = link_words([("woodland", "forest", 0.5), ("prescient", "predictive", 0.5), ("woodland", "elsewhere", 0.5)], ["random forest", "prediction error"])
    assert links == {"woodland": {"forest": 0.5}, "prescient": {"prediction": 0.5 * DERIVED}}
    assert link_words([("forest", "woodland", 0.5)], ["forest fire"]) == {"woodland": {"forest": 0.5 * BACKWARDS}}


def test_shipped_dictionaries_keep_the_rules() -> None:
    folder = data_path()
    paths = find_files([folder])
    assert len(paths) > 10
    assert sum(len(file.rows) for file in read_files(paths, shipped=True)) > 10_000
    seen: dict[tuple[str, ...], Path] = {}
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines()
        comments = [line for line in lines if line.startswith("#")]
        assert "Licence: Apache-2.0" in " ".join(comments), path
        rows = [tuple(line.split("\t")) for line in lines[len(comments) + 1 :]]
        keys = [row[:3] for row in rows]
        assert keys == sorted(set(keys)), path
        assert {row[2] for row in rows} <= set(PARTS_OF_SPEECH), path
        # Counts learnt from texts add to what the authors of rows said.
        counts = any("evidence: counts" in line for line in comments)
        clashes = [key for key in keys if not counts and seen.setdefault((path.parent.name, *key), path) != path]
        assert clashes == [], path
    assert read_files([folder / "swaps.tsv"], shipped=True)[0].rows
    terms = read_words(folder / "terms.tsv")
    assert terms == sorted(set(terms))
    assert len(read_words(folder / "protected.tsv")) == len(set(read_words(folder / "protected.tsv"))) > 0


def test_a_cache_that_cannot_be_written_is_done_without(small_dictionaries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    monkeypatch.setenv("RESTORE_CACHE", str(tmp_path / "cache"))
    assert load_lexicon().lookup("despatched")
