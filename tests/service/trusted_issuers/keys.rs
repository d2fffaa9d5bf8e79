//! Keys at a URL: fetched once and kept, fetched again for a key that is new, and never a grant when
//! they cannot be had.

use super::*;

const URL: &str = "https://idp.example/jwks";

/// A realm whose only trusted issuer has its keys at [`URL`], where that is.
fn fetching(published: Result<String, StoreError>) -> Fixture {
    let issuers = json!({ "idp": { "issuer": IDP, "jwks_uri": URL } });
    let realm = json!({ "issuer": ISSUER, "trusted_issuers": issuers });
    let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
    fixture.register("app", may_present);
    fixture.publish(published);
    fixture.store.remember();
    fixture
}

fn set(octets: &[u8]) -> Result<String, StoreError> {
    Ok(jwks(octets).to_string())
}

/// A token without a name, so that it may be used again, good at a moment.
fn nameless(octet: u8, seconds: u64) -> Signed {
    by(IDP, octet)
        .without("jti")
        .claim("exp", NOW + seconds + 60)
}

impl Fixture {
    fn publish(&self, set: Result<String, StoreError>) {
        self.store.put_at(URL.to_owned(), set);
    }

    /// What becomes of a JWT bearer request then, with a token by a key, and how often the keys were
    /// fetched for it.
    fn bear_then(&mut self, seconds: u64, octet: u8) -> (u16, usize) {
        self.at(seconds);
        let before = self.store.reads_at(URL);
        let answer = self.bear(&nameless(octet, seconds), "");
        if answer.status() == 400 {
            assert_eq!(answer.error().1, "invalid_grant");
            let reason = format!("assertion: {}", hostile::UNKNOWN_KEY);
            assert_eq!(answer.reason(), reason);
        }
        (answer.status(), self.store.reads_at(URL) - before)
    }
}

#[test]
fn keys_are_fetched_once_and_kept_for_300_seconds() {
    let mut fixture = fetching(set(&[IDP_KEY]));
    for (seconds, expected) in [
        (0, (200, 1)),
        (0, (200, 0)),
        (1, (200, 0)),
        (299, (200, 0)),
        (300, (200, 1)),
        (301, (200, 0)),
        (599, (200, 0)),
        (600, (200, 1)),
        // A clock that was set back: a copy from the future is none.
        (500, (200, 1)),
    ] {
        assert_eq!(fixture.bear_then(seconds, IDP_KEY), expected, "{seconds}");
    }
}

#[test]
fn both_grants_share_a_copy() {
    let fixture = fetching(set(&[IDP_KEY]));
    let before = fixture.store.reads_at(URL);
    assert_eq!(fixture.bear(&nameless(IDP_KEY, 0), "").status(), 200);
    let form = subject(&nameless(IDP_KEY, 0).text(), JWT);
    let answer = fixture.exchange("app", &form);
    assert_eq!(answer.status(), 200, "{}", answer.reason());
    assert_eq!(fixture.store.reads_at(URL) - before, 1);
}

#[test]
fn a_key_that_is_unknown_is_fetched_again_once_the_copy_is_30_seconds_old() {
    let mut fixture = fetching(set(&[IDP_KEY]));
    for (seconds, expected) in [
        // Made-up names are not as many requests.
        (0, (400, 1)),
        (0, (400, 0)),
        (29, (400, 0)),
        (30, (400, 1)),
        (59, (400, 0)),
        (60, (400, 1)),
    ] {
        assert_eq!(fixture.bear_then(seconds, 99), expected, "{seconds}");
    }
    // A known key never has it fetched before its time.
    assert_eq!(fixture.bear_then(359, IDP_KEY), (200, 0));
}

#[test]
fn what_is_no_key_set_takes_no_good_keys_away() {
    let mut fixture = fetching(set(&[IDP_KEY]));
    assert_eq!(fixture.bear_then(0, IDP_KEY), (200, 1));
    fixture.publish(Ok("<html>".to_owned()));
    assert_eq!(fixture.bear_then(31, 99), (503, 1));
    // Nor is it asked again at once.
    assert_eq!(fixture.bear_then(35, 99), (503, 0));
    assert_eq!(fixture.bear_then(36, 99), (503, 1));
    assert_eq!(fixture.bear_then(37, IDP_KEY), (200, 0));
    assert_eq!(fixture.bear_then(300, IDP_KEY), (503, 1));
}

#[test]
fn an_issuer_can_rotate_its_keys() {
    let mut fixture = fetching(set(&[IDP_KEY]));
    assert_eq!(fixture.bear_then(0, IDP_KEY), (200, 1));
    fixture.publish(set(&[IDP_KEY, IDP_OTHER_KEY]));
    // The new one is known when it is first used, but for the 30 seconds.
    assert_eq!(fixture.bear_then(29, IDP_OTHER_KEY), (400, 0));
    assert_eq!(fixture.bear_then(30, IDP_OTHER_KEY), (200, 1));
    assert_eq!(fixture.bear_then(31, IDP_KEY), (200, 0));
    fixture.publish(set(&[IDP_OTHER_KEY]));
    // The old one is good for as long as a copy has it, and not longer.
    assert_eq!(fixture.bear_then(329, IDP_KEY), (200, 0));
    assert_eq!(fixture.bear_then(330, IDP_KEY), (400, 1));
    assert_eq!(fixture.bear_then(330, IDP_OTHER_KEY), (200, 0));
}

