"""``GET /v1/models``: what the key may use, in OpenAI's shape; ``GET /v1/catalog``: the same with all that is known."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.keys import KeyRing
from app.accounts.models import Principal
from app.catalog import description
from app.catalog.catalog import Catalog
from app.catalog.profile import Profile
from app.catalog.wording import UNPRICED
from app.errors import ModelNotFound
from app.web.errors import bearer_of


class Models:
    """The model list of the public door. Does not admit, so it looks past the cache of keys."""

    def __init__(self, keys: KeyRing, catalog: Catalog) -> None:
        self._keys = keys
        self._catalog = catalog

    async def catalog(self, request: Request) -> Response:
        """The same models with their prices, operations and parameters: what a form is drawn from."""
        principal = await self._keys.authenticate(bearer_of(request.scope), fresh=True)
        models = [description.describe(profile) for profile in self._offered(principal)]
        default = self._catalog.default_model
        document = {"version": self._catalog.version, "default_model": default, "models": models}
        return JSONResponse(document)

    async def list(self, request: Request) -> Response:
        """Every priced model the key may use."""
        principal = await self._keys.authenticate(bearer_of(request.scope), fresh=True)
        data = [describe(profile) for profile in self._offered(principal)]
        return JSONResponse({"object": "list", "data": data})

    async def one(self, request: Request) -> Response:
        """One of them, or one that is retired and still sent on."""
        principal = await self._keys.authenticate(bearer_of(request.scope), fresh=True)
        profile = self._catalog.find(request.path_params["model"])
        if not principal.may_use(profile.name):
            raise _not_found(profile, "is not one this key may use")
        if profile.prices is None:
            raise _not_found(profile, UNPRICED)
        return JSONResponse(describe(profile))

    def _offered(self, principal: Principal) -> Iterator[Profile]:
        """What is on offer, has a price, and may be used by the key."""
        for profile in self._catalog.profiles():
            if profile.prices is not None and principal.may_use(profile.name):
                yield profile


def _not_found(profile: Profile, why: str) -> ModelNotFound:
    return ModelNotFound(f"The model `{profile.name}` {why}; GET /v1/models lists those to be had.", param="model")


def describe(profile: Profile) -> dict[str, object]:
    """The profile as an entry of the list, in OpenAI's form."""
    return {"id": profile.name, "object": "model", "created": profile.created, "owned_by": profile.owned_by}
