from tests.servers.redis import _one_redis, redis_server

__all__ = ["_one_redis", "redis_server"]
