"""`python -m vacate`: the command line, for whoever has the package and no script on the path."""

from vacate.cli import main

main(prog_name="vacate")
