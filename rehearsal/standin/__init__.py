"""A stand-in for the providers that need a cloud account: it answers the engine's protocol and reaches nothing.

To add a resource type: a section in types/*.toml (its id, automatic name, defaults, outputs), one in replacing.toml,
and in allowed.toml if AWS takes values from a list. Arguments are read from the pinned SDK by themselves. What a
template cannot say goes into outputs.py (EXTRAS) or words.py, what AWS refuses to delete into guards.py, what replaces
in some changes only into conditions.py. To add a function: functions.py. The tests say what is still missing.
"""
