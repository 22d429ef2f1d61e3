"""A review at a glance: what a member must know before reading on, each with its place on the page.

Only what was found stands here. What nobody has told or looked at is called that, and is never green.
"""

from registry.actions.review_page import OnePage

Item = tuple[str, str, str, str]
"""A name, the address of its section, the words of its state, and their colour."""


def glance(page: OnePage) -> tuple[Item, ...]:
    """Return the state of each kind of evidence."""
    return (
        ("Signed by its author, whom an office accredits", "#who", *_author(page)),
        ("Consent of every dataset covers the purposes", "#who", *_consent(page)),
        ("The image is what the author signed, and nodes would load it", "#image", *_image(page)),
        ("Rehearsed on synthetic data", "#rehearsal", *_rehearsal(page)),
        ("Fields that changed since a version that you know", "#changed", *_changes(page)),
    )


def _author(page: OnePage) -> tuple[str, str]:
    return ("Yes", "green") if page.accredited else ("Not any more", "red")


def _consent(page: OnePage) -> tuple[str, str]:
    found = [place.consent.covered for each in page.asked for place in each.places]
    if False in found:
        return "No", "red"
    return ("Yes", "green") if found and None not in found else ("Nobody can say", "grey")


def _image(page: OnePage) -> tuple[str, str]:
    image = page.image
    if image is None:
        return "It has none", "green"
    if not image.concerns:
        return "Not for you to see", "grey"
    if image.contents is None:
        return ("Not looked into yet", "orange") if page.whole.review.image_here else ("Not here", "orange")
    return ("Yes", "green") if image.is_signed and not image.contents.refused else ("No", "red")


def _rehearsal(page: OnePage) -> tuple[str, str]:
    if not page.algorithm.runs_image:
        return "It has no image", "green"
    reports = page.rehearsals.reports
    if any(not each.report.fit for each in reports):
        return "Not fit", "red"
    if page.rehearsals.awaited:
        return f"{len(page.rehearsals.awaited)} awaited", "orange"
    return ("Fit", "green") if reports else ("Not rehearsed", "grey")


def _changes(page: OnePage) -> tuple[str, str]:
    if not page.comparisons:
        return "You know none", "grey"
    return f"{max(len(each.changes) for each in page.comparisons)} changed", "blue"
