"""What `nbgrader zip_collect` does with a file that cannot be unpacked: a line, and on it goes."""

import os
import shutil
import tempfile
from pathlib import Path

from nbgrader.plugins import ExtractorPlugin

from byhand.grading.submission.names import printable


class EachAlone(ExtractorPlugin):
    """nbgrader's own, one file at a time: an archive that is damaged, encrypted or wants to write
    elsewhere ("../") is one student's, not the end of the run."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack all files in archive_path into folders of their names in extracted_path."""
        files = sorted(path for path in Path(archive_path).rglob("*") if path.is_file())
        if not files:
            super().extract(archive_path, extracted_path)  # which says so
        for path in files:
            place = Path(extracted_path) / path.parent.relative_to(archive_path)
            with tempfile.TemporaryDirectory(prefix="byhand-archive-") as alone:
                os.symlink(path.resolve(), Path(alone) / path.name)
                try:
                    super().extract(alone, str(place))
                except Exception as error:  # noqa: BLE001 - whatever is wrong with one archive
                    shutil.rmtree(place / path.stem.removesuffix(".tar"), ignore_errors=True)
                    said = printable(" ".join(f"{type(error).__name__}: {error}".split()))
                    self.log.warning("%s is left out: %s", printable(path.name), said[:300])
