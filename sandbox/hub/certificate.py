"""When the certificate that the registry shows expires."""

import datetime as dt
import socket
import ssl
from urllib.parse import urlsplit

from sandbox.errors import Unreachable

SECONDS = 10.0
PORT = 443


def certificate_until(url: str) -> dt.datetime | None:
    """The end of the certificate of an https address, verified as every connection to it is; None for http."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return None
    host = parts.hostname or ""
    try:
        with (
            socket.create_connection((host, parts.port or PORT), SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secured,
        ):
            until = str((secured.getpeercert() or {})["notAfter"])
    except ssl.SSLCertVerificationError as error:
        raise Unreachable("certificate-refused", f"The registry's certificate: {error.verify_message}.") from error
    except (OSError, KeyError) as error:
        raise Unreachable("registry-unreachable", f"The registry does not answer ({type(error).__name__}).") from error
    return dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(until), dt.UTC)