#[test]
fn no_other_signature_has_the_keys_fetched_again() {
    let mut fixture = fetching(set(&[IDP_KEY]));
    assert_eq!(fixture.bear_then(0, IDP_KEY), (200, 1));
    fixture.at(100);
    let before = fixture.store.reads();
    let forged = nameless(IDP_KEY, 100).signed_by(99);
    let answer = fixture.bear(&forged, "");
    assert_eq!(answer.error(), (400, "invalid_grant".into()));
    assert_eq!(
        answer.reason(),
        format!("assertion: {}", hostile::SIGNATURE)
    );
    assert_eq!(fixture.store.reads() - before, 1);
}

#[test]
fn keys_are_fetched_of_issuers_that_the_client_presents_alone() {
    let fixture = fetching(set(&[IDP_KEY]));
    fixture.register("app", |client| {
        may_present(client);
        client.trusted_issuers.clear();
    });
    let before = fixture.store.reads();
    let answer = fixture.bear(&nameless(IDP_KEY, 0), "");
    assert_eq!(
        answer.reason(),
        format!("assertion: {}", hostile::ISSUED_BY)
    );
    for form in ["x", "x.y.z"] {
        assert_eq!(fixture.bear_text(form, "").status(), 400);
    }
    // The record, once.
    assert_eq!(fixture.store.reads() - before, 1);
}

#[test]
fn keys_that_cannot_be_fetched_are_a_503_and_never_a_grant() {
    let unusable = |reason: &str| format!("unusable JWK Set at {URL}: {reason}");
    let text = |text: &str| Ok(text.to_owned());
    let private = serde_json::to_value(key(IDP_KEY, 0, 1).to_private_jwk()).unwrap();
    let private = json!({ "keys": [private] });
    let failed = StoreError::Unavailable {
        detail: "status 500".into(),
    };
    for (name, published, reason) in [
        (
            "a timeout",
            Err(StoreError::Timeout),
            StoreError::Timeout.to_string(),
        ),
        ("a failure", Err(failed.clone()), failed.to_string()),
        ("nothing", text(""), unusable("not a JSON object")),
        ("a page", text("<html>"), unusable("not a JSON object")),
        ("a list", text("[]"), unusable("not a JSON object")),
        ("no keys", text("{}"), unusable("member `keys` is missing")),
        (
            "keys that are a text",
            text(r#"{"keys":"x"}"#),
            unusable("member `keys` must be an array"),
        ),
        (
            "a private key",
            Ok(private.to_string()),
            unusable("key 1: it is a private key"),
        ),
        (
            "keys twice",
            text(r#"{"keys":[],"keys":[]}"#),
            unusable("not a JSON object"),
        ),
    ] {
        let mut fixture = fetching(published);
        let named = by(IDP, IDP_KEY);
        // Whoever comes next is told the same, without another fetch.
        let before = fixture.store.reads_at(URL);
        for answer in [
            fixture.bear(&named, ""),
            fixture.exchange("app", &subject(&named.text(), JWT)),
        ] {
            assert_eq!(fixture.store.reads_at(URL) - before, 1, "{name}");
            assert_eq!(
                answer.error(),
                (503, "temporarily_unavailable".into()),
                "{name}"
            );
            assert!(
                answer.reason().starts_with(&reason),
                "{name}: {}",
                answer.reason()
            );
            assert_eq!(answer.header("retry-after"), Some("5"), "{name}");
            assert!(matches!(answer.log, Some(Log::Error(_))), "{name}");
            assert_eq!(answer.log().get("jti"), None, "{name}");
        }
        assert_eq!(fixture.store.acts(), 0, "{name}");
        // What failed is kept for 5 s, and the token is still good.
        fixture.publish(set(&[IDP_KEY]));
        fixture.at(4);
        assert_eq!(fixture.bear(&named, "").status(), 503, "{name}");
        fixture.at(5);
        assert_eq!(fixture.bear(&named, "").status(), 200, "{name}");
    }
}

#[test]
fn a_set_without_keys_for_es256_knows_no_key() {
    for keys in [
        json!([]),
        json!([{ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": kid(IDP_KEY) }]),
    ] {
        let mut fixture = fetching(Ok(json!({ "keys": keys }).to_string()));
        assert_eq!(fixture.bear_then(0, IDP_KEY), (400, 1));
    }
}

#[test]
fn a_copy_outlives_a_failure_but_tells_nothing_of_new_keys() {
    let mut fixture = fetching(set(&[IDP_KEY]));
    assert_eq!(fixture.bear_then(0, IDP_KEY), (200, 1));
    fixture.publish(Err(StoreError::Timeout));
    assert_eq!(fixture.bear_then(100, IDP_KEY), (200, 0));
    // Whether it is new, nobody can tell now.
    assert_eq!(fixture.bear_then(100, IDP_OTHER_KEY), (503, 1));
    assert_eq!(fixture.bear_then(299, IDP_KEY), (200, 0));
    assert_eq!(fixture.bear_then(300, IDP_KEY), (503, 1));
    fixture.publish(set(&[IDP_KEY]));
    assert_eq!(fixture.bear_then(304, IDP_KEY), (503, 0));
    assert_eq!(fixture.bear_then(305, IDP_KEY), (200, 1));
}
