"""`python -m server.cli`: how the server starts its children."""

from server.cli.root import main

if __name__ == "__main__":
    main()
