//! Tokens of trusted issuers that are none, whichever grant they come with: each differs from a good
//! one in one thing.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::Signature;

use super::*;

/// A token: its name, its text, and why it is none.
pub(in super::super) type Row = (&'static str, String, String);

pub(in super::super) const MALFORMED: &str = "not a signed token in the compact form";
pub(in super::super) const ALGORITHM: &str = "its algorithm is not ES256";
pub(in super::super) const SIGNATURE: &str = "its signature is not the key's";
pub(in super::super) const UNKNOWN_KEY: &str = "its `kid` names none of the signer's keys";
pub(in super::super) const TOKEN_TYPE: &str = "its `typ` is another token's";
pub(in super::super) const ISSUED_BY: &str =
    "its `iss` is no trusted issuer of the realm and client";
pub(in super::super) const AUDIENCE: &str = "its `aud` is not the issuer alone";
pub(in super::super) const REPLAYED: &str = "its `jti` was used before";
const KEY_REFERENCE: &str = "its header refers to a key of its own";

/// All of them.
pub(in super::super) fn rows() -> Vec<Row> {
    let rows = [
        forms(),
        headers(),
        whose(),
        audiences(),
        times(),
        ids(),
        holders(),
    ];
    rows.into_iter().flatten().collect()
}

/// Tokens for the holder of a key or certificate, which the request does not show.
fn holders() -> Vec<Row> {
    values(
        "cnf",
        "bound to a key or certificate that was not shown",
        [
            ("cnf of a key", json!({ "jkt": "x" })),
            ("cnf of a certificate", json!({ "x5t#S256": "x" })),
            ("cnf in a way of its own", json!({ "kid": "x" })),
            ("cnf of a key in a way of its own", json!({ "jkt": 1 })),
            ("cnf that is a text", json!("x")),
            ("cnf of nothing", json!({})),
            ("cnf null", json!(null)),
        ],
    )
}

/// Tokens that fail for one reason.
pub(in super::super) fn because<const N: usize>(
    reason: &str,
    tokens: [(&'static str, Signed); N],
) -> Vec<Row> {
    texts_because(reason, tokens.map(|(name, token)| (name, token.text())))
}

pub(in super::super) fn texts_because<const N: usize>(
    reason: &str,
    tokens: [(&'static str, String); N],
) -> Vec<Row> {
    tokens
        .map(|(name, text)| (name, text, reason.to_owned()))
        .into()
}

/// Bad values of a claim.
fn values<const N: usize>(
    claim: &str,
    reason: &str,
    values: [(&'static str, Value); N],
) -> Vec<Row> {
    because(
        reason,
        values.map(|(name, value)| (name, by_idp().claim(claim, value))),
    )
}

/// Bad values of a claim that must have another type.
fn malformed<const N: usize>(claim: &str, rows: [(&'static str, Value); N]) -> Vec<Row> {
    values(claim, &missing(claim), rows)
}

pub(in super::super) fn missing(claim: &str) -> String {
    format!("its claim `{claim}` is missing or malformed")
}

fn joined(rows: impl IntoIterator<Item = Vec<Row>>) -> Vec<Row> {
    rows.into_iter().flatten().collect()
}

fn forms() -> Vec<Row> {
    let good = by_idp().text();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let of_octets = |octets: &[u8]| by_idp().with_signature(|_| octets.to_vec());
    let issuers_twice = by_idp().claims().replacen('{', "{\"iss\":\"x\",", 1);
    let overflow = by_idp().claims().replace(&(NOW + 60).to_string(), "1e999");
    let unsecured = by_idp().header("alg", "none");
    let unsecured_text = unsecured.text();
    let unsecured_head = unsecured_text.rsplit_once('.').unwrap().0;
    joined([
        texts_because(
            MALFORMED,
            [
                ("a word", "x".into()),
                ("two parts", signed.into()),
                ("no signature", format!("{signed}.")),
                ("four parts", format!("{good}.{signature}")),
                (
                    "five parts",
                    format!("{header}.{claims}.{claims}.{claims}.{signature}"),
                ),
                (
                    "a part with padding",
                    format!("{header}=.{claims}.{signature}"),
                ),
                ("a space behind", format!("{good}%20")),
                (
                    "a header that is no JSON",
                    format!("{}.{claims}.{signature}", encode("x")),
                ),
                ("claims that are no JSON", by_idp().with_claims("x")),
                ("claims that are a list", by_idp().with_claims("[]")),
                ("claims that are no UTF-8", by_idp().with_claims([0xff])),
                (
                    "a header member twice",
                    by_idp().with_header(r#"{"alg":"ES256","alg":"ES256"}"#),
                ),
                ("a claim twice", by_idp().with_claims(issuers_twice)),
                ("exp beyond all numbers", by_idp().with_claims(overflow)),
                ("a kid that is a number", by_idp().header("kid", 1).text()),
                (
                    "a typ that is a list",
                    by_idp().header("typ", json!(["JWT"])).text(),
                ),
                (
                    "an embedded key that is a text",
                    by_idp().header("jwk", "x").text(),
                ),
                ("a signature of 63 octets", of_octets(&[1; 63])),
                ("a signature of 65 octets", of_octets(&[1; 65])),
                ("a signature of zeros", of_octets(&[0; 64])),
                (
                    "a signature in DER",
                    by_idp().with_signature(|it| it.to_der().as_bytes().to_vec()),
                ),
            ],
        ),
        because(
            ALGORITHM,
            [
                ("alg none, signed all the same", unsecured.clone()),
                ("alg HS256", by_idp().header("alg", "HS256")),
                ("alg RS256", by_idp().header("alg", "RS256")),
                ("alg ES384", by_idp().header("alg", "ES384")),
                ("alg in lower case", by_idp().header("alg", "es256")),
                ("alg null", by_idp().header("alg", Value::Null)),
                ("alg a list", by_idp().header("alg", json!(["ES256"]))),
                ("no alg", by_idp().without("alg")),
            ],
        ),
        texts_because(
            ALGORITHM,
            [("alg none, not signed", format!("{unsecured_head}."))],
        ),
        texts_because(
            SIGNATURE,
            [
                ("signed by another key", by_idp().signed_by(99).text()),
                (
                    "signed by another issuer's key",
                    by_idp().signed_by(PARTNER_KEY).text(),
                ),
                (
                    "signed by the realm's own key",
                    by_idp().signed_by(1).text(),
                ),
                (
                    "signed by the issuer's other key",
                    by_idp().signed_by(IDP_OTHER_KEY).text(),
                ),
                ("another's claims under the signature", {
                    let other = by_idp().claim("sub", "admin").text();
                    format!("{}.{signature}", other.rsplit_once('.').unwrap().0)
                }),
                (
                    "halves of the signature in the other order",
                    by_idp().with_signature(|it: Signature| {
                        let octets = it.to_bytes();
                        [&octets[32..], &octets[..32]].concat()
                    }),
                ),
            ],
        ),
    ])
}

fn headers() -> Vec<Row> {
    let typ = |typ: &str| by_idp().header("typ", typ);
    joined([
        because(
            UNKNOWN_KEY,
            [
                ("a kid of nobody", by_idp().header("kid", "x")),
                ("a kid that is empty", by_idp().header("kid", "")),
                ("the kid of another issuer", by(IDP, PARTNER_KEY)),
                ("the kid of the realm", by(IDP, 1)),
                (
                    "a kid that is a path",
                    by_idp().header("kid", "../../dev/null"),
                ),
                ("no kid of two keys", by_idp().without("kid")),
            ],
        ),
        because(
            "its header has `crit`",
            [
                ("crit", by_idp().header("crit", json!(["exp"]))),
                ("crit that is empty", by_idp().header("crit", json!([]))),
            ],
        ),
        because(
            KEY_REFERENCE,
            [
                ("jku", by_idp().header("jku", "https://idp.example/jwks")),
                ("x5u", by_idp().header("x5u", "https://idp.example/x5c")),
                ("x5c", by_idp().header("x5c", json!(["MIIB"]))),
            ],
        ),
        because(
            "its header has a key of its own",
            [
                (
                    "an embedded key that signed it",
                    by_idp().with_jwk(public_jwk(99)).signed_by(99),
                ),
                (
                    "an embedded key that is the issuer's",
                    by_idp().with_jwk(public_jwk(IDP_KEY)),
                ),
            ],
        ),
        because(
            TOKEN_TYPE,
            [
                ("typ of a logout token", typ("logout+jwt")),
                ("typ of a proof", typ("dpop+jwt")),
                (
                    "typ of a client assertion",
                    typ("client-authentication+jwt"),
                ),
                ("typ of a security event", typ("secevent+jwt")),
                (
                    "typ of an introspection response",
                    typ("token-introspection+jwt"),
                ),
                ("typ of a request object", typ("oauth-authz-req+jwt")),
                ("typ with a space behind", typ("JWT ")),
                ("typ empty", typ("")),
            ],
        ),
    ])
}

fn whose() -> Vec<Row> {
    let long = json!("a".repeat(256));
    joined([
        because(&missing("iss"), [("no iss", by_idp().without("iss"))]),
        malformed(
            "iss",
            [
                ("iss null", Value::Null),
                ("iss empty", json!("")),
                ("iss a number", json!(1)),
                ("iss a list", json!([IDP])),
                ("iss too long", long.clone()),
            ],
        ),
        values(
            "iss",
            ISSUED_BY,
            [
                ("iss of nobody", json!("https://evil.example")),
                ("iss with a slash behind", json!(format!("{IDP}/"))),
                ("iss in upper case", json!(IDP.to_uppercase())),
                ("iss with more behind", json!(format!("{IDP}.evil.example"))),
                ("iss by its name in the realm", json!("idp")),
                ("iss the realm", json!(ISSUER)),
                ("iss the client", json!("app")),
            ],
        ),
        because(
            ISSUED_BY,
            [(
                "an issuer that the client does not present",
                by(STRANGER, STRANGER_KEY),
            )],
        ),
        because(&missing("sub"), [("no sub", by_idp().without("sub"))]),
        malformed(
            "sub",
            [
                ("sub null", Value::Null),
                ("sub empty", json!("")),
                ("sub a number", json!(1302)),
                ("sub a list", json!(["mike"])),
                ("sub an object", json!({ "format": "email" })),
                ("sub too long", long),
            ],
        ),
    ])
}

fn audiences() -> Vec<Row> {
    let mut rows = because(AUDIENCE, [("no aud", by_idp().without("aud"))]);
    rows.extend(values(
        "aud",
        AUDIENCE,
        [
            ("aud null", Value::Null),
            ("aud empty", json!("")),
            ("aud a number", json!(1)),
            ("aud an empty list", json!([])),
            ("aud a list in a list", json!([[ISSUER]])),
            ("aud a list of the realm twice", json!([ISSUER, ISSUER])),
            (
                "aud a list with more",
                json!([ISSUER, "https://other.example"]),
            ),
            (
                "aud a list without the realm",
                json!(["https://other.example"]),
            ),
            (
                "aud another realm",
                json!("https://auth.example/realms/other"),
            ),
            ("aud the token endpoint", json!(format!("{ISSUER}/token"))),
            (
                "aud the short token endpoint",
                json!("https://auth.example/token"),
            ),
            ("aud with a slash behind", json!(format!("{ISSUER}/"))),
            ("aud by http", json!(ISSUER.replace("https", "http"))),
            ("aud in upper case", json!(ISSUER.to_uppercase())),
            ("aud the client", json!("app")),
            ("aud the issuer itself", json!(IDP)),
        ],
    ));
    rows
}

fn times() -> Vec<Row> {
    let expired = |at: u64| format!("expired at {at}, now {NOW}");
    let begins = format!("begins at {}, now {NOW}", NOW + 31);
    let until = |name, at: u64| because(&expired(at), [(name, by_idp().claim("exp", at))]);
    joined([
        because(&missing("exp"), [("no exp", by_idp().without("exp"))]),
        malformed(
            "exp",
            [
                ("exp null", Value::Null),
                ("exp a text", json!((NOW + 60).to_string())),
                ("exp a date", json!("2027-01-15T08:01:00Z")),
                ("exp true", json!(true)),
                ("exp a list", json!([NOW + 60])),
                ("exp an object", json!({ "seconds": NOW + 60 })),
                ("exp negative", json!(-1)),
            ],
        ),
        until("exp 8 s ago", NOW - 8),
        until("exp 9 s ago", NOW - 9),
        until("exp in 1970", 0),
        malformed(
            "nbf",
            [
                ("nbf a text", json!(NOW.to_string())),
                ("nbf negative", json!(-0.5)),
            ],
        ),
        malformed(
            "iat",
            [
                ("iat a text", json!(NOW.to_string())),
                ("iat a list", json!([NOW])),
            ],
        ),
        values("nbf", &begins, [("nbf 31 s ahead", json!(NOW + 31))]),
        values("iat", &begins, [("iat 31 s ahead", json!(NOW + 31))]),
    ])
}

fn ids() -> Vec<Row> {
    malformed(
        "jti",
        [
            ("jti empty", json!("")),
            ("jti a number", json!(1)),
            ("jti a list", json!(["a1"])),
            ("jti too long", json!("j".repeat(256))),
        ],
    )
}
