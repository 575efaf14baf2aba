"""The dashboard: plain HTML, CSS and ES modules that the server sends as they are."""
