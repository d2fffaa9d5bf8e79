"""PyPI's Authlib gets tokens; PyJWT verifies them from the served JWKS.

Called by python.test.mjs with issuer, client id and secret, and a second client's for the form.
"""

import sys

import jwt
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
import requests

issuer, client_id, client_secret, post_id, post_secret = sys.argv[1:]
metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
assert metadata["issuer"] == issuer, metadata


def fetch(identifier, secret, method, **parameters):
    """A token by the client credentials grant."""
    session = OAuth2Session(identifier, secret, token_endpoint_auth_method=method)
    return session.fetch_token(
        metadata["token_endpoint"], grant_type="client_credentials", **parameters
    )


def refused(expected, *arguments, **parameters):
    """Asserts that the token is refused with that error."""
    try:
        fetch(*arguments, **parameters)
    except OAuthError as error:
        assert error.error == expected, error
    else:
        raise AssertionError(f"not refused with {expected}")


token = fetch(client_id, client_secret, "client_secret_basic", scope="write")
assert (token["token_type"], token["scope"], token["expires_in"]) == ("Bearer", "write", 300)
assert fetch(post_id, post_secret, "client_secret_post")["scope"] == "read write"
refused("invalid_scope", client_id, client_secret, "client_secret_basic", scope="delete")
refused("invalid_client", client_id, "wrong", "client_secret_basic")
refused("invalid_client", client_id, client_secret, "client_secret_post")
print("Authlib: Basic and post, errors")

access_token = token["access_token"]
key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(access_token)
required = {"require": ["exp", "iat", "iss", "aud", "sub", "jti"]}


def verify(text, audience=issuer, expected_issuer=issuer):
    """The claims, if the token is for that audience and from that issuer."""
    assert jwt.get_unverified_header(text)["typ"] == "at+jwt"
    return jwt.decode(
        text, key, algorithms=["ES256"], audience=audience, issuer=expected_issuer, options=required
    )


assert verify(access_token)["sub"] == client_id
for wrong, error in [
    ({"audience": "https://api.example"}, jwt.InvalidAudienceError),
    ({"expected_issuer": f"{issuer}x"}, jwt.InvalidIssuerError),
]:
    try:
        verify(access_token, **wrong)
    except error:
        continue
    raise AssertionError(f"verified with {wrong}")
try:
    verify(access_token[:-8] + "AAAAAAAA")
except jwt.InvalidSignatureError:
    print("PyJWT: verified with issuer, audience and typ; a forged one refused")
else:
    raise AssertionError("a forged signature verified")
