"""Reading a design from YAML, every fault with its line; see `designs` for an example and `docs/listening.md` for each key."""

from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any

from ..catalog import WHOLE, Excerpt
from ..errors import CadenzaError
from ..hearing.safe_levels import CEILING_DB_SPL
from ..remix import Gains
from .designs import LONGEST_S, MOST_PARTICIPANTS, MOST_TOGETHER, MOST_TRIALS, Condition, Design, Passage
from .kinds import ANCHORS, KINDS, REFERENCE, RESERVED, Kind
from .yaml_nodes import Node, read_yaml

__all__ = ["read_design"]

#: Level that all sounds are lowered to, LUFS (EBU R 128); what is quieter makes its whole trial quieter.
LOUDNESS = -23.0
_CONSENT = (
    "Taking part is voluntary. You can stop at any time by closing this page. Your answers are stored under a random code, "
    "without your name, together with the times of your answers and the kind of your browser."
)
_INSTRUCTIONS = (
    "You will hear short pieces of music and be asked about each. There are no right or wrong answers. "
    "Please use headphones, in a quiet room, and take your time."
)
_THANKS = "That was the last one. Thank you very much for listening. You can close this page now."


_KEYS = (
    *(
        "name",
        "title",
        "design",
        "seed",
        "systems",
        "reference",
        "anchors",
        "excerpts",
        "participants",
        "training",
        "trials",
    ),
    *("repeats", "loudness", "fade", "hear", "calibration_db_spl", "ceiling_db_spl", "headphone_check", "comments"),
    *("consent", "instructions", "thanks"),
)


def read_design(text: str, folder: Path | str = "", source: str = "The design") -> Design:
    """Read a design.

    Parameters
    ----------
    text : str
        YAML.
    folder : Path or str
        Where relative paths in it begin.
    source : str
        What an error calls it: the file's name.

    Raises
    ------
    CadenzaError
        With the line: if it is no YAML, a key is missing, unknown or twice, or a value is of a wrong kind or out of range.
    """
    root = read_yaml(text, source)
    fields = root.mapping(
        _KEYS,
        needed=("name", "design", "systems", "excerpts"),
    )
    kind = KINDS[fields["design"].choice(KINDS)]
    systems = tuple(_condition(node) for node in fields["systems"].items())
    excerpts = tuple(_passage(node, kind) for node in fields["excerpts"].items())
    get = _Defaults(fields)
    hear = get.number("hear", -1.0, 0.1, LONGEST_S)
    design = Design(
        text,
        str(folder),
        fields["name"].identifier(),
        get.text("title", "A listening test", 200),
        kind,
        int(get.number("seed", 1, 0, 2**31 - 1, whole=True)),
        systems,
        _reference(fields.get("reference"), kind, root),
        tuple(ANCHORS) if kind.name == "mushra" and get.flag("anchors", True) else (),
        excerpts,
        _participants(fields.get("participants")),
        int(get.number("training", 1, 0, MOST_TRIALS, whole=True)),
        int(get.number("trials", 0, 0, MOST_TRIALS, whole=True)),
        int(get.number("repeats", 1, 1, 50, whole=True)),
        get.number("loudness", LOUDNESS, -50.0, -10.0),
        get.number("fade", 0.1, 0.0, 5.0),
        kind.hear_s if hear < 0 else hear,
        get.number("calibration_db_spl", 100.0, 60.0, 130.0),
        get.number("ceiling_db_spl", CEILING_DB_SPL, 60.0, 120.0),
        get.flag("headphone_check", True),
        get.flag("comments", True),
        get.text("consent", _CONSENT, 20000),
        get.text("instructions", _INSTRUCTIONS, 20000),
        get.text("thanks", _THANKS, 20000),
    )
    _check(design, fields)
    return design


class _Defaults:
    """The values that may be left out."""

    def __init__(self, fields: Mapping[str, Node]) -> None:
        self.fields = fields

    def number(self, name: str, default: float, low: float, high: float, *, whole: bool = False) -> float:
        node = self.fields.get(name)
        return node.number(low, high, whole=whole) if node else default

    def text(self, name: str, default: str, longest: int) -> str:
        node = self.fields.get(name)
        return node.text(longest) if node else default

    def flag(self, name: str, default: bool) -> bool:
        node = self.fields.get(name)
        return node.flag() if node else default


def _condition(node: Node, name: str = "") -> Condition:
    keys = ["system", "gains", "preset", "file", "cut"]
    fields = node.mapping(keys if name else ["name", *keys], needed=() if name else ("name",))
    if not name:
        name = fields["name"].label()
        if name in RESERVED:
            raise fields["name"].fault(f"the name {name!r} stands for something else in the results; choose another")
    if ("system" in fields) == ("file" in fields):
        raise node.fault("either 'system' (of the studio) or 'file' (a path) is wanted")
    if "file" in fields:
        if wrong := {"gains", "preset"} & set(fields):
            raise fields[min(wrong)].fault("a file is heard as it is: it takes no gains and no preset")
        file = fields["file"].text(1000)
        try:
            found = {
                (field, spec or conversion)
                for _, field, spec, conversion in Formatter().parse(file)
                if field is not None
            }
        except ValueError:
            found = {("", "")}
        if found - {("excerpt", None), ("song", None), ("listener", None)}:
            raise fields["file"].fault("only {excerpt}, {song} and {listener} may stand in a path")
        return Condition(name, file=file, cut="cut" in fields and fields["cut"].flag(), line=node.line)
    if "cut" in fields:
        raise fields["cut"].fault("only a file can be cut")
    if "gains" in fields and "preset" in fields:
        raise fields["preset"].fault("either gains or a preset, not both")
    gains = _gains(fields["gains"]) if "gains" in fields else None
    preset = fields["preset"].label() if "preset" in fields else ""
    system = fields["system"].label()
    if system == "original" and (gains or preset):
        raise node.fault("the original has no stems that gains could change; take the system 'reference'")
    return Condition(name, system, gains, preset, line=node.line)


