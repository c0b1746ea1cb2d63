"""The channels that work on characters: scans and slips of the keyboard."""

from __future__ import annotations

import random
from array import array
from functools import cache, lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore
from restore import edits as edit_list
from restore import respell
from restore.channels import ocr
from restore.channels.ocr import Confusions, Finder, read_confusions, shape
from restore.channels.orthography import RULES
from restore.cli import main
from restore.engine import model_path
from restore.errors import ConfigError, DictionaryError
from restore.language_model.model import LanguageModel
from restore.learn.ocr import align, learn_aligned, learn_unaligned, write_confusions
from restore.lexicon import data_path
from restore.respell import better_model, meet
from tests.oracles import load_kernels

SCAN = (Path(__file__).parents[1] / "examples" / "scan.txt").read_text(encoding="utf-8")
CLEAN = """The committee met on Tuesday morning and agreed that the school should be opened in the spring.
A letter from the treasurer was read, in which he thanked the members for their patience.
Mrs. Oglethorpe-Quill said that Llanfair and Penrhyndeudraeth had been visited twice. She hath no love for kilderkins.
"""


@lru_cache
def restorer(*channels: str, **settings: object) -> restore.Restorer:
    return restore.load(channels=channels or ("ocr",), **settings)  # type: ignore[arg-type]


@lru_cache
def model(name: str = "en-historical") -> LanguageModel:
    return LanguageModel(model_path(name))


@lru_cache
def finder() -> Finder:
    return Finder(model(), read_confusions(data_path() / "ocr" / "confusions.tsv"))


def test_a_scan_is_restored() -> None:
    result = restorer().restore(SCAN)
    for right in ("The meeting of the shareholders", "laid it upon the table", "progress made during the past year", "five per cent", "The vote of thanks"):
        assert right in result.text
    assert "Tregallion" in result.text
    assert "Balclutha" in result.text
    assert {edit.channel for edit in result.edits} == {"ocr"}
    assert edit_list.apply(SCAN, result.edits) == result.text
    assert edit_list.apply(result.text, edit_list.invert(result.edits)) == SCAN


def test_the_same_edits_compiled_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    text = SCAN[:400]
    expected = {channel: restore.load(channels=(channel,)).restore(text) for channel in ("ocr", "spelling")}
    assert expected["ocr"].changed
    uncompiled = load_kernels("uncompiled", "kernels_ocr")
    for module in (ocr, respell):
        monkeypatch.setattr(module, "kernels_ocr", uncompiled)
    for channel, result in expected.items():
        assert restore.load(channels=(channel,)).restore(text).edits == result.edits


def test_lines_stay_and_a_hyphen_at_their_end_joins_what_is_looked_up() -> None:
    text = restorer().restore(SCAN).text
    assert text.count("\n") == SCAN.count("\n")
    assert "ob-\nserved" in text
    damaged = SCAN.replace("ob-\nserved", "ob-\nsorvcd")
    result = restorer().restore(damaged)
    assert "ob-\nserved" in result.text
    assert not any("\n" in edit.observed + edit.original for edit in result.edits)


@pytest.mark.parametrize("text", [CLEAN, "", "\n", " ", "Nothing is wrong here.", "\ud800 lone", "a\x00b", "Zweibrücken, Żółć 日本語"])
def test_what_is_not_damaged_stays(text: str) -> None:
    assert restorer().restore(text).edits == ()


def test_words_that_text_taken_out_of_pdf_tears() -> None:
    text = """We train a classi er on a large cor pus of docu ments. The de nition of the task is given above; our results con rm that the model
signi cantly reduces the num ber of parameters of the soft ware. In fact the art of it is to read on, as a lot of it may be so.
"""
    fixed = """We train a classifier on a large corpus of documents. The definition of the task is given above; our results confirm that the model
significantly reduces the number of parameters of the software. In fact the art of it is to read on, as a lot of it may be so.
"""
    assert restorer().restore(text).text == fixed
    assert restorer().restore(fixed).edits == ()


def test_another_language_stays() -> None:
    french = "Les directeurs de la compagnie se sont réunis dans la salle avec les membres du conseil pour une longue séance.\n" * 12
    assert restorer().restore(french).text == french


def test_what_is_protected_stays() -> None:
    assert "tho shareholders" in restorer(protect=("tho shareholders",)).restore(SCAN).text
    marked = f"restore: off\n{SCAN}restore: on\n"
    assert restorer().restore(marked).text == marked


def test_the_users_words_are_right() -> None:
    assert "progross" not in restorer().restore(SCAN).text
    assert "progross" in restorer(vocabulary=("Progross",)).restore(SCAN).text


