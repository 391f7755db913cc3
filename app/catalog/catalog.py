"""The catalog: every model profile, found by any of its names; loaded once, at start."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson
from msgspec import Struct
from pydantic import ValidationError

from app.catalog.documents import CatalogError, Document, laid_over, read_document, read_folder
from app.catalog.faults import faults
from app.catalog.order import Operation
from app.catalog.profile import Profile
from app.catalog.profile_file import ProfileFile
from app.catalog.unknown import UnknownModels, stand_in
from app.catalog.wording import shown
from app.errors import ModelNotFound

_SHIPPED = Path(__file__).with_name("profiles")
_UNKNOWN_MODEL = Path(__file__).with_name("unknown-model.toml")
_PICTURES = frozenset({"mask", "markup"})
"""Pictures sent along with an edit are no parameters of any profile, and are no more left out elsewhere than there."""


class Catalog(Struct, frozen=True):
    """The models of this gateway."""

    version: str
    """Changes whenever any figure of the catalog does; every ledger entry keeps the one it was priced with."""
    default_model: str
    by_name: Mapping[str, Profile]
    """Every name and alias, retired models included."""
    known: frozenset[str]
    """Every parameter of any model, the pictures sent along included."""
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

    def unnamed(self, operation: Operation) -> Profile:
        """The model of a request that names none: the default model if it serves the operation, else one that does."""
        default = self.find(self.default_model)
        return default if operation in default.operations else next(iter(self.able(operation)), default)

    def able(self, operation: Operation) -> tuple[Profile, ...]:
        """The models that serve an operation, by name: priced ones if there are any, and of those the ones on offer."""
        found = [profile for profile in self.all() if operation in profile.operations]
        found = [profile for profile in found if profile.prices is not None] or found
        return tuple([profile for profile in found if profile.retired is None] or found)

    def profiles(self) -> tuple[Profile, ...]:
        """The models on offer, each once, by name; unpriced ones included, retired ones not."""
        return tuple(profile for profile in self.all() if profile.retired is None)

    def retired(self) -> tuple[Profile, ...]:
        """The models that are still found and sent on, but no longer on offer."""
        return tuple(profile for profile in self.all() if profile.retired is not None)

    def all(self) -> tuple[Profile, ...]:
        """The models of both kinds, each once, by name."""
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
    return load_documents(read_folder(folder) if folder else {}, default_model, unknown)


def load_documents(
    own: Mapping[Path, Document], default_model: str = "gpt-image-2", unknown: UnknownModels | None = None
) -> Catalog:
    """The catalog of these documents of the operator's, as `load_catalog` makes it; the paths need not be there.

    Raises:
        CatalogError: a document or the default model is wrong.

    """
    documents: dict[str, Document] = {}
    profiles: dict[str, Profile] = {}
    for place in (read_folder(_SHIPPED), own):
        waiting = dict(sorted(place.items()))
        while waiting:
            path = _next(waiting, documents)
            document = _extended(path, waiting.pop(path), documents)
            profile = _validated(path, document)
            _refuse_taken_names(path, profile, profiles.values())
            documents[profile.name] = document
            profiles[profile.name] = profile
    by_name = {name: profile for profile in profiles.values() for name in (profile.name, *profile.aliases)}
    generic = read_document(_UNKNOWN_MODEL)
    rules = [rule for profile in profiles.values() for rules in profile.operations.values() for rule in rules.items()]
    catalog = Catalog(
        version=_version({**documents, "": generic}),
        default_model=default_model,
        by_name=by_name,
        known=_PICTURES.union(name for name, _ in rules),
        essential=_PICTURES.union(name for name, rule in rules if rule.essential),
        unknown=unknown,
        stand_ins=(_validated(_UNKNOWN_MODEL, generic), *profiles.values()),
    )
    try:
        catalog.find(default_model)
    except ModelNotFound as error:
        raise CatalogError(f"the default model: {error.message}") from None
    return catalog


def _next(waiting: Mapping[Path, Document], known: Mapping[str, Document]) -> Path:
    """The first file that can be read now; when none can, the first of all, so that its fault is told."""
    ready = (path for path, document in waiting.items() if document.get("extends") in (None, *known))
    return next(ready, next(iter(waiting)))


def _extended(path: Path, document: Document, known: Mapping[str, Document]) -> Document:
    """The document laid over the one it extends; as it is when it extends none."""
    if "extends" not in document:
        return document
    extends = document["extends"]
    if not isinstance(extends, str) or extends not in known:
        raise CatalogError(f"extends: no model {extends!r} to extend; there are {', '.join(known)}", path)
    return laid_over(known[extends], {key: value for key, value in document.items() if key != "extends"})


def _validated(path: Path, document: Document) -> Profile:
    try:
        return ProfileFile.model_validate(document).to_profile()
    except ValidationError as error:
        raise CatalogError("; ".join(faults(error, ProfileFile)), path) from None


def _refuse_taken_names(path: Path, profile: Profile, known: Iterable[Profile]) -> None:
    for other in known:
        taken = {profile.name, *profile.aliases} & {other.name, *other.aliases}
        if taken and other.name != profile.name:
            raise CatalogError(f"name or aliases: {min(taken)!r} already belongs to {other.name}", path)


def _version(documents: Mapping[str, Document]) -> str:
    """Twelve hex digits over the data of the files: comments and the order of keys do not count."""
    data = orjson.dumps(documents, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(data).hexdigest()[:12]
