"""The catalog: every model profile, found by any of its names; loaded once, at start."""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import orjson
from pydantic import ValidationError

from app.catalog.profile import Profile
from app.catalog.profile_file import ProfileFile
from app.catalog.rules import shown
from app.errors import ModelNotFound

_SHIPPED = Path(__file__).with_name("profiles")

_OF_ONE_MODEL = frozenset({"aliases", "deprecated", "retired"})
"""What an extension under a name of its own does not take over."""

Document = dict[str, object]
"""A profile file as TOML reads it."""


class CatalogError(ValueError):
    """A profile file is wrong; the message names the file and the field."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models of this gateway."""

    version: str
    """Changes whenever any figure of the catalog does; every ledger entry keeps the one it was priced with."""
    default_model: str
    by_name: Mapping[str, Profile]
    """Every name and alias, retired models included."""

    def find(self, name: str) -> Profile:
        """The profile of a model by its name or alias, retired ones too; ModelNotFound when there is none."""
        profile = self.by_name.get(name)
        if profile is None:
            raise ModelNotFound(
                f"The model `{shown(name)}` does not exist. GET /v1/models lists the models there are.", param="model"
            )
        return profile

    def profiles(self) -> tuple[Profile, ...]:
        """The models on offer, each once, by name; unpriced ones included, retired ones not."""
        return tuple(profile for profile in self._each() if profile.retired is None)

    def retired(self) -> tuple[Profile, ...]:
        """The models that are still found and sent on, but no longer on offer."""
        return tuple(profile for profile in self._each() if profile.retired is not None)

    def names(self) -> tuple[str, ...]:
        """Their names, without aliases."""
        return tuple(profile.name for profile in self.profiles())

    def _each(self) -> tuple[Profile, ...]:
        own = {profile.name: profile for profile in self.by_name.values()}
        return tuple(own[name] for name in sorted(own))


def load_catalog(folder: Path | None = None, default_model: str = "gpt-image-2") -> Catalog:
    """Read the shipped profiles, then the operator's ``*.toml``, each in order of their file names.

    A file of the operator's adds a model, or replaces the one of the same ``name``. With ``extends = "<model>"`` it
    starts from that model's data and says only what differs: top-level keys and tables replace the old ones whole,
    ``[parameters.<name>]`` one by one. Without a ``name`` of its own such a file changes the model it extends. A file
    that extends the model of a later one waits for it.

    Raises:
        CatalogError: a file or the default model is wrong.

    """
    documents: dict[str, Document] = {}
    profiles: dict[str, Profile] = {}
    for place in (_SHIPPED, folder) if folder else (_SHIPPED,):
        waiting = {path: _read(path) for path in _files(place)}
        while waiting:
            path = _next(waiting, documents)
            document = _extended(path, waiting.pop(path), documents)
            profile = _validated(path, document)
            _refuse_taken_names(path, profile, profiles.values())
            documents[profile.name] = document
            profiles[profile.name] = profile
    by_name = {name: profile for profile in profiles.values() for name in (profile.name, *profile.aliases)}
    catalog = Catalog(_version(documents), default_model, by_name)
    try:
        catalog.find(default_model)
    except ModelNotFound as error:
        raise CatalogError(f"the default model: {error.message}") from None
    return catalog


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise CatalogError(f"{folder}: not a folder")
    return sorted(folder.glob("*.toml"))


def _next(waiting: Mapping[Path, Document], known: Mapping[str, Document]) -> Path:
    """The first file that can be read now; when none can, the first of all, so that its fault is told."""
    ready = (path for path, document in waiting.items() if document.get("extends") in (None, *known))
    return next(ready, next(iter(waiting)))


def _read(path: Path) -> Document:
    try:
        # Decimal: a price written as a bare number stays exact.
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:  # both TOML and UTF-8 errors are ValueErrors
        raise CatalogError(f"{path}: {error}") from None


def _extended(path: Path, document: Document, known: Mapping[str, Document]) -> Document:
    """The document laid over the one it extends; as it is when it extends none."""
    if "extends" not in document:
        return document
    extends = document["extends"]
    if not isinstance(extends, str) or extends not in known:
        raise CatalogError(f"{path}: extends: no model {extends!r} to extend; there are {', '.join(known)}")
    old = known[extends]
    new = {key: value for key, value in document.items() if key != "extends"}
    merged = old | new
    if new.get("name", extends) != extends:
        for key in _OF_ONE_MODEL - new.keys():
            merged.pop(key, None)
    old_parameters, new_parameters = old.get("parameters"), new.get("parameters")
    if isinstance(old_parameters, dict) and isinstance(new_parameters, dict):
        merged["parameters"] = old_parameters | new_parameters
    return merged


def _validated(path: Path, document: Document) -> Profile:
    try:
        return ProfileFile.model_validate(document).to_profile()
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".lstrip(": ") for fault in error.errors())
        raise CatalogError(f"{path}: {'; '.join(faults)}") from None


def _refuse_taken_names(path: Path, profile: Profile, known: Iterable[Profile]) -> None:
    for other in known:
        taken = {profile.name, *profile.aliases} & {other.name, *other.aliases}
        if taken and other.name != profile.name:
            raise CatalogError(f"{path}: name or aliases: {min(taken)!r} already belongs to {other.name}")


def _version(documents: Mapping[str, Document]) -> str:
    """Twelve hex digits over the data of the files: comments and the order of keys do not count."""
    data = orjson.dumps(documents, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(data).hexdigest()[:12]
