"""Compares what is served with what the offline data says: a first draft, which finds nothing."""


def mismatches(store, entities, moment):
    """What is served of ``entities`` and is not what was known offline at ``moment``.

    Each is ``{"entity": {key: ...}, "feature": name, "online": value, "offline": value}``.
    """
    return []