def _gains(node: Node) -> Gains:
    value: Any = node.value
    texts = value.split(",") if isinstance(value, str) else None
    if isinstance(value, dict):
        texts = [f"{stem}={'mute' if gain is None else gain}" for stem, gain in value.items()]
    if texts is None:
        raise node.fault("gains are {vocals: 3, drums: -6}, in dB")
    try:
        return Gains.parse(texts)
    except CadenzaError as error:
        raise node.fault(str(error).removesuffix(".")) from error


def _reference(node: Node | None, kind: Kind, root: Node) -> Condition | None:
    if (node is not None) != (kind.name == "mushra"):
        text = (
            "MUSHRA needs a 'reference', such as {system: reference}"
            if node is None
            else "only MUSHRA has a 'reference'"
        )
        raise (node or root).fault(text)
    return _condition(node, REFERENCE) if node else None


def _passage(node: Node, kind: Kind) -> Passage:
    fields = node.mapping(["name", "song", "at", "query", "training"], needed=("name",))
    name = fields["name"].label()
    at = WHOLE
    if "at" in fields:
        try:
            at = Excerpt.parse(str(fields["at"].value))
        except CadenzaError as error:
            raise fields["at"].fault(str(error).removesuffix(".")) from error
        if at.stop is None or at.stop - at.start > LONGEST_S:
            raise fields["at"].fault(f"an excerpt lasts {LONGEST_S:g} s at most")
    if (kind.name == "relovl") != ("query" in fields):
        raise node.fault(
            "each excerpt needs a 'query', the sentence that asks for a sound"
            if kind.name == "relovl"
            else "a 'query' belongs to the design relovl"
        )
    if kind.name == "relovl" and "song" not in fields:
        raise node.fault("a 'song' is wanted: the mixture that is shown")
    return Passage(
        name,
        fields["song"].text(1000) if "song" in fields else "",
        at,
        fields["query"].text(500) if "query" in fields else "",
        "training" in fields and fields["training"].flag(),
        node.line,
    )


def _participants(node: Node | None) -> tuple[str, ...]:
    """Read 10, or [N2, N3], or {N2: 5, N3: 5}."""
    if node is None:
        return ()
    value: Any = node.value
    if isinstance(value, dict):
        pairs = {name: each.number(0, MOST_PARTICIPANTS, whole=True) for name, each in node.entries().items()}
        # One of each in turn, so that the listeners' places in the orders are spread evenly.
        most = int(max(pairs.values(), default=0))
        found = [name for turn in range(most) for name, count in pairs.items() if turn < count]
    elif isinstance(value, list):
        found = [each.label() for each in node.items()]
    else:
        found = [""] * int(node.number(0, MOST_PARTICIPANTS, whole=True))
    if len(found) > MOST_PARTICIPANTS:
        raise node.fault(f"{len(found)} participants; {MOST_PARTICIPANTS} are the most")
    return tuple(found)


def _check(design: Design, fields: Mapping[str, Node]) -> None:
    """Check what hangs on several keys at once."""
    for what, names in (
        ("systems", [one.name for one in design.systems]),
        ("excerpts", [one.name for one in design.excerpts]),
    ):
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise fields[what].fault(f"{twice!r} is there twice; names must differ")
    main = [excerpt for excerpt in design.excerpts if not excerpt.training]
    if not main:
        raise fields["excerpts"].fault("all excerpts are for training; one at least must not be")
    kind, count = design.kind, len(design.systems)
    if kind.pairs and count < 2:
        raise fields["systems"].fault(f"{kind.title} compares two systems or more; given is {count}")
    if not kind.pairs and count * len(main) < 2 and not kind.together:
        raise fields["systems"].fault("one stimulus is no test: give another system or excerpt")
    shown = count + 1 + len(design.anchors)
    if kind.together and shown > MOST_TOGETHER:
        raise fields["systems"].fault(
            f"{shown} sounds in one trial, with reference and anchors; {MOST_TOGETHER} are the most. Make several tests of it"
        )
    if design.repeats > 1 and kind.name != "abx":
        raise fields["repeats"].fault("only ABX repeats its trials")
    _check_trials(design, fields)


def _check_trials(design: Design, fields: Mapping[str, Node]) -> None:
    count = len(design.systems)
    step = 1 if design.kind.together else count * (count - 1) // 2 if design.kind.pairs else count
    every = design.all_trials
    if design.trials > every:
        raise fields["trials"].fault(f"there are only {every} different trials")
    if design.trials % step:
        raise fields["trials"].fault(
            f"so that each system is heard equally often, it must be a multiple of {step}, such as "
            f"{max(step, design.trials // step * step)}"
        )
    if not design.trials and every > MOST_TRIALS:
        raise fields["excerpts"].fault(
            f"{design.stimuli:,} sounds make {every:,} trials, too many for one listener; with 'trials: "
            f"{MOST_TRIALS // step * step or step}' each hears a part of them, and all together hear every one"
        )
