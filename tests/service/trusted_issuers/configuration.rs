//! What a realm says of the issuers that it trusts. What is wrong with it is in the log.

use super::*;

const KEYS: &str = "trusted issuer `idp` must have either `jwks`, or `jwks_uri`, https or http on \
                    loopback";
const NAME: &str =
    "member `trusted_issuers`: a name must be 1 to 64 letters, digits, `-`, `_`, `.`";

/// One issuer under that name, its members changed.
fn one(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut issuer = json!({ "issuer": IDP, "jwks": jwks(&[IDP_KEY]) });
    change(&mut issuer);
    json!({ name: issuer })
}

/// One whose keys are at a URL.
fn at(url: &str) -> Value {
    json!({ "idp": { "issuer": IDP, "jwks_uri": url } })
}

/// With another value of a member.
fn with(member: &str, value: Value) -> Value {
    one("idp", |issuer| issuer[member] = value)
}

/// With other keys.
fn of_keys(keys: Value) -> Value {
    with("jwks", json!({ "keys": keys }))
}

fn private_jwk() -> Value {
    serde_json::to_value(key(IDP_KEY, 0, 1).to_private_jwk()).unwrap()
}

#[test]
fn a_realm_that_trusts_wrongly_is_a_503_that_names_the_member() {
    let of_jwks = |reason: &str| format!("member `jwks` of a trusted issuer: {reason}");
    let point = "key 1: members `x` and `y` must be a point of P-256 in base64url without padding";
    let mut off_curve = public_jwk(IDP_KEY);
    off_curve["y"] = public_jwk(IDP_OTHER_KEY)["y"].clone();
    let long = "n".repeat(65);
    let rows: Vec<(&str, Value, String)> = vec![
        (
            "both",
            with("jwks_uri", json!("https://idp.example/jwks")),
            KEYS.into(),
        ),
        (
            "one issuer under two names",
            json!({
                "idp": { "issuer": IDP, "jwks": jwks(&[IDP_KEY]) },
                "other": { "issuer": IDP, "jwks": jwks(&[IDP_OTHER_KEY]) },
            }),
            "trusted issuer `other` has the `issuer` of another".into(),
        ),
        (
            "no keys",
            one("idp", |issuer| issuer["jwks"] = Value::Null),
            KEYS.into(),
        ),
        ("http elsewhere", at("http://idp.example/jwks"), KEYS.into()),
        (
            "http on what looks like loopback",
            at("http://127.0.0.1.evil.example/jwks"),
            KEYS.into(),
        ),
        (
            "a scheme of its own",
            at("com.example.app:/jwks"),
            KEYS.into(),
        ),
        ("a file", at("file:///etc/passwd"), KEYS.into()),
        ("data", at("data:application/json,{}"), KEYS.into()),
        (
            "with a password",
            at("https://a:b@idp.example/jwks"),
            KEYS.into(),
        ),
        (
            "with a fragment",
            at("https://idp.example/jwks#a"),
            KEYS.into(),
        ),
        ("a URL that is empty", at(""), KEYS.into()),
        (
            "a URL that is a list",
            json!({ "idp": { "issuer": IDP, "jwks_uri": ["https://idp.example"] } }),
            "member `jwks_uri` must be a URL".into(),
        ),
        (
            "keys that are a text",
            with("jwks", json!("https://idp.example")),
            of_jwks("not a JSON object without repeated members (line 0, column 0)"),
        ),
        (
            "a set without keys",
            with("jwks", json!({})),
            of_jwks("member `keys` is missing"),
        ),
        (
            "a private key",
            of_keys(json!([private_jwk()])),
            of_jwks("key 1: it is a private key"),
        ),
        (
            "a private key of another kind",
            of_keys(json!([{ "kty": "RSA", "n": "AQAB" }, { "kty": "RSA", "d": "AQAB" }])),
            of_jwks("key 2: it is a private key"),
        ),
        (
            "a shared key",
            of_keys(json!([{ "kty": "oct", "k": "AQAB" }])),
            of_jwks("key 1: it is a private key"),
        ),
        (
            "a point off the curve",
            of_keys(json!([off_curve])),
            of_jwks(point),
        ),
        (
            "no issuer",
            one("idp", |issuer| issuer["issuer"] = Value::Null),
            "member `issuer` is missing".into(),
        ),
        (
            "an issuer that is a number",
            with("issuer", json!(1)),
            "member `issuer` must be a text".into(),
        ),
        (
            "the realm itself",
            with("issuer", json!(ISSUER)),
            "member `issuer` must be another's than the realm's".into(),
        ),
        (
            "an audience that is a text",
            with("audience", json!(ISSUER)),
            "member `audience` must be a list of texts".into(),
        ),
        (
            "scopes that are a list",
            with("scopes", json!(["read"])),
            "member `scopes` must be scope tokens with one space between".into(),
        ),
        (
            "scopes with two spaces",
            with("scopes", json!("a  b")),
            "member `scopes` must be scope tokens with one space between".into(),
        ),
        (
            "subjects that are maybe its own",
            with("subjects_are_the_realms_own", json!("yes")),
            "member `subjects_are_the_realms_own` must be true or false".into(),
        ),
        (
            "a member of nobody",
            with("algorithms", json!(["ES256"])),
            "member `algorithms` is unknown".into(),
        ),
        ("a name that is empty", one("", |_| ()), NAME.into()),
        ("a name with a space", one("a b", |_| ()), NAME.into()),
        ("a name with a colon", one("a:b", |_| ()), NAME.into()),
        (
            "a name that begins with a dash",
            one("-a", |_| ()),
            NAME.into(),
        ),
        ("a name that is no ASCII", one("é", |_| ()), NAME.into()),
        ("a name of 65 letters", one(&long, |_| ()), NAME.into()),
        (
            "a text for an issuer",
            json!({ "idp": IDP }),
            "member `trusted_issuers` must be a table of tables".into(),
        ),
        (
            "a list of issuers",
            json!([{ "issuer": IDP }]),
            "member `trusted_issuers` must be a table of tables".into(),
        ),
    ];
    for (name, issuers, reason) in rows {
        let realm = json!({ "issuer": ISSUER, "trusted_issuers": issuers });
        let other = json!({ "issuer": "https://auth.example/realms/other" });
        let realms = json!({ "default": realm, "other": other });
        let fixture = Fixture::configured(realms, &secrets());
        for realm in ["default", "other"] {
            fixture.register_in(realm, "app", |_| ());
        }
        let answer = fixture.token("");
        assert_eq!(
            answer.error(),
            (503, "temporarily_unavailable".into()),
            "{name}"
        );
        let expected = format!("realm `default`: {reason}");
        assert_eq!(answer.reason(), expected, "{name}");
        assert!(matches!(answer.log, Some(Log::Error(_))), "{name}");
        assert_eq!(fixture.get("/health").status(), 503, "{name}");
        assert!(!answer.response.body.contains("idp"), "{name}");
        // No key is told, whoever's it is.
        for part in ["x", "y", "d"] {
            let secret = private_jwk()[part].as_str().unwrap().to_owned();
            assert!(!answer.reason().contains(&secret), "{name}");
        }
        // Others do not suffer.
        let form = "grant_type=client_credentials";
        let elsewhere = fixture.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post("/realms/other/token", form)
        });
        assert_eq!(elsewhere.status(), 200, "{name}");
    }
}

