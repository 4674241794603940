"""`python -m oracle` is the `mirrorbond` command."""

from oracle.cli import main

if __name__ == "__main__":
    main()
