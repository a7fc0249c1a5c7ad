"""An identity provider (OpenID Connect) for one test: it asks nothing and vouches for whoever the test names."""

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

__all__ = ["Provider", "provider", "write_secrets"]


class Provider:
    """Its address, and the facts that it tells of who signs in next."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.user: dict[str, Any] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "test", "use": "sig", "alg": "RS256"})
        self.codes: dict[str, dict[str, str]] = {}

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            **{f"{name}_endpoint": f"{self.url}/{name}" for name in ("authorization", "token")},
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorise(self, query: dict[str, str]) -> str:
        code = secrets.token_hex(8)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        asked = self.codes.pop(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        now = int(time.time())
        claims = {"iss": self.url, "aud": asked["client_id"], "iat": now, "exp": now + 600, "nonce": asked["nonce"]}
        signed = jwt.encode({"alg": "RS256", "kid": "test"}, claims | self.user, self.key)
        return {"access_token": "x", "token_type": "Bearer", "expires_in": 600, "id_token": signed}


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """Run one on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorization":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", made.authorise(query))
                self.end_headers()
            elif parts.path == "/keys":
                self._json({"keys": [made.key.as_dict(private=False)]})
            else:
                self._json(made.metadata())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._json(made.token({name: values[0] for name, values in parse_qs(body).items()}))

        def _json(self, content: dict[str, Any]) -> None:
            data = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    made = Provider(f"http://localhost:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def write_secrets(path: Path, issuer: Provider, studio: str) -> Path:
    """Write what Streamlit is told of the provider."""
    path.write_text(
        f'[auth]\nredirect_uri = "{studio}/oauth2callback"\ncookie_secret = "{secrets.token_hex(24)}"\n'
        f'client_id = "studio"\nclient_secret = "hush"\n'
        f'server_metadata_url = "{issuer.url}/.well-known/openid-configuration"\n',
        encoding="utf-8",
    )
    return path
