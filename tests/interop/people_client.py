"""PyPI's Authlib signs a person in: code with PKCE, ID token, userinfo, refresh.

Called by python.test.mjs with issuer, redirect URI, the secret of the login application `login`, and
client id and secret, the latter empty for a public client. The login application is played here.
"""

import sys
import time
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken

issuer, redirect_uri, login_secret, client_id, client_secret = sys.argv[1:]
metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
assert metadata["issuer"] == issuer, metadata
SCOPE = "openid profile email"
CLAIMS = {"name": "Ada Example", "email": "ada@example.com", "email_verified": True}

session = OAuth2Session(
    client_id,
    client_secret or None,
    token_endpoint_auth_method="client_secret_basic" if client_secret else "none",
    scope=SCOPE,
    redirect_uri=redirect_uri,
    code_challenge_method="S256",
)


def query(url):
    """The parameters of a URL, each of which stands once."""
    parameters = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert all(len(values) == 1 for values in parameters.values()), url
    return {name: values[0] for name, values in parameters.items()}


def ask(act, body):
    """A call of the login application."""
    return requests.post(
        f"{metadata['authorization_endpoint']}/{act}",
        json=body,
        auth=("login", login_secret),
        timeout=5,
    )


def begin(url):
    """The browser asks for a code. Returns its cookie and the ticket."""
    response = requests.get(url, allow_redirects=False, timeout=5)
    assert response.status_code == 303, response.text
    # Carried by hand: `requests` sends no `Secure` cookie to http, as browsers do on loopback.
    cookie, *attributes = response.headers["Set-Cookie"].split("; ")
    assert cookie.startswith("__Host-"), cookie
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(attributes), attributes
    return cookie, query(response.headers["Location"])["ticket"]


def resume(redirect_to, cookie):
    """The browser comes back from the login application."""
    headers = {"Cookie": cookie} if cookie else {}
    return requests.get(redirect_to, headers=headers, allow_redirects=False, timeout=5)


def sign_in():
    """A person signs in. Returns what the client is told, and what it expects."""
    code_verifier, nonce = generate_token(48), generate_token(20)
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=code_verifier, nonce=nonce
    )
    cookie, ticket = begin(url)
    asked = ask("ticket", {"ticket": ticket}).json()
    assert (asked["client_id"], asked["scope"]) == (client_id, SCOPE), asked
    decision = {"ticket": ticket, "sub": "1001", "auth_time": int(time.time()), "claims": CLAIMS}
    redirect_to = ask("accept", decision).json()["redirect_to"]

    stranger = resume(redirect_to, None)
    assert stranger.status_code == 400 and "Location" not in stranger.headers, stranger.status_code
    late = ask("reject", {"ticket": ticket, "error": "access_denied"})
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant"), late.text

    response = resume(redirect_to, cookie)
    assert response.status_code == 303, response.text
    answer = response.headers["Location"]
    assert answer.startswith(f"{redirect_uri}?"), answer
    assert (query(answer)["state"], query(answer)["iss"]) == (state, issuer), answer
    return answer, state, code_verifier, nonce


def redeem(answer, state, code_verifier):
    """The tokens for a code."""
    return session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=answer,
        state=state,
        code_verifier=code_verifier,
    )


def check_id_token(token, nonce):
    """Verifies an ID token: signature and audience by PyJWT, the rest by Authlib."""
    text = token["id_token"]
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(text)
    claims = jwt.decode(text, key, algorithms=["ES256"], audience=client_id, issuer=issuer)
    params = {"nonce": nonce, "client_id": client_id, "access_token": token["access_token"]}
    CodeIDToken(claims, jwt.get_unverified_header(text), params=params).validate()
    assert claims["sub"] == "1001" and "at_hash" in claims, claims


def refused(act, *arguments, **parameters):
    """Asserts that the token endpoint refuses with invalid_grant."""
    try:
        act(*arguments, **parameters)
    except OAuthError as error:
        assert error.error == "invalid_grant", error
    else:
        raise AssertionError("not refused")


for _ in range(2):
    answer, state, code_verifier, nonce = sign_in()
    token = redeem(answer, state, code_verifier)
    check_id_token(token, nonce)
    for _ in range(2):
        info = session.get(metadata["userinfo_endpoint"]).json()
        assert info["sub"] == "1001", info
        assert {name: info.get(name) for name in CLAIMS} == CLAIMS, info
        before = token["refresh_token"]
        token = session.refresh_token(metadata["token_endpoint"], refresh_token=before)
        assert token["refresh_token"] != before

answer, state, code_verifier, nonce = sign_in()
refused(redeem, answer, state, generate_token(48))
answer, state, code_verifier, nonce = sign_in()
token = redeem(answer, state, code_verifier)
refused(redeem, answer, state, code_verifier)
refused(
    session.refresh_token, metadata["token_endpoint"], refresh_token=token["refresh_token"]
)
method = "confidential" if client_secret else "public"
print(f"Authlib, a {method} client at {urlsplit(issuer).path}: code, ID token, userinfo, refresh")
