"""Few, repeatable examples: the whole suite has to stay under ten seconds."""

from hypothesis import settings

settings.register_profile(
    "unit", max_examples=25, deadline=None, derandomize=True, database=None, print_blob=True
)
settings.load_profile("unit")
