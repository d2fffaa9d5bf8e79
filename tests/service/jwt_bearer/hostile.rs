//! Assertions that grant nothing, and requests that may not use one (RFC 7523 §3.1). Each differs
//! from a good one in one thing.

use std::collections::HashSet;

use edge_token::auth_method::AuthMethod;
use p256::ecdsa::Signature;

use super::super::trusted_issuers::hostile::{
    self, MALFORMED, REPLAYED, Row, TOKEN_TYPE, because, texts_because,
};
use super::*;

/// A request: its name, the client's authentication, its form, status and error, and why.
type Refused<'a> = (&'a str, String, String, (u16, &'a str), &'a str);

/// What only this grant refuses.
fn own_rows() -> Vec<Row> {
    let too_long = |at: u64| format!("expires at {at}, more than 3600 s ahead of {NOW}");
    let until = |name, at: u64| because(&too_long(at), [(name, by_idp().claim("exp", at))]);
    let used = named("used");
    let twin = used.with_signature(|signature: Signature| {
        let (r, s) = signature.split_scalars();
        Signature::from_scalars(*r, -*s)
            .unwrap()
            .to_bytes()
            .to_vec()
    });
    let own = Signed::access_token("app");
    let rows = [
        until("exp an hour and 31 s ahead", NOW + 3631),
        until("exp in a year", NOW + 31_536_000),
        until("exp at the end of time", u64::MAX),
        because(
            TOKEN_TYPE,
            [
                (
                    "an access token of the issuer",
                    by_idp().header("typ", "at+jwt"),
                ),
                ("an access token of the realm", own.clone()),
            ],
        ),
        because(
            hostile::ISSUED_BY,
            [
                (
                    "a token of the realm without its typ",
                    own.clone().without("typ"),
                ),
                (
                    "a client assertion",
                    Signed::assertion("app").signed_by(CLIENT_KEY),
                ),
            ],
        ),
        because(
            MALFORMED,
            [("a kid that is a list", by_idp().header("kid", json!([])))],
        ),
        because(
            REPLAYED,
            [
                ("the same again", used.clone()),
                (
                    "the same jti, signed by the other key",
                    used.clone()
                        .header("kid", kid(IDP_OTHER_KEY))
                        .signed_by(IDP_OTHER_KEY),
                ),
                (
                    "the same jti, about another",
                    used.clone().claim("sub", "eve"),
                ),
                ("the same jti, until later", used.claim("exp", NOW + 3600)),
            ],
        ),
        texts_because(REPLAYED, [("the other signature of the same", twin)]),
    ];
    rows.into_iter().flatten().collect()
}

#[test]
fn hostile_assertions_are_refused_each_for_its_reason() {
    let fixture = Fixture::trusting();
    assert_eq!(fixture.bear(&named("used"), "").status(), 200);
    let mut rows = hostile::rows();
    rows.extend(own_rows());
    let expected = fixture.bear_text("x", "").response;
    assert_eq!(expected.status, 400);
    for (name, assertion, reason) in &rows {
        let acts = fixture.store.acts();
        let answer = fixture.bear_text(assertion, "");
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{name}");
        assert_eq!(answer.response, expected, "{name}");
        let log = answer.log();
        assert_eq!(log["reason"], format!("assertion: {reason}"), "{name}");
        assert_eq!(
            (&log["outcome"], log.get("jti"), log.get("sub")),
            (&json!("rejected"), None, None),
            "{name}"
        );
        // Only what is good in all else is worth a mark.
        let is_replay = reason == REPLAYED;
        assert_eq!(
            fixture.store.acts() - acts,
            usize::from(is_replay),
            "{name}"
        );
    }
    let names = rows.iter().map(|(name, ..)| name).collect::<HashSet<_>>();
    assert_eq!(names.len(), rows.len(), "a name stands twice");
    // Nothing of that was in the way of the good one.
    assert_eq!(fixture.bear(&by_idp(), "").status(), 200);
    println!(
        "{} hostile assertions granted nothing, each for its reason",
        rows.len()
    );
    assert!(rows.len() >= 100);
}

