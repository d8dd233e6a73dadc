"""What tests of the cases to review share: a row of the page, and the sheet read back."""

import csv
import io


def read_sheet(text):
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def row_of(page, name):
    return next(part for part in page.split("<tbody>") if name in part).split("</tbody>")[0]
