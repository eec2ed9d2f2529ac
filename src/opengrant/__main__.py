"""`python -m opengrant` is `opengrant`."""

from opengrant.cli.main import main

if __name__ == "__main__":
    main()
