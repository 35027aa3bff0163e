"""`python -m threegrants`: the command line."""

from threegrants.cli import main

if __name__ == "__main__":
    main(prog_name="threegrants")