def test_the_users_words_are_what_was_meant() -> None:
    text = "Tho chiof of Kilbrackcn montioned on Tucsday that tho authorities of Kilbracken and Mr. Ochterlonv had sont troops to tho bordor.\n"
    assert "Kilbrackcn" in restorer().restore(text).text
    result = restorer(vocabulary=("Kilbracken", "ochterlony", "o")).restore(text)
    assert result.text == "The chief of Kilbracken mentioned on Tuesday that the authorities of Kilbracken and Mr. Ochterlony had sent troops to the border.\n"
    assert edit_list.apply(text, result.edits) == result.text


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="thoe nralibcm.-'\n«»1lIé", max_size=300))
def test_any_text_gives_edits_that_fit_it(text: str) -> None:
    result = restorer().restore(text)
    assert edit_list.apply(text, result.edits) == result.text
    assert result.text.count("\n") == text.count("\n")


def test_a_spun_text_that_was_scanned_is_restored_in_one_pass() -> None:
    text = "The chiof of the opposition montioned on Tuesday that tho authorities had despatched troops to tho bordor two years iu tho past.\n"
    result = restorer("ocr", "substitution", assume_spun=True).restore(text)
    assert result.text == edit_list.apply(text, result.edits)
    assert "had sent troops to the border two years ago" in result.text
    assert {"ocr", "substitution"} >= {edit.channel for edit in result.edits}
    assert edit_list.apply(result.text, edit_list.invert(result.edits)) == text


def test_slips_of_the_keyboard() -> None:
    text = "I was hapoy to hear that the meetign on Wednesady had been postponed, which was a suprise to everyone in the comittee.\n"
    result = restorer("spelling").restore(text)
    assert result.text == "I was happy to hear that the meeting on Wednesday had been postponed, which was a surprise to everyone in the committee.\n"
    assert {edit.channel for edit in result.edits} == {"spelling"}


TYPED = {
    "I recieved teh parcel untill the goverment office closed.": "I received the parcel until the government office closed.",
    "She definately beleives that it hapened becuase of thier advice.": "She definitely believes that it happened because of their advice.",
    "He doesnt think that it was an arguement.": "He doesn't think that it was an argument.",
    "The comittee said taht the adress was wierd.": "The committee said that the address was weird.",
    # By the rules of old spelling these would be words of 1600.
    "It occured to her familly that the apointment was realy untill noon, and she was truely embarassed.": (
        "It occurred to her family that the appointment was really until noon, and she was truly embarrassed."
    ),
    "He will definatly come, and alot of people said that noone knew.": "He will definitely come, and a lot of people said that no one knew.",
    "They were seperatly and completly wrong.": "They were separately and completely wrong.",
    "Ofcourse we met at the stationand the tram stop.": "Of course we met at the station and the tram stop.",
}
RIGHT = (
    "Mr. Ciprian Andruw of Kelnagh emailed the PowerFrame team and texted Oisin about the bromance.",
    "The coffeehouses and the meatpacker by the salve trail had a discrete, causal air; it weren ' t dear.",
    "He spoke of ‘begging’ and ‘opposition scum’, and of the waiters’ tips.",
    "He googled iPhone and QuietStrategy prices, then blogged from the dairy.",
)


@pytest.mark.parametrize("text", TYPED)
def test_misspellings_that_the_model_has_seen_are_none_the_less(text: str) -> None:
    assert restorer("spelling").restore(text).text == TYPED[text]


@pytest.mark.parametrize("text", RIGHT)
def test_names_compounds_and_rare_words_are_no_slips(text: str) -> None:
    assert restorer("spelling").restore(text).edits == ()


OLD = """The saide Iohn Hobbes of this parishe, beyng an olde man and a poore, came vnto vs in the euening of that daye and did speake of his two sonnes,
whom he had not seene these twentie yeres, and whose names were knowen vnto all men. He sayd that they went ouer the sea in a shippe of Bristowe
to liue vpon their owne labour, and that he loued them aboue his life, and wold neuer leaue the towne till he had newes of them, good or euill.
"""


def test_old_spelling_is_no_damage() -> None:
    assert restorer().restore(OLD).edits == ()
    # Damage is, in an old text too.
    result = restorer().restore(OLD * 3 + OLD.replace("labour", "labonr").replace("names were", "namcs wcre"))
    assert {edit.observed for edit in result.edits} == {"labonr", "namcs", "wcre"}


@given(st.text(alphabet="aeiouybcdfghklmnprstvwz'", min_size=2, max_size=9))
def test_rules_of_old_spelling_hold_no_word_back(word: str) -> None:
    for needed, pattern, new in RULES:
        assert needed in f"^{word}$" or pattern.sub(new, word) == word, (needed, pattern.pattern)


