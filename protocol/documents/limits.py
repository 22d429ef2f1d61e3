"""Every size and time limit of a document, with its unit, in one place."""

from datetime import timedelta

DOCUMENT_BYTES = 1024 * 1024
BUNDLE_BYTES = 8 * 1024 * 1024
BUNDLE_DOCUMENTS = 128
JSON_DEPTH = 32
#: Whole numbers beyond this are not the same in every language (RFC 7493 section 2.2).
JSON_INTEGER = 2**53 - 1
SIGNATURES = 64
STATUS_LIFETIME = timedelta(days=7)
#: How far two honest clocks may differ.
CLOCK_SKEW = timedelta(seconds=60)
EXPANDED_OUTPUTS = 4096
SCHEMA_DEPTH = 8
PATTERN_CHARACTERS = 200
CATEGORIES = 256
