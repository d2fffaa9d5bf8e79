//! RFC 7521 §4.2, RFC 7523: clients that sign who they are, for this realm, for minutes, once.

mod hostile;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::Signature;

use super::signed::*;
use super::*;

const GRANT: &str = "grant_type=client_credentials";
const OTHER_ISSUER: &str = "https://auth.example/realms/other";

impl Fixture {
    fn register_keys(&self, id: &str, octets: &[u8]) {
        self.register(id, |client| by_assertion(client, jwks(octets)));
    }

    /// A token request with an assertion.
    fn assert_by(&self, assertion: &Signed) -> Answer {
        self.assert_in("/token", &presented(&assertion.text()))
    }

    /// A token request with that after its grant type.
    fn assert_in(&self, path: &str, form: &str) -> Answer {
        self.send(&post(path, &format!("{GRANT}{form}")))
    }
}

/// The client `app` signs its assertions, here and in the realm `other`.
fn two_realms() -> Fixture {
    let realms = json!({ "default": { "issuer": ISSUER }, "other": { "issuer": OTHER_ISSUER } });
    let fixture = Fixture::configured(realms, &secrets());
    for realm in ["default", "other"] {
        fixture.register_in(realm, "app", |client| {
            by_assertion(client, jwks(&[CLIENT_KEY]))
        });
    }
    fixture
}

fn good() -> Signed {
    Signed::assertion("app")
}

/// The other signature that verifies wherever one does: that of `-S` (the malleability of ECDSA).
fn twin(signature: Signature) -> Vec<u8> {
    let (r, s) = signature.split_scalars();
    let twin = Signature::from_scalars(*r, -*s).unwrap();
    assert_ne!(twin, signature);
    twin.to_bytes().to_vec()
}

#[test]
fn a_client_that_signs_who_it_is_gets_a_token() {
    let fixture = two_realms();
    let answer = fixture.assert_by(&good());
    assert_eq!(answer.claims()["client_id"], "app");
    assert_eq!(answer.json()["token_type"], "Bearer");
    let log = answer.log();
    assert_eq!(log["client_kid"], json!(kid(CLIENT_KEY)));
    assert_eq!(
        (&log["client_id"], &log["outcome"]),
        (&json!("app"), &json!("issued"))
    );
    assert_eq!(log.get("secret_id"), None);
    // Neither the assertion nor what would make another one of it.
    let text = good().text();
    for part in text.split('.') {
        assert!(!log.to_string().contains(part), "{log}");
    }
}

#[test]
fn a_clock_may_be_30_seconds_ahead_or_8_behind_and_an_assertion_may_live_300() {
    let fixture = two_realms();
    let rows = [
        ("exp 7 s ago", good().claim("exp", NOW - 7)),
        ("exp 330 s ahead", good().claim("exp", NOW + 330)),
        ("exp with a fraction", good().claim("exp", NOW as f64 - 6.1)),
        ("nbf 30 s ahead", good().claim("nbf", NOW + 30)),
        ("iat 30 s ahead", good().claim("iat", NOW + 30)),
        ("iat long ago", good().claim("iat", 0)),
        (
            "nbf with a fraction",
            good().claim("nbf", NOW as f64 + 30.9),
        ),
    ];
    for (at, (name, assertion)) in rows.into_iter().enumerate() {
        let answer = fixture.assert_by(&assertion.claim("jti", format!("j{at}")));
        assert_eq!(answer.status(), 200, "{name}: {}", answer.reason());
    }
}

#[test]
fn what_a_header_and_claims_may_have_besides_changes_nothing() {
    let fixture = two_realms();
    fixture.register_keys("two", &[CLIENT_KEY, 22]);
    fixture.register("unnamed", |client| {
        let mut keys = jwks(&[CLIENT_KEY]);
        keys["keys"][0].as_object_mut().unwrap().remove("kid");
        by_assertion(client, keys);
    });
    let unnamed = Signed::assertion("unnamed");
    let second = Signed::assertion("two")
        .header("kid", kid(22))
        .signed_by(22);
    let rows = [
        ("no kid of a single key", good().without("kid"), CLIENT_KEY),
        (
            "no kid of a key without a name",
            unnamed.clone().without("kid"),
            CLIENT_KEY,
        ),
        (
            "the thumbprint of a key without a name",
            unnamed,
            CLIENT_KEY,
        ),
        ("the second of two keys", second, 22),
        ("typ JWT", good().header("typ", "JWT"), CLIENT_KEY),
        ("typ jwt", good().header("typ", "jwt"), CLIENT_KEY),
        (
            "its own typ",
            good().header("typ", "client-authentication+jwt"),
            CLIENT_KEY,
        ),
        // RFC 7515 §4: what is not understood and not critical is ignored, RFC 7797's `b64` too.
        (
            "a header of its own",
            good().header("cty", "x").header("b64", false),
            CLIENT_KEY,
        ),
        (
            "a claim of its own",
            good().claim("role", json!({ "a": [1] })),
            CLIENT_KEY,
        ),
    ];
    for (at, (name, assertion, key)) in rows.into_iter().enumerate() {
        // The longest that a jti may be.
        let assertion = assertion.claim("jti", format!("{at:j>255}"));
        let answer = fixture.assert_by(&assertion);
        assert_eq!(answer.status(), 200, "{name}: {}", answer.reason());
        assert_eq!(answer.log()["client_kid"], json!(kid(key)), "{name}");
    }
}

