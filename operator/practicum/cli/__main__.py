"""``python -m practicum.cli``: the command without installing it."""

from practicum.cli.main import main

main()
