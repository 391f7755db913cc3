"""``GET /v1/models``: what the key may use, in OpenAI's shape."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.keys import KeyRing
from app.catalog.catalog import Catalog
from app.catalog.profile import describe
from app.errors import ModelNotFound
from app.web.errors import bearer_of


class Models:
    """The model list of the public door. Does not admit, so it looks past the cache of keys."""

    def __init__(self, keys: KeyRing, catalog: Catalog) -> None:
        self._keys = keys
        self._catalog = catalog

    async def list(self, request: Request) -> Response:
        """Every priced model the key may use."""
        principal = await self._keys.authenticate(bearer_of(request.scope), fresh=True)
        data = [
            describe(profile)
            for profile in self._catalog.profiles()
            if profile.prices is not None and principal.may_use(profile.name)
        ]
        return JSONResponse({"object": "list", "data": data})

    async def one(self, request: Request) -> Response:
        """One of them."""
        principal = await self._keys.authenticate(bearer_of(request.scope), fresh=True)
        profile = self._catalog.find(request.path_params["model"])
        if profile.prices is None or not principal.may_use(profile.name):
            raise ModelNotFound(
                f"The model `{profile.name}` is not one this key may use; GET /v1/models lists those.", param="model"
            )
        return JSONResponse(describe(profile))
