"""A resource server verifies access tokens: Python, with PyPI's PyJWT and cryptography.

    ISSUER=… AUDIENCE=… JWKS_URI=… python verify.py < tokens
"""

import json
import os
import sys

import jwt

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ["AUDIENCE"]
TYP = os.environ.get("TYP", "at+jwt")

# A copy of the keys is good for MAX_AGE seconds. A kid that it lacks may be new: then the keys are
# fetched again, unless that was less than COOLDOWN seconds ago.
KEYS = jwt.PyJWKClient(
    os.environ["JWKS_URI"],
    lifespan=float(os.environ.get("MAX_AGE", "300")),
    cooldown_duration=float(os.environ.get("COOLDOWN", "30")),
    timeout=5,
)

# ID tokens have no jti. Tokens of light-oauth2, which have no typ, have no sub.
REQUIRED = ["exp", "jti", "sub"] if TYP else ["exp", "jti"]


def verify(token: str) -> dict:
    """The claims of an access token that is for this service and for whoever bears it.

    Raises jwt.PyJWTError.
    """
    header = jwt.get_unverified_header(token)
    if not is_access_token(header.get("typ")):
        raise jwt.InvalidTokenError("typ is not that of access tokens")
    if "crit" in header:
        raise jwt.InvalidTokenError("the header has extensions")
    if "kid" not in header:
        raise jwt.InvalidTokenError("the header has no kid")
    claims = jwt.decode(
        token,
        KEYS.get_signing_key(header["kid"]),
        algorithms=["ES256"],
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=60,
        options={"require": REQUIRED},
    )
    # PyJWT takes the digits of a text for a number.
    if any(type(claims[name]) not in (int, float) for name in {"exp", "nbf"} & claims.keys()):
        raise jwt.InvalidTokenError("exp or nbf is no number")
    if "cnf" in claims:
        raise jwt.InvalidTokenError("the token is bound to a key")
    return claims


def is_access_token(typ) -> bool:
    """Whether typ is TYP, as a media type is compared (RFC 7515 section 4.1.9)."""
    if not TYP or not isinstance(typ, str):
        return not TYP and typ is None
    return typ.lower().removeprefix("application/") == TYP.lower()


if __name__ == "__main__":
    for line in sys.stdin:
        try:
            print(json.dumps(verify(line.rstrip("\n"))), flush=True)
        except (jwt.PyJWTError, ValueError) as error:
            print(f"refused: {error}", flush=True)