#[test]
fn a_realm_does_not_trust_who_has_its_own_iss() {
    let realm = json!({
        "issuer": ISSUER, "iss": "urn:example:home", "trusted_issuers": with("issuer", json!("urn:example:home")),
    });
    let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
    fixture.register("app", |_| ());
    let answer = fixture.token("");
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.reason(),
        "realm `default`: member `issuer` must be another's than the realm's"
    );
}

#[test]
fn what_may_be_configured_is_served() {
    for (name, issuers) in [
        ("https", at("https://idp.example/jwks?a=b")),
        ("http on loopback", at("http://127.0.0.1:9000/jwks")),
        ("http on localhost", at("http://localhost:9000/jwks")),
        ("none at all", json!({})),
        (
            "keys of other kinds beside",
            of_keys(json!([{ "kty": "RSA", "n": "AQAB" }, public_jwk(IDP_KEY)])),
        ),
        ("a name of 64 letters", one(&"n".repeat(64), |_| ())),
        (
            "an issuer that is no URL",
            with("issuer", json!("accounts.example")),
        ),
        (
            "two audiences",
            with("audience", json!([ISSUER, "urn:example:a"])),
        ),
        ("no scopes", with("scopes", json!(""))),
    ] {
        let realm = json!({ "issuer": ISSUER, "trusted_issuers": issuers });
        let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
        fixture.register("app", |_| ());
        assert_eq!(fixture.token("").status(), 200, "{name}");
    }
}