def test_scans_are_changed_from_a_lower_probability_on() -> None:
    usual, careful = restorer().restore(SCAN).edits, restorer(min_probability=0.9).restore(SCAN).edits
    assert min(edit.probability for edit in usual) >= 0.25
    assert min(edit.probability for edit in careful) >= 0.9
    assert {(edit.start, edit.original) for edit in careful} < {(edit.start, edit.original) for edit in usual}


def test_the_model_is_chosen_by_the_text() -> None:
    models = (model("en"), model())
    old = "The honourable gentleman begged leave to observe that the petition had been laid upon the table of the House in the session of 1843."
    new = "The company said on Tuesday that its software update will be rolled out to users in the United States this month."
    assert better_model(models, old.encode()) is models[1]
    assert better_model(models, new.encode()) is models[0]


def test_unknown_channels_are_refused() -> None:
    with pytest.raises(ConfigError, match="choose from substitution, ocr, spelling"):
        restore.load(channels=("ocr", "orc"))


# --- candidates -----------------------------------------------------------------------------------------------------------------------------------


def cheapest(form: str, word: str, rates: ocr.Rates) -> float:
    """Cost of the cheapest derivation, EDIT for each confusion included, by trying everything."""
    costs = {pair: -ocr.log(rate / ocr.BASE_RATE) for pair, rate in rates.items()}
    rare = -ocr.log(ocr.RARE)
    kind = shape(form)

    @cache
    def best(i: int, j: int) -> float:
        if i == len(form) and j == len(word):
            return 0.0
        upper = kind == ocr.UPPER or (kind == ocr.CAPITALISED and j == 0)
        options = [1e9]
        if i < len(form):
            options.append(best(i + 1, j) + ocr.EDIT + costs.get((form[i], ""), rare + 1))
        if j < len(word):
            letter = word[j].upper() if upper else word[j]
            options.append(best(i, j + 1) + ocr.EDIT + min(rare, costs.get(("", letter), rare)))
            if i < len(form):
                if form[i] == letter:
                    price = 0.0
                elif (form[i], letter) in costs:
                    price = ocr.EDIT + min(rare, costs[form[i], letter])
                elif form[i].lower() == word[j]:
                    price = ocr.EDIT + ocr.CASE_COST
                else:
                    price = ocr.EDIT + min(rare, costs.get((form[i].lower(), word[j]), rare) + ocr.OTHER_CASE_COST)
                options.append(best(i + 1, j + 1) + price)
        for (observed, intended), cost in costs.items():
            if len(observed) + len(intended) > 2 and observed and intended and form.startswith(observed, i):
                folded = intended.lower()
                if word.startswith(folded, j) and (intended != folded) == upper:
                    options.append(best(i + len(observed), j + len(intended)) + ocr.EDIT + cost)
        return min(options)

    return best(0, 0)


@pytest.mark.parametrize("form", ["tho", "arnong", "Vincenncs", "librarv", "COUNTnY", "«nd", "ofleied", "hcr", "moro", "liavc", "1s", "offi ce", "tbeir"])
def test_candidates_cost_what_the_cheapest_derivation_costs(form: str) -> None:
    rates = read_confusions(data_path() / "ocr" / "confusions.tsv")
    found = finder().find([form], array("f", [17.0]), array("i", [0]))
    assert found.counts[0]
    for word, cost, edits in zip(found.words, found.costs, found.edits, strict=True):
        expected = cheapest(form, finder().vocabulary[word], rates)
        assert cost + ocr.EDIT * edits == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("form", "word"),
    [("arnong", "among"), ("liberly", "liberty"), ("Vincenncs", "vincennes"), ("COUNTnY", "country"), ("«nd", "and"), ("wliich", "which"), ("tbeir", "their")],
)
def test_confusions_are_undone(form: str, word: str) -> None:
    found = finder().find([form], array("f", [17.0]), array("i", [0]))
    best = min(range(found.counts[0]), key=lambda k: found.costs[k] + 3 * found.edits[k] - model().unigrams[2 * found.words[k]])
    assert finder().vocabulary[found.words[best]] == word


def test_all_near_words_are_found() -> None:
    """Every one-letter word of damage of random words is undone, whichever half it is in."""
    rng = random.Random(7)
    words = [word for word in finder().vocabulary[3:8000] if len(word) > 5 and word.isascii() and word.isalpha()]
    for _ in range(60):
        word = rng.choice(words)
        at = rng.randrange(len(word))
        form = word[:at] + {"e": "o", "a": "n", "i": "l", "n": "u", "s": "a", "r": "i"}.get(word[at], "x") + word[at + 1 :]
        found = finder().find([form], array("f", [19.0]), array("i", [0]))
        assert form == word or word in [finder().vocabulary[k] for k in found.words], (form, word)


