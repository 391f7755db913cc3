"""A cluster that the tests of one worker share, and one whose masters may be hurt."""

from collections.abc import Iterator

import pytest

from tests.support.redis_cluster import RedisCluster, cluster_url, redis_cluster

__all__ = ["cluster_url", "redis_cluster"]


@pytest.fixture
def own_cluster() -> Iterator[RedisCluster]:
    """A cluster of the test's own, which goes on serving the slots of the masters that are left."""
    with RedisCluster({"cluster-require-full-coverage": "no"}) as cluster:
        yield cluster
