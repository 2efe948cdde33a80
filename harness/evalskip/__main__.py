"""Entry point of ``python -m evalskip``."""

from evalskip.cli import main

if __name__ == "__main__":
    main()
