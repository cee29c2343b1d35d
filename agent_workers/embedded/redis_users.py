"""Who may do what in a Redis of ours: our own processes what they use, and nobody else anything."""

from typing import Final

OWNER: Final = "owner"
AGENT: Final = "agent"

# The keys and channels of all processes. Who listens to a pattern needs it by the letter: Flower to
# events in database 0, and Celery's remote control where it is turned on.
_PLACES: Final = "~aw:* &aw:* &aw:/0.celeryev/* &aw:/0.celery.pidbox &aw:/0.reply.celery.pidbox"
_COMMANDS: Final = (
    "auth hello ping quit reset select client|setinfo client|setname client|id info time type"
    " get set del exists expire pexpire ttl pttl"
    " llen lpush rpush rpop brpop"
    " sadd smembers srem zadd zrem zrangebyscore"
    " hget hmget hset hdel hexists hincrby hincrbyfloat"
    " xadd xread xrevrange xlen"
    " publish subscribe psubscribe unsubscribe punsubscribe"
    " multi exec eval evalsha script|load script|exists"
).split()
# No flush, no scan, no settings, no users, no shutdown; other keys are not even readable.
RULE: Final = f"{_PLACES} -@all {' '.join(f'+{name}' for name in _COMMANDS)}"


def users(*, owner: str, agent: str) -> str:
    """Write the users of a server with their passwords; without a name nobody comes in."""
    return (
        f"user default off\nuser {OWNER} on >{owner} ~* &* +@all\nuser {AGENT} on >{agent} {RULE}\n"
    )
