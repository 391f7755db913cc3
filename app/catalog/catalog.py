"""The catalog: every model profile, found by any of its names; loaded once, at start."""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import orjson
from pydantic import ValidationError

from app.catalog.documents import Document, laid_over
from app.catalog.order import Operation
from app.catalog.profile import Profile
from app.catalog.profile_file import ProfileFile
from app.catalog.unknown import UnknownModels, stand_in
from app.catalog.wording import shown
from app.errors import ModelNotFound

_SHIPPED = Path(__file__).with_name("profiles")
_UNKNOWN_MODEL = Path(__file__).with_name("unknown-model.toml")


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
    known: frozenset[str]
    """Every parameter of any model."""
    essential: frozenset[str]
    """Those among them that are never left out."""
    unknown: UnknownModels | None
    """None: models the catalog does not have are refused."""
    stand_ins: tuple[Profile, ...]
    """The profiles that may stand for them."""

    def find(self, name: str) -> Profile:
        """The profile of a model by its name or alias, retired ones too, an assumed one where unknown models pass.

        Raises:
            ModelNotFound: there is none.

        """
        profile = self.by_name.get(name)
        if profile is None and self.unknown is not None:
            profile = stand_in(name, self.stand_ins, self.unknown)
        if profile is None:
            raise ModelNotFound(
                f"The model `{shown(name)}` does not exist. GET /v1/models lists the models there are; whether others "
                "are sent on is the operator's choice (IMAGEGATE_UNKNOWN_MODELS).",
                param="model",
            )
        return profile

    def able(self, operation: Operation) -> tuple[str, ...]:
        """The models that serve an operation, those on offer if there are any."""
        found = [profile for profile in self._each() if operation in profile.operations]
        offered = [profile for profile in found if profile.retired is None]
        return tuple(profile.name for profile in offered or found)

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


def load_catalog(
    folder: Path | None = None, default_model: str = "gpt-image-2", unknown: UnknownModels | None = None
) -> Catalog:
    """Read the shipped profiles, then the operator's ``*.toml``, each in order of their file names.

    A file of the operator's adds a model, or replaces the one of the same ``name``. With ``extends = "<model>"`` it
    starts from that model's data and says only what differs: top-level keys and tables replace the old ones whole,
    ``[edits]`` and ``[variations]`` key by key, ``[parameters.<name>]`` one by one. Without a ``name`` of its own such
    a file changes the model it extends. A file that extends the model of a later one waits for it. ``unknown`` lets
    models pass that the catalog does not have.

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
    generic = _read(_UNKNOWN_MODEL)
    rules = [rule for profile in profiles.values() for rules in profile.operations.values() for rule in rules.items()]
    catalog = Catalog(
        version=_version({**documents, "": generic}),
        default_model=default_model,
        by_name=by_name,
        known=frozenset(name for name, _ in rules),
        essential=frozenset(name for name, rule in rules if rule.essential),
        unknown=unknown,
        stand_ins=(_validated(_UNKNOWN_MODEL, generic), *profiles.values()),
    )
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
    return laid_over(known[extends], {key: value for key, value in document.items() if key != "extends"})


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
