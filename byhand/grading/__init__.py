"""What an instructor's machine runs: nbgrader plug-ins, the release, the demo class."""
