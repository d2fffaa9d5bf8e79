//! JWK Sets of others (RFC 7517 §5): what cannot be used of them is ignored and told in the log,
//! and spoils nothing beside it. So is an `aud` of one in an array (RFC 7519 §4.1.3) an `aud` of
//! one.

use super::super::signed::*;
use super::super::trusted_issuers::*;
use super::super::*;

const URL: &str = "https://idp.example/jwks";

/// The name under which the good key of each set is known.
const KID: &str = "good";

fn good() -> Value {
    let mut jwk = public_jwk(IDP_KEY);
    jwk["kid"] = KID.into();
    jwk
}

/// The good key with other members.
fn with(members: Value) -> Value {
    let mut jwk = good();
    let jwk_members = jwk.as_object_mut().unwrap();
    jwk_members.extend(members.as_object().unwrap().clone());
    jwk
}

/// Keys that cannot be used, as JSON texts, and what the log says of each.
fn unusable() -> Vec<(String, &'static str)> {
    let point = "members `x` and `y` must be a point of P-256 in base64url without padding";
    let (other, private) = ("not for verifying ES256", "it is a private key");
    let x = good()["x"].as_str().unwrap().to_owned();
    let y = good()["y"].as_str().unwrap().to_owned();
    let rows = [
        (with(json!({ "x": "AAAA" })), point),
        (with(json!({ "x": format!("{x}=") })), point),
        (with(json!({ "y": x })), point),
        (with(json!({ "x": y })), point),
        (with(json!({ "x": "" })), point),
        (with(json!({ "x": "A".repeat(43) })), point),
        (with(json!({ "y": null })), "member `y` is missing"),
        (with(json!({ "x": 1 })), "member `x` must be 32 octets"),
        (with(json!({ "kty": 1 })), "member `kty` must be"),
        (with(json!({ "kid": 1 })), "member `kid` must be"),
        (with(json!({ "kid": "" })), "member `kid` must be"),
        (with(json!({ "alg": ["ES256"] })), "member `alg` must be"),
        (with(json!({ "use": {} })), "member `use` must be"),
        (
            with(json!({ "key_ops": "verify" })),
            "member `key_ops` must be",
        ),
        (with(json!({ "key_ops": [1] })), "member `key_ops` must be"),
        (with(json!({ "key_ops": ["sign"] })), other),
        (with(json!({ "key_ops": [] })), other),
        (with(json!({ "use": "enc" })), other),
        (with(json!({ "alg": "ES384" })), other),
        (with(json!({ "crv": "P-384" })), other),
        (with(json!({ "crv": "p-256" })), other),
        (with(json!({ "kty": "OKP", "crv": "Ed25519" })), other),
        (
            json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": KID }),
            other,
        ),
        (json!({ "kty": "of tomorrow" }), other),
        (json!({}), other),
        (with(json!({ "d": "AQAB" })), private),
        (with(json!({ "d": 1 })), private),
        (json!({ "kty": "oct", "k": "AQAB" }), private),
        (json!({ "kty": "RSA", "n": "AQAB", "p": "AQAB" }), private),
    ];
    let mut rows = rows.map(|(key, why)| (key.to_string(), why)).to_vec();
    let no_object = "not a JSON object without repeated members";
    let texts = ["null", "1", "true", "\"key\"", "[]", "[{}]"];
    rows.extend(texts.map(|text| (text.to_owned(), no_object)));
    // A name twice: which of the two counts is a guess.
    let doubled = good().to_string().replacen('{', "{\"kid\":\"x\",", 1);
    let nested = with(json!({ "ext": 0 })).to_string();
    let nested = nested.replace("\"ext\":0", r#""ext":{"a":1,"a":2}"#);
    rows.extend([(doubled, no_object), (nested, no_object)]);
    // Nothing that a parser could fall over.
    rows.push(("[".repeat(300) + &"]".repeat(300), no_object));
    rows
}

/// A realm whose trusted issuer publishes that text.
fn fetching(text: &str) -> Fixture {
    let issuers = json!({ "idp": { "issuer": IDP, "jwks_uri": URL } });
    let realm = json!({ "issuer": ISSUER, "trusted_issuers": issuers });
    let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
    fixture.register("app", may_present);
    fixture.store.put_at(URL.to_owned(), Ok(text.to_owned()));
    fixture.store.remember();
    fixture
}

/// A token by the good key, without a name, so that it may be used again.
fn token() -> Signed {
    by_idp().header("kid", KID).without("jti")
}

#[test]
fn what_an_issuer_publishes_beside_a_good_key_is_ignored_and_told_once() {
    for (bad, why) in unusable() {
        for (at, set) in [
            format!(r#"{{"keys":[{bad},{}]}}"#, good()),
            format!(r#"{{"keys":[{},{bad}],"keys_of":"idp","a":{{}}}}"#, good()),
        ]
        .into_iter()
        .enumerate()
        {
            let fixture = fetching(&set);
            let answer = fixture.bear(&token(), "");
            assert_eq!(answer.status(), 200, "{set}: {}", answer.reason());
            let log = answer.log();
            let told = log["ignored_keys"].as_str().unwrap_or_default();
            assert!(told.starts_with(&format!("key {}", at + 1)), "{told}");
            assert!(told.contains(why), "{set}: {told}");
            assert_eq!(log["level"], "info");
            // Only who fetched them tells of them.
            let again = fixture.bear(&token(), "");
            assert_eq!(again.status(), 200);
            assert_eq!(again.log().get("ignored_keys"), None);
            let exchanged = fixture.exchange("app", &subject(&token().text(), JWT));
            assert_eq!(exchanged.status(), 200, "{set}");
        }
    }
}

#[test]
fn with_nothing_but_unusable_keys_it_is_as_without_any() {
    for (bad, why) in unusable() {
        let answer = fetching(&format!(r#"{{"keys":[{bad}]}}"#)).bear(&token(), "");
        if why == "not for verifying ES256" {
            // That is a good set, of keys for others.
            assert_eq!(answer.error(), (400, "invalid_grant".into()), "{bad}");
            assert!(answer.log()["ignored_keys"].is_string());
        } else {
            let error = (503, "temporarily_unavailable".into());
            assert_eq!(answer.error(), error, "{bad}");
            assert!(answer.reason().contains(why), "{bad}: {}", answer.reason());
        }
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_set() {
    let set = json!({ "keys": [good()] }).to_string();
    let marked = fetching(&format!("\u{feff}{set}")).bear(&token(), "");
    assert_eq!(marked.status(), 200, "{}", marked.reason());
    for bad in [
        format!("{set}{set}"),
        format!("\u{feff}\u{feff}{set}"),
        format!("x{set}"),
    ] {
        assert_eq!(fetching(&bad).bear(&token(), "").status(), 503, "{bad}");
    }
}

#[test]
fn all_keys_of_one_name_are_tried() {
    let named = |octet| {
        let mut jwk = public_jwk(octet);
        jwk["kid"] = KID.into();
        jwk
    };
    for octets in [
        vec![40, IDP_KEY],
        vec![IDP_KEY, 40],
        vec![IDP_KEY, IDP_KEY],
        vec![40, 41, 42, 43, IDP_KEY],
    ] {
        let keys = octets.iter().map(|octet| named(*octet)).collect::<Vec<_>>();
        let fixture = fetching(&json!({ "keys": keys }).to_string());
        let answer = fixture.bear(&token(), "");
        assert_eq!(answer.status(), 200, "{octets:?}: {}", answer.reason());
        assert_eq!(answer.log().get("ignored_keys"), None);
        // Others are still told from them.
        let forged = fixture.bear(&token().signed_by(99), "");
        assert_eq!(forged.error(), (400, "invalid_grant".into()));
        let reason = "assertion: its signature is not the key's";
        assert_eq!(forged.reason(), reason);
        let other = fixture.bear(&token().header("kid", "other"), "");
        assert_eq!(other.status(), 400);
    }
    // So many that somebody could make us compute without end are not.
    let keys = (40..60).map(named).chain([named(IDP_KEY)]);
    let keys = keys.collect::<Vec<_>>();
    let fixture = fetching(&json!({ "keys": keys }).to_string());
    assert_eq!(fixture.bear(&token(), "").status(), 400);
}

#[test]
fn sets_in_the_configuration_are_read_the_same_way() {
    for (bad, why) in unusable() {
        // Repeated names are for the reader of the whole configuration to refuse.
        let Ok(bad) = serde_json::from_str::<Value>(&bad) else {
            continue;
        };
        if bad.get("ext").is_some() || why.starts_with("not a JSON") && bad.is_object() {
            continue;
        }
        let issuers = json!({ "idp": { "issuer": IDP, "jwks": { "keys": [bad, good()] } } });
        let realm = json!({ "issuer": ISSUER, "trusted_issuers": issuers });
        let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
        fixture.register("app", may_present);
        let answer = fixture.bear(&token(), "");
        assert_eq!(answer.status(), 200, "{bad}: {}", answer.reason());
        let told = answer.log()["ignored_keys"].to_string();
        let why = serde_json::to_string(why).unwrap();
        assert!(told.contains(why.trim_matches('"')), "{bad}: {told}");
    }
}

#[test]
fn sets_in_records_are_read_the_same_way() {
    let fixture = Fixture::new();
    for (at, (bad, why)) in unusable().into_iter().enumerate() {
        let Ok(bad) = serde_json::from_str::<Value>(&bad) else {
            continue;
        };
        if bad.get("ext").is_some() || why.starts_with("not a JSON") && bad.is_object() {
            continue;
        }
        let mut own = public_jwk(CLIENT_KEY);
        own["kid"] = KID.into();
        fixture.register("app", |client| {
            by_assertion(client, json!({ "keys": [bad, own] }));
        });
        let assertion = Signed::assertion("app").header("kid", KID);
        let assertion = assertion.claim("jti", format!("j{at}"));
        let send = |assertion: &Signed| {
            let form = presented(&assertion.text());
            fixture.token_as("", &format!("grant_type=client_credentials{form}"))
        };
        let answer = send(&assertion);
        assert_eq!(answer.status(), 200, "{bad}: {}", answer.reason());
        // Also when it is an ignored key that somebody would have needed.
        for answer in [answer, send(&assertion.header("kid", "other"))] {
            let told = answer.log()["ignored_keys"].to_string();
            let why = serde_json::to_string(why).unwrap();
            assert!(told.contains(why.trim_matches('"')), "{bad}: {told}");
        }
    }
}

#[test]
fn an_audience_of_one_may_be_an_array_of_one() {
    let fixture = Fixture::trusting();
    fixture.register("signer", |client| by_assertion(client, jwks(&[CLIENT_KEY])));
    for (at, (audience, is_good)) in [
        (json!(ISSUER), true),
        (json!([ISSUER]), true),
        (json!([]), false),
        (json!([ISSUER, ISSUER]), false),
        (json!([ISSUER, "https://other.example"]), false),
        (json!([[ISSUER]]), false),
        (json!([1]), false),
        (json!([null]), false),
        (json!([""]), false),
        (json!({ "0": ISSUER }), false),
        (json!(["https://other.example"]), false),
    ]
    .into_iter()
    .enumerate()
    {
        let jti = format!("a{at}");
        let own = Signed::assertion("signer").claim("aud", audience.clone());
        let form = presented(&own.claim("jti", jti.clone()).text());
        let foreign = by_idp().claim("aud", audience.clone()).claim("jti", jti);
        for (answer, error) in [
            (
                fixture.token_as("", &format!("grant_type=client_credentials{form}")),
                (401, "invalid_client"),
            ),
            (fixture.bear(&foreign, ""), (400, "invalid_grant")),
            (
                fixture.exchange("app", &subject(&foreign.text(), JWT)),
                (400, "invalid_request"),
            ),
        ] {
            if is_good {
                assert_eq!(answer.status(), 200, "{audience}: {}", answer.reason());
            } else {
                let (status, word) = error;
                assert_eq!(answer.error(), (status, word.into()), "{audience}");
                let reason = "its `aud` is not the issuer alone";
                assert!(answer.reason().ends_with(reason), "{}", answer.reason());
            }
        }
    }
}
