"""Cases: which models there are."""

import openai

from tests.contract.python.scene import Scene, refused


def models_are_listed(scene: Scene) -> None:
    """``models.list()`` has OpenAI's shape and can be walked through."""
    models = {model.id: model for model in scene.client().models.list()}

    assert "gpt-image-2" in models
    assert models["gpt-image-2"].object == "model"
    assert isinstance(models["gpt-image-2"].created, int)
    assert isinstance(models["gpt-image-2"].owned_by, str)


def a_model_is_retrieved(scene: Scene) -> None:
    """``models.retrieve()`` gives what the list has."""
    client = scene.client()
    listed = {model.id: model for model in client.models.list()}

    assert client.models.retrieve("gpt-image-2") == listed["gpt-image-2"]


def a_key_sees_the_models_it_may_use(scene: Scene) -> None:
    """A key for one model lists that one, and does not find the others."""
    client = scene.client("narrow")

    assert [model.id for model in client.models.list()] == ["gpt-image-2.6-flare"]
    with refused(openai.NotFoundError, code="model_not_found"):
        client.models.retrieve("gpt-image-2")


async def asynchronous_client_lists_models(scene: Scene) -> None:
    """The asynchronous client walks through the same list."""
    async with scene.async_client() as client:
        listed = [model.id async for model in client.models.list()]

    assert listed == [model.id for model in scene.client().models.list()]


def an_unknown_model_is_not_found(scene: Scene) -> None:
    """``models.retrieve()`` of no model raises NotFoundError as OpenAI's does."""
    with refused(openai.NotFoundError, status_code=404, code="model_not_found", type="invalid_request_error"):
        scene.client().models.retrieve("gpt-image-9")
