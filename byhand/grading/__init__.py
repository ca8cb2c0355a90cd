"""What an instructor's machine runs: nbgrader plug-ins, the release, the demo class."""

import sys

# nbformat imports jsonschema, which would compile a grammar of addresses: a second, for what no
# notebook needs.
sys.modules.setdefault("rfc3987_syntax", None)
