"""`python -m torouter` is the command `torouter`."""

from torouter.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
