"""PyPI's Authlib authenticates by private_key_jwt.

Called by python.test.mjs with issuer, client id, the client's private JWK, and whether the realm
takes assertions for its token endpoint.
"""

import json
import sys
import time

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

issuer, client_id, private_jwk, is_lenient = sys.argv[1:]
metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
assert metadata["issuer"] == issuer, metadata
assert "private_key_jwt" in metadata["token_endpoint_auth_methods_supported"], metadata
assert metadata["token_endpoint_auth_signing_alg_values_supported"] == ["ES256"], metadata


def fetch(audience=None, claims=None, key=private_jwk):
    """A token by an assertion, which Authlib makes for the token endpoint unless it is told.

    The library gives all assertions of one method with claims one `jti`: so one method for each.
    """
    session = OAuth2Session(
        client_id, ECKey.import_key(json.loads(key)), token_endpoint_auth_method="private_key_jwt"
    )
    session.register_client_auth_method(PrivateKeyJWT(audience, claims=claims, alg="ES256"))
    return session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")


def brief():
    """Claims of an assertion for a minute: Authlib's own are for an hour, which is too long."""
    return {"exp": int(time.time()) + 60}


def refused(**arguments):
    """Asserts that the client is refused."""
    try:
        fetch(**arguments)
    except OAuthError as error:
        assert error.error == "invalid_client", error
    else:
        raise AssertionError(f"not refused with {arguments}")


assert fetch(issuer, brief())["scope"] == "read write"
if is_lenient == "true":
    assert fetch(claims=brief())["token_type"] == "Bearer"
else:
    refused(claims=brief())
refused(audience=issuer)
refused(audience=f"{issuer}x", claims=brief())
refused(audience=issuer, claims=brief(), key=json.dumps(ECKey.generate_key("P-256").as_dict(private=True)))
once = brief() | {"jti": "once"}
fetch(issuer, once)
refused(audience=issuer, claims=once)
print(f"Authlib, private_key_jwt at {issuer.rpartition('/')[2]}: issuer, token endpoint, replay")