/// p256 takes S as great as it comes, as FIPS 186-5 has it. So a signature has a twin that anybody
/// can make, and `jti`, not the signature, is what is good once.
#[test]
fn a_signature_has_a_twin_and_only_one_of_the_two_is_of_use() {
    let fixture = two_realms();
    let (text, twin) = (good().text(), good().with_signature(twin));
    assert_ne!(text, twin);
    assert_eq!(fixture.assert_in("/token", &presented(&twin)).status(), 200);
    let replay = fixture.assert_in("/token", &presented(&text));
    assert_eq!(replay.error(), (401, "invalid_client".into()));
}

#[test]
fn the_token_endpoint_is_an_audience_where_the_realm_says_so() {
    let realm = json!({ "issuer": ISSUER, "assertion_audience_may_be_token_endpoint": true });
    let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
    fixture.register_keys("app", &[CLIENT_KEY]);
    for (name, audience, status) in [
        ("issuer", ISSUER, 200),
        (
            "token endpoint",
            "https://auth.example/realms/default/token",
            200,
        ),
        ("its other path", "https://auth.example/token", 200),
        (
            "another endpoint",
            "https://auth.example/realms/default/jwks",
            401,
        ),
        ("with a query", "https://auth.example/token?x", 401),
        ("at another host", "https://auth.example.evil/token", 401),
        ("by http", "http://auth.example/token", 401),
        (
            "of another realm",
            "https://auth.example/realms/other/token",
            401,
        ),
    ] {
        let answer = fixture.assert_by(&good().claim("aud", audience).claim("jti", name));
        assert_eq!(answer.status(), status, "{name}: {}", answer.reason());
    }
}

#[test]
fn an_assertion_is_the_only_authentication_and_says_who() {
    let fixture = two_realms();
    let assertion = presented(&good().text());
    let authorization = basic("app", SECRET);
    let several = "more than one client authentication";
    for (name, authorization, more, reason) in [
        (
            "another client_id",
            "",
            "&client_id=other",
            "two different client ids",
        ),
        (
            "the id in upper case",
            "",
            "&client_id=APP",
            "two different client ids",
        ),
        ("Basic too", &*authorization, "", several),
        ("another scheme too", "Bearer x", "", several),
        (
            "a secret too",
            "",
            "&client_id=app&client_secret=x",
            several,
        ),
        (
            "a secret without an id too",
            "",
            "&client_secret=x",
            several,
        ),
    ] {
        let answer = fixture.token_as(authorization, &format!("{GRANT}{assertion}{more}"));
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
        assert_eq!(answer.reason(), reason, "{name}");
    }
    assert_eq!(fixture.store.acts(), 0);
    let answer = fixture.assert_in("/token", &format!("{assertion}&client_id=app"));
    assert_eq!(answer.status(), 200, "{}", answer.reason());
}

#[test]
fn a_jti_is_its_clients_and_its_realms_and_free_again_when_its_assertion_is_over() {
    let mut fixture = two_realms();
    fixture.register_keys("other", &[CLIENT_KEY]);
    let elsewhere = good().claim("aud", OTHER_ISSUER);
    let elsewhere = presented(&elsewhere.text());
    assert_eq!(fixture.assert_by(&good()).status(), 200);
    assert_eq!(fixture.assert_by(&Signed::assertion("other")).status(), 200);
    assert_eq!(
        fixture
            .assert_in("/realms/other/token", &elsewhere)
            .status(),
        200
    );
    assert_eq!(
        fixture
            .assert_in("/realms/other/token", &elsewhere)
            .status(),
        401
    );
    // It was good until NOW + 60, by a clock that is 8 s behind, and is remembered for a minute
    // more.
    for (seconds, status) in [(127, 401), (128, 200), (129, 401)] {
        fixture.now = UnixTime::from_seconds(NOW + seconds);
        let again = fixture.assert_by(&good().claim("exp", NOW + seconds + 60));
        assert_eq!(
            again.status(),
            status,
            "{seconds} s later: {}",
            again.reason()
        );
    }
}

