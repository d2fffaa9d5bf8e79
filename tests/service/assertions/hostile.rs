//! Assertions that authenticate nobody, and attempts to pass for what one is not. Each differs from
//! a good one in one thing.

mod claims;
mod form;

use std::collections::HashSet;

use super::*;

/// An attempt: its name, how it is sent, and why it fails.
struct Row {
    name: &'static str,
    authorization: String,
    form: String,
    reason: String,
}

/// Assertions that fail for one reason.
fn because<const N: usize>(reason: &str, assertions: [(&'static str, String); N]) -> Vec<Row> {
    refused(&format!("assertion: {reason}"), assertions)
}

/// Those that fail for a reason that other ways to authenticate have too.
fn refused<const N: usize>(reason: &str, assertions: [(&'static str, String); N]) -> Vec<Row> {
    let rows = assertions.into_iter().map(|(name, assertion)| Row {
        name,
        authorization: String::new(),
        form: presented(&assertion),
        reason: reason.to_owned(),
    });
    rows.collect()
}

const MALFORMED: &str = "not a signed token in the compact form";
const ALGORITHM: &str = "its algorithm is not ES256";
const SIGNATURE: &str = "its signature is not the key's";
const UNKNOWN_KEY: &str = "its `kid` names none of the signer's keys";
const TOKEN_TYPE: &str = "its `typ` is another token's";
const SUBJECT: &str = "its `iss` and `sub` are not both the client";
const AUDIENCE: &str = "its `aud` is not the issuer alone";
const REPLAYED: &str = "its `jti` was used before";
const NO_ASSERTION: &str = "not an assertion of type jwt-bearer";

#[test]
fn hostile_assertions_are_refused_like_an_unknown_client_each_for_its_reason() {
    let fixture = two_realms();
    fixture.register_keys("other", &[22]);
    fixture.register_keys("two", &[CLIENT_KEY, 22]);
    fixture.register("basic", |client| client.jwks = Some(jwks(&[CLIENT_KEY])));
    fixture.register("disabled", |client| {
        by_assertion(client, jwks(&[CLIENT_KEY]));
        client.disabled = true;
    });
    // What a replay replays.
    assert_eq!(
        fixture.assert_by(&good().claim("jti", "used")).status(),
        200
    );

    let rows = [
        form::signatures(),
        form::encodings(),
        form::headers(),
        claims::of_whom(),
        claims::of_when(),
        claims::replays(),
        claims::other_tokens(&fixture),
        claims::other_ways(),
    ];
    let rows = rows.into_iter().flatten().collect::<Vec<_>>();
    let expected = fixture.token_as(&basic("nobody", "wrong"), GRANT).response;
    assert_eq!(expected.status, 401);
    assert!(expected.body.contains("\"invalid_client\""));
    for row in &rows {
        let acts = fixture.store.acts();
        let answer = fixture.token_as(&row.authorization, &format!("{GRANT}{}", row.form));
        assert_eq!(answer.response, expected, "{}", row.name);
        let log = answer.log();
        assert_eq!(log["reason"], row.reason, "{}", row.name);
        assert_eq!(
            (&log["outcome"], log.get("jti")),
            (&json!("rejected"), None),
            "{}",
            row.name
        );
        // Only what is good in all else is worth a mark.
        let is_replay = row.reason.ends_with(REPLAYED);
        assert_eq!(
            fixture.store.acts() - acts,
            usize::from(is_replay),
            "{}",
            row.name
        );
    }
    let names = rows.iter().map(|row| row.name).collect::<HashSet<_>>();
    assert_eq!(names.len(), rows.len(), "a name stands twice");
    // Nothing of that was in the way of the good one.
    assert_eq!(fixture.assert_by(&good()).status(), 200);
    println!(
        "{} hostile assertions refused, each for its reason",
        rows.len()
    );
    assert!(rows.len() >= 45);
}
