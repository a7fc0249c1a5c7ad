"""Files of fitted predictors: JSON that anybody can read, checked when it is loaded; nothing in it is ever run."""

import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CadenzaError
from ..files import atomic_file, parse_json
from .calibration import Logistic
from .clips import Clip
from .prompts import LANGUAGE_MODEL
from .regression import Ridge
from .scores import values_for

__all__ = ["Model", "load_model", "save_model"]

_FORMAT, _VERSION = "cadenza-lyrics-model", 1


@dataclass(frozen=True)
class Model:
    """A fitted predictor.

    Parameters
    ----------
    predictor : Logistic or Ridge
    score : str
        The score that a :class:`Logistic` calibrates; empty for a :class:`Ridge`, which knows its own.
    about : mapping
        Figures of the fit, for the record; plain JSON.
    """

    predictor: Logistic | Ridge
    score: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """``logistic`` or ``ridge``."""
        return "logistic" if isinstance(self.predictor, Logistic) else "ridge"

    def predict(self, clips: Sequence[Clip], scores: Mapping[str, Mapping[str, float]]) -> np.ndarray:
        """Give the predicted percentage of words understood, 0 to 100, of each clip of a split.

        Raises
        ------
        CadenzaError
            If a score that the model needs is missing, for all or for some clips.
        """
        if isinstance(self.predictor, Ridge):
            return self.predictor(clips, scores)
        if self.score not in scores:
            there = ", ".join(scores) or "none"
            raise CadenzaError(f"The model calibrates the score {self.score!r}; the files given hold {there}.")
        return self.predictor(values_for(clips, scores[self.score], self.score))


def save_model(path: Path, model: Model) -> None:
    """Write a model.

    Raises
    ------
    CadenzaError
        If the file cannot be written.
    """
    content: dict[str, Any] = {"format": _FORMAT, "version": _VERSION, "kind": model.kind}
    if isinstance(model.predictor, Ridge):
        content["language_model"] = LANGUAGE_MODEL
    else:
        content["score"] = model.score
    content |= {"parameters": asdict(model.predictor), "about": dict(model.about)}
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_model(path: Path) -> tuple[Model, tuple[str, ...]]:
    """Read a model, and what the user should know of it.

    Raises
    ------
    CadenzaError
        If it is not there, not such a file, of a newer version, or its numbers cannot be used.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise CadenzaError(f"There is no model {path}. `cadenza lyrics fit` makes one.") from error
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read as a model: {error}. `cadenza lyrics fit` makes one.") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise CadenzaError(f"{path} is not a model of lyric intelligibility. `cadenza lyrics fit` makes one.")
    if content.get("version") != _VERSION:
        raise CadenzaError(
            f"{path} has version {content.get('version')!r}; this program reads {_VERSION}. Fit it again."
        )
    parameters = content.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    about = content.get("about")
    about = about if isinstance(about, dict) else {}
    if content.get("kind") == "logistic":
        curve = Logistic(_number(path, parameters, "midpoint"), _number(path, parameters, "slope"))
        return Model(curve, _text(path, content.get("score")), about), ()
    if content.get("kind") == "ridge":
        made_with = content.get("language_model")
        different = made_with != LANGUAGE_MODEL
        note = f"the model was fitted with {made_with}; here is {LANGUAGE_MODEL}, which may give other word frequencies"
        return Model(_ridge(path, parameters), "", about), (note,) if different else ()
    raise CadenzaError(f"{path} has the kind {reprlib.repr(content.get('kind'))}; logistic and ridge are known.")


def _ridge(path: Path, parameters: Mapping[str, Any]) -> Ridge:
    scores, features = (
        tuple(_text(path, item) for item in _list(path, parameters, name)) for name in ("scores", "features")
    )
    means, scales, weights = (
        tuple(_number(path, {name: item}, name) for item in _list(path, parameters, name))
        for name in ("means", "scales", "weights")
    )
    if not len(features) == len(means) == len(scales) == len(weights) or min(scales) <= 0.0:
        raise CadenzaError(f"{path} is damaged: its lists are of different lengths, or a scale is not above 0.")
    return Ridge(scores, features, means, scales, weights, _number(path, parameters, "intercept"))


def _list(path: Path, parameters: Mapping[str, Any], name: str) -> list[Any]:
    value = parameters.get(name)
    if not isinstance(value, list) or not value:
        raise CadenzaError(f"{path} is damaged: {name!r} must be a list, not {reprlib.repr(value)}.")
    return value


def _number(path: Path, parameters: Mapping[str, Any], name: str) -> float:
    value = parameters.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise CadenzaError(f"{path} is damaged: {name!r} must be a finite number, not {reprlib.repr(value)}.")
    return float(value)


def _text(path: Path, value: Any) -> str:
    if not isinstance(value, str):
        raise CadenzaError(f"{path} is damaged: a text is wanted, not {reprlib.repr(value)}.")
    return value
