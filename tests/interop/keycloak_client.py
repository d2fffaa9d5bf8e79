"""PyPI's python-keycloak gets a token of a Keycloak realm and decodes it.

Called by python.test.mjs with the server's URL, client id and secret.
"""

import sys

from jwcrypto.jwk import JWK
from keycloak import KeycloakOpenID
from keycloak.exceptions import KeycloakAuthenticationError

server_url, client_id, client_secret = sys.argv[1:]


def client(secret):
    """The library, set up as for Keycloak."""
    return KeycloakOpenID(
        server_url=server_url, realm_name="dx", client_id=client_id, client_secret_key=secret
    )


keycloak = client(client_secret)
assert keycloak.well_known()["issuer"] == f"{server_url}/realms/dx"
token = keycloak.token(grant_type="client_credentials")
assert token["token_type"] == "Bearer" and token["refresh_expires_in"] == 0, token
claims = keycloak.decode_token(token["access_token"])
assert claims["azp"] == client_id and claims["typ"] == "Bearer", claims

pem = f"-----BEGIN PUBLIC KEY-----\n{keycloak.public_key()}\n-----END PUBLIC KEY-----"
key = JWK.from_pem(pem.encode())
assert keycloak.decode_token(token["access_token"], key=key)["azp"] == client_id

try:
    client("wrong").token(grant_type="client_credentials")
except KeycloakAuthenticationError as error:
    assert error.response_code == 401, error
else:
    raise AssertionError("a wrong secret got a token")
print("python-keycloak: discovery, token, decoded by JWKS and by the realm's page")
