//! Tokens that are not exchanged.

use super::*;

/// A token of the realm that is good in all else.
fn good() -> Signed {
    of_front()
}

/// Those that should be the realm's.
pub(super) fn rows() -> Vec<Row> {
    let rows = [forms(), headers(), claims(), standing(), whose()];
    rows.into_iter().flatten().collect()
}

fn forms() -> Vec<Row> {
    let text = good().text();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let other = good().claim("sub", "admin").text();
    let other = other.rsplit_once('.').unwrap().0;
    let unsecured = good().header("alg", "none").text();
    let unsecured = unsecured.rsplit_once('.').unwrap().0;
    texts_because(
        NOT_OURS,
        [
            ("not a token", "x".into()),
            ("an opaque token", "A".repeat(64)),
            ("without its signature", format!("{signed}.")),
            ("with other claims", format!("{other}.{signature}")),
            ("not signed, alg none", format!("{unsecured}.")),
            ("with more behind", format!("{text}A")),
            ("twice in one", format!("{text}.{text}")),
            ("in upper case", text.to_uppercase()),
            (
                "a claim that stands twice",
                good().with_claims(good().claims().replacen('{', "{\"sub\":\"x\",", 1)),
            ),
        ],
    )
}

fn headers() -> Vec<Row> {
    let typ = |typ: &str| good().header("typ", typ);
    because(
        NOT_OURS,
        [
            ("by a key of nobody", good().signed_by(99)),
            (
                "by a trusted issuer's key",
                good().header("kid", kid(IDP_KEY)).signed_by(IDP_KEY),
            ),
            (
                "by a key that it brings",
                good().without("kid").with_jwk(public_jwk(99)).signed_by(99),
            ),
            ("without a kid", good().without("kid")),
            ("with the kid of nobody", good().header("kid", "x")),
            ("by alg HS256", good().header("alg", "HS256")),
            ("by alg RS256", good().header("alg", "RS256")),
            ("without alg", good().without("alg")),
            ("with crit", good().header("crit", json!(["exp"]))),
            (
                "with jku",
                good().header("jku", "https://auth.example/jwks"),
            ),
            ("without typ", good().without("typ")),
            ("typ of other JWTs", typ("JWT")),
            ("typ of logout tokens", typ("logout+jwt")),
            ("typ of proofs", typ("dpop+jwt")),
            ("typ of client assertions", typ("client-authentication+jwt")),
            (
                "an ID token",
                typ("JWT")
                    .without("jti")
                    .claim("azp", "front")
                    .claim("nonce", "n"),
            ),
            (
                "an ID token with another typ",
                good().without("jti").without("client_id"),
            ),
        ],
    )
}

fn claims() -> Vec<Row> {
    let with = |claim: &str, value: Value| good().claim(claim, value);
    let mut rows = because(
        NOT_OURS,
        [
            (
                "of another realm",
                with("iss", json!("https://auth.example/realms/other")),
            ),
            (
                "of an unknown realm",
                with("iss", json!("https://auth.example/realms/x")),
            ),
            (
                "of a trusted issuer, by the realm's key",
                with("iss", json!(IDP)),
            ),
            ("without iss", good().without("iss")),
            ("iss as a list", with("iss", json!([ISSUER]))),
            ("without jti", good().without("jti")),
            ("jti as a number", with("jti", json!(1))),
            ("without client_id", good().without("client_id")),
            ("client_id as a number", with("client_id", json!(1))),
            (
                "client_id that none can have",
                with("client_id", json!("a\n")),
            ),
            ("without iat", good().without("iat")),
            ("iat as a text", with("iat", json!(NOW.to_string()))),
            ("without exp", good().without("exp")),
            ("exp as a text", with("exp", json!((NOW + 300).to_string()))),
            ("exp as a list", with("exp", json!([NOW + 300]))),
            ("exp as null", with("exp", Value::Null)),
            ("exp before 1970", with("exp", json!(-1))),
            ("exp as true", with("exp", json!(true))),
            ("a scope that is none", with("scope", json!("a  b"))),
            ("a family that is none", with("sid", json!("1"))),
        ],
    );
    rows.extend(because(
        EXPIRED,
        [
            ("exp now", with("exp", json!(NOW))),
            ("exp a second ago", with("exp", json!(NOW - 1))),
            ("exp of 0", with("exp", json!(0))),
        ],
    ));
    rows
}

fn standing() -> Vec<Row> {
    let moment = "issued before a not-before moment";
    let gone = "its client is disabled or gone";
    let family = "00000000-0000-4000-8000-000000000000";
    let at = |token: Signed, iat: u64| token.claim("iat", iat);
    let rows = [
        because(
            "revoked",
            [
                ("revoked by its client", good().claim("jti", "revoked")),
                ("its own that it revoked", own().claim("jti", "revoked")),
            ],
        ),
        because(
            ENDED,
            [
                ("of a family that has ended", good().claim("sid", family)),
                (
                    "its own, of a family that has ended",
                    own().claim("sid", family),
                ),
            ],
        ),
        because(
            moment,
            [
                ("before the realm's moment", at(good(), NOW - 501)),
                ("its own, before the realm's moment", at(own(), NOW - 501)),
                (
                    "before its client's moment",
                    at(good().claim("client_id", "ceased"), NOW - 51),
                ),
                (
                    "before its subject's moment",
                    at(good().claim("sub", "gone"), NOW - 51),
                ),
            ],
        ),
        because(
            gone,
            [
                (
                    "of a client that is disabled",
                    good().claim("client_id", "stopped"),
                ),
                (
                    "of a client that is gone",
                    good().claim("client_id", "deleted"),
                ),
            ],
        ),
    ];
    rows.into_iter().flatten().collect()
}

fn whose() -> Vec<Row> {
    let with = |audience: Value| good().claim("aud", audience);
    because(
        "neither issued to the client nor for one of its resources",
        [
            ("for nobody", good().without("aud")),
            ("for an empty list", with(json!([]))),
            ("for another", with(json!(DB))),
            ("for several others", with(json!([DB, ISSUER]))),
            ("for a number", with(json!(1))),
            ("for an object", with(json!({ "a": API }))),
            ("for a part of its resource", with(json!("https://api"))),
            (
                "for its resource with a slash",
                with(json!(format!("{API}/"))),
            ),
            (
                "for its resource in upper case",
                with(json!(API.to_uppercase())),
            ),
            ("for the client by its id", with(json!("api"))),
            ("for what it may exchange for", with(json!(BACKEND))),
            (
                "of a client with its name in upper case",
                with(json!(ISSUER)).claim("client_id", "API"),
            ),
            (
                "about the client, of another",
                with(json!(ISSUER)).claim("sub", "api"),
            ),
        ],
    )
}

/// What of trusted issuers only this grant refuses.
pub(super) fn foreign_rows() -> Vec<Row> {
    because(
        foreign::TOKEN_TYPE,
        [(
            "an assertion for the JWT bearer grant",
            by_idp().header("typ", "authorization-grant+jwt"),
        )],
    )
}
