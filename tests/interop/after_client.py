"""PyPI's Authlib introspects, revokes and exchanges tokens, and grants by another issuer's assertion.

Called by python.test.mjs with issuer, `typ` of its access tokens, id and credentials of a client and
of a service, and issuer and private JWK of a trusted issuer. Credentials are a secret, or a private
JWK. The client's tokens are for the service, whose own are for https://backend.example.
"""

import json
import sys
import time

import jwt
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import JWTBearerGrant, PrivateKeyJWT
from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion
from joserfc.jwk import ECKey

issuer, typ, client_id, client_credentials, service_id, service_credentials, partner, partner_jwk = sys.argv[1:]
metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
assert metadata["issuer"] == issuer, metadata

BACKEND = "https://backend.example"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
assert {EXCHANGE, JWTBearerGrant.GRANT_TYPE} <= set(metadata["grant_types_supported"]), metadata


class Party:
    """A client and what it can do."""

    def __init__(self, identifier, credentials):
        self.identifier, self.credentials = identifier, credentials

    def session(self):
        """A new session: Authlib gives all assertions of one method with claims one `jti`."""
        if not self.credentials.startswith("{"):
            return OAuth2Session(self.identifier, self.credentials)
        method = "private_key_jwt"
        session = OAuth2Session(
            self.identifier,
            ECKey.import_key(json.loads(self.credentials)),
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
        )
        # Authlib's own assertions are for an hour, which is too long.
        claims = {"exp": int(time.time()) + 60}
        session.register_client_auth_method(PrivateKeyJWT(issuer, claims=claims, alg="ES256"))
        return session

    def fetch(self, grant_type, **parameters):
        """A token."""
        return self.session().fetch_token(metadata["token_endpoint"], grant_type=grant_type, **parameters)

    def introspect(self, token):
        """What a token is."""
        response = self.session().introspect_token(metadata["introspection_endpoint"], token)
        assert response.status_code == 200, response.text
        return response.json()

    def revoke(self, token):
        """Revokes a token. Returns status and error."""
        response = self.session().revoke_token(metadata["revocation_endpoint"], token)
        return response.status_code, response.json().get("error")

    def exchange(self, token, token_type=ACCESS_TOKEN, **parameters):
        """A token for a token."""
        return self.fetch(EXCHANGE, subject_token=token, subject_token_type=token_type, **parameters)


def refused(expected, act, *arguments, **parameters):
    """Asserts that the token endpoint refuses with that error."""
    try:
        act(*arguments, **parameters)
    except OAuthError as error:
        assert error.error == expected, error
    else:
        raise AssertionError(f"not refused with {expected}")


def verify(token, audience):
    """The claims, if PyJWT finds the token good for that audience."""
    text = token["access_token"]
    assert jwt.get_unverified_header(text)["typ"] == typ
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(text)
    return jwt.decode(text, key, algorithms=["ES256"], audience=audience, issuer=issuer)


def assertion(key=partner_jwk, **claims):
    """The trusted issuer's assertion about somebody, for a minute."""
    return sign_jwt_bearer_assertion(
        ECKey.import_key(json.loads(key)), partner, issuer, "77", expires_in=60, claims=claims, alg="ES256"
    )


client, service = Party(client_id, client_credentials), Party(service_id, service_credentials)

token = client.fetch("client_credentials")
text = token["access_token"]
for party in (client, service):
    told = party.introspect(text)
    assert (told["active"], told["client_id"], told["token_type"]) == (True, client_id, "Bearer"), told

exchanged = service.exchange(text, audience=BACKEND)
assert exchanged["issued_token_type"] == ACCESS_TOKEN, exchanged
claims = verify(exchanged, BACKEND)
assert (claims["sub"], claims["act"]) == (told["sub"], {"sub": service_id}), claims
refused("invalid_target", service.exchange, text, audience="https://elsewhere.example")
refused("unauthorized_client", client.exchange, text)

assert service.revoke(text) == (400, "invalid_grant")
assert client.introspect(text)["active"]
assert client.revoke(text) == (200, None)
assert client.revoke(text) == (200, None)
assert client.revoke("garbage") == (200, None)
for party in (client, service):
    assert party.introspect(text) == {"active": False}
refused("invalid_request", service.exchange, text, audience=BACKEND)
print(f"Authlib at {issuer.rpartition('/')[2]}: introspection, revocation, token exchange")

once = assertion()
token = service.fetch(JWTBearerGrant.GRANT_TYPE, assertion=once)
claims = verify(token, BACKEND)
assert (claims["sub"], "act" in claims) == ("partner:77", False), claims
refused("invalid_grant", service.fetch, JWTBearerGrant.GRANT_TYPE, assertion=once)
refused("invalid_grant", service.fetch, JWTBearerGrant.GRANT_TYPE, assertion=assertion(aud=client_id))
stranger = json.dumps(ECKey.generate_key("P-256").as_dict(private=True))
refused("invalid_grant", service.fetch, JWTBearerGrant.GRANT_TYPE, assertion=assertion(stranger))
assert verify(service.exchange(assertion(), JWT), BACKEND)["act"] == {"sub": service_id}
print(f"Authlib at {issuer.rpartition('/')[2]}: another issuer's assertion, and its token exchanged")
