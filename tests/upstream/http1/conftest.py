"""The transport is shown on both event loops it may run on; every other test here needs only the stock one."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    stock: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    return stock | {"uvloop": uvloop.new_event_loop} if item.path.name.startswith("test_transport") else stock
