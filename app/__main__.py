"""``python -m app`` is the command ``imagegate``."""

from app.cli.main import main

main()