#[test]
fn a_jti_that_cannot_be_remembered_is_a_503_and_can_be_tried_again() {
    let fixture = two_realms();
    for failure in [
        StoreError::Timeout,
        StoreError::Unavailable {
            detail: "overloaded".into(),
        },
    ] {
        let reason = failure.to_string();
        fixture.store.fail_acts(Some(failure));
        let answer = fixture.assert_by(&good());
        assert_eq!(answer.error(), (503, "temporarily_unavailable".into()));
        assert_eq!(
            (answer.reason(), answer.header("retry-after")),
            (reason, Some("5"))
        );
        // What is no good is not remembered, so that it can be refused.
        assert_eq!(fixture.assert_by(&good().signed_by(22)).status(), 401);
    }
    fixture.store.fail_acts(None);
    assert_eq!(fixture.assert_by(&good()).status(), 200);
}

#[test]
fn records_whose_keys_cannot_be_used_are_a_503_that_says_why() {
    let fixture = two_realms();
    let keys = |keys: Value| json!({ "keys": keys });
    let with = |member: &str, value: Value| {
        let mut jwk = public_jwk(CLIENT_KEY);
        jwk[member] = value;
        keys(json!([jwk]))
    };
    let private = serde_json::to_value(key(CLIENT_KEY, 0, 1).to_private_jwk()).unwrap();
    let rsa = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "rsa" });
    let number = "1 to 10 keys for ES256 must be in it";
    let is_private = "key 1: it is a private key";
    let point = "key 1: members `x` and `y` must be a point of P-256";
    let other = public_jwk(22);
    for (name, jwks, reason) in [
        ("no jwks", Value::Null, number),
        ("a text", json!("x"), "not a JSON object"),
        ("no keys", json!({}), "member `keys` is missing"),
        ("an empty list", keys(json!([])), number),
        ("RSA alone", keys(json!([rsa])), number),
        (
            "11 keys",
            jwks(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
            number,
        ),
        ("for encryption", with("use", json!("enc")), number),
        ("another alg", with("alg", json!("ES384")), number),
        ("a private key", keys(json!([private])), is_private),
        (
            "a private RSA key",
            keys(json!([{ "kty": "RSA", "d": "AQAB" }])),
            is_private,
        ),
        (
            "a shared key",
            keys(json!([{ "kty": "oct", "k": "AQAB" }])),
            is_private,
        ),
        (
            "a point off the curve",
            with("y", other["y"].clone()),
            point,
        ),
        ("a padded coordinate", with("x", json!("AQAB=")), point),
        (
            "a coordinate of 31 octets",
            with("x", json!("A".repeat(42))),
            point,
        ),
        (
            "no y",
            with("y", Value::Null),
            "key 1: member `y` is missing",
        ),
    ] {
        fixture.register("app", |client| by_assertion(client, jwks));
        let answer = fixture.assert_by(&good());
        assert_eq!(
            answer.error(),
            (503, "temporarily_unavailable".into()),
            "{name}"
        );
        let reason =
            format!("unusable record at key `client/default/app`: member `jwks`: {reason}");
        assert!(
            answer.reason().starts_with(&reason),
            "{name}: {}",
            answer.reason()
        );
    }
    assert_eq!(fixture.store.acts(), 0);
}

#[test]
fn keys_of_other_kinds_beside_one_of_ours_are_left_out() {
    let fixture = two_realms();
    let keys = json!([
        { "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": kid(CLIENT_KEY) },
        { "kty": "EC", "crv": "P-384", "x": "AQAB", "y": "AQAB" },
        { "kty": "OKP", "crv": "Ed25519", "x": "AQAB" },
        { "kty": "of tomorrow" },
        public_jwk(CLIENT_KEY),
    ]);
    fixture.register("app", |client| {
        by_assertion(client, json!({ "keys": keys }))
    });
    assert_eq!(fixture.assert_by(&good()).status(), 200);
    assert_eq!(
        fixture
            .assert_by(&good().without("kid").claim("jti", "a2"))
            .status(),
        200
    );
}

#[test]
fn ten_keys_are_not_too_many() {
    let fixture = two_realms();
    fixture.register_keys("app", &[1, 2, 3, 4, 5, 6, 7, 8, 9, CLIENT_KEY]);
    assert_eq!(fixture.assert_by(&good()).status(), 200);
}