def test_words_that_lines_broke_meet_where_the_line_ended() -> None:
    assert meet("conti", "nucd", "continued") == 5
    assert meet("soparat", "od", "separated") == 7


# --- weights --------------------------------------------------------------------------------------------------------------------------------------


BAD_ROWS = [
    ("e\to\tmany\n", "is no weight"),
    ("e\to\t-1\n", "is no weight"),
    ("e\te\t1\n", "is no confusion"),
    ("abcd\to\t1\n", "is no confusion"),
    ("e\to\t1\ne\to\t2\n", "again; keep one row"),
]


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS)
def test_bad_rows_are_told(tmp_path: Path, rows: str, message: str) -> None:
    path = tmp_path / "c.tsv"
    path.write_text("# x\nintended\tobserved\tweight\n" + rows, encoding="utf-8")
    with pytest.raises(DictionaryError, match=message):
        read_confusions(path)


def test_weights_are_read_as_they_were_written(tmp_path: Path) -> None:
    rates = {("o", "e"): 0.0125, ("", "s"): 0.002, ("li", "h"): 0.0005, (" ", ""): 0.0001}
    assert write_confusions(tmp_path / "c.tsv", rates, ["a comment"]) == 4
    assert read_confusions(tmp_path / "c.tsv") == pytest.approx(rates)


@pytest.mark.parametrize(("observed", "intended"), [("arnong", "among"), ("", "a"), ("tho", "the"), ("xyz", "")])
def test_an_alignment_spells_both_sides(observed: str, intended: str) -> None:
    steps = align(observed, intended, {("rn", "m"): 2.0})
    assert ("".join(o for o, _ in steps), "".join(w for _, w in steps)) == (observed, intended)


def damage(text: str, rng: random.Random) -> str:
    """The engine of an oracle: e becomes c one time in ten, h becomes li one time in twenty."""
    return "".join("c" if c == "e" and rng.random() < 0.1 else "li" if c == "h" and rng.random() < 0.05 else c for c in text)


TEXT = "The members of the house have heard what the speaker wished them to hear, and then they went home to their dinners.\n" * 60


def test_the_confusions_of_an_engine_are_learnt_from_aligned_lines() -> None:
    scan = damage(TEXT, random.Random(1))
    rates, rate = learn_aligned(list(zip(scan.split("\n"), TEXT.split("\n"), strict=True)))
    assert sorted(rates, key=rates.__getitem__)[-2:] == [("li", "h"), ("c", "e")]
    made = sum(scan.count(x) - TEXT.count(x) for x in ("c", "li")) / len(TEXT)
    assert rate == pytest.approx(made, rel=0.15)


def test_the_confusions_of_an_engine_are_learnt_from_scans_alone() -> None:
    start = read_confusions(data_path() / "ocr" / "confusions.tsv")
    rates, _ = learn_unaligned([damage(TEXT, random.Random(2))], model(), start)
    assert rates["c", "e"] > 2 * start["c", "e"]
    assert rates["li", "h"] > 2 * start["li", "h"]
    assert rates["o", "e"] < start["o", "e"]


def test_the_command_learns_weights_that_it_then_uses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("ocr\tgold\n" + "tqc qousc\tthe house\nand tqcn\tand then\n" * 20, encoding="utf-8")
    weights = tmp_path / "weights.tsv"
    assert main(["learn", "ocr", str(pairs), "-o", str(weights)]) == 0
    assert "confusions; " in capsys.readouterr().out
    scan = tmp_path / "scan.txt"
    scan.write_text("Wqat tqcy saw in tqc qousc was tqat tqc motqcr of tqc king qad gone to tqc nortq witq tqc otqcr lords.\n", encoding="utf-8")
    assert main(["fix", "--channels", "ocr", "--ocr-weights", str(weights), str(scan)]) == 0
    assert capsys.readouterr().out == "What they saw in the house was that the mother of the king had gone to the north with the other lords.\n"


def test_lines_beside_others_are_no_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("a\tb\nHouse of\tquick zebra\n", encoding="utf-8")
    assert main(["learn", "ocr", str(pairs), "-o", str(tmp_path / "weights.tsv")]) == 2
    assert "no transcriptions of these lines" in capsys.readouterr().err
    assert not (tmp_path / "weights.tsv").exists()


def test_symbols_fit_a_byte() -> None:
    confusions = Confusions({(chr(0x400 + k), "e"): 0.001 for k in range(400)})
    assert len(confusions.encode("été«»漢")) == 6