#[test]
fn requests_that_may_not_use_an_assertion_are_refused_each_for_its_reason() {
    let fixture = Fixture::trusting_with(json!({ "scopes": "read write admin" }));
    fixture.register("public", |client| {
        may_present(client);
        client.secrets.clear();
        client.token_endpoint_auth_method = AuthMethod::None;
    });
    fixture.register("unregistered", |client| {
        may_present(client);
        client.grant_types = vec![EXCHANGE.into(), "client_credentials".into()];
    });
    fixture.register("alone", |client| {
        may_present(client);
        client.trusted_issuers.clear();
    });
    fixture.register("of-others", |client| {
        may_present(client);
        client.trusted_issuers = vec!["partner".into(), "IDP".into(), "nobody".into()];
    });
    fixture.register("disabled", |client| {
        may_present(client);
        client.disabled = true;
    });
    let good = format!("&assertion={}", by_idp().text());
    let partner = format!("&assertion={}", by(PARTNER, PARTNER_KEY).text());
    let (app, issued_by) = (
        basic("app", SECRET),
        format!("assertion: {}", hostile::ISSUED_BY),
    );
    let excess = "scope exceeds the client's";
    let unregistered = "grant not registered for the client";
    let missing = "The parameter assertion is missing.";
    let rows: Vec<Refused<'_>> = vec![
        (
            "no assertion",
            app.clone(),
            String::new(),
            (400, "invalid_request"),
            missing,
        ),
        (
            "an empty assertion",
            app.clone(),
            "&assertion=".into(),
            (400, "invalid_request"),
            missing,
        ),
        (
            "an assertion by another name",
            app.clone(),
            good.replace("assertion", "jwt"),
            (400, "invalid_request"),
            missing,
        ),
        (
            "a subject_token in its place",
            app.clone(),
            good.replace("assertion", "subject_token"),
            (400, "invalid_request"),
            missing,
        ),
        (
            "two assertions",
            app.clone(),
            format!("{good}{good}"),
            (400, "invalid_request"),
            "malformed form: a parameter stands twice",
        ),
        (
            "an authentication twice",
            app.clone(),
            format!("{good}{}", presented(&by_idp().text())),
            (400, "invalid_request"),
            "more than one client authentication",
        ),
        (
            "a scope that is malformed",
            app.clone(),
            format!("{good}&scope=a++b"),
            (400, "invalid_scope"),
            "malformed scope",
        ),
        (
            "a scope beyond the client's",
            app.clone(),
            format!("{good}&scope=read+admin"),
            (400, "invalid_scope"),
            excess,
        ),
        (
            "a scope beyond the realm's",
            app.clone(),
            format!("{good}&scope=other"),
            (400, "invalid_scope"),
            excess,
        ),
        (
            "a scope beyond the issuer's",
            app.clone(),
            format!("{partner}&scope=write"),
            (400, "invalid_scope"),
            excess,
        ),
        (
            "a resource of nobody",
            app.clone(),
            format!("{good}&resource=https://x.example"),
            (400, "invalid_target"),
            "unknown target",
        ),
        (
            "an audience beside a good one",
            app.clone(),
            format!("{good}&resource={ISSUER}&audience=x"),
            (400, "invalid_target"),
            "unknown target",
        ),
        (
            "a wrong secret",
            basic("app", "x"),
            good.clone(),
            (401, "invalid_client"),
            "wrong secret",
        ),
        (
            "no client",
            String::new(),
            good.clone(),
            (401, "invalid_client"),
            "no client authentication",
        ),
        (
            "an id without a secret",
            String::new(),
            format!("{good}&client_id=app"),
            (401, "invalid_client"),
            "not the registered authentication method",
        ),
        (
            "a client that does not exist",
            basic("x", SECRET),
            good.clone(),
            (401, "invalid_client"),
            "unknown client",
        ),
        (
            "a client that is disabled",
            basic("disabled", SECRET),
            good.clone(),
            (401, "invalid_client"),
            "client disabled",
        ),
        (
            "a public client",
            String::new(),
            format!("{good}&client_id=public"),
            (400, "unauthorized_client"),
            unregistered,
        ),
        (
            "a client without the grant",
            basic("unregistered", SECRET),
            good.clone(),
            (400, "unauthorized_client"),
            unregistered,
        ),
        (
            "a client of no issuer",
            basic("alone", SECRET),
            good.clone(),
            (400, "invalid_grant"),
            &issued_by,
        ),
        (
            "a client of other issuers",
            basic("of-others", SECRET),
            good.clone(),
            (400, "invalid_grant"),
            &issued_by,
        ),
    ];
    for (name, authorization, form, (status, error), reason) in &rows {
        let body = format!("grant_type={JWT_BEARER}{form}");
        let answer = fixture.token_as(authorization, &body);
        assert_eq!(answer.error(), (*status, (*error).to_owned()), "{name}");
        let log = answer.log();
        assert_eq!(&log["reason"], reason, "{name}");
        assert_eq!(
            (&log["outcome"], log.get("jti")),
            (&json!("rejected"), None),
            "{name}"
        );
        assert_eq!(answer.json().get("access_token"), None, "{name}");
    }
    assert_eq!(fixture.store.acts(), 0);
    for (name, grant_type) in [
        ("in upper case", JWT_BEARER.to_uppercase()),
        ("its last part", "jwt-bearer".to_owned()),
        ("of client assertions", ASSERTION_TYPE.to_owned()),
        ("of SAML", JWT_BEARER.replace("jwt", "saml2")),
    ] {
        let answer = fixture.token_as(&app, &format!("grant_type={grant_type}{good}"));
        assert_eq!(
            answer.error(),
            (400, "unsupported_grant_type".into()),
            "{name}"
        );
    }
    assert_eq!(fixture.store.acts(), 0);
    assert_eq!(fixture.bear(&by_idp(), "").status(), 200);
    println!("{} requests refused, each for its reason", rows.len());
}
